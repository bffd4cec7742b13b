//! Compresses what is written and uncompresses what is read. Compressed bytes depend on the input
//! alone, never on the number of threads.

use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::Path;

use gzp::deflate::Mgzip;
use gzp::par::compress::{ParCompress, ParCompressBuilder};
use gzp::{Compression as Level, GzpError, ZWriter};
use liblzma::read::XzDecoder;
use serde::Deserialize;
use zstd::zstd_safe::CParameter;

use crate::gzip::Gzip;
use crate::read_ahead::ReadAhead;

/// How an archive is compressed when it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Compression {
    #[serde(rename = "none")]
    None,
    #[serde(rename = "gz")]
    Gzip,
    #[serde(rename = "zstd")]
    Zstd,
}

/// The level that libdeflate works at. Its 5 packs tighter than zlib's 6, which pigz uses, by more
/// than the independent members lose: 150.6 MB instead of 152.2 MB for the closure of
/// `benches/compare`, in four fifths of the time that level 6 takes.
const GZIP_LEVEL: u32 = 5;

/// How much goes into one gzip member, in bytes. Members are compressed side by side and know
/// nothing of each other; larger ones pack hardly tighter, and every thread has several in memory.
const GZIP_MEMBER: usize = 512 * 1024;

/// The level of the zstd program when nobody names one.
const ZSTD_LEVEL: i32 = 3;

/// How much zstd compresses at a time, in bytes. It would take 8 MB by itself, and several of them
/// for each thread.
const ZSTD_JOB: u32 = 2 << 20;

/// The size of buffers between our code and files, in bytes.
const BUFFER: usize = 256 * 1024;

/// Runs `fill` with a writer that compresses into `file`, and finishes the compressed stream.
///
/// # Errors
/// When `fill` fails, with its error; when the stream cannot be finished, with what `wrap` makes
/// of the cause.
pub fn write<E>(
    file: File,
    compression: Compression,
    threads: usize,
    wrap: impl Fn(io::Error) -> E,
    fill: impl FnOnce(&mut dyn Write) -> Result<(), E>,
) -> Result<File, E> {
    let mut encoder = Encoder::new(file, compression, threads).map_err(&wrap)?;
    let filled = fill(&mut encoder);
    // The encoder's threads end only when it is finished, and so also after a failure.
    let finished = encoder.finish().map_err(wrap);
    filled.and(finished)
}

enum Encoder {
    Plain(BufWriter<File>),
    Gzip {
        encoder: ParCompress<'static, Mgzip, BufWriter<File>>,
        /// Whether writing has failed, and the encoder so ended by itself.
        failed: bool,
    },
    Zstd(zstd::Encoder<'static, BufWriter<File>>),
}

impl Encoder {
    fn new(file: File, compression: Compression, threads: usize) -> io::Result<Self> {
        let file = BufWriter::with_capacity(BUFFER, file);
        Ok(match compression {
            Compression::None => Self::Plain(file),
            Compression::Gzip => Self::Gzip {
                encoder: ParCompressBuilder::<Mgzip>::new()
                    .compression_level(Level::new(GZIP_LEVEL))
                    .buffer_size(GZIP_MEMBER)
                    .and_then(|builder| builder.num_threads(threads))
                    .map_err(into_io)?
                    .from_writer(file),
                failed: false,
            },
            Compression::Zstd => {
                let mut encoder = zstd::Encoder::new(file, ZSTD_LEVEL)?;
                encoder.include_checksum(true)?;
                // One worker or many cut the input alike; none at all would not.
                encoder.multithread(u32::try_from(threads).unwrap_or(u32::MAX))?;
                encoder.set_parameter(CParameter::JobSize(ZSTD_JOB))?;
                Self::Zstd(encoder)
            }
        })
    }

    fn finish(self) -> io::Result<File> {
        let file = match self {
            Self::Plain(file) => file,
            // It would panic; `write` has said already what happened.
            Self::Gzip { failed: true, .. } => return Err(io::ErrorKind::BrokenPipe.into()),
            Self::Gzip { mut encoder, .. } => encoder.finish().map_err(into_io)?,
            Self::Zstd(encoder) => encoder.finish()?,
        };
        file.into_inner().map_err(io::IntoInnerError::into_error)
    }
}

fn into_io(error: GzpError) -> io::Error {
    match error {
        GzpError::Io(error) => error,
        other => io::Error::other(other),
    }
}

impl Write for Encoder {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(file) => file.write(bytes),
            Self::Gzip { encoder, failed } => encoder.write(bytes).inspect_err(|_| *failed = true),
            Self::Zstd(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        // Flushing would cut the compressed stream; what is written goes out when it is finished.
        Ok(())
    }
}

/// How some bytes are compressed, told by their first ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    Plain,
    Gzip,
    Zstd,
    Xz,
}

impl fmt::Display for Packing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plain => "nothing",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Xz => "xz",
        })
    }
}

/// How many bytes [`Packing::of`] wants to see.
pub const MAGIC: usize = 6;

impl Packing {
    /// Tells the packing from the first bytes.
    #[must_use]
    pub fn of(first: &[u8]) -> Self {
        match first {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Self::Xz,
            _ => Self::Plain,
        }
    }

    /// Tells how the file `path` is packed.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of_file(path: &Path) -> io::Result<Self> {
        let mut first = Vec::with_capacity(MAGIC);
        File::open(path)?
            .take(MAGIC as u64)
            .read_to_end(&mut first)?;
        Ok(Self::of(&first))
    }
}

/// The uncompressed content of some input.
pub enum Decoded<R: Read> {
    Plain(R),
    Gzip(Gzip<R>),
    Zstd(zstd::Decoder<'static, BufReader<R>>),
    Xz(XzDecoder<R>),
}

impl<R: Read> Decoded<R> {
    /// Uncompresses `input`, which is packed as `packing` says. A gzip stream may have several
    /// members, a zstd stream several frames.
    ///
    /// # Errors
    /// When the decoder cannot be set up.
    pub fn new(input: R, packing: Packing) -> io::Result<Self> {
        Ok(match packing {
            Packing::Plain => Self::Plain(input),
            Packing::Gzip => Self::Gzip(Gzip::new(input)),
            Packing::Zstd => Self::Zstd(zstd::Decoder::new(input)?),
            Packing::Xz => Self::Xz(XzDecoder::new_multi_decoder(input)),
        })
    }
}

impl<R: Read> Read for Decoded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(input) => input.read(buffer),
            Self::Gzip(input) => input.read(buffer),
            Self::Zstd(input) => input.read(buffer),
            Self::Xz(input) => input.read(buffer),
        }
    }
}

impl<R: Read> fmt::Debug for Decoded<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plain(_) => "Plain",
            Self::Gzip(_) => "Gzip",
            Self::Zstd(_) => "Zstd",
            Self::Xz(_) => "Xz",
        })
    }
}

/// The uncompressed content of a file, decoded ahead in a thread of its own.
pub type Decoder = ReadAhead;

/// Opens `path` and uncompresses it, whatever its packing.
///
/// # Errors
/// When it cannot be opened.
pub fn open(path: &Path) -> io::Result<Decoder> {
    let packing = Packing::of_file(path)?;
    let file = BufReader::with_capacity(BUFFER, File::open(path)?);
    ReadAhead::new(Box::new(Decoded::new(file, packing)?))
}
