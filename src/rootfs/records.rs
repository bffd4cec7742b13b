//! Keeps what layers say about their entries in a file without a name, one record behind the other, and
//! reads it back from there: the memory that a tree takes does not depend on what its entries are
//! called, who owns them and where links lead.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::entry::{MergedKind, Metadata};
use crate::bytes::source::{Range, Source};
use crate::tree::{Name, SpecialKind};

/// How many bytes are written at once. Fewer need no file.
const PIECE: usize = 64 * 1024;

/// How many bytes are read at once: records that are read one after the other mostly lie so.
const WINDOW: u64 = 4 * 1024;

/// The bytes before each record that say how long it is.
const LENGTH: usize = size_of::<u32>();

/// What layers say about their entries cannot be kept, or not be read again.
#[derive(Debug, Error)]
#[error("cannot keep what layers say about their entries in a temporary file in `{}`", directory.display())]
pub struct RecordsError {
    directory: PathBuf,
    source: io::Error,
}

/// The records of a tree, written one after the other and read in any order.
#[derive(Debug)]
pub(super) struct Records {
    directory: PathBuf,
    file: Option<File>,
    /// How many bytes are in the file.
    written: u64,
    /// What comes behind them.
    tail: Vec<u8>,
    /// Where contents are. There are about as many as layers.
    sources: Vec<Arc<Source>>,
}

/// Where a record begins, in bytes from the first one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RecordAt(u32);

/// What is said about an entry.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Said {
    Entry {
        about: Metadata,
        kind: SaidKind,
    },
    /// The same as in another record, which has no other: the two are hard links.
    SameAs(u32),
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum SaidKind {
    Directory,
    /// The number of a source, and the bytes of it.
    File {
        source: u32,
        offset: u64,
        size: u64,
    },
    Symlink {
        target: Vec<u8>,
    },
    Special(SpecialKind),
}

/// A record with what it stands for.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) name: Name,
    pub(super) about: Metadata,
    pub(super) kind: MergedKind,
    /// Where this is said; hard links have it in common.
    pub(super) said_at: RecordAt,
}

/// Some bytes of the file that were read last.
#[derive(Debug, Default)]
pub(super) struct Window {
    at: u64,
    bytes: Vec<u8>,
}

impl Records {
    /// Those of a tree without entries; the file, once there is one, is in `directory`.
    pub(super) fn new(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
            file: None,
            written: 0,
            tail: Vec::new(),
            sources: Vec::new(),
        }
    }

    /// How many bytes they have together.
    pub(super) fn size(&self) -> u64 {
        self.written + self.tail.len() as u64
    }

    /// Says that the content of a file is `range`, which has no holes.
    pub(super) fn file(&mut self, range: &Range) -> SaidKind {
        debug_assert!(range.sparse.is_none(), "maps are not kept");
        let is_same = |source| Arc::ptr_eq(source, &range.source);
        // That of the layer at hand is the last.
        let number = self.sources.iter().rposition(is_same).unwrap_or_else(|| {
            self.sources.push(Arc::clone(&range.source));
            self.sources.len() - 1
        });
        SaidKind::File {
            source: u32::try_from(number).expect("an image has few layers"),
            offset: range.offset,
            size: range.size,
        }
    }

    /// Adds a record. Those before it have to have less than 4 GiB together.
    pub(super) fn push(&mut self, name: &[u8], said: &Said) -> Result<RecordAt, RecordsError> {
        let at = self.append(name, said);
        if self.tail.len() >= PIECE {
            let written = self.write_tail();
            written.map_err(|source| self.error(source))?;
        }
        Ok(at)
    }

    /// Adds a record in memory.
    pub(super) fn append(&mut self, name: &[u8], said: &Said) -> RecordAt {
        let at = RecordAt(u32::try_from(self.size()).expect("the caller has a limit"));
        let start = self.tail.len();
        self.tail.extend([0; LENGTH]);
        postcard::to_io(&(name, said), &mut self.tail).expect("a vector takes all bytes");
        let length = self.tail.len() - start - LENGTH;
        let length = u32::try_from(length).expect("headers have 1 MiB at most");
        self.tail[start..start + LENGTH].copy_from_slice(&length.to_le_bytes());
        at
    }

    fn write_tail(&mut self) -> io::Result<()> {
        let file = match self.file.take() {
            Some(file) => file,
            None => tempfile::tempfile_in(&self.directory)?,
        };
        self.file.insert(file).write_all(&self.tail)?;
        self.written += self.tail.len() as u64;
        self.tail.clear();
        Ok(())
    }

    /// What stands at `at`, whatever links say.
    pub(super) fn read(&self, at: RecordAt, window: &mut Window) -> Result<Record, RecordsError> {
        let (name, said) = self.read_said(at, window)?;
        let (said_at, said) = match said {
            Said::SameAs(other) => {
                let other = RecordAt(other);
                (other, self.read_said(other, window)?.1)
            }
            said @ Said::Entry { .. } => (at, said),
        };
        let Said::Entry { about, kind } = said else {
            return Err(self.error(io::ErrorKind::InvalidData.into()));
        };
        let kind = match kind {
            SaidKind::Directory => MergedKind::Directory,
            SaidKind::File {
                source,
                offset,
                size,
            } => MergedKind::File(Range {
                source: Arc::clone(&self.sources[source as usize]),
                offset,
                size,
                sparse: None,
            }),
            SaidKind::Symlink { target } => MergedKind::Symlink { target },
            SaidKind::Special(kind) => MergedKind::Special(kind),
        };
        Ok(Record {
            name,
            about,
            kind,
            said_at,
        })
    }

    /// The name in the record at `at`.
    pub(super) fn name(&self, at: RecordAt, window: &mut Window) -> Result<Name, RecordsError> {
        let name = self.content(at, window).and_then(|content| {
            let (name, _) = postcard::take_from_bytes(content).map_err(io::Error::other)?;
            Ok(name)
        });
        name.map_err(|source| self.error(source))
    }

    /// Says that an entry is a hard link to the one whose record is at `at`.
    pub(super) fn same_as(&self, at: RecordAt, window: &mut Window) -> Result<Said, RecordsError> {
        Ok(match self.read_said(at, window)?.1 {
            Said::Entry { .. } => Said::SameAs(at.0),
            link @ Said::SameAs(_) => link,
        })
    }

    fn read_said(&self, at: RecordAt, window: &mut Window) -> Result<(Name, Said), RecordsError> {
        let content = self.content(at, window);
        let said = content.and_then(|bytes| postcard::from_bytes(bytes).map_err(io::Error::other));
        said.map_err(|source| self.error(source))
    }

    /// The record at `at`, without its length.
    fn content<'a>(&'a self, at: RecordAt, window: &'a mut Window) -> io::Result<&'a [u8]> {
        let at = u64::from(at.0);
        let length = self.bytes(at, LENGTH, window)?.first_chunk();
        let length = length.ok_or(io::ErrorKind::UnexpectedEof)?;
        let length = u32::from_le_bytes(*length) as usize;
        self.bytes(at + LENGTH as u64, length, window)
    }

    fn bytes<'a>(&'a self, at: u64, length: usize, window: &'a mut Window) -> io::Result<&'a [u8]> {
        if let Some(start) = at.checked_sub(self.written) {
            let start = start as usize;
            let bytes = self.tail.get(start..start + length);
            return bytes.ok_or(io::ErrorKind::UnexpectedEof.into());
        }
        let end = at + length as u64;
        if at < window.at || end > window.at + window.bytes.len() as u64 {
            let wanted = (length as u64).max(WINDOW.min(self.written - at));
            window.at = at;
            window.bytes.resize(wanted as usize, 0);
            let file = self.file.as_ref().ok_or(io::ErrorKind::UnexpectedEof)?;
            file.read_exact_at(&mut window.bytes, at).inspect_err(|_| {
                // It holds nothing that counts.
                window.bytes.clear();
            })?;
        }
        let start = (at - window.at) as usize;
        Ok(&window.bytes[start..start + length])
    }

    fn error(&self, source: io::Error) -> RecordsError {
        RecordsError {
            directory: self.directory.clone(),
            source,
        }
    }
}
