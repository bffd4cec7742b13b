//! Reads a base image: which layers it has, their DiffIDs, its environment, and which files of a
//! closure it holds already. All of it is recomputed from the bytes; nothing is believed.

pub mod error;
pub mod layers;

use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use crate::bytes::compression::Packing;
use crate::bytes::digest::{DiffId, Digest, Sha256};
use crate::bytes::source::{Range, Source};
use crate::closure::files::{ClosureFiles, Seen};
use crate::console::progress::{Bar, Progress};
use crate::foreign::archive::member_path::{MemberPath, text_of};
use crate::foreign::archive::{Archive, ArchiveFile, ArchiveMember, Place, index};
use crate::foreign::base::error::BaseError;
use crate::foreign::base::layers::Known;
use crate::foreign::base::layers::LayerFacts;
use crate::foreign::base::layers::Streamed;
use crate::foreign::base::layers::layer_facts;
use crate::foreign::base::layers::may_be_layer;
use crate::foreign::images::blob_ref::{self, Blob};
use crate::foreign::images::choice::Choice;
use crate::foreign::images::{self, Image};
use crate::oci::image_config::ImageConfig;
use crate::oci::platform::Platform;
use crate::request::limits::Limits;

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

fn index(
    path: &Path,
    wanted: Wanted<'_>,
    limits: &Limits,
    bar: &Bar,
) -> Result<(Archive, Streamed), BaseError> {
    let mut by_name: BTreeMap<MemberPath, Result<LayerFacts, BaseError>> = BTreeMap::new();
    let archive = index::index(path, limits, &mut |name, content| {
        if may_be_layer(name) {
            let layer = text_of(name);
            let algorithm = blob_ref::algorithm_by_name(&layer);
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
