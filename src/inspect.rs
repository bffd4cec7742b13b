//! Tells what is in an image file: the config of each image, its layers, the store paths in them.

mod config;
mod show;

use std::path::PathBuf;
use std::sync::Arc;

use thiserror::Error;

use crate::archive::{ArchiveError, shown};
use crate::blob::Damage;
use crate::compress::Packing;
use crate::digest::{DiffId, Digest, Sha256};
use crate::images::{self, Blob, Choice, Image, ImagesError};
use crate::oci::{ImageConfig, Platform};
use crate::store_path::StorePath;
use crate::survey::{Form, Survey};
use config::ShownConfig;

/// What is in an image file.
#[derive(Debug)]
pub struct Inspection {
    pub path: PathBuf,
    /// Whether Docker's `manifest.json` lists the images, not an OCI layout's index.
    pub is_docker: bool,
    pub form: Form,
    pub images: Vec<InspectedImage>,
}

#[derive(Debug)]
pub struct InspectedImage {
    pub names: Vec<String>,
    /// The hash of the config, which Docker calls the image by.
    pub id: Sha256,
    pub platform: Option<Platform>,
    config: ShownConfig,
    /// Lowest first.
    pub layers: Vec<InspectedLayer>,
}

#[derive(Debug)]
pub struct InspectedLayer {
    /// The file that holds it.
    pub name: String,
    pub packing: Packing,
    /// Of the file, as is the size, in bytes; by the algorithm by which the image names it.
    pub digest: Digest,
    pub packed_size: u64,
    pub diff_id: DiffId,
    /// Of the unpacked tar, in bytes.
    pub size: u64,
    /// How many files, directories and links there are.
    pub files: u64,
    /// Those that it has anything of.
    pub store_paths: Vec<StorePath>,
}

/// An image is too damaged to be shown.
#[derive(Debug, Error)]
pub enum InspectError {
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error(transparent)]
    Images(#[from] ImagesError),
    #[error("layer `{layer}` of image `{}` cannot be read; `builder verify` tells all that is wrong", path.display())]
    Layer {
        path: PathBuf,
        layer: String,
        source: Option<Arc<Damage>>,
    },
    #[error("the configs of all images in `{}` have more than {max} bytes; show one of them (`--image`), or all with `--limit maxJson=...`", path.display())]
    TooMuch { path: PathBuf, max: u64 },
    #[error("`{name}` of image `{}` is no config", path.display())]
    Config {
        path: PathBuf,
        name: String,
        source: serde_json::Error,
    },
}

/// Tells what `survey` found of the images that `choice` wants.
///
/// # Errors
/// When an image cannot be told from its documents, or is damaged.
pub fn inspect(mut survey: Survey, choice: Choice<'_>) -> Result<Inspection, InspectError> {
    if !survey.wrong.is_empty() {
        return Err(survey.wrong.swap_remove(0).into());
    }
    let images = images::list(&survey.archive, choice)?;
    refuse_too_much(&survey, &images)?;
    let images = images
        .into_iter()
        .map(|image| inspect_image(&survey, image))
        .collect::<Result<_, _>>()?;
    Ok(Inspection {
        is_docker: images::has(&survey.archive, images::MANIFEST),
        form: survey.form,
        images,
        path: survey.archive.path,
    })
}

/// Many images may have one config, which is shown for each of them.
fn refuse_too_much(survey: &Survey, images: &[Image]) -> Result<(), InspectError> {
    let mut sum: u64 = 0;
    let max = survey.archive.limits.max_json;
    for image in images {
        sum = sum.saturating_add(survey.file(&image.config.name, NEEDED)?.size);
        if sum > max {
            let path = survey.archive.path.clone();
            return Err(InspectError::TooMuch { path, max });
        }
    }
    Ok(())
}

/// Who asks for a config, in messages.
const NEEDED: &str = "its manifest names";

fn inspect_image(survey: &Survey, image: Image) -> Result<InspectedImage, InspectError> {
    let name = &image.config.name;
    let id = survey.file(name, NEEDED)?.digests.sha256;
    let text = survey.archive.json(name, NEEDED)?;
    let document = |source| ImagesError::Document {
        path: survey.archive.path.clone(),
        name: name.clone(),
        source,
    };
    let platform = ImageConfig::parse(&text).map_err(document)?.platform();
    let config = ShownConfig::parse(text).map_err(|source| InspectError::Config {
        path: survey.archive.path.clone(),
        name: name.clone(),
        source,
    })?;
    let layers = image.layers.iter();
    let layers = layers
        .map(|layer| inspect_layer(survey, layer))
        .collect::<Result<_, _>>()?;
    Ok(InspectedImage {
        names: image.names,
        id,
        platform,
        config,
        layers,
    })
}

fn inspect_layer(survey: &Survey, layer: &Blob) -> Result<InspectedLayer, InspectError> {
    let name = &layer.name;
    let file = survey.file(name, "its manifest names as a layer")?;
    let damaged = || InspectError::Layer {
        path: survey.archive.path.clone(),
        layer: shown(name.as_bytes()),
        source: file.damage.clone(),
    };
    let content = file.content.filter(|_| file.damage.is_none());
    let content = content.ok_or_else(damaged)?;
    Ok(InspectedLayer {
        name: name.to_owned(),
        packing: file.packing,
        digest: file.digests.by(layer.algorithm()),
        packed_size: file.size,
        diff_id: content.diff_id,
        size: content.size,
        files: file.entries().count,
        store_paths: file.entries().store_paths.iter().cloned().collect(),
    })
}
