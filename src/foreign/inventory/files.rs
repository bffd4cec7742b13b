//! The files of an image that have been read, and of which of them problems are told.

use std::collections::BTreeMap;

use crate::foreign::archive::Place;
use crate::foreign::inventory::InventoryFile;

/// How many problems with entries are told, of all layers together.
const MAX_TOLD: usize = 2_000;

/// The files that have been read.
#[derive(Default)]
pub(crate) struct Files {
    pub(crate) files: BTreeMap<Place, InventoryFile>,
    /// Those of which problems are told, with the numbers of these.
    told: BTreeMap<Place, usize>,
    /// The sum of these numbers.
    told_count: usize,
    /// From which file on problems are only counted.
    untold: Option<Place>,
}

impl Files {
    /// Adds the file at `place`. Which problems are told does not depend on the order in which files
    /// are added.
    pub(crate) fn add(&mut self, place: Place, mut file: InventoryFile) {
        if let Some(entries) = &mut file.entries {
            if self.untold.is_some_and(|untold| place >= untold) {
                entries.tell_no_more();
            }
            if entries.told() > 0 {
                self.told.insert(place, entries.told());
                self.told_count += entries.told();
            }
        }
        self.files.insert(place, file);
        while self.told_count > MAX_TOLD
            && let Some((last, count)) = self.told.pop_last()
        {
            self.told_count -= count;
            self.untold = Some(last);
            if let Some(entries) = self
                .files
                .get_mut(&last)
                .and_then(|file| file.entries.as_mut())
            {
                entries.tell_no_more();
            }
        }
    }
}
