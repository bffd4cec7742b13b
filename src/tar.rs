//! What the tar modules share.

pub mod gnu;
pub mod write;
pub mod read;

/// The unit of a tar, in bytes: a header is one block, and content is padded to whole ones.
pub const BLOCK: u64 = 512;

/// What GNU tar pads an archive to, in bytes: its blocking factor of 20.
pub const RECORD: u64 = 20 * BLOCK;
