//! Holds the files of a layer before they are written: directories, files, symlinks and special
//! files by name. Nothing is read but metadata; a file remembers where its bytes are.

pub mod follow;
pub mod scan;
pub mod hidden;
pub mod merge;
pub mod join;
pub mod materialise;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// A name within a directory: any bytes but `/` and NUL.
pub type Name = Vec<u8>;

/// One directory entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    Directory(Directory),
    Regular(Regular),
    Symlink(Symlink),
    Special(Special),
}

/// A directory. Its names are in byte order, which is the order of GNU tar's `--sort=name`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directory {
    /// Permission bits, set-id and sticky bits included.
    pub mode: u32,
    pub entries: BTreeMap<Name, Node>,
    pub origin: Origin,
}

/// A regular file whose bytes stay where they are until the tar is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Regular {
    pub mode: u32,
    /// In bytes.
    pub size: u64,
    /// Seconds since 1970, as found on disk; no layer shows it.
    pub mtime: i64,
    pub source: PathBuf,
    pub origin: Origin,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Symlink {
    pub target: Vec<u8>,
    pub origin: Origin,
}

/// A file without content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Special {
    pub mode: u32,
    pub kind: SpecialKind,
    pub origin: Origin,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SpecialKind {
    Fifo,
    CharDevice { major: u64, minor: u64 },
    BlockDevice { major: u64, minor: u64 },
}

/// Which of the merged items an entry came from, counted from 0, so that a clash can name both.
pub type Origin = usize;

impl Directory {
    /// A directory without entries.
    #[must_use]
    pub fn empty(mode: u32, origin: Origin) -> Self {
        Self {
            mode,
            entries: BTreeMap::new(),
            origin,
        }
    }
}

impl Node {
    /// Which item the entry came from.
    #[must_use]
    pub fn origin(&self) -> Origin {
        match self {
            Self::Directory(node) => node.origin,
            Self::Regular(node) => node.origin,
            Self::Symlink(node) => node.origin,
            Self::Special(node) => node.origin,
        }
    }

    /// What the entry is, in words.
    #[must_use]
    pub fn noun(&self) -> &'static str {
        match self {
            Self::Directory(_) => "a directory",
            Self::Regular(_) => "a file",
            Self::Symlink(_) => "a symlink",
            Self::Special(_) => "a special file",
        }
    }
}
