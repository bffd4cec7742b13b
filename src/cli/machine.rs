//! Does the work of a subcommand in a virtual machine.

use crate::cli::environment::{read_attrs, variable};
use crate::cli::error::{CliError, report};
use crate::request::attrs::{self, Attrs, Section};
use crate::vm::guest::Guest;
use crate::vm::overlay::UsesOverlay;

/// Does `work` in a virtual machine. A failure is reported here, since the machine has to be switched
/// off then for the host to learn of it; gives the exit status.
pub(crate) fn in_machine<T: Section + UsesOverlay>(
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
