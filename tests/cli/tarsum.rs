//! tarsum
