//! The root file system of a container: the layers of an image, applied one after the other to the tree that they make
//! together.
//!
//! Knows nothing of what the tree is for, and unpacks nothing by name but into directories that it made itself.

pub mod entry;
pub mod records;
pub mod error;
pub mod merged;
pub mod apply;
pub mod flatten;
pub mod tar_entries;
pub mod unpack;
