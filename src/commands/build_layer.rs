//! Makes a layer as a derivation of its own, as `buildLayer` asks for it: which store paths are in it, its DiffID, and,
//! if that is wanted, its packed bytes.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};
use thiserror::Error;

use crate::build::context::Context;
use crate::build::output::{self, OutputError};
use crate::bytes::compression::{Compression, Compressor};
use crate::closure::graph::{self, GraphError};
use crate::console::text;
use crate::console::warnings::Warnings;
use crate::image::description::{self, RecordedLayer};
use crate::image::pack::{PackError, Packer};
use crate::image::parts::Layer;
use crate::image::ready_layer::{self, ReadyBlob, ReadyLayer, ReadyLayerError, Recipe};
use crate::imitate::jq;
use crate::request::attrs::{Attrs, Section};
use crate::request::ids::{group_id, user_id};
use crate::request::store_path::{StorePath, StorePathError};
use crate::request::time::{Time, TimeError};
use crate::tar::plan::{Content, TarPlan};
use crate::tar::write::WriteError;

/// A layer could not be made.
#[derive(Debug, Error)]
pub enum BuildLayerError {
    #[error("cannot read the closure of layer `{layer}`")]
    Graph { layer: String, source: GraphError },
    #[error("a path in the closure of layer `{layer}` is no store path")]
    StorePath {
        layer: String,
        source: StorePathError,
    },
    #[error(
        "there is nothing in layer `{layer}`; name something in `contents`, `copyToRoot` or `paths` that the layers below do not have"
    )]
    Empty { layer: String },
    #[error(transparent)]
    Time(#[from] TimeError),
    #[error(transparent)]
    Ready(#[from] ReadyLayerError),
    #[error(transparent)]
    Content(#[from] WriteError),
    #[error(transparent)]
    Pack(#[from] PackError),
    #[error(transparent)]
    Output(#[from] OutputError),
}

/// Makes the layer that `attrs` describe.
///
/// # Errors
/// When an input cannot be read, there is nothing in the layer, or the output cannot be written.
pub fn build(attrs: &Attrs<BuildLayerAttrs>, context: &Context) -> Result<(), BuildLayerError> {
    let progress = context.progress;
    let recipe = settle(&attrs.ours, attrs.closure.as_ref())?;
    let count = text::count(recipe.store_paths.len(), "store path");
    progress.phase("hash", &format!("hashing a layer of {count}"));
    let mut warnings = Warnings::default();
    let plan = recipe.plan(&mut warnings);
    warnings.tell(progress);
    let plan = plan?;
    let bar = progress.bar(plan.size());
    let recorded = description::record(&plan, &bar);
    bar.finish();
    let recorded = recorded?;
    progress.line(&format!(
        "layer {}: {}",
        recorded.diff_id,
        text::size(recorded.size)
    ));
    write(attrs, recipe, plan, &recorded, context)
}

/// What will be in the layer.
fn settle(asked: &BuildLayerAttrs, closure: Option<&Value>) -> Result<Recipe, BuildLayerError> {
    let store_paths = match (&asked.store_paths, closure) {
        (Some(exactly), _) => exactly.clone(),
        (None, None) => Vec::new(),
        (None, Some(closure)) => closure_of(asked, closure)?,
    };
    if store_paths.is_empty() && asked.root.is_none() {
        return Err(BuildLayerError::Empty {
            layer: asked.name.clone(),
        });
    }
    Ok(Recipe {
        store_paths,
        root: asked.root.clone(),
        uid: asked.uid,
        gid: asked.gid,
        uname: asked.uname.clone(),
        gname: asked.gname.clone(),
        mtime: Time::parse("mtime", &asked.mtime)?.to_string(),
    })
}

/// The store paths of `closure`, sorted, but for what made the root and what the layers below have.
fn closure_of(asked: &BuildLayerAttrs, closure: &Value) -> Result<Vec<StorePath>, BuildLayerError> {
    let paths = graph::parse(closure).map_err(|source| BuildLayerError::Graph {
        layer: asked.name.clone(),
        source,
    })?;
    let paths = paths
        .into_iter()
        .map(|info| StorePath::parse(info.path.as_bytes()));
    let mut paths: BTreeSet<StorePath> =
        paths
            .collect::<Result<_, _>>()
            .map_err(|source| BuildLayerError::StorePath {
                layer: asked.name.clone(),
                source,
            })?;
    paths.retain(|path| asked.root.as_deref() != Some(path.as_path()));
    for below in &asked.layers {
        for path in ReadyLayer::read(below)?.recipe.store_paths {
            paths.remove(&path);
        }
    }
    Ok(paths.into_iter().collect())
}

fn write(
    attrs: &Attrs<BuildLayerAttrs>,
    recipe: Recipe,
    plan: TarPlan,
    recorded: &RecordedLayer,
    context: &Context,
) -> Result<(), BuildLayerError> {
    let asked = &attrs.ours;
    let out = &attrs.out;
    let content = Content::Tar(plan.into());
    output::directory(out, &context.build_directory, |unfinished| {
        let failed = |source| OutputError::Write {
            path: out.clone(),
            source,
        };
        let blob = match asked.compressor {
            None => None,
            Some(compressor) => {
                let text = format!("packing {}", text::size(recorded.size));
                context.progress.phase("pack", &text);
                let packer = Packer {
                    directory: unfinished,
                    shown: out,
                    compressor,
                    threads: context.threads,
                    progress: context.progress,
                };
                let layer = Layer {
                    shown: format!("layer `{}`", asked.name).into(),
                    diff_id: recorded.diff_id,
                    compression: Compression::Plain,
                    digest: None,
                    size: recorded.size,
                    content,
                    link: None,
                    annotations: Arc::default(),
                };
                let packed = packer.pack(&[&layer])?.remove(0);
                let named = unfinished.join(packed.digest.hex());
                std::fs::rename(named, unfinished.join(ready_layer::BLOB)).map_err(failed)?;
                Some(ReadyBlob {
                    compression: compressor.compression(),
                    digest: packed.digest,
                    size: packed.size,
                })
            }
        };
        let ready = ReadyLayer {
            recipe,
            diff_id: recorded.diff_id,
            size: recorded.size,
            blob,
        };
        let text = jq::print(&json!(ready));
        let document = unfinished.join(ready_layer::DOCUMENT);
        Ok(std::fs::write(document, text).map_err(failed)?)
    })
}

/// A layer, as `buildLayer` asks for it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "a set")]
pub struct BuildLayerAttrs {
    /// What messages call it.
    pub name: String,
    /// The directory with the `layer.tar` of what lies at the root of the image.
    pub root: Option<PathBuf>,
    /// Exactly what is in it, in this order. Null stands for the exported closure.
    pub store_paths: Option<Vec<StorePath>>,
    /// The layers below it. What is in these is not in it.
    pub layers: Vec<PathBuf>,
    /// Null leaves it unpacked: then nothing of it is in the output but its description.
    pub compressor: Option<Compressor>,
    #[serde(deserialize_with = "user_id")]
    pub uid: u32,
    #[serde(deserialize_with = "group_id")]
    pub gid: u32,
    pub uname: String,
    pub gname: String,
    /// A time.
    pub mtime: String,
}

impl Section for BuildLayerAttrs {
    const KEY: &'static str = "buildLayer";
}
