//! A member of a streamed image, checked while it is written.

use crate::bytes::digest::{DiffId, HashWriter};
use crate::image::streamed::error::StreamError;
use crate::tar::plan::{Dialect, Entry};
use crate::tar::write::{self, Out};

/// A member of the image, and what is said when it is written.
#[derive(Debug)]
pub(crate) struct Part {
    pub(super) message: Option<String>,
    pub(super) entry: Entry,
    /// The DiffID that its bytes must have.
    pub(super) recorded: Option<RecordedDiffId>,
}

#[derive(Debug)]
pub(crate) struct RecordedDiffId {
    /// What messages call the layer.
    pub(super) layer: String,
    pub(super) diff_id: DiffId,
}

pub(crate) fn write_parts(
    parts: &[Part],
    out: &mut Out<'_>,
    say: &mut impl FnMut(&str),
) -> Result<(), StreamError> {
    for part in parts {
        if let Some(message) = &part.message {
            say(message);
        }
        write::write_entry(Dialect::Pax, &part.entry, out).map_err(StreamError::Content)?;
    }
    Ok(())
}

impl Part {
    /// Compares the DiffID of the content with the recorded one.
    pub(crate) fn verify(&self) -> Result<(), StreamError> {
        let Some(recorded) = &self.recorded else {
            return Ok(());
        };
        let mut hash = HashWriter::new();
        write::write_entry_content(&self.entry, &mut hash).map_err(StreamError::Content)?;
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
