//! Writes images as an OCI layout, in a directory or in one tar. The tar is a docker archive too: its `manifest.json`
//! names the same blobs. See the image specification 1.1, `image-layout.md`.

pub mod archive;
pub mod error;
pub mod output;
pub mod join;
pub mod settings;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::build::context::Context;
use crate::bytes::digest::Digest;
use crate::engines::reference;
use crate::image::annotations::CREATED;
use crate::image::blob::Blob;
use crate::image::docker_manifest::{self, KeyOrder};
use crate::image::layout::error::LayoutError;
use crate::image::manifest::{self, IMAGE_NAME, REF_NAME};
use crate::image::pack::Packer;
use crate::image::parts::{ConfigFacts, Layer, Packing, Parts};
use crate::oci::annotations::Annotations;
use crate::oci::descriptor::blob_path;
use crate::oci::manifest::{INDEX, Index, LAYOUT};
use crate::oci::media_type;
use crate::tar::plan::Content;

/// The text of `oci-layout`.
pub const VERSION: &str = r#"{"imageLayoutVersion":"1.0.0"}"#;

/// How large a manifest or an index may be, in bytes: registries and engines take no larger ones.
pub const MAX_MANIFEST: u64 = 4 << 20;

/// What users say of an image beyond what is in it.
#[derive(Debug, Default)]
pub struct Said {
    /// For each manifest; an empty value takes one away.
    pub annotations: Annotations,
    /// For the descriptor of each layer, likewise.
    pub layer_annotations: Annotations,
}

/// What has been written to a directory.
#[derive(Debug, Default)]
pub struct Written {
    /// The documents among the blobs, in the order in which a reader needs them.
    documents: Vec<Digest>,
    /// The layers, lowest first and image by image. One may be there several times.
    layers: Vec<Digest>,
    /// What `manifest.json` says.
    docker: Vec<Value>,
}

/// Writes `images` to `root`, an empty directory, which messages call `shown`. Images of one name that follow each other,
/// for several platforms, get an index of their own.
///
/// # Errors
/// When a layer cannot be read or has changed, a config is none, a manifest is too large or a file cannot be written.
pub fn write(
    root: &Path,
    shown: &Path,
    images: &[Parts],
    said: &Said,
    packing: Packing,
    context: &Context,
) -> Result<Written, LayoutError> {
    let writer = Writer::new(root, shown)?;
    let layers: Vec<&Layer> = images.iter().flat_map(|image| &image.layers).collect();
    let packer = Packer {
        directory: &root.join("blobs/sha256"),
        shown,
        compressor: packing.compressor,
        threads: context.threads,
        progress: context.progress,
    };
    let mut blobs = packer.pack(&layers)?.into_iter();
    let mut written = Written::default();
    let mut index = Vec::new();
    for group in images.chunk_by(Parts::is_for_another_platform) {
        let mut manifests = Vec::new();
        for (place, image) in group.iter().enumerate() {
            let layers = blobs.by_ref().take(image.layers.len()).collect();
            let made = Made::new(image, layers, said)?;
            writer.add(&mut written, &made)?;
            if place == 0 {
                written.docker.push(made.docker(image));
            }
            manifests.push(manifest::for_platform(&made.manifest, &made.facts));
        }
        let entry = match group_index(&group[0], &manifests) {
            Some(blob) => {
                writer.document(&mut written, &blob)?;
                blob.descriptor()
            }
            None => manifests.swap_remove(0),
        };
        index.extend(named(&entry, &group[0].references()));
    }
    writer.finish(index)?;
    Ok(written)
}

/// The index of `manifests`, of which `first` is the first image: the one that it had, if that lists the same. An image
/// alone needs none.
fn group_index(first: &Parts, manifests: &[Map<String, Value>]) -> Option<Blob> {
    let had = first.index.as_ref();
    let kept = had.filter(|had| {
        let listed = Index::parse(&had.text).map(|index| index.manifests);
        listed.is_ok_and(|listed| {
            let digests = listed.iter().map(|listed| json!(listed.digest.to_string()));
            digests.eq(manifests.iter().map(|manifest| manifest["digest"].clone()))
        })
    });
    if let Some(kept) = kept {
        return Some(Blob::document(media_type::INDEX, kept.text.clone()));
    }
    let annotations = had.map(|had| had.annotations.clone()).unwrap_or_default();
    (manifests.len() > 1).then(|| manifest::index(manifests, &annotations))
}

/// A descriptor for each of `references`, or one if there are none.
fn named(descriptor: &Map<String, Value>, references: &[String]) -> Vec<Map<String, Value>> {
    let with = |reference: &String| {
        let mut names = Annotations::from([(REF_NAME.to_owned(), reference.clone())]);
        if reference::has_tag(reference) {
            names.insert(IMAGE_NAME.to_owned(), reference::canonical(reference));
        }
        let mut named = Map::new();
        for (key, value) in descriptor {
            // Where Go's tools have them: before what an image runs on.
            if key == "platform" {
                named.insert("annotations".to_owned(), json!(names));
            }
            named.insert(key.clone(), value.clone());
        }
        named.insert("annotations".to_owned(), json!(names));
        named
    };
    match references {
        [] => vec![descriptor.clone()],
        references => references.iter().map(with).collect(),
    }
}

/// The blobs of one image.
struct Made {
    config: Blob,
    layers: Vec<Blob>,
    manifest: Blob,
    facts: Arc<ConfigFacts>,
}

impl Made {
    fn new(image: &Parts, mut layers: Vec<Blob>, said: &Said) -> Result<Self, LayoutError> {
        let facts = match &image.facts {
            Some(facts) => Arc::clone(facts),
            None => Arc::new(ConfigFacts::parse(&image.config).map_err(|source| {
                LayoutError::Config {
                    image: shown_name(image),
                    source,
                }
            })?),
        };
        let mut annotations = (*image.annotations).clone();
        if let (None, Some(created)) = (&image.manifest, &facts.created) {
            annotations.insert(CREATED.to_owned(), created.clone());
        }
        update(&mut annotations, &said.annotations);
        for layer in &mut layers {
            if !said.layer_annotations.is_empty() {
                update(
                    Arc::make_mut(&mut layer.annotations),
                    &said.layer_annotations,
                );
            }
        }
        let config = Blob::document(media_type::CONFIG, image.config.to_vec());
        let is_kept = annotations == *image.annotations
            && layers.iter().zip(&image.layers).all(|(blob, layer)| {
                layer.digest == Some(blob.digest) && layer.annotations == blob.annotations
            });
        let manifest = match &image.manifest {
            Some(text) if is_kept => Blob::document(media_type::MANIFEST, text.to_vec()),
            _ => manifest::manifest(&config, &layers, &annotations),
        };
        Ok(Self {
            config,
            layers,
            manifest,
            facts,
        })
    }

    /// What `manifest.json` says of it.
    fn docker(&self, image: &Parts) -> Value {
        let layers = self.layers.iter().map(|layer| layer.digest);
        docker(&self.config, layers, &image.references())
    }
}

/// What `manifest.json` says of an image called `references`.
fn docker(config: &Blob, layers: impl Iterator<Item = Digest>, references: &[String]) -> Value {
    let layers = layers.map(blob_path);
    let config = blob_path(config.digest);
    docker_manifest::entry(KeyOrder::ConfigFirst, &config, references, layers)
}

/// What messages call an image.
fn shown_name(image: &Parts) -> String {
    image
        .references()
        .into_iter()
        .next()
        .map_or_else(|| "without a name".to_owned(), |name| format!("`{name}`"))
}

/// Adds `said` to `annotations`; what is empty there takes one away.
fn update(annotations: &mut Annotations, said: &Annotations) {
    for (key, value) in said {
        match value.as_str() {
            "" => annotations.remove(key),
            _ => annotations.insert(key.clone(), value.clone()),
        };
    }
}

/// Writes the files of a layout.
struct Writer<'a> {
    root: &'a Path,
    shown: &'a Path,
}

impl<'a> Writer<'a> {
    fn new(root: &'a Path, shown: &'a Path) -> Result<Self, LayoutError> {
        let writer = Self { root, shown };
        let blobs = root.join("blobs/sha256");
        fs::create_dir_all(blobs).map_err(|source| writer.failed(source))?;
        Ok(writer)
    }

    /// Writes the documents of `made`, whose layers are there already.
    fn add(&self, written: &mut Written, made: &Made) -> Result<(), LayoutError> {
        self.document(written, &made.manifest)?;
        self.document(written, &made.config)?;
        written
            .layers
            .extend(made.layers.iter().map(|layer| layer.digest));
        Ok(())
    }

    fn document(&self, written: &mut Written, blob: &Blob) -> Result<(), LayoutError> {
        if blob.media_type != media_type::CONFIG && blob.size > MAX_MANIFEST {
            return Err(LayoutError::TooLarge {
                path: self.shown.to_owned(),
                size: blob.size,
            });
        }
        if !written.documents.contains(&blob.digest) {
            let Content::Inline(text) = &blob.content else {
                unreachable!("documents are in memory");
            };
            self.file(&blob_path(blob.digest), text)?;
            written.documents.push(blob.digest);
        }
        Ok(())
    }

    fn finish(&self, manifests: Vec<Map<String, Value>>) -> Result<(), LayoutError> {
        let index = manifest::index(&manifests, &Annotations::new());
        if let Content::Inline(text) = &index.content {
            self.file(INDEX, text)?;
        }
        self.file(LAYOUT, VERSION.as_bytes())
    }

    fn file(&self, name: &str, text: &[u8]) -> Result<(), LayoutError> {
        fs::write(self.root.join(name), text).map_err(|source| self.failed(source))
    }

    fn failed(&self, source: std::io::Error) -> LayoutError {
        LayoutError::Write {
            path: self.shown.to_owned(),
            source,
        }
    }
}
