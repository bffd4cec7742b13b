//! The formats of OCI: documents as they are defined, read strictly and as Go reads them, and the names of whiteouts.
//!
//! Knows no archive, no file and no limits but its own.

pub mod strict_json;
pub mod bounded;
pub mod media_type;
pub mod platform;
pub mod descriptor;
pub mod image_config;
pub mod annotations;
pub mod manifest;
pub mod whiteout;
