//! Reads a base image: which layers it has, their DiffIDs, its environment, and which files of a
//! closure it holds already. All of it is recomputed from the bytes; nothing is believed.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;
use serde::Deserialize;
use thiserror::Error;

use crate::archive::{self, Archive, ArchiveError, ArchiveMember, MemberPath, RangeReader};
use crate::closure::{ClosureFiles, Seen};
use crate::compress::{Decoded, MAGIC, Packing};
use crate::digest::{DiffId, HashWriter};
use crate::plan::Range;
use crate::tar::read::{ReadError, Reader, Skip};

/// How many layers an image may have. Docker runs at most 127.
pub const MAX_LAYERS: usize = 1024;

/// The image that another one is built on.
#[derive(Debug)]
pub struct BaseImage {
    pub archive: Archive,
    /// The member that holds the config.
    pub config_name: String,
    /// `config.Env`, in its order.
    pub env: Vec<String>,
    /// Lowest first. A layer may occur twice.
    pub layers: Vec<BaseLayer>,
}

#[derive(Debug)]
pub struct BaseLayer {
    /// The member that holds it, as the manifest names it.
    pub name: String,
    pub diff_id: DiffId,
    pub seen: Arc<Seen>,
}

/// Which image of an archive with several.
#[derive(Debug, Clone, Copy)]
pub struct Choice<'a> {
    pub name: Option<&'a str>,
    pub tag: Option<&'a str>,
}

/// A base image cannot be used.
#[derive(Debug, Error)]
pub enum BaseError {
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error(
        "base image `{}` is no Docker image archive: it has no file `manifest.json`; \
         `skopeo copy <image> docker-archive:<file>` makes one of an OCI image",
        path.display()
    )]
    NoManifest { path: PathBuf },
    #[error("`{name}` of base image `{}` is not what it should be", path.display())]
    Json {
        path: PathBuf,
        name: String,
        source: serde_json::Error,
    },
    #[error("base image `{}` holds no image: its `manifest.json` is an empty list", path.display())]
    Empty { path: PathBuf },
    #[error("base image `{}` has no image `{wanted}`; it has {found}", path.display())]
    NoSuchImage {
        path: PathBuf,
        wanted: String,
        found: String,
    },
    #[error("base image `{}` has {count} layers; {MAX_LAYERS} are allowed", path.display())]
    TooManyLayers { path: PathBuf, count: usize },
    #[error("layer `{layer}` of base image `{}` is damaged or no tar", path.display())]
    Layer {
        path: PathBuf,
        layer: String,
        source: ReadError,
    },
    #[error("layer `{layer}` of base image `{}` cannot be read", path.display())]
    LayerBytes {
        path: PathBuf,
        layer: String,
        source: io::Error,
    },
}

/// One element of `manifest.json`.
#[derive(Debug, Deserialize)]
#[serde(
    rename_all = "PascalCase",
    expecting = "an object with `Config` and `Layers`"
)]
struct ManifestEntry {
    config: String,
    repo_tags: Option<Vec<String>>,
    layers: Vec<String>,
}

/// What of the image config counts.
#[derive(Debug, Deserialize)]
#[serde(expecting = "an object")]
struct ImageConfig {
    config: Option<ContainerConfig>,
}

#[derive(Debug, Deserialize)]
#[serde(expecting = "an object")]
struct ContainerConfig {
    #[serde(rename = "Env")]
    env: Option<Vec<String>>,
}

/// What reading a layer once tells.
#[derive(Debug, Clone)]
struct LayerFacts {
    diff_id: DiffId,
    seen: Arc<Seen>,
}

/// The files to look for in the layers, and where the store is, as `nix/store`.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    pub files: &'a ClosureFiles,
    pub store: &'a [u8],
}

/// Reads the base image in the archive `path`.
///
/// # Errors
/// When the archive is damaged, does not hold what its manifest names, or has no image such as
/// `choice` wants.
pub fn read(path: &Path, choice: Choice<'_>, wanted: Wanted<'_>) -> Result<BaseImage, BaseError> {
    // A compressed archive streams by once here; what its layers hold is learned on the way.
    let mut streamed: BTreeMap<MemberPath, Result<LayerFacts, BaseError>> = BTreeMap::new();
    let archive = archive::index(path, &mut |name, content| {
        if may_be_layer(name) {
            let shown = shown(name);
            streamed.insert(name.clone(), layer_facts(path, &shown, content, wanted));
        }
        Ok(())
    })?;

    let entry = choose(&archive, choice)?;
    let config_name = entry.config;
    let env = read_env(&archive, &config_name)?;
    if entry.layers.len() > MAX_LAYERS {
        return Err(BaseError::TooManyLayers {
            path: path.to_owned(),
            count: entry.layers.len(),
        });
    }
    let layers = entry
        .layers
        .into_iter()
        .map(|name| {
            let file = archive.file(&name, "its `manifest.json` names as a layer")?;
            Ok((name, file.range.clone()))
        })
        .collect::<Result<Vec<_>, ArchiveError>>()?;
    let facts = read_layers(&archive, &layers, streamed, wanted)?;
    let layers = layers
        .into_iter()
        .map(|(name, range)| {
            let LayerFacts { diff_id, seen } = facts[&range.offset].clone();
            BaseLayer {
                name,
                diff_id,
                seen,
            }
        })
        .collect();
    Ok(BaseImage {
        archive,
        config_name,
        env,
        layers,
    })
}

/// Reads each of `layers` once, by whatever names the manifest has it, and tells the facts by its
/// offset in the archive. What `streamed` has already is not read again.
fn read_layers(
    archive: &Archive,
    layers: &[(String, Range)],
    streamed: BTreeMap<MemberPath, Result<LayerFacts, BaseError>>,
    wanted: Wanted<'_>,
) -> Result<BTreeMap<u64, LayerFacts>, BaseError> {
    let mut left: BTreeMap<u64, &(String, Range)> =
        layers.iter().map(|layer| (layer.1.offset, layer)).collect();
    let mut facts = BTreeMap::new();
    for (member, read) in streamed {
        if let Some(ArchiveMember::File(file)) = archive.members.get(&member)
            && left.remove(&file.range.offset).is_some()
        {
            facts.insert(file.range.offset, read?);
        }
    }
    let read = |(offset, (name, range)): (u64, &(String, Range))| {
        let content = &mut RangeReader::new(range.clone());
        layer_facts(&archive.path, name, content, wanted).map(|facts| (offset, facts))
    };
    let more: Vec<_> = if archive.is_compressed {
        // In the order of the archive, since every step back uncompresses all of it again.
        left.into_iter().map(read).collect::<Result<_, _>>()?
    } else {
        left.into_par_iter().map(read).collect::<Result<_, _>>()?
    };
    facts.extend(more);
    Ok(facts)
}

/// Whether a member is worth reading as a layer before the manifest is known.
fn may_be_layer(name: &MemberPath) -> bool {
    let last = name.last().map(Vec::as_slice).unwrap_or_default();
    last.ends_with(b".tar") || name.first().is_some_and(|first| first == b"blobs")
}

fn shown(name: &MemberPath) -> String {
    String::from_utf8_lossy(&name.join(&b'/')).into_owned()
}

fn choose(archive: &Archive, choice: Choice<'_>) -> Result<ManifestEntry, BaseError> {
    const MANIFEST: &str = "manifest.json";
    let path = || archive.path.clone();
    let text = archive
        .json(MANIFEST, "every Docker image archive has")
        .map_err(|error| match error {
            ArchiveError::Missing { .. } => BaseError::NoManifest { path: path() },
            other => BaseError::Archive(other),
        })?;
    let entries: Vec<ManifestEntry> =
        serde_json::from_slice(&text).map_err(|source| BaseError::Json {
            path: path(),
            name: MANIFEST.to_owned(),
            source,
        })?;
    let found = found(&entries);
    if entries.is_empty() {
        return Err(BaseError::Empty { path: path() });
    }
    entries
        .into_iter()
        .find(|entry| is_chosen(entry, choice))
        .ok_or_else(|| BaseError::NoSuchImage {
            path: path(),
            wanted: format!(
                "{}:{}",
                choice.name.unwrap_or("<any name>"),
                choice.tag.unwrap_or("<any tag>")
            ),
            found,
        })
}

fn is_chosen(entry: &ManifestEntry, choice: Choice<'_>) -> bool {
    if choice.name.is_none() && choice.tag.is_none() {
        return true;
    }
    entry.repo_tags.iter().flatten().any(|reference| {
        let (name, tag) = reference.rsplit_once(':').unwrap_or((reference, ""));
        choice.name.is_none_or(|wanted| wanted == name)
            && choice.tag.is_none_or(|wanted| wanted == tag)
    })
}

fn found(entries: &[ManifestEntry]) -> String {
    let references = entries
        .iter()
        .flat_map(|entry| entry.repo_tags.iter().flatten());
    let references: Vec<_> = references
        .map(|reference| format!("`{reference}`"))
        .collect();
    if references.is_empty() {
        "only images without a name".to_owned()
    } else {
        references.join(", ")
    }
}

fn read_env(archive: &Archive, config_name: &str) -> Result<Vec<String>, BaseError> {
    let text = archive.json(config_name, "its `manifest.json` names as a config")?;
    let config: ImageConfig = serde_json::from_slice(&text).map_err(|source| BaseError::Json {
        path: archive.path.clone(),
        name: config_name.to_owned(),
        source,
    })?;
    Ok(config
        .config
        .and_then(|config| config.env)
        .unwrap_or_default())
}

/// Reads a layer, packed or not, to its end.
fn layer_facts(
    path: &Path,
    layer: &str,
    mut input: &mut dyn Read,
    wanted: Wanted<'_>,
) -> Result<LayerFacts, BaseError> {
    let bytes = |source| BaseError::LayerBytes {
        path: path.to_owned(),
        layer: layer.to_owned(),
        source,
    };
    let mut magic = Vec::with_capacity(MAGIC);
    input
        .take(MAGIC as u64)
        .read_to_end(&mut magic)
        .map_err(bytes)?;
    let packing = Packing::of(&magic);
    let input = Decoded::new(io::Cursor::new(magic).chain(&mut input), packing).map_err(bytes)?;

    let mut reader = Reader::new(Hashing {
        input,
        hash: HashWriter::new(),
    });
    let mut seen = Seen::default();
    while let Some(member) = reader.next_member().map_err(|source| BaseError::Layer {
        path: path.to_owned(),
        layer: layer.to_owned(),
        source,
    })? {
        wanted.files.note(&member.name, wanted.store, &mut seen);
    }
    let mut hashing = reader.into_inner();
    io::copy(&mut hashing, &mut io::sink()).map_err(bytes)?;
    Ok(LayerFacts {
        diff_id: hashing.hash.into_diff_id(),
        seen: Arc::new(seen),
    })
}

/// Hashes whatever is read through it.
struct Hashing<R> {
    input: R,
    hash: HashWriter,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.input.read(buffer)?;
        io::Write::write_all(&mut self.hash, &buffer[..got])?;
        Ok(got)
    }
}

impl<R: Read> Skip for Hashing<R> {}

/// The names of a layer's members, noted in the order of the tar, and where its end marker is.
///
/// # Errors
/// When the tar is damaged.
pub fn note_layer(range: &Range, wanted: Wanted<'_>) -> Result<(Seen, u64), ReadError> {
    let mut reader = Reader::new(RangeReader::new(range.clone()));
    let mut seen = Seen::default();
    while let Some(member) = reader.next_member()? {
        wanted.files.note(&member.name, wanted.store, &mut seen);
    }
    Ok((seen, reader.next_header_at()))
}
