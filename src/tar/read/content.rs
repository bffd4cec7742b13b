//! The content of a member while its tar is read; of a sparse file with its holes.

use std::io::{self, Read};
use std::sync::Arc;

use crate::bytes::skip::Skip;
use crate::bytes::sparse::{Piece, SparseMap};
use crate::tar::read::Reader;

/// The content of one member, as a stream.
#[derive(Debug)]
pub struct Content<'a, R> {
    pub(super) stored: Stored<'a, R>,
    pub(super) sparse: Option<Arc<SparseMap>>,
    /// How far a sparse file has been read, in bytes.
    pub(super) position: u64,
}

/// What a tar has of the content of one member.
#[derive(Debug)]
pub(super) struct Stored<'a, R> {
    pub(super) reader: &'a mut Reader<R>,
    pub(super) end: u64,
}

impl<R: Skip> Read for Content<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(map) = &self.sparse else {
            return self.stored.read(buffer);
        };
        let read = match map.piece(self.position) {
            Piece::Data { left, .. } => {
                let wanted = left.min(buffer.len() as u64) as usize;
                self.stored.read(&mut buffer[..wanted])?
            }
            Piece::Zeros { left } => {
                let wanted = left.min(buffer.len() as u64) as usize;
                buffer[..wanted].fill(0);
                wanted
            }
        };
        self.position += read as u64;
        Ok(read)
    }
}

impl<R: Skip> Read for Stored<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.end - self.reader.position;
        let wanted = left.min(buffer.len() as u64) as usize;
        if wanted == 0 {
            return Ok(0);
        }
        let got = self.reader.input.read(&mut buffer[..wanted])?;
        if got == 0 {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                format!(
                    "the tar ends at byte {}, within the content of a member",
                    self.reader.position
                ),
            ));
        }
        self.reader.position += got as u64;
        Ok(got)
    }
}
