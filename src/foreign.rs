//! What others made and we read: archives and layouts, the images in them, and their layers. Here is the boundary of
//! trust: all of it is hostile until it has been read.
//!
//! Knows nothing of closures, of what is written, or of commands.

pub mod mistaken;
pub mod archive;
pub mod blob;
pub mod images;
pub mod base;
pub mod inventory;
