//! Reads one file of an image to its end: its digest, and, if it is a layer, its DiffID and members.

use std::io::{self, BufReader, Cursor, Read, Write};

use thiserror::Error;

use crate::bytes::compression::{Compression, MAGIC};
use crate::bytes::decompress::Decoded;
use crate::bytes::digest::{Algorithm, DiffId, Digests, HashWriter, Sha512Writer};
use crate::bytes::skip::Skip;
use crate::request::limits::Limits;
use crate::tar::read::{Member, ReadError, Reader};

/// A file of an image.
#[derive(Debug)]
pub struct Blob {
    pub packing: Compression,
    /// Of the bytes as they stand, as is their number.
    pub digests: Digests,
    pub size: u64,
    pub content: Result<Content, Damage>,
}

/// The tar that is packed in a file.
#[derive(Debug, Clone, Copy)]
pub struct Content {
    pub diff_id: DiffId,
    /// In bytes.
    pub size: u64,
}

/// A file is no layer, or a damaged one.
#[derive(Debug, Error)]
pub enum Damage {
    #[error("cannot be unpacked")]
    Bytes(#[source] io::Error),
    /// `content` is there if it can be unpacked.
    #[error("is damaged or no tar")]
    Tar {
        source: ReadError,
        content: Option<Content>,
    },
}

impl Blob {
    /// What is packed in it, tar or not, if it can be unpacked.
    #[must_use]
    pub fn content(&self) -> Option<Content> {
        match &self.content {
            Ok(content) => Some(*content),
            Err(Damage::Tar { content, .. }) => *content,
            Err(Damage::Bytes(_)) => None,
        }
    }
}

/// Reads `input`, which is called by a digest of `algorithm`, to its end. `note` sees the members of
/// the layer that it may be, in their order.
///
/// # Errors
/// When `input` itself cannot be read.
pub fn read(
    input: &mut dyn Read,
    algorithm: Algorithm,
    limits: &Limits,
    note: &mut dyn FnMut(&Member),
) -> io::Result<Blob> {
    match algorithm {
        Algorithm::Sha256 => read_packed(input, limits, note),
        // What images are called by, and what files are compared by, is their SHA-256 all the same.
        Algorithm::Sha512 => {
            let mut input = Hashing {
                input,
                hash: Sha512Writer::new(),
            };
            let mut blob = read_packed(&mut input, limits, note)?;
            blob.digests.sha512 = Some(Box::new(input.hash.into_sha512()));
            Ok(blob)
        }
    }
}

/// How much is read at once, in bytes: headers alone have 512.
const BUFFER: usize = 128 * 1024;

fn read_packed(
    input: &mut dyn Read,
    limits: &Limits,
    note: &mut dyn FnMut(&Member),
) -> io::Result<Blob> {
    let mut input = BufReader::with_capacity(BUFFER, input);
    let mut magic = Vec::with_capacity(MAGIC);
    input.by_ref().take(MAGIC as u64).read_to_end(&mut magic)?;
    let packing = Compression::of(&magic);
    let mut packed = Hashing::new(Cursor::new(magic).chain(&mut input));
    let content = match packing {
        // Its content is hashed only once, and reading on after a failure fails again.
        Compression::Plain => read_content(&mut packed, note),
        _ => match Decoded::new(&mut packed, packing, limits) {
            Ok(tar) => read_content(&mut Hashing::new(tar), note),
            Err(error) => Err(Damage::Bytes(error)),
        },
    };
    // What the decoder left belongs to the file, whoever would want it there.
    io::copy(&mut packed, &mut io::sink())?;
    Ok(Blob {
        packing,
        size: packed.hash.size(),
        digests: Digests {
            sha256: packed.hash.into_sha256(),
            sha512: None,
        },
        content,
    })
}

fn read_content<R: Read>(
    tar: &mut Hashing<R>,
    note: &mut dyn FnMut(&Member),
) -> Result<Content, Damage> {
    let members = match read_members(tar, note) {
        Err(source @ ReadError::Read { .. }) => {
            return Err(Damage::Tar {
                source,
                content: None,
            });
        }
        members => members,
    };
    io::copy(tar, &mut io::sink()).map_err(Damage::Bytes)?;
    let hash = tar.hash.clone();
    let content = Content {
        size: hash.size(),
        diff_id: hash.into_diff_id(),
    };
    match members {
        Ok(()) => Ok(content),
        Err(source) => Err(Damage::Tar {
            source,
            content: Some(content),
        }),
    }
}

fn read_members<R: Read>(
    tar: &mut Hashing<R>,
    note: &mut dyn FnMut(&Member),
) -> Result<(), ReadError> {
    let mut reader = Reader::of_layer(tar);
    while let Some(member) = reader.next_member()? {
        note(&member);
    }
    Ok(())
}

/// Hashes whatever is read through it.
struct Hashing<R, W = HashWriter> {
    input: R,
    hash: W,
}

impl<R> Hashing<R> {
    fn new(input: R) -> Self {
        Self {
            input,
            hash: HashWriter::new(),
        }
    }
}

impl<R: Read, W: Write> Read for Hashing<R, W> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.input.read(buffer)?;
        self.hash.write_all(&buffer[..got])?;
        Ok(got)
    }
}

impl<R: Read> Skip for &mut Hashing<R> {}
