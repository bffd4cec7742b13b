//! The parts of the images in an archive or a layout.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::bytes::compression::Compression;
use crate::bytes::digest::{Digest, Sha256};
use crate::console::progress::Progress;
use crate::foreign::archive::Archive;
use crate::foreign::archive::error::ArchiveError;
use crate::foreign::base::error::BaseError;
use crate::foreign::base::{self, BaseLayer, ReadImage};
use crate::foreign::images;
use crate::foreign::images::blob_ref::Blob;
use crate::foreign::images::error::ImagesError;
use crate::image::parts::{ConfigFacts, Layer, ListingIndex, Packing, Parts};
use crate::oci::annotations::Annotated;
use crate::oci::media_type;
use crate::request::limits::Limits;
use crate::tar::plan::Content;

/// Who asks for a member, in messages.
const NEEDED_BY: &str = "its manifest names";

/// Reads all images in the archive, or the OCI layout, `path`, and checks every layer. A layer that engines do not read
/// as it is packed, or that is to be packed otherwise, becomes plain.
///
/// # Errors
/// When it is damaged, does not hold what its documents name, or is more than `limits` allow.
pub fn read(
    path: &Path,
    packing: Packing,
    limits: &Limits,
    progress: Progress,
) -> Result<Vec<Parts>, BaseError> {
    let (archive, images) = base::read_every(path, limits, progress)?;
    let wanted = images::is_layout(&archive).then_some(packing);
    let mut known = Known::default();
    let mut read: Vec<Parts> = Vec::new();
    let mut places: BTreeMap<(Option<Digest>, Sha256), usize> = BTreeMap::new();
    for image in images {
        let digest = image.manifest.as_ref().and_then(|manifest| manifest.digest);
        let key = (digest, image.id);
        // An image with several names may be listed several times.
        let same = places.get(&key).copied();
        let is_in_no_index = |place: &usize| image.index.is_none() && read[*place].index.is_none();
        let place = match same.filter(is_in_no_index) {
            Some(place) => {
                read[place].names.extend(image.names);
                place
            }
            None => {
                read.push(parts(&archive, image, wanted, &mut known)?);
                read.len() - 1
            }
        };
        places.insert(key, place);
    }
    Ok(read)
}

/// The text of a config, and what it says; none if it is no config.
type Config = (Arc<[u8]>, Option<Arc<ConfigFacts>>);

/// What many images of an archive may have together, each once in memory.
#[derive(Default)]
struct Known {
    /// By the names of their members.
    configs: BTreeMap<String, Config>,
    manifests: BTreeMap<String, (Arc<[u8]>, Arc<Annotated>)>,
    indexes: BTreeMap<String, Option<Arc<ListingIndex>>>,
    layers: BTreeMap<String, Arc<str>>,
}

/// `wanted` is set where the layers are to be packed as it says, whatever they are.
fn parts(
    archive: &Archive,
    image: ReadImage,
    wanted: Option<Packing>,
    known: &mut Known,
) -> Result<Parts, BaseError> {
    let manifest = match &image.manifest {
        None => None,
        Some(blob) => Some(manifest(archive, blob, known)?),
    };
    let index = match image.index.as_deref() {
        None => None,
        Some(blob) => listing(archive, blob, known)?,
    };
    let (config, facts) = match known.configs.get(&image.config_name) {
        Some(config) => config.clone(),
        None => {
            let text = archive.json(&image.config_name, NEEDED_BY)?;
            let facts = ConfigFacts::parse(&text).ok().map(Arc::new);
            let config = (Arc::from(&*text), facts);
            known
                .configs
                .insert(image.config_name.clone(), config.clone());
            config
        }
    };
    let said = manifest
        .as_ref()
        .map(|(_, said)| Arc::clone(said))
        .unwrap_or_default();
    let layers = image.layers.iter().enumerate().map(|(place, layer)| {
        let mut parts = parts_layer(archive, layer, wanted, known)?;
        parts.annotations = said.layers.get(place).cloned().unwrap_or_default();
        Ok(parts)
    });
    let layers = layers.collect::<Result<_, ArchiveError>>()?;
    let is_oci = said.media_type.as_deref() == Some(media_type::MANIFEST);
    Ok(Parts {
        layers,
        config,
        facts,
        names: image.names,
        manifest: manifest.map(|(text, _)| text).filter(|_| is_oci),
        annotations: Arc::clone(&said.annotations),
        index,
    })
}

/// The text of the manifest `blob`, and what it says beside what it lists.
fn manifest(
    archive: &Archive,
    blob: &Blob,
    known: &mut Known,
) -> Result<(Arc<[u8]>, Arc<Annotated>), BaseError> {
    if let Some((text, said)) = known.manifests.get(&blob.name) {
        return Ok((Arc::clone(text), Arc::clone(said)));
    }
    let text: Arc<[u8]> = Arc::from(&*blob.json(archive, NEEDED_BY)?);
    let said = Arc::new(annotated(archive, &blob.name, &text)?);
    let found = (text, said);
    known.manifests.insert(blob.name.clone(), found.clone());
    Ok(found)
}

/// The index `blob`, if it is one of the OCI specification.
fn listing(
    archive: &Archive,
    blob: &Blob,
    known: &mut Known,
) -> Result<Option<Arc<ListingIndex>>, BaseError> {
    if let Some(index) = known.indexes.get(&blob.name) {
        return Ok(index.clone());
    }
    let text = blob.json(archive, "an index names")?.into_owned();
    let said = annotated(archive, &blob.name, &text)?;
    let is_oci = said.media_type.as_deref() == Some(media_type::INDEX);
    let index = is_oci.then(|| {
        Arc::new(ListingIndex {
            annotations: (*said.annotations).clone(),
            text,
        })
    });
    known.indexes.insert(blob.name.clone(), index.clone());
    Ok(index)
}

/// A layer of `archive`, which stays as it is packed unless engines do not read that.
///
/// # Errors
/// When it is missing.
pub(crate) fn base_layer<N>(
    archive: &Archive,
    layer: &BaseLayer<N>,
) -> Result<Layer, ArchiveError> {
    parts_layer(archive, layer, None, &mut Known::default())
}

/// A layer of `archive`. `wanted` is set where it is to be packed as that says, whatever it is.
///
/// # Errors
/// When it is missing.
fn parts_layer<N>(
    archive: &Archive,
    layer: &BaseLayer<N>,
    wanted: Option<Packing>,
    known: &mut Known,
) -> Result<Layer, ArchiveError> {
    let range = archive.file(&layer.name, NEEDED_BY)?.range.clone();
    let is_other =
        |wanted: Packing| wanted.is_wanted && wanted.compressor.compression() != layer.packing;
    let stays = match layer.packing {
        Compression::Plain => true,
        Compression::Gzip | Compression::Zstd => !wanted.is_some_and(is_other),
        Compression::Xz | Compression::Bzip2 => false,
    };
    let range = match stays {
        true => range,
        false => base::unpacked(range, layer.packing, layer.size, &archive.limits),
    };
    let shown = known.layers.entry(layer.name.clone());
    let shown = shown.or_insert_with(|| {
        format!(
            "layer `{}` of image `{}`",
            layer.name,
            archive.path.display()
        )
        .into()
    });
    Ok(Layer {
        shown: Arc::clone(shown),
        diff_id: layer.diff_id,
        compression: if stays {
            layer.packing
        } else {
            Compression::Plain
        },
        digest: stays.then_some(Digest::Sha256(layer.sha256)),
        size: range.size,
        content: Content::Range(range),
        link: None,
        annotations: Arc::default(),
    })
}

/// What the manifest or index `name` says beside what it lists.
///
/// # Errors
/// When an annotation is no text, or there twice.
pub(crate) fn annotated(
    archive: &Archive,
    name: &str,
    text: &[u8],
) -> Result<Annotated, ImagesError> {
    Annotated::parse(text).map_err(|source| ImagesError::Document {
        path: archive.path.clone(),
        name: name.to_owned(),
        source,
    })
}
