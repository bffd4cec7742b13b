//! Writes a plan's bytes into a sink, in one forward pass.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::header::BLOCK;
use super::names;
use super::plan::Dialect;
use crate::bytes::source::Range;
use crate::tar::header::whole_size;
use crate::tar::plan::{Content, Entry, Kind, TarPlan};

/// How much is read at once, in bytes. Larger pieces no longer make the copy faster, and every
/// thread that writes a plan holds one.
const PIECE: usize = 256 * 1024;

/// The bytes of a plan could not be read or written.
#[derive(Debug, Error)]
pub enum WriteError {
    #[error("cannot read `{}`", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error(
        "`{}` changed while it was read: it had {planned} bytes and now has {}",
        path.display(), found(*planned, *read)
    )]
    Changed {
        path: PathBuf,
        planned: u64,
        read: u64,
    },
    #[error("cannot write the output")]
    Write(#[source] io::Error),
}

fn found(planned: u64, read: u64) -> String {
    if read > planned {
        "more".to_owned()
    } else {
        format!("{read}")
    }
}

/// Writes `plan` to `out`: its entries, two blocks of zeros, and zeros up to a whole record.
/// What is written has [`TarPlan::size`] bytes.
///
/// # Errors
/// When content cannot be read, has another size than planned, or `out` fails.
pub fn write(plan: &TarPlan, out: &mut dyn Write) -> Result<(), WriteError> {
    let mut piece = vec![0; PIECE];
    write_plan(plan, &mut Out::Writer(out), &mut piece)
}

/// Writes `plan` as [`write`] does, and calls `before` with the place of each entry before it is written: an archive of
/// an image may have one name several times, and some of its members come only if all before them were right.
///
/// # Errors
/// As [`write`], and with the first error of `before`.
pub fn write_watched<E>(
    plan: &TarPlan,
    out: &mut Out<'_>,
    wrap: impl Fn(WriteError) -> E,
    mut before: impl FnMut(usize) -> Result<(), E>,
) -> Result<(), E> {
    let mut piece = vec![0; PIECE];
    for range in &plan.prefix {
        write_range(range, out, &mut piece).map_err(&wrap)?;
    }
    for (place, entry) in plan.entries.iter().enumerate() {
        before(place)?;
        write_whole_entry(plan.dialect, entry, out, &mut piece).map_err(&wrap)?;
    }
    write_zeros(out, plan.size() - plan.unpadded_size()).map_err(wrap)
}

/// Writes `entries` as [`write`] does those of a plan, one after the other as they come. They are those of a tree: a
/// directory before what is in it, and names in order.
///
/// # Errors
/// As [`write`], or with the first error among `entries`.
pub fn write_entries<E>(
    dialect: Dialect,
    entries: impl Iterator<Item = Result<Entry, E>>,
    out: &mut dyn Write,
    wrap: impl Fn(WriteError) -> E,
) -> Result<(), E> {
    let mut piece = vec![0; PIECE];
    let out = &mut Out::Writer(out);
    let mut size = 0;
    let mut last: Option<Vec<u8>> = None;
    for entry in entries {
        let entry = entry?;
        if cfg!(debug_assertions) {
            let last = last.replace(entry.name.clone());
            let is_behind = last.is_none_or(|last| names::is_behind(&last, &entry.name));
            assert!(is_behind, "a path is in a tar twice, or out of order");
        }
        write_whole_entry(dialect, &entry, out, &mut piece).map_err(&wrap)?;
        size += dialect.entry_size(&entry);
    }
    write_zeros(out, whole_size(size) - size).map_err(wrap)
}

/// Where a tar is written to.
pub enum Out<'a> {
    Writer(&'a mut dyn Write),
    /// A pipe, a socket or a file: the kernel copies content to it by itself.
    Descriptor(&'a File),
}

impl std::fmt::Debug for Out<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Writer(_) => "Writer",
            Self::Descriptor(_) => "Descriptor",
        })
    }
}

impl Write for Out<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Writer(out) => out.write(bytes),
            Self::Descriptor(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Writer(out) => out.flush(),
            Self::Descriptor(out) => out.flush(),
        }
    }
}

fn write_plan(plan: &TarPlan, out: &mut Out<'_>, piece: &mut [u8]) -> Result<(), WriteError> {
    debug_assert_eq!(names::twice(plan), None, "a path is in a tar twice");
    for range in &plan.prefix {
        write_range(range, out, piece)?;
    }
    for entry in &plan.entries {
        write_whole_entry(plan.dialect, entry, out, piece)?;
    }
    write_zeros(out, plan.size() - plan.unpadded_size())
}

fn write_whole_entry(
    dialect: Dialect,
    entry: &Entry,
    out: &mut Out<'_>,
    piece: &mut [u8],
) -> Result<(), WriteError> {
    out.write_all(&dialect.headers(entry))
        .map_err(WriteError::Write)?;
    write_content(entry, out, piece)?;
    let size = entry.content_size();
    write_zeros(out, size.next_multiple_of(BLOCK) - size)
}

/// Writes the bytes of `entry`, without padding.
///
/// # Errors
/// As [`write`].
pub fn write_entry_content(entry: &Entry, out: &mut dyn Write) -> Result<(), WriteError> {
    match &entry.kind {
        Kind::Regular { size, content } => write_bytes(content, *size, out),
        _ => Ok(()),
    }
}

/// Writes the `size` bytes of `content`.
///
/// # Errors
/// As [`write`].
pub fn write_bytes(content: &Content, size: u64, out: &mut dyn Write) -> Result<(), WriteError> {
    let mut piece = vec![0; PIECE.min(size as usize + 1)];
    write_bytes_of(content, size, &mut Out::Writer(out), &mut piece)
}

fn write_content(entry: &Entry, out: &mut Out<'_>, piece: &mut [u8]) -> Result<(), WriteError> {
    match &entry.kind {
        Kind::Regular { size, content } => write_bytes_of(content, *size, out, piece),
        _ => Ok(()),
    }
}

fn write_bytes_of(
    content: &Content,
    size: u64,
    out: &mut Out<'_>,
    piece: &mut [u8],
) -> Result<(), WriteError> {
    match content {
        Content::Inline(bytes) => out.write_all(bytes).map_err(WriteError::Write),
        Content::File(path) => write_file(path, size, out, piece),
        Content::Range(range) => write_range(range, out, piece),
        Content::Tar(plan) => write_plan(plan, out, piece),
    }
}

fn write_file(
    path: &Path,
    size: u64,
    out: &mut Out<'_>,
    piece: &mut [u8],
) -> Result<(), WriteError> {
    let read = |source| WriteError::Read {
        path: path.to_owned(),
        source,
    };
    let changed = |read| WriteError::Changed {
        path: path.to_owned(),
        planned: size,
        read,
    };
    let mut file = File::open(path).map_err(read)?;
    let mut total = 0;
    if let Out::Descriptor(out) = out {
        total = io::copy(&mut (&file).take(size), out).map_err(|source| {
            if is_of_output(&source) {
                WriteError::Write(source)
            } else {
                read(source)
            }
        })?;
    }
    // One byte more than planned is asked for, so that a file which grew is noticed.
    loop {
        let wanted = (size + 1 - total).min(piece.len() as u64) as usize;
        let got = match file.read(&mut piece[..wanted]) {
            Ok(got) => got,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(read(error)),
        };
        total += got as u64;
        if total > size || (got == 0 && total < size) {
            return Err(changed(total));
        }
        if got == 0 {
            return Ok(());
        }
        out.write_all(&piece[..got]).map_err(WriteError::Write)?;
    }
}

/// Whether an error of copying in the kernel, which has two sides, is of the side written to.
fn is_of_output(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, FileTooLarge, QuotaExceeded, StorageFull};
    matches!(
        error.kind(),
        BrokenPipe | FileTooLarge | QuotaExceeded | StorageFull
    )
}

fn write_range(range: &Range, out: &mut Out<'_>, piece: &mut [u8]) -> Result<(), WriteError> {
    let read_error = |source| WriteError::Read {
        path: range.source.path().to_owned(),
        source,
    };
    let range = &Range {
        source: range.source.held().map_err(read_error)?,
        ..range.clone()
    };
    let mut written = 0;
    while written < range.size {
        let wanted = (range.size - written).min(piece.len() as u64) as usize;
        let got = range
            .read_at(&mut piece[..wanted], written)
            .map_err(read_error)?;
        if got == 0 {
            return Err(WriteError::Changed {
                path: range.source.path().to_owned(),
                planned: range.offset + range.size,
                read: range.offset + written,
            });
        }
        out.write_all(&piece[..got]).map_err(WriteError::Write)?;
        written += got as u64;
    }
    Ok(())
}

/// Writes `count` bytes of zeros.
///
/// # Errors
/// When `out` fails.
pub fn write_zeros(out: &mut dyn Write, count: u64) -> Result<(), WriteError> {
    io::copy(&mut io::repeat(0).take(count), out)
        .map(drop)
        .map_err(WriteError::Write)
}
