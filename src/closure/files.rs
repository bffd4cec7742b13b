//! Lists the files of a closure, and finds out which of them a base image has already: the `comm`
//! step of `buildImage`.

use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use rayon::prelude::*;

use crate::bytes::parallel;
use crate::oci::whiteout::{self, Hidden};
use crate::request::store_path::StorePath;
use crate::tar::names::path_of;
use crate::tree::scan::{self, ScanError};
use crate::tree::{Directory, Node};

/// The files of a closure, sorted by path as bytes, which is the order in which `comm` lists
/// lines in the C locale.
#[derive(Debug, Default)]
pub struct ClosureFiles {
    files: Vec<ClosureFile>,
}

/// One file or directory of a store path.
#[derive(Debug)]
pub struct ClosureFile {
    /// Relative to the root, as a layer has it: `nix/store/…`.
    pub name: Vec<u8>,
    /// A directory is without its entries here; they are files of their own.
    pub node: Node,
}

/// Reads all files of `closure`.
///
/// # Errors
/// When a store path is missing or cannot be read.
pub fn list_files(closure: &[StorePath]) -> Result<ClosureFiles, ScanError> {
    let listed = parallel::try_map(closure.par_iter(), |store_path| {
        list_store_path(store_path.as_path())
    })?;
    let mut files: Vec<ClosureFile> = listed.into_iter().flatten().collect();
    files.par_sort_unstable_by(|a, b| a.name.cmp(&b.name));
    files.dedup_by(|a, b| a.name == b.name);
    Ok(ClosureFiles { files })
}

/// Reads all files of one store path, in no order.
///
/// # Errors
/// When it is missing or cannot be read.
pub fn list_store_path(path: &Path) -> Result<Vec<ClosureFile>, ScanError> {
    let mut files = Vec::new();
    if let Some(node) = scan::scan_node(path)? {
        let name = path.as_os_str().as_bytes();
        let name = name.strip_prefix(b"/").unwrap_or(name).to_vec();
        push(&mut files, name, node);
    }
    Ok(files)
}

fn push(files: &mut Vec<ClosureFile>, name: Vec<u8>, node: Node) {
    let node = match node {
        Node::Directory(directory) => {
            for (entry, node) in directory.entries {
                push(files, [name.as_slice(), &entry].join(&b'/'), node);
            }
            Node::Directory(Directory::empty(directory.mode, directory.origin))
        }
        other => other,
    };
    files.push(ClosureFile { name, node });
}

/// What one layer does to the files of a closure, by their places in [`ClosureFiles`].
#[derive(Debug, Clone, Default)]
pub struct Presence {
    present: Vec<usize>,
    /// Ranges of files that whiteouts hide in the layers below.
    hidden: Vec<std::ops::Range<usize>>,
    /// Whether the layer has the directory `nix/store`.
    has_store: bool,
}

/// The files to look for in layers, and where the store is, as `nix/store`.
#[derive(Debug, Clone, Copy)]
pub struct ClosureQuery<'a> {
    pub files: &'a ClosureFiles,
    pub store: &'a [u8],
}

impl ClosureQuery<'_> {
    /// Notes that a layer has a member `name`, which may begin with `./` or `/` and end in `/`.
    pub fn note(self, name: &[u8], presence: &mut Presence) {
        self.files.note(name, self.store, presence);
    }
}

impl ClosureFiles {
    /// Notes that a layer has a member `name`, which may begin with `./` or `/` and end in `/`.
    fn note(&self, name: &[u8], store: &[u8], presence: &mut Presence) {
        let name = path_of(name);
        presence.has_store |= *name == *store;
        presence.present.extend(self.find(&name));

        let (directory, last) = match name.iter().rposition(|byte| *byte == b'/') {
            Some(at) => (&name[..=at], &name[at + 1..]),
            None => (b"".as_slice(), &*name),
        };
        match whiteout::hidden_by(last) {
            None => {}
            Some(Hidden::Directory) => presence.hidden.push(self.below(directory)),
            Some(Hidden::Name(hidden)) => {
                let hidden = [directory, hidden].concat();
                presence
                    .hidden
                    .push(self.below(&[&hidden, b"/".as_slice()].concat()));
                if let Some(at) = self.find(&hidden) {
                    presence.hidden.push(at..at + 1);
                }
            }
        }
    }

    fn find(&self, name: &[u8]) -> Option<usize> {
        self.files
            .binary_search_by(|file| file.name.as_slice().cmp(name))
            .ok()
    }

    /// The files whose names begin with `prefix`.
    fn below(&self, prefix: &[u8]) -> std::ops::Range<usize> {
        let start = self
            .files
            .partition_point(|file| file.name.as_slice() < prefix);
        let length = self.files[start..].partition_point(|file| file.name.starts_with(prefix));
        start..start + length
    }

    /// The files that are not in `layers`, lowest layer first, and whether none of the layers has
    /// the directory `nix/store`.
    #[must_use]
    pub fn missing_from<'a>(
        self,
        layers: impl Iterator<Item = &'a Presence>,
    ) -> (Vec<ClosureFile>, bool) {
        let mut present = vec![false; self.files.len()];
        let mut has_store = false;
        for layer in layers {
            for hidden in &layer.hidden {
                present[hidden.clone()].fill(false);
            }
            for at in &layer.present {
                present[*at] = true;
            }
            has_store |= layer.has_store;
        }
        let missing = self.files.into_iter().zip(present);
        let missing = missing
            .filter(|(_, present)| !present)
            .map(|(file, _)| file);
        (missing.collect(), !has_store)
    }
}

/// The store directory of `store_path`, relative to the root: `nix/store`.
#[must_use]
pub fn store_directory(store_path: &Path) -> Vec<u8> {
    let parent = store_path.parent().unwrap_or(Path::new("/"));
    let parent = parent.as_os_str().to_owned().into_vec();
    path_of(&parent).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::Symlink;

    fn closure(names: &[&str]) -> ClosureFiles {
        let file = |name: &&str| ClosureFile {
            name: name.as_bytes().to_vec(),
            node: Node::Symlink(Symlink {
                target: Vec::new(),
                origin: 0,
            }),
        };
        ClosureFiles {
            files: names.iter().map(file).collect(),
        }
    }

    /// What is missing from layers with these members.
    #[track_caller]
    fn check(layers: &[&[&str]], expected: &[&str], expected_no_store: bool) {
        let files = closure(&["s/a", "s/a-b", "s/a/x", "s/b", "s/b/y"]);
        let presence: Vec<Presence> = layers
            .iter()
            .map(|names| {
                let mut presence = Presence::default();
                for name in *names {
                    files.note(name.as_bytes(), b"s", &mut presence);
                }
                presence
            })
            .collect();
        let (missing, no_store) = files.missing_from(presence.iter());
        let names: Vec<_> = missing
            .iter()
            .map(|file| String::from_utf8_lossy(&file.name).into_owned())
            .collect();
        assert_eq!(names, expected);
        assert_eq!(no_store, expected_no_store);
    }

    #[test]
    fn a_name_counts_with_any_prefix() {
        check(
            &[&["./s/", "s/a/", "/s/a/x", "./s/b"]],
            &["s/a-b", "s/b/y"],
            false,
        );
    }

    #[test]
    fn a_whiteout_hides_what_lies_below() {
        let base: &[&str] = &["s/a", "s/a-b", "s/a/x", "s/b", "s/b/y"];
        check(&[base, &["s/.wh.a"]], &["s/a", "s/a/x"], true);
        check(&[base, &["s/b/.wh..wh..opq"]], &["s/b/y"], true);
        check(&[base, &["s/.wh.a", "s/a"]], &["s/a/x"], true);
    }
}
