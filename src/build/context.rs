//! What a build is told that no attribute says.

use std::path::PathBuf;

use crate::console::progress::Progress;

/// What the world outside tells a build; [`cli`](crate::cli) alone looks it up.
#[derive(Debug, Clone)]
pub struct Context {
    /// How many threads may work, at least one. No output depends on it.
    pub threads: usize,
    /// The time of every entry in a layer, in seconds since 1970.
    pub source_date_epoch: u64,
    /// The working directory, which is Nix's build directory; scripts of users run in it.
    pub build_directory: PathBuf,
    /// Where files may be that nobody needs afterwards.
    pub temporary_directory: PathBuf,
    pub progress: Progress,
}
