//! Why a described image could not be written.

use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;
use thiserror::Error;

use crate::build::output::OutputError;
use crate::bytes::digest::DiffId;
use crate::engines::Objection;
use crate::foreign::archive::error::ArchiveError;
use crate::image::docker_archive::CopyError;
use crate::image::ready_layer::ReadyLayerError;
use crate::request::time::TimeError;
use crate::tar::write::WriteError;
use crate::tree::scan::ScanError;

/// A described image could not be written.
#[derive(Debug, Error)]
pub enum StreamError {
    #[error("cannot read the image description `{}`", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("`{}` is not an image description of this version of `builder`", path.display())]
    Json {
        path: PathBuf,
        source: serde_json::Error,
    },
    #[error(
        "image description `{}` records {recorded} store layers but lists {listed}; it was changed by hand and has to be built again",
        path.display()
    )]
    Count {
        path: PathBuf,
        recorded: usize,
        listed: usize,
    },
    #[error("`config` is {found}; it has to be a set, such as `{{ Cmd = [ \"/bin/sh\" ]; }}`")]
    Config { found: Value },
    #[error(
        "`config.Env` is {found}; it has to be a list of strings, such as `[ \"NAME=value\" ]`"
    )]
    Env { found: Value },
    #[error("cannot give the image the name of `--repo_tag`")]
    Reference(#[source] Objection),
    #[error(transparent)]
    Time(#[from] TimeError),
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error(transparent)]
    Copy(#[from] CopyError),
    #[error(transparent)]
    Ready(#[from] ReadyLayerError),
    #[error(transparent)]
    Scan(#[from] ScanError),
    #[error(
        "{layer} has other bytes than the image description recorded: DiffID {found} instead of {recorded}; a store path has changed, `nix-store --verify --check-contents` finds it"
    )]
    Changed {
        layer: String,
        recorded: DiffId,
        found: DiffId,
    },
    #[error(
        "{layer} has {found} bytes and had {recorded} when the image was described; a store path has changed, `nix-store --verify --check-contents` finds it"
    )]
    Resized {
        layer: String,
        recorded: u64,
        found: u64,
    },
    #[error("cannot start a thread to hash in")]
    Thread(#[source] io::Error),
    #[error(transparent)]
    Content(WriteError),
    #[error(transparent)]
    Output(#[from] OutputError),
}

impl StreamError {
    pub(crate) fn at(self, path: &Path) -> Self {
        match self {
            Self::Content(error) => Self::Output(OutputError::of_write(error, path)),
            other => other,
        }
    }
}
