//! Why store paths make no one directory.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::build::output::OutputError;
use crate::bytes::decompress::LimitError;
use crate::commands::merge_derivations::MAX_DEPTH;
use crate::tar::read::ReadError;
use crate::tree::scan::ScanError;

/// Store paths could not be merged.
#[derive(Debug, Error)]
pub enum MergeDerivationsError {
    #[error(transparent)]
    Scan(#[from] ScanError),
    #[error("cannot read `{}`", item.display())]
    Open { item: PathBuf, source: io::Error },
    #[error(
        "`{}` is no directory, and no tar archive that can be unpacked",
        item.display()
    )]
    Tar { item: PathBuf, source: ReadError },
    #[error("`{}` has the sparse file `{name}`, whose holes are too large to be filled", item.display())]
    Holes {
        item: PathBuf,
        name: String,
        source: LimitError,
    },
    #[error("`{name}` of `{}` {what}", item.display())]
    Name {
        item: PathBuf,
        name: String,
        what: &'static str,
    },
    #[error("`{name}` of `{}` lies in more than {MAX_DEPTH} directories", item.display())]
    TooDeep { item: PathBuf, name: String },
    #[error(
        "`{name}` of `{}` is a device or a pipe, which no store path can hold; leave it out of the archive",
        item.display()
    )]
    Special { item: PathBuf, name: String },
    #[error(
        "`{name}` of `{}` is a hard link to `{target}`, which is no file that came before it",
        item.display()
    )]
    HardLink {
        item: PathBuf,
        name: String,
        target: String,
    },
    #[error(
        "`{name}` is {new} in `{}`, and {old} in what was merged before it; leave one of the two out",
        item.display()
    )]
    Clash {
        item: PathBuf,
        name: String,
        new: &'static str,
        old: &'static str,
    },
    #[error("cannot copy `{name}` of `{}` to `{}`", item.display(), out.display())]
    Copy {
        item: PathBuf,
        name: String,
        out: PathBuf,
        source: io::Error,
    },
    #[error(transparent)]
    Output(#[from] OutputError),
}
