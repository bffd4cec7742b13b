//! Builds the layer of `mkRootLayer`, in a virtual machine: what `copyToRoot` brings and what
//! `runAsRoot` and `extraCommands` change on top of a base image. The output is a directory with
//! `layer.tar`, `json` and `VERSION`, as that of `pure_layer`.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::{fs, io};

use serde::Deserialize;
use thiserror::Error;

use crate::build::context::Context;
use crate::build::output::OutputError;
use crate::build::process::Ended;
use crate::build::script::{self, ScriptError};
use crate::console::warnings::Warnings;
use crate::image::config::{BaseJson, BaseJsonError};
use crate::image::layer_directory;
use crate::request::attrs::{Attrs, Section};
use crate::tar::owner::Owner;
use crate::tar::plan::{Dialect, Entry, TarPlan, Xattr};
use crate::tree::materialise::materialise;
use crate::tree::merge::{self, Dirlinks, MergeError};
use crate::tree::scan::{self, ScanError};
use crate::vm::namespaces::{InImage, NamespaceError};
use crate::vm::overlay::{self, OverlayAttrs, OverlayError, Places, UsesOverlay};

/// The attributes that belong to the machine and not to the file: overlayfs' notes, and what security
/// modules of the machine's kernel say. File capabilities are the one exception.
const OF_THE_MACHINE: [&[u8]; 2] = [b"trusted.", b"security."];
const CAPABILITY: &[u8] = b"security.capability";

/// A layer could not be built.
#[derive(Debug, Error)]
pub enum RootLayerError {
    #[error(transparent)]
    Overlay(#[from] OverlayError),
    #[error(transparent)]
    Merge(#[from] MergeError),
    #[error(transparent)]
    AsRoot(#[from] NamespaceError),
    #[error(transparent)]
    Script(#[from] ScriptError),
    #[error("the disk of the virtual machine is full; raise `diskSize` from {disk_size} MiB")]
    DiskFull {
        disk_size: u64,
        source: Box<RootLayerError>,
    },
    #[error("cannot read what the scripts of layer `{layer}` left")]
    AfterScript { layer: String, source: ScanError },
    #[error("cannot read owner and attributes of `{}`", path.display())]
    About { path: PathBuf, source: io::Error },
    #[error(transparent)]
    BaseJson(#[from] BaseJsonError),
    #[error(transparent)]
    Output(#[from] OutputError),
}

impl RootLayerError {
    /// The script's failure, if it was one.
    #[must_use]
    pub fn script(&self) -> Option<&ScriptError> {
        match self {
            Self::Script(script) => Some(script),
            Self::DiskFull { source, .. } => source.script(),
            _ => None,
        }
    }
}

/// Builds the layer that `attrs` describe. `builder` is this program, which runs the script.
///
/// # Errors
/// When an input cannot be used, a script fails, the disk is too small or the output cannot be
/// written.
pub fn build(
    attrs: &Attrs<RootLayerAttrs>,
    builder: &Path,
    context: &Context,
) -> Result<(), RootLayerError> {
    let layer = &attrs.ours;
    let base_json = BaseJson::read_with_time(&layer.base_json)?;
    let places = Places::of(&context.build_directory);
    let platform = base_json.platform();
    let progress = context.progress;
    let disk = overlay::prepare(&layer.overlay, platform.as_ref(), &places, progress)?;
    let made = make(layer, &places, builder, context).and_then(|()| {
        let plan = plan(layer, &places, context)?;
        Ok(layer_directory::write(
            &plan, base_json, &attrs.out, context,
        )?)
    });
    let explained = made.map_err(|error| explain(error, layer, &places));
    // The rest of the disk goes with the machine; what keeps it busy does not matter any more.
    drop(disk);
    explained
}

/// Says that the disk is full where that is the likely reason of `error`.
fn explain(error: RootLayerError, layer: &RootLayerAttrs, places: &Places) -> RootLayerError {
    if overlay::is_full(places).unwrap_or(false) {
        RootLayerError::DiskFull {
            disk_size: layer.overlay.disk_size,
            source: Box::new(error),
        }
    } else {
        error
    }
}

/// Fills the layer's directory on the disk.
fn make(
    layer: &RootLayerAttrs,
    places: &Places,
    builder: &Path,
    context: &Context,
) -> Result<(), RootLayerError> {
    let progress = context.progress;
    progress.phase("merge", &layer_directory::merging(&layer.copy_to_root));
    let dirlinks = Dirlinks::keep_if(layer.keep_contents_dirlinks);
    let mut warnings = Warnings::default();
    let limits = &layer.overlay.limits;
    let merged = merge::merge(&layer.copy_to_root, dirlinks, limits, &mut warnings);
    warnings.tell(progress);
    let mut tree = merged?;
    if !layer.copy_to_root.is_empty() {
        tree.mode |= layer_directory::ROOT_WRITABLE;
    }
    materialise(&tree, &places.layer()).map_err(ScriptError::from)?;
    drop(tree);

    progress.phase("runAsRoot", "running runAsRoot");
    let mounted = overlay::mount_layer(places)?;
    let in_image = InImage {
        root: &places.mnt(),
        script: &layer.run_as_root,
        store_dir: Path::new(&layer.overlay.store_dir),
    };
    script::check("`runAsRoot`", &layer.name, in_image.run(builder)?)?;
    mounted.unmount()?;
    overlay::write_whiteouts(places)?;

    if let Some(script) = &layer.extra_commands {
        progress.phase("extraCommands", "running extraCommands");
        let ended = run_extra_commands(script, &places.layer())?;
        script::check("`extraCommands`", &layer.name, ended)?;
    }
    Ok(())
}

fn run_extra_commands(script: &Path, layer: &Path) -> Result<Ended, ScriptError> {
    Command::new(script)
        .current_dir(layer)
        .stdin(Stdio::null())
        .status()
        .map(Ended::from)
        .map_err(|source| ScriptError::Start {
            arguments: "`extraCommands`",
            shell: script.to_owned(),
            source,
        })
}

/// Plans the tar of the layer's directory, with owners and attributes as they are on the disk.
fn plan(
    layer: &RootLayerAttrs,
    places: &Places,
    context: &Context,
) -> Result<TarPlan, RootLayerError> {
    let root = places.layer();
    let tree = scan::scan(&root, 0).map_err(|source| RootLayerError::AfterScript {
        layer: layer.name.clone(),
        source,
    })?;
    let owner = Arc::new(Owner::in_nixpkgs_vm(0, 0));
    let mut plan = TarPlan::of_tree(tree, &owner, context.source_date_epoch);
    plan.dialect = Dialect::GnuWithoutGroups;
    for entry in &mut plan.entries {
        let path = root.join(OsStr::from_bytes(&entry.name));
        read_owner(entry, &path, &owner)
            .map_err(|source| RootLayerError::About { path, source })?;
    }
    context
        .progress
        .phase("pack", &layer_directory::packing(&plan));
    Ok(plan)
}

fn read_owner(entry: &mut Entry, path: &Path, root: &Arc<Owner>) -> io::Result<()> {
    let metadata = fs::symlink_metadata(path)?;
    let (uid, gid) = (u64::from(metadata.uid()), u64::from(metadata.gid()));
    entry.owner = if (uid, gid) == (0, 0) {
        Arc::clone(root)
    } else {
        Arc::new(Owner::in_nixpkgs_vm(uid, gid))
    };
    entry.xattrs = read_attributes(path)?;
    Ok(())
}

/// The extended attributes of what stands at `path`, in the order of their names.
fn read_attributes(path: &Path) -> io::Result<Vec<Xattr>> {
    let mut attributes = Vec::new();
    for name in xattr::list(path)? {
        let bytes = name.as_bytes();
        let of_the_machine = OF_THE_MACHINE
            .iter()
            .any(|prefix| bytes.starts_with(prefix));
        if of_the_machine && bytes != CAPABILITY {
            continue;
        }
        if bytes.contains(&b'=') {
            let text = format!("no tar can hold the attribute `{}`", bytes.escape_ascii());
            return Err(io::Error::other(text));
        }
        let value = xattr::get(path, &name)?.unwrap_or_default();
        attributes.push((bytes.to_vec(), value));
    }
    attributes.sort();
    Ok(attributes)
}

/// A layer made as root in a virtual machine, as `mkRootLayer` asks for it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "a set")]
pub struct RootLayerAttrs {
    pub name: String,
    /// The image's JSON so far: config, architecture, created.
    pub base_json: PathBuf,
    /// Directories whose contents appear at the root.
    pub copy_to_root: Vec<PathBuf>,
    pub keep_contents_dirlinks: bool,
    /// The script that runs as root of the image.
    pub run_as_root: PathBuf,
    /// The script that runs in the layer's directory afterwards, if there is one.
    pub extra_commands: Option<PathBuf>,
    pub overlay: OverlayAttrs,
}

impl UsesOverlay for RootLayerAttrs {
    fn overlay(&self) -> &OverlayAttrs {
        &self.overlay
    }
}

impl Section for RootLayerAttrs {
    const KEY: &'static str = "rootLayer";
    const IS_TEXT: bool = true;
}
