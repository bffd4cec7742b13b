//! What the headers of all dialects share.

use ::tar::Header;

use crate::tar::plan::{Entry, Kind};
use crate::tree::SpecialKind;

/// The unit of a tar, in bytes: a header is one block, and content is padded to whole ones.
pub const BLOCK: u64 = 512;

/// What GNU tar and Python's `tarfile` pad an archive to, in bytes: a blocking factor of 20.
pub const RECORD: u64 = 20 * BLOCK;

/// The size of a tar whose entries have `entries` bytes, with end marker and padding.
#[must_use]
pub fn whole_size(entries: u64) -> u64 {
    (entries + 2 * BLOCK).next_multiple_of(RECORD)
}

/// The type of an entry as a tar header gives it.
#[must_use]
pub fn typeflag(kind: &Kind) -> u8 {
    match kind {
        Kind::Regular { .. } => b'0',
        Kind::Symlink { .. } => b'2',
        Kind::Special(SpecialKind::CharDevice { .. }) => b'3',
        Kind::Special(SpecialKind::BlockDevice { .. }) => b'4',
        Kind::Directory => b'5',
        Kind::Special(SpecialKind::Fifo) => b'6',
    }
}

/// The major and minor number of a device.
#[must_use]
pub fn device(kind: &Kind) -> Option<(u64, u64)> {
    match *kind {
        Kind::Special(
            SpecialKind::CharDevice { major, minor } | SpecialKind::BlockDevice { major, minor },
        ) => Some((major, minor)),
        _ => None,
    }
}

/// The target of a symlink, else nothing.
pub(crate) fn target(entry: &Entry) -> &[u8] {
    match &entry.kind {
        Kind::Symlink { target } => target,
        _ => b"",
    }
}

/// Copies as much of `text` as the field holds.
pub(crate) fn put(field: &mut [u8], text: &[u8]) {
    let length = text.len().min(field.len());
    field[..length].copy_from_slice(&text[..length]);
}

/// Fills in the checksum: six octal digits, a NUL, a space.
pub(crate) fn seal(header: &mut Header) {
    header.as_old_mut().cksum = *b"        ";
    let sum: u32 = header.as_bytes().iter().map(|byte| u32::from(*byte)).sum();
    put(
        &mut header.as_old_mut().cksum,
        format!("{sum:06o}\0 ").as_bytes(),
    );
}
