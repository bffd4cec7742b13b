//! Plans the layer of `buildImage`: what `mkPureLayer` or `mkRootLayer` made, and behind it the files of its closure
//! that are in no layer yet. Before these come the directories that lead to the store, as far as they are missing.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use crate::bytes::source::{Range, RangeReader};
use crate::closure::files::{ClosureFile, ClosureQuery, Presence};
use crate::console::text::printable_path;
use crate::console::warnings::Warnings;
use crate::tar::names::path_of;
use crate::tar::owner::Owner;
use crate::tar::plan::{Entry, TarPlan};
use crate::tar::read::{Member, MemberKind, ReadError, Reader};
use crate::tree::{Directory, Node};

/// The mode of the store's directories in a layer.
const DIRECTORY_MODE: u32 = 0o555;

/// What warnings are about.
const IN_THE_WAY: &str = "files in the place of the store's directories";

/// A layer that others made, to which something is appended.
#[derive(Debug)]
pub struct OwnLayer {
    /// What it does to the files of the closure.
    pub presence: Presence,
    /// Its members, without the end marker, and without those that have to make room.
    pieces: Vec<Range>,
    /// Which of the store's directories it has, by their paths.
    directories: Vec<Vec<u8>>,
}

/// Reads the names in the layer `range`. If its closure `has_others` than itself, files will be appended that lie in
/// the store: what is no directory then has to make room for the store's directories, and is warned of.
///
/// # Errors
/// When the tar is damaged.
pub fn read(
    range: &Range,
    query: ClosureQuery<'_>,
    has_others: bool,
    warnings: &mut Warnings,
) -> Result<OwnLayer, ReadError> {
    let mut layer = OwnLayer {
        presence: Presence::default(),
        pieces: Vec::new(),
        directories: Vec::new(),
    };
    let mut tar = Reader::of_layer(RangeReader::new(range.clone()));
    let (mut from, mut at) = (0, 0);
    while let Some(member) = tar.next_member()? {
        let end = tar.next_header_at();
        let path = path_of(&member.name);
        let is_on_the_way = !path.is_empty() && ways_to(query.store).any(|way| way == &*path);
        let makes_room = has_others && is_on_the_way && is_in_the_way(&member, query.store);
        if is_on_the_way && has_others && member.kind != MemberKind::Directory {
            warn(&member, makes_room, warnings);
        }
        if makes_room {
            layer.pieces.push(part(range, from, at));
            from = end;
        } else {
            query.note(&member.name, &mut layer.presence);
            if is_on_the_way {
                layer.directories.push(path.into_owned());
            }
        }
        at = end;
    }
    layer.pieces.push(part(range, from, at));
    layer.pieces.retain(|piece| piece.size > 0);
    Ok(layer)
}

/// Whether the closure's files cannot be below `member`, one of the store's directories by its path. A symlink in the
/// place of the store itself stays: nixpkgs has no directory there that would replace it, and files go through it.
fn is_in_the_way(member: &Member, store: &[u8]) -> bool {
    match member.kind {
        MemberKind::Directory => false,
        MemberKind::Symlink => *path_of(&member.name) != *store,
        _ => true,
    }
}

fn warn(member: &Member, makes_room: bool, warnings: &mut Warnings) {
    let shown = |path: &[u8]| {
        let path = Path::new("/").join(OsStr::from_bytes(path));
        printable_path(&path)
    };
    let path = path_of(&member.name);
    let what = match member.kind {
        MemberKind::Symlink => {
            let target = Path::new(OsStr::from_bytes(&member.link));
            format!(
                "the symlink `{}` to `{}`",
                shown(&path),
                printable_path(target)
            )
        }
        _ => format!("the file `{}`", shown(&path)),
    };
    warnings.add(IN_THE_WAY, || {
        if makes_room {
            format!(
                "{what} that was put into the layer is not in the image: there has to be a directory, with the store paths that \
                 the image needs; give it another name, or put what it is for into a directory `{}`",
                shown(&path)
            )
        } else {
            format!(
                "{what} that was put into the layer stays in the image, and the store paths that the image needs go where it \
                 leads: Docker, podman and containerd cannot unpack them if that is no directory of this layer or one below; leave the \
                 symlink out, or mount the store when the container starts",
            )
        }
    });
}

/// The paths of the directories that lead to `store`, from the outermost one, and its own.
fn ways_to(store: &[u8]) -> impl Iterator<Item = &[u8]> {
    let ends = store.iter().enumerate().filter(|(_, byte)| **byte == b'/');
    let ends = ends.map(|(end, _)| end).chain([store.len()]);
    ends.map(|end| &store[..end]).filter(|way| !way.is_empty())
}

fn part(range: &Range, from: u64, to: u64) -> Range {
    Range {
        source: Arc::clone(&range.source),
        offset: range.offset + from,
        size: to - from,
        sparse: None,
    }
}

/// Plans `layer` with the entries of `store` behind it, which begin with the directories that lead to the store: those
/// that the layer has are left out. Nothing is behind it unless it `has_others`.
#[must_use]
pub fn before(layer: OwnLayer, store: TarPlan, has_others: bool) -> TarPlan {
    let mut entries = store.entries;
    if !has_others {
        entries.clear();
    }
    entries.retain(|entry| {
        let path = path_of(&entry.name);
        layer.directories.iter().all(|has| **has != *path)
    });
    TarPlan {
        prefix: layer.pieces,
        entries,
        ..store
    }
}

/// Plans `layer` with `files` behind it; and before these, if there is a `store`, those of the directories that lead
/// there and that the layer has not.
#[must_use]
pub fn plan(layer: OwnLayer, files: Vec<ClosureFile>, store: Option<&[u8]>, mtime: u64) -> TarPlan {
    let owner = Arc::new(Owner::root());
    let ways = store.into_iter().flat_map(ways_to);
    let missing = ways.filter(|way| layer.directories.iter().all(|has| has != way));
    let missing = missing.map(|way| {
        let directory = Node::Directory(Directory::empty(DIRECTORY_MODE, 0));
        Entry::of_node([b"./", way].concat(), directory, &owner, mtime)
    });
    let files = files
        .into_iter()
        .map(|file| Entry::of_node(file.name, file.node, &owner, mtime));
    TarPlan {
        entries: missing.chain(files).collect(),
        prefix: layer.pieces,
        ..TarPlan::default()
    }
}
