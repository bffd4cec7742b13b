//! Describes a tar before it is written: an ordered list of entries that know their size and where
//! their bytes are. The exact size follows from metadata alone; digests and bytes come from
//! running the plan into sinks ([`crate::tar::write`], [`crate::tarsum::of_plan`]).

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::source::Source;
use crate::tar::read::{Piece, SparseMap};
use crate::tar::{self, Dialect};
use crate::tree::{Directory, Node, SpecialKind};

/// What stdenv sets `SOURCE_DATE_EPOCH` to, and so the time of every entry: 1980-01-01, in seconds.
pub const DEFAULT_SOURCE_DATE_EPOCH: u64 = 315_532_800;

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

/// `size` bytes of content, which are in `source` from `offset` on.
#[derive(Debug, Clone)]
pub struct Range {
    pub source: Arc<Source>,
    pub offset: u64,
    pub size: u64,
    /// Where the holes of a sparse file are: only what lies between them is in `source`.
    pub sparse: Option<Arc<SparseMap>>,
}

/// Who owns an entry, by number and by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    pub uid: u64,
    pub gid: u64,
    /// Empty when the number has no name.
    pub uname: String,
    pub gname: String,
}

impl Range {
    /// Reads up to `buffer.len()` bytes from `position` of the content on; 0 at its end.
    ///
    /// # Errors
    /// As the source fails.
    pub fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        let (at, left) = match &self.sparse {
            None => (position, self.size.saturating_sub(position)),
            Some(map) => match map.piece(position) {
                Piece::Data { stored_at, left } => (stored_at, left),
                Piece::Zeros { left } => {
                    let count = left.min(buffer.len() as u64) as usize;
                    buffer[..count].fill(0);
                    return Ok(count);
                }
            },
        };
        let count = left.min(buffer.len() as u64) as usize;
        match count {
            0 => Ok(0),
            count => self.source.read_at(&mut buffer[..count], self.offset + at),
        }
    }

    /// Where in `source` its bytes end.
    #[must_use]
    pub fn stored_end(&self) -> u64 {
        let stored = self.sparse.as_ref().map(|map| map.stored());
        self.offset + stored.unwrap_or(self.size)
    }
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

impl Owner {
    /// The owner that GNU tar writes for `--owner=UID --group=GID` in Nix's build sandbox, whose
    /// passwd and group files are fixed; see `docs/format.md`.
    #[must_use]
    pub fn in_nix_sandbox(uid: u64, gid: u64) -> Self {
        let uname = match uid {
            0 => "root",
            1000 => "nixbld",
            65534 => "nobody",
            _ => "",
        };
        let gname = match gid {
            0 => "root",
            100 => "nixbld",
            65534 => "nogroup",
            _ => "",
        };
        Self {
            uid,
            gid,
            uname: uname.to_owned(),
            gname: gname.to_owned(),
        }
    }

    /// The owner that GNU tar writes in nixpkgs' virtual machines, where passwd has root alone and
    /// there is no file of groups; see [`Dialect::GnuWithoutGroups`].
    #[must_use]
    pub fn in_nixpkgs_vm(uid: u64, gid: u64) -> Self {
        Self {
            uname: if uid == 0 { "root" } else { "" }.to_owned(),
            ..Self::numeric(uid, gid)
        }
    }

    /// Numbers alone, as `--numeric-owner` writes them.
    #[must_use]
    pub fn numeric(uid: u64, gid: u64) -> Self {
        Self {
            uid,
            gid,
            uname: String::new(),
            gname: String::new(),
        }
    }

    /// `root:root`.
    #[must_use]
    pub fn root() -> Self {
        Self::in_nix_sandbox(0, 0)
    }
}

impl TarPlan {
    /// The size of the tar in bytes, end marker and padding included.
    #[must_use]
    pub fn size(&self) -> u64 {
        tar::whole_size(self.unpadded_size())
    }

    /// The size of the entries in bytes, without the end marker.
    #[must_use]
    pub fn unpadded_size(&self) -> u64 {
        let prefix: u64 = self.prefix.iter().map(|range| range.size).sum();
        let sizes = self
            .entries
            .iter()
            .map(|entry| self.dialect.entry_size(entry));
        prefix + sizes.sum::<u64>()
    }

    /// Plans the tar of `root` as `tar -C root --sort=name .` writes it: `./` first, every name
    /// behind `./`, the entries of a directory right behind it.
    #[must_use]
    pub fn of_tree(root: Directory, owner: &Arc<Owner>, mtime: u64) -> Self {
        let mut entries = Vec::new();
        push_directory(&mut entries, b".".to_vec(), root, owner, mtime);
        Self {
            entries,
            ..Self::default()
        }
    }
}

fn push_directory(
    entries: &mut Vec<Entry>,
    name: Vec<u8>,
    directory: Directory,
    owner: &Arc<Owner>,
    mtime: u64,
) {
    let prefix = [&name, b"/".as_slice()].concat();
    entries.push(Entry {
        name: prefix.clone(),
        kind: Kind::Directory,
        mode: directory.mode,
        owner: Arc::clone(owner),
        mtime,
        xattrs: Vec::new(),
    });
    for (name, node) in directory.entries {
        let name = [&prefix, name.as_slice()].concat();
        match node {
            Node::Directory(directory) => push_directory(entries, name, directory, owner, mtime),
            other => entries.push(Entry::of_node(name, other, owner, mtime)),
        }
    }
}

impl Entry {
    /// Plans one entry; of a directory, only itself. `name` is without a trailing slash.
    #[must_use]
    pub fn of_node(mut name: Vec<u8>, node: Node, owner: &Arc<Owner>, mtime: u64) -> Self {
        let (kind, mode) = match node {
            Node::Directory(directory) => {
                name.push(b'/');
                (Kind::Directory, directory.mode)
            }
            Node::Regular(file) => (
                Kind::Regular {
                    size: file.size,
                    content: Content::File(file.source),
                },
                file.mode,
            ),
            Node::Symlink(link) => (
                Kind::Symlink {
                    target: link.target,
                },
                crate::scan::SYMLINK_MODE,
            ),
            Node::Special(special) => (Kind::Special(special.kind), special.mode),
        };
        Self {
            name,
            kind,
            mode,
            owner: Arc::clone(owner),
            mtime,
            xattrs: Vec::new(),
        }
    }

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
