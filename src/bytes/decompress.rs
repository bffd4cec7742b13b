//! Uncompresses what is read, as far as the limits allow.

use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bzip2::bufread::MultiBzDecoder;
use liblzma::read::XzDecoder;
use liblzma::stream::{CONCATENATED, Error as XzError, Stream};
use thiserror::Error;
use zstd::zstd_safe::zstd_sys::ZSTD_ErrorCode;

use crate::bytes::compression::Compression;
use crate::bytes::gzip::Gzip;
use crate::bytes::read_ahead::ReadAhead;
use crate::request::limits::{FREE_OF_RATIO, Limits};

/// The size of the buffer between a file and its decoder, in bytes.
const BUFFER: usize = 256 * 1024;

/// What is packed asks for more than [`Limits`] allow.
#[derive(Debug, Error)]
pub enum LimitError {
    #[error(
        "it has more than {max} bytes when unpacked; `dockerToolsLimits.maxUnpacked` allows more"
    )]
    Unpacked { max: u64 },
    #[error(
        "it becomes more than {max} times as large when unpacked, as decompression bombs do; `dockerToolsLimits.maxRatio` allows more"
    )]
    Ratio { max: u64 },
    #[error(
        "it takes more than {max} seconds to unpack; `dockerToolsLimits.maxSeconds` allows more"
    )]
    Seconds { max: u64 },
    #[error(
        "it asks zstd to keep more than {max} bytes in memory; `dockerToolsLimits.maxZstdWindow` allows more"
    )]
    ZstdWindow { max: u64 },
    #[error(
        "it asks xz for more than {max} bytes of memory; `dockerToolsLimits.maxXzMemory` allows more"
    )]
    XzMemory { max: u64 },
}

/// Compares how many bytes came out of how many with what `limits` allow.
///
/// # Errors
/// When there are more.
pub fn check_growth(packed: u64, unpacked: u64, limits: &Limits) -> Result<(), LimitError> {
    if unpacked > limits.max_unpacked {
        let max = limits.max_unpacked;
        Err(LimitError::Unpacked { max })
    } else if unpacked > FREE_OF_RATIO.max(packed.saturating_mul(limits.max_ratio)) {
        let max = limits.max_ratio;
        Err(LimitError::Ratio { max })
    } else {
        Ok(())
    }
}

/// The uncompressed content of some input.
pub struct Decoded<R: Read> {
    decoder: Unpack<Counted<R>>,
    limits: Limits,
    /// How many bytes went in.
    packed: Arc<AtomicU64>,
    /// How many bytes came out.
    unpacked: u64,
    clock: Clock,
}

enum Unpack<R: Read> {
    Plain(R),
    Gzip(Gzip<R>),
    Zstd(zstd::Decoder<'static, BufReader<R>>),
    Xz(XzDecoder<R>),
    Bzip2(Box<MultiBzDecoder<BufReader<R>>>),
}

/// Counts what is read through it, for someone who has lost sight of it, and ends when the time is over: a
/// decoder may take in very much before it gives anything.
struct Counted<R> {
    input: R,
    count: Arc<AtomicU64>,
    clock: Option<Clock>,
}

/// How long unpacking may take, and since when it runs.
#[derive(Debug, Clone, Copy)]
struct Clock {
    start: Instant,
    max_seconds: u64,
}

impl Clock {
    fn check(self) -> Result<(), LimitError> {
        let max = self.max_seconds;
        if self.start.elapsed() >= Duration::from_secs(max) {
            return Err(LimitError::Seconds { max });
        }
        Ok(())
    }
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(clock) = self.clock {
            clock.check().map_err(io::Error::other)?;
        }
        let read = self.input.read(buffer)?;
        self.count.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

impl<R: Read> Decoded<R> {
    /// Uncompresses `input`, which is packed as `packing` says. A gzip stream may have several
    /// members, a zstd stream several frames, and what is packed with xz or bzip2 several streams. Reading more than `limits` allow fails with a
    /// [`LimitError`]; what is not packed has none.
    ///
    /// # Errors
    /// When the decoder cannot be set up.
    pub fn new(input: R, packing: Compression, limits: &Limits) -> io::Result<Self> {
        let packed = Arc::new(AtomicU64::new(0));
        let clock = Clock {
            start: Instant::now(),
            max_seconds: limits.max_seconds,
        };
        let input = Counted {
            input,
            count: Arc::clone(&packed),
            clock: (packing != Compression::Plain).then_some(clock),
        };
        Ok(Self {
            decoder: match packing {
                Compression::Plain => Unpack::Plain(input),
                Compression::Gzip => Unpack::Gzip(Gzip::new(input)),
                Compression::Zstd => {
                    let mut decoder = zstd::Decoder::new(input)?;
                    let window = limits.max_zstd_window.max(1).ilog2();
                    decoder.window_log_max(window.clamp(ZSTD_WINDOWS.0, ZSTD_WINDOWS.1))?;
                    Unpack::Zstd(decoder)
                }
                Compression::Xz => {
                    let stream = Stream::new_stream_decoder(limits.max_xz_memory, CONCATENATED)?;
                    Unpack::Xz(XzDecoder::new_stream(input, stream))
                }
                // It takes 4 MB of memory at most, whatever the input asks for.
                Compression::Bzip2 => {
                    Unpack::Bzip2(Box::new(MultiBzDecoder::new(BufReader::new(input))))
                }
            },
            limits: *limits,
            packed,
            unpacked: 0,
            clock,
        })
    }

    /// Says in our words that a decoder was not allowed as much memory as the input asks for.
    fn explain(&self, error: io::Error) -> io::Error {
        let cause = error.get_ref();
        let zstd = cause.and_then(|cause| cause.downcast_ref::<zstd::Error>());
        let xz = cause.and_then(|cause| cause.downcast_ref::<XzError>());
        let limit = if zstd.is_some_and(|error| error.is(ZSTD_WINDOW_TOO_LARGE)) {
            let max = self.limits.max_zstd_window;
            LimitError::ZstdWindow { max }
        } else if xz == Some(&XzError::MemLimit) {
            let max = self.limits.max_xz_memory;
            LimitError::XzMemory { max }
        } else {
            return error;
        };
        io::Error::other(limit)
    }

    fn check_limits(&self) -> Result<(), LimitError> {
        if matches!(self.decoder, Unpack::Plain(_)) {
            return Ok(());
        }
        let packed = self.packed.load(Ordering::Relaxed);
        check_growth(packed, self.unpacked, &self.limits)?;
        self.clock.check()
    }
}

/// The least and the largest window that zstd takes as a limit, as powers of two.
const ZSTD_WINDOWS: (u32, u32) = (10, 31);

/// The code by which zstd says that a frame asks for a larger window than it was allowed.
const ZSTD_WINDOW_TOO_LARGE: ZSTD_ErrorCode =
    ZSTD_ErrorCode::ZSTD_error_frameParameter_windowTooLarge;

impl<R: Read> Read for Decoded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = match &mut self.decoder {
            Unpack::Plain(input) => input.read(buffer),
            Unpack::Gzip(input) => input.read(buffer),
            Unpack::Zstd(input) => input.read(buffer),
            Unpack::Xz(input) => input.read(buffer),
            Unpack::Bzip2(input) => input.read(buffer),
        };
        let read = read.map_err(|error| self.explain(error))?;
        self.unpacked += read as u64;
        self.check_limits().map_err(io::Error::other)?;
        Ok(read)
    }
}

impl<R: Read> fmt::Debug for Decoded<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.decoder {
            Unpack::Plain(_) => "Plain",
            Unpack::Gzip(_) => "Gzip",
            Unpack::Zstd(_) => "Zstd",
            Unpack::Xz(_) => "Xz",
            Unpack::Bzip2(_) => "Bzip2",
        })
    }
}

/// The uncompressed content of a file, decoded ahead in a thread of its own.
pub type Decoder = ReadAhead;

/// Opens `path` and uncompresses it, whatever its packing, as far as `limits` allow.
///
/// # Errors
/// When it cannot be opened.
pub fn open(path: &Path, limits: &Limits) -> io::Result<Decoder> {
    let file = File::open(path)?;
    let packing = Compression::of_open(&file)?;
    open_as(file, packing, limits)
}

/// Uncompresses `file`, which is packed as `packing` says, from where it stands.
///
/// # Errors
/// When no decoder or thread can be set up.
pub fn open_as(file: File, packing: Compression, limits: &Limits) -> io::Result<Decoder> {
    let file = BufReader::with_capacity(BUFFER, file);
    ReadAhead::new(Box::new(Decoded::new(file, packing, limits)?))
}
