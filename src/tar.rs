//! Tars: a plan of what is to be written, and what is read of others'.
//!
//! Knows neither images nor attributes, and does no I/O but through its reader and its writer.

pub mod owner;
pub mod plan;
pub mod from_tree;
pub mod header;
pub mod gnu;
pub mod pax;
pub mod dialect;
pub mod read;
pub mod names;
pub mod write;
pub mod tarsum;
