//! Places the entries of layers in a tree, as the OCI image specification applies a layer to the
//! ones below (`layer.md`), and as umoci and containerd do where it is silent: see `docs/format.md`.

use std::collections::BTreeMap;
use std::sync::Arc;

use thiserror::Error;

use super::{About, Flat, FlatDirectory, FlatFile, FlatNode};
use crate::archive::shown;
use crate::plan::{Range, Xattr};
use crate::tar::read::{Member, MemberKind};
use crate::tree::{Name, SpecialKind};
use crate::whiteout::{self, Hidden};

/// How many entries the layers of an image may make. A million take 420 MB of memory.
pub const MAX_ENTRIES: usize = 4_000_000;

/// How deep an entry may lie.
pub const MAX_DEPTH: usize = 1024;

/// How many symlinks one name may lead through.
const MAX_LINKS: usize = 255;

/// The largest numbers that Linux has for devices.
const MAX_MAJOR: u64 = 0xfff;
const MAX_MINOR: u64 = 0xf_ffff;

/// The mode of a directory that no layer lists.
const DIRECTORY_MODE: u32 = 0o755;

/// Extended attributes in which overlayfs keeps its books. They are no part of a file, and mounted
/// as a layer they would take effect.
const OVERLAY_XATTRS: [&[u8]; 2] = [b"trusted.overlay.", b"user.overlay."];

/// An entry cannot be placed.
#[derive(Debug, Error)]
pub enum PlaceError {
    #[error("it would lead out of the image: `{name}` has a part `..`")]
    Leaves { name: String },
    #[error("it lies more than {MAX_DEPTH} directories deep")]
    Deep,
    #[error("`{path}` leads through more than {MAX_LINKS} symlinks, perhaps around in circles")]
    Circle { path: String },
    #[error("it lies below `{path}`, which is no directory")]
    Below { path: String },
    #[error("the root of an image has to be a directory")]
    Root,
    #[error("it is a whiteout and does not name what it hides")]
    Whiteout,
    #[error("it is a hard link to `{target}`, which neither this layer so far nor one below has")]
    NoTarget { target: String },
    #[error("it is a hard link to the directory `{target}`")]
    DirectoryTarget { target: String },
    #[error("it is the device {major}:{minor}; Linux has numbers up to {MAX_MAJOR}:{MAX_MINOR}")]
    Device { major: u64, minor: u64 },
    #[error("with it, the layers have made more than {MAX_ENTRIES} entries")]
    TooMany,
}

/// A tree that entries are placed in, layer by layer, each in the order of its tar.
#[derive(Debug)]
pub struct Placing {
    root: FlatDirectory,
    /// How many entries may still be made; those gone again count.
    left: usize,
    /// `None` in the first layer, which has nothing below it to hide.
    touched: Option<Touched>,
    has_layers: bool,
}

/// The paths of entries that the layer at hand has placed so far, and of the directories they lie
/// in: whiteouts hide only what layers below have, wherever they stand in their layer.
#[derive(Debug, Default)]
struct Touched(BTreeMap<Box<[u8]>, Touched>);

impl Placing {
    /// A tree without entries. The root is 0755 and root's until a layer lists it.
    #[must_use]
    pub fn new() -> Self {
        Self {
            root: FlatDirectory::unlisted(),
            left: MAX_ENTRIES,
            touched: None,
            has_layers: false,
        }
    }

    /// From here on, entries belong to the next layer.
    pub fn begin_layer(&mut self) {
        self.touched = self.has_layers.then(Touched::default);
        self.has_layers = true;
    }

    /// The tree of all layers.
    #[must_use]
    pub fn finish(self) -> Flat {
        Flat { root: self.root }
    }

    /// Places one entry. `content` is the place of a regular file's bytes.
    ///
    /// # Errors
    /// When the entry leads out of the root, lies below something that is no directory, links to
    /// what is not there, or is more than Linux or a limit allows.
    pub fn place(&mut self, member: &Member, content: Option<Range>) -> Result<(), PlaceError> {
        let parts = parts(&member.name)?;
        let Some((name, above)) = parts.split_last() else {
            return self.place_root(member);
        };
        let path = self.resolve(above)?;
        if let Some(hidden) = whiteout::hidden_by(name) {
            return self.hide(&path, hidden);
        }
        if path.len() == MAX_DEPTH {
            return Err(PlaceError::Deep);
        }

        let node = if member.kind == MemberKind::HardLink {
            // A hard link cannot lead to what it replaces.
            self.make_directory(&path)?.entries.remove(*name);
            self.link_target(&member.link)?
        } else {
            node(member, content)?
        };
        self.insert(&path, name, node)?;
        if let Some(touched) = &mut self.touched {
            touched.note(&path, name);
        }
        Ok(())
    }

    fn place_root(&mut self, member: &Member) -> Result<(), PlaceError> {
        if member.kind != MemberKind::Directory {
            return Err(PlaceError::Root);
        }
        self.root.about = About::of(member);
        Ok(())
    }

    /// Puts `node` where it belongs. A directory that is there already keeps its entries.
    fn insert(&mut self, path: &[Name], name: &[u8], node: FlatNode) -> Result<(), PlaceError> {
        count(&mut self.left)?;
        let entries = &mut self.make_directory(path)?.entries;
        match (entries.get_mut(name), node) {
            (Some(FlatNode::Directory(there)), FlatNode::Directory(new)) => there.about = new.about,
            (Some(there), node) => *there = node,
            (None, node) => {
                entries.insert(name.to_vec(), node);
            }
        }
        Ok(())
    }

    /// The node that a hard link to `target` stands for.
    fn link_target(&self, target: &[u8]) -> Result<FlatNode, PlaceError> {
        let missing = || PlaceError::NoTarget {
            target: shown(target),
        };
        let parts = parts(target)?;
        let (name, above) = parts.split_last().ok_or_else(missing)?;
        let path = self.resolve(above)?;
        let directory = self.directory(&path).ok_or_else(missing)?;
        match directory.entries.get(*name).ok_or_else(missing)? {
            FlatNode::Directory(_) => Err(PlaceError::DirectoryTarget {
                target: shown(target),
            }),
            node => Ok(node.clone()),
        }
    }

    /// Hides what the layers below have: `hidden` in the directory `path`, or all in it.
    fn hide(&mut self, path: &[Name], hidden: Hidden<'_>) -> Result<(), PlaceError> {
        if matches!(hidden, Hidden::Name(b"" | b"." | b"..")) {
            return Err(PlaceError::Whiteout);
        }
        let Some(touched) = &self.touched else {
            return Ok(());
        };
        let mut directory = &mut self.root;
        let mut touched = Some(touched);
        for name in path {
            let Some(FlatNode::Directory(next)) = directory.entries.get_mut(name) else {
                return Ok(());
            };
            directory = next;
            touched = touched.and_then(|touched| touched.0.get(name.as_slice()));
        }
        let name = match hidden {
            Hidden::Directory => {
                hide_untouched(directory, touched);
                return Ok(());
            }
            Hidden::Name(name) => name,
        };
        match touched.and_then(|touched| touched.0.get(name)) {
            None => {
                directory.entries.remove(name);
            }
            touched => {
                if let Some(FlatNode::Directory(hidden)) = directory.entries.get_mut(name) {
                    hide_untouched(hidden, touched);
                }
            }
        }
        Ok(())
    }

    /// Where `parts` lead within the root, all symlinks resolved as if the root were `/`. What is
    /// not there is taken for a directory.
    fn resolve(&self, parts: &[&[u8]]) -> Result<Vec<Name>, PlaceError> {
        let mut path = Vec::new();
        // Those that `path` leads through, so far as they are there.
        let mut directories = vec![Some(&self.root)];
        let mut left: Vec<&[u8]> = parts.iter().rev().copied().collect();
        let mut links = 0;
        while let Some(part) = left.pop() {
            match part {
                b"" | b"." => continue,
                b".." => {
                    path.pop();
                    directories.truncate(path.len() + 1);
                    continue;
                }
                _ => {}
            }
            let directory = directories.last().copied().flatten();
            match directory.and_then(|directory| directory.entries.get(part)) {
                Some(FlatNode::Symlink { target, .. }) => {
                    links += 1;
                    if links > MAX_LINKS {
                        let path = shown(&parts.join(&b'/'));
                        return Err(PlaceError::Circle { path });
                    }
                    if target.starts_with(b"/") {
                        path.clear();
                        directories.truncate(1);
                    }
                    left.extend(target.split(|byte| *byte == b'/').rev());
                }
                other => {
                    if path.len() == MAX_DEPTH {
                        return Err(PlaceError::Deep);
                    }
                    path.push(part.to_vec());
                    directories.push(match other {
                        Some(FlatNode::Directory(directory)) => Some(directory),
                        _ => None,
                    });
                }
            }
        }
        Ok(path)
    }

    /// The directory `path`, if it is one.
    fn directory(&self, path: &[Name]) -> Option<&FlatDirectory> {
        let mut directory = &self.root;
        for name in path {
            match directory.entries.get(name)? {
                FlatNode::Directory(next) => directory = next,
                _ => return None,
            }
        }
        Some(directory)
    }

    /// The directory `path`; what is missing of it is made.
    fn make_directory(&mut self, path: &[Name]) -> Result<&mut FlatDirectory, PlaceError> {
        let mut directory = &mut self.root;
        for (depth, name) in path.iter().enumerate() {
            if !directory.entries.contains_key(name) {
                let node = FlatNode::Directory(FlatDirectory::unlisted());
                directory.entries.insert(name.clone(), node);
                count(&mut self.left)?;
            }
            match directory.entries.get_mut(name) {
                Some(FlatNode::Directory(next)) => directory = next,
                _ => {
                    let path = shown(&path[..=depth].join(&b'/'));
                    return Err(PlaceError::Below { path });
                }
            }
        }
        Ok(directory)
    }
}

impl Default for Placing {
    fn default() -> Self {
        Self::new()
    }
}

impl FlatDirectory {
    /// A directory that no layer lists.
    fn unlisted() -> Self {
        Self {
            about: About {
                mode: DIRECTORY_MODE,
                uid: 0,
                gid: 0,
                mtime: 0,
                xattrs: Vec::new(),
            },
            entries: BTreeMap::new(),
        }
    }
}

impl About {
    fn of(member: &Member) -> Self {
        let number = |id| u32::try_from(id).expect("the reader takes no larger numbers of owners");
        Self {
            mode: member.mode,
            uid: number(member.uid),
            gid: number(member.gid),
            mtime: member.mtime,
            xattrs: xattrs(member),
        }
    }
}

/// Takes one of the entries that may still be made.
fn count(left: &mut usize) -> Result<(), PlaceError> {
    *left = left.checked_sub(1).ok_or(PlaceError::TooMany)?;
    Ok(())
}

/// What `member`, which is no hard link, is in the tree.
fn node(member: &Member, content: Option<Range>) -> Result<FlatNode, PlaceError> {
    let about = About::of(member);
    let (major, minor) = member.device;
    let special = |kind| {
        if major > MAX_MAJOR || minor > MAX_MINOR {
            return Err(PlaceError::Device { major, minor });
        }
        let about = about.clone();
        Ok(FlatNode::Special { about, kind })
    };
    match member.kind {
        MemberKind::Directory => Ok(FlatNode::Directory(FlatDirectory {
            about,
            entries: BTreeMap::new(),
        })),
        MemberKind::Symlink => Ok(FlatNode::Symlink {
            about,
            target: member.link.clone(),
        }),
        MemberKind::CharDevice => special(SpecialKind::CharDevice { major, minor }),
        MemberKind::BlockDevice => special(SpecialKind::BlockDevice { major, minor }),
        MemberKind::Fifo => special(SpecialKind::Fifo),
        MemberKind::Regular | MemberKind::HardLink => {
            let range =
                content.expect("the caller has the content of files, and follows hard links");
            Ok(FlatNode::File(Arc::new(FlatFile { about, range })))
        }
    }
}

/// The extended attributes of a member; of one that it has twice, the last value.
fn xattrs(member: &Member) -> Vec<Xattr> {
    let is_overlays = |name: &[u8]| OVERLAY_XATTRS.iter().any(|own| name.starts_with(own));
    let xattrs = member.xattrs.iter().filter(|(name, _)| !is_overlays(name));
    let by_name: BTreeMap<_, _> = xattrs.cloned().collect();
    by_name.into_iter().collect()
}

/// Takes out of `directory` what is not in `touched`.
fn hide_untouched(directory: &mut FlatDirectory, touched: Option<&Touched>) {
    directory.entries.retain(|name, node| {
        let touched = touched.and_then(|touched| touched.0.get(name.as_slice()));
        if let (Some(_), FlatNode::Directory(directory)) = (touched, node) {
            hide_untouched(directory, touched);
        }
        touched.is_some()
    });
}

/// The parts of a name in a tar, of which leading slashes and `.` count for nothing.
fn parts(name: &[u8]) -> Result<Vec<&[u8]>, PlaceError> {
    let parts = name.split(|byte| *byte == b'/');
    let parts: Vec<_> = parts.filter(|part| !matches!(*part, b"" | b".")).collect();
    if parts.contains(&b"..".as_slice()) {
        return Err(PlaceError::Leaves { name: shown(name) });
    }
    Ok(parts)
}

impl Touched {
    fn note(&mut self, path: &[Name], name: &[u8]) {
        let path = path.iter().map(Vec::as_slice);
        let mut at = self;
        for part in path.chain([name]) {
            at = at.0.entry(part.into()).or_default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Entry, Kind, Owner};
    use crate::tar::gnu;
    use crate::tar::read::Reader;

    /// With the real limit, this test would need a gigabyte.
    #[test]
    fn more_entries_than_the_limit_are_refused() {
        let mut placing = Placing {
            left: 3,
            ..Placing::new()
        };
        placing.begin_layer();
        let mut place = |name: &str| {
            let entry = Entry::inline(name, Vec::new(), 0o644, &Arc::new(Owner::root()), 0);
            let entry = Entry {
                kind: Kind::Special(SpecialKind::Fifo),
                ..entry
            };
            let headers = gnu::headers(&entry, ["", ""]);
            let member = Reader::new(headers.as_slice())
                .next_member()
                .unwrap()
                .unwrap();
            placing.place(&member, None)
        };
        // With the directory that it lies in, and replaced.
        place("a/b").unwrap();
        place("a/b").unwrap();
        let error = place("a/b").unwrap_err();
        assert_eq!(
            error.to_string(),
            "with it, the layers have made more than 4000000 entries"
        );
    }
}
