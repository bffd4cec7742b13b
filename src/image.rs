//! What is written: the documents, the layers and the archive of an image.
//!
//! Knows neither commands nor attributes, and reads nothing of others but what `foreign` has read.

pub mod config;
pub mod legacy;
pub mod docker_manifest;
pub mod docker_archive;
pub mod retain;
pub mod append;
pub mod replaced;
pub mod layer_directory;
pub mod description;
pub mod ready_layer;
pub mod streamed;
pub mod parts;
pub mod blob;
pub mod annotations;
pub mod manifest;
pub mod pack;
pub mod child;
pub mod layout;
