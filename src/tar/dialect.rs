//! The headers and the size of an entry and of a tar, in each dialect.

use crate::tar::header::{self, BLOCK};
use crate::tar::plan::Dialect;
use crate::tar::plan::{Entry, TarPlan};
use crate::tar::{gnu, pax};

impl TarPlan {
    /// The size of the tar in bytes, end marker and padding included.
    #[must_use]
    pub fn size(&self) -> u64 {
        header::whole_size(self.unpadded_size())
    }

    /// The size of the entries in bytes, without the end marker.
    #[must_use]
    pub fn unpadded_size(&self) -> u64 {
        let prefix: u64 = self.prefix.iter().map(|range| range.size).sum();
        let sizes = self
            .entries
            .iter()
            .map(|entry| self.dialect.entry_size(entry));
        prefix + sizes.sum::<u64>()
    }
}

impl Dialect {
    /// The headers that introduce `entry`.
    #[must_use]
    pub fn headers(self, entry: &Entry) -> Vec<u8> {
        match self.of_entry(entry) {
            Self::Gnu => gnu::headers(entry, ["root", "root"]),
            Self::GnuNumericOwner => gnu::headers(entry, ["", ""]),
            Self::GnuWithoutGroups => gnu::headers(entry, ["root", ""]),
            Self::Pax => pax::headers(entry),
        }
    }

    /// The size of [`Self::headers`] in bytes.
    #[must_use]
    pub fn headers_size(self, entry: &Entry) -> u64 {
        match self.of_entry(entry) {
            Self::Gnu | Self::GnuNumericOwner | Self::GnuWithoutGroups => gnu::headers_size(entry),
            Self::Pax => pax::headers_size(entry),
        }
    }

    /// Whose headers `entry` has: extended attributes stand in pax headers only.
    fn of_entry(self, entry: &Entry) -> Self {
        if entry.xattrs.is_empty() {
            self
        } else {
            Self::Pax
        }
    }

    /// The bytes that `entry` takes in the tar: headers, content and padding.
    #[must_use]
    pub fn entry_size(self, entry: &Entry) -> u64 {
        self.headers_size(entry) + entry.content_size().next_multiple_of(BLOCK)
    }
}
