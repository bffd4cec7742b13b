//! Reads the command line and the context, and runs a subcommand. Environment, clock, umask
//! and terminal are looked at here and nowhere else.

use std::error::Error as _;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use std::{env, thread};

use clap::{Args, CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use nix::fcntl::{FcntlArg, fcntl};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::stat::{Mode, umask};
use serde_json::Value;
use thiserror::Error;

use crate::build::context::Context;
use crate::build::output::{self, OutputError};
use crate::build::script::ScriptError;
use crate::commands::build_image::{self, ImageError};
use crate::commands::build_layered_image;
use crate::commands::customisation_layer::{self, CustomisationError};
use crate::commands::describe_layers::{self, DescriptionError};
use crate::commands::export_image::{self, ExportError};
use crate::commands::inspect::{self, InspectError, Inspection};
use crate::commands::merge_derivations::{self, MergeDerivationsError};
use crate::commands::merge_images::{self, MergeImagesError};
use crate::commands::pull_image::{self, PullError};
use crate::commands::pure_layer::{self, LayerError};
use crate::commands::registration::{self, RegistrationError};
use crate::commands::root_layer::{self, RootLayerError};
use crate::commands::run_with_overlay::{self, RunWithOverlayError};
use crate::commands::verify;
use crate::console::progress::Progress;
use crate::foreign::images::choice::Choice;
use crate::foreign::inventory::entries::Noting;
use crate::foreign::inventory::input;
use crate::foreign::inventory::{self, SurveyError};
use crate::image::config::{BaseJson, ConfigError};
use crate::image::streamed;
use crate::image::streamed::error::StreamError;
use crate::request::attrs::{
    self, Attrs, AttrsError, BaseJsonAttrs, RootLayerAttrs, RunWithOverlayAttrs, Section,
};
use crate::request::limits::Limits;
use crate::request::time::Time;
use crate::tar::plan::DEFAULT_SOURCE_DATE_EPOCH;
use crate::tar::tarsum::{self, TarSumError};
use crate::tar::write::{Out, WriteError};
use crate::vm::guest::{Guest, GuestError};
use crate::vm::host::{self, HostError};
use crate::vm::namespaces::{self, AsRootError};
use crate::vm::overlay::OverlayError;
use crate::vm::overlay::UsesOverlay;

/// Turns Nix closures into container images.
///
/// Nix derivations run most subcommands as their builder. These take no arguments: what to build
/// stands in the derivation's structured attributes, `.attrs.json`, and the output goes where these
/// say. See docs/format.md for the bytes.
#[derive(Debug, Parser)]
#[command(version, name = "builder", max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Clone, Subcommand)]
enum Command {
    /// Make a layer without root's rights (mkPureLayer): layer.tar, json and VERSION
    PureLayer,
    /// Make an image archive that Docker loads (buildImage)
    Image,
    /// Join several image archives in one (mergeImages)
    Merge,
    /// Merge directories and unpacked tar archives in one directory (mergeDrvs)
    MergeDerivations,
    /// Pull an image from a registry into an archive (pullImage)
    Pull,
    /// Make one flat tar of the files of an image (exportImage)
    Export,
    /// Make an image's JSON with the time of the build in it (created = "now")
    BaseJson,
    /// Make the customisation layer of a streamed image: layer.tar and checksum
    CustomisationLayer,
    /// Describe a streamed image: its layers with DiffIDs and sizes (streamLayeredImage)
    Description,
    /// Make a layered image archive from a description (buildLayeredImage)
    LayeredImage,
    /// Write the image of a description to standard output
    Stream {
        /// What `builder description` made
        conf: PathBuf,
        /// The name and tag of the image, instead of those in the description
        #[arg(long = "repo_tag", short = 't', value_name = "NAME:TAG")]
        repo_tag: Option<String>,
    },
    /// Make a layer as root, in a virtual machine (mkRootLayer): layer.tar, json and VERSION
    RootLayer,
    /// Run hooks as root before and after an image is mounted, in a virtual machine (runWithOverlay)
    RunWithOverlay,
    /// Mount image and layer for the next hook of `run-with-overlay`
    #[command(hide = true)]
    OverlayMount,
    /// Unmount them again, and write the whiteouts of the layer
    #[command(hide = true)]
    OverlayUnmount,
    /// Run a script as process 1 of its namespaces, with another root
    #[command(hide = true)]
    RootScript { root: PathBuf, script: PathBuf },
    /// Make what a Nix database loads, without the file of an image's configuration (includeNixDB)
    Registration,
    /// Run a virtual machine, and say in words why it failed
    WatchVm {
        /// How long the machine may take to boot
        #[arg(long, value_name = "SECONDS", default_value_t = 600,
            value_parser = parse_boot)]
        boot: u64,
        /// The program that runs the machine
        program: OsString,
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Show what is in an image: its config, its layers and the store paths in them
    Inspect {
        /// An image archive, plain or packed with gzip, xz, bzip2 or zstd, or the directory of an OCI layout;
        /// `-` for an archive on standard input
        image: PathBuf,
        /// Show only this one of several images
        #[arg(long = "image", value_name = "NAME:TAG")]
        reference: Option<String>,
        /// Print JSON instead of text
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        limits: LimitArguments,
    },
    /// Check an image: every digest, size, DiffID and reference in it
    ///
    /// Says all that is wrong. The exit status is 0 if nothing is, 1 if something is, 2 if the image
    /// cannot be read.
    Verify {
        /// An image archive, plain or packed with gzip, xz, bzip2 or zstd, or the directory of an OCI layout;
        /// `-` for an archive on standard input
        image: PathBuf,
        /// Print JSON instead of text
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        limits: LimitArguments,
    },
    /// Print completions of this command line for a shell
    #[command(hide = true)]
    Completions { shell: Shell },
    /// Write the man pages, of this program and of each subcommand, to a directory
    #[command(hide = true)]
    Man { directory: PathBuf },
    /// Print the TarSum (tarsum.v1+sha256) of the tar on standard input
    Tarsum,
}

/// How long a machine may be told to boot, in seconds: a week. Clocks run out at some number.
const MAX_BOOT: u64 = 7 * 24 * 60 * 60;

/// What an image may ask for.
#[derive(Debug, Clone, Args)]
struct LimitArguments {
    /// Raise a limit, by the name that a message gives, for example `maxRatio=2000`
    #[arg(long = "limit", value_name = "NAME=NUMBER", value_parser = parse_limit)]
    limits: Vec<(String, u64)>,
}

impl LimitArguments {
    fn limits(&self) -> Result<Limits, CliError> {
        let limits = self.limits.iter().cloned();
        let limits = limits.map(|(name, number)| (name, number.into())).collect();
        serde_json::from_value(Value::Object(limits)).map_err(CliError::Limit)
    }
}

fn parse_boot(text: &str) -> Result<u64, String> {
    let seconds = text.parse().ok();
    seconds
        .filter(|seconds| (1..=MAX_BOOT).contains(seconds))
        .ok_or_else(|| format!("it has to be a whole number of seconds from 1 to {MAX_BOOT}"))
}

fn parse_limit(text: &str) -> Result<(String, u64), String> {
    let (name, number) = text.split_once('=').ok_or("it has to be NAME=NUMBER")?;
    let number = number
        .parse()
        .map_err(|_| format!("it has no whole number from 0 to {}", u64::MAX))?;
    Ok((name.to_owned(), number))
}

/// A subcommand failed.
#[derive(Debug, Error)]
pub enum CliError {
    #[error(
        "cannot find out what to build: there is no {}; `builder {command}` is run by a derivation with structured attributes",
        places(searched)
    )]
    NoAttrs {
        command: &'static str,
        searched: Vec<PathBuf>,
    },
    #[error("environment variable `{name}` is `{}`; it has to be a whole number from 0 to {max}", value.display())]
    Number {
        name: &'static str,
        value: OsString,
        max: u64,
    },
    // Not the source, because it prints its own source as if it were its text.
    #[error("cannot start {threads} threads: {error}; build with fewer cores (`--cores`)")]
    Threads {
        threads: usize,
        error: rayon::ThreadPoolBuildError,
    },
    #[error("cannot block signal SIGXFSZ")]
    Signals(#[source] io::Error),
    #[error("cannot find out the working directory")]
    WorkingDirectory(#[source] io::Error),
    #[error("cannot read `{}`", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot use `{}`", path.display())]
    BaseJson { path: PathBuf, source: ConfigError },
    #[error("cannot print the result")]
    Print(#[source] io::Error),
    #[error(transparent)]
    Attrs(#[from] AttrsError),
    #[error(transparent)]
    Layer(#[from] LayerError),
    #[error(transparent)]
    Image(#[from] ImageError),
    #[error(transparent)]
    Merge(#[from] MergeImagesError),
    #[error(transparent)]
    MergeDerivations(#[from] MergeDerivationsError),
    #[error(transparent)]
    Pull(#[from] PullError),
    #[error(transparent)]
    Export(#[from] ExportError),
    #[error(transparent)]
    Customisation(#[from] CustomisationError),
    #[error(transparent)]
    Description(#[from] DescriptionError),
    #[error(transparent)]
    Stream(#[from] StreamError),
    #[error(transparent)]
    RootLayer(#[from] RootLayerError),
    #[error(transparent)]
    RunWithOverlay(#[from] RunWithOverlayError),
    #[error(transparent)]
    Overlay(#[from] OverlayError),
    #[error(transparent)]
    AsRoot(#[from] AsRootError),
    #[error(transparent)]
    Guest(#[from] GuestError),
    #[error(transparent)]
    Host(#[from] HostError),
    #[error(
        "the virtual machine ran out of memory; raise `buildVMMemorySize` from {memory_size} MiB"
    )]
    OutOfMemory {
        memory_size: u64,
        source: Option<Box<CliError>>,
    },
    #[error("cannot find out which program this is")]
    CurrentExe(#[source] io::Error),
    #[error(
        "an image is no text for a terminal; write it to a file or a pipe, for example with `| docker load`"
    )]
    Terminal,
    #[error("cannot write to the standard output")]
    Stdout(#[source] io::Error),
    #[error(transparent)]
    Output(#[from] OutputError),
    #[error(transparent)]
    TarSum(#[from] TarSumError),
    #[error(transparent)]
    Survey(#[from] SurveyError),
    #[error(transparent)]
    Inspect(#[from] InspectError),
    #[error("cannot write man pages to `{}`", path.display())]
    Man { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Registration(#[from] RegistrationError),
    #[error("cannot use `--limit`")]
    Limit(#[source] serde_json::Error),
}

fn places(searched: &[PathBuf]) -> String {
    let places: Vec<_> = searched
        .iter()
        .map(|path| format!("`{}`", path.display()))
        .collect();
    places.join(" and no ")
}

impl CliError {
    /// 1, or the status that a user's script ended with; 2 where 1 has a meaning of its own.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        if let Self::Survey(_) | Self::Limit(_) = self {
            return 2;
        }
        if let Self::Host(error) = self {
            return error.exit_code();
        }
        match self.script() {
            Some(ScriptError::Failed { status, .. }) => u8::try_from(*status).unwrap_or(1),
            _ => 1,
        }
    }

    /// The failure of a user's script, if it was one.
    fn script(&self) -> Option<&ScriptError> {
        match self {
            Self::Layer(LayerError::Script(script))
            | Self::Customisation(CustomisationError::Script(script)) => Some(script),
            Self::RootLayer(error) => error.script(),
            Self::RunWithOverlay(error) => error.script(),
            Self::OutOfMemory { source, .. } => source.as_ref()?.script(),
            _ => None,
        }
    }

    /// Whether there is nothing to say: the reader of a stream went away, or the virtual machine has
    /// said it.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        match self {
            Self::Stdout(error) => error.kind() == io::ErrorKind::BrokenPipe,
            Self::Host(error) => error.is_told(),
            _ => false,
        }
    }
}

/// Runs the subcommand that the command line names, prints an error with its causes, and says with
/// which exit status to end.
#[must_use]
pub fn run() -> u8 {
    match run_command() {
        Ok(status) => status,
        Err(error) => {
            report(&error);
            error.exit_code()
        }
    }
}

fn report(error: &CliError) {
    if error.is_quiet() {
        return;
    }
    let mut text = format!("error: {error}\n");
    let mut cause = error.source();
    while let Some(error) = cause {
        text += &format!("  caused by: {error}\n");
        cause = error.source();
    }
    // Where words cannot go, the exit code has to do.
    let _ = io::stderr().write_all(text.as_bytes());
}

fn run_command() -> Result<u8, CliError> {
    block_file_size_signal()?;
    let arguments = Arguments::parse();
    // The same modes everywhere: nixpkgs' builds run with this mask.
    umask(Mode::from_bits_truncate(0o022));
    run_in(arguments.command, &context()?)
}

/// Lets writing beyond a limit on the size of files (`ulimit -f`) fail like writing to a full disk.
/// The signal would end us before we could take the output away and say why.
fn block_file_size_signal() -> Result<(), CliError> {
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGXFSZ);
    // Threads started from here on inherit the mask, and so do scripts of users.
    let blocked = signals.thread_block();
    blocked.map_err(|errno| CliError::Signals(errno.into()))
}

fn run_in(command: Command, context: &Context) -> Result<u8, CliError> {
    match command {
        Command::PureLayer => pure_layer::build(&read_attrs("pure-layer")?, context)?,
        Command::Image => build_image::build(&read_attrs("image")?, context)?,
        Command::Merge => merge_images::build(&read_attrs("merge")?, context)?,
        Command::MergeDerivations => {
            merge_derivations::build(&read_attrs("merge-derivations")?, context)?;
        }
        Command::Pull => pull_image::build(&read_attrs("pull")?, context)?,
        Command::Export => export_image::build(&read_attrs("export")?, context)?,
        Command::CustomisationLayer => {
            customisation_layer::build(&read_attrs("customisation-layer")?, context)?;
        }
        Command::Description => describe_layers::build(&read_attrs("description")?, context)?,
        Command::LayeredImage => {
            build_layered_image::build(&read_attrs("layered-image")?, now(), context)?;
        }
        Command::Stream { conf, repo_tag } => {
            stream_to_stdout(&conf, repo_tag.as_deref(), context)?;
        }
        Command::RootLayer => {
            return in_machine("root-layer", |attrs: &Attrs<RootLayerAttrs>| {
                let built = root_layer::build(attrs, &this_program()?, context);
                Ok(built?)
            });
        }
        Command::RunWithOverlay => {
            return in_machine("run-with-overlay", |attrs: &Attrs<RunWithOverlayAttrs>| {
                let ran = run_with_overlay::run(attrs, &this_program()?, context);
                Ok(ran?)
            });
        }
        Command::OverlayMount => run_with_overlay::mount(context)?,
        Command::OverlayUnmount => run_with_overlay::unmount(context)?,
        Command::RootScript { root, script } => {
            return Ok(namespaces::run_script(&root, &script)?.as_status());
        }
        Command::WatchVm {
            boot,
            program,
            arguments,
        } => host::watch(&program, &arguments, &context.build_directory, boot)?,
        Command::Registration => registration::build(&read_attrs("registration")?, context)?,
        Command::BaseJson => base_json(&read_attrs("base-json")?)?,
        Command::Tarsum => print_tarsum()?,
        Command::Completions { shell } => {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut public_command(), "builder", &mut text);
            print(&text)?;
        }
        Command::Man { directory } => {
            clap_mangen::generate_to(Arguments::command(), &directory).map_err(|source| {
                CliError::Man {
                    path: directory,
                    source,
                }
            })?;
        }
        Command::Inspect {
            image,
            reference,
            json,
            limits,
        } => {
            let choice = reference.as_deref().map(Choice::of_reference);
            let survey = inventory::read(
                input(image),
                Noting::StorePaths,
                &limits.limits()?,
                context.progress,
            )?;
            let inspection = inspect::inspect(survey, choice.unwrap_or_default())?;
            show(&inspection, json).map_err(CliError::Stdout)?;
        }
        Command::Verify {
            image,
            json,
            limits,
        } => return verify_image(image, json, &limits.limits()?, context.progress),
    }
    Ok(0)
}

/// Does `work` in a virtual machine. A failure is reported here, since the machine has to be switched
/// off then for the host to learn of it; gives the exit status.
fn in_machine<T: Section + UsesOverlay>(
    command: &'static str,
    work: impl FnOnce(&Attrs<T>) -> Result<(), CliError>,
) -> Result<u8, CliError> {
    let guest = Guest::start()?;
    let worked = read_machine_attrs(command).and_then(|attrs| {
        let worked = work(&attrs);
        if guest.ran_out_of_memory() {
            // Even a script that ended well is not what it was meant to be.
            return Err(CliError::OutOfMemory {
                memory_size: attrs.ours.overlay().memory_size,
                source: worked.err().map(Box::new),
            });
        }
        worked
    });
    let Err(error) = worked else { return Ok(0) };
    report(&error);
    guest.fail(error.exit_code());
    Ok(error.exit_code())
}

/// Reads the attributes in a virtual machine, which has them in the environment or as structured
/// ones, depending on the age of nixpkgs.
fn read_machine_attrs<T: Section>(command: &'static str) -> Result<Attrs<T>, CliError> {
    let (Some(text), Some(out)) = (variable(T::KEY), variable("out")) else {
        return read_attrs(command);
    };
    Ok(attrs::from_environment(
        &text.to_string_lossy(),
        out.into(),
    )?)
}

fn this_program() -> Result<PathBuf, CliError> {
    env::current_exe().map_err(CliError::CurrentExe)
}

fn context() -> Result<Context, CliError> {
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
fn variable(name: &str) -> Option<OsString> {
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
fn read_attrs<T: Section>(command: &'static str) -> Result<Attrs<T>, CliError> {
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

/// Writes the image to the standard output, with nixpkgs' lines about it on stderr.
fn stream_to_stdout(
    conf: &Path,
    repo_tag: Option<&str>,
    context: &Context,
) -> Result<(), CliError> {
    let stdout = io::stdout();
    if stdout.is_terminal() {
        return Err(CliError::Terminal);
    }
    let description = streamed::read(conf)?;
    let progress = context.progress;
    if description.from_image.is_none() {
        progress.line("No 'fromImage' provided");
    }
    let image = streamed::plan(&description, repo_tag, now(), context)?;
    let fd = stdout
        .as_fd()
        .try_clone_to_owned()
        .map_err(CliError::Stdout)?;
    // A larger pipe means fewer changes between writer and reader. It is no harm if it stays small.
    let _ = fcntl(&fd, FcntlArg::F_SETPIPE_SZ(PIPE));
    let mut out = File::from(fd);
    let bar = progress.bar(image.size());
    let say = |line: &str| bar.line(progress, line);
    let written = if progress == Progress::Plain {
        image.write(&mut Out::Descriptor(&out), say)
    } else {
        // Only what passes through us can move the bar.
        image.write(&mut Out::Writer(&mut bar.watch(&mut out)), say)
    };
    bar.finish();
    written.map_err(|error| match error {
        StreamError::Content(WriteError::Write(source)) => CliError::Stdout(source),
        other => CliError::Stream(other),
    })?;
    progress.line("Done.");
    Ok(())
}

/// The size of the pipe to the reader of a stream, in bytes; more than this only root may ask for.
const PIPE: i32 = 1 << 20;

fn base_json(attrs: &Attrs<BaseJsonAttrs>) -> Result<(), CliError> {
    let path = &attrs.ours.json;
    let text = std::fs::read(path).map_err(|source| CliError::Read {
        path: path.clone(),
        source,
    })?;
    let base = BaseJson::parse(&text).map_err(|source| CliError::BaseJson {
        path: path.clone(),
        source,
    })?;
    Ok(output::bytes(
        &attrs.out,
        base.created_at(&now().to_string()).as_bytes(),
    )?)
}

#[expect(clippy::disallowed_methods, reason = "this is the one door")]
fn now() -> Time {
    Time::new(SystemTime::now())
}

fn show(inspection: &Inspection, json: bool) -> io::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    if json {
        serde_json::to_writer_pretty(&mut out, inspection)?;
        writeln!(out)?;
    } else {
        inspection.write_text(&mut out)?;
    }
    out.flush()
}

/// Checks the image, and gives the exit status.
fn verify_image(
    image: PathBuf,
    json: bool,
    limits: &Limits,
    progress: Progress,
) -> Result<u8, CliError> {
    let survey = inventory::read(input(image), Noting::Problems, limits, progress)?;
    let name = survey.archive.path.display().to_string();
    let report = verify::verify(survey);
    if json {
        print(format!("{:#}\n", report.json(&name)).as_bytes())?;
    } else {
        print(report.text(&name).as_bytes())?;
    }
    Ok(u8::from(!report.is_right()))
}

/// The command line without what only `builder` runs; completions would offer it otherwise.
fn public_command() -> clap::Command {
    let whole = Arguments::command();
    let subcommands = whole
        .get_subcommands()
        .filter(|command| !command.is_hide_set());
    clap::Command::new("builder")
        .version(env!("CARGO_PKG_VERSION"))
        .subcommands(subcommands.cloned())
}

fn print(text: &[u8]) -> Result<(), CliError> {
    io::stdout().write_all(text).map_err(CliError::Stdout)
}

fn print_tarsum() -> Result<(), CliError> {
    let sum = tarsum::of_reader(io::stdin().lock())?;
    writeln!(io::stdout(), "{sum}").map_err(CliError::Print)
}
