//! Joins packages into one tree of symlinks, as `symlinkJoin` does through lndir: directories are
//! real, everything in them is a link into the packages, and the first package wins. What is not in the tree for
//! that, or because lndir passes over it, is warned of.

use std::collections::btree_map::Entry;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use crate::console::text::printable_path;
use crate::console::warnings::Warnings;
use crate::tree::hidden::{Joined, Missing, described};
use crate::tree::scan::{self, ScanError};
use crate::tree::{Directory, Name, Node, Origin, Symlink};

/// The mode of a directory that lndir makes, with the mask of a build.
const DIRECTORY_MODE: u32 = 0o755;

/// The directories of version control that lndir leaves out.
const REVISION_DIRECTORIES: [&[u8]; 8] = [
    b"BitKeeper",
    b"RCS",
    b"SCCS",
    b"CVS",
    b"CVS.adm",
    b".svn",
    b".git",
    b".hg",
];

/// What warnings are about.
const FILES: &str = "packages of `contents` that are no directory";
const HIDDEN: &str =
    "files of `contents` that are not in the image because others have their places";
const LEFT_OUT: &str = "names in `contents` that are left out";

/// Why something is hidden, and the way out.
const FIRST_WINS: &str = "the first package of `contents` wins; change their order, or put a `buildEnv` of both in their \
     place, which merges directories, and where `lib.hiPrio` says which file wins";

/// Joins `items` in their order. What is no directory counts for nothing, as in `symlinkJoin`.
///
/// # Errors
/// When an item is missing or cannot be read.
pub fn join(items: &[PathBuf], warnings: &mut Warnings) -> Result<Directory, ScanError> {
    let mut root = Directory::empty(DIRECTORY_MODE, 0);
    let mut lost = Vec::new();
    for (origin, item) in items.iter().enumerate() {
        match scan::scan(item, origin) {
            Ok(new) => Join {
                item,
                origin,
                lost: &mut lost,
            }
            .lay(&mut root, new, Path::new("")),
            Err(ScanError::NotADirectory { .. }) => warnings.add(FILES, || {
                format!(
                    "`{}` of `contents` is no directory, so it is not in the image; put the file into one, for example \
                     with `writeTextDir`, `writeShellScriptBin` or `runCommand`",
                    printable_path(item)
                )
            }),
            Err(error) => return Err(error),
        }
    }
    let joined = Joined { root: &root, items };
    for lost in lost {
        warn(joined, &lost, warnings);
    }
    Ok(root)
}

/// What a package has and the tree has not.
struct Lost {
    /// Its path in both.
    at: PathBuf,
    origin: Origin,
    /// Which package has something else there; none, if lndir passes over the name.
    earlier: Option<Origin>,
}

/// The join of one package.
struct Join<'a> {
    item: &'a Path,
    origin: Origin,
    lost: &'a mut Vec<Lost>,
}

impl Join<'_> {
    /// Lays `new`, which the package has at the path `at`, over `old`.
    fn lay(&mut self, old: &mut Directory, new: Directory, at: &Path) {
        for (name, node) in new.entries {
            let at = at.join(OsStr::from_bytes(&name));
            if is_left_out(&name, &node) {
                self.lose(at, None);
                continue;
            }
            match (old.entries.entry(name), node) {
                (Entry::Occupied(old), new) => match (old.into_mut(), new) {
                    (Node::Directory(old), Node::Directory(new)) => self.lay(old, new, &at),
                    (old, _) => self.lose(at, Some(old.origin())),
                },
                (Entry::Vacant(place), Node::Directory(new)) => {
                    let mut made = Directory::empty(DIRECTORY_MODE, self.origin);
                    self.lay(&mut made, new, &at);
                    place.insert(Node::Directory(made));
                }
                // A link of the package is made again, with the same target.
                (Entry::Vacant(place), link @ Node::Symlink(_)) => {
                    place.insert(link);
                }
                (Entry::Vacant(place), _) => {
                    let target = self.item.join(at).into_os_string().into_vec();
                    let origin = self.origin;
                    place.insert(Node::Symlink(Symlink { target, origin }));
                }
            }
        }
    }

    fn lose(&mut self, at: PathBuf, earlier: Option<Origin>) {
        let origin = self.origin;
        self.lost.push(Lost {
            at,
            origin,
            earlier,
        });
    }
}

/// Warns of `lost`, unless who looks there in the image finds the same.
fn warn(joined: Joined<'_>, lost: &Lost, warnings: &mut Warnings) {
    let at = &lost.at;
    let path = joined.items[lost.origin].join(at);
    // Of a directory, and of a symlink to one, what is in there counts.
    let directory = fs::canonicalize(&path).ok().filter(|path| path.is_dir());
    let missing = directory.map(|directory| joined.missing(&directory, at));
    let is_found = missing.as_ref().is_some_and(Missing::is_nothing) || joined.has(&path, at);
    if is_found && lost.earlier.is_some() {
        return;
    }
    match lost.earlier {
        Some(earlier) => warnings.add(HIDDEN, || {
            format!(
                "{} not in the image: `/{}` there is {}, since {FIRST_WINS}",
                with_missing(&path, missing),
                printable_path(at),
                described(&joined.items[earlier].join(at))
            )
        }),
        None => warnings.add(LEFT_OUT, || {
            format!(
                "{} not in the image, since `contents` are joined without names that end in `~` and without directories of \
                 version control; rename it, or copy it in `extraCommands`",
                with_missing(&path, missing)
            )
        }),
    }
}

/// What is hidden, with its verb: ``the file `PATH` is``.
fn with_missing(path: &Path, missing: Option<Missing>) -> String {
    let described = described(path);
    match missing {
        None => format!("{described} is"),
        Some(missing) if path.is_symlink() => {
            format!("{described}, which leads to {}, is", missing.files())
        }
        Some(missing) => format!("{} in {described} {}", missing.files(), missing.are()),
    }
}

/// lndir passes over backups, and over the directories of version control.
fn is_left_out(name: &Name, node: &Node) -> bool {
    let is_revision = REVISION_DIRECTORIES.contains(&name.as_slice());
    name.ends_with(b"~") || (is_revision && matches!(node, Node::Directory(_)))
}
