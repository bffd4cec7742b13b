//! Computes hashes and gives each its meaning: [`DiffId`] for the uncompressed layer, [`Digest`] for
//! what a document calls a blob by, and [`Sha256`] for what we name ourselves. The words are those of
//! the OCI image specification.

use std::fmt;
use std::io::{self, Write};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::Digest as _;
use thiserror::Error;

/// The SHA-256 of some bytes: an image ID, a legacy layer `json`, a file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sha256([u8; 32]);

/// The SHA-512 of some bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sha512([u8; 64]);

/// What a descriptor calls a blob by. Who wrote it chose the algorithm.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Digest {
    Sha256(Sha256),
    Sha512(Sha512),
}

/// How a [`Digest`] is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Algorithm {
    Sha256,
    Sha512,
}

/// What one file has as digests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digests {
    pub sha256: Sha256,
    /// Only where it was asked for, since most images do without.
    pub sha512: Option<Box<Sha512>>,
}

/// The SHA-256 of a layer's uncompressed tar, as `rootfs.diff_ids` lists it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DiffId(Sha256);

/// Some text is no digest. A looser reading would let a digest lead out of the directory of blobs:
/// CVE-2024-3727.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DigestError {
    #[error(
        "`{text}` is no digest, which is `sha256:` and 64 or `sha512:` and 128 lower-case hexadecimal digits"
    )]
    Text {
        /// With everything escaped that could play with a terminal.
        text: String,
    },
    /// One that the next OCI image specification registers.
    #[error(
        "it has a digest of the algorithm `{algorithm}`; only `sha256` and `sha512`, which tools write, are read"
    )]
    Algorithm { algorithm: &'static str },
    #[error(
        "it has a DiffID of the algorithm `{algorithm}`; engines compute only the `sha256` of a layer, and none runs such an image"
    )]
    DiffId { algorithm: &'static str },
}

/// What version 1.1.1 of the OCI image specification does not register yet, but the next one will.
const BLAKE3: &str = "blake3";

impl Sha256 {
    /// That of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(sha2::Sha256::digest(bytes).into())
    }

    /// 64 lower-case hexadecimal digits.
    #[must_use]
    pub fn hex(&self) -> String {
        hex(&self.0)
    }
}

impl Sha512 {
    /// That of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(sha2::Sha512::digest(bytes).into())
    }

    /// 128 lower-case hexadecimal digits.
    #[must_use]
    pub fn hex(&self) -> String {
        hex(&self.0)
    }
}

impl Algorithm {
    /// The digest of `bytes`.
    #[must_use]
    pub fn digest(self, bytes: &[u8]) -> Digest {
        match self {
            Self::Sha256 => Digest::Sha256(Sha256::of(bytes)),
            Self::Sha512 => Digest::Sha512(Sha512::of(bytes)),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }
}

impl Digest {
    /// The digest that `text` writes as an algorithm, `:` and as many lower-case hexadecimal digits as
    /// it has.
    ///
    /// # Errors
    /// When `text` is anything else, another algorithm of the OCI image specification included.
    pub fn parse(text: &str) -> Result<Self, DigestError> {
        let (algorithm, hex) = text.split_once(':').unwrap_or_default();
        let digest = Self::from_hex(hex).filter(|digest| digest.algorithm().name() == algorithm);
        digest.ok_or_else(|| match algorithm {
            BLAKE3 => DigestError::Algorithm { algorithm: BLAKE3 },
            _ => DigestError::Text {
                text: text.escape_debug().to_string(),
            },
        })
    }

    /// The digest that 64 or 128 lower-case hexadecimal digits write, and nothing else.
    #[must_use]
    pub fn from_hex(hex: &str) -> Option<Self> {
        let sha256 = || bytes(hex).map(|bytes| Self::Sha256(Sha256(bytes)));
        let sha512 = || bytes(hex).map(|bytes| Self::Sha512(Sha512(bytes)));
        sha256().or_else(sha512)
    }

    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        match self {
            Self::Sha256(_) => Algorithm::Sha256,
            Self::Sha512(_) => Algorithm::Sha512,
        }
    }

    /// 64 or 128 lower-case hexadecimal digits.
    #[must_use]
    pub fn hex(&self) -> String {
        match self {
            Self::Sha256(sha256) => sha256.hex(),
            Self::Sha512(sha512) => sha512.hex(),
        }
    }
}

impl Digests {
    /// That by `algorithm`, or that by SHA-256 if it is not known.
    #[must_use]
    pub fn by(&self, algorithm: Algorithm) -> Digest {
        match (algorithm, &self.sha512) {
            (Algorithm::Sha512, Some(sha512)) => Digest::Sha512(**sha512),
            _ => Digest::Sha256(self.sha256),
        }
    }
}

impl DiffId {
    /// The DiffID that `text` writes as `sha256:` and 64 lower-case hexadecimal digits.
    ///
    /// # Errors
    /// When `text` is anything else, a digest of another algorithm included.
    pub fn parse(text: &str) -> Result<Self, DigestError> {
        match Digest::parse(text) {
            Ok(Digest::Sha256(sha256)) => Ok(Self(sha256)),
            Ok(other) => Err(DigestError::DiffId {
                algorithm: other.algorithm().name(),
            }),
            Err(DigestError::Algorithm { algorithm }) => Err(DigestError::DiffId { algorithm }),
            Err(error) => Err(error),
        }
    }

    /// 64 lower-case hexadecimal digits.
    #[must_use]
    pub fn hex(&self) -> String {
        self.0.hex()
    }

    /// The digest of the layer where it is not packed.
    #[must_use]
    pub fn sha256(&self) -> Sha256 {
        self.0
    }
}

impl From<DiffId> for Digest {
    fn from(DiffId(sha256): DiffId) -> Self {
        Self::Sha256(sha256)
    }
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

/// The bytes that `2 * N` lower-case hexadecimal digits write.
fn bytes<const N: usize>(hex: &str) -> Option<[u8; N]> {
    let value = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    if hex.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, digits) in bytes.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
        *byte = value(digits[0])? << 4 | value(digits[1])?;
    }
    Some(bytes)
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm(), self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Digest::Sha256(*self).fmt(f)
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Debug for Sha512 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Digest::Sha512(*self).fmt(f)
    }
}

impl fmt::Display for DiffId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for DiffId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for DiffId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DiffId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

/// A sink that keeps the SHA-256 of the bytes written to it, and their number.
#[derive(Clone, Default, Debug)]
pub struct HashWriter {
    hasher: sha2::Sha256,
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
    pub fn into_sha256(self) -> Sha256 {
        Sha256(self.hasher.finalize().into())
    }

    /// The hash of all bytes written, which the caller knows to be one uncompressed layer.
    #[must_use]
    pub fn into_diff_id(self) -> DiffId {
        DiffId(self.into_sha256())
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

/// A sink that keeps the SHA-512 of the bytes written to it.
#[derive(Clone, Default, Debug)]
pub struct Sha512Writer(sha2::Sha512);

impl Sha512Writer {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The hash of all bytes written.
    #[must_use]
    pub fn into_sha512(self) -> Sha512 {
        Sha512(self.0.finalize().into())
    }
}

impl Write for Sha512Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALGORITHMS: [Algorithm; 2] = [Algorithm::Sha256, Algorithm::Sha512];

    #[test]
    fn the_digests_of_nothing_are_the_well_known_ones() {
        assert_eq!(
            Algorithm::Sha256.digest(b"").to_string(),
            "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        assert_eq!(
            Algorithm::Sha512.digest(b"").to_string(),
            "sha512:cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce\
             47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"
        );
    }

    #[test]
    fn a_digest_reads_as_it_prints() {
        for algorithm in ALGORITHMS {
            let digest = algorithm.digest(b"abc");
            assert_eq!(Digest::parse(&digest.to_string()), Ok(digest));
            assert_eq!(Digest::from_hex(&digest.hex()), Some(digest));
        }
    }

    #[test]
    fn cve_2024_3727_nothing_else_is_a_digest() {
        for algorithm in ALGORITHMS {
            let hex = algorithm.digest(b"abc").hex();
            for wrong in [
                String::new(),
                hex.clone(),
                format!(":{hex}"),
                format!("{algorithm}:"),
                format!("{algorithm}:{}", &hex[1..]),
                format!("{algorithm}:{}", &hex[2..]),
                format!("{algorithm}:{hex}0"),
                format!("{algorithm}:{hex}00"),
                format!("{algorithm}:{}", hex.to_uppercase()),
                format!("SHA{}:{hex}", &algorithm.name()[3..]),
                format!("{algorithm}:../../../../{}", &hex[12..]),
                format!("{algorithm}/../{algorithm}:{hex}"),
                format!("{algorithm}:{hex}\n"),
                format!("../{algorithm}:{hex}"),
                format!("{algorithm}:{}é", &hex[2..]),
            ] {
                let error = Digest::parse(&wrong).unwrap_err().to_string();
                assert!(error.contains("is no digest"), "{error}");
                assert!(!error.contains('\n'), "{error}");
            }
        }
    }

    #[test]
    fn cve_2024_3727_an_algorithm_has_its_own_number_of_digits() {
        for [algorithm, other] in [ALGORITHMS, [Algorithm::Sha512, Algorithm::Sha256]] {
            let text = format!("{algorithm}:{}", other.digest(b"abc").hex());
            let error = Digest::parse(&text).unwrap_err().to_string();
            assert!(error.contains("is no digest"), "{error}");
        }
    }

    #[test]
    fn other_algorithms_are_refused_by_name() {
        let text = format!("blake3:{}", Sha256::of(b"abc").hex());
        let algorithm = "blake3";
        let expected = DigestError::Algorithm { algorithm };
        assert_eq!(Digest::parse(&text), Err(expected));
    }

    #[test]
    fn diff_ids_of_other_algorithms_are_refused_by_name() {
        let hex = Sha256::of(b"abc").hex();
        assert_eq!(
            DiffId::parse(&format!("sha256:{hex}")),
            Ok(DiffId(Sha256::of(b"abc")))
        );
        for (text, algorithm) in [
            (format!("sha512:{hex}{hex}"), "sha512"),
            (format!("blake3:{hex}"), "blake3"),
        ] {
            let expected = DigestError::DiffId { algorithm };
            assert_eq!(DiffId::parse(&text), Err(expected));
        }
        assert!(matches!(
            DiffId::parse(&format!("sha512:{hex}")),
            Err(DigestError::Text { .. })
        ));
    }

    #[test]
    fn a_digest_that_was_not_computed_is_never_taken_for_one() {
        let sha256 = Sha256::of(b"abc");
        let sha512 = Sha512::of(b"abc");
        let unknown = Digests {
            sha256,
            sha512: None,
        };
        assert_eq!(unknown.by(Algorithm::Sha512), Digest::Sha256(sha256));
        let known = Digests {
            sha256,
            sha512: Some(Box::new(sha512)),
        };
        assert_eq!(known.by(Algorithm::Sha256), Digest::Sha256(sha256));
        assert_eq!(known.by(Algorithm::Sha512), Digest::Sha512(sha512));
    }

    #[test]
    fn a_hash_writer_counts_and_hashes_what_passes() {
        let mut writer = HashWriter::new();
        let mut other = Sha512Writer::new();
        for bytes in [b"ab".as_slice(), b"c"] {
            writer.write_all(bytes).unwrap();
            other.write_all(bytes).unwrap();
        }
        assert_eq!(writer.size(), 3);
        assert_eq!(writer.into_sha256(), Sha256::of(b"abc"));
        assert_eq!(other.into_sha512(), Sha512::of(b"abc"));
    }
}
