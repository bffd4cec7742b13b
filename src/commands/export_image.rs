//! Builds the output of `exportImage`: the files of an image as one flat tar, as GNU tar packs them
//! in nixpkgs' virtual machine. Ours needs no machine.

use std::path::PathBuf;

use serde::Deserialize;
use thiserror::Error;

use crate::build::context::Context;
use crate::build::output::{self, OutputError};
use crate::console::text;
use crate::foreign::base;
use crate::foreign::base::error::BaseError;
use crate::foreign::images::selector::Selector;
use crate::oci::platform::Platform;
use crate::request::attrs::{Attrs, Section};
use crate::rootfs::flatten::{self, FlattenError};
use crate::rootfs::records::RecordsError;
use crate::rootfs::tar_entries::entries;
use crate::tar::header;
use crate::tar::plan::Dialect;

/// The dialect of the tar.
pub const DIALECT: Dialect = Dialect::GnuWithoutGroups;

/// An image could not be exported.
#[derive(Debug, Error)]
pub enum ExportError {
    #[error(transparent)]
    Image(#[from] BaseError),
    #[error(transparent)]
    Flatten(#[from] FlattenError),
    #[error(transparent)]
    Records(#[from] RecordsError),
    #[error(transparent)]
    Output(#[from] OutputError),
}

/// Exports the image that `attrs` name.
///
/// # Errors
/// When the image cannot be read, its layers make no tree, or the output cannot be written.
pub fn build(attrs: &Attrs<ExportAttrs>, context: &Context) -> Result<(), ExportError> {
    let export = &attrs.ours;
    let progress = context.progress;
    let path = &export.from_image;
    progress.phase("read", &format!("reading image `{}`", path.display()));
    let selector = Selector {
        name: export.from_image_name.as_deref(),
        tag: export.from_image_tag.as_deref(),
        platform: export.platform.as_ref(),
    };
    let image = base::read(path, selector, (), &attrs.limits, progress)?;
    progress.phase("merge", &flatten::merging(&image));
    let flat = flatten::flatten(&image, &context.temporary_directory)?;
    drop(image);

    let mtime = context.source_date_epoch;
    let mut size = 0;
    for entry in entries(&flat, mtime) {
        size += DIALECT.entry_size(&entry?);
    }
    let size = header::whole_size(size);
    let text = format!(
        "writing {} in {}",
        text::size(size),
        text::count(flat.count(), "file")
    );
    progress.phase("write", &text);
    let entries = entries(&flat, mtime).map(|entry| Ok(entry?));
    output::tar_of_entries(&attrs.out, DIALECT, entries, size, progress)
}

/// An image to export, as `exportImage` asks for it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "a set")]
pub struct ExportAttrs {
    pub from_image: PathBuf,
    pub from_image_name: Option<String>,
    pub from_image_tag: Option<String>,
    /// Which of the images in a layout for several platforms; null for the first.
    #[serde(default)]
    pub platform: Option<Platform>,
}

impl Section for ExportAttrs {
    const KEY: &'static str = "export";
}
