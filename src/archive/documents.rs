//! The documents of a packed archive, kept while it is read: it would have to be unpacked from its
//! beginning for each of them.

use std::collections::{BTreeMap, BTreeSet};

use super::MemberPath;

/// Members that begin as JSON does, the smallest ones: configs are small, and what else there may be, as
/// the attestations of a build, need not be.
#[derive(Debug, Default)]
pub(super) struct Documents {
    texts: BTreeMap<MemberPath, Vec<u8>>,
    /// The names of `texts` with their sizes in bytes.
    by_size: BTreeSet<(u64, MemberPath)>,
    /// The size of all `texts`, in bytes.
    size: u64,
    /// Whether there was no room for one.
    pub(super) is_full: bool,
}

impl Documents {
    /// The text of the member `name`, if it is kept.
    pub(super) fn get(&self, name: &MemberPath) -> Option<&[u8]> {
        self.texts.get(name).map(Vec::as_slice)
    }

    pub(super) fn forget(&mut self, name: &MemberPath) {
        if let Some(text) = self.texts.remove(name) {
            let size = text.len() as u64;
            self.size -= size;
            self.by_size.remove(&(size, name.clone()));
        }
    }

    /// Whether there is room for one of `size` bytes, if need be in the place of larger ones, when all
    /// may have `max` bytes together.
    pub(super) fn make_room(&mut self, size: u64, max: u64) -> bool {
        while size.saturating_add(self.size) > max {
            self.is_full = true;
            match self.by_size.last() {
                Some((largest, name)) if *largest > size => {
                    let name = name.clone();
                    self.forget(&name);
                }
                _ => return false,
            }
        }
        true
    }

    pub(super) fn keep(&mut self, name: MemberPath, text: Vec<u8>) {
        let size = text.len() as u64;
        self.size += size;
        self.by_size.insert((size, name.clone()));
        self.texts.insert(name, text);
    }
}
