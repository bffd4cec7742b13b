//! What can be wrong with an image archive.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::insert::MAX_PARTS;
use super::member_path::MAX_DEPTH;
use crate::bytes::decompress::LimitError;
use crate::bytes::digest::Digest;
use crate::foreign::mistaken::Mistaken;
use crate::tar::read::ReadError;

/// An image archive is damaged, or tries what it may not.
#[derive(Debug, Error)]
pub enum ArchiveError {
    #[error("cannot open image archive `{}`", path.display())]
    Open { path: PathBuf, source: io::Error },
    #[error("cannot read image archive `{}`", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("`{}` {what}", path.display())]
    Mistaken { path: PathBuf, what: Mistaken },
    #[error("image archive `{}` is damaged or no tar", path.display())]
    Tar { path: PathBuf, source: ReadError },
    #[error("image archive `{}` names `{name}`, which {what}; names have to stay within the archive", path.display())]
    Name {
        path: PathBuf,
        name: String,
        what: &'static str,
    },
    #[error("image archive `{}` has the symlink `{name}` to `{target}`, which is outside the archive", path.display())]
    Leaves {
        path: PathBuf,
        name: String,
        target: String,
    },
    #[error("image archive `{}` has the hard link `{name}` to `{target}`, which is no file before it", path.display())]
    HardLink {
        path: PathBuf,
        name: String,
        target: String,
    },
    #[error("image archive `{}` has the device or pipe `{name}`; only directories, files and links belong there", path.display())]
    Special { path: PathBuf, name: String },
    #[error("image archive `{}` has `{name}` both as a directory and as something else", path.display())]
    TwoKinds { path: PathBuf, name: String },
    #[error("image archive `{}` has a layer in the way of `{name}`, as which another one is unpacked", path.display())]
    Taken { path: PathBuf, name: String },
    #[error("image archive `{}` has `{name}`, which lies more than {MAX_DEPTH} directories deep", path.display())]
    TooDeep { path: PathBuf, name: String },
    #[error("image archive `{}` has more than {max} members and directories; no image needs as many, but `dockerToolsLimits.maxMembers` allows more", path.display())]
    TooMany { path: PathBuf, max: usize },
    #[error("the sparse files in image archive `{}` have more than {MAX_PARTS} parts together; pack it without `--sparse`", path.display())]
    TooManyParts { path: PathBuf },
    #[error("image archive `{}` has the sparse file `{name}`, whose holes are too large to be filled", path.display())]
    Holes {
        path: PathBuf,
        name: String,
        source: LimitError,
    },
    #[error("the names of the members of image archive `{}` have more than {max} bytes together; no image needs as many, but `dockerToolsLimits.maxNames` allows more", path.display())]
    TooManyNames {
        path: PathBuf,
        /// In bytes.
        max: u64,
    },
    #[error("image archive `{}` has no file `{name}`, which {needed_by}", path.display())]
    Missing {
        path: PathBuf,
        name: String,
        needed_by: &'static str,
    },
    #[error("`{name}` in image archive `{}` has {size} bytes; {max} are allowed, and more by `dockerToolsLimits.maxJson`", path.display())]
    TooLarge {
        path: PathBuf,
        name: String,
        size: u64,
        max: u64,
    },
    #[error("the documents of the packed image archive `{}`, of which `{name}` is one, have more than {max} bytes together; unpack the archive, or allow more by `dockerToolsLimits.maxJson`", path.display())]
    Crowded {
        path: PathBuf,
        name: String,
        /// In bytes.
        max: u64,
    },
    #[error("`{name}` in image archive `{}` is no JSON document", path.display())]
    NoDocument { path: PathBuf, name: String },
    #[error("`{name}` in image archive `{}` has more than {max} values; no image needs as many, but `dockerToolsLimits.maxValues` allows more", path.display())]
    TooManyValues {
        path: PathBuf,
        name: String,
        max: usize,
    },
    #[error("`{name}` in image archive `{}` has {found} bytes, but what names it says {said}; it is damaged", path.display())]
    Size {
        path: PathBuf,
        name: String,
        found: u64,
        said: u64,
    },
    #[error("`{name}` in image archive `{}` has the digest {found}, but it is named as {said}; it is damaged or was changed", path.display())]
    Digest {
        path: PathBuf,
        name: String,
        found: Box<Digest>,
        said: Box<Digest>,
    },
}
