//! Reads the fields of one header.

use std::ops::Range;

use tar::Header;

use super::ReadError;
use crate::tar::header::BLOCK;

pub(super) type Block = [u8; BLOCK as usize];

/// The fields of one header. All are read whatever the member is, since programs fail at a bad one
/// even where it means nothing.
pub(super) struct Fields {
    pub(super) at: u64,
    pub(super) name: Vec<u8>,
    pub(super) mode: u32,
    pub(super) uid: u64,
    pub(super) gid: u64,
    pub(super) size: u64,
    pub(super) mtime: u64,
    pub(super) typeflag: u8,
    pub(super) link: Vec<u8>,
    pub(super) uname: Vec<u8>,
    pub(super) gname: Vec<u8>,
    pub(super) device: (u64, u64),
    /// Whether the header is of the POSIX kind.
    pub(super) is_posix: bool,
}

impl Fields {
    pub(super) fn read(block: &Block, at: u64) -> Result<Self, ReadError> {
        let header = Header::from_byte_slice(block);
        let old = header.as_old();
        if !checksum_matches(block, &old.cksum) {
            return Err(ReadError::Checksum { at });
        }
        let field = |range: Range<usize>| until_nul(&block[range]).to_vec();
        let id = |name, bytes| number(at, name, bytes, MAX_ID);
        let device = |bytes| number(at, "device number", bytes, MAX_DEVICE);
        // Headers of before 1988 end behind the target of links.
        let (uname, gname) = if has_prefix(block) || &block[MAGIC] == GNU_MAGIC {
            (field(UNAME), field(GNAME))
        } else {
            (Vec::new(), Vec::new())
        };
        Ok(Self {
            at,
            name: match old.linkflag[0] {
                b'S' => sparse_name(block, at)?,
                _ => header_name(block, at)?,
            },
            mode: u32::try_from(number(at, "mode", &old.mode, u64::MAX)? & 0o7777)
                .unwrap_or_default(),
            uid: id("uid", &old.uid)?,
            gid: id("gid", &old.gid)?,
            size: number(at, "size", &old.size, MAX_SIZE)?,
            mtime: time(at, &old.mtime)?,
            typeflag: old.linkflag[0],
            link: until_nul(&old.linkname).to_vec(),
            uname,
            gname,
            device: (device(&block[DEV_MAJOR])?, device(&block[DEV_MINOR])?),
            is_posix: has_prefix(block),
        })
    }
}

/// Where a header says of which kind it is: a magic and a version.
const MAGIC: Range<usize> = 257..265;

const GNU_MAGIC: &[u8] = b"ustar  \0";

const UNAME: Range<usize> = 265..297;
const GNAME: Range<usize> = 297..329;
const DEV_MAJOR: Range<usize> = 329..337;
const DEV_MINOR: Range<usize> = 337..345;

/// Where POSIX headers have the first part of a long name, and those of `star` a shorter one.
const PREFIX: Range<usize> = 345..500;
const STAR_PREFIX: Range<usize> = 345..476;

/// The largest number of a user or group: Linux takes the one above as "leave it as it is".
pub(super) const MAX_ID: u64 = u32::MAX as u64 - 1;

/// The largest number of a device, or of its driver, that all can count.
const MAX_DEVICE: u64 = i32::MAX as u64;

/// The largest size that programs with signed numbers can count.
pub(super) const MAX_SIZE: u64 = i64::MAX as u64;

fn checksum_matches(block: &Block, field: &[u8]) -> bool {
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum::<u32>()
        - field.iter().map(|byte| u32::from(*byte)).sum::<u32>()
        + 8 * u32::from(b' ');
    octal(field).is_some_and(|stored| stored == u64::from(sum))
}

/// Whether the block is the header of anything.
pub(super) fn is_header(block: &Block) -> bool {
    checksum_matches(block, &Header::from_byte_slice(block).as_old().cksum)
}

/// Whether the header can have a name in two parts, whatever version it claims.
fn has_prefix(block: &Block) -> bool {
    block[MAGIC].starts_with(b"ustar\0")
}

fn header_name(block: &Block, at: u64) -> Result<Vec<u8>, ReadError> {
    let wrong = |what| Err(ReadError::Member { at, what });
    let name = until_nul(&block[..100]);
    if !has_prefix(block) {
        // GNU tar keeps times and maps of sparse files there. Python takes them for a part of the
        // name, and libarchive for a size.
        let is_empty = block[PREFIX].iter().all(|byte| *byte == 0);
        return if is_empty {
            Ok(name.to_vec())
        } else {
            wrong("has something where only POSIX headers have the first part of a long name")
        };
    }
    let prefix = until_nul(&block[PREFIX]);
    if prefix.is_empty() {
        return Ok(name.to_vec());
    }
    let is_star = block.ends_with(b"tar\0");
    if prefix.ends_with(b"/") || (is_star && prefix.len() > STAR_PREFIX.len()) {
        return wrong("has a name in two parts, which programs join in different ways");
    }
    Ok([prefix, name].join(&b'/'))
}

/// The places of a header of the type `S` that are neither the map nor the size of the whole file: times, and
/// numbers of volumes.
const UNUSED_BY_SPARSE: [Range<usize>; 2] = [345..386, 495..512];

/// The name in a header of the type `S`, which has the map of a sparse file where others have the first part of a
/// name.
fn sparse_name(block: &Block, at: u64) -> Result<Vec<u8>, ReadError> {
    let wrong = |what| Err(ReadError::Member { at, what });
    if &block[MAGIC] != GNU_MAGIC {
        return wrong("is a sparse file of GNU tar's own format in a header of another one");
    }
    let mut unused = UNUSED_BY_SPARSE.iter().cloned();
    if unused.any(|place| block[place].iter().any(|byte| *byte != 0)) {
        return wrong(
            "is a sparse file whose header has more than its map, which programs read in different ways",
        );
    }
    Ok(until_nul(&block[..100]).to_vec())
}

pub(super) fn until_nul(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// Reads a number from 0 to `max`.
pub(super) fn number(
    at: u64,
    field: &'static str,
    bytes: &[u8],
    max: u64,
) -> Result<u64, ReadError> {
    let value = match bytes {
        // Base 256; every other value of the first byte is a negative number, or one that is so
        // large that programs differ in it.
        [0x80, rest @ ..] => rest.iter().try_fold(0, |value: u64, byte| {
            Some(value.checked_mul(256)? | u64::from(*byte))
        }),
        _ => octal(bytes),
    };
    value
        .filter(|value| *value <= max)
        .ok_or_else(|| ReadError::Number {
            at,
            field,
            value: bytes.escape_ascii().to_string(),
        })
}

/// Reads a time, in seconds since 1970. An earlier one is as good as 0.
fn time(at: u64, bytes: &[u8]) -> Result<u64, ReadError> {
    match bytes {
        [0xff, rest @ ..] if rest.iter().rev().skip(7).all(|byte| *byte == 0xff) => Ok(0),
        _ => number(at, "mtime", bytes, i64::MAX as u64),
    }
}

/// Octal digits behind blanks, with blanks and NULs behind them; a field of NULs counts as 0.
fn octal(bytes: &[u8]) -> Option<u64> {
    if bytes.iter().all(|byte| *byte == 0) {
        return Some(0);
    }
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\0');
    let start = bytes.iter().position(|byte| *byte != b' ')?;
    let digits = &bytes[start..];
    let end = digits.iter().position(is_blank).unwrap_or(digits.len());
    let (digits, rest) = digits.split_at(end);
    if digits.is_empty() || !rest.iter().all(is_blank) {
        return None;
    }
    digits.iter().try_fold(0_u64, |value, byte| match byte {
        b'0'..=b'7' => value.checked_mul(8)?.checked_add(u64::from(byte - b'0')),
        _ => None,
    })
}
