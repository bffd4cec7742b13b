//! Compresses what is written and uncompresses what is read. Compressed bytes depend on the input
//! alone, never on the number of threads.

use std::io::{self, BufWriter, Write};

use gzp::deflate::Mgzip;
use gzp::par::compress::{ParCompress, ParCompressBuilder};
use gzp::{Compression as Level, GzpError, ZWriter};
use zstd::zstd_safe::CParameter;

use crate::bytes::compression::Compressor;

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

/// Runs `fill` with a writer that compresses into `out`, finishes the compressed stream, and gives `out` back.
///
/// # Errors
/// When `fill` fails, with its error; when the stream cannot be finished, with what `wrap` makes
/// of the cause.
pub fn write<W: Write + Send + 'static, E>(
    out: W,
    compression: Compressor,
    threads: usize,
    wrap: impl Fn(io::Error) -> E,
    fill: impl FnOnce(&mut dyn Write) -> Result<(), E>,
) -> Result<W, E> {
    let mut encoder = Encoder::new(out, compression, threads).map_err(&wrap)?;
    let filled = fill(&mut encoder);
    // The encoder's threads end only when it is finished, and so also after a failure.
    let finished = encoder.finish().map_err(wrap);
    filled.and(finished)
}

enum Encoder<W: Write + Send + 'static> {
    Plain(BufWriter<W>),
    Gzip {
        encoder: ParCompress<'static, Mgzip, BufWriter<W>>,
        /// Whether writing has failed, and the encoder so ended by itself.
        failed: bool,
    },
    Zstd(zstd::Encoder<'static, BufWriter<W>>),
}

impl<W: Write + Send + 'static> Encoder<W> {
    fn new(out: W, compression: Compressor, threads: usize) -> io::Result<Self> {
        let out = BufWriter::with_capacity(BUFFER, out);
        Ok(match compression {
            Compressor::None => Self::Plain(out),
            Compressor::Gzip => Self::Gzip {
                encoder: ParCompressBuilder::<Mgzip>::new()
                    .compression_level(Level::new(GZIP_LEVEL))
                    .buffer_size(GZIP_MEMBER)
                    .and_then(|builder| builder.num_threads(threads))
                    .map_err(into_io)?
                    .from_writer(out),
                failed: false,
            },
            Compressor::Zstd => {
                let mut encoder = zstd::Encoder::new(out, ZSTD_LEVEL)?;
                encoder.include_checksum(true)?;
                // One worker or many cut the input alike; none at all would not.
                encoder.multithread(u32::try_from(threads).unwrap_or(u32::MAX))?;
                encoder.set_parameter(CParameter::JobSize(ZSTD_JOB))?;
                Self::Zstd(encoder)
            }
        })
    }

    fn finish(self) -> io::Result<W> {
        let out = match self {
            Self::Plain(out) => out,
            // It would panic; `write` has said already what happened.
            Self::Gzip { failed: true, .. } => return Err(io::ErrorKind::BrokenPipe.into()),
            Self::Gzip { mut encoder, .. } => encoder.finish().map_err(into_io)?,
            Self::Zstd(encoder) => encoder.finish()?,
        };
        out.into_inner().map_err(io::IntoInnerError::into_error)
    }
}

fn into_io(error: GzpError) -> io::Error {
    match error {
        GzpError::Io(error) => error,
        other => io::Error::other(other),
    }
}

impl<W: Write + Send + 'static> Write for Encoder<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(out) => out.write(bytes),
            Self::Gzip { encoder, failed } => encoder.write(bytes).inspect_err(|_| *failed = true),
            Self::Zstd(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        // Flushing would cut the compressed stream; what is written goes out when it is finished.
        Ok(())
    }
}
