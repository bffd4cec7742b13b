//! Prints the TarSum of a tar.

use std::io::{self, Read, Write};

use thiserror::Error;

use crate::tar::tarsum::{self, TarSumError};

/// The sum could not be printed.
#[derive(Debug, Error)]
pub enum PrintTarSumError {
    #[error(transparent)]
    TarSum(#[from] TarSumError),
    #[error("cannot print the result")]
    Print(#[source] io::Error),
}

/// Prints the TarSum of the tar in `input` to `out`, and a newline.
///
/// # Errors
/// When the tar is damaged or cannot be read, or `out` fails.
pub fn print(input: impl Read, mut out: impl Write) -> Result<(), PrintTarSumError> {
    let sum = tarsum::of_reader(input)?;
    writeln!(out, "{sum}").map_err(PrintTarSumError::Print)
}
