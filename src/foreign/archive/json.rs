//! The documents of an archive, each whole.

use std::borrow::Cow;
use std::io::Read;

use crate::bytes::source::RangeReader;
use crate::foreign::archive::Archive;
use crate::foreign::archive::error::ArchiveError;
use crate::oci::strict_json;

impl Archive {
    /// The text of the JSON document `name`, whole.
    ///
    /// # Errors
    /// When it is missing, larger or of more values than the limits allow, or cannot be read.
    pub fn json(&self, name: &str, needed_by: &'static str) -> Result<Cow<'_, [u8]>, ArchiveError> {
        self.json_within(name, needed_by, self.limits.max_values)
    }

    /// The same of a document all of whose values will be in memory: there they take most.
    ///
    /// # Errors
    /// As [`Self::json`], and when there are more than a quarter of the values that the limits allow.
    pub fn json_to_keep(
        &self,
        name: &str,
        needed_by: &'static str,
    ) -> Result<Cow<'_, [u8]>, ArchiveError> {
        self.json_within(name, needed_by, self.limits.max_values / 4)
    }

    fn json_within(
        &self,
        name: &str,
        needed_by: &'static str,
        max_values: usize,
    ) -> Result<Cow<'_, [u8]>, ArchiveError> {
        let range = self.file(name, needed_by)?.range.clone();
        if range.size > self.limits.max_json {
            return Err(ArchiveError::TooLarge {
                path: self.path.clone(),
                name: name.to_owned(),
                size: range.size,
                max: self.limits.max_json,
            });
        }
        let text: Cow<'_, [u8]> = if self.is_compressed {
            let text = self.documents.get(range.offset);
            text.ok_or_else(|| self.not_kept(name))?.into()
        } else {
            let mut text = Vec::with_capacity(range.size as usize);
            let read = RangeReader::new(range).read_to_end(&mut text);
            read.map_err(|source| self.read_error(source))?;
            text.into()
        };
        let max = max_values;
        if strict_json::values(&text) > max {
            return Err(ArchiveError::TooManyValues {
                path: self.path.clone(),
                name: name.to_owned(),
                max,
            });
        }
        Ok(text)
    }

    /// Why the member `name` of a packed archive is none of its documents.
    fn not_kept(&self, name: &str) -> ArchiveError {
        let (path, name) = (self.path.clone(), name.to_owned());
        let max = self.limits.max_json;
        match self.documents.is_full {
            true => ArchiveError::Crowded { path, name, max },
            false => ArchiveError::NoDocument { path, name },
        }
    }
}
