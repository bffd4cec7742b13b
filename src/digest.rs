//! Computes SHA-256 digests and gives each its meaning: [`DiffId`] for the uncompressed layer,
//! [`Digest`] for any other bytes. The words are those of the OCI image specification.

use std::fmt;
use std::io::{self, Write};

use serde::{Deserialize, Deserializer, de};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

/// How long a digest is as hexadecimal digits.
const HEX: usize = 64;

/// The SHA-256 of some bytes: a blob, a config, a legacy layer `json`, a file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

/// The SHA-256 of a layer's uncompressed tar, as `rootfs.diff_ids` lists it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DiffId(Digest);

/// Some text is no digest. A looser reading would let a digest lead out of the directory of blobs:
/// CVE-2024-3727.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DigestError {
    #[error(
        "`{text}` is no SHA-256 digest, which is `sha256:` and 64 lower-case hexadecimal digits"
    )]
    Text {
        /// With everything escaped that could play with a terminal.
        text: String,
    },
    /// One that the OCI image specification registers.
    #[error(
        "it has a digest of the algorithm `{algorithm}`; only `sha256`, which engines and registries use, is read"
    )]
    Algorithm { algorithm: &'static str },
}

/// What the OCI image specification registers beside SHA-256.
const OTHER_ALGORITHMS: [&str; 2] = ["sha512", "blake3"];

impl Digest {
    /// The digest of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The digest that `text` writes as `sha256:` and 64 lower-case hexadecimal digits.
    ///
    /// # Errors
    /// When `text` is anything else, another algorithm of the OCI image specification included.
    pub fn parse(text: &str) -> Result<Self, DigestError> {
        let hex = text.strip_prefix("sha256:");
        hex.and_then(Self::from_hex).ok_or_else(|| {
            let algorithm = text.split_once(':').map(|(algorithm, _)| algorithm);
            let mut others = OTHER_ALGORITHMS.into_iter();
            match others.find(|other| algorithm == Some(other)) {
                Some(algorithm) => DigestError::Algorithm { algorithm },
                None => DigestError::Text {
                    text: text.escape_debug().to_string(),
                },
            }
        })
    }

    /// The digest that 64 lower-case hexadecimal digits write, and nothing else.
    #[must_use]
    pub fn from_hex(hex: &str) -> Option<Self> {
        let value = |digit: u8| match digit {
            b'0'..=b'9' => Some(digit - b'0'),
            b'a'..=b'f' => Some(digit - b'a' + 10),
            _ => None,
        };
        if hex.len() != HEX {
            return None;
        }
        let mut bytes = [0; 32];
        for (byte, digits) in bytes.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
            *byte = value(digits[0])? << 4 | value(digits[1])?;
        }
        Some(Self(bytes))
    }

    /// 64 lower-case hexadecimal digits.
    #[must_use]
    pub fn hex(&self) -> String {
        hex(&self.0)
    }
}

impl DiffId {
    /// The DiffID whose digest is `digest`.
    #[must_use]
    pub fn new(digest: Digest) -> Self {
        Self(digest)
    }

    /// 64 lower-case hexadecimal digits.
    #[must_use]
    pub fn hex(&self) -> String {
        self.0.hex()
    }
}

/// What stands for a name in a set of very many: the first 96 bits of its SHA-256.
#[must_use]
pub fn fingerprint(name: &[u8]) -> [u8; 12] {
    let mut short = [0; 12];
    short.copy_from_slice(&Digest::of(name).0[..12]);
    short
}

/// `bytes` as lower-case hexadecimal digits, two a byte.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| {
            [
                DIGITS[usize::from(byte >> 4)],
                DIGITS[usize::from(byte & 15)],
            ]
        })
        .map(char::from)
        .collect()
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for DiffId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for DiffId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for DiffId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Digest::deserialize(deserializer).map(Self)
    }
}

/// A sink that keeps the hash of the bytes written to it, and their number.
#[derive(Clone, Default, Debug)]
pub struct HashWriter {
    hasher: Sha256,
    size: u64,
}

impl HashWriter {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many bytes have passed.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The hash of all bytes written.
    #[must_use]
    pub fn into_digest(self) -> Digest {
        Digest(self.hasher.finalize().into())
    }

    /// The hash of all bytes written, which the caller knows to be one uncompressed layer.
    #[must_use]
    pub fn into_diff_id(self) -> DiffId {
        DiffId(self.into_digest())
    }
}

impl Write for HashWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.hasher.update(bytes);
        self.size += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_of_nothing_is_the_well_known_one() {
        assert_eq!(
            Digest::of(b"").to_string(),
            "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }

    #[test]
    fn a_digest_reads_as_it_prints() {
        let digest = Digest::of(b"abc");
        assert_eq!(Digest::parse(&digest.to_string()), Ok(digest));
        assert_eq!(Digest::from_hex(&digest.hex()), Some(digest));
    }

    #[test]
    fn cve_2024_3727_nothing_else_is_a_digest() {
        let hex = Digest::of(b"abc").hex();
        for wrong in [
            String::new(),
            hex.clone(),
            format!("sha256:{}", &hex[1..]),
            format!("sha256:{hex}0"),
            format!("sha256:{}", hex.to_uppercase()),
            format!("SHA256:{hex}"),
            format!("sha256:../../../../{}", &hex[12..]),
            format!("sha256:{hex}\n"),
            format!("../sha256:{hex}"),
            format!("sha256:{}é", &hex[2..]),
        ] {
            let error = Digest::parse(&wrong).unwrap_err().to_string();
            assert!(error.contains("is no SHA-256 digest"), "{error}");
            assert!(!error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn other_algorithms_are_refused_by_name() {
        let hex = Digest::of(b"abc").hex();
        for (text, algorithm) in [
            (format!("sha512:{hex}{hex}"), "sha512"),
            (format!("blake3:{hex}"), "blake3"),
        ] {
            assert_eq!(
                Digest::parse(&text),
                Err(DigestError::Algorithm { algorithm })
            );
        }
    }

    #[test]
    fn a_hash_writer_counts_and_hashes_what_passes() {
        let mut writer = HashWriter::new();
        writer.write_all(b"ab").unwrap();
        writer.write_all(b"c").unwrap();
        assert_eq!(writer.size(), 3);
        assert_eq!(writer.into_digest(), Digest::of(b"abc"));
    }
}
