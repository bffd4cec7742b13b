//! What all layers of an image have together, against what they may have.

use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::bytes::digest::Algorithm;
use crate::foreign::blob::{self};
use crate::foreign::inventory::InventoryError;
use crate::foreign::inventory::InventoryFile;
use crate::foreign::inventory::entries::{Entries, Noting};
use crate::request::limits::Limits;

/// What all layers have together.
pub(crate) struct Totals {
    noting: Noting,
    pub(crate) limits: Limits,
    entries: AtomicU64,
    /// In bytes.
    store_paths: AtomicU64,
}

impl Totals {
    pub(crate) fn new(noting: Noting, limits: &Limits) -> Self {
        Self {
            noting,
            limits: *limits,
            entries: AtomicU64::new(0),
            store_paths: AtomicU64::new(0),
        }
    }

    /// Reads a file, which may be a layer, and is called by a digest of `algorithm`.
    pub(crate) fn read(
        &self,
        content: &mut dyn Read,
        algorithm: Algorithm,
    ) -> io::Result<InventoryFile> {
        let mut entries = Entries::default();
        let blob = blob::read(content, algorithm, &self.limits, &mut |member| {
            let before = entries.store_path_bytes;
            // Nothing more is kept of an image that is refused below.
            if self.entries.fetch_add(1, Ordering::Relaxed) < u64::from(self.limits.max_entries)
                && self.store_paths.load(Ordering::Relaxed) <= self.limits.max_names
            {
                entries.note(member, self.noting);
            }
            let more = entries.store_path_bytes - before;
            self.store_paths.fetch_add(more, Ordering::Relaxed);
        })?;
        Ok(InventoryFile {
            packing: blob.packing,
            size: blob.size,
            content: blob.content(),
            digests: blob.digests,
            damage: blob.content.err().map(Arc::new),
            entries: (entries.count > 0).then(|| Box::new(entries)),
        })
    }

    /// Refuses the image at `path` if it has too much.
    pub(crate) fn check(&self, path: &Path) -> Result<(), InventoryError> {
        let path = path.to_owned();
        let (max_entries, max) = (self.limits.max_entries, self.limits.max_names);
        if self.entries.load(Ordering::Relaxed) > u64::from(max_entries) {
            let max = max_entries;
            Err(InventoryError::TooManyEntries { path, max })
        } else if self.store_paths.load(Ordering::Relaxed) > max {
            Err(InventoryError::TooManyStorePaths { path, max })
        } else {
            Ok(())
        }
    }
}
