//! Runs the scripts of users on a layer: copies the layer's tree to disk and runs bash there as
//! stdenv would.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::unistd::Pid;
use thiserror::Error;

use crate::build::process::Ended;
use crate::build::process::wait;
use crate::build::read_only::ReadOnly;
use crate::build::relay::{Heard, Relay};
use crate::tree::materialise::MaterialiseError;

/// What bash runs: stdenv's setup, then its `genericBuild`, which evaluates `$buildCommand` as it
/// does in every `runCommand`.
const BUILD: &str = "source \"$stdenv/setup\"; genericBuild";

/// The scripts of one layer.
#[derive(Debug)]
pub struct Script<'a> {
    /// The arguments that hold them, for messages: `` `extraCommands` ``.
    pub arguments: &'static str,
    pub layer: &'a str,
    /// The bash of stdenv.
    pub shell: Option<&'a Path>,
    /// Bash that runs them where they belong.
    pub build_command: &'a str,
    /// The directory that they change; none where they may change every file.
    pub root: Option<&'a Path>,
}

/// A script failed, or could not be run.
#[derive(Debug, Error)]
pub enum ScriptError {
    #[error(transparent)]
    Tree(#[from] MaterialiseError),
    #[error("cannot start `{}` to run {arguments}", shell.display())]
    Start {
        arguments: &'static str,
        shell: PathBuf,
        source: io::Error,
    },
    #[error("no shell is named to run {arguments} with; our Nix functions pass stdenv's")]
    NoShell { arguments: &'static str },
    #[error(
        "{arguments} of layer `{layer}` failed with exit status {status}; the output stands above{}",
        hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default()
    )]
    Failed {
        arguments: &'static str,
        layer: String,
        status: i32,
        /// What it was not allowed to write to.
        hint: Option<ReadOnly>,
    },
    #[error("{arguments} of layer `{layer}` was ended by signal {signal}; the output stands above")]
    Killed {
        arguments: &'static str,
        layer: String,
        signal: i32,
    },
}

/// Runs `script` in `build_directory` with `environment` added to what Nix set, and tells what was
/// heard of it.
///
/// # Errors
/// When it cannot be started, or fails.
pub fn run(
    script: &Script<'_>,
    build_directory: &Path,
    environment: &BTreeMap<String, String>,
) -> Result<Heard, ScriptError> {
    let arguments = script.arguments;
    let shell = script.shell.ok_or(ScriptError::NoShell { arguments })?;
    let start = |source| ScriptError::Start {
        arguments,
        shell: shell.to_owned(),
        source,
    };
    let relay = Relay::start(&[shell]).map_err(start)?;
    let [stdout, stderr] = relay.ends().map_err(start)?;
    let child = Command::new(shell)
        .args(["-e", "-c", BUILD])
        .current_dir(build_directory)
        .envs(environment)
        .env("buildCommand", script.build_command)
        .stdout(stdout)
        .stderr(stderr)
        .spawn()
        .map_err(start)?;
    let child = Pid::from_raw(child.id().cast_signed());
    let ended = wait(child).map_err(|errno| start(errno.into()))?;
    let heard = relay.finish();
    match ended {
        Ended::Status(status) if status != 0 => Err(script.failed(status, &heard)),
        ended => check(arguments, script.layer, ended).map(|()| heard),
    }
}

/// Whether the script in `arguments` of the layer `layer`, which may change every file, ended well.
///
/// # Errors
/// When it did not.
pub fn check(arguments: &'static str, layer: &str, ended: Ended) -> Result<(), ScriptError> {
    let layer = || layer.to_owned();
    match ended {
        Ended::Status(0) => Ok(()),
        Ended::Status(status) => Err(ScriptError::Failed {
            arguments,
            layer: layer(),
            status,
            hint: None,
        }),
        Ended::Signal(signal) => Err(ScriptError::Killed {
            arguments,
            layer: layer(),
            signal,
        }),
    }
}

impl Script<'_> {
    /// The error for scripts that ended with `status`, of which so much was heard.
    #[must_use]
    pub fn failed(&self, status: i32, heard: &Heard) -> ScriptError {
        ScriptError::Failed {
            arguments: self.arguments,
            layer: self.layer.to_owned(),
            status,
            hint: self.root.and_then(|root| ReadOnly::find(heard, root)),
        }
    }
}
