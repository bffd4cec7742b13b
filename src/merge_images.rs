//! Joins several image archives in one, as `mergeImages` does: the members of all, one manifest.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use thiserror::Error;

use crate::Surroundings;
use crate::archive::{self, Archive, ArchiveError, ArchiveMember};
use crate::attrs::{Attrs, MergeAttrs};
use crate::base::{self, BaseError, BaseLayer};
use crate::compress::{Compression, Packing};
use crate::images::{self, Image, ImagesError};
use crate::json::jq;
use crate::keep::{self, KeepError};
use crate::members::{self, Planned};
use crate::oci::Platform;
use crate::output::{self, OutputError};
use crate::plan::{Content, Kind};
use crate::progress;

/// The mode of a directory that no input lists, and of the archive's own.
const DIRECTORY_MODE: u32 = 0o755;

/// The mode of the two documents that are written anew.
const DOCUMENT_MODE: u32 = 0o644;

/// What a umask of 022 forbids.
const UMASK: u32 = 0o022;

/// Images could not be merged.
#[derive(Debug, Error)]
pub enum MergeImagesError {
    #[error("`mergeImages` was given no image; it needs at least one")]
    None,
    #[error("cannot read image `{}`", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("image `{}`, the last one, is packed with {packing}; `mergeImages` packs its result as that is, and writes tar archives that are plain or packed with gzip or zstd", path.display())]
    Packing { path: PathBuf, packing: Packing },
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error("`{name}` of image `{}` is not what it should be", path.display())]
    Json {
        path: PathBuf,
        name: &'static str,
        source: serde_json::Error,
    },
    #[error(
        "cannot merge image `{}` with those before it: `{name}` is a directory here and something else there",
        path.display()
    )]
    TwoKinds { path: PathBuf, name: String },
    #[error(transparent)]
    Images(#[from] ImagesError),
    #[error(transparent)]
    Base(#[from] BaseError),
    #[error(transparent)]
    Keep(#[from] KeepError),
    #[error(transparent)]
    Output(#[from] OutputError),
}

/// Makes an image archive of an OCI layout, and gives its `manifest.json`.
fn of_layout(
    archive: &mut Archive,
    platform: Option<&Platform>,
    temporary: &Path,
) -> Result<Vec<Value>, MergeImagesError> {
    keep::spool(archive, temporary)?;
    let mut entries = Vec::new();
    let mut configs = Vec::new();
    let mut layers = Vec::new();
    for image in images::all(archive, platform)? {
        let tags: Vec<&String> = image
            .names
            .iter()
            .filter(|name| name.contains(':'))
            .collect();
        let mut entry = json!({ "Config": image.config.name, "RepoTags": tags });
        configs.push(image.config.name.clone());
        let mut of_image = base::read_layers_of(archive, image)?;
        entry["Layers"] = of_image.iter().map(BaseLayer::member).collect();
        entries.push(entry);
        layers.append(&mut of_image);
    }
    keep::only(archive, &configs, &layers, temporary)?;
    Ok(entries)
}

/// Merges the images that `attrs` name. The archive is compressed as the last of them is.
///
/// # Errors
/// When an image cannot be read or the output not be written.
pub fn build(
    attrs: &Attrs<MergeAttrs>,
    surroundings: &Surroundings,
) -> Result<(), MergeImagesError> {
    let paths = &attrs.ours.images;
    let compression = compression(paths.last().ok_or(MergeImagesError::None)?)?;
    let progress = surroundings.progress;
    let platform = attrs.ours.platform.as_ref();
    let temporary = &surroundings.temporary_directory;

    let mut manifest = Vec::new();
    let mut repositories = None;
    let mut inputs = Vec::new();
    for path in paths {
        progress.phase("read", &format!("reading image `{}`", path.display()));
        let mut archive = archive::index(path, &attrs.limits, &mut |_, _| Ok(()))?;
        if let Some(more) = document(&archive, "repositories")? {
            add_repositories(repositories.get_or_insert_default(), more);
        }
        match document(&archive, images::MANIFEST)? {
            None if images::is_layout(&archive) => {
                manifest.append(&mut of_layout(&mut archive, platform, temporary)?);
            }
            None => {}
            Some(mut entries) => {
                if images::is_layout(&archive) {
                    let needed = images::all(&archive, platform)?;
                    let needed = needed.iter().flat_map(Image::members).cloned();
                    keep::only(&mut archive, &needed.collect::<Vec<_>>(), &[], temporary)?;
                }
                manifest.append(&mut entries);
            }
        }
        inputs.push(archive);
    }
    let repositories = repositories.map_or(Value::Null, Value::Object);
    // nixpkgs unpacks each image below its name and copies in the order of these names.
    inputs.sort_by(|a, b| file_name(&a.path).cmp(file_name(&b.path)));

    let mut merged = BTreeMap::new();
    for archive in inputs {
        add_members(&mut merged, archive, temporary)?;
    }
    for (name, document) in [
        (b"manifest.json".as_slice(), Value::Array(manifest)),
        (b"repositories", repositories),
    ] {
        let text = jq::print(&document).into_bytes();
        let kind = Kind::Regular {
            size: text.len() as u64,
            content: Content::Inline(text),
        };
        let mode = DOCUMENT_MODE;
        merged.insert(vec![name.to_vec()], Planned { mode, kind });
    }

    let plan = members::into_plan(merged, DIRECTORY_MODE, surroundings.source_date_epoch);
    let size = progress::size(plan.size());
    let images = progress::count(paths.len(), "image");
    let text = format!("writing an archive of {images}, {size}");
    progress.phase("write", &text);
    let threads = surroundings.threads;
    Ok(output::tar(
        &attrs.out,
        &plan,
        compression,
        threads,
        progress,
    )?)
}

fn compression(path: &Path) -> Result<Compression, MergeImagesError> {
    let read = |source| MergeImagesError::Read {
        path: path.to_owned(),
        source,
    };
    if std::fs::metadata(path).map_err(read)?.is_dir() {
        return Ok(Compression::None);
    }
    let packing = Packing::of_file(path).map_err(read)?;
    match packing {
        Packing::Plain => Ok(Compression::None),
        Packing::Gzip => Ok(Compression::Gzip),
        Packing::Zstd => Ok(Compression::Zstd),
        Packing::Xz | Packing::Bzip2 => Err(MergeImagesError::Packing {
            path: path.to_owned(),
            packing,
        }),
    }
}

fn file_name(path: &Path) -> &OsStr {
    path.file_name().unwrap_or_default()
}

/// The document `name` of an archive, if it has one.
fn document<T: serde::de::DeserializeOwned>(
    archive: &Archive,
    name: &'static str,
) -> Result<Option<T>, MergeImagesError> {
    let path = [name.as_bytes().to_vec()];
    let mut from_here = archive.members.range(path.to_vec()..);
    if !from_here
        .next()
        .is_some_and(|(at, _)| at.starts_with(&path))
    {
        return Ok(None);
    }
    let text = archive.json_to_keep(name, "`mergeImages` joins")?;
    let parsed = serde_json::from_slice(&text).map_err(|source| MergeImagesError::Json {
        path: archive.path.clone(),
        name,
        source,
    })?;
    Ok(Some(parsed))
}

/// Adds the names and tags of one image. A name that is there already keeps its tags: jq's `add`,
/// with which nixpkgs merges, would forget them.
fn add_repositories(repositories: &mut Map<String, Value>, more: Map<String, Value>) {
    for (name, tags) in more {
        match (repositories.get_mut(&name), tags) {
            (Some(Value::Object(old)), Value::Object(tags)) => old.extend(tags),
            (_, tags) => {
                repositories.insert(name, tags);
            }
        }
    }
}

/// Adds the members of `archive` whose names are still free.
fn add_members(
    merged: &mut members::Members,
    mut archive: Archive,
    temporary: &Path,
) -> Result<(), MergeImagesError> {
    for (path, member) in &archive.members {
        let is_directory = matches!(member, ArchiveMember::Directory { .. });
        let is_other = |planned: &Planned| !matches!(planned.kind, Kind::Directory);
        if let Some(name) = archive::two_kinds(merged, is_other, path, is_directory) {
            return Err(MergeImagesError::TwoKinds {
                path: archive.path.clone(),
                name: archive::shown(&name.join(&b'/')),
            });
        }
    }
    archive.members.retain(|path, _| !merged.contains_key(path));
    keep::spool_if_out_of_order(&mut archive, temporary)?;
    for (path, member) in archive.members {
        let planned = match member {
            ArchiveMember::Directory { mode } => Planned {
                mode: mode & !UMASK,
                kind: Kind::Directory,
            },
            ArchiveMember::File(file) => Planned {
                mode: file.mode & !UMASK,
                kind: Kind::of_range(file.range),
            },
            ArchiveMember::Symlink { target } => Planned {
                mode: crate::scan::SYMLINK_MODE,
                kind: Kind::Symlink { target },
            },
        };
        merged.insert(path, planned);
    }
    Ok(())
}
