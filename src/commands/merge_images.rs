//! Joins several image archives in one, as `mergeImages` does: the members of all, one manifest.

mod merged;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use thiserror::Error;

use crate::build::context::Context;
use crate::build::output::{self, OutputError};
use crate::bytes::compression::{Compression, Compressor};
use crate::bytes::digest::Sha256;
use crate::commands::merge_images::merged::Merged;
use crate::console::text;
use crate::console::warnings::Warnings;
use crate::foreign::archive::Archive;
use crate::foreign::archive::error::ArchiveError;
use crate::foreign::archive::index::Opened;
use crate::foreign::base::error::BaseError;
use crate::foreign::base::{self, BaseLayer, ReadImage};
use crate::foreign::images::{self, docker, selector};
use crate::image::docker_archive;
use crate::image::docker_manifest::{self, KeyOrder};
use crate::image::retain::{self, RetainError};
use crate::oci::platform::Platform;
use crate::oci::strict_json::DocumentError;
use crate::request::attrs::{Attrs, Section};
use crate::request::limits::Limits;

/// The mode of a directory that no input lists, and of the archive's own.
const DIRECTORY_MODE: u32 = 0o755;

/// Images could not be merged.
#[derive(Debug, Error)]
pub enum MergeImagesError {
    #[error("`mergeImages` was given no image; it needs at least one")]
    None,
    #[error("cannot read image `{}`", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("image `{}`, the last one, is packed with {packing}; `mergeImages` packs its result as that is, and writes tar archives that are plain or packed with gzip or zstd", path.display())]
    Compression { path: PathBuf, packing: Compression },
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error("`{name}` of image `{}` is not what it should be", path.display())]
    Document {
        path: PathBuf,
        name: &'static str,
        source: DocumentError,
    },
    #[error(
        "cannot merge image `{}` with those before it: `{name}` is a directory here and something else there",
        path.display()
    )]
    TwoKinds { path: PathBuf, name: String },
    #[error(
        "cannot merge image `{}` with those before it: they have another file called `{name}`, and only one can be in the archive; copy one of the images with `skopeo copy`, which calls layers and configs by their digests",
        path.display()
    )]
    OtherBytes { path: PathBuf, name: String },
    #[error(transparent)]
    Base(#[from] BaseError),
    #[error(transparent)]
    Keep(#[from] RetainError),
    #[error(transparent)]
    Output(#[from] OutputError),
}

/// Images to join in one archive, as `mergeImages` asks for it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "a set")]
pub struct MergeAttrs {
    pub images: Vec<PathBuf>,
    /// Which of the images in a layout for several platforms; null for the first.
    #[serde(default)]
    pub platform: Option<Platform>,
}

impl Section for MergeAttrs {
    const KEY: &'static str = "merge";
}

/// What will be merged: what [`MergeAttrs`] ask for, checked.
struct Settled<'a> {
    /// At least one.
    images: &'a [PathBuf],
    platform: Option<&'a Platform>,
    /// The archive is compressed as the last image is.
    compressor: Compressor,
    limits: &'a Limits,
    out: &'a Path,
}

/// Settles what `attrs` ask for; afterwards it cannot be wrong any more.
fn settle(attrs: &Attrs<MergeAttrs>) -> Result<Settled<'_>, MergeImagesError> {
    let MergeAttrs { images, platform } = &attrs.ours;
    let last = images.last().ok_or(MergeImagesError::None)?;
    Ok(Settled {
        images,
        platform: platform.as_ref(),
        compressor: compressor_of(last)?,
        limits: &attrs.limits,
        out: &attrs.out,
    })
}

/// How an archive is compressed that is to be compressed as the image at `path` is.
fn compressor_of(path: &Path) -> Result<Compressor, MergeImagesError> {
    let read = |source| MergeImagesError::Read {
        path: path.to_owned(),
        source,
    };
    let compression = match Opened::open(path).map_err(read)? {
        Opened::Directory => return Ok(Compressor::None),
        Opened::Archive(_, compression) => compression,
    };
    match compression {
        Compression::Plain => Ok(Compressor::None),
        Compression::Gzip => Ok(Compressor::Gzip),
        Compression::Zstd => Ok(Compressor::Zstd),
        Compression::Xz | Compression::Bzip2 => Err(MergeImagesError::Compression {
            path: path.to_owned(),
            packing: compression,
        }),
    }
}

/// An image file that is merged.
struct Input {
    archive: Archive,
    /// Its part of `manifest.json`.
    manifest: Vec<Value>,
    /// Its part of `repositories`; none if it has no such file.
    repositories: Option<Value>,
    /// What its images consist of: names of files, with the digests of their bytes.
    parts: BTreeMap<String, Sha256>,
}

/// Merges the images that `attrs` name. The archive is compressed as the last of them is.
///
/// # Errors
/// When an image cannot be read, is not what it says, or has other bytes under a name of another image; and when
/// the output cannot be written.
pub fn build(attrs: &Attrs<MergeAttrs>, context: &Context) -> Result<(), MergeImagesError> {
    let merge = settle(attrs)?;
    let progress = context.progress;

    let mut manifest = Vec::new();
    let mut repositories = None;
    let mut archives = Vec::new();
    let mut names = Names::default();
    for path in merge.images {
        progress.phase("read", &format!("reading image `{}`", path.display()));
        let input = read(path, &merge, &mut names, context)?;
        manifest.extend(input.manifest);
        if let Some(more) = input.repositories {
            add_repositories(repositories.get_or_insert(Value::Null), more);
        }
        archives.push((input.archive, input.parts));
    }
    names.warnings.tell(progress);
    // nixpkgs unpacks each image below its name and copies in the order of these names.
    archives.sort_by(|(a, _), (b, _)| file_name(&a.path).cmp(file_name(&b.path)));

    let mut merged = Merged::default();
    for (archive, parts) in archives {
        merged.add(archive, &parts, &context.temporary_directory)?;
    }
    let documents = [
        (images::MANIFEST, Value::Array(manifest)),
        (images::REPOSITORIES, repositories.unwrap_or_default()),
    ];
    for (name, document) in documents {
        merged.set_document(name, &document);
    }

    let epoch = context.source_date_epoch;
    let plan = docker_archive::into_plan(merged.into_members(), DIRECTORY_MODE, epoch);
    let size = text::size(plan.size());
    let images = text::count(merge.images.len(), "image");
    let text = format!("writing an archive of {images}, {size}");
    progress.phase("write", &text);
    let threads = context.threads;
    Ok(output::tar(
        merge.out,
        &plan,
        merge.compressor,
        threads,
        progress,
    )?)
}

/// Reads the image file `path`, and compares everything in it with what names it.
fn read(
    path: &Path,
    merge: &Settled<'_>,
    names: &mut Names,
    context: &Context,
) -> Result<Input, MergeImagesError> {
    let temporary = &context.temporary_directory;
    let progress = context.progress;
    let (mut archive, read) = base::read_all(path, merge.platform, merge.limits, progress)?;
    // One image alone may have very many names, and shares none of them.
    if merge.images.len() > 1 || read.len() > 1 {
        for image in &read {
            names.add(path, image);
        }
    }
    let repositories = match has(&archive, images::REPOSITORIES) {
        true => Some(document(
            &archive,
            images::REPOSITORIES,
            docker::repositories,
        )?),
        false => None,
    };
    if images::has(&archive, images::MANIFEST) {
        // What is in it has been read already.
        let manifest = document(&archive, images::MANIFEST, |_| Ok(()))?;
        let parts = parts(&read, |layer| (layer.name.clone(), layer.sha256));
        if images::is_layout(&archive) {
            let needed: Vec<String> = parts.keys().cloned().collect();
            retain::only::<()>(&mut archive, &needed, &[], temporary)?;
        }
        return Ok(Input {
            archive,
            manifest,
            repositories,
            parts,
        });
    }
    let manifest = read.iter().map(manifest_entry).collect();
    // What is unpacked has the digest that is its DiffID.
    let parts = parts(&read, |layer| match layer.is_unpacked() {
        true => (layer.member(), layer.diff_id.sha256()),
        false => (layer.name.clone(), layer.sha256),
    });
    let configs: Vec<String> = read.iter().map(|image| image.config_name.clone()).collect();
    let layers: Vec<BaseLayer> = read.into_iter().flat_map(|image| image.layers).collect();
    retain::only(&mut archive, &configs, &layers, temporary)?;
    Ok(Input {
        archive,
        manifest,
        repositories,
        parts,
    })
}

/// The files of `images`: their configs, and `of_layer` of each layer.
fn parts(
    images: &[ReadImage],
    of_layer: impl Fn(&BaseLayer) -> (String, Sha256),
) -> BTreeMap<String, Sha256> {
    let configs = images
        .iter()
        .map(|image| (image.config_name.clone(), image.id));
    let layers = images.iter().flat_map(|image| &image.layers);
    configs.chain(layers.map(of_layer)).collect()
}

/// What `manifest.json` says of an image of a layout, which has none.
fn manifest_entry(image: &ReadImage) -> Value {
    let names = image.names.iter().filter(|name| name.contains(':'));
    let layers = image.layers.iter().map(BaseLayer::member);
    docker_manifest::entry(KeyOrder::ConfigFirst, &image.config_name, names, layers)
}

/// The names of all images, with the file and the ID of the last image that has each.
#[derive(Default)]
struct Names {
    /// By name and tag, which image has it: its place among the following.
    by_reference: BTreeMap<String, usize>,
    images: Vec<(PathBuf, Sha256)>,
    warnings: Warnings,
}

impl Names {
    /// Adds those of `image`, which is in the file `path`. That two images have one name is told.
    fn add(&mut self, path: &Path, image: &ReadImage) {
        let here = self.images.len();
        self.images.push((path.to_owned(), image.id));
        for name in image.names.iter().filter(|name| name.contains(':')) {
            let (repository, tag) = selector::reference(name);
            let [repository, tag] = [repository, tag].map(Option::unwrap_or_default);
            let reference = format!("{repository}:{tag}");
            let Some(other) = self.by_reference.insert(reference, here) else {
                continue;
            };
            let (other, id) = &self.images[other];
            if *id != image.id {
                self.warnings.add("names that two images have", || {
                    let name = text::shown(name.as_bytes());
                    format!(
                        "two images are called `{name}`, one in `{}` and another in `{}`: `docker load` gives \
                         the name to the last one, podman and skopeo take the first; give one of them another \
                         name or tag",
                        other.display(),
                        path.display()
                    )
                });
            }
        }
    }
}

fn file_name(path: &Path) -> &OsStr {
    path.file_name().unwrap_or_default()
}

/// Whether the archive has `name`, or anything in a directory of that name.
fn has(archive: &Archive, name: &str) -> bool {
    let path = [name.as_bytes().to_vec()];
    let mut from_here = archive.members.range(path.to_vec()..);
    let next = from_here.next();
    next.is_some_and(|(at, _)| at.starts_with(&path))
}

/// The document `name` of an archive as it stands, which `check` parses strictly before.
fn document<T: DeserializeOwned, P>(
    archive: &Archive,
    name: &'static str,
    check: impl FnOnce(&[u8]) -> Result<P, DocumentError>,
) -> Result<T, MergeImagesError> {
    let text = archive.json_to_keep(name, "`mergeImages` joins")?;
    let parsed = check(&text).and_then(|_| Ok(serde_json::from_slice(&text)?));
    parsed.map_err(|source| MergeImagesError::Document {
        path: archive.path.clone(),
        name,
        source,
    })
}

/// Adds the names and tags of one image. A name that is there already keeps its tags: jq's `add`,
/// with which nixpkgs merges, would forget them.
fn add_repositories(repositories: &mut Value, more: Value) {
    let Value::Object(more) = more else { return };
    let Value::Object(names) = repositories else {
        *repositories = Value::Object(more);
        return;
    };
    for (name, tags) in more {
        match (names.get_mut(&name), tags) {
            (Some(Value::Object(old)), Value::Object(tags)) => old.extend(tags),
            (_, tags) => {
                names.insert(name, tags);
            }
        }
    }
}
