//! Turns Nix closures into container images, with the bytes of nixpkgs' `dockerTools`.
//!
//! The modules below are listed in the order in which data moves through them: what was asked for
//! becomes a tree of files, the tree a plan of a tar, and the plan, run into sinks, digests and
//! bytes.
//!
//! ```text
//! .attrs.json -> Attrs -> Tree -> TarPlan -> DiffId, TarSum -> config, manifest -> archive
//! ```

pub mod console;
pub mod imitate;
pub mod request;
pub mod bytes;
pub mod tree;
pub mod tar;
pub mod oci;
pub mod engines;
pub mod closure;
pub mod foreign;
pub mod build;
pub mod rootfs;
pub mod image;
pub mod vm;
pub mod commands;
pub mod cli;
