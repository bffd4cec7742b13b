//! Runs the command line and returns the exit status.

use std::process::ExitCode;

use nix_image_builder::cli;

fn main() -> ExitCode {
    ExitCode::from(cli::run())
}
