//! Why an entry of a layer has no place in the tree.

use thiserror::Error;

use crate::rootfs::records::RecordsError;

/// The largest numbers that Linux has for devices.
pub(crate) const MAX_MAJOR: u64 = 0xfff;
pub(crate) const MAX_MINOR: u64 = 0xf_ffff;

/// The longest name within a directory, in bytes. Linux has no longer ones.
pub(crate) const MAX_NAME: usize = 255;

/// How many symlinks one name may lead through: as many as on Linux.
pub(crate) const MAX_LINKS: usize = 40;

/// How many parts the targets of these may have together. Each costs time for each name.
pub(crate) const MAX_LINK_PARTS: usize = 256;

/// An entry cannot be placed.
#[derive(Debug, Error)]
pub enum ApplyError {
    #[error("it would lead out of the image: `{name}` has a part `..`")]
    Leaves { name: String },
    #[error("a name in its path has {length} bytes; Linux has none above {MAX_NAME}")]
    Name { length: usize },
    #[error("it lies more than {max} directories deep; `dockerToolsLimits.maxDepth` allows more")]
    Deep { max: usize },
    #[error("`{path}` leads through more than {MAX_LINKS} symlinks, perhaps around in circles")]
    Circle { path: String },
    #[error(
        "`{path}` leads through symlinks whose targets have more than {MAX_LINK_PARTS} parts together"
    )]
    Winding { path: String },
    #[error("it lies below `{path}`, which is no directory")]
    Below { path: String },
    #[error("the root of an image has to be a directory")]
    Root,
    #[error("it is a whiteout and does not name what it hides")]
    Whiteout,
    #[error("it is a hard link to `{target}`, which neither this layer so far nor one below has")]
    NoTarget { target: String },
    #[error("it is a hard link to the directory `{target}`")]
    DirectoryTarget { target: String },
    #[error("it is the device {major}:{minor}; Linux has numbers up to {MAX_MAJOR}:{MAX_MINOR}")]
    Device { major: u64, minor: u64 },
    #[error(
        "with it, the layers have made more than {max} entries; `dockerToolsLimits.maxEntries` allows more"
    )]
    TooMany { max: u32 },
    #[error(
        "with it, names, link targets and attributes have more than {max} bytes together; \
         `dockerToolsLimits.maxMetadata` allows more"
    )]
    TooMuch { max: u32 },
    #[error(transparent)]
    Records(#[from] RecordsError),
}
