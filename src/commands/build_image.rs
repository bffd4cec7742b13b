//! Builds the image of `buildImage`: plans the new layer and the archive, hashes the layers, and
//! writes the archive.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;
use serde_json::json;
use thiserror::Error;

use crate::build::context::Context;
use crate::build::output::{self, OutputError};
use crate::bytes::compression::{Compression, Compressor};
use crate::bytes::digest::{DiffId, HashWriter, Sha256};
use crate::bytes::source::Range;
use crate::closure::files::{self, ClosureFiles, ClosureQuery, Presence};
use crate::console::progress::Progress;
use crate::console::text;
use crate::console::warnings::Warnings;
use crate::engines::{self, Claims, Objection, Refused};
use crate::foreign::base::error::BaseError;
use crate::foreign::base::{self, BaseImage};
use crate::foreign::images::selector::Selector;
use crate::image::config::{BaseJson, BaseJsonError};
use crate::image::docker_manifest::{self, KeyOrder};
use crate::image::layout::error::LayoutError;
use crate::image::layout::settings::LayoutSettings;
use crate::image::legacy::{self, LegacyLayer};
use crate::image::parts::{ConfigFacts, Layer, Parts, from_archive};
use crate::image::replaced::{Directories, DirectoriesError, Links};
use crate::image::retain::{self, RetainError};
use crate::image::{append, docker_archive};
use crate::imitate::jq;
use crate::oci::platform::Platform;
use crate::request::attrs::{Attrs, Section};
use crate::request::limits::Limits;
use crate::request::store_path::{self, StorePathError};
use crate::tar::plan::{Content, Kind, TarPlan};
use crate::tar::read::ReadError;
use crate::tar::write;
use crate::tree::scan::ScanError;

/// The mode of a directory in the archive.
const DIRECTORY_MODE: u32 = 0o555;

/// The mode of a file in the archive.
const FILE_MODE: u32 = 0o444;

/// An image could not be built.
#[derive(Debug, Error)]
pub enum ImageError {
    #[error("cannot read `{}`", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("`{}` does not list a closure", path.display())]
    Closure {
        path: PathBuf,
        source: StorePathError,
    },
    #[error("cannot read the closure of the layer")]
    ClosureFiles(#[source] ScanError),
    #[error(transparent)]
    BaseJson(#[from] BaseJsonError),
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error("`{}` is damaged or no tar", path.display())]
    Layer { path: PathBuf, source: ReadError },
    #[error(transparent)]
    Directories(#[from] DirectoriesError),
    #[error(transparent)]
    Base(#[from] BaseError),
    #[error(transparent)]
    Keep(#[from] RetainError),
    #[error(transparent)]
    Layout(#[from] LayoutError),
    #[error(transparent)]
    Output(#[from] OutputError),
}

/// What is noted of each layer of the base.
type Noted = (Presence, Links);

/// The new layer: what `mkPureLayer` made, and behind it the files of its closure.
struct NewLayer {
    tar: Arc<TarPlan>,
    diff_id: DiffId,
    legacy: LegacyLayer,
    version: Vec<u8>,
    /// How many files were appended.
    appended: usize,
}

/// An image, as `buildImage` asks for it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "a set")]
pub struct ImageAttrs {
    /// With the registry, in lower case.
    pub name: String,
    /// Null stands for the hash part of the output path.
    pub tag: Option<String>,
    pub base_json: PathBuf,
    /// The directory with `layer.tar`, `json` and `VERSION`.
    pub layer: PathBuf,
    /// The file that lists the store paths of the layer's closure, one a line.
    pub layer_closure: PathBuf,
    pub from_image: Option<PathBuf>,
    pub from_image_name: Option<String>,
    pub from_image_tag: Option<String>,
    pub compressor: Compressor,
    /// Set if the image becomes an OCI layout, and no docker archive.
    #[serde(default)]
    pub layout: Option<LayoutSettings>,
}

impl Section for ImageAttrs {
    const KEY: &'static str = "image";
}

/// What will be built: what [`ImageAttrs`] ask for, checked and without defaults.
struct Settled<'a> {
    /// With the registry, in lower case.
    name: &'a str,
    tag: String,
    base_json: BaseJson,
    platform: Option<Platform>,
    /// The directory with `layer.tar`, `json` and `VERSION`.
    layer: &'a Path,
    layer_closure: &'a Path,
    from_image: Option<&'a Path>,
    from_image_name: Option<&'a str>,
    from_image_tag: Option<&'a str>,
    form: Form<'a>,
    out: &'a Path,
    limits: &'a Limits,
}

/// What is made of the image.
enum Form<'a> {
    DockerArchive(Compressor),
    Layout(&'a LayoutSettings),
}

/// Settles what `attrs` ask for: afterwards it cannot be wrong any more, but for the annotations of a layout, which
/// whoever writes one checks.
fn settle<'a>(attrs: &'a Attrs<ImageAttrs>, progress: Progress) -> Result<Settled<'a>, ImageError> {
    let asked = &attrs.ours;
    let base_json = BaseJson::read_with_time(&asked.base_json)?;
    let platform = base_json.platform();
    let objections = engines::check(&Claims {
        name: &asked.name,
        tag: asked.tag.as_deref(),
        config: base_json.config(),
        platform: platform.as_ref(),
    });
    engines::judge_and_warn(&asked.name, objections, progress)?;
    let tag = asked.tag.clone();
    Ok(Settled {
        name: &asked.name,
        tag: tag.unwrap_or_else(|| output::hash_part(&attrs.out)),
        base_json,
        platform,
        layer: &asked.layer,
        layer_closure: &asked.layer_closure,
        from_image: asked.from_image.as_deref(),
        from_image_name: asked.from_image_name.as_deref(),
        from_image_tag: asked.from_image_tag.as_deref(),
        form: match &asked.layout {
            Some(layout) => Form::Layout(layout),
            None => Form::DockerArchive(asked.compressor),
        },
        out: &attrs.out,
        limits: &attrs.limits,
    })
}

/// Builds the image that `attrs` describe.
///
/// # Errors
/// When an input cannot be read or is not what it should be, or the output cannot be written.
pub fn build(attrs: &Attrs<ImageAttrs>, context: &Context) -> Result<(), ImageError> {
    let progress = context.progress;
    let image = settle(attrs, progress)?;

    progress.phase("closure", "listing the layer's closure");
    let closure = Closure::read(&image)?;
    let query = ClosureQuery {
        files: &closure.files,
        store: &closure.store,
    };
    let directories = Directories::of(&image.layer.join("layer.tar"))?;
    let base = read_base(&image, (query, &directories), progress)?;
    warn_of_replaced(&image, base.as_ref(), &directories, progress);
    let objections = check_base(&image, base.as_ref());
    engines::judge_and_warn(image.name, objections, progress)?;

    progress.phase("hash", "hashing the new layer");
    let layer = plan_layer(&image, closure, base.as_ref(), context)?;
    write_image(&image, base, &layer, context)
}

/// Writes the image of `base` and the new `layer`.
fn write_image(
    image: &Settled<'_>,
    base: Option<BaseImage<Noted>>,
    layer: &NewLayer,
    context: &Context,
) -> Result<(), ImageError> {
    let progress = context.progress;
    let (diff_ids, layer_names) = list_layers(base.as_ref(), layer);
    let env = base.as_ref().map_or(&[][..], |base| &base.env);
    let config = image.base_json.clone().image_config(env, &diff_ids);
    let compressor = match image.form {
        Form::Layout(layout) => {
            let name = format!("{}:{}", image.name, image.tag);
            let parts = parts(name, base.as_ref(), layer, config)?;
            let count = text::count(parts.layers.len(), "layer");
            progress.phase("pack", &format!("packing {count}"));
            return Ok(layout.write(image.out, &[parts], context)?);
        }
        Form::DockerArchive(compressor) => compressor,
    };
    let members = plan_members(image, base, layer, &layer_names, config, context)?;
    let plan = docker_archive::into_plan(members, DIRECTORY_MODE, context.source_date_epoch);
    progress.phase(
        "write",
        &format!("writing an image of {}", text::size(plan.size())),
    );
    output::tar(image.out, &plan, compressor, context.threads, progress)?;
    progress.line(&format!(
        "layer {}: {}, {} of its closure added",
        layer.diff_id,
        text::size(layer.tar.size()),
        text::count(layer.appended, "file")
    ));
    Ok(())
}

/// Warns of symlinks of the base that the layer has directories in the place of.
fn warn_of_replaced(
    image: &Settled<'_>,
    base: Option<&BaseImage<Noted>>,
    directories: &Directories,
    progress: Progress,
) {
    if let (Some(base), Some(path)) = (base, image.from_image) {
        let mut warnings = Warnings::default();
        let links = base.layers.iter().map(|layer| &layer.noted.1);
        directories.warn(path, links, &mut warnings);
        warnings.tell(progress);
    }
}

/// What engines will say of the image for its base.
fn check_base(image: &Settled<'_>, base: Option<&BaseImage<Noted>>) -> Vec<Objection> {
    let (Some(base), Some(path)) = (base, image.from_image) else {
        return Vec::new();
    };
    let other = engines::check_base(path, base.platform.as_ref(), image.platform.as_ref());
    let many = engines::layers::check_count(base.layers.len() + 1, "take a base with fewer layers");
    other.into_iter().chain(many).collect()
}

fn read(path: &Path) -> Result<Vec<u8>, ImageError> {
    std::fs::read(path).map_err(|source| ImageError::Read {
        path: path.to_owned(),
        source,
    })
}

/// What the layer refers to.
struct Closure {
    files: ClosureFiles,
    /// As `nix/store`.
    store: Vec<u8>,
    /// Whether there is more than the layer itself.
    has_others: bool,
}

impl Closure {
    fn read(image: &Settled<'_>) -> Result<Self, ImageError> {
        let text = read(image.layer_closure)?;
        let mut paths = store_path::parse_closure(&text).map_err(|source| ImageError::Closure {
            path: image.layer_closure.to_owned(),
            source,
        })?;
        let has_others = paths.len() > 1;
        paths.retain(|path| path.as_path() != image.layer);
        Ok(Self {
            files: files::list_files(&paths).map_err(ImageError::ClosureFiles)?,
            store: files::store_directory(image.layer),
            has_others,
        })
    }
}

fn read_base(
    image: &Settled<'_>,
    observer: (ClosureQuery<'_>, &Directories),
    progress: Progress,
) -> Result<Option<BaseImage<Noted>>, ImageError> {
    let Some(path) = image.from_image else {
        return Ok(None);
    };
    let text = format!("reading base image `{}`", path.display());
    progress.phase("base", &text);
    let selector = Selector {
        name: image.from_image_name,
        tag: image.from_image_tag,
        platform: image.platform.as_ref(),
    };
    let base = base::read(path, selector, observer, image.limits, progress)?;
    Ok(Some(base))
}

fn plan_layer(
    image: &Settled<'_>,
    closure: Closure,
    base: Option<&BaseImage<Noted>>,
    context: &Context,
) -> Result<NewLayer, ImageError> {
    let path = image.layer.join("layer.tar");
    let range = Range::of_file(&path).map_err(|source| ImageError::Read {
        path: path.clone(),
        source,
    })?;
    let query = ClosureQuery {
        files: &closure.files,
        store: &closure.store,
    };
    let mut warnings = Warnings::default();
    let own = append::read(&range, query, closure.has_others, &mut warnings);
    warnings.tell(context.progress);
    let own = own.map_err(|source| ImageError::Layer {
        path: path.clone(),
        source,
    })?;

    let below = base
        .iter()
        .flat_map(|base| base.layers.iter().map(|layer| &layer.noted.0));
    let layers: Vec<&Presence> = below.chain([&own.presence]).collect();
    let (missing, no_store) = closure.files.missing_from(layers.into_iter());
    let appended = missing.len();
    let store = (closure.has_others && no_store).then_some(closure.store.as_slice());
    let tar = append::plan(own, missing, store, context.source_date_epoch);

    let mut hash = HashWriter::new();
    let bar = context.progress.bar(tar.size());
    let hashed = write::write(&tar, &mut bar.watch(&mut hash));
    bar.finish();
    hashed.map_err(OutputError::Content)?;
    let parent = base.map(|base| base.config_name.as_str());
    let parent = parent.map(|name| name.strip_suffix(".json").unwrap_or(name));
    let json = image.layer.join("json");
    let legacy = legacy::legacy_layer(&read(&json)?, parent, tar.size());
    Ok(NewLayer {
        diff_id: hash.into_diff_id(),
        legacy: legacy.map_err(|source| BaseJsonError::Use { path: json, source })?,
        version: read(&image.layer.join("VERSION"))?,
        tar: Arc::new(tar),
        appended,
    })
}

/// The DiffIDs and the names of all layers, lowest first.
fn list_layers(base: Option<&BaseImage<Noted>>, layer: &NewLayer) -> (Vec<DiffId>, Vec<String>) {
    let own = (
        layer.diff_id,
        format!("{}/layer.tar", layer.legacy.id.hex()),
    );
    let below = base.iter().flat_map(|base| &base.layers);
    below
        .map(|layer| (layer.diff_id, layer.member()))
        .chain([own])
        .unzip()
}

/// The image as what a layout is made from.
fn parts(
    name: String,
    base: Option<&BaseImage<Noted>>,
    layer: &NewLayer,
    config: String,
) -> Result<Parts, ImageError> {
    let mut layers = Vec::new();
    for below in base.iter().flat_map(|base| &base.layers) {
        let archive = &base.expect("it has the layer").archive;
        let below = from_archive::base_layer(archive, below);
        layers.push(below.map_err(BaseError::from)?);
    }
    layers.push(Layer {
        shown: "the new layer".into(),
        diff_id: layer.diff_id,
        compression: Compression::Plain,
        digest: None,
        size: layer.tar.size(),
        content: Content::Tar(Arc::clone(&layer.tar)),
        link: None,
        annotations: Arc::default(),
    });
    Ok(Parts {
        names: vec![name],
        facts: ConfigFacts::parse(config.as_bytes()).ok().map(Arc::new),
        config: config.into_bytes().into(),
        layers,
        manifest: None,
        annotations: Arc::default(),
        index: None,
    })
}

fn plan_members(
    image: &Settled<'_>,
    base: Option<BaseImage<Noted>>,
    layer: &NewLayer,
    layer_names: &[String],
    config: String,
    context: &Context,
) -> Result<docker_archive::Members, ImageError> {
    let mut members = match base {
        Some(base) => retain::keep(base, &context.temporary_directory)?,
        None => BTreeMap::new(),
    };
    let config_name = format!("{}.json", Sha256::of(config.as_bytes()).hex());
    let name = format!("{}:{}", image.name, image.tag);
    let entry = docker_manifest::entry(KeyOrder::NamesFirst, &config_name, [name], layer_names);
    let manifest = jq::print(&json!([entry]));
    let repositories = docker_manifest::repositories(image.name, &image.tag, layer.legacy.id);
    let id = layer.legacy.id.hex();
    let mut insert = |path: &[&str], size: u64, content: Content| {
        let path = path.iter().map(|part| part.as_bytes().to_vec()).collect();
        let kind = Kind::Regular { size, content };
        members.insert(
            path,
            docker_archive::Planned {
                mode: FILE_MODE,
                kind,
            },
        );
    };
    for (path, bytes) in [
        (&[config_name.as_str()][..], config.into_bytes()),
        (&["manifest.json"], manifest.into_bytes()),
        (&["repositories"], repositories.into_bytes()),
        (&[&id, "VERSION"], layer.version.clone()),
        (&[&id, "json"], layer.legacy.json.clone().into_bytes()),
    ] {
        insert(path, bytes.len() as u64, Content::Inline(bytes));
    }
    let tar = Content::Tar(Arc::clone(&layer.tar));
    insert(&[&id, "layer.tar"], layer.tar.size(), tar);
    Ok(members)
}
