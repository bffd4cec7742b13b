//! How bytes are compressed: what is written, and what is recognised by its first bytes.

use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// How an archive is compressed when it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Compressor {
    #[serde(rename = "none")]
    None,
    #[serde(rename = "gz")]
    Gzip,
    #[serde(rename = "zstd")]
    Zstd,
}

impl Compressor {
    /// What its output is recognised as.
    #[must_use]
    pub fn compression(self) -> Compression {
        match self {
            Self::None => Compression::Plain,
            Self::Gzip => Compression::Gzip,
            Self::Zstd => Compression::Zstd,
        }
    }
}

/// How some bytes are compressed, told by their first ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    Plain,
    Gzip,
    Zstd,
    Xz,
    Bzip2,
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plain => "nothing",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Xz => "xz",
            Self::Bzip2 => "bzip2",
        })
    }
}

/// How many bytes [`Compression::of`] wants to see.
pub const MAGIC: usize = 6;

impl Compression {
    /// Tells the packing from the first bytes.
    #[must_use]
    pub fn of(first: &[u8]) -> Self {
        match first {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Self::Xz,
            // The digit says how large the blocks are; behind it the first block begins, or the end if there is none.
            [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, ..]
            | [b'B', b'Z', b'h', b'1'..=b'9', 0x17, 0x72, ..] => Self::Bzip2,
            _ => Self::Plain,
        }
    }

    /// Tells how `file` is packed, wherever it stands; it stays there.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of_open(file: &File) -> io::Result<Self> {
        let mut first = [0; MAGIC];
        let length = file.read_at(&mut first, 0)?;
        Ok(Self::of(&first[..length]))
    }

    /// Tells how the file `path` is packed.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of_file(path: &Path) -> io::Result<Self> {
        Self::of_open(&File::open(path)?)
    }
}
