//! One file for each subcommand: what was asked for becomes what is done. Those that build something for a function of
//! dockerTools have its name.
//!
//! Knows neither the command line nor the environment. No command knows another.

pub mod pure_layer;
pub mod root_layer;
pub mod run_with_overlay;
pub mod build_image;
pub mod merge_images;
pub mod merge_derivations;
pub mod export_image;
pub mod pull_image;
pub mod base_json;
pub mod registration;
pub mod customisation_layer;
pub mod describe_layers;
pub mod build_layered_image;
pub mod stream_layered_image;
pub mod build_layer;
pub mod oci_layout;
pub mod image_index;
pub mod convert;
pub mod tarsum;
pub mod inspect;
pub mod verify;
