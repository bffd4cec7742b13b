//! Reads a base image: which layers it has, their DiffIDs, its environment, and which files of a
//! closure it holds already. All of it is recomputed from the bytes; nothing is believed.

pub mod error;
pub mod layers;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use crate::bytes::compression::Compression;
use crate::bytes::digest::{DiffId, Digest, Sha256};
use crate::bytes::source::{Range, Source};
use crate::console::progress::{Bar, Progress};
use crate::foreign::archive::member_path::{MemberPath, text_of};
use crate::foreign::archive::{Archive, ArchiveFile, ArchiveMember, Place, index};
use crate::foreign::base::error::BaseError;
use crate::foreign::base::layers::{Known, LayerFacts, Streamed, layer_facts, may_be_layer};
use crate::foreign::images::blob_ref::{self, Blob};
use crate::foreign::images::error::ImagesError;
use crate::foreign::images::selector::Selector;
use crate::foreign::images::{self, Image};
use crate::oci::image_config::ImageConfig;
use crate::oci::platform::Platform;
use crate::request::limits::Limits;
use crate::tar::read::Member;

/// Who looks at the members of layers while these are read, each once and several at a time. `()` looks at none.
pub trait Observer: Copy + Sync {
    /// What it notes of one layer.
    type Noted: Clone + Debug + Default + Send + Sync;

    /// Notes that the layer has `member`, as its tar has it.
    fn note(self, member: &Member, noted: &mut Self::Noted);
}

impl Observer for () {
    type Noted = ();

    fn note(self, _member: &Member, _noted: &mut ()) {}
}

/// The image that another one is built on.
#[derive(Debug)]
pub struct BaseImage<N = ()> {
    pub archive: Archive,
    /// The member that holds the config.
    pub config_name: String,
    /// What the config says that the image runs on.
    pub platform: Option<Platform>,
    /// `config.Env`, in its order.
    pub env: Vec<String>,
    /// Lowest first. A layer may occur twice.
    pub layers: Vec<BaseLayer<N>>,
}

#[derive(Debug)]
pub struct BaseLayer<N = ()> {
    /// The member that holds it, as the manifest names it.
    pub name: String,
    /// How that member is packed.
    pub packing: Compression,
    /// Of the member as it stands.
    pub sha256: Sha256,
    pub diff_id: DiffId,
    /// Of the uncompressed tar, in bytes.
    pub size: u64,
    /// What an [`Observer`] noted of the members in it.
    pub noted: Arc<N>,
}

impl<N> BaseLayer<N> {
    /// Whether it is unpacked in an image that is built on it. Every engine loads plain layers and those
    /// packed with gzip, so these stay as they are. Docker knows zstd since version 23, and reads xz only where
    /// the program `xz` is installed; containerd, and Docker where it keeps its images there, read neither xz nor bzip2.
    #[must_use]
    pub fn is_unpacked(&self) -> bool {
        !matches!(self.packing, Compression::Plain | Compression::Gzip)
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
pub fn unpacked(packed: Range, packing: Compression, size: u64, limits: &Limits) -> Range {
    Range {
        source: Arc::new(Source::unpacked(packed, packing, limits)),
        offset: 0,
        size,
        sparse: None,
    }
}

/// Reads the base image in the archive, or the OCI layout, `path`.
///
/// # Errors
/// When it is damaged, does not hold what its documents name, has no image such as `selector` wants,
/// or is more than `limits` allow.
pub fn read<O: Observer>(
    path: &Path,
    selector: Selector<'_>,
    observer: O,
    limits: &Limits,
    progress: Progress,
) -> Result<BaseImage<O::Noted>, BaseError> {
    let bar = progress.count();
    let (archive, streamed) = index(path, observer, limits, &bar)?;
    let image = images::choose(&archive, selector)?;
    let layers = files_of(&archive, &image)?;
    let config = images::read_config(&archive, &image.config)?;
    check_variables(&archive, &config)?;
    let mut known = Known::new(&archive, streamed, observer, &bar);
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
    /// The member that holds the manifest, if a layout has one of it.
    pub manifest: Option<Blob>,
    /// As [`Image::index`].
    pub index: Option<Rc<Blob>>,
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
    read_images(path, limits, progress, |archive| {
        images::all(archive, platform)
    })
}

/// The same for whatever platform. Of an archive that is a layout too, the index says which images there are.
///
/// # Errors
/// As [`read`].
pub fn read_every(
    path: &Path,
    limits: &Limits,
    progress: Progress,
) -> Result<(Archive, Vec<ReadImage>), BaseError> {
    read_images(path, limits, progress, images::every)
}

fn read_images(
    path: &Path,
    limits: &Limits,
    progress: Progress,
    find: impl Fn(&Archive) -> Result<Vec<Image>, ImagesError>,
) -> Result<(Archive, Vec<ReadImage>), BaseError> {
    let bar = progress.count();
    let (archive, streamed) = index(path, (), limits, &bar)?;
    let mut known = Known::new(&archive, streamed, (), &bar);
    let mut configs = BTreeMap::new();
    let images = find(&archive)?.into_iter();
    let images = images
        .map(|image| {
            let layers = files_of(&archive, &image)?;
            let (id, diff_ids) = config_of(&archive, &image.config, &mut configs)?;
            Ok(ReadImage {
                layers: known.layers(&image.config.name, layers, &diff_ids)?,
                names: image.names,
                config_name: image.config.name,
                manifest: image.manifest,
                index: image.index,
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

fn index<O: Observer>(
    path: &Path,
    observer: O,
    limits: &Limits,
    bar: &Bar,
) -> Result<(Archive, Streamed<O::Noted>), BaseError> {
    let mut by_name: BTreeMap<MemberPath, Result<LayerFacts<O::Noted>, BaseError>> =
        BTreeMap::new();
    let archive = index::index(path, limits, &mut |name, content| {
        if may_be_layer(name) {
            let layer = text_of(name);
            let algorithm = blob_ref::algorithm_by_name(&layer);
            let content = &mut bar.watch_reader(content);
            let facts = layer_facts(path, &layer, content, algorithm, observer, limits);
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
