//! One entry of the merged tree: what it is, and what a layer says about it.

use serde::{Deserialize, Serialize};

use crate::bytes::source::Range;
use crate::tar::plan::Xattr;
use crate::tree::SpecialKind;

/// What an entry of the tree is.
#[derive(Debug, Clone)]
pub enum MergedKind {
    Directory,
    /// A regular file with its content.
    File(Range),
    Symlink {
        target: Vec<u8>,
    },
    Special(SpecialKind),
}

/// What a layer says about an entry beside its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// Permission bits, set-id and sticky bits included. Those of a symlink mean nothing.
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    /// Seconds since 1970.
    pub mtime: u64,
    /// By name, each once.
    pub xattrs: Vec<Xattr>,
}
