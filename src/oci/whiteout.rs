//! The names by which a layer hides what the layers below have; see the OCI image specification,
//! "layer".

/// What begins the name of an entry that hides another, whose name follows.
pub const PREFIX: &[u8] = b".wh.";

/// The name of the entry that hides all that its directory has in the layers below.
pub const OPAQUE: &[u8] = b".wh..wh..opq";

/// What an entry hides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hidden<'a> {
    /// All that its directory has below.
    Directory,
    /// The entry of this name beside it.
    Name(&'a [u8]),
}

/// What an entry called `name`, the last part of a path, hides; nothing, if it is no whiteout.
#[must_use]
pub fn hidden_by(name: &[u8]) -> Option<Hidden<'_>> {
    if name == OPAQUE {
        return Some(Hidden::Directory);
    }
    name.strip_prefix(PREFIX).map(Hidden::Name)
}
