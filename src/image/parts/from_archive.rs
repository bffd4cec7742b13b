//! The parts of the images in an archive or a layout.

use std::path::Path;

use crate::bytes::compression::Compression;
use crate::bytes::digest::Digest;
use crate::console::progress::Progress;
use crate::foreign::archive::Archive;
use crate::foreign::archive::error::ArchiveError;
use crate::foreign::base::error::BaseError;
use crate::foreign::base::{self, BaseLayer, ReadImage};
use crate::foreign::images;
use crate::foreign::images::blob_ref::Blob;
use crate::foreign::images::error::ImagesError;
use crate::image::parts::{Layer, ListingIndex, Packing, Parts};
use crate::oci::annotations::Annotated;
use crate::oci::annotations::Annotations;
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
    let is_layout = images::is_layout(&archive);
    let images = images.into_iter();
    images
        .map(|image| parts(&archive, image, is_layout.then_some(packing)))
        .collect()
}

/// `wanted` is set where the layers are to be packed as it says, whatever they are.
fn parts(archive: &Archive, image: ReadImage, wanted: Option<Packing>) -> Result<Parts, BaseError> {
    let manifest = match &image.manifest {
        None => None,
        Some(blob) => Some(blob.json(archive, NEEDED_BY)?.into_owned()),
    };
    let said = match (&manifest, &image.manifest) {
        (Some(text), Some(blob)) => annotated(archive, &blob.name, text)?,
        _ => Annotated::default(),
    };
    let mut of_layers = said.layers.into_iter();
    let layers = image.layers.iter().map(|layer| {
        let annotations = of_layers.next().unwrap_or_default();
        parts_layer(archive, layer, wanted, annotations)
    });
    let index = match image.index.as_deref() {
        Some(blob) => listing(archive, blob)?,
        None => None,
    };
    let is_oci = said.media_type.as_deref() == Some(media_type::MANIFEST);
    Ok(Parts {
        layers: layers.collect::<Result<_, _>>()?,
        config: archive.json(&image.config_name, NEEDED_BY)?.into_owned(),
        names: image.names,
        manifest: manifest.filter(|_| is_oci),
        annotations: said.annotations,
        index,
    })
}

/// The index `blob`, if it is one of the OCI specification.
fn listing(archive: &Archive, blob: &Blob) -> Result<Option<ListingIndex>, BaseError> {
    let text = blob.json(archive, "an index names")?.into_owned();
    let said = annotated(archive, &blob.name, &text)?;
    let is_oci = said.media_type.as_deref() == Some(media_type::INDEX);
    Ok(is_oci.then(|| ListingIndex {
        annotations: said.annotations,
        text,
    }))
}

/// A layer of `archive`. `wanted` is set where it is to be packed as that says, whatever it is.
///
/// # Errors
/// When it is missing.
pub(crate) fn parts_layer<N>(
    archive: &Archive,
    layer: &BaseLayer<N>,
    wanted: Option<Packing>,
    annotations: Annotations,
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
    Ok(Layer {
        shown: format!(
            "layer `{}` of image `{}`",
            layer.name,
            archive.path.display()
        ),
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
        annotations,
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
