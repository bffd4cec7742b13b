//! The closure of an image: its graph, its files, which of its store paths share a layer, and that layer's tar.
//!
//! Knows no image, neither one that is read nor one that is written.

pub mod graph;
pub mod files;
pub mod references;
pub mod layering;
pub mod store_layer;
