//! Builds the output of `exportImage`: the files of an image as one flat tar, as GNU tar packs them
//! in nixpkgs' virtual machine. Ours needs no machine.

use std::sync::Arc;

use thiserror::Error;

use crate::Surroundings;
use crate::closure::files::ClosureFiles;
use crate::console::text;
use crate::flatten::flat::{Flat, FlatEntry, Step};
use crate::flatten::records::RecordsError;
use crate::flatten::{self, FlatKind, FlattenError};
use crate::foreign::base::error::BaseError;
use crate::foreign::base::{self, Wanted};
use crate::foreign::images::choice::Choice;
use crate::output::{self, OutputError};
use crate::request::attrs::{Attrs, ExportAttrs};
use crate::tar::header;
use crate::tar::owner::Owner;
use crate::tar::plan::{Dialect, Entry, Kind};
use crate::tree::scan::SYMLINK_MODE;

/// The mode of `./`: in nixpkgs' machine it is that of a new directory above all layers.
const ROOT_MODE: u32 = 0o755;

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
pub fn build(attrs: &Attrs<ExportAttrs>, surroundings: &Surroundings) -> Result<(), ExportError> {
    let export = &attrs.ours;
    let progress = surroundings.progress;
    let path = &export.from_image;
    progress.phase("read", &format!("reading image `{}`", path.display()));
    let choice = Choice {
        name: export.from_image_name.as_deref(),
        tag: export.from_image_tag.as_deref(),
        platform: export.platform.as_ref(),
    };
    let nothing = Wanted {
        files: &ClosureFiles::default(),
        store: b"",
    };
    let image = base::read(path, choice, nothing, &attrs.limits, progress)?;
    let flat = flatten::flatten(&image, &surroundings.temporary_directory, progress)?;
    drop(image);

    let mtime = surroundings.source_date_epoch;
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

/// The entries of `flat` in the order and with the names in which `tar -C root --hard-dereference
/// --sort=name .` writes them. Each is read when it is asked for.
pub fn entries(
    flat: &Flat,
    mtime: u64,
) -> impl Iterator<Item = Result<Entry, RecordsError>> + use<'_> {
    flat.walk().filter_map(move |step| match step {
        Ok(Step::Entry(entry)) => Some(Ok(packed(entry, mtime))),
        Ok(Step::Left { .. }) => None,
        Err(error) => Some(Err(error)),
    })
}

fn packed(entry: FlatEntry, mtime: u64) -> Entry {
    let mut about = entry.about;
    let mut name = b"./".to_vec();
    if entry.path.is_empty() {
        (about.mode, about.uid, about.gid) = (ROOT_MODE, 0, 0);
    } else {
        name.extend_from_slice(&entry.path);
    }
    let kind = match entry.kind {
        FlatKind::Directory => {
            if !entry.path.is_empty() {
                name.push(b'/');
            }
            Kind::Directory
        }
        FlatKind::File(range) => Kind::of_range(range),
        FlatKind::Symlink { target } => {
            about.mode = SYMLINK_MODE;
            Kind::Symlink { target }
        }
        FlatKind::Special(kind) => Kind::Special(kind),
    };
    let (uid, gid) = (u64::from(about.uid), u64::from(about.gid));
    Entry {
        name,
        kind,
        mode: about.mode,
        owner: Arc::new(Owner::in_nixpkgs_vm(uid, gid)),
        mtime,
        xattrs: about.xattrs,
    }
}
