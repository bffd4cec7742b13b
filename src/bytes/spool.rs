//! Copies content to a file without a name, where it can be read in any order.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Arc;

use thiserror::Error;

use crate::bytes::holes::WithHoles;
use crate::bytes::source::{Range, Source};

/// How much is copied at once, in bytes.
const PIECE: usize = 256 * 1024;

/// A file without a name, made when it is first needed. It vanishes when nothing refers to it any more.
#[derive(Debug)]
pub struct Spool<'a> {
    directory: &'a Path,
    file: Option<SpoolFile>,
    piece: Vec<u8>,
}

#[derive(Debug)]
struct SpoolFile {
    source: Arc<Source>,
    file: File,
    /// In bytes.
    size: u64,
}

/// Content could not be copied.
#[derive(Debug, Error)]
pub enum SpoolError {
    /// The content could not be read.
    #[error(transparent)]
    Read(io::Error),
    /// The file could not be made or written.
    #[error(transparent)]
    Write(io::Error),
}

impl<'a> Spool<'a> {
    /// The file will be in `directory`.
    #[must_use]
    pub fn new(directory: &'a Path) -> Self {
        Self {
            directory,
            file: None,
            piece: Vec::new(),
        }
    }

    /// Copies all of `content`, and says where the copy is.
    ///
    /// # Errors
    /// When the content cannot be read, or the file cannot be written.
    pub fn copy(&mut self, content: &mut dyn Read) -> Result<Range, SpoolError> {
        let spooled = match self.file.take() {
            Some(spooled) => spooled,
            None => SpoolFile::new(self.directory).map_err(SpoolError::Write)?,
        };
        let spooled = self.file.insert(spooled);
        self.piece.resize(PIECE, 0);
        let offset = spooled.size;
        let mut out = WithHoles::new(&spooled.file);
        loop {
            let got = match content.read(&mut self.piece) {
                Ok(0) => break,
                Ok(got) => got,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(SpoolError::Read(error)),
            };
            let written = out.write_all(&self.piece[..got]);
            written.map_err(SpoolError::Write)?;
            spooled.size += got as u64;
        }
        out.finish().map_err(SpoolError::Write)?;
        Ok(Range {
            source: Arc::clone(&spooled.source),
            offset,
            size: spooled.size - offset,
            sparse: None,
        })
    }
}

impl SpoolFile {
    fn new(directory: &Path) -> io::Result<Self> {
        let file = tempfile::tempfile_in(directory)?;
        let source = Source::file(Path::new("temporary file"), file.try_clone()?);
        Ok(Self {
            source: Arc::new(source),
            file,
            size: 0,
        })
    }
}
