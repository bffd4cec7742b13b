//! What the environment says: variables, the working directory, the clock, the terminal, and where the attributes are.

use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use std::{env, thread};

use crate::build::context::Context;
use crate::cli::error::CliError;
use crate::console::progress::Progress;
use crate::foreign::inventory::Input;
use crate::request::attrs::{self, Attrs, Section};
use crate::request::time::Time;
use crate::tar::plan::DEFAULT_SOURCE_DATE_EPOCH;

pub(crate) fn this_program() -> Result<PathBuf, CliError> {
    env::current_exe().map_err(CliError::CurrentExe)
}

pub(crate) fn context() -> Result<Context, CliError> {
    let threads = match number("NIX_BUILD_CORES", u64::MAX)? {
        None | Some(0) => thread::available_parallelism().map_or(1, usize::from),
        Some(cores) => usize::try_from(cores)
            .unwrap_or(usize::MAX)
            .min(MAX_THREADS),
    };
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build_global()
        .map_err(|error| CliError::Threads { threads, error })?;
    Ok(Context {
        threads,
        source_date_epoch: number("SOURCE_DATE_EPOCH", MAX_TIME)?
            .unwrap_or(DEFAULT_SOURCE_DATE_EPOCH),
        build_directory: build_directory()?,
        temporary_directory: env::temp_dir(),
        progress: progress(),
    })
}

/// More threads than this do not help: the disk is long the limit.
const MAX_THREADS: usize = 256;

/// The latest time that a file can have, in seconds since 1970.
const MAX_TIME: u64 = i64::MAX as u64;

fn number(name: &'static str, max: u64) -> Result<Option<u64>, CliError> {
    let Some(value) = variable(name) else {
        return Ok(None);
    };
    let parsed = value.to_str().and_then(|text| text.parse().ok());
    match parsed.filter(|number| *number <= max) {
        Some(number) => Ok(Some(number)),
        None => Err(CliError::Number { name, value, max }),
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one door")]
pub(crate) fn variable(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

#[expect(clippy::disallowed_methods, reason = "this is the one door")]
fn build_directory() -> Result<PathBuf, CliError> {
    env::current_dir().map_err(CliError::WorkingDirectory)
}

/// Nix gives builders a terminal for their log, so the terminal alone does not mean a person.
fn progress() -> Progress {
    if variable("NIX_LOG_FD").is_some() || variable("NIX_BUILD_TOP").is_some() {
        Progress::Log
    } else if io::stderr().is_terminal() {
        Progress::Terminal
    } else {
        Progress::Plain
    }
}

/// Finds and reads the derivation's attributes: where `NIX_ATTRS_JSON_FILE` says, if that file is
/// there (Nix 2.8 names one outside the sandbox), else in the build or the working directory.
pub(crate) fn read_attrs<T: Section>(command: &'static str) -> Result<Attrs<T>, CliError> {
    const NAME: &str = ".attrs.json";
    let named = variable("NIX_ATTRS_JSON_FILE").map(PathBuf::from);
    let top = variable("NIX_BUILD_TOP").map(|top| Path::new(&top).join(NAME));
    let here = build_directory()?.join(NAME);
    let mut searched: Vec<PathBuf> = named.into_iter().chain(top).chain([here]).collect();
    searched.dedup();
    let found = searched.iter().find(|path| path.exists());
    let found = found.ok_or_else(|| CliError::NoAttrs {
        command,
        searched: searched.clone(),
    })?;
    let mut attrs = attrs::read(found)?;
    attrs.environment.extend(attrs_files(found));
    Ok(attrs)
}

/// The variables that tell a script where the attributes are; of Nix's own, only those that lead
/// to a file are right.
fn attrs_files(json: &Path) -> [(String, String); 2] {
    let shell = json.with_extension("sh");
    let pair = |name: &str, path: &Path| (name.to_owned(), path.to_string_lossy().into_owned());
    [
        pair("NIX_ATTRS_JSON_FILE", json),
        pair("NIX_ATTRS_SH_FILE", &shell),
    ]
}

#[expect(clippy::disallowed_methods, reason = "this is the one door")]
pub(crate) fn now() -> Time {
    Time::new(SystemTime::now())
}

/// The image that a person names: a path, or `-` for the standard input.
pub(crate) fn input(image: PathBuf) -> Input {
    if image.as_os_str() == "-" {
        Input::Stream {
            name: PathBuf::from("standard input"),
            content: Box::new(io::stdin()),
        }
    } else {
        Input::Path(image)
    }
}
