//! Runs `extraCommands` of a layer: copies the layer's tree to disk, runs the script there as
//! stdenv would, and reads back what it made of it.

use std::collections::BTreeMap;
use std::fs::{self, File, FileTimes, Permissions};
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use thiserror::Error;

use crate::tree::{Directory, Node, Regular};

/// What bash runs: stdenv's setup, then its `genericBuild`, which evaluates `$buildCommand` as it
/// does in every `runCommand`.
const BUILD: &str = "source \"$stdenv/setup\"; genericBuild";

/// The build that runs the user's script in the layer's root.
const BUILD_COMMAND: &str = "(cd layer; eval \"$extraCommands\")";

/// The name of the layer's root in the build directory; scripts of users may know it.
pub const ROOT: &str = "layer";

/// A script failed, or could not be run.
#[derive(Debug, Error)]
pub enum ScriptError {
    #[error("cannot copy `{}` to `{}`, where `extraCommands` is to find it", from.display(), to.display())]
    Copy {
        from: PathBuf,
        to: PathBuf,
        source: io::Error,
    },
    #[error("cannot make `{}` for `extraCommands`", path.display())]
    Make { path: PathBuf, source: io::Error },
    #[error("cannot start `{}` to run `extraCommands`", shell.display())]
    Start { shell: PathBuf, source: io::Error },
    #[error("no shell is named to run `extraCommands` with; `mkPureLayer` passes stdenv's")]
    NoShell,
    #[error(
        "`extraCommands` of layer `{layer}` failed with exit status {status}; its output stands above"
    )]
    Failed { layer: String, status: i32 },
    #[error(
        "`extraCommands` of layer `{layer}` was ended by signal {signal}; its output stands above"
    )]
    Killed { layer: String, signal: i32 },
}

/// Copies `tree` to `build_directory/layer`, which must not exist. Modes and times are those of
/// the tree.
///
/// # Errors
/// When something cannot be copied.
pub fn materialise(tree: &Directory, build_directory: &Path) -> Result<PathBuf, ScriptError> {
    let root = build_directory.join(ROOT);
    make_directory(tree, &root)?;
    Ok(root)
}

fn make_directory(directory: &Directory, path: &Path) -> Result<(), ScriptError> {
    let make = |source| ScriptError::Make {
        path: path.to_owned(),
        source,
    };
    fs::DirBuilder::new()
        .mode(0o700)
        .create(path)
        .map_err(make)?;
    for (name, node) in &directory.entries {
        let path = path.join(std::ffi::OsString::from_vec(name.clone()));
        match node {
            Node::Directory(directory) => make_directory(directory, &path)?,
            Node::Regular(file) => copy(file, &path)?,
            Node::Symlink(link) => {
                let target = std::ffi::OsString::from_vec(link.target.clone());
                std::os::unix::fs::symlink(target, &path).map_err(|source| ScriptError::Make {
                    path: path.clone(),
                    source,
                })?;
            }
            // A Nix store has none, and only a script can make one.
            Node::Special(_) => {}
        }
    }
    // Only now: it may forbid to write.
    fs::set_permissions(path, Permissions::from_mode(directory.mode)).map_err(make)
}

fn copy(file: &Regular, to: &Path) -> Result<(), ScriptError> {
    let copy = |source| ScriptError::Copy {
        from: file.source.clone(),
        to: to.to_owned(),
        source,
    };
    let mut from = File::open(&file.source).map_err(copy)?;
    let mut options = File::options();
    let mut into = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(to)
        .map_err(copy)?;
    io::copy(&mut from, &mut into).map_err(copy)?;
    into.set_permissions(Permissions::from_mode(file.mode))
        .map_err(copy)?;
    let seconds = Duration::from_secs(file.mtime.unsigned_abs());
    let modified = if file.mtime < 0 {
        SystemTime::UNIX_EPOCH - seconds
    } else {
        SystemTime::UNIX_EPOCH + seconds
    };
    into.set_times(FileTimes::new().set_modified(modified))
        .map_err(copy)
}

/// Runs the script in `build_directory` with `environment` added to what Nix set.
///
/// # Errors
/// When it cannot be started, or fails.
pub fn run(
    layer: &str,
    shell: &Path,
    build_directory: &Path,
    environment: &BTreeMap<String, String>,
) -> Result<(), ScriptError> {
    let status = Command::new(shell)
        .args(["-e", "-c", BUILD])
        .current_dir(build_directory)
        .envs(environment)
        .env("buildCommand", BUILD_COMMAND)
        .status()
        .map_err(|source| ScriptError::Start {
            shell: shell.to_owned(),
            source,
        })?;
    if let Some(signal) = status.signal() {
        return Err(ScriptError::Killed {
            layer: layer.to_owned(),
            signal,
        });
    }
    match status.code() {
        Some(0) => Ok(()),
        code => Err(ScriptError::Failed {
            layer: layer.to_owned(),
            status: code.unwrap_or(1),
        }),
    }
}
