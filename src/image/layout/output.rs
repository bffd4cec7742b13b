//! A layout as the output of a build, or a file of a person.

use std::path::Path;

use crate::build::context::Context;
use crate::build::output::{self, OutputError};
use crate::bytes::compression::Compressor;
use crate::image::layout::error::LayoutError;
use crate::image::layout::{self, Said, Written, archive};
use crate::image::parts::{Packing, Parts};

/// What a layout is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Directory,
    /// One tar, which is not compressed, since its layers are.
    Archive,
}

impl Form {
    /// That of the attribute `archive`.
    #[must_use]
    pub fn of(archive: bool) -> Self {
        match archive {
            true => Self::Archive,
            false => Self::Directory,
        }
    }
}

/// Writes `images` to `out`, which must not exist. There is nothing if that fails.
///
/// # Errors
/// As [`layout::write`], or when the output cannot be made.
pub fn write(
    out: &Path,
    form: Form,
    images: &[Parts],
    said: &Said,
    packing: Packing,
    context: &Context,
) -> Result<(), LayoutError> {
    fill(out, form, context, |root| {
        layout::write(root, out, images, said, packing, context)
    })
}

/// Writes to `out`, which must not exist, the layout that `fill` writes to an empty directory.
///
/// # Errors
/// As `fill`, or when the output cannot be made.
pub fn fill(
    out: &Path,
    form: Form,
    context: &Context,
    fill: impl FnOnce(&Path) -> Result<Written, LayoutError>,
) -> Result<(), LayoutError> {
    match form {
        Form::Directory => output::directory(out, &context.build_directory, |unfinished| {
            fill(unfinished).map(drop)
        }),
        Form::Archive => {
            let temporary = temporary(out, &context.temporary_directory)?;
            let written = fill(temporary.path())?;
            let plan = archive::plan(temporary.path(), &written, context.source_date_epoch)?;
            let (threads, progress) = (context.threads, context.progress);
            Ok(output::tar(
                out,
                &plan,
                Compressor::None,
                threads,
                progress,
            )?)
        }
    }
}

/// A directory that is gone when this is dropped.
fn temporary(out: &Path, within: &Path) -> Result<tempfile::TempDir, OutputError> {
    tempfile::Builder::new()
        .prefix("layout-")
        .tempdir_in(within)
        .map_err(|source| OutputError::Create {
            path: out.to_owned(),
            source,
        })
}
