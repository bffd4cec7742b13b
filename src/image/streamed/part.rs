//! A member of a streamed image, checked while it is written.

use crate::bytes::digest::{DiffId, HashWriter};
use crate::image::streamed::error::StreamError;
use crate::tar::plan::Entry;
use crate::tar::write;

/// A member of the image as its plan has it, and what belongs to it.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) entry: Entry,
    pub(super) about: About,
}

/// What belongs to a member of the image.
#[derive(Debug)]
pub(crate) struct About {
    /// What is said when it is written.
    pub(super) message: Option<String>,
    /// The DiffID that its bytes must have.
    pub(super) recorded: Option<RecordedDiffId>,
}

#[derive(Debug)]
pub(crate) struct RecordedDiffId {
    /// What messages call the layer.
    pub(super) layer: String,
    pub(super) diff_id: DiffId,
}

impl About {
    /// Compares the DiffID of the content of `entry` with the recorded one.
    pub(crate) fn verify(&self, entry: &Entry) -> Result<(), StreamError> {
        let Some(recorded) = &self.recorded else {
            return Ok(());
        };
        let mut hash = HashWriter::new();
        write::write_entry_content(entry, &mut hash).map_err(StreamError::Content)?;
        let found = hash.into_diff_id();
        if found == recorded.diff_id {
            return Ok(());
        }
        Err(StreamError::Changed {
            layer: recorded.layer.clone(),
            recorded: recorded.diff_id,
            found,
        })
    }
}
