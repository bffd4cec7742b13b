//! Holds the bytes that ranges of a plan point into: a file, or the content of a compressed one.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use nix::fcntl::OFlag;

use crate::bytes::compression::Compression;
use crate::bytes::decompress::{self, Decoded, Decoder};
use crate::bytes::read_ahead::ReadAhead;
use crate::bytes::skip::Skip;
use crate::bytes::sparse::{Piece, SparseMap};
use crate::request::limits::Limits;

/// Bytes that can be read from any offset, any number of times, by several threads.
#[derive(Debug)]
pub enum Source {
    /// A plain file.
    File { file: File, path: PathBuf },
    /// A plain file that is opened for each read: a layout may have more files than a process may
    /// have open. Who reads one from its beginning to its end [holds](Source::held) it open.
    Closed { path: PathBuf },
    /// The uncompressed content of a file, read forwards; going back starts over. Whoever plans
    /// to jump about copies it to a file first, see [`crate::foreign::base`].
    Stream {
        path: PathBuf,
        limits: Limits,
        state: Mutex<Option<StreamState>>,
    },
    /// What came by once, such as the standard input.
    Gone { path: PathBuf },
    /// The uncompressed content of a member, read likewise.
    Unpacked {
        packed: Range,
        packing: Compression,
        limits: Limits,
        state: Mutex<Option<StreamState>>,
    },
}

/// How far a stream has been read.
#[derive(Debug)]
pub struct StreamState {
    decoder: Decoder,
    /// In bytes of uncompressed content.
    position: u64,
}

impl Source {
    /// The plain file `path`, opened as `file`.
    #[must_use]
    pub fn file(path: &Path, file: File) -> Self {
        Self::File {
            file,
            path: path.to_owned(),
        }
    }

    /// The plain file `path`, opened whenever it is read. A link is not followed.
    #[must_use]
    pub fn closed_file(path: &Path) -> Self {
        Self::Closed {
            path: path.to_owned(),
        }
    }

    /// The uncompressed content of `path`.
    #[must_use]
    pub fn stream(path: &Path, limits: &Limits) -> Self {
        Self::Stream {
            path: path.to_owned(),
            limits: *limits,
            state: Mutex::new(None),
        }
    }

    /// What came by once and messages call `path`. Reading it again is an error.
    #[must_use]
    pub fn gone(path: &Path) -> Self {
        Self::Gone {
            path: path.to_owned(),
        }
    }

    /// The content of `packed`, which is packed as `packing` says.
    #[must_use]
    pub fn unpacked(packed: Range, packing: Compression, limits: &Limits) -> Self {
        Self::Unpacked {
            packed,
            packing,
            limits: *limits,
            state: Mutex::new(None),
        }
    }

    /// The file that the bytes come from, for messages.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::File { path, .. }
            | Self::Closed { path }
            | Self::Gone { path }
            | Self::Stream { path, .. } => path,
            Self::Unpacked { packed, .. } => packed.source.path(),
        }
    }

    /// The same bytes for somebody who reads them many times: a file that is opened for each read is opened once.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn held(self: &Arc<Self>) -> io::Result<Arc<Self>> {
        match &**self {
            Self::Closed { path } => Ok(Arc::new(Self::file(path, open_itself(path)?))),
            _ => Ok(Arc::clone(self)),
        }
    }

    /// Forgets how far a stream has been read: its decoder takes memory.
    pub fn rest(&self) {
        if let Self::Stream { state, .. } | Self::Unpacked { state, .. } = self {
            *state.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }

    /// Reads up to `buffer.len()` bytes from `offset` on; 0 at the end.
    ///
    /// # Errors
    /// As the file, or its decompression, fails.
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        match self {
            Self::File { file, .. } => file.read_at(buffer, offset),
            Self::Closed { path } => open_itself(path)?.read_at(buffer, offset),
            Self::Gone { .. } => Err(io::Error::other("it can be read only once")),
            Self::Stream {
                path,
                limits,
                state,
            } => read_stream(state, buffer, offset, || decompress::open(path, limits)),
            Self::Unpacked {
                packed,
                packing,
                limits,
                state,
            } => read_stream(state, buffer, offset, || {
                let packed = BufReader::new(RangeReader::new(packed.clone()));
                ReadAhead::new(Box::new(Decoded::new(packed, *packing, limits)?))
            }),
        }
    }
}

/// Opens the file `path`; a link is not followed.
fn open_itself(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(OFlag::O_NOFOLLOW.bits());
    options.open(path)
}

/// Reads from `offset` on of what `open` opens, from where `state` is if that is not behind it.
fn read_stream(
    state: &Mutex<Option<StreamState>>,
    buffer: &mut [u8],
    offset: u64,
    open: impl FnOnce() -> io::Result<Decoder>,
) -> io::Result<usize> {
    let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
    let stream = match state.take() {
        Some(stream) if stream.position <= offset => state.insert(stream),
        _ => state.insert(StreamState {
            decoder: open()?,
            position: 0,
        }),
    };
    stream.skip_to(offset)?;
    let read = stream.decoder.read(buffer)?;
    stream.position += read as u64;
    Ok(read)
}

impl StreamState {
    fn skip_to(&mut self, offset: u64) -> io::Result<()> {
        let ahead = offset - self.position;
        let skipped = io::copy(&mut (&mut self.decoder).take(ahead), &mut io::sink())?;
        self.position += skipped;
        Ok(())
    }
}

/// Reads a range from its beginning.
#[derive(Debug)]
pub struct RangeReader {
    range: Range,
    position: u64,
    /// Whether the source is open as long as this is there.
    is_held: bool,
}

impl RangeReader {
    #[must_use]
    pub fn new(range: Range) -> Self {
        Self {
            range,
            position: 0,
            is_held: false,
        }
    }
}

impl Read for RangeReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.is_held {
            self.range.source = self.range.source.held()?;
            self.is_held = true;
        }
        let got = self.range.read_at(buffer, self.position)?;
        self.position += got as u64;
        Ok(got)
    }
}

impl Skip for RangeReader {
    fn skip(&mut self, count: u64) -> io::Result<u64> {
        let skipped = count.min(self.range.size - self.position);
        self.position += skipped;
        Ok(skipped)
    }
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

impl Range {
    /// All of the plain file `path`.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn of_file(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let size = file.metadata()?.len();
        Ok(Self {
            source: Arc::new(Source::file(path, file)),
            offset: 0,
            size,
            sparse: None,
        })
    }

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
