//! Indexes an image archive (`docker save` and its like): a tar, perhaps compressed, of directories,
//! files and links, or a directory of these. Member names are hostile input; nothing is ever
//! unpacked.

pub mod error;
pub mod documents;
pub mod member_path;
pub mod visitor;
pub mod insert;
pub mod directory;
pub mod index;
pub mod json;

use std::collections::BTreeMap;
use std::io::{self};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use self::documents::Documents;
use crate::bytes::digest::Digest;
use crate::bytes::source::Range;
use crate::foreign::archive::error::ArchiveError;
use crate::foreign::archive::member_path::MemberPath;
use crate::foreign::mistaken;
use crate::request::limits::Limits;
use crate::tar::owner::Owner;

/// The members of an archive by name. Of members with equal names the last one counts.
#[derive(Debug)]
pub struct Archive {
    pub path: PathBuf,
    pub members: BTreeMap<MemberPath, ArchiveMember>,
    /// Whether its bytes come out of a decoder, forwards only.
    pub is_compressed: bool,
    /// What it may ask for.
    pub limits: Limits,
    /// Files and links that do not count, since others of their names follow.
    pub repeated: Vec<(MemberPath, ArchiveMember)>,
    /// That of the last file, which most likely is that of the next one too.
    owner: Arc<Owner>,
    /// What may be documents of a compressed archive, since reading one later would uncompress all
    /// that is before it again.
    documents: Documents,
    /// How many members have been met, with the directories that their names lead through.
    met: usize,
    /// How many bytes their names, links and owners have.
    name_bytes: u64,
    /// How many parts its sparse files have together.
    parts: usize,
    /// The size of its sparse files together, in bytes, with their holes.
    expanded: u64,
}

/// A file of an archive, with mode, owner and time (in seconds since 1970) as its header has them.
#[derive(Debug, Clone)]
pub struct ArchiveFile {
    pub mode: u32,
    pub owner: Arc<Owner>,
    pub mtime: u64,
    /// Where its content was found, though it may have been copied since.
    pub place: Place,
    pub range: Range,
}

/// Where the content of a file is in its archive. Files with equal places share it, whatever they are called;
/// and they sort as the archive has them, or by name if it is a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Which file of a directory has it; 0 for all that one tar has.
    file: u32,
    /// In bytes.
    offset: u64,
}

#[derive(Debug, Clone)]
pub enum ArchiveMember {
    Directory { mode: u32 },
    File(ArchiveFile),
    Symlink { target: Vec<u8> },
}

impl Archive {
    fn empty(path: &Path, limits: &Limits) -> Self {
        Self {
            path: path.to_owned(),
            members: BTreeMap::new(),
            is_compressed: false,
            limits: *limits,
            repeated: Vec::new(),
            owner: Arc::new(Owner::root()),
            documents: Documents::default(),
            met: 0,
            name_bytes: 0,
            parts: 0,
            expanded: 0,
        }
    }

    /// Refuses what is no archive by its first bytes.
    fn refuse_mistaken(&self, start: &[u8]) -> Result<(), ArchiveError> {
        match mistaken::of_bytes(start) {
            None => Ok(()),
            Some(what) => Err(ArchiveError::Mistaken {
                path: self.path.clone(),
                what,
            }),
        }
    }

    /// The archive as it has been indexed, or what is wrong: that it is the tar of a file system comes before what
    /// is wrong with such an one as an image.
    fn finish(self, indexed: Result<(), ArchiveError>) -> Result<Self, ArchiveError> {
        let is_readable = !matches!(
            indexed,
            Err(ArchiveError::Open { .. } | ArchiveError::Read { .. } | ArchiveError::Tar { .. })
        );
        let members = self.members.keys().map(Vec::as_slice);
        match mistaken::of_members(members) {
            Some(what) if is_readable => Err(ArchiveError::Mistaken {
                path: self.path,
                what,
            }),
            _ => indexed.map(|()| self),
        }
    }

    fn read_error(&self, source: io::Error) -> ArchiveError {
        ArchiveError::Read {
            path: self.path.clone(),
            source,
        }
    }

    /// Compares the size of the file `name`, in bytes, with what names it.
    ///
    /// # Errors
    /// When they differ.
    pub fn check_size(&self, name: &str, found: u64, said: u64) -> Result<(), ArchiveError> {
        if found == said {
            return Ok(());
        }
        Err(ArchiveError::Size {
            path: self.path.clone(),
            name: name.to_owned(),
            found,
            said,
        })
    }

    /// Compares the digest of the file `name` with what names it.
    ///
    /// # Errors
    /// When they differ.
    pub fn check_digest(
        &self,
        name: &str,
        found: Digest,
        said: Digest,
    ) -> Result<(), ArchiveError> {
        if found == said {
            return Ok(());
        }
        Err(ArchiveError::Digest {
            path: self.path.clone(),
            name: name.to_owned(),
            found: Box::new(found),
            said: Box::new(said),
        })
    }
}
