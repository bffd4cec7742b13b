//! Describes a streamed image before it is written: which store paths share a layer, and every
//! layer's DiffID and size. Nix builds the description once; streaming then is one forward pass.

mod settled;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use rayon::prelude::*;
use serde_json::json;
use thiserror::Error;

use crate::build::context::Context;
use crate::build::output::{self, OutputError};
use crate::bytes::digest::{DiffId, DigestError};
use crate::bytes::parallel;
use crate::closure::graph::{self, Graph, GraphError};
use crate::closure::layering::layer::{self, Layer, NoLayerLeft};
use crate::closure::layering::{self, PipelineError};
use crate::closure::store_layer;
use crate::commands::describe_layers::settled::{Settled, settle};
use crate::console::progress::Progress;
use crate::console::text;
use crate::console::warnings::Warnings;
use crate::engines::{self, Objection, Refused};
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
use crate::request::attrs::Attrs;
use crate::request::store_path::{StorePath, StorePathError};
use crate::request::time::{Time, TimeError};
use crate::tar::write::WriteError;
use crate::tree::scan::ScanError;

pub use self::settled::DescriptionAttrs;

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

/// Describes the image of `attrs`.
///
/// # Errors
/// When an input cannot be read or is wrong, or the output cannot be written.
pub fn build(attrs: &Attrs<DescriptionAttrs>, context: &Context) -> Result<(), DescriptionError> {
    let progress = context.progress;
    let image = settle(attrs, progress)?;

    let base = read_base(&image, progress)?;
    let ready = read_ready_layers(image.ready_layers, progress)?;
    progress.phase("layers", "choosing layers");
    let below = base.layers.len() + ready.len();
    let layers = choose_layers(&image, below, &ready)?;
    if image.debug {
        progress.line(&layering::explain(&layers));
    }
    let paths: Vec<Vec<StorePath>> = layers.into_iter().map(|layer| layer.paths).collect();
    if image.layers_only {
        let text = jq::print(&json!(paths));
        return Ok(output::bytes(image.out, text.as_bytes())?);
    }

    let own = ready.len() + paths.len() + 1;
    let objections = check_layers(&image, &base, own);
    engines::judge_and_warn(image.name, objections, progress)?;
    let (store_layers, customisation_layer) = record_all(&image, &paths, progress)?;

    let time = |time: Option<Time>| time.map_or_else(|| NOW.to_owned(), |time| time.to_string());
    let description = Description {
        architecture: image.base_json.architecture,
        config: image.base_json.config,
        os: image.base_json.os,
        variant: image.base_json.variant,
        store_dir: image.store_dir.to_owned(),
        from_image: image.from_image.map(Path::to_owned),
        store_layers: paths,
        customisation_layer: image.customisation_layer.to_owned(),
        repo_tag: image.repo_tag,
        created: time(image.created),
        mtime: time(image.mtime),
        uid: image.uid,
        gid: image.gid,
        uname: image.uname.to_owned(),
        gname: image.gname.to_owned(),
        builder: Recorded {
            base_env: base.env,
            base_layers: base.layers,
            ready_layers: ready.into_iter().map(|(recorded, _)| recorded).collect(),
            store_layers,
            customisation_layer,
            limits: image.limits,
        },
    };
    let text = jq::print(&json!(description));
    Ok(output::bytes(image.out, text.as_bytes())?)
}

/// What engines will say of the image for its base, and for having `own` layers beside those of the
/// base.
fn check_layers(image: &Settled<'_>, base: &RecordedBase, own: usize) -> Vec<Objection> {
    let [of_base, of_image] = [&base.platform, &image.platform].map(Option::as_ref);
    let other = image
        .from_image
        .and_then(|path| engines::check_base(path, of_base, of_image));
    let way_out = match (image.layering_pipeline, base.layers.len()) {
        (Some(_), _) => "let the `layeringPipeline` make fewer, for example by `limit_layers`",
        (None, 0) => "set a lower `maxLayers`",
        (None, _) => "set a lower `maxLayers`, or take a base with fewer layers",
    };
    let many = engines::layers::check_count(base.layers.len() + own, way_out);
    other.into_iter().chain(many).collect()
}

#[derive(Default)]
struct RecordedBase {
    platform: Option<Platform>,
    env: Vec<String>,
    layers: Vec<RecordedBaseLayer>,
}

fn read_base(image: &Settled<'_>, progress: Progress) -> Result<RecordedBase, DescriptionError> {
    let Some(path) = image.from_image else {
        return Ok(RecordedBase::default());
    };
    let text = format!("reading base image `{}`", path.display());
    progress.phase("base", &text);
    let first = Selector {
        platform: image.platform.as_ref(),
        ..Selector::default()
    };
    let directories = Directories::of(&image.customisation_layer.join(LAYER))?;
    let base = base::read(path, first, &directories, &image.limits, progress)?;
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
    paths: &[PathBuf],
    progress: Progress,
) -> Result<Vec<(RecordedReadyLayer, ReadyLayer)>, DescriptionError> {
    let mut warnings = Warnings::default();
    let mut known: BTreeMap<StorePath, &Path> = BTreeMap::new();
    let mut ready = Vec::new();
    for path in paths {
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
    image: &Settled<'_>,
    layers_below: usize,
    ready: &[(RecordedReadyLayer, ReadyLayer)],
) -> Result<Vec<Layer>, DescriptionError> {
    let name = || image.name.to_owned();
    let in_pipeline = |source| DescriptionError::Pipeline {
        image: name(),
        source,
    };
    let in_graph = |source| DescriptionError::Graph {
        image: name(),
        source,
    };
    let pipeline = image.layering_pipeline.map(layering::read);
    let pipeline = pipeline.transpose().map_err(in_pipeline)?;
    let available = match pipeline {
        Some(_) => 0,
        None => layer::available(image.max_layers, layers_below)?,
    };
    if !image.include_store_paths {
        return Ok(Vec::new());
    }
    let closure = image
        .closure
        .ok_or_else(|| DescriptionError::NoClosure { image: name() })?;
    let of_ready = ready
        .iter()
        .flat_map(|(_, layer)| &layer.recipe.store_paths);
    let excluded = image.excluded.into_iter();
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
        if !path.as_path().starts_with(image.store_dir) {
            return Err(DescriptionError::OutsideStore {
                path: path.as_path().display().to_string(),
                store_dir: image.store_dir.to_owned(),
                image: name(),
            });
        }
    }
    Ok(layers)
}

/// Hashes the layers of `paths`, unless their `mtime` is not known yet, and the customisation layer.
fn record_all(
    image: &Settled<'_>,
    paths: &[Vec<StorePath>],
    progress: Progress,
) -> Result<(Option<Vec<RecordedLayer>>, RecordedLayer), DescriptionError> {
    if !paths.is_empty() {
        let count = text::count(paths.len(), "layer");
        progress.phase("hash", &format!("hashing {count}"));
    }
    let store_layers = match &image.mtime {
        Some(mtime) => Some(record_store_layers(image, paths, mtime, progress)?),
        None => None,
    };
    let customisation_layer = read_customisation_layer(image.customisation_layer)?;
    let all = store_layers.iter().flatten().chain([&customisation_layer]);
    all.for_each(|layer| progress.line(&line(layer)));
    Ok((store_layers, customisation_layer))
}

fn record_store_layers(
    image: &Settled<'_>,
    layers: &[Vec<StorePath>],
    mtime: &Time,
    progress: Progress,
) -> Result<Vec<RecordedLayer>, DescriptionError> {
    let owner = owner(image.uid, image.gid, image.uname, image.gname);
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

/// What is said of a layer once it is known.
fn line(layer: &RecordedLayer) -> String {
    format!("layer {}: {}", layer.diff_id, text::size(layer.size))
}
