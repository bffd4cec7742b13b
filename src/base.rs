//! Reads a base image: which layers it has, their DiffIDs, its environment, and which files of a
//! closure it holds already. All of it is recomputed from the bytes; nothing is believed.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use rayon::prelude::*;
use thiserror::Error;

use crate::archive::{
    self, Archive, ArchiveError, ArchiveFile, ArchiveMember, MemberPath, Place, text_of,
};
use crate::blob::{self, Damage};
use crate::bytes::compression::Packing;
use crate::bytes::digest::{Algorithm, DiffId, Digest, Digests, Sha256};
use crate::bytes::parallel;
use crate::bytes::source::{Range, RangeReader, Source};
use crate::closure::{ClosureFiles, Seen};
use crate::console::progress::{Bar, Progress};
use crate::images::{self, Blob, Image, ImagesError};
use crate::oci::{ImageConfig, Platform};
use crate::request::limits::Limits;
use crate::tar::read::ReadError;

pub use crate::images::Choice;

/// The image that another one is built on.
#[derive(Debug)]
pub struct BaseImage {
    pub archive: Archive,
    /// The member that holds the config.
    pub config_name: String,
    /// What the config says that the image runs on.
    pub platform: Option<Platform>,
    /// `config.Env`, in its order.
    pub env: Vec<String>,
    /// Lowest first. A layer may occur twice.
    pub layers: Vec<BaseLayer>,
}

#[derive(Debug)]
pub struct BaseLayer {
    /// The member that holds it, as the manifest names it.
    pub name: String,
    /// How that member is packed.
    pub packing: Packing,
    /// Of the member as it stands.
    pub sha256: Sha256,
    pub diff_id: DiffId,
    /// Of the uncompressed tar, in bytes.
    pub size: u64,
    pub seen: Arc<Seen>,
}

impl BaseLayer {
    /// Whether it is unpacked in an image that is built on it. Every engine loads plain layers and those
    /// packed with gzip, so these stay as they are. Docker knows zstd since version 23, and reads xz only where
    /// the program `xz` is installed; containerd, and Docker where it keeps its images there, read neither xz nor bzip2.
    #[must_use]
    pub fn is_unpacked(&self) -> bool {
        !matches!(self.packing, Packing::Plain | Packing::Gzip)
    }

    /// The member that holds it in an image that is built on it: where it was, unless it has other
    /// bytes there.
    #[must_use]
    pub fn member(&self) -> String {
        if self.is_unpacked() {
            format!("{}/layer.tar", self.diff_id.hex())
        } else {
            self.name.clone()
        }
    }
}

/// The content of a layer, `size` bytes, that is packed in `packed` as `packing` says.
#[must_use]
pub fn unpacked(packed: Range, packing: Packing, size: u64, limits: &Limits) -> Range {
    Range {
        source: Arc::new(Source::unpacked(packed, packing, limits)),
        offset: 0,
        size,
        sparse: None,
    }
}

/// A base image cannot be used.
#[derive(Debug, Error)]
pub enum BaseError {
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error(transparent)]
    Images(#[from] ImagesError),
    #[error("base image `{}` has {count} layers; {max} are allowed, and more by `dockerToolsLimits.maxLayers`", path.display())]
    TooManyLayers {
        path: PathBuf,
        count: usize,
        max: usize,
    },
    #[error("the environment of base image `{}` has {count} variables; {max} are allowed, and more by `dockerToolsLimits.maxEnv`", path.display())]
    TooManyVariables {
        path: PathBuf,
        count: usize,
        max: usize,
    },
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
    #[error("layer `{layer}` of base image `{}` is packed with {found}, but its manifest says with {said}; programs differ in which they believe", path.display())]
    Packing {
        path: PathBuf,
        layer: String,
        found: Packing,
        said: Packing,
    },
    #[error("base image `{}` has {layers} layers, but its config `{config}` lists {diff_ids} in `rootfs.diff_ids`; no engine takes such an image", path.display())]
    LayerCount {
        path: PathBuf,
        config: String,
        layers: usize,
        diff_ids: usize,
    },
    #[error("layer `{layer}` of base image `{}` has the DiffID {found}, but the image's config lists {said}; it is damaged, or was made from packed layers by nixpkgs, and no engine takes it", path.display())]
    DiffId {
        path: PathBuf,
        layer: String,
        found: DiffId,
        said: DiffId,
    },
}

/// What reading a layer once tells.
#[derive(Debug, Clone)]
struct LayerFacts {
    packing: Packing,
    /// Of the member as it stands.
    digests: Digests,
    diff_id: DiffId,
    size: u64,
    seen: Arc<Seen>,
}

/// The files to look for in the layers, and where the store is, as `nix/store`.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    pub files: &'a ClosureFiles,
    pub store: &'a [u8],
}

/// Reads the base image in the archive, or the OCI layout, `path`.
///
/// # Errors
/// When it is damaged, does not hold what its documents name, has no image such as `choice` wants,
/// or is more than `limits` allow.
pub fn read(
    path: &Path,
    choice: Choice<'_>,
    wanted: Wanted<'_>,
    limits: &Limits,
    progress: Progress,
) -> Result<BaseImage, BaseError> {
    let bar = progress.count();
    let (archive, streamed) = index(path, wanted, limits, &bar)?;
    let image = images::choose(&archive, choice)?;
    let layers = files_of(&archive, &image)?;
    let config = images::read_config(&archive, &image.config)?;
    check_variables(&archive, &config)?;
    let mut known = Known::new(&archive, streamed, wanted, &bar);
    let layers = known.layers(&image.config.name, layers, &config.rootfs.diff_ids)?;
    bar.finish();
    Ok(BaseImage {
        config_name: image.config.name,
        platform: config.platform(),
        env: config.config.env,
        layers,
        archive,
    })
}

/// One of all images in an archive.
#[derive(Debug)]
pub struct ReadImage {
    /// As [`Image::names`].
    pub names: Vec<String>,
    /// The member that holds the config.
    pub config_name: String,
    /// Of the config: what engines know the image by.
    pub id: Sha256,
    /// Lowest first. A layer may occur twice.
    pub layers: Vec<BaseLayer>,
}

/// Reads all images in the archive, or the OCI layout, `path`; of a layout's that have the same names, the one
/// that fits `platform`.
///
/// # Errors
/// As [`read`].
pub fn read_all(
    path: &Path,
    platform: Option<&Platform>,
    limits: &Limits,
    progress: Progress,
) -> Result<(Archive, Vec<ReadImage>), BaseError> {
    let nothing = Wanted {
        files: &ClosureFiles::default(),
        store: b"",
    };
    let bar = progress.count();
    let (archive, streamed) = index(path, nothing, limits, &bar)?;
    let mut known = Known::new(&archive, streamed, nothing, &bar);
    let mut configs = BTreeMap::new();
    let images = images::all(&archive, platform)?.into_iter();
    let images = images
        .map(|image| {
            let layers = files_of(&archive, &image)?;
            let (id, diff_ids) = config_of(&archive, &image.config, &mut configs)?;
            Ok(ReadImage {
                layers: known.layers(&image.config.name, layers, &diff_ids)?,
                names: image.names,
                config_name: image.config.name,
                id,
            })
        })
        .collect::<Result<_, BaseError>>()?;
    bar.finish();
    Ok((archive, images))
}

/// Which file of an archive a config is, and by which digest it is named.
type NamedConfig = (Place, Option<Digest>);

/// The digest and the DiffIDs of `config`, which is read once, however many images have it.
fn config_of(
    archive: &Archive,
    config: &Blob,
    known: &mut BTreeMap<NamedConfig, (Sha256, Rc<[DiffId]>)>,
) -> Result<(Sha256, Rc<[DiffId]>), BaseError> {
    const NEEDED_BY: &str = "its manifest names as a config";
    let file = archive.file(&config.name, NEEDED_BY)?;
    if let Some(said) = config.size {
        archive.check_size(&config.name, file.range.size, said)?;
    }
    if let Some((id, diff_ids)) = known.get(&(file.place, config.digest)) {
        return Ok((*id, Rc::clone(diff_ids)));
    }
    let parsed = images::read_config(archive, config)?;
    check_variables(archive, &parsed)?;
    let mut diff_ids = parsed.rootfs.diff_ids;
    // No image may have so many layers.
    diff_ids.truncate(archive.limits.max_layers.saturating_add(1));
    let id = Sha256::of(&archive.json(&config.name, NEEDED_BY)?);
    let found = (id, Rc::from(diff_ids));
    known.insert((file.place, config.digest), found.clone());
    Ok(found)
}

/// What a compressed archive told of its layers while it streamed by.
type Streamed = BTreeMap<Place, Result<LayerFacts, BaseError>>;

fn index(
    path: &Path,
    wanted: Wanted<'_>,
    limits: &Limits,
    bar: &Bar,
) -> Result<(Archive, Streamed), BaseError> {
    let mut by_name: BTreeMap<MemberPath, Result<LayerFacts, BaseError>> = BTreeMap::new();
    let archive = archive::index(path, limits, &mut |name, content| {
        if may_be_layer(name) {
            let layer = text_of(name);
            let algorithm = images::algorithm_by_name(&layer);
            let content = &mut bar.watch_reader(content);
            let facts = layer_facts(path, &layer, content, algorithm, wanted, limits);
            by_name.insert(name.clone(), facts);
        }
        Ok(())
    })?;
    let by_name = by_name.into_iter();
    let streamed = by_name.filter_map(|(name, facts)| match archive.members.get(&name) {
        Some(ArchiveMember::File(file)) => Some((file.place, facts)),
        _ => None,
    });
    let streamed = streamed.collect();
    Ok((archive, streamed))
}

/// The layers of `image`, with the files that they are.
fn files_of<'a>(
    archive: &'a Archive,
    image: &Image,
) -> Result<Vec<(Blob, &'a ArchiveFile)>, BaseError> {
    let (count, max) = (image.layers.len(), archive.limits.max_layers);
    if count > max {
        let path = archive.path.clone();
        return Err(BaseError::TooManyLayers { path, count, max });
    }
    let layers = image.layers.iter().map(|blob| {
        let file = archive.file(&blob.name, "its manifest names as a layer")?;
        Ok((blob.clone(), file))
    });
    layers.collect()
}

fn check_variables(archive: &Archive, config: &ImageConfig) -> Result<(), BaseError> {
    let (count, max) = (config.config.env.len(), archive.limits.max_env);
    if count <= max {
        return Ok(());
    }
    let path = archive.path.clone();
    Err(BaseError::TooManyVariables { path, count, max })
}

/// What is known of the layers of an archive. Each is read once, however many images have it.
struct Known<'a> {
    archive: &'a Archive,
    streamed: Streamed,
    facts: BTreeMap<Place, LayerFacts>,
    wanted: Wanted<'a>,
    /// Moves with what is read.
    bar: &'a Bar,
}

impl<'a> Known<'a> {
    fn new(archive: &'a Archive, streamed: Streamed, wanted: Wanted<'a>, bar: &'a Bar) -> Self {
        Self {
            archive,
            streamed,
            facts: BTreeMap::new(),
            wanted,
            bar,
        }
    }

    /// The `layers` of an image whose `config` lists `diff_ids`.
    fn layers(
        &mut self,
        config: &str,
        layers: Vec<(Blob, &ArchiveFile)>,
        diff_ids: &[DiffId],
    ) -> Result<Vec<BaseLayer>, BaseError> {
        let path = || self.archive.path.clone();
        if diff_ids.len() != layers.len() {
            return Err(BaseError::LayerCount {
                path: path(),
                config: config.to_owned(),
                layers: layers.len(),
                diff_ids: diff_ids.len(),
            });
        }
        self.read(&layers)?;
        let layers = layers.into_iter().zip(diff_ids);
        let layers = layers.map(|((blob, file), said)| {
            let facts = self.facts[&file.place].clone();
            check_blob(self.archive, &blob, &facts, file.range.size)?;
            let found = facts.diff_id;
            if found != *said {
                return Err(BaseError::DiffId {
                    path: path(),
                    layer: blob.name,
                    found,
                    said: *said,
                });
            }
            Ok(BaseLayer {
                name: blob.name,
                packing: facts.packing,
                sha256: facts.digests.sha256,
                diff_id: found,
                size: facts.size,
                seen: facts.seen,
            })
        });
        layers.collect()
    }

    /// Reads those of `layers` that are not known yet, each once, by whatever names the manifest has it.
    fn read(&mut self, layers: &[(Blob, &ArchiveFile)]) -> Result<(), BaseError> {
        let mut left: BTreeMap<Place, (&str, &ArchiveFile, Algorithm)> = BTreeMap::new();
        for (blob, file) in layers {
            let algorithm = blob.algorithm();
            let (_, _, last) = left
                .entry(file.place)
                .or_insert((&blob.name, file, algorithm));
            *last = algorithm.max(*last);
        }
        let mut unread = Vec::new();
        for (place, (name, file, algorithm)) in left {
            if let Some(streamed) = self.streamed.remove(&place) {
                self.facts.insert(place, streamed?);
            }
            // What is called by a digest through a link may have been read without it.
            let is_enough =
                |facts: &LayerFacts| facts.digests.by(algorithm).algorithm() == algorithm;
            if !self.facts.get(&place).is_some_and(is_enough) {
                unread.push((place, name, file, algorithm));
            }
        }
        let Self {
            archive,
            wanted,
            bar,
            ..
        } = *self;
        let read = |(place, name, file, algorithm): (Place, &str, &ArchiveFile, Algorithm)| {
            let (path, limits) = (&archive.path, &archive.limits);
            let content = &mut bar.watch_reader(RangeReader::new(file.range.clone()));
            layer_facts(path, name, content, algorithm, wanted, limits).map(|facts| (place, facts))
        };
        let more: Vec<_> = if archive.is_compressed {
            // In the order of the archive, since every step back uncompresses all of it again.
            unread.into_iter().map(read).collect::<Result<_, _>>()?
        } else {
            parallel::try_map(unread.into_par_iter(), read)?
        };
        self.facts.extend(more);
        Ok(())
    }
}

/// Compares a layer of `size` bytes with what names it.
fn check_blob(
    archive: &Archive,
    blob: &Blob,
    facts: &LayerFacts,
    size: u64,
) -> Result<(), BaseError> {
    if let Some(said) = blob.size {
        archive.check_size(&blob.name, size, said)?;
    }
    if let Some(said) = blob.digest.filter(|_| blob.is_named_by_digest()) {
        let found = facts.digests.by(said.algorithm());
        archive.check_digest(&blob.name, found, said)?;
    }
    match blob.packing {
        Some(said) if said != facts.packing => Err(BaseError::Packing {
            path: archive.path.clone(),
            layer: blob.name.clone(),
            found: facts.packing,
            said,
        }),
        _ => Ok(()),
    }
}

/// Whether a member is worth reading as a layer before the manifest is known.
fn may_be_layer(name: &MemberPath) -> bool {
    let last = name.last().map(Vec::as_slice).unwrap_or_default();
    [b".tar".as_slice(), b".tar.gz", b".tar.zst", b".tgz"]
        .iter()
        .any(|end| last.ends_with(end))
        || name.first().is_some_and(|first| first == b"blobs")
}

/// Reads a layer, packed or not, to its end; it is called by a digest of `algorithm`.
fn layer_facts(
    path: &Path,
    layer: &str,
    input: &mut dyn Read,
    algorithm: Algorithm,
    wanted: Wanted<'_>,
    limits: &Limits,
) -> Result<LayerFacts, BaseError> {
    let bytes = |source| BaseError::LayerBytes {
        path: path.to_owned(),
        layer: layer.to_owned(),
        source,
    };
    let mut seen = Seen::default();
    let blob = blob::read(input, algorithm, limits, &mut |member| {
        wanted.files.note(&member.name, wanted.store, &mut seen);
    });
    let blob = blob.map_err(bytes)?;
    match blob.content {
        Ok(content) => Ok(LayerFacts {
            packing: blob.packing,
            digests: blob.digests,
            diff_id: content.diff_id,
            size: content.size,
            seen: Arc::new(seen),
        }),
        Err(Damage::Bytes(source)) => Err(bytes(source)),
        Err(Damage::Tar { source, .. }) => Err(BaseError::Layer {
            path: path.to_owned(),
            layer: layer.to_owned(),
            source,
        }),
    }
}
