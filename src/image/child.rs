//! The images that an index is made of: those of layouts, whose manifests stay what they are.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;

use crate::bytes::compression::Compression;
use crate::bytes::digest::{DiffId, Digest};
use crate::bytes::source::Source;
use crate::console::text;
use crate::foreign::archive::error::ArchiveError;
use crate::foreign::archive::{Archive, index};
use crate::foreign::images::blob_ref::Blob as Named;
use crate::foreign::images::error::ImagesError;
use crate::foreign::images::{self, Image};
use crate::image::blob::Blob;
use crate::image::parts::from_archive::annotated;
use crate::image::parts::{ConfigFacts, Layer};
use crate::oci::annotations::Annotations;
use crate::oci::image_config::ImageConfig;
use crate::oci::media_type;
use crate::request::limits::Limits;
use crate::tar::plan::Content;

/// Who asks for a member, in messages.
const NEEDED_BY: &str = "its manifest names";

/// An image of an index.
#[derive(Debug)]
pub struct Child {
    /// The layout that it comes from.
    pub path: PathBuf,
    pub manifest: Blob,
    pub config: Blob,
    pub facts: ConfigFacts,
    /// Lowest first, as the layout has them.
    pub layers: Vec<Layer>,
    /// Those of its manifest.
    pub annotations: Arc<Annotations>,
}

/// An image cannot be part of an index.
#[derive(Debug, Error)]
pub enum ChildError {
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error(transparent)]
    Images(#[from] ImagesError),
    #[error("`{}` is no OCI layout, and an index is made of these; `ociLayout` makes one of it", path.display())]
    NoLayout { path: PathBuf },
    #[error("`{name}` in `{}` is called by a digest of SHA-512, which registries store otherwise; `ociLayout` calls it by SHA-256", path.display())]
    Algorithm { path: PathBuf, name: String },
    #[error("the manifests and configs in `{}` have more than {max} bytes together; `dockerToolsLimits.maxJson` allows more", path.display())]
    TooMuch { path: PathBuf, max: u64 },
    #[error("the image in `{}` has {}, but its config lists {diff_ids} in `rootfs.diff_ids`; no engine takes such an image", path.display(), text::count(*layers, "layer"))]
    LayerCount {
        path: PathBuf,
        layers: usize,
        diff_ids: usize,
    },
}

/// Reads the documents of all images in the layout `path`. Of layers, nothing is read yet. With `links`, the blobs of a
/// directory are to be linked and not copied.
///
/// # Errors
/// When it is no layout, or damaged, or more than `limits` allow.
pub fn read(path: &Path, links: bool, limits: &Limits) -> Result<Vec<Child>, ChildError> {
    let archive = index::index(path, limits, &mut |_, _| Ok(()))?;
    if !images::is_layout(&archive) {
        return Err(ChildError::NoLayout {
            path: path.to_owned(),
        });
    }
    let mut known = BTreeSet::new();
    let mut children = Vec::new();
    let mut bytes = 0;
    for image in images::every(&archive)? {
        // An image with several names is listed several times.
        let digest = image.manifest.as_ref().and_then(|manifest| manifest.digest);
        if digest.is_some_and(|digest| !known.insert(digest)) {
            continue;
        }
        let child = child(&archive, image, links)?;
        bytes += child.config.size + child.manifest.size;
        if bytes > limits.max_json {
            return Err(ChildError::TooMuch {
                path: archive.path,
                max: limits.max_json,
            });
        }
        children.push(child);
    }
    Ok(children)
}

fn child(archive: &Archive, image: Image, links: bool) -> Result<Child, ChildError> {
    let path = || archive.path.clone();
    let Some(manifest) = image.manifest else {
        return Err(ChildError::NoLayout { path: path() });
    };
    for blob in [&manifest, &image.config].into_iter().chain(&image.layers) {
        if !matches!(blob.digest, Some(Digest::Sha256(_))) {
            let name = blob.name.clone();
            return Err(ChildError::Algorithm { path: path(), name });
        }
    }
    let text = manifest.json(archive, NEEDED_BY)?.into_owned();
    let said = annotated(archive, &manifest.name, &text)?;
    let config = image.config.json(archive, NEEDED_BY)?.into_owned();
    let document = |source| ImagesError::Document {
        path: path(),
        name: image.config.name.clone(),
        source,
    };
    let facts = ConfigFacts::parse(&config).map_err(document)?;
    let diff_ids = ImageConfig::parse(&config)
        .map_err(document)?
        .rootfs
        .diff_ids;
    if diff_ids.len() != image.layers.len() {
        return Err(ChildError::LayerCount {
            path: path(),
            layers: image.layers.len(),
            diff_ids: diff_ids.len(),
        });
    }
    let layers = image.layers.iter().zip(diff_ids);
    let layers = layers.map(|(named, diff_id)| layer(archive, named, diff_id, links));
    Ok(Child {
        path: path(),
        manifest: Blob::document(media_type::of_manifest(said.media_type.as_deref()), text),
        config: Blob::document(media_type::CONFIG, config),
        facts,
        layers: layers.collect::<Result<_, _>>()?,
        annotations: said.annotations,
    })
}

fn layer(
    archive: &Archive,
    named: &Named,
    diff_id: DiffId,
    links: bool,
) -> Result<Layer, ChildError> {
    let range = archive.file(&named.name, NEEDED_BY)?.range.clone();
    if let Some(said) = named.size {
        archive.check_size(&named.name, range.size, said)?;
    }
    let link = match &*range.source {
        Source::Closed { path } if links => Some(path.clone()),
        _ => None,
    };
    Ok(Layer {
        shown: format!(
            "layer `{}` of image `{}`",
            named.name,
            archive.path.display()
        )
        .into(),
        diff_id,
        compression: named.packing.unwrap_or(Compression::Plain),
        digest: named.digest,
        size: range.size,
        content: Content::Range(range),
        link,
        annotations: Arc::default(),
    })
}
