//! Runs the command line, prints an error with its causes, and returns the exit code.

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use nix_image_builder::cli;

fn main() -> ExitCode {
    match cli::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if !error.is_quiet() {
                // Where words cannot go, the exit code has to do.
                let _ = report(&error);
            }
            ExitCode::from(error.exit_code())
        }
    }
}

fn report(error: &dyn Error) -> io::Result<()> {
    let mut stderr = io::stderr().lock();
    writeln!(stderr, "error: {error}")?;
    let mut cause = error.source();
    while let Some(error) = cause {
        writeln!(stderr, "  caused by: {error}")?;
        cause = error.source();
    }
    Ok(())
}
