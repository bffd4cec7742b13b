//! Describes a tar before it is written: an ordered list of entries that know their size and where
//! their bytes are. The exact size follows from metadata alone; digests and bytes come from
//! running the plan into sinks ([`crate::tar::write`], [`crate::tar::tarsum::of_plan`]).

use std::path::PathBuf;
use std::sync::Arc;

use crate::bytes::source::Range;
use crate::tar::owner::Owner;
use crate::tree::SpecialKind;

/// What stdenv sets `SOURCE_DATE_EPOCH` to, and so the time of every entry: 1980-01-01, in seconds.
pub const DEFAULT_SOURCE_DATE_EPOCH: u64 = 315_532_800;

/// Whose headers a tar has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Dialect {
    /// GNU tar's own format.
    #[default]
    Gnu,
    /// The same with `--numeric-owner`: nothing has the name of an owner.
    GnuNumericOwner,
    /// The same where users have names and groups have none: nixpkgs' virtual machines have a
    /// passwd file alone.
    GnuWithoutGroups,
    /// The pax format as Python's `tarfile` writes it.
    Pax,
}

/// One tar: perhaps the entries of an existing one, then entries of its own. No two entries have one path.
#[derive(Debug, Default)]
pub struct TarPlan {
    pub dialect: Dialect,
    /// Entries of a tar that exists already, without its end marker: `tar -r` appends to them. There are several
    /// ranges if some entries are left out.
    pub prefix: Vec<Range>,
    pub entries: Vec<Entry>,
}

/// One entry as its header will describe it.
#[derive(Debug)]
pub struct Entry {
    /// As it stands in the tar; a directory's ends in `/`.
    pub name: Vec<u8>,
    pub kind: Kind,
    pub mode: u32,
    pub owner: Arc<Owner>,
    /// Seconds since 1970.
    pub mtime: u64,
    /// Extended attributes in the order of their names, which hold no `=`. GNU tar's format has no
    /// place for them, so an entry with some has pax headers.
    pub xattrs: Vec<Xattr>,
}

/// The name of an extended attribute, with its namespace (`security.capability`), and its value.
pub type Xattr = (Vec<u8>, Vec<u8>);

#[derive(Debug)]
pub enum Kind {
    Directory,
    /// `size` in bytes.
    Regular {
        size: u64,
        content: Content,
    },
    Symlink {
        target: Vec<u8>,
    },
    Special(SpecialKind),
}

/// Where the bytes of a regular file are.
#[derive(Debug)]
pub enum Content {
    Inline(Vec<u8>),
    /// The whole file.
    File(PathBuf),
    Range(Range),
    /// A tar within the tar: a layer in an image archive.
    Tar(Arc<TarPlan>),
}

impl Kind {
    /// A regular file whose content is `range`.
    #[must_use]
    pub fn of_range(range: Range) -> Self {
        Self::Regular {
            size: range.size,
            content: Content::Range(range),
        }
    }
}

impl TarPlan {}

impl Entry {
    /// Plans a regular file of `bytes`.
    #[must_use]
    pub fn inline(name: &str, bytes: Vec<u8>, mode: u32, owner: &Arc<Owner>, mtime: u64) -> Self {
        Self {
            name: name.as_bytes().to_vec(),
            kind: Kind::Regular {
                size: bytes.len() as u64,
                content: Content::Inline(bytes),
            },
            mode,
            owner: Arc::clone(owner),
            mtime,
            xattrs: Vec::new(),
        }
    }

    /// The bytes of content that follow the header.
    #[must_use]
    pub fn content_size(&self) -> u64 {
        match self.kind {
            Kind::Regular { size, .. } => size,
            _ => 0,
        }
    }
}
