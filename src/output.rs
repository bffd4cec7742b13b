//! Creates the output of a build, and takes it away again when the build fails, so that no part of
//! one is ever taken for a whole.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::compress::{self, Compression};
use crate::plan::TarPlan;
use crate::progress::Progress;
use crate::tar::write::{self, WriteError};

/// An output could not be written.
#[derive(Debug, Error)]
pub enum OutputError {
    #[error("cannot create `{}`", path.display())]
    Create { path: PathBuf, source: io::Error },
    #[error("cannot write `{}`", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Content(WriteError),
}

impl OutputError {
    /// Names the output that `error` is about, if it is about the output.
    #[must_use]
    pub fn of_write(error: WriteError, path: &Path) -> Self {
        match error {
            WriteError::Write(source) => Self::Write {
                path: path.to_owned(),
                source,
            },
            other => Self::Content(other),
        }
    }
}

/// The digits before the first `-` of an output's name, which tag an image that has no tag.
#[must_use]
pub fn hash_part(out: &Path) -> String {
    let name = out.file_name().unwrap_or_default().to_string_lossy();
    name.split('-').next().unwrap_or_default().to_owned()
}

/// Creates the file `path`, which must not exist, with what `fill` writes. When that fails, the
/// file is gone again.
///
/// # Errors
/// As `fill`, or when the file cannot be created.
pub fn file<E: From<OutputError>>(
    path: &Path,
    fill: impl FnOnce(File) -> Result<(), E>,
) -> Result<(), E> {
    let mut options = OpenOptions::new();
    let created = options.write(true).create_new(true).mode(0o644).open(path);
    let file = created.map_err(|source| OutputError::Create {
        path: path.to_owned(),
        source,
    })?;
    fill(file).inspect_err(|_| {
        // The first failure is the one to report.
        let _ = fs::remove_file(path);
    })
}

/// Creates the directory `path`, which must not exist, and lets `fill` fill it. When that fails,
/// the directory is gone again.
///
/// # Errors
/// As `fill`, or when the directory cannot be created.
pub fn directory<E: From<OutputError>>(
    path: &Path,
    fill: impl FnOnce() -> Result<(), E>,
) -> Result<(), E> {
    let created = fs::DirBuilder::new().mode(0o755).create(path);
    created.map_err(|source| OutputError::Create {
        path: path.to_owned(),
        source,
    })?;
    fill().inspect_err(|_| {
        let _ = fs::remove_dir_all(path);
    })
}

/// Lets `make` have another program make the file `path`. When that fails, the file is gone again.
///
/// # Errors
/// As `make`.
pub fn made<E>(path: &Path, make: impl FnOnce() -> Result<(), E>) -> Result<(), E> {
    make().inspect_err(|_| {
        let _ = fs::remove_file(path);
    })
}

/// Creates the file `path` with `bytes` in it.
///
/// # Errors
/// When it cannot be written.
pub fn bytes(path: &Path, bytes: &[u8]) -> Result<(), OutputError> {
    file(path, |mut file| {
        file.write_all(bytes).map_err(|source| OutputError::Write {
            path: path.to_owned(),
            source,
        })
    })
}

/// Creates the file `path` with the tar that `plan` describes.
///
/// # Errors
/// When content cannot be read or the file cannot be written.
pub fn tar(
    path: &Path,
    plan: &TarPlan,
    compression: Compression,
    threads: usize,
    progress: Progress,
) -> Result<(), OutputError> {
    let wrap = |source| OutputError::Write {
        path: path.to_owned(),
        source,
    };
    file(path, |file| {
        let bar = progress.bar(plan.size());
        let written = compress::write(file, compression, threads, wrap, |out| {
            write::write(plan, &mut bar.watch(out))
                .map_err(|error| OutputError::of_write(error, path))
        });
        bar.finish();
        written.map(drop)
    })
}
