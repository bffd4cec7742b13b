//! The images that `manifest.json` lists.

use serde::Deserialize;

use crate::foreign::archive::Archive;
use crate::foreign::images::Image;
use crate::foreign::images::MANIFEST;
use crate::foreign::images::REPOSITORIES;
use crate::foreign::images::blob_ref::Blob;
use crate::foreign::images::document_error;
use crate::foreign::images::error::ImagesError;
use crate::foreign::images::has;
use crate::foreign::images::selector::Selector;
use crate::foreign::images::shown_names;
use crate::oci::manifest::{self};
use crate::oci::strict_json::{self, DocumentError, Respelled, Unique};

/// One element of `manifest.json`.
#[derive(Debug, Deserialize)]
#[serde(
    rename_all = "PascalCase",
    expecting = "an object with `Config` and `Layers`"
)]
struct ManifestEntry {
    config: String,
    repo_tags: Option<Vec<String>>,
    layers: Option<Vec<String>>,
}

pub(crate) fn is_docker(archive: &Archive) -> Result<bool, ImagesError> {
    let path = || archive.path.clone();
    if has(archive, MANIFEST) {
        Ok(true)
    } else if has(archive, manifest::INDEX) {
        Ok(false)
    } else if has(archive, REPOSITORIES) {
        Err(ImagesError::Legacy { path: path() })
    } else {
        Err(ImagesError::NoImages { path: path() })
    }
}

pub(crate) fn choose_of_docker(
    archive: &Archive,
    selector: Selector<'_>,
) -> Result<Image, ImagesError> {
    let images = images_of_docker(archive)?;
    let found = shown_names(images.iter().map(|image| image.names.as_slice()));
    let wanted = |image: &Image| selector.wants(&image.names);
    images
        .into_iter()
        .find(wanted)
        .ok_or_else(|| selector.no_such_name(archive, found))
}

/// All images that `manifest.json` lists.
pub(crate) fn images_of_docker(archive: &Archive) -> Result<Vec<Image>, ImagesError> {
    read_manifest(archive).map(|(images, _)| images)
}

/// The same, with the keys of `manifest.json` that are there in another case.
pub(crate) fn read_manifest(
    archive: &Archive,
) -> Result<(Vec<Image>, Vec<Respelled>), ImagesError> {
    let text = archive.json(MANIFEST, "every Docker image archive has")?;
    let (entries, respelled): (Vec<ManifestEntry>, _) = strict_json::parse_noting(&text)
        .map_err(|source| document_error(archive, MANIFEST, source))?;
    if entries.is_empty() {
        return Err(ImagesError::Empty {
            path: archive.path.clone(),
            name: MANIFEST,
        });
    }
    if entries.len() > archive.limits.max_manifests {
        return Err(ImagesError::TooManyImages {
            path: archive.path.clone(),
            max: archive.limits.max_manifests,
        });
    }
    let images = entries.into_iter().map(|entry| Image {
        names: entry.repo_tags.unwrap_or_default(),
        config: Blob::named(entry.config),
        layers: entry
            .layers
            .unwrap_or_default()
            .into_iter()
            .map(Blob::named)
            .collect(),
        manifest: None,
        index: None,
    });
    Ok((images.collect(), respelled))
}

/// The names of images, and of each the tags with their last layers.
pub(crate) type Repositories = Unique<Unique<String>>;

/// Parses the text of `repositories`; none if it is `null`, as where images without names were merged.
///
/// # Errors
/// When it is something else, or has a name or a tag twice.
pub(crate) fn repositories(text: &[u8]) -> Result<Option<Repositories>, DocumentError> {
    strict_json::parse(text)
}
