//! The documents of a packed archive, kept while it is read: it would have to be unpacked from its
//! beginning for each of them.

use std::collections::{BTreeMap, BTreeSet};

/// Members that begin as JSON does, the smallest ones: configs are small, and what else there may be, as
/// the attestations of a build, need not be.
#[derive(Debug, Default)]
pub(super) struct Documents {
    /// By where they are in the archive, in bytes from its start: there may be very many, and two names
    /// for one.
    texts: BTreeMap<u64, Vec<u8>>,
    /// The sizes of `texts` in bytes, with where they are.
    by_size: BTreeSet<(u64, u64)>,
    /// The size of all `texts`, in bytes.
    size: u64,
    /// Whether there was no room for one.
    pub(super) is_full: bool,
}

impl Documents {
    /// The text of the member at `offset`, if it is kept.
    pub(super) fn get(&self, offset: u64) -> Option<&[u8]> {
        self.texts.get(&offset).map(Vec::as_slice)
    }

    /// Whether there is room for one of `size` bytes, if need be in the place of larger ones, when all
    /// may have `max` bytes together.
    pub(super) fn make_room(&mut self, size: u64, max: u64) -> bool {
        while size.saturating_add(self.size) > max {
            self.is_full = true;
            match self.by_size.last() {
                Some(&(largest, offset)) if largest > size => {
                    self.texts.remove(&offset);
                    self.by_size.pop_last();
                    self.size -= largest;
                }
                _ => return false,
            }
        }
        true
    }

    pub(super) fn keep(&mut self, offset: u64, text: Vec<u8>) {
        let size = text.len() as u64;
        self.size += size;
        self.by_size.insert((size, offset));
        self.texts.insert(offset, text);
    }
}
