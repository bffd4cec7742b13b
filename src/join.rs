//! Joins packages into one tree of symlinks, as `symlinkJoin` does through lndir: directories are
//! real, everything in them is a link into the packages, and the first package wins.

use std::collections::btree_map::Entry;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::scan::{self, Dirlinks, ScanError};
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

/// Joins `items` in their order. What is no directory counts for nothing, as in `symlinkJoin`.
///
/// # Errors
/// When an item is missing or cannot be read.
pub fn join(items: &[PathBuf]) -> Result<Directory, ScanError> {
    let mut root = Directory::empty(DIRECTORY_MODE, 0);
    for (origin, item) in items.iter().enumerate() {
        match scan::scan(item, Dirlinks::Keep, origin) {
            Ok(new) => lay(&mut root, new, item, origin),
            Err(ScanError::NotADirectory { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(root)
}

fn lay(old: &mut Directory, new: Directory, path: &Path, origin: Origin) {
    for (name, node) in new.entries {
        if is_left_out(&name, &node) {
            continue;
        }
        let path = path.join(std::ffi::OsStr::from_bytes(&name));
        match (old.entries.entry(name), node) {
            (Entry::Occupied(old), Node::Directory(new)) => {
                if let Node::Directory(old) = old.into_mut() {
                    lay(old, new, &path, origin);
                }
            }
            (Entry::Occupied(_), _) => {}
            (Entry::Vacant(place), Node::Directory(new)) => {
                let mut made = Directory::empty(DIRECTORY_MODE, origin);
                lay(&mut made, new, &path, origin);
                place.insert(Node::Directory(made));
            }
            // A link of the package is made again, with the same target.
            (Entry::Vacant(place), link @ Node::Symlink(_)) => {
                place.insert(link);
            }
            (Entry::Vacant(place), _) => {
                let target = path.into_os_string().as_bytes().to_vec();
                place.insert(Node::Symlink(Symlink { target, origin }));
            }
        }
    }
}

/// lndir passes over backups, and over the directories of version control.
fn is_left_out(name: &Name, node: &Node) -> bool {
    let is_revision = REVISION_DIRECTORIES.contains(&name.as_slice());
    name.ends_with(b"~") || (is_revision && matches!(node, Node::Directory(_)))
}
