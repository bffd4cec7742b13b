//! Finds the images of an archive, by Docker's `manifest.json` or by the indexes of an OCI layout,
//! and chooses among them by name and by what they run on.

pub mod error;
pub mod blob_ref;
pub mod selector;
pub mod docker;
pub mod layout;
pub mod consistency;

use std::collections::BTreeMap;
use std::rc::Rc;

use self::layout::{Candidate, Manifests, candidates, candidates_for, choose_of_layout};
use crate::foreign::archive::error::ArchiveError;
use crate::foreign::archive::{Archive, ArchiveMember};
use crate::foreign::images::blob_ref::Blob;
use crate::foreign::images::docker::choose_of_docker;
use crate::foreign::images::docker::images_of_docker;
use crate::foreign::images::docker::is_docker;
use crate::foreign::images::error::ImagesError;
use crate::foreign::images::error::document_error;
use crate::foreign::images::selector::Selector;
use crate::foreign::images::selector::shown_names;
use crate::oci::image_config::ImageConfig;
use crate::oci::manifest::{self};
use crate::oci::platform::Platform;

/// Docker's list of the images in an archive.
pub const MANIFEST: &str = "manifest.json";

/// Docker's older one.
pub const REPOSITORIES: &str = "repositories";

/// One image: the members of an archive that it consists of.
#[derive(Debug)]
pub struct Image {
    /// References such as `name:1`; of a layout perhaps only `1`.
    pub names: Vec<String>,
    pub config: Blob,
    /// Lowest first. A layer may occur twice.
    pub layers: Vec<Blob>,
    /// The manifest that a layout has of it; none for an image that `manifest.json` lists.
    pub manifest: Option<Blob>,
    /// The index that lists it in a layout, with others for other platforms perhaps, if that is not the layout's own.
    pub index: Option<Rc<Blob>>,
}

/// The image of `archive` that `selector` wants.
///
/// # Errors
/// When there is none, or what leads to it is damaged or ambiguous.
pub fn choose(archive: &Archive, selector: Selector<'_>) -> Result<Image, ImagesError> {
    if is_docker(archive)? {
        let image = choose_of_docker(archive, selector)?;
        consistency::check(archive, std::slice::from_ref(&image))?;
        Ok(image)
    } else {
        choose_of_layout(archive, selector)
    }
}

/// All images of `archive`; of a layout's that have the same names, the one that fits `platform`.
///
/// # Errors
/// When there is none that fits, or what leads to them is damaged or ambiguous.
pub fn all(archive: &Archive, platform: Option<&Platform>) -> Result<Vec<Image>, ImagesError> {
    if is_docker(archive)? {
        let images = images_of_docker(archive)?;
        consistency::check(archive, &images)?;
        return Ok(images);
    }
    let mut images: Vec<Vec<Candidate>> = Vec::new();
    let mut by_names: BTreeMap<Vec<String>, usize> = BTreeMap::new();
    for candidate in candidates(archive)? {
        let names = candidate.names.clone();
        let number = *by_names.entry(names).or_insert(images.len());
        match images.get_mut(number) {
            Some(image) => image.push(candidate),
            None => images.push(vec![candidate]),
        }
    }
    let mut manifests = Manifests::new(archive);
    let images = images.into_iter();
    images
        .map(|image| {
            let fitting = manifests.fitting(image, platform)?;
            manifests.image(fitting)
        })
        .collect()
}

/// All images of `archive` with the name that `selector` wants, for whatever platform. What an index
/// within the index lists may be elsewhere.
///
/// # Errors
/// When there is none, or what leads to them is damaged or ambiguous.
pub fn list(archive: &Archive, selector: Selector<'_>) -> Result<Vec<Image>, ImagesError> {
    if is_docker(archive)? {
        let mut images = images_of_docker(archive)?;
        let found = shown_names(images.iter().map(|image| image.names.as_slice()));
        images.retain(|image| selector.wants(&image.names));
        return match images.is_empty() {
            true => Err(selector.no_such_name(archive, found)),
            false => consistency::check(archive, &images).map(|()| images),
        };
    }
    let mut manifests = Manifests::new(archive);
    let candidates = candidates_for(archive, selector)?.into_iter();
    candidates.map(|image| manifests.image(image)).collect()
}

/// All images of `archive`, for whatever platform; by the index where the archive is a layout too. What an index
/// within the index lists may be elsewhere, and is left out then.
///
/// # Errors
/// When there is none, what leads to them is damaged or ambiguous, or they have too many layers together.
pub fn every(archive: &Archive) -> Result<Vec<Image>, ImagesError> {
    let images = found(archive)?;
    // All of them are in memory together, each layer with its name.
    let max = archive.limits.max_values / 16;
    let layers = images.iter().flat_map(|image| &image.layers);
    let (count, bytes) = layers.fold((0, 0), |(count, bytes), layer| {
        (count + 1, bytes + layer.name.len() as u64)
    });
    if count > max {
        let path = archive.path.clone();
        return Err(ImagesError::TooManyLayers { path, max });
    }
    let max = archive.limits.max_names;
    if bytes > max {
        let path = archive.path.clone();
        return Err(ArchiveError::TooManyNames { path, max }.into());
    }
    let names: usize = images.iter().map(|image| image.names.len()).sum();
    // A layout may name an image twice, for containerd and for others.
    let max = archive.limits.max_manifests;
    if names > 2 * max {
        let path = archive.path.clone();
        return Err(ImagesError::TooManyNames { path, max });
    }
    Ok(images)
}

fn found(archive: &Archive) -> Result<Vec<Image>, ImagesError> {
    if !is_layout(archive) {
        return list(archive, Selector::default());
    }
    if has(archive, MANIFEST) {
        consistency::check(archive, &images_of_docker(archive)?)?;
    }
    let mut manifests = Manifests::new(archive);
    let candidates = candidates_for(archive, Selector::default())?.into_iter();
    candidates.map(|image| manifests.image(image)).collect()
}

/// Whether the archive has any of the documents of an OCI layout.
#[must_use]
pub fn is_layout(archive: &Archive) -> bool {
    [manifest::LAYOUT, manifest::INDEX]
        .iter()
        .any(|name| has(archive, name))
}

pub(crate) fn has(archive: &Archive, name: &str) -> bool {
    let member = archive.members.get([name.as_bytes().to_vec()].as_slice());
    member.is_some_and(|member| !matches!(member, ArchiveMember::Directory { .. }))
}

impl Image {
    /// The names of all members that it consists of.
    pub fn members(&self) -> impl Iterator<Item = &String> {
        [&self.config]
            .into_iter()
            .chain(&self.layers)
            .map(|blob| &blob.name)
    }
}

/// Reads the config of an image.
///
/// # Errors
/// When it is missing, is not what it is named as, or no config.
pub fn read_config(archive: &Archive, config: &Blob) -> Result<ImageConfig, ImagesError> {
    let text = config.json(archive, "its manifest names as a config")?;
    ImageConfig::parse(&text).map_err(|source| document_error(archive, &config.name, source))
}
