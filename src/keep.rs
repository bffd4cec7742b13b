//! Leaves of an archive only the members that images consist of, with layers that engines read and by
//! names that are ours: nothing of an OCI layout without its index, and nothing that speaks of layers
//! that are elsewhere now.

use std::collections::BTreeSet;
use std::path::Path;

use thiserror::Error;

use crate::archive::{Archive, ArchiveError, ArchiveFile, ArchiveMember, MemberPath, shown};
use crate::base::{self, BaseLayer};
use crate::members::{self, SpoolError};

/// Who asks for a member, in messages.
const NEEDED_BY: &str = "its manifest names";

/// The members of an image could not be told from the rest.
#[derive(Debug, Error)]
pub enum KeepError {
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error(transparent)]
    Spool(#[from] SpoolError),
}

/// A member that stays, and what it is called from then on. Where two become one, both have been
/// compared with the digests that they are called by.
#[derive(Debug, Clone)]
pub struct Kept {
    pub name: String,
    pub member: String,
}

/// Keeps the members `others` and those of `layers`, which are unpacked and called otherwise if need
/// be. Links that lead to them stay too.
///
/// # Errors
/// When one is missing, or a compressed archive cannot be copied to `temporary`.
pub fn only(
    archive: &mut Archive,
    others: &[Kept],
    layers: &[BaseLayer],
    temporary: &Path,
) -> Result<(), KeepError> {
    let others = others.iter().map(|other| Moving {
        name: &other.name,
        member: &other.member,
        unpacked: None,
    });
    let layers = layers.iter().map(|layer| Moving {
        name: &layer.name,
        member: &layer.member,
        unpacked: layer.is_unpacked().then_some(layer),
    });
    let all: Vec<Moving<'_>> = others.chain(layers).collect();
    let needed = needed(archive, all.iter().map(|kept| kept.name))?;
    let leads_to = |path: &MemberPath| needed.iter().any(|name| name.starts_with(path));
    archive.members.retain(|path, _| leads_to(path));

    if all.iter().any(|kept| kept.unpacked.is_some()) {
        spool(archive, temporary)?;
    }
    let (moving, staying): (Vec<_>, Vec<_>) = all.iter().partition(|kept| kept.moves());
    Ok(move_all(archive, &moving, &staying)?)
}

/// A member that stays, and where.
struct Moving<'a> {
    name: &'a str,
    member: &'a str,
    /// The layer that is unpacked in its place.
    unpacked: Option<&'a BaseLayer>,
}

impl Moving<'_> {
    fn moves(&self) -> bool {
        self.name != self.member
    }
}

/// Puts each of `moving` where it is to be, beside those that are `staying`.
fn move_all(
    archive: &mut Archive,
    moving: &[&Moving<'_>],
    staying: &[&Moving<'_>],
) -> Result<(), ArchiveError> {
    let staying: BTreeSet<&str> = staying.iter().map(|kept| kept.name).collect();
    let mut moved = Vec::new();
    for one in moving {
        let file = archive.file(one.name, NEEDED_BY)?.clone();
        let range = match one.unpacked {
            Some(layer) => base::unpacked(file.range, layer.packing, layer.size, &archive.limits),
            // A blob of that name is there already, and its bytes have been compared with the name.
            None if staying.contains(one.member) => continue,
            None => file.range,
        };
        let name = archive.member_path(one.member.as_bytes())?;
        moved.push((name, ArchiveFile { range, ..file }));
    }
    let staying = needed(archive, staying.into_iter())?;
    for name in needed(archive, moving.iter().map(|kept| kept.name))? {
        if !staying.contains(&name) {
            archive.members.remove(&name);
        }
    }
    move_directory(archive);
    // Before any of them is there, since a layer may occur twice.
    for (name, _) in &moved {
        let above = (1..=name.len()).map(|length| archive.members.get(&name[..length]));
        let is_file = |member: &ArchiveMember| !matches!(member, ArchiveMember::Directory { .. });
        if above.flatten().any(is_file) {
            return Err(ArchiveError::Taken {
                path: archive.path.clone(),
                name: shown(&name.join(&b'/')),
            });
        }
    }
    let moved = moved.into_iter();
    archive
        .members
        .extend(moved.map(|(name, file)| (name, ArchiveMember::File(file))));
    Ok(())
}

/// Lets the directory of blobs by SHA-512, if none is left, be that of blobs by SHA-256.
fn move_directory(archive: &mut Archive) {
    let [from, to] = ["sha512", "sha256"].map(|name| vec![b"blobs".to_vec(), name.into()]);
    let below = archive.members.range(from.clone()..);
    let count = below
        .take_while(|(name, _)| name.starts_with(&from))
        .count();
    let directory = archive.members.get(&from);
    if count == 1
        && let Some(directory @ ArchiveMember::Directory { .. }) = directory.cloned()
    {
        archive.members.remove(&from);
        archive.members.entry(to).or_insert(directory);
    }
}

/// All members on the way from `names` to the files that they are.
fn needed<'a>(
    archive: &Archive,
    names: impl Iterator<Item = &'a str>,
) -> Result<BTreeSet<MemberPath>, ArchiveError> {
    let mut needed = BTreeSet::new();
    for name in names {
        needed.extend(archive.trail(name, NEEDED_BY)?.0);
    }
    Ok(needed)
}

/// Makes the members of `archive` ready to leave in the order of their names.
///
/// # Errors
/// When a compressed archive cannot be copied to `temporary`.
pub fn spool_if_out_of_order(archive: &mut Archive, temporary: &Path) -> Result<(), KeepError> {
    let is_in_order = members::is_in_order(&archive.members);
    Ok(members::spool(archive, is_in_order, temporary)?)
}

/// Makes the members of `archive` ready to leave in any order.
///
/// # Errors
/// As [`spool_if_out_of_order`].
pub fn spool(archive: &mut Archive, temporary: &Path) -> Result<(), KeepError> {
    Ok(members::spool(archive, false, temporary)?)
}
