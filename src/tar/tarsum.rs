//! Computes TarSum, version 1, of a tar: `tarsum.v1+sha256:` and a digest that depends on the
//! members but not on their order and times. Docker's `pkg/tarsum` defines it (`tarsum_spec.md`);
//! the `checksum` of a legacy layer `json` is all that still uses it.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};

use rayon::prelude::*;
use thiserror::Error;

use crate::bytes::decompress::{self, LimitError};
use crate::bytes::digest::{HashWriter, Sha256};
use crate::bytes::parallel;
use crate::bytes::skip::Skip;
use crate::request::limits::Limits;
use crate::tar::header;
use crate::tar::plan::{Entry, Kind, TarPlan, Xattr};
use crate::tar::read::{Member, ReadError, Reader};
use crate::tar::write::{self, WriteError};

/// The TarSum of the tar in `input`, as Docker's Go code computes it.
///
/// # Errors
/// When `input` is not a tar or cannot be read.
pub fn of_reader(input: impl Read) -> Result<String, TarSumError> {
    let mut reader = Reader::new(Streamed(input));
    let mut sums = Vec::new();
    let mut expanded: u64 = 0;
    while let Some(member) = reader.next_member()? {
        if member.sparse.is_some() {
            expanded = expanded.saturating_add(member.size);
            decompress::check_growth(reader.next_header_at(), expanded, &Limits::default())?;
        }
        let mut hash = header_of_member(&member);
        io::copy(&mut reader.content(&member), &mut hash).map_err(TarSumError::Content)?;
        sums.push(hash.into_sha256().hex());
    }
    Ok(of_sums(sums))
}

/// The input of `builder tarsum` is no tar.
#[derive(Debug, Error)]
pub enum TarSumError {
    #[error("cannot compute the TarSum of standard input")]
    Tar(#[from] ReadError),
    #[error("cannot compute the TarSum of standard input, which has sparse files")]
    Holes(#[from] LimitError),
    #[error("cannot compute the TarSum of standard input")]
    Content(#[source] io::Error),
}

/// The TarSum of the tar that `plan` describes; its entries are hashed in parallel. The plan has
/// no prefix.
///
/// # Errors
/// When content cannot be read or has changed.
pub fn of_plan(plan: &TarPlan) -> Result<String, WriteError> {
    debug_assert!(plan.prefix.is_empty(), "the prefix's members are not known");
    let sums = parallel::try_map(plan.entries.par_iter(), |entry| {
        let mut hash = header_of_entry(entry);
        write::write_entry_content(entry, &mut hash)?;
        Ok(hash.into_sha256().hex())
    })?;
    Ok(of_sums(sums))
}

struct Streamed<R>(R);

impl<R: Read> Read for Streamed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl<R: Read> Skip for Streamed<R> {}

fn of_sums(mut sums: Vec<String>) -> String {
    sums.sort_unstable();
    let sum = Sha256::of(sums.concat().as_bytes());
    format!("tarsum.v1+{sum}")
}

fn header_of_entry(entry: &Entry) -> HashWriter {
    let link: &[u8] = match &entry.kind {
        Kind::Symlink { target } => target,
        _ => b"",
    };
    header(&Fields {
        name: &entry.name,
        mode: entry.mode,
        uid: entry.owner.uid,
        gid: entry.owner.gid,
        size: entry.content_size(),
        typeflag: header::typeflag(&entry.kind),
        link,
        device: header::device(&entry.kind).unwrap_or((0, 0)),
        xattrs: &entry.xattrs,
    })
}

fn header_of_member(member: &Member) -> HashWriter {
    header(&Fields {
        name: &member.name,
        mode: member.mode,
        uid: member.uid,
        gid: member.gid,
        size: member.size,
        typeflag: member.kind.typeflag(),
        link: &member.link,
        device: member.device,
        xattrs: &member.xattrs,
    })
}

/// What of a header counts.
struct Fields<'a> {
    name: &'a [u8],
    mode: u32,
    uid: u64,
    gid: u64,
    size: u64,
    typeflag: u8,
    link: &'a [u8],
    device: (u64, u64),
    xattrs: &'a [Xattr],
}

/// Begins the hash of one member. Owner names count as empty, whatever the tar says: Docker's
/// code blanks them since Go 1.10.
fn header(fields: &Fields<'_>) -> HashWriter {
    let mut hash = HashWriter::new();
    put(&mut hash, b"name");
    put(&mut hash, fields.name);
    put(
        &mut hash,
        format!(
            "mode{}uid{}gid{}size{}typeflag{}linkname",
            fields.mode,
            fields.uid,
            fields.gid,
            fields.size,
            char::from(fields.typeflag)
        )
        .as_bytes(),
    );
    put(&mut hash, fields.link);
    let (major, minor) = fields.device;
    put(
        &mut hash,
        format!("unamegnamedevmajor{major}devminor{minor}").as_bytes(),
    );
    // By name, the last of a name; an empty value counts as none.
    let xattrs: BTreeMap<_, _> = fields
        .xattrs
        .iter()
        .map(|(name, value)| (name, value))
        .collect();
    for (name, value) in xattrs.into_iter().filter(|(_, value)| !value.is_empty()) {
        put(&mut hash, name);
        put(&mut hash, value);
    }
    hash
}

fn put(hash: &mut HashWriter, bytes: &[u8]) {
    hash.write_all(bytes).expect("hashing cannot fail");
}
