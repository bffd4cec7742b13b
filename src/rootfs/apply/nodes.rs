//! What the tree has in memory while layers are applied: a few numbers for each entry.

use crate::bytes::fingerprint::Fingerprint;
use crate::rootfs::apply::Apply;
use crate::rootfs::records::RecordAt;

/// A name in a directory, and what stands there now. A million of these are in memory at once.
#[derive(Debug)]
pub(super) struct Node {
    /// Of the number of the directory and the name.
    pub(super) fingerprint: Fingerprint,
    /// The number of the directory.
    pub(super) parent: u32,
    pub(super) kind: NodeKind,
    /// Whether hard links were made to it, or it is one.
    pub(super) is_shared: bool,
    pub(super) record: RecordAt,
    /// When it, or something below it, was placed last. [`NEVER`] if it is not there.
    pub(super) touched: u32,
    /// Of what is below it, what was placed before is not there.
    pub(super) hides_before: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NodeKind {
    Directory,
    Symlink,
    Other,
}

/// A time before the first entry.
pub(super) const NEVER: u32 = 0;

/// The number of the root.
pub(super) const ROOT: u32 = 0;

/// A directory that is there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Directory {
    pub(super) node: u32,
    /// What of it, and of all directories that it is in, counts.
    pub(super) hides_before: u32,
}

impl Apply {
    pub(super) fn as_directory(&self, above: Directory, number: u32) -> Option<Directory> {
        let node = &self.nodes[number as usize];
        (node.kind == NodeKind::Directory).then_some(Directory {
            node: number,
            hides_before: node.hides_before.max(above.hides_before),
        })
    }

    /// The number of the entry `name` of `directory`, if it is there.
    pub(super) fn entry(&self, directory: Directory, name: &[u8]) -> Option<u32> {
        let number = self.find(Fingerprint::of((directory.node, name)))?;
        let is_there = self.nodes[number as usize].touched >= directory.hides_before;
        is_there.then_some(number)
    }

    /// The number of the node for `name` in the directory `parent`, which may be new.
    pub(super) fn node(&mut self, parent: u32, name: &[u8]) -> u32 {
        let fingerprint = Fingerprint::of((parent, name));
        if let Some(number) = self.find(fingerprint) {
            return number;
        }
        let number = u32::try_from(self.nodes.len()).expect("as many as `made` at most");
        self.nodes.push(Node {
            fingerprint,
            parent,
            kind: NodeKind::Other,
            is_shared: false,
            record: self.nodes[ROOT as usize].record,
            touched: NEVER,
            hides_before: NEVER,
        });
        let nodes = &self.nodes;
        let hash_of = |number: &u32| nodes[*number as usize].fingerprint.hash();
        self.by_fingerprint
            .insert_unique(fingerprint.hash(), number, hash_of);
        number
    }

    fn find(&self, fingerprint: Fingerprint) -> Option<u32> {
        let is_it = |number: &u32| self.nodes[*number as usize].fingerprint == fingerprint;
        let found = self.by_fingerprint.find(fingerprint.hash(), is_it);
        found.copied()
    }
}
