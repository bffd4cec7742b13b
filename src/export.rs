//! Builds the output of `exportImage`: the files of an image as one flat tar, as GNU tar packs them
//! in nixpkgs' virtual machine. Ours needs no machine.

use std::collections::BTreeMap;
use std::sync::Arc;

use thiserror::Error;

use crate::Surroundings;
use crate::attrs::{Attrs, ExportAttrs};
use crate::base::{self, BaseError, Choice, Wanted};
use crate::closure::ClosureFiles;
use crate::compress::Compression;
use crate::flatten::{self, About, Flat, FlatDirectory, FlatFile, FlatNode, FlattenError};
use crate::output::{self, OutputError};
use crate::plan::{Entry, Kind, Owner, TarPlan};
use crate::progress;
use crate::scan::SYMLINK_MODE;
use crate::tar::Dialect;

/// The mode of `./`: in nixpkgs' machine it is that of a new directory above all layers.
const ROOT_MODE: u32 = 0o755;

/// An image could not be exported.
#[derive(Debug, Error)]
pub enum ExportError {
    #[error(transparent)]
    Image(#[from] BaseError),
    #[error(transparent)]
    Flatten(#[from] FlattenError),
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
    let image = base::read(path, choice, nothing, &attrs.limits)?;
    let flat = flatten::flatten(&image, &surroundings.temporary_directory, progress)?;
    drop(image);

    let plan = plan(flat, surroundings.source_date_epoch);
    let text = format!(
        "writing {} in {}",
        progress::size(plan.size()),
        progress::count(plan.entries.len(), "file")
    );
    progress.phase("write", &text);
    let threads = surroundings.threads;
    Ok(output::tar(
        &attrs.out,
        &plan,
        Compression::None,
        threads,
        progress,
    )?)
}

/// Plans the tar of `flat` as `tar -C root --hard-dereference --sort=name .` writes it.
#[must_use]
pub fn plan(flat: Flat, mtime: u64) -> TarPlan {
    let mut packing = Packing {
        entries: Vec::new(),
        owners: BTreeMap::new(),
        mtime,
    };
    let mut root = flat.root;
    (root.about.mode, root.about.uid, root.about.gid) = (ROOT_MODE, 0, 0);
    packing.push_directory(b".".to_vec(), root);
    TarPlan {
        dialect: Dialect::GnuWithoutGroups,
        entries: packing.entries,
        ..TarPlan::default()
    }
}

struct Packing {
    entries: Vec<Entry>,
    owners: BTreeMap<(u32, u32), Arc<Owner>>,
    mtime: u64,
}

impl Packing {
    fn push_directory(&mut self, mut name: Vec<u8>, directory: FlatDirectory) {
        name.push(b'/');
        self.push(name.clone(), Kind::Directory, directory.about);
        for (entry, node) in directory.entries {
            let name = [name.as_slice(), &entry].concat();
            match node {
                FlatNode::Directory(directory) => self.push_directory(name, directory),
                FlatNode::File(file) => {
                    let FlatFile { about, range } = Arc::unwrap_or_clone(file);
                    self.push(name, Kind::of_range(range), about);
                }
                FlatNode::Symlink { mut about, target } => {
                    about.mode = SYMLINK_MODE;
                    self.push(name, Kind::Symlink { target }, about);
                }
                FlatNode::Special { about, kind } => self.push(name, Kind::Special(kind), about),
            }
        }
    }

    fn push(&mut self, name: Vec<u8>, kind: Kind, about: About) {
        let (uid, gid) = (about.uid, about.gid);
        let owner = self
            .owners
            .entry((uid, gid))
            .or_insert_with(|| Arc::new(Owner::in_nixpkgs_vm(u64::from(uid), u64::from(gid))));
        self.entries.push(Entry {
            name,
            kind,
            mode: about.mode,
            owner: Arc::clone(owner),
            mtime: self.mtime,
            xattrs: about.xattrs,
        });
    }
}
