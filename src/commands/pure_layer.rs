//! Builds the layer of `mkPureLayer`: a directory with `layer.tar`, `json` and `VERSION`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;
use thiserror::Error;

use crate::build::context::Context;
use crate::build::output::OutputError;
use crate::build::script::{self, Script, ScriptError};
use crate::console::warnings::Warnings;
use crate::image::config::{BaseJson, BaseJsonError};
use crate::image::layer_directory::{self, merging, packing};
use crate::request::attrs::{Attrs, Section};
use crate::request::ids::{group_id, user_id};
use crate::tar::owner::Owner;
use crate::tar::plan::TarPlan;
use crate::tree::Directory;
use crate::tree::materialise::materialise;
use crate::tree::merge::{self, Dirlinks, MergeError};
use crate::tree::scan::{self, ScanError};

/// The layer's root in the build directory; scripts of users may know its name.
const ROOT: &str = "layer";

/// Runs the user's script in the layer's root.
const BUILD_COMMAND: &str = "(cd layer; eval \"$extraCommands\")";

/// A layer could not be built.
#[derive(Debug, Error)]
pub enum LayerError {
    #[error(transparent)]
    BaseJson(#[from] BaseJsonError),
    #[error(transparent)]
    Merge(#[from] MergeError),
    #[error(transparent)]
    Script(#[from] ScriptError),
    #[error("cannot read what `extraCommands` of layer `{layer}` left")]
    AfterScript { layer: String, source: ScanError },
    #[error(transparent)]
    Output(#[from] OutputError),
}

/// Builds the layer that `attrs` describe.
///
/// # Errors
/// When an input cannot be read, the items clash, the script fails or the output cannot be written.
pub fn build(attrs: &Attrs<LayerAttrs>, context: &Context) -> Result<(), LayerError> {
    let layer = &attrs.ours;
    let progress = context.progress;
    let base_json = BaseJson::read_with_time(&layer.base_json)?;

    progress.phase("merge", &merging(&layer.copy_to_root));
    let dirlinks = Dirlinks::keep_if(layer.keep_contents_dirlinks);
    let mut warnings = Warnings::default();
    let merged = merge::merge(&layer.copy_to_root, dirlinks, &attrs.limits, &mut warnings);
    warnings.tell(progress);
    let mut tree = merged?;
    tree.mode |= layer_directory::ROOT_WRITABLE;
    if !layer.extra_commands.is_empty() {
        progress.phase("extraCommands", "running extraCommands");
        tree = run_script(layer, tree, &attrs.environment, &context.build_directory)?;
    }

    let owner = Arc::new(Owner::in_nix_sandbox(
        u64::from(layer.uid),
        u64::from(layer.gid),
    ));
    let plan = TarPlan::of_tree(tree, &owner, context.source_date_epoch);
    progress.phase("pack", &packing(&plan));
    Ok(layer_directory::write(
        &plan, base_json, &attrs.out, context,
    )?)
}

fn run_script(
    layer: &LayerAttrs,
    tree: Directory,
    environment: &BTreeMap<String, String>,
    build_directory: &Path,
) -> Result<Directory, LayerError> {
    let root = build_directory.join(ROOT);
    materialise(&tree, &root).map_err(ScriptError::from)?;
    drop(tree);
    let script = Script {
        arguments: "`extraCommands`",
        layer: &layer.name,
        shell: layer.shell.as_deref(),
        build_command: BUILD_COMMAND,
        root: Some(&root),
    };
    script::run(&script, build_directory, environment)?;
    scan::scan(&root, 0).map_err(|source| LayerError::AfterScript {
        layer: layer.name.clone(),
        source,
    })
}

/// A layer, as `mkPureLayer` asks for it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "a set")]
pub struct LayerAttrs {
    pub name: String,
    /// The image's JSON so far: config, architecture, created.
    pub base_json: PathBuf,
    /// Directories whose contents appear at the root.
    pub copy_to_root: Vec<PathBuf>,
    pub keep_contents_dirlinks: bool,
    /// Empty for none.
    pub extra_commands: String,
    #[serde(deserialize_with = "user_id")]
    pub uid: u32,
    #[serde(deserialize_with = "group_id")]
    pub gid: u32,
    /// The bash that runs `extra_commands`; null without any.
    pub shell: Option<PathBuf>,
}

impl Section for LayerAttrs {
    const KEY: &'static str = "layer";
}
