//! Orders the members of an image archive and plans its tar.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;

use crate::bytes::source::{Range, RangeReader};
use crate::bytes::spool::{self, Spool};
use crate::foreign::archive::member_path::MemberPath;
use crate::foreign::archive::{Archive, ArchiveFile, ArchiveMember};
use crate::tar::owner::Owner;
use crate::tar::plan::{Entry, Kind, TarPlan};

/// The members of an archive to write, by name and so in the order of GNU tar's `--sort=name`.
pub type Members = BTreeMap<MemberPath, Planned>;

/// The content of an archive could not be copied where it can be read in any order.
#[derive(Debug, Error)]
#[error(
    "cannot copy image `{}` to a temporary file in `{}`",
    path.display(), directory.display()
)]
pub struct CopyError {
    path: PathBuf,
    directory: PathBuf,
    source: spool::SpoolError,
}

/// One member to write.
#[derive(Debug)]
pub struct Planned {
    pub mode: u32,
    pub kind: Kind,
}

/// Plans the archive: `./` first, then `members`, and before each the directories it lies in.
/// What `members` does not list of these has `directory_mode`, as has `./`. All belong to root.
#[must_use]
pub fn into_plan(mut members: Members, directory_mode: u32, mtime: u64) -> TarPlan {
    let parents: BTreeSet<MemberPath> = members
        .keys()
        .flat_map(|path| (0..path.len()).map(|length| &path[..length]))
        .filter(|parent| !members.contains_key(*parent))
        .map(<[_]>::to_vec)
        .collect();
    for parent in parents {
        members.entry(parent).or_insert(Planned {
            mode: directory_mode,
            kind: Kind::Directory,
        });
    }
    let owner = Arc::new(Owner::root());
    let entries = members.into_iter().map(|(path, planned)| {
        let mut name = path.join(&b'/');
        if name.is_empty() {
            name.push(b'.');
        }
        if matches!(planned.kind, Kind::Directory) {
            name.push(b'/');
        }
        Entry {
            name,
            kind: planned.kind,
            mode: planned.mode,
            owner: Arc::clone(&owner),
            mtime,
            xattrs: Vec::new(),
        }
    });
    TarPlan {
        entries: entries.collect(),
        ..TarPlan::default()
    }
}

/// Whether the contents of `members`, taken by name, follow each other in their archive.
#[must_use]
pub fn is_in_order(members: &BTreeMap<MemberPath, ArchiveMember>) -> bool {
    let mut ranges = members.values().filter_map(range);
    let mut end = 0;
    ranges.all(|range| {
        let follows = range.offset >= end;
        end = range.stored_end();
        follows
    })
}

/// Makes the contents of `archive` ready to leave. Unless `is_in_order`, those of a compressed one
/// are copied to a file in `directory` that vanishes with us: out of their order they cannot be
/// uncompressed on the fly.
///
/// # Errors
/// When the archive cannot be read or the file not be written.
pub fn spool(archive: &mut Archive, is_in_order: bool, directory: &Path) -> Result<(), CopyError> {
    if !archive.is_compressed || is_in_order {
        return Ok(());
    }
    let copied = copy(&mut archive.members, directory);
    copied.map_err(|source| CopyError {
        path: archive.path.clone(),
        directory: directory.to_owned(),
        source,
    })?;
    archive.is_compressed = false;
    Ok(())
}

/// Copies the contents of `members`, which all come from one archive, to a file in `directory`, in the order of
/// that archive, and lets the members refer to the copy.
fn copy(
    members: &mut BTreeMap<MemberPath, ArchiveMember>,
    directory: &Path,
) -> Result<(), spool::SpoolError> {
    let by_offset: BTreeMap<u64, Range> = members
        .values()
        .filter_map(range)
        .map(|range| (range.offset, range.clone()))
        .collect();
    let mut spool = Spool::new(directory);
    let mut copied = BTreeMap::new();
    for (offset, range) in by_offset {
        copied.insert(offset, spool.copy(&mut RangeReader::new(range))?);
    }
    for member in members.values_mut() {
        if let ArchiveMember::File(ArchiveFile { range, .. }) = member {
            *range = copied[&range.offset].clone();
        }
    }
    Ok(())
}

fn range(member: &ArchiveMember) -> Option<&Range> {
    match member {
        ArchiveMember::File(file) => Some(&file.range),
        _ => None,
    }
}
