//! What was asked for, as Nix and users write it: attributes, limits, store paths, times, numbers and variables.
//!
//! Knows nothing of what will be done, and does none of it.

pub mod limits;
pub mod store_path;
pub mod time;
pub mod ids;
pub mod variables;
pub mod attrs;
