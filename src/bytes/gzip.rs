//! Uncompresses gzip, several members at a time where they say how long they are. gzp writes such
//! members and so do we, which makes an image of ours quick to build on. Whatever else is gzip is
//! uncompressed as one stream.
//!
//! The length stands in an extra field (RFC 1952, section 2.3.1.1) `IG`, whose four bytes count the
//! whole member.

use std::io::{self, Chain, Cursor, Read};

use flate2::read::MultiGzDecoder;
use libdeflater::Decompressor;
use rayon::prelude::*;

/// The header of a member that says how long it is, in bytes.
const HEADER: usize = 20;

/// The checksum and the size behind a member's content, in bytes.
const FOOTER: usize = 8;

/// Members larger than this, in bytes, packed or not, go through the stream decoder: they would
/// have to be in memory as a whole. Ours have 512 KiB.
const MAX_MEMBER: usize = 2 << 20;

/// How many members are uncompressed at a time. With ours, that is 4 MB.
const BATCH: usize = 8;

/// The uncompressed content of gzip members.
#[derive(Debug)]
pub struct Gzip<R: Read> {
    input: Input<R>,
    /// The members of one batch, the first `filled` of them with content. Their buffers are used
    /// again, since fresh memory costs more than what is done with it.
    members: Vec<Member>,
    filled: usize,
    /// Up to which member, and which byte of it, the content has been read.
    at: (usize, usize),
}

#[derive(Debug, Default)]
struct Member {
    packed: Vec<u8>,
    content: Vec<u8>,
}

#[derive(Debug)]
enum Input<R: Read> {
    /// As long as every member says how long it is.
    Members(R),
    /// From the first member on that does not.
    Stream(Box<MultiGzDecoder<Chain<Cursor<Vec<u8>>, R>>>),
    /// While one of them becomes the other.
    Nothing,
}

impl<R: Read> Gzip<R> {
    pub fn new(input: R) -> Self {
        Self {
            input: Input::Members(input),
            members: Vec::new(),
            filled: 0,
            at: (0, 0),
        }
    }

    /// Uncompresses the next members, if any is left that says how long it is.
    fn refill(&mut self) -> io::Result<()> {
        self.filled = 0;
        self.at = (0, 0);
        self.members.resize_with(BATCH, Member::default);
        let Input::Members(input) = &mut self.input else {
            return Ok(());
        };
        while let Some(member) = self.members.get_mut(self.filled) {
            match read_member(input, &mut member.packed)? {
                Found::Sized => self.filled += 1,
                Found::End => break,
                Found::Other => {
                    let read = std::mem::take(&mut member.packed);
                    self.stream_from(read);
                    break;
                }
            }
        }
        self.members[..self.filled]
            .par_iter_mut()
            .try_for_each_init(Decompressor::new, uncompress)
    }

    /// Leaves `read`, which has been read of the input, and all behind it to the stream decoder.
    fn stream_from(&mut self, read: Vec<u8>) {
        if let Input::Members(input) = std::mem::replace(&mut self.input, Input::Nothing) {
            let all = Cursor::new(read).chain(input);
            self.input = Input::Stream(Box::new(MultiGzDecoder::new(all)));
        }
    }
}

impl<R: Read> Read for Gzip<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let (index, offset) = self.at;
            if index < self.filled {
                let content = &self.members[index].content;
                let length = buffer.len().min(content.len() - offset);
                buffer[..length].copy_from_slice(&content[offset..offset + length]);
                self.at = (index, offset + length);
                if self.at.1 == content.len() {
                    self.at = (index + 1, 0);
                }
                if length > 0 || buffer.is_empty() {
                    return Ok(length);
                }
                continue;
            }
            if let Input::Stream(stream) = &mut self.input {
                return stream.read(buffer);
            }
            self.refill()?;
            if self.filled == 0 && !matches!(self.input, Input::Stream(_)) {
                return Ok(0);
            }
        }
    }
}

/// What comes next in the input.
enum Found {
    /// A whole member that says how long it is.
    Sized,
    /// Something else; what has been read of it is in the buffer.
    Other,
    End,
}

fn read_member(input: &mut impl Read, packed: &mut Vec<u8>) -> io::Result<Found> {
    packed.clear();
    input.by_ref().take(HEADER as u64).read_to_end(packed)?;
    if packed.is_empty() {
        return Ok(Found::End);
    }
    let Some(size) = member_size(packed) else {
        return Ok(Found::Other);
    };
    let rest = (size - HEADER) as u64;
    input.by_ref().take(rest).read_to_end(packed)?;
    Ok(match content_size(packed, size) {
        Some(_) => Found::Sized,
        None => Found::Other,
    })
}

/// How long the member with this header says that it is, if that is a length to uncompress it as a
/// whole.
fn member_size(header: &[u8]) -> Option<usize> {
    let fixed = header.len() == HEADER
        && header.starts_with(&[0x1f, 0x8b, 8, 4])
        && header[10..16] == [8, 0, b'I', b'G', 4, 0];
    let size = u32::from_le_bytes(header.get(16..20)?.try_into().ok()?) as usize;
    (fixed && (HEADER + FOOTER..=MAX_MEMBER).contains(&size)).then_some(size)
}

/// How long the content of a whole member says that it is, if that is no more than we want in
/// memory.
fn content_size(member: &[u8], size: usize) -> Option<usize> {
    let content = u32::from_le_bytes(member.last_chunk().copied()?) as usize;
    (member.len() == size && content <= MAX_MEMBER).then_some(content)
}

fn uncompress(decompressor: &mut Decompressor, member: &mut Member) -> io::Result<()> {
    let size = content_size(&member.packed, member.packed.len()).unwrap_or_default();
    member.content.resize(size, 0);
    decompressor
        .gzip_decompress(&member.packed, &mut member.content)
        .ok()
        .filter(|written| *written == size)
        .map(drop)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "corrupt gzip member"))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::bytes::compress;
    use crate::bytes::compression::Compressor;

    fn ours(content: &[u8]) -> Vec<u8> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("gz");
        let file = std::fs::File::create(&path).unwrap();
        let wrap = |error| error;
        compress::write(file, Compressor::Gzip, 2, wrap, |out| {
            out.write_all(content)
        })
        .unwrap();
        std::fs::read(path).unwrap()
    }

    fn stream(content: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    fn content() -> Vec<u8> {
        (0..5_000_000_u32)
            .flat_map(|n| (n / 7).to_le_bytes())
            .collect()
    }

    #[track_caller]
    fn check(packed: &[u8], expected: &[u8]) {
        let mut content = Vec::new();
        Gzip::new(packed).read_to_end(&mut content).unwrap();
        assert!(content == expected);
    }

    #[test]
    fn members_with_and_without_a_length_are_read() {
        let content = content();
        check(&ours(&content), &content);
        check(&stream(&content), &content);
        check(&ours(b""), b"");
    }

    #[test]
    fn members_of_both_kinds_may_follow_each_other() {
        let content = content();
        let twice = [content.as_slice(), b"tail"].concat();
        check(&[ours(&content), stream(b"tail")].concat(), &twice);
        check(&[ours(&content), ours(b"tail")].concat(), &twice);
        check(&[stream(&content), ours(b"tail")].concat(), &twice);
    }

    #[test]
    fn damage_is_noticed() {
        let packed = ours(&content());
        let mut flipped = packed.clone();
        flipped[packed.len() / 2] ^= 1;
        let cut = &packed[..packed.len() - 5];
        for damaged in [flipped.as_slice(), cut] {
            assert!(Gzip::new(damaged).read_to_end(&mut Vec::new()).is_err());
        }
    }

    #[test]
    fn a_false_length_does_no_harm() {
        for size in [0_u32, 27, 28, 1 << 20, u32::MAX] {
            let mut packed = ours(b"content");
            packed[16..20].copy_from_slice(&size.to_le_bytes());
            let mut content = Vec::new();
            match Gzip::new(packed.as_slice()).read_to_end(&mut content) {
                Ok(_) => assert_eq!(content, b"content"),
                Err(error) => assert!(!error.to_string().is_empty()),
            }
        }
    }
}
