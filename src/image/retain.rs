//! Leaves of an archive only the members that images consist of, with layers that engines read:
//! nothing of an OCI layout without its index, and nothing that speaks of layers that were unpacked.

use std::collections::BTreeSet;
use std::ops::Bound::{Included, Unbounded};
use std::path::Path;

use thiserror::Error;

use crate::console::text::shown;
use crate::foreign::archive::error::ArchiveError;
use crate::foreign::archive::member_path::MemberPath;
use crate::foreign::archive::{Archive, ArchiveFile, ArchiveMember};
use crate::foreign::base::{self, BaseImage, BaseLayer};
use crate::foreign::images;
use crate::image::docker_archive::{self, CopyError};
use crate::tar::plan::Kind;

/// Who asks for a member, in messages.
const NEEDED_BY: &str = "its manifest names";

/// The members of an image could not be told from the rest.
#[derive(Debug, Error)]
pub enum RetainError {
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error(transparent)]
    Copy(#[from] CopyError),
}

/// Keeps the members called `names` and those of `layers`, which are unpacked if need be. Links
/// that lead to them stay too.
///
/// # Errors
/// When one is missing, or a compressed archive cannot be copied to `temporary`.
pub fn only<N>(
    archive: &mut Archive,
    names: &[String],
    layers: &[BaseLayer<N>],
    temporary: &Path,
) -> Result<(), RetainError> {
    let all = names.iter().chain(layers.iter().map(|layer| &layer.name));
    let needed = needed(archive, all)?;
    // What begins with a path follows it in the order of names.
    let leads_to = |path: &MemberPath| {
        let mut from_here = needed.range::<[Vec<u8>], _>((Included(path.as_slice()), Unbounded));
        from_here.next().is_some_and(|name| name.starts_with(path))
    };
    archive.members.retain(|path, _| leads_to(path));

    let packed = layers.iter().filter(|layer| layer.is_unpacked());
    let packed: Vec<&BaseLayer<N>> = packed.collect();
    if !packed.is_empty() {
        spool(archive, temporary)?;
    }
    unpack(archive, &packed)?;
    Ok(())
}

/// Puts unpacked layers in the place of `packed`.
fn unpack<N>(archive: &mut Archive, packed: &[&BaseLayer<N>]) -> Result<(), ArchiveError> {
    let mut unpacked = Vec::new();
    for layer in packed {
        let file = archive.file(&layer.name, NEEDED_BY)?.clone();
        let range = base::unpacked(file.range, layer.packing, layer.size, &archive.limits);
        let name = archive.member_path(layer.member().as_bytes())?;
        unpacked.push((name, ArchiveFile { range, ..file }));
    }
    let names = packed.iter().map(|layer| &layer.name);
    for name in needed(archive, names)? {
        archive.members.remove(&name);
    }
    // Before any of them is there, since a layer may occur twice.
    for (name, _) in &unpacked {
        let above = (1..=name.len()).map(|length| archive.members.get(&name[..length]));
        let is_file = |member: &ArchiveMember| !matches!(member, ArchiveMember::Directory { .. });
        if above.flatten().any(is_file) {
            return Err(ArchiveError::Taken {
                path: archive.path.clone(),
                name: shown(&name.join(&b'/')),
            });
        }
    }
    let unpacked = unpacked.into_iter();
    archive
        .members
        .extend(unpacked.map(|(name, file)| (name, ArchiveMember::File(file))));
    Ok(())
}

/// All members on the way from `names` to the files that they are.
fn needed<'a>(
    archive: &Archive,
    names: impl Iterator<Item = &'a String>,
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
pub fn spool_if_out_of_order(archive: &mut Archive, temporary: &Path) -> Result<(), RetainError> {
    let is_in_order = docker_archive::is_in_order(&archive.members);
    Ok(docker_archive::spool(archive, is_in_order, temporary)?)
}

/// Makes the members of `archive` ready to leave in any order.
///
/// # Errors
/// As [`spool_if_out_of_order`].
pub fn spool(archive: &mut Archive, temporary: &Path) -> Result<(), RetainError> {
    Ok(docker_archive::spool(archive, false, temporary)?)
}

/// What stays of a base image in an image built on it: all but its own manifest and config, as
/// nixpkgs keeps it. Of an OCI layout only the layers stay, since nothing would index the rest; and
/// so it is where layers are unpacked, since nobody knows what else speaks of these.
pub(crate) fn keep<N>(
    base: BaseImage<N>,
    temporary: &Path,
) -> Result<docker_archive::Members, RetainError> {
    let BaseImage {
        mut archive,
        layers,
        ..
    } = base;
    if images::is_layout(&archive) || layers.iter().any(BaseLayer::is_unpacked) {
        only(&mut archive, &[], &layers, temporary)?;
    } else {
        archive
            .members
            .retain(|path, _| !(path.len() == 1 && path[0].ends_with(b".json")));
    }
    spool_if_out_of_order(&mut archive, temporary)?;
    let members = archive.members.into_iter();
    Ok(members
        .map(|(path, member)| (path, read_only(member)))
        .collect())
}

/// A member as `chmod -R ug+rw` and `chmod -R a-w` leave it.
fn read_only(member: ArchiveMember) -> docker_archive::Planned {
    let read_only = |mode: u32| (mode | 0o440) & !0o222;
    match member {
        ArchiveMember::Directory { mode } => docker_archive::Planned {
            mode: read_only(mode),
            kind: Kind::Directory,
        },
        ArchiveMember::File(file) => docker_archive::Planned {
            mode: read_only(file.mode),
            kind: Kind::of_range(file.range),
        },
        ArchiveMember::Symlink { target } => docker_archive::Planned {
            mode: crate::tree::scan::SYMLINK_MODE,
            kind: Kind::Symlink { target },
        },
    }
}
