//! Runs the hooks of `runWithOverlay`, in a virtual machine: bash before and after the base image is
//! mounted, and after it is unmounted. What they write to `$out` is the output.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use thiserror::Error;

use crate::build::context::Context;
use crate::build::script::{self, Script, ScriptError};
use crate::request::attrs::{Attrs, Section};
use crate::vm::overlay::{self, OverlayAttrs, OverlayError, Places, UsesOverlay};

/// What bash runs in the build directory. All hooks run in one shell, as in nixpkgs, and see each
/// other's variables; so mounting is a command of its own in between.
const BUILD_COMMAND: &str = r#"
cd disk
eval "$preMount"
"$nixImageBuilder" overlay-mount
eval "$postMount"
"$nixImageBuilder" overlay-unmount
eval "$postUmount"
"#;

/// The hooks failed, or could not be run.
#[derive(Debug, Error)]
pub enum RunWithOverlayError {
    #[error(transparent)]
    Overlay(#[from] OverlayError),
    #[error(transparent)]
    Script(#[from] ScriptError),
    #[error("the disk of the virtual machine is full; raise `diskSize` from {disk_size} MiB")]
    DiskFull { disk_size: u64, source: ScriptError },
}

impl RunWithOverlayError {
    /// The hook's failure, if it was one.
    #[must_use]
    pub fn script(&self) -> Option<&ScriptError> {
        match self {
            Self::Script(script) | Self::DiskFull { source: script, .. } => Some(script),
            Self::Overlay(_) => None,
        }
    }
}

/// Runs the hooks that `attrs` describe. `builder` is this program, which mounts in between.
///
/// # Errors
/// When the base image cannot be used, or a hook fails.
pub fn run(
    attrs: &Attrs<RunWithOverlayAttrs>,
    builder: &Path,
    context: &Context,
) -> Result<(), RunWithOverlayError> {
    let ours = &attrs.ours;
    let progress = context.progress;
    let platform = ours.overlay.platform.as_ref();
    let places = Places::of(&context.build_directory);
    let disk = overlay::prepare(&ours.overlay, platform, &places, progress)?;
    fs::create_dir(places.layer()).map_err(|source| OverlayError::Make {
        path: places.layer(),
        source,
    })?;

    progress.phase("hooks", "running the hooks");
    let script = Script {
        arguments: "`preMount`, `postMount` or `postUmount`",
        layer: &ours.name,
        shell: Some(&ours.shell),
        build_command: BUILD_COMMAND,
        root: None,
    };
    let mut environment: BTreeMap<String, String> = attrs.environment.clone();
    let program = builder.to_string_lossy().into_owned();
    environment.insert("nixImageBuilder".to_owned(), program);
    let ran = script::run(&script, &context.build_directory, &environment);
    let explained = ran.map_err(|source| {
        if overlay::is_full(&places).unwrap_or(false) {
            let disk_size = ours.overlay.disk_size;
            RunWithOverlayError::DiskFull { disk_size, source }
        } else {
            RunWithOverlayError::Script(source)
        }
    });
    // A hook that failed may have left something mounted in `mnt`; it goes with the disk.
    drop(disk);
    explained.map(drop)
}

/// What bash calls between the hooks: shows base image and layer as one in `mnt`.
///
/// # Errors
/// When the kernel refuses.
pub fn mount(context: &Context) -> Result<(), OverlayError> {
    overlay::mount_layer(&here(context)).map(overlay::Mounted::keep)
}

/// What bash calls between the hooks: unmounts `mnt`, and writes the whiteouts of the layer.
///
/// # Errors
/// When a hook left a process in it.
pub fn unmount(context: &Context) -> Result<(), OverlayError> {
    let places = here(context);
    overlay::unmount(&places.mnt())?;
    overlay::write_whiteouts(&places)
}

/// The working directory of hooks is the disk.
fn here(context: &Context) -> Places {
    Places::at(&context.build_directory)
}

/// Hooks that run as root in a virtual machine, as `runWithOverlay` asks for it. Their text reaches
/// bash by itself, as attributes of the derivation.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "a set")]
pub struct RunWithOverlayAttrs {
    pub name: String,
    /// The bash of stdenv.
    pub shell: PathBuf,
    pub overlay: OverlayAttrs,
}

impl UsesOverlay for RunWithOverlayAttrs {
    fn overlay(&self) -> &OverlayAttrs {
        &self.overlay
    }
}

impl Section for RunWithOverlayAttrs {
    const KEY: &'static str = "runWithOverlay";
    const IS_TEXT: bool = true;
}
