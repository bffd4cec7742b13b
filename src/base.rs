//! Reads a base image: which layers it has, their DiffIDs, its environment, and which files of a
//! closure it holds already. All of it is recomputed from the bytes; nothing is believed.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;
use thiserror::Error;

use crate::archive::{
    self, Archive, ArchiveError, ArchiveMember, MemberPath, RangeReader, text_of,
};
use crate::blob::{self, Damage};
use crate::closure::{ClosureFiles, Seen};
use crate::compress::Packing;
use crate::digest::{Algorithm, DiffId, Digests};
pub use crate::images::Choice;
use crate::images::{self, Blob, Image, ImagesError};
use crate::limits::Limits;
use crate::oci::{ImageConfig, Platform};
use crate::parallel;
use crate::plan::Range;
use crate::progress::{Bar, Progress};
use crate::source::Source;
use crate::tar::read::ReadError;

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

/// Where a range is: equal for equal members of one archive, whatever they are called.
pub(crate) type Place = (usize, u64);

pub(crate) fn place(range: &Range) -> Place {
    (Arc::as_ptr(&range.source).addr(), range.offset)
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
    // A compressed archive streams by once here; what its layers hold is learned on the way.
    let mut streamed: BTreeMap<MemberPath, Result<LayerFacts, BaseError>> = BTreeMap::new();
    let archive = archive::index(path, limits, &mut |name, content| {
        if may_be_layer(name) {
            let layer = text_of(name);
            let algorithm = images::algorithm_by_name(&layer);
            let content = &mut bar.watch_reader(content);
            let facts = layer_facts(path, &layer, content, algorithm, wanted, limits);
            streamed.insert(name.clone(), facts);
        }
        Ok(())
    })?;

    let image = images::choose(&archive, choice)?;
    let config_name = image.config.name.clone();
    let (config, layers) = read_image(&archive, image, streamed, wanted, &bar)?;
    bar.finish();
    Ok(BaseImage {
        archive,
        config_name,
        platform: config.platform(),
        env: config.config.env,
        layers,
    })
}

/// Reads all layers of `image`, one of those in `archive`, which is not compressed.
///
/// # Errors
/// As [`read`].
pub fn read_layers_of(archive: &Archive, image: Image) -> Result<Vec<BaseLayer>, BaseError> {
    let nothing = Wanted {
        files: &ClosureFiles::default(),
        store: b"",
    };
    let bar = Progress::Plain.count();
    read_image(archive, image, BTreeMap::new(), nothing, &bar).map(|(_, layers)| layers)
}

/// The config, but for its DiffIDs, and the layers of `image`.
fn read_image(
    archive: &Archive,
    image: Image,
    streamed: BTreeMap<MemberPath, Result<LayerFacts, BaseError>>,
    wanted: Wanted<'_>,
    bar: &Bar,
) -> Result<(ImageConfig, Vec<BaseLayer>), BaseError> {
    let path = &archive.path;
    let limits = &archive.limits;
    let count = image.layers.len();
    if count > limits.max_layers {
        return Err(BaseError::TooManyLayers {
            path: path.to_owned(),
            count,
            max: limits.max_layers,
        });
    }
    let blobs = image.layers.into_iter();
    let layers = blobs
        .map(|blob| {
            let file = archive.file(&blob.name, "its manifest names as a layer")?;
            Ok((blob, file.range.clone()))
        })
        .collect::<Result<Vec<_>, ArchiveError>>()?;
    let mut config = images::read_config(archive, &image.config)?;
    let variables = config.config.env.len();
    if variables > limits.max_env {
        return Err(BaseError::TooManyVariables {
            path: path.to_owned(),
            count: variables,
            max: limits.max_env,
        });
    }
    let diff_ids = std::mem::take(&mut config.rootfs.diff_ids);
    if diff_ids.len() != count {
        return Err(BaseError::LayerCount {
            path: path.to_owned(),
            config: image.config.name,
            layers: count,
            diff_ids: diff_ids.len(),
        });
    }

    let facts = read_layers(archive, &layers, streamed, wanted, bar)?;
    let layers = layers
        .into_iter()
        .zip(diff_ids)
        .map(|((blob, range), said)| {
            let facts = facts[&place(&range)].clone();
            check_blob(archive, &blob, &facts, range.size)?;
            let found = facts.diff_id;
            if found == said {
                Ok(BaseLayer {
                    name: blob.name,
                    packing: facts.packing,
                    diff_id: found,
                    size: facts.size,
                    seen: facts.seen,
                })
            } else {
                Err(BaseError::DiffId {
                    path: path.to_owned(),
                    layer: blob.name,
                    found,
                    said,
                })
            }
        })
        .collect::<Result<_, _>>()?;
    Ok((config, layers))
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

/// Reads each of `layers` once, by whatever names the manifest has it, and tells the facts by its
/// place. What `streamed` has already is not read again.
fn read_layers(
    archive: &Archive,
    layers: &[(Blob, Range)],
    streamed: BTreeMap<MemberPath, Result<LayerFacts, BaseError>>,
    wanted: Wanted<'_>,
    bar: &Bar,
) -> Result<BTreeMap<Place, LayerFacts>, BaseError> {
    let mut left: BTreeMap<Place, (&(Blob, Range), Algorithm)> = BTreeMap::new();
    for layer in layers {
        let algorithm = layer.0.algorithm();
        let (_, last) = left.entry(place(&layer.1)).or_insert((layer, algorithm));
        *last = algorithm.max(*last);
    }
    let mut facts = BTreeMap::new();
    for (member, read) in streamed {
        let Some(ArchiveMember::File(file)) = archive.members.get(&member) else {
            continue;
        };
        let place = place(&file.range);
        // What is called by a digest through a link may have been read without it.
        let is_enough = |(_, algorithm): &(_, Algorithm)| match &read {
            Ok(facts) => facts.digests.by(*algorithm).algorithm() == *algorithm,
            Err(_) => true,
        };
        if left.get(&place).is_some_and(is_enough) {
            left.remove(&place);
            facts.insert(place, read?);
        }
    }
    let read = |(place, ((blob, range), algorithm)): (Place, (&(Blob, Range), Algorithm))| {
        let (path, limits) = (&archive.path, &archive.limits);
        let content = &mut bar.watch_reader(RangeReader::new(range.clone()));
        layer_facts(path, &blob.name, content, algorithm, wanted, limits)
            .map(|facts| (place, facts))
    };
    let more: Vec<_> = if archive.is_compressed {
        // In the order of the archive, since every step back uncompresses all of it again.
        left.into_iter().map(read).collect::<Result<_, _>>()?
    } else {
        let left: Vec<_> = left.into_iter().collect();
        parallel::try_map(left.into_par_iter(), read)?
    };
    facts.extend(more);
    Ok(facts)
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
