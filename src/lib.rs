//! Turns Nix closures into container images, with the bytes of nixpkgs' `dockerTools`.
//!
//! The modules below are listed in the order in which data moves through them: what was asked for
//! becomes a tree of files, the tree a plan of a tar, and the plan, run into sinks, digests and
//! bytes.
//!
//! ```text
//! .attrs.json -> Attrs -> Tree -> TarPlan -> DiffId, TarSum -> config, manifest -> archive
//! ```

// What was asked for.

// Which store paths share a layer.

// How many threads work on it.

// The files of a layer.
pub mod console;
pub mod imitate;
pub mod request;
pub mod tree;

// Its bytes.
pub mod bytes;
pub mod tar;

// Images.
pub mod oci;
pub mod engines;
pub mod closure;
pub mod foreign;
pub mod build;
pub mod rootfs;
pub mod append;
pub mod keep;
pub mod members;
pub mod config;

// Layers made as root, in a virtual machine.
pub mod vm;

// What a subcommand makes.
pub mod layer;
pub mod image;
pub mod merge_images;
pub mod merge_derivations;
pub mod pull;
pub mod export;
pub mod verify;
pub mod inspect;
pub mod registration;
pub mod customisation;
pub mod description;
pub mod stream;
pub mod root_layer;
pub mod run_with_overlay;

pub mod cli;
