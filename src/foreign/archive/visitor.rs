//! What a caller does while an archive is indexed.

use std::io::Read;

use crate::foreign::archive::Place;
use crate::foreign::archive::error::ArchiveError;
use crate::foreign::archive::member_path::MemberPath;

/// What a caller may want to do with the content of a regular member while a compressed archive
/// streams by.
pub type Visit<'a> = dyn FnMut(&MemberPath, &mut dyn Read) -> Result<(), ArchiveError> + 'a;

/// What a caller does while an archive is indexed.
pub trait Visitor {
    /// Sees the content of the regular member `name` at `place`, if the archive can be read forwards
    /// only.
    ///
    /// # Errors
    /// As the visitor wants; indexing ends with the error.
    fn content(
        &mut self,
        name: &MemberPath,
        place: Place,
        content: &mut dyn Read,
    ) -> Result<(), ArchiveError>;

    /// Learns that something is wrong. With `Ok`, what else can be read is indexed.
    ///
    /// # Errors
    /// As the visitor wants; indexing ends with the error.
    fn wrong(&mut self, error: ArchiveError) -> Result<(), ArchiveError>;
}
