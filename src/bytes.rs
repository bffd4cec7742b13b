//! Bytes wherever they are: where they can be read again, how they are packed, what they hash to.
//!
//! Knows no format that they may be in: neither tars, nor documents, nor images.

pub mod skip;
pub mod sparse;
pub mod source;
pub mod compression;
pub mod gzip;
pub mod read_ahead;
pub mod decompress;
pub mod compress;
pub mod hashed;
pub mod digest;
pub mod fingerprint;
pub mod holes;
pub mod spool;
pub mod parallel;
