//! Plans the tar of a tree, as GNU tar writes it.

use std::sync::Arc;

use crate::tar::owner::Owner;
use crate::tar::plan::{Content, Entry, Kind, TarPlan};
use crate::tree::{Directory, Node};

fn push_directory(
    entries: &mut Vec<Entry>,
    name: Vec<u8>,
    directory: Directory,
    owner: &Arc<Owner>,
    mtime: u64,
) {
    let prefix = [&name, b"/".as_slice()].concat();
    entries.push(Entry {
        name: prefix.clone(),
        kind: Kind::Directory,
        mode: directory.mode,
        owner: Arc::clone(owner),
        mtime,
        xattrs: Vec::new(),
    });
    for (name, node) in directory.entries {
        let name = [&prefix, name.as_slice()].concat();
        match node {
            Node::Directory(directory) => push_directory(entries, name, directory, owner, mtime),
            other => entries.push(Entry::of_node(name, other, owner, mtime)),
        }
    }
}

impl TarPlan {
    /// Plans the tar of `root` as `tar -C root --sort=name .` writes it: `./` first, every name
    /// behind `./`, the entries of a directory right behind it.
    #[must_use]
    pub fn of_tree(root: Directory, owner: &Arc<Owner>, mtime: u64) -> Self {
        let mut entries = Vec::new();
        push_directory(&mut entries, b".".to_vec(), root, owner, mtime);
        Self {
            entries,
            ..Self::default()
        }
    }
}

impl Entry {
    /// Plans one entry; of a directory, only itself. `name` is without a trailing slash.
    #[must_use]
    pub fn of_node(mut name: Vec<u8>, node: Node, owner: &Arc<Owner>, mtime: u64) -> Self {
        let (kind, mode) = match node {
            Node::Directory(directory) => {
                name.push(b'/');
                (Kind::Directory, directory.mode)
            }
            Node::Regular(file) => (
                Kind::Regular {
                    size: file.size,
                    content: Content::File(file.source),
                },
                file.mode,
            ),
            Node::Symlink(link) => (
                Kind::Symlink {
                    target: link.target,
                },
                crate::tree::scan::SYMLINK_MODE,
            ),
            Node::Special(special) => (Kind::Special(special.kind), special.mode),
        };
        Self {
            name,
            kind,
            mode,
            owner: Arc::clone(owner),
            mtime,
            xattrs: Vec::new(),
        }
    }
}
