//! Merges the items of `copyToRoot` into one tree, as `rsync -ak ITEM/ layer/` (or `-aK` with
//! `keepContentsDirlinks`) run once per item would, without copying anything.
//!
//! The rules are those of rsync 3.2 to 3.4; `docs/format.md` has them in words, and
//! `tests/cli/merge.rs` compares with the real program.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use thiserror::Error;

use crate::scan::{self, Dirlinks, ScanError};
use crate::tree::{Directory, Name, Node, Origin};

/// How many symlinks may lie on the way from one to the directory that it leads to; the kernel's
/// own limit, see path_resolution(7).
const MAX_LINKS: u32 = 40;

/// The name under which nixpkgs has the layer in the build directory.
const LAYER: &[u8] = b"layer";

/// The mode of a layer's root that nothing was copied to.
const EMPTY_ROOT_MODE: u32 = 0o755;

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

/// Merges `items` in their order; later ones win.
///
/// # Errors
/// When an item is no directory or cannot be read, or when rsync would refuse the combination.
pub fn merge(items: &[PathBuf], dirlinks: Dirlinks) -> Result<Directory, MergeError> {
    let mut root = Directory::empty(EMPTY_ROOT_MODE, 0);
    for (origin, item) in items.iter().enumerate() {
        let new = scan::scan(item, dirlinks, origin).map_err(|error| match error {
            ScanError::NotADirectory { path } => MergeError::NotADirectory { item: path },
            other => MergeError::Scan(other),
        })?;
        let mut merge = Merge {
            root: &mut root,
            items,
            // Without copied dirlinks, rsync runs with `--keep-dirlinks`.
            keep_dirlinks: dirlinks == Dirlinks::Keep,
        };
        merge.root.mode = new.mode;
        merge.directory(&[], new)?;
    }
    Ok(root)
}

struct Merge<'a> {
    root: &'a mut Directory,
    items: &'a [PathBuf],
    keep_dirlinks: bool,
}

impl Merge<'_> {
    /// Lays the entries of `new` over the directory at `at`, which exists. As in rsync, what is no
    /// directory comes first, then every directory is made, and only then are they entered: with
    /// `--keep-dirlinks` it matters what a symlink leads to at that moment.
    fn directory(&mut self, at: &[Name], new: Directory) -> Result<(), MergeError> {
        let mut directories = Vec::new();
        for (name, node) in new.entries {
            match node {
                Node::Directory(directory) => directories.push((name, directory)),
                other => self.entry(at, name, other)?,
            }
        }
        let mut entered = Vec::with_capacity(directories.len());
        for (name, directory) in directories {
            entered.push((self.make_directory(at, name, &directory)?, directory));
        }
        for (at, directory) in entered {
            self.directory(&at, directory)?;
        }
        Ok(())
    }

    /// Makes `name` in `at` a directory with the mode of `new`, and says where it is: behind a
    /// symlink, if one is there and may stay.
    fn make_directory(
        &mut self,
        at: &[Name],
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

    /// Puts `new`, which is no directory, at `name` in `at`.
    fn entry(&mut self, at: &[Name], name: Name, new: Node) -> Result<(), MergeError> {
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
            }
            (_, new) => self.replace(at, name, new),
        }
        Ok(())
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
