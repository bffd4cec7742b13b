//! Reads the command line and the context, and runs a subcommand. Environment, clock, umask
//! and terminal are looked at here and nowhere else.

mod arguments;
mod environment;
mod error;
mod machine;

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;

use clap::{CommandFactory, Parser};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::stat::{Mode, umask};

use crate::build::context::Context;
use crate::cli::arguments::{Arguments, Command, public_command};
use crate::cli::environment::{context, input, now, read_attrs, this_program};
use crate::cli::error::{CliError, report};
use crate::cli::machine::in_machine;
use crate::commands::root_layer::{self, RootLayerAttrs};
use crate::commands::run_with_overlay::{self, RunWithOverlayAttrs};
use crate::commands::{
    base_json, build_image, build_layer, build_layered_image, convert, customisation_layer,
    describe_layers, export_image, image_index, inspect, merge_derivations, merge_images,
    oci_layout, pull_image, pure_layer, registration, stream_layered_image, tarsum, verify,
};
use crate::request::attrs::Attrs;
use crate::vm::{host, namespaces};

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
        Command::BuildLayer => build_layer::build(&read_attrs("build-layer")?, context)?,
        Command::OciLayout => oci_layout::build(&read_attrs("oci-layout")?, now(), context)?,
        Command::ImageIndex => image_index::build(&read_attrs("image-index")?, context)?,
        Command::Stream { conf, repo_tag } => {
            stream_layered_image::write(&conf, repo_tag.as_deref(), now(), stdout()?, context)?;
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
        Command::BaseJson => base_json::build(&read_attrs("base-json")?, now())?,
        command => return run_for_people(command, context),
    }
    Ok(0)
}

/// Runs what people call themselves; a derivation runs everything else.
fn run_for_people(command: Command, context: &Context) -> Result<u8, CliError> {
    match command {
        Command::Tarsum => tarsum::print(io::stdin().lock(), io::stdout())?,
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
            let limits = limits.limits()?;
            let inspection = inspect::read(
                input(image),
                reference.as_deref(),
                &limits,
                context.progress,
            )?;
            inspection
                .write(json, io::stdout().lock())
                .map_err(CliError::Stdout)?;
        }
        Command::Verify {
            image,
            json,
            limits,
        } => {
            let report = verify::read(input(image), &limits.limits()?, context.progress)?;
            print(report.print(json).as_bytes())?;
            return Ok(u8::from(!report.is_right()));
        }
        Command::Convert(arguments) => convert::run(&arguments.conversion()?, now(), context)?,
        _ => unreachable!("`run_in` runs everything else"),
    }
    Ok(0)
}

fn print(text: &[u8]) -> Result<(), CliError> {
    io::stdout().write_all(text).map_err(CliError::Stdout)
}

/// The standard output, for a stream, which nobody can read on a terminal.
fn stdout() -> Result<File, CliError> {
    let stdout = io::stdout();
    if stdout.is_terminal() {
        return Err(CliError::Terminal);
    }
    let fd = stdout.as_fd().try_clone_to_owned();
    Ok(File::from(fd.map_err(CliError::Stdout)?))
}
