//! Merges the items of `copyToRoot` into one tree, as `rsync -ak ITEM/ layer/` (or `-aK` with
//! `keepContentsDirlinks`) run once per item would, without copying anything.
//!
//! The rules are those of rsync 3.2 to 3.4; `docs/format.md` has them in words, and
//! `tests/cli/merge.rs` compares with the real program. rsync says nothing of a file that another one hides, or of
//! symlinks that lead around in circles; we warn of both.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::console::text;
use crate::console::warnings::Warnings;
use crate::request::limits::Limits;
use crate::tree::follow::{Follow, MAX_LINKS};
use crate::tree::hidden::{described, is_same};
use crate::tree::merge::text::printable_path;
use crate::tree::scan::{self, ScanError};
use crate::tree::{Directory, Name, Node, Origin};

/// The name under which nixpkgs has the layer in the build directory.
const LAYER: &[u8] = b"layer";

/// The mode of a layer's root that nothing was copied to.
const EMPTY_ROOT_MODE: u32 = 0o755;

/// What warnings are about.
const HIDDEN: &str =
    "files of `copyToRoot` that are not in the image because others have their places";
const LOOPS: &str = "symlinks that lead around in circles";

/// The way out where one item hides what another one has.
const WAY_OUT: &str =
    "put a `buildEnv` of both in their place, where `lib.hiPrio` says which file wins";

/// What to do with a symlink that leads to a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dirlinks {
    /// It stays a symlink.
    Keep,
    /// It becomes the directory it leads to, as rsync's `--copy-dirlinks` does it.
    Copy,
}

impl Dirlinks {
    /// What `keepContentsDirlinks` asks for.
    #[must_use]
    pub fn keep_if(keep: bool) -> Self {
        if keep { Self::Keep } else { Self::Copy }
    }
}

/// Two items do not fit together, or one of them cannot be read.
#[derive(Debug, Error)]
pub enum MergeError {
    #[error(
        "cannot put {new} in the place of a non-empty directory: `{}` is a directory in `{}` and {new} in `{}`; \
         leave one of the two out of `copyToRoot`, or join them with `buildEnv` first",
        path.display(), earlier.display(), later.display()
    )]
    Clash {
        path: PathBuf,
        new: &'static str,
        earlier: PathBuf,
        later: PathBuf,
    },
    #[error(
        "cannot merge directory `{}` of `{}` behind the symlink that `{}` has there: it leads to `{}`, outside the layer; \
         leave one of the two out of `copyToRoot`, or set `keepContentsDirlinks = false`",
        path.display(), later.display(), earlier.display(), target.display()
    )]
    LeavesLayer {
        path: PathBuf,
        target: PathBuf,
        earlier: PathBuf,
        later: PathBuf,
    },
    #[error(
        "item `{}` of `copyToRoot` is not a directory; only what directories hold can be copied to the root, \
         so put the file into one, for example with `writeTextDir` or `runCommand`",
        item.display()
    )]
    NotADirectory { item: PathBuf },
    #[error(transparent)]
    Scan(#[from] ScanError),
}

/// Merges `items` in their order; later ones win. What is not in the result for that is in `warnings`.
///
/// # Errors
/// When an item is no directory or cannot be read, when rsync would refuse the combination, or when symlinks make
/// more copies than `limits` allow.
pub fn merge(
    items: &[PathBuf],
    dirlinks: Dirlinks,
    limits: &Limits,
    warnings: &mut Warnings,
) -> Result<Directory, MergeError> {
    let mut root = Directory::empty(EMPTY_ROOT_MODE, 0);
    let mut detours = BTreeMap::new();
    for (origin, item) in items.iter().enumerate() {
        let scanned = match dirlinks {
            Dirlinks::Keep => scan::scan(item, origin),
            Dirlinks::Copy => scan_following(item, origin, limits, warnings),
        };
        let new = scanned.map_err(|error| match error {
            ScanError::NotADirectory { path } => MergeError::NotADirectory { item: path },
            other => MergeError::Scan(other),
        })?;
        let mut merge = Merge {
            root: &mut root,
            items,
            // Without copied dirlinks, rsync runs with `--keep-dirlinks`.
            keep_dirlinks: dirlinks == Dirlinks::Keep,
            detours: &mut detours,
            warnings: &mut *warnings,
        };
        merge.root.mode = new.mode;
        merge.directory(&[], &[], new)?;
    }
    Ok(root)
}

/// Reads `item` with its symlinks to directories as these directories, and warns of those that lead around in
/// circles.
fn scan_following(
    item: &Path,
    origin: Origin,
    limits: &Limits,
    warnings: &mut Warnings,
) -> Result<Directory, ScanError> {
    let mut follow = Follow::new(limits.max_link_copies);
    let scanned = scan::scan_following(item, origin, &mut follow)?;
    for (link, found) in follow.loops() {
        warnings.add(LOOPS, || {
            format!(
                "the symlink `{}` leads back to the directory `{}`, through which it was reached: as every symlink to a \
                 directory it became that directory, again and again until {MAX_LINKS} symlinks lay behind each other, and that \
                 made {}; take the symlink out, or keep symlinks with `keepContentsDirlinks = true`",
                printable_path(link),
                printable_path(&found.target),
                copies(found.made)
            )
        });
    }
    Ok(scanned)
}

fn copies(count: usize) -> String {
    match count {
        1 => "1 more file or directory".to_owned(),
        count => format!("{count} more files and directories"),
    }
}

/// Where directories of an item are that were merged behind a symlink of the layer: their paths in the item, by item
/// and by path in the layer. Every other entry has one path in both.
type Detours = BTreeMap<(Origin, Vec<Name>), Vec<Name>>;

struct Merge<'a> {
    root: &'a mut Directory,
    items: &'a [PathBuf],
    keep_dirlinks: bool,
    detours: &'a mut Detours,
    warnings: &'a mut Warnings,
}

impl Merge<'_> {
    /// Lays the entries of `new`, which the item has at `path`, over the directory at `at`, which exists. As in
    /// rsync, what is no directory comes first, then every directory is made, and only then are they entered: with
    /// `--keep-dirlinks` it matters what a symlink leads to at that moment.
    fn directory(&mut self, at: &[Name], path: &[Name], new: Directory) -> Result<(), MergeError> {
        if at != path {
            self.detours
                .insert((new.origin, at.to_vec()), path.to_vec());
        }
        let mut directories = Vec::new();
        for (name, node) in new.entries {
            match node {
                Node::Directory(directory) => directories.push((name, directory)),
                other => self.entry(at, path, name, other)?,
            }
        }
        let mut entered = Vec::with_capacity(directories.len());
        for (name, directory) in directories {
            let path = [path, std::slice::from_ref(&name)].concat();
            entered.push((
                self.make_directory(at, &path, name, &directory)?,
                path,
                directory,
            ));
        }
        for (at, path, directory) in entered {
            self.directory(&at, &path, directory)?;
        }
        Ok(())
    }

    /// Makes `name` in `at` a directory with the mode of `new`, and says where it is: behind a
    /// symlink, if one is there and may stay.
    fn make_directory(
        &mut self,
        at: &[Name],
        path_of_new: &[Name],
        name: Name,
        new: &Directory,
    ) -> Result<Vec<Name>, MergeError> {
        let old = directory_at(self.root, at).entries.get(&name);
        let is_directory = matches!(old, Some(Node::Directory(_)));
        let is_dirlink = matches!(old, Some(Node::Symlink(_))) && self.keep_dirlinks;
        let mut path = at.to_vec();
        if is_dirlink && let Some(target) = self.resolve(at, &name, new)? {
            path = target;
        } else {
            if !is_directory {
                self.warn_replaced(at, &name, path_of_new, new.origin);
                let made = Directory::empty(new.mode, new.origin);
                self.replace(at, name.clone(), Node::Directory(made));
            }
            path.push(name);
        }
        let directory = directory_at(self.root, &path);
        directory.mode = new.mode;
        directory.origin = new.origin;
        Ok(path)
    }

    /// Puts `new`, which is no directory and which the item has in its directory `path`, at `name` in `at`.
    fn entry(
        &mut self,
        at: &[Name],
        path: &[Name],
        name: Name,
        new: Node,
    ) -> Result<(), MergeError> {
        let path = [path, std::slice::from_ref(&name)].concat();
        match (directory_at(self.root, at).entries.get_mut(&name), new) {
            // What this item itself made a directory it comes to a second time, through a symlink
            // that was kept; it may already be about to fill it.
            (Some(Node::Directory(old)), new)
                if !old.entries.is_empty() || old.origin == new.origin() =>
            {
                return Err(MergeError::Clash {
                    path: shown(at, &name),
                    new: new.noun(),
                    earlier: self.items[first_origin(old)].clone(),
                    later: self.items[new.origin()].clone(),
                });
            }
            (Some(Node::Regular(old)), Node::Regular(new))
                if old.size == new.size && old.mtime == new.mtime =>
            {
                // rsync's quick check: equal size and time count as equal content, so only the
                // mode changes. Every file of a Nix store has the same time.
                old.mode = new.mode;
                self.warn_kept(at, &name, &path, new.origin, new.size);
            }
            (_, new) => {
                self.warn_replaced(at, &name, &path, new.origin());
                self.replace(at, name, new);
            }
        }
        Ok(())
    }

    /// Warns that the later item `origin` takes the place of what is at `name` in `at`, unless who opens it finds the
    /// same there.
    fn warn_replaced(&mut self, at: &[Name], name: &Name, path: &[Name], origin: Origin) {
        let Some(earlier) = self.on_disk(at, name) else {
            return;
        };
        let later = self.in_item(origin, path);
        if is_same(&earlier, &later) {
            return;
        }
        self.warnings.add(HIDDEN, || {
            format!(
                "{} is not in the image: `{}` there is {}, since the later item of `copyToRoot` wins; change their order, or \
                 {WAY_OUT}",
                described(&earlier),
                printable_path(&shown(at, name)),
                described(&later)
            )
        });
    }

    /// Warns that the later item `origin` has another file of `size` bytes at `name` in `at`, which does not count.
    fn warn_kept(&mut self, at: &[Name], name: &Name, path: &[Name], origin: Origin, size: u64) {
        let Some(earlier) = self.on_disk(at, name) else {
            return;
        };
        let later = self.in_item(origin, path);
        if is_same(&earlier, &later) {
            return;
        }
        self.warnings.add(HIDDEN, || {
            format!(
                "{} is not in the image: `{}` there is {} of an earlier item, since both have {} and the same time, so that \
                 rsync takes them for equal and keeps the earlier one; leave that one out, or {WAY_OUT}",
                described(&later),
                printable_path(&shown(at, name)),
                described(&earlier),
                text::count(size, "byte")
            )
        });
    }

    /// The path on disk of what is at `name` in `at`, if there is something.
    fn on_disk(&self, at: &[Name], name: &Name) -> Option<PathBuf> {
        let origin = lookup(self.root, at)?.entries.get(name)?.origin();
        let detour = self.detours.get(&(origin, at.to_vec()));
        let directory = detour.map_or(at, Vec::as_slice);
        Some(
            self.in_item(origin, directory)
                .join(OsStr::from_bytes(name)),
        )
    }

    /// The path on disk of what the item `origin` has at `path`.
    fn in_item(&self, origin: Origin, path: &[Name]) -> PathBuf {
        let mut whole = self.items[origin].clone();
        whole.extend(path.iter().map(|part| OsStr::from_bytes(part)));
        whole
    }

    fn replace(&mut self, at: &[Name], name: Name, new: Node) {
        directory_at(self.root, at).entries.insert(name, new);
    }

    /// Where the symlink `name` in `at` leads, if that is a directory of the tree.
    fn resolve(
        &self,
        at: &[Name],
        name: &Name,
        new: &Directory,
    ) -> Result<Option<Vec<Name>>, MergeError> {
        let mut links = 0;
        match follow(self.root, at.to_vec(), name, &mut links) {
            Lead::Directory(path) => Ok(Some(path)),
            Lead::Nowhere => Ok(None),
            Lead::Outside { target } => Err(MergeError::LeavesLayer {
                path: shown(at, name),
                target,
                earlier: self.items[self.origin_of(at, name)].clone(),
                later: self.items[new.origin].clone(),
            }),
        }
    }

    fn origin_of(&self, at: &[Name], name: &Name) -> Origin {
        let mut directory = &*self.root;
        for part in at {
            let Some(Node::Directory(next)) = directory.entries.get(part) else {
                break;
            };
            directory = next;
        }
        directory.entries.get(name).map_or(0, Node::origin)
    }
}

/// Where a symlink leads.
enum Lead {
    /// To this directory of the tree.
    Directory(Vec<Name>),
    /// To a directory that is not part of the tree.
    Outside { target: PathBuf },
    /// To nothing, or to something that is no directory.
    Nowhere,
}

/// Follows entry `name` of the directory `at`.
fn follow(root: &Directory, mut at: Vec<Name>, name: &[u8], links: &mut u32) -> Lead {
    match lookup(root, &at).and_then(|directory| directory.entries.get(name)) {
        Some(Node::Directory(_)) => {
            at.push(name.to_vec());
            Lead::Directory(at)
        }
        Some(Node::Symlink(link)) => {
            *links += 1;
            if *links > MAX_LINKS {
                return Lead::Nowhere;
            }
            follow_target(root, at, &link.target, links)
        }
        _ => Lead::Nowhere,
    }
}

fn follow_target(root: &Directory, mut at: Vec<Name>, target: &[u8], links: &mut u32) -> Lead {
    if target.starts_with(b"/") {
        return outside(target);
    }
    let mut parts = target.split(|byte| *byte == b'/');
    while let Some(part) = parts.next() {
        match part {
            b"" | b"." => {}
            b".." if at.pop().is_some() => {}
            // Above the layer lies the build directory, with nothing in it but the layer, and in
            // Nix's sandbox `/` above that.
            b".." => {
                return match parts.find(|part| !matches!(*part, b"" | b".")) {
                    None | Some(LAYER) => Lead::Outside {
                        target: PathBuf::from(OsStr::from_bytes(target)),
                    },
                    Some(b"..") => {
                        let rest: Vec<&[u8]> = parts.collect();
                        outside(&[b"/", rest.join(&b'/').as_slice()].concat())
                    }
                    Some(_) => Lead::Nowhere,
                };
            }
            name => match follow(root, at, name, links) {
                Lead::Directory(next) => at = next,
                other => return other,
            },
        }
    }
    Lead::Directory(at)
}

/// Where the absolute path `target` leads.
fn outside(target: &[u8]) -> Lead {
    let target = PathBuf::from(OsStr::from_bytes(target));
    if fs::metadata(&target).is_ok_and(|metadata| metadata.is_dir()) {
        Lead::Outside { target }
    } else {
        Lead::Nowhere
    }
}

fn lookup<'a>(root: &'a Directory, at: &[Name]) -> Option<&'a Directory> {
    at.iter()
        .try_fold(root, |directory, name| match directory.entries.get(name) {
            Some(Node::Directory(next)) => Some(next),
            _ => None,
        })
}

fn directory_at<'a>(root: &'a mut Directory, at: &[Name]) -> &'a mut Directory {
    at.iter().fold(root, |directory, name| {
        match directory.entries.get_mut(name) {
            Some(Node::Directory(next)) => next,
            _ => panic!("the merge only walks directories that it has met"),
        }
    })
}

/// The item that first put something into `directory`: the one to name when it is in the way.
fn first_origin(directory: &Directory) -> Origin {
    directory
        .entries
        .values()
        .map(Node::origin)
        .min()
        .unwrap_or(directory.origin)
}

fn shown(at: &[Name], name: &[u8]) -> PathBuf {
    let mut path = PathBuf::from("/");
    path.extend(at.iter().map(|part| OsStr::from_bytes(part)));
    path.join(OsStr::from_bytes(name))
}
