//! Builds the layer of `mkPureLayer`: a directory with `layer.tar`, `json` and `VERSION`.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;

use crate::build::context::Context;
use crate::build::output::{self, OutputError};
use crate::build::script::{self, Script, ScriptError};
use crate::config::{BaseJson, ConfigError};
use crate::console::text;
use crate::console::warnings::Warnings;
use crate::request::attrs::{Attrs, LayerAttrs};
use crate::tar::owner::Owner;
use crate::tar::plan::TarPlan;
use crate::tar::tarsum;
use crate::tree::Directory;
use crate::tree::materialise::materialise;
use crate::tree::merge::{self, Dirlinks, MergeError};
use crate::tree::scan::{self, ScanError};

/// The version of the legacy layer format; without a newline.
pub const VERSION: &str = "1.0";

/// What nixpkgs' `chmod ug+w` adds to the mode of a layer's root.
pub(crate) const ROOT_WRITABLE: u32 = 0o220;

/// The layer's root in the build directory; scripts of users may know its name.
const ROOT: &str = "layer";

/// Runs the user's script in the layer's root.
const BUILD_COMMAND: &str = "(cd layer; eval \"$extraCommands\")";

/// A layer could not be built.
#[derive(Debug, Error)]
pub enum LayerError {
    #[error("cannot read `{}`", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot use `{}`", path.display())]
    BaseJson { path: PathBuf, source: ConfigError },
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
    let base_json = read_base_json(&layer.base_json)?;

    progress.phase("merge", &merging(&layer.copy_to_root));
    let dirlinks = Dirlinks::keep_if(layer.keep_contents_dirlinks);
    let mut warnings = Warnings::default();
    let merged = merge::merge(&layer.copy_to_root, dirlinks, &attrs.limits, &mut warnings);
    warnings.tell(progress);
    let mut tree = merged?;
    tree.mode |= ROOT_WRITABLE;
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
    write(&plan, base_json, &attrs.out, context)
}

/// What is said before `items` are merged.
pub(crate) fn merging(items: &[PathBuf]) -> String {
    match items.len() {
        0 => "nothing to copy to the root of the layer".to_owned(),
        1 => format!("copying `{}` to the root of the layer", items[0].display()),
        count => format!("merging {count} items into the root of the layer"),
    }
}

/// What is said before `plan` is written.
pub(crate) fn packing(plan: &TarPlan) -> String {
    let files = text::count(plan.entries.len(), "file");
    format!("packing {} in {files}", text::size(plan.size()))
}

pub(crate) fn read_base_json(path: &Path) -> Result<BaseJson, LayerError> {
    let text = std::fs::read(path).map_err(|source| LayerError::Read {
        path: path.to_owned(),
        source,
    })?;
    BaseJson::parse(&text)
        .and_then(BaseJson::with_readable_time)
        .map_err(|source| LayerError::BaseJson {
            path: path.to_owned(),
            source,
        })
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

/// Writes `layer.tar`, `json` and `VERSION` to the directory `out`.
pub(crate) fn write(
    plan: &TarPlan,
    base_json: BaseJson,
    out: &Path,
    context: &Context,
) -> Result<(), LayerError> {
    output::files(out, &context.build_directory, |files| {
        let tar = out.join("layer.tar");
        // The TarSum hashes file by file and so in parallel, beside the writing. What is read
        // twice comes out of the page cache the second time.
        let (written, tarsum) = rayon::join(
            || files.tar("layer.tar", plan, context.progress),
            || tarsum::of_plan(plan).map_err(|error| OutputError::of_write(error, &tar)),
        );
        written?;
        let json = base_json.layer_json(&tarsum?);
        files.bytes("json", json.as_bytes())?;
        files.bytes("VERSION", VERSION.as_bytes())?;
        Ok(())
    })
}
