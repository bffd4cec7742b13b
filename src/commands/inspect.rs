//! Tells what is in an image file: the config of each image, its layers, the store paths in them.

mod config;
mod show;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::sync::Arc;

use thiserror::Error;

use self::config::ShownConfig;
use crate::bytes::compression::Compression;
use crate::bytes::digest::{DiffId, Digest, Sha256};
use crate::console::progress::Progress;
use crate::console::text::shown;
use crate::foreign::archive::Archive;
use crate::foreign::archive::error::ArchiveError;
use crate::foreign::blob::Damage;
use crate::foreign::images::blob_ref::Blob;
use crate::foreign::images::error::ImagesError;
use crate::foreign::images::selector::Selector;
use crate::foreign::images::{self, Image};
use crate::foreign::inventory::entries::Noting;
use crate::foreign::inventory::{self, Input, Inventory, InventoryError};
use crate::oci::annotations::{Annotated, Annotations};
use crate::oci::image_config::ImageConfig;
use crate::oci::platform::Platform;
use crate::request::limits::Limits;
use crate::request::store_path::StorePath;

/// What is in an image file. Each image is taken together when it is shown: one layer, or config, may be in
/// very many.
#[derive(Debug)]
pub struct Inspection {
    inventory: Inventory,
    /// Whether Docker's `manifest.json` lists the images, not an OCI layout's index.
    pub is_docker: bool,
    /// Each can be shown.
    images: Vec<Image>,
    /// Those of their manifests, by the names of these.
    annotations: BTreeMap<String, Arc<Annotations>>,
}

#[derive(Debug)]
pub struct InspectedImage<'a> {
    pub names: &'a [String],
    /// The hash of the config, which Docker calls the image by.
    pub id: Sha256,
    pub platform: Option<Platform>,
    /// That of the manifest, which a layout has.
    pub manifest: Option<Digest>,
    /// Those of the manifest.
    pub annotations: Arc<Annotations>,
    config: ShownConfig<'a>,
    /// Lowest first.
    pub layers: Vec<InspectedLayer<'a>>,
}

#[derive(Debug)]
pub struct InspectedLayer<'a> {
    /// The file that holds it.
    pub name: &'a str,
    pub packing: Compression,
    /// Of the file, as is the size, in bytes; by the algorithm by which the image names it.
    pub digest: Digest,
    pub packed_size: u64,
    pub diff_id: DiffId,
    /// Of the unpacked tar, in bytes.
    pub size: u64,
    /// How many files, directories and links there are.
    pub files: u64,
    /// Those that it has anything of.
    pub store_paths: &'a BTreeSet<StorePath>,
}

/// An image is too damaged to be shown.
#[derive(Debug, Error)]
pub enum InspectError {
    #[error(transparent)]
    Inventory(#[from] InventoryError),
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
    #[error("the configs and store paths of all images in `{}` have more than {max} bytes; show one of them (`--image`), or all with `--limit maxJson=...`", path.display())]
    TooMuch { path: PathBuf, max: u64 },
    #[error("`{name}` of image `{}` is no config", path.display())]
    Config {
        path: PathBuf,
        name: String,
        source: serde_json::Error,
    },
}

/// Tells what `inventory`, which noted [store paths](crate::foreign::inventory::entries::Noting), found of the images that
/// `selector` wants.
///
/// # Errors
/// When an image cannot be told from its documents, or is damaged.
pub fn inspect(
    mut inventory: Inventory,
    selector: Selector<'_>,
) -> Result<Inspection, InspectError> {
    if !inventory.wrong.told.is_empty() {
        return Err(inventory.wrong.told.swap_remove(0).into());
    }
    let images = images::list(&inventory.archive, selector)?;
    let inspection = Inspection {
        annotations: annotations(&inventory.archive, &images)?,
        images,
        is_docker: images::has(&inventory.archive, images::MANIFEST),
        inventory,
    };
    inspection.refuse_too_much()?;
    for image in inspection.images() {
        image?;
    }
    Ok(inspection)
}

/// Who asks for a config, in messages.
const NEEDED: &str = "its manifest names";

/// Reads the image in `input`, or the one of several that `reference` names.
///
/// # Errors
/// When it cannot be read, is damaged, or is none such.
pub fn read(
    input: Input,
    reference: Option<&str>,
    limits: &Limits,
    progress: Progress,
) -> Result<Inspection, InspectError> {
    let selector = reference.map(Selector::of_reference).unwrap_or_default();
    inspect(
        inventory::read(input, Noting::StorePaths, limits, progress)?,
        selector,
    )
}

impl Inspection {
    /// Prints it to `out`, as JSON or for people.
    ///
    /// # Errors
    /// When `out` fails.
    pub fn write(&self, as_json: bool, out: impl Write) -> io::Result<()> {
        let mut out = BufWriter::new(out);
        if as_json {
            serde_json::to_writer_pretty(&mut out, self)?;
            writeln!(out)?;
        } else {
            self.write_text(&mut out)?;
        }
        out.flush()
    }

    /// The images, one after the other.
    pub fn images(&self) -> impl Iterator<Item = Result<InspectedImage<'_>, InspectError>> {
        let images = self.images.iter();
        images.map(|image| inspect_image(&self.inventory, image, &self.annotations))
    }

    /// Many images may have one config, or layer, which is shown for each of them.
    fn refuse_too_much(&self) -> Result<(), InspectError> {
        let inventory = &self.inventory;
        let mut sum: u64 = 0;
        let max = inventory.archive.limits.max_json;
        for image in &self.images {
            sum = sum.saturating_add(inventory.file(&image.config.name, NEEDED)?.size);
            for layer in &image.layers {
                let layer = inventory.file(&layer.name, NEEDED_AS_LAYER)?;
                sum = sum.saturating_add(layer.entries().store_path_bytes);
            }
            if sum > max {
                let path = inventory.archive.path.clone();
                return Err(InspectError::TooMuch { path, max });
            }
        }
        Ok(())
    }
}

/// Who asks for a layer.
const NEEDED_AS_LAYER: &str = "its manifest names as a layer";

fn inspect_image<'a>(
    inventory: &'a Inventory,
    image: &'a Image,
    annotations: &BTreeMap<String, Arc<Annotations>>,
) -> Result<InspectedImage<'a>, InspectError> {
    let name = &image.config.name;
    let id = inventory.file(name, NEEDED)?.digests.sha256;
    let text = inventory.archive.json(name, NEEDED)?;
    let document = |source| ImagesError::Document {
        path: inventory.archive.path.clone(),
        name: name.clone(),
        source,
    };
    let platform = ImageConfig::parse(&text).map_err(document)?.platform();
    let config = ShownConfig::parse(text).map_err(|source| InspectError::Config {
        path: inventory.archive.path.clone(),
        name: name.clone(),
        source,
    })?;
    let layers = image.layers.iter();
    let layers = layers
        .map(|layer| inspect_layer(inventory, layer))
        .collect::<Result<_, _>>()?;
    let manifest = image.manifest.as_ref();
    let annotations = manifest.and_then(|manifest| annotations.get(&manifest.name));
    Ok(InspectedImage {
        names: &image.names,
        id,
        platform,
        manifest: image.manifest.as_ref().and_then(|manifest| manifest.digest),
        annotations: annotations.cloned().unwrap_or_default(),
        config,
        layers,
    })
}

/// The annotations of the manifests of `images`, by the names of these; each is read once.
fn annotations(
    archive: &Archive,
    images: &[Image],
) -> Result<BTreeMap<String, Arc<Annotations>>, InspectError> {
    let mut known = BTreeMap::new();
    let mut bytes = 0;
    let max = archive.limits.max_json;
    for manifest in images.iter().filter_map(|image| image.manifest.as_ref()) {
        if known.contains_key(&manifest.name) {
            continue;
        }
        let text = manifest.json(archive, "an index names as an image")?;
        bytes += text.len() as u64;
        if bytes > max {
            let path = archive.path.clone();
            return Err(InspectError::TooMuch { path, max });
        }
        let annotated = Annotated::parse(&text).map_err(|source| ImagesError::Document {
            path: archive.path.clone(),
            name: manifest.name.clone(),
            source,
        });
        known.insert(manifest.name.clone(), annotated?.annotations);
    }
    Ok(known)
}

fn inspect_layer<'a>(
    inventory: &'a Inventory,
    layer: &'a Blob,
) -> Result<InspectedLayer<'a>, InspectError> {
    let name = &layer.name;
    let file = inventory.file(name, NEEDED_AS_LAYER)?;
    let damaged = || InspectError::Layer {
        path: inventory.archive.path.clone(),
        layer: shown(name.as_bytes()),
        source: file.damage.clone(),
    };
    let content = file.content.filter(|_| file.damage.is_none());
    let content = content.ok_or_else(damaged)?;
    Ok(InspectedLayer {
        name,
        packing: file.packing,
        digest: file.digests.by(layer.algorithm()),
        packed_size: file.size,
        diff_id: content.diff_id,
        size: content.size,
        files: file.entries().count,
        store_paths: &file.entries().store_paths,
    })
}
