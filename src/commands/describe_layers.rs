//! Describes a streamed image before it is written: which store paths share a layer, and every
//! layer's DiffID and size. Nix builds the description once; streaming then is one forward pass.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use rayon::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};
use thiserror::Error;

use crate::build::context::Context;
use crate::build::output::{self, OutputError};
use crate::bytes::digest::{DiffId, DigestError};
use crate::bytes::parallel;
use crate::closure::graph::{self, Graph, GraphError};
use crate::closure::layering::layer::{self, Layer, NoLayerLeft};
use crate::closure::layering::{self, PipelineError};
use crate::closure::store_layer;
use crate::console::progress::Progress;
use crate::console::text;
use crate::console::warnings::Warnings;
use crate::engines::{self, Claims, Objection, Refused};
use crate::foreign::base;
use crate::foreign::base::error::BaseError;
use crate::foreign::images::selector::Selector;
use crate::image::description::{
    CHECKSUM, Description, LAYER, NOW, Recorded, RecordedBaseLayer, RecordedLayer,
    RecordedReadyLayer, Unpacked, owner, record,
};
use crate::image::ready_layer::{ReadyLayer, ReadyLayerError};
use crate::image::replaced::{Directories, DirectoriesError};
use crate::imitate::jq;
use crate::oci::platform::Platform;
use crate::request::attrs::{Attrs, Section};
use crate::request::ids::{group_id, max_layers, user_id};
use crate::request::store_path::{StorePath, StorePathError};
use crate::request::time::{Time, TimeError};
use crate::tar::write::WriteError;
use crate::tree::scan::ScanError;

/// An image could not be described.
#[derive(Debug, Error)]
pub enum DescriptionError {
    #[error("cannot read `{}`", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("`{}` does not have the SHA-256 of the layer beside it", path.display())]
    Checksum { path: PathBuf, source: DigestError },
    #[error("`{}` is not the image's JSON", path.display())]
    BaseJson {
        path: PathBuf,
        source: serde_json::Error,
    },
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error(transparent)]
    Time(#[from] TimeError),
    #[error(transparent)]
    Directories(#[from] DirectoriesError),
    #[error(transparent)]
    Base(#[from] BaseError),
    #[error(
        "image `{image}` is to hold its store paths, but the attributes name none; set `exportReferencesGraph.graph`"
    )]
    NoClosure { image: String },
    #[error("cannot read the closure of image `{image}`")]
    Graph { image: String, source: GraphError },
    #[error(transparent)]
    Ready(#[from] ReadyLayerError),
    #[error(transparent)]
    NoLayerLeft(#[from] NoLayerLeft),
    #[error("cannot follow the `layeringPipeline` of image `{image}`")]
    Pipeline {
        image: String,
        source: PipelineError,
    },
    #[error("a layer of image `{image}` is not made of store paths")]
    StorePath {
        image: String,
        source: StorePathError,
    },
    #[error(
        "`{path}` is not in the store `{store_dir}`, so it cannot be in a layer of image `{image}`"
    )]
    OutsideStore {
        path: String,
        store_dir: String,
        image: String,
    },
    #[error(transparent)]
    Scan(#[from] ScanError),
    #[error(transparent)]
    Content(#[from] WriteError),
    #[error(transparent)]
    Output(#[from] OutputError),
}

/// The base JSON of a streamed image.
#[derive(Debug, Deserialize)]
#[serde(expecting = "an object")]
struct ImageJson {
    architecture: Value,
    config: Value,
    os: Value,
    variant: Option<Value>,
}

impl ImageJson {
    /// What the image is for, if that is said in words.
    fn platform(&self) -> Option<Platform> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        Some(Platform {
            architecture: text(&self.architecture)?,
            os: text(&self.os)?,
            variant: self.variant.as_ref().and_then(text),
        })
    }
}

/// Describes the image of `attrs`.
///
/// # Errors
/// When an input cannot be read or is wrong, or the output cannot be written.
pub fn build(attrs: &Attrs<DescriptionAttrs>, context: &Context) -> Result<(), DescriptionError> {
    let image = &attrs.ours;
    let progress = context.progress;
    let base_json = read_json(&image.base_json)?;
    let platform = base_json.platform();
    check_words(image, &base_json, progress)?;
    let created = resolve("created", &image.created)?;
    let mtime = resolve("mtime", &image.mtime)?;

    let base = read_base(attrs, platform.as_ref(), context)?;
    let ready = read_ready_layers(image, progress)?;
    progress.phase("layers", "choosing layers");
    let below = base.layers.len() + ready.len();
    let layers = choose_layers(image, attrs.closure.as_ref(), below, &ready)?;
    if image.debug {
        progress.line(&layering::explain(&layers));
    }
    let paths: Vec<Vec<StorePath>> = layers.into_iter().map(|layer| layer.paths).collect();
    if image.layers_only {
        let text = jq::print(&json!(paths));
        return Ok(output::bytes(&attrs.out, text.as_bytes())?);
    }

    let own = ready.len() + paths.len() + 1;
    let objections = check_layers(image, &base, platform.as_ref(), own);
    engines::judge_and_warn(&image.name, objections, progress)?;
    let (store_layers, customisation_layer) = record_all(image, &paths, mtime.as_ref(), progress)?;

    let tag = image
        .tag
        .clone()
        .unwrap_or_else(|| output::hash_part(&attrs.out));
    let description = Description {
        architecture: base_json.architecture,
        config: base_json.config,
        os: base_json.os,
        variant: base_json.variant,
        store_dir: image.store_dir.clone(),
        from_image: image.from_image.clone(),
        store_layers: paths,
        customisation_layer: image.customisation_layer.clone(),
        repo_tag: format!("{}:{tag}", image.name),
        created: created.map_or_else(|| NOW.to_owned(), |time| time.to_string()),
        mtime: mtime.map_or_else(|| NOW.to_owned(), |time| time.to_string()),
        uid: image.uid,
        gid: image.gid,
        uname: image.uname.clone(),
        gname: image.gname.clone(),
        builder: Recorded {
            base_env: base.env,
            base_layers: base.layers,
            ready_layers: ready.into_iter().map(|(recorded, _)| recorded).collect(),
            store_layers,
            customisation_layer,
            limits: attrs.limits,
        },
    };
    let text = jq::print(&json!(description));
    Ok(output::bytes(&attrs.out, text.as_bytes())?)
}

/// What engines will say of the image for its base, and for having `own` layers beside those of the
/// base.
fn check_layers(
    image: &DescriptionAttrs,
    base: &RecordedBase,
    platform: Option<&Platform>,
    own: usize,
) -> Vec<Objection> {
    let other = image
        .from_image
        .as_deref()
        .and_then(|path| engines::check_base(path, base.platform.as_ref(), platform));
    let way_out = match (&image.layering_pipeline, base.layers.len()) {
        (Some(_), _) => "let the `layeringPipeline` make fewer, for example by `limit_layers`",
        (None, 0) => "set a lower `maxLayers`",
        (None, _) => "set a lower `maxLayers`, or take a base with fewer layers",
    };
    let many = engines::layers::check_count(base.layers.len() + own, way_out);
    other.into_iter().chain(many).collect()
}

fn read_json(path: &Path) -> Result<ImageJson, DescriptionError> {
    let text = std::fs::read(path).map_err(|source| DescriptionError::Read {
        path: path.to_owned(),
        source,
    })?;
    serde_json::from_slice(&text).map_err(|source| DescriptionError::BaseJson {
        path: path.to_owned(),
        source,
    })
}

/// The time that `value` gives, or `None` for [`NOW`].
fn resolve(argument: &'static str, value: &str) -> Result<Option<Time>, TimeError> {
    if value == NOW {
        return Ok(None);
    }
    Time::parse(argument, value).map(Some)
}

#[derive(Default)]
struct RecordedBase {
    platform: Option<Platform>,
    env: Vec<String>,
    layers: Vec<RecordedBaseLayer>,
}

fn read_base(
    attrs: &Attrs<DescriptionAttrs>,
    platform: Option<&Platform>,
    context: &Context,
) -> Result<RecordedBase, DescriptionError> {
    let image = &attrs.ours;
    let Some(path) = &image.from_image else {
        return Ok(RecordedBase::default());
    };
    let text = format!("reading base image `{}`", path.display());
    context.progress.phase("base", &text);
    let first = Selector {
        platform,
        ..Selector::default()
    };
    let directories = Directories::of(&image.customisation_layer.join(LAYER))?;
    let progress = context.progress;
    let base = base::read(path, first, &directories, &attrs.limits, progress)?;
    let mut warnings = Warnings::default();
    let links = base.layers.iter().map(|layer| &*layer.noted);
    directories.warn(path, links, &mut warnings);
    warnings.tell(progress);
    let layers = base.layers.into_iter().map(|layer| RecordedBaseLayer {
        diff_id: layer.diff_id,
        unpacked: layer.is_unpacked().then(|| Unpacked {
            packing: layer.packing,
            name: layer.member(),
            size: layer.size,
        }),
        name: layer.name,
    });
    Ok(RecordedBase {
        platform: base.platform,
        env: base.env,
        layers: layers.collect(),
    })
}

/// Reads the layers that the user gives, and warns of store paths that several of them have.
fn read_ready_layers(
    image: &DescriptionAttrs,
    progress: Progress,
) -> Result<Vec<(RecordedReadyLayer, ReadyLayer)>, DescriptionError> {
    let mut warnings = Warnings::default();
    let mut known: BTreeMap<StorePath, &Path> = BTreeMap::new();
    let mut ready = Vec::new();
    for path in &image.layers {
        let layer = ReadyLayer::read(path)?;
        for store_path in &layer.recipe.store_paths {
            if let Some(other) = known.insert(store_path.clone(), path) {
                warnings.add("store paths that several layers have", || {
                    format!(
                        "`{}` is in the layers `{}` and `{}`, and so twice in the image; give the upper one `layers` with the lower one in it",
                        store_path.as_path().display(),
                        other.display(),
                        path.display()
                    )
                });
            }
        }
        let recorded = RecordedReadyLayer {
            path: path.clone(),
            diff_id: layer.diff_id,
            size: layer.size,
        };
        ready.push((recorded, layer));
    }
    warnings.tell(progress);
    Ok(ready)
}

fn choose_layers(
    image: &DescriptionAttrs,
    closure: Option<&Value>,
    layers_below: usize,
    ready: &[(RecordedReadyLayer, ReadyLayer)],
) -> Result<Vec<Layer>, DescriptionError> {
    let name = || image.name.clone();
    let in_pipeline = |source| DescriptionError::Pipeline {
        image: name(),
        source,
    };
    let in_graph = |source| DescriptionError::Graph {
        image: name(),
        source,
    };
    let pipeline = image.layering_pipeline.as_ref().map(layering::read);
    let pipeline = pipeline.transpose().map_err(in_pipeline)?;
    let available = match pipeline {
        Some(_) => 0,
        None => {
            let max_layers = usize::try_from(image.max_layers).unwrap_or(usize::MAX);
            layer::available(max_layers, layers_below)?
        }
    };
    if !image.include_store_paths {
        return Ok(Vec::new());
    }
    let closure = closure.ok_or_else(|| DescriptionError::NoClosure { image: name() })?;
    let of_ready = ready
        .iter()
        .flat_map(|(_, layer)| &layer.recipe.store_paths);
    let excluded = [&*image.base_json, &*image.customisation_layer].into_iter();
    let excluded = excluded.chain(of_ready.map(StorePath::as_path));
    let excluded: Vec<String> = excluded
        .map(|path| path.to_string_lossy().into_owned())
        .collect();
    let closure = graph::parse(closure).map_err(in_graph)?;
    let graph = Graph::new(closure, &excluded).map_err(in_graph)?;
    let layers = match pipeline {
        Some(pipeline) => layering::pipeline(&graph, &pipeline).map_err(in_pipeline)?,
        None => layering::auto(&graph, available),
    };
    for path in layers.iter().flat_map(|layer| &layer.paths) {
        if !path.as_path().starts_with(&image.store_dir) {
            return Err(DescriptionError::OutsideStore {
                path: path.as_path().display().to_string(),
                store_dir: image.store_dir.clone(),
                image: name(),
            });
        }
    }
    Ok(layers)
}

/// Hashes the layers of `paths`, unless their `mtime` is not known yet, and the customisation layer.
fn record_all(
    image: &DescriptionAttrs,
    paths: &[Vec<StorePath>],
    mtime: Option<&Time>,
    progress: Progress,
) -> Result<(Option<Vec<RecordedLayer>>, RecordedLayer), DescriptionError> {
    if !paths.is_empty() {
        let count = text::count(paths.len(), "layer");
        progress.phase("hash", &format!("hashing {count}"));
    }
    let store_layers = match mtime {
        Some(mtime) => Some(record_store_layers(image, paths, mtime, progress)?),
        None => None,
    };
    let customisation_layer = read_customisation_layer(&image.customisation_layer)?;
    let all = store_layers.iter().flatten().chain([&customisation_layer]);
    all.for_each(|layer| progress.line(&line(layer)));
    Ok((store_layers, customisation_layer))
}

fn record_store_layers(
    image: &DescriptionAttrs,
    layers: &[Vec<StorePath>],
    mtime: &Time,
    progress: Progress,
) -> Result<Vec<RecordedLayer>, DescriptionError> {
    let owner = owner(image.uid, image.gid, &image.uname, &image.gname);
    // How much there is comes to light on the way, for the files are listed layer by layer.
    let bar = progress.count();
    let recorded = parallel::try_map(layers.par_iter(), |paths| {
        Ok(record(
            &store_layer::plan(paths, &owner, mtime.seconds())?,
            &bar,
        )?)
    });
    bar.finish();
    recorded
}

/// The DiffID and size of the customisation layer in `directory`, which was hashed when it was made. Whoever writes the image
/// compares them with its bytes.
fn read_customisation_layer(directory: &Path) -> Result<RecordedLayer, DescriptionError> {
    let [tar, checksum] = [LAYER, CHECKSUM].map(|name| directory.join(name));
    let read = |path: &Path, source| DescriptionError::Read {
        path: path.to_owned(),
        source,
    };
    let size = fs::metadata(&tar)
        .map_err(|source| read(&tar, source))?
        .len();
    let text = fs::read_to_string(&checksum).map_err(|source| read(&checksum, source))?;
    let diff_id = DiffId::parse(&format!("sha256:{}", text.trim_end()));
    Ok(RecordedLayer {
        diff_id: diff_id.map_err(|source| DescriptionError::Checksum {
            path: checksum,
            source,
        })?,
        size,
    })
}

/// A streamed image, as `streamLayeredImage` asks for its description.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "a set")]
pub struct DescriptionAttrs {
    /// With the registry, in lower case.
    pub name: String,
    /// Null stands for the hash part of the output path.
    pub tag: Option<String>,
    pub base_json: PathBuf,
    pub customisation_layer: PathBuf,
    pub from_image: Option<PathBuf>,
    /// What `buildLayer` made, lowest first.
    #[serde(default)]
    pub layers: Vec<PathBuf>,
    /// A time, or `now`.
    pub created: String,
    pub mtime: String,
    #[serde(deserialize_with = "user_id")]
    pub uid: u32,
    #[serde(deserialize_with = "group_id")]
    pub gid: u32,
    pub uname: String,
    pub gname: String,
    /// The layers of the base image and the customisation layer count too.
    #[serde(deserialize_with = "max_layers")]
    pub max_layers: u64,
    /// A list of steps, or the path of a file with one; null for nixpkgs' automatic layering.
    pub layering_pipeline: Option<Value>,
    pub include_store_paths: bool,
    /// Whether only the store paths of each layer are wanted, as a list of lists.
    #[serde(default)]
    pub layers_only: bool,
    pub debug: bool,
    /// `/nix/store`.
    pub store_dir: String,
}

impl Section for DescriptionAttrs {
    const KEY: &'static str = "description";
}

/// What is said of a layer once it is known.
fn line(layer: &RecordedLayer) -> String {
    format!("layer {}: {}", layer.diff_id, text::size(layer.size))
}

/// Checks what the user wrote against what engines take.
fn check_words(
    image: &DescriptionAttrs,
    base_json: &ImageJson,
    progress: Progress,
) -> Result<(), Refused> {
    let objections = engines::check(&Claims {
        name: &image.name,
        tag: image.tag.as_deref(),
        config: &base_json.config,
        platform: base_json.platform().as_ref(),
    });
    engines::judge_and_warn(&image.name, objections, progress)
}
