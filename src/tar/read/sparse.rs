//! Reads the maps of sparse files: which parts of a file a tar has, with zeros between them. They are described in
//! GNU tar's manual, "Storing Sparse Files": the type `S` of its own format, and the versions 0.0, 0.1 and 1.0 of
//! its records in the pax format, of which bsdtar writes the last.

use std::mem;

use super::extensions::decimal;
use super::fields::{Block, MAX_SIZE, number};
use super::{MAX_EXTENSION, ReadError};
use crate::bytes::sparse::{Part, SparseMap};
use crate::tar::header::BLOCK;

/// Makes the map of a file of `size` bytes, of which `stored` are there, from the offset and the size of each
/// part, which `at` is the header of.
fn map(at: u64, listed: &[(u64, u64)], size: u64, stored: u64) -> Result<SparseMap, ReadError> {
    let wrong = |what| Err(ReadError::Sparse { at, what });
    let mut parts: Vec<Part> = Vec::new();
    let (mut end, mut stored_at) = (0, 0_u64);
    for &(from, count) in listed {
        if from < end {
            return wrong("has parts that overlap, or are not in their order");
        }
        end = match from.checked_add(count) {
            Some(end) if end <= size => end,
            _ => return wrong("has a part that goes on behind its end"),
        };
        if count == 0 {
            continue;
        }
        if !stored_at.is_multiple_of(BLOCK) {
            return wrong(
                "has a part that ends within a block, where GNU tar looks for the next part in another place",
            );
        }
        parts.push(Part {
            at: from,
            stored_at,
            size: count,
        });
        stored_at += count;
    }
    if listed.is_empty() && size > 0 {
        return wrong("has a map that lists nothing, which programs read in different ways");
    }
    if end < size {
        return wrong("has a map that says nothing of its end, where GNU tar would cut it off");
    }
    if stored_at != stored {
        return Err(ReadError::SparseSize {
            at,
            listed: stored_at,
            stored,
        });
    }
    Ok(SparseMap {
        parts,
        size,
        stored,
    })
}

/// What the records `GNU.sparse.*` of one extension header say.
#[derive(Debug, Default)]
pub(super) struct Records {
    is_there: bool,
    major: Option<u64>,
    minor: Option<u64>,
    pub(super) name: Option<Vec<u8>>,
    /// The size of the whole file, in bytes, as versions 0.0 and 0.1 call it.
    size: Option<u64>,
    /// The same as version 1.0 calls it.
    real_size: Option<u64>,
    count: Option<u64>,
    /// Version 0.1.
    map: Option<Vec<(u64, u64)>>,
    /// Version 0.0 gives the offset and the size of each part in records of their own.
    offset: Option<u64>,
    listed: Vec<(u64, u64)>,
}

/// A sparse file of which the records are known.
#[derive(Debug)]
pub(super) enum Sparse {
    /// With the parts, and the size of the whole file.
    Listed(Vec<(u64, u64)>, u64),
    /// With the size of the whole file; the map is in front of the content.
    InContent(u64),
}

/// What is wrong with the records of a sparse file.
type What = &'static str;

const NO_NUMBER: What = "has a number of a sparse file that is none";
const MIXED: What =
    "describes a sparse file by records that do not belong together, or not in their order";

impl Records {
    /// Takes in the record `GNU.sparse.KEY`.
    pub(super) fn take(&mut self, key: &[u8], value: &[u8]) -> Result<(), What> {
        self.is_there = true;
        match key {
            b"major" => once(&mut self.major, value),
            b"minor" => once(&mut self.minor, value),
            b"size" => once(&mut self.size, value),
            b"realsize" => once(&mut self.real_size, value),
            b"numblocks" => once(&mut self.count, value),
            b"name" => self.take_name(value),
            b"map" => self.take_map(value),
            // GNU tar makes room for as many parts as it was told before.
            b"offset" if self.offset.is_none() && self.count.is_some() => {
                once(&mut self.offset, value)
            }
            b"numbytes" => self.take_part(value),
            _ => Err("has a record of sparse files that no program knows, or in the wrong place"),
        }
    }

    fn take_name(&mut self, value: &[u8]) -> Result<(), What> {
        if value.is_empty() || value.contains(&0) {
            return Err("gives a sparse file an empty name, or one with a NUL");
        }
        if self.name.replace(value.to_vec()).is_some() {
            return Err("gives a sparse file two names");
        }
        Ok(())
    }

    fn take_map(&mut self, value: &[u8]) -> Result<(), What> {
        if self.count.is_none() || self.map.is_some() {
            return Err(MIXED);
        }
        let numbers: Option<Vec<u64>> = value.split(|byte| *byte == b',').map(size).collect();
        let numbers = numbers.filter(|numbers| numbers.len().is_multiple_of(2));
        let pairs = numbers.ok_or(NO_NUMBER)?;
        let pairs = pairs.chunks_exact(2).map(|pair| (pair[0], pair[1]));
        self.map = Some(pairs.collect());
        Ok(())
    }

    fn take_part(&mut self, value: &[u8]) -> Result<(), What> {
        let offset = self.offset.take().ok_or(MIXED)?;
        let part = (offset, size(value).ok_or(NO_NUMBER)?);
        self.listed.push(part);
        Ok(())
    }

    /// Whether the parts have records of their own, which Python looks for in the values of all others too.
    pub(super) fn is_listed(&self) -> bool {
        !self.listed.is_empty()
    }

    /// What all records say together.
    pub(super) fn finish(&mut self) -> Result<Option<Sparse>, What> {
        if !self.is_there {
            return Ok(None);
        }
        let version = self.major.zip(self.minor);
        if version.is_some() != (self.major.is_some() || self.minor.is_some()) {
            return Err("describes a sparse file of half a version");
        }
        if self.offset.is_some() {
            return Err(NO_NUMBER);
        }
        let listed = mem::take(&mut self.listed);
        let map = self.map.take();
        match (version, self.size, self.real_size, map) {
            (Some((1, 0)), None, Some(size), None) if listed.is_empty() && self.count.is_none() => {
                Ok(Some(Sparse::InContent(size)))
            }
            (None | Some((0, 0 | 1)), Some(size), None, map) => {
                let parts = match map {
                    Some(map) if listed.is_empty() => map,
                    None => listed,
                    Some(_) => return Err(MIXED),
                };
                if self.count != Some(parts.len() as u64) {
                    return Err("says that a sparse file has another number of parts than it has");
                }
                Ok(Some(Sparse::Listed(parts, size)))
            }
            (Some((0, 0 | 1) | (1, 0)) | None, ..) => Err(MIXED),
            _ => Err("describes a sparse file of a version that no program knows"),
        }
    }
}

/// Whether `path` is what GNU tar calls the sparse file `name` for programs that know nothing of such files, in a
/// record too where the name does not fit the header. Python alone takes it for the name.
pub(super) fn is_stand_in(path: &[u8], name: &[u8]) -> bool {
    let (directory, base) = match name.iter().rposition(|byte| *byte == b'/') {
        Some(at) => (&name[..at], &name[at + 1..]),
        None => (&b"."[..], name),
    };
    let rest = path.strip_prefix(directory);
    let rest = rest.and_then(|rest| rest.strip_prefix(b"/GNUSparseFile."));
    let number = rest.and_then(|rest| rest.strip_suffix(base)?.strip_suffix(b"/"));
    number.is_some_and(|number| decimal(number).is_some())
}

fn size(digits: &[u8]) -> Option<u64> {
    decimal(digits).filter(|size| *size <= MAX_SIZE)
}

/// Takes in a number that may be there once.
fn once(slot: &mut Option<u64>, value: &[u8]) -> Result<(), What> {
    // Versions are compared as texts: `01` is none.
    let is_plain = value == b"0" || !value.starts_with(b"0");
    let number = size(value).filter(|_| is_plain).ok_or(NO_NUMBER)?;
    match slot.replace(number) {
        None => Ok(()),
        Some(_) => Err("has a record of a sparse file twice"),
    }
}

/// A map that is read block by block.
pub(super) trait Source {
    /// The next block of the tar.
    fn next(&mut self) -> Result<Block, ReadError>;
}

/// What reading a map found.
pub(super) struct Found {
    pub(super) map: SparseMap,
    /// How many bytes of the tar had the map, behind the header.
    pub(super) read: u64,
}

/// The map of version 0.0 or 0.1.
pub(super) fn listed(
    at: u64,
    parts: &[(u64, u64)],
    size: u64,
    stored: u64,
) -> Result<Found, ReadError> {
    let map = map(at, parts, size, stored)?;
    Ok(Found { map, read: 0 })
}

/// Reads the map of version 1.0, which is the beginning of a content of `content` bytes: decimal numbers, each with
/// a newline behind it; how many parts there are, then the offset and the size of each; and padding up to a block.
pub(super) fn in_content(
    at: u64,
    size: u64,
    content: u64,
    input: &mut impl Source,
) -> Result<Found, ReadError> {
    let wrong = |what| ReadError::Sparse { at, what };
    let mut text = Text {
        at,
        input,
        block: Vec::new(),
        read: 0,
        max: content,
    };
    let count = text.number()?;
    let mut parts = Vec::new();
    for _ in 0..count {
        parts.push((text.number()?, text.number()?));
    }
    let read = text.read;
    let stored = content.checked_sub(read);
    let stored = stored.ok_or_else(|| wrong("has a map that is longer than its content"))?;
    let map = map(at, &parts, size, stored)?;
    Ok(Found { map, read })
}

struct Text<'a, S> {
    at: u64,
    input: &'a mut S,
    /// What is left of the last block.
    block: Vec<u8>,
    /// In bytes.
    read: u64,
    max: u64,
}

/// The most digits that a number has.
const MAX_DIGITS: usize = 20;

impl<S: Source> Text<'_, S> {
    fn number(&mut self) -> Result<u64, ReadError> {
        let at = self.at;
        let wrong = |what| ReadError::Sparse { at, what };
        let no_number = || wrong("has a map that is no list of numbers");
        let length = loop {
            if let Some(length) = self.block.iter().position(|byte| *byte == b'\n') {
                break length;
            }
            if self.block.len() > MAX_DIGITS {
                return Err(no_number());
            }
            if self.read + BLOCK > self.max {
                return Err(wrong("has a map that is longer than its content"));
            }
            if self.read + BLOCK > MAX_EXTENSION {
                return Err(ReadError::SparseMapSize { at });
            }
            let block = self.input.next()?;
            self.block.extend(block);
            self.read += BLOCK;
        };
        let number = size(&self.block[..length]).filter(|_| length <= MAX_DIGITS);
        self.block.drain(..=length);
        number.ok_or_else(no_number)
    }
}

/// Where a header of the type `S` has the first parts, how long the place of one is, and how many there are.
const FIRST_PARTS: usize = 386;
const PART: usize = 24;
const FIRST_COUNT: usize = 4;
/// Whether more blocks follow, and the size of the whole file.
const IS_EXTENDED: usize = 482;
const REAL_SIZE: std::ops::Range<usize> = 483..495;

/// How many parts a further block has, and where it says whether another one follows.
const MORE_COUNT: usize = 21;
const MORE_IS_EXTENDED: usize = 504;

/// Reads the map of a file of the type `S`, which `header` and the blocks behind it have, of a file of which
/// `stored` bytes are there.
pub(super) fn old(
    at: u64,
    header: &Block,
    stored: u64,
    input: &mut impl Source,
) -> Result<Found, ReadError> {
    let size = number(at, "size of the whole file", &header[REAL_SIZE], MAX_SIZE)?;
    let first = &header[FIRST_PARTS..][..FIRST_COUNT * PART];
    let mut parts = Vec::new();
    let mut is_full = take_places(at, first, &mut parts, false)?;
    let mut is_extended = header[IS_EXTENDED] != 0;
    let mut read = 0;
    while is_extended {
        if !is_full {
            let what = "has a map that goes on behind its end";
            return Err(ReadError::Sparse { at, what });
        }
        if read + BLOCK > MAX_EXTENSION {
            return Err(ReadError::SparseMapSize { at });
        }
        let block = input.next()?;
        read += BLOCK;
        is_full = take_places(at, &block[..MORE_COUNT * PART], &mut parts, true)?;
        is_extended = block[MORE_IS_EXTENDED] != 0;
    }
    let map = map(at, &parts, size, stored)?;
    Ok(Found { map, read })
}

/// Takes in the parts of one block, and says whether all places have one. Some programs take an offset that begins
/// with a NUL for the end of the list, and others a size.
fn take_places(
    at: u64,
    places: &[u8],
    parts: &mut Vec<(u64, u64)>,
    is_more: bool,
) -> Result<bool, ReadError> {
    let wrong = |what| Err(ReadError::Sparse { at, what });
    let mut is_full = true;
    for place in places.chunks_exact(PART) {
        let (offset, size) = place.split_at(PART / 2);
        if place.iter().all(|byte| *byte == 0) {
            is_full = false;
            continue;
        }
        if !is_full || offset[0] == 0 || size[0] == 0 {
            return wrong("has a map with an empty place before its end");
        }
        let field = "part of a sparse file";
        let part = (
            number(at, field, offset, MAX_SIZE)?,
            number(at, field, size, MAX_SIZE)?,
        );
        // Python leaves those out.
        if is_more && part.0 == 0 && part.1 > 0 {
            return wrong(
                "has its first part behind empty ones, which programs read in different ways",
            );
        }
        parts.push(part);
    }
    Ok(is_full)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stand_in_is_told_from_another_name() {
        let is = |path: &str, name: &str| is_stand_in(path.as_bytes(), name.as_bytes());
        assert!(is("a/b/GNUSparseFile.51/c", "a/b/c"));
        assert!(is("./GNUSparseFile.0/c", "c"));
        for path in [
            "a/b/c",
            "a/GNUSparseFile.51/c",
            "a/b/GNUSparseFile.51/d",
            "a/b/GNUSparseFile./c",
            "a/b/GNUSparseFile.5/../c",
            "a/b/GNUSparseFile.x/c",
            "a/b/GNUSparseFile.51c",
            "",
        ] {
            assert!(!is(path, "a/b/c"), "{path}");
        }
    }
}
