//! The virtual machine from within.
//!
//! nixpkgs' second stage runs the builder as a child of process 1 and stops at the first failure,
//! which is a panic of the kernel and tells the host nothing. So a builder that fails leaves its
//! status where `vm-run` looks for it, and powers the machine off itself.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use nix::sys::reboot::{RebootMode, reboot};
use nix::unistd::sync;
use thiserror::Error;

use super::{EXCHANGE, STARTED, STATUS};

/// Whether the kernel panics when memory runs out. It does in nixpkgs' machines.
const PANIC_ON_OOM: &str = "/proc/sys/vm/panic_on_oom";

/// How readily the kernel ends this process when memory runs out: -1000 stands for never, 1000 for
/// at once.
const OOM_SCORE: &str = "/proc/self/oom_score_adj";

/// The kernel's counters, that of processes ended for want of memory among them.
const VMSTAT: &str = "/proc/vmstat";

/// The machine could not be prepared.
#[derive(Debug, Error)]
pub enum GuestError {
    #[error(
        "there is no folder `{EXCHANGE}`: this subcommand of `builder` makes file systems and runs scripts as root, \
         and so runs in the virtual machine of `vmTools.runInLinuxVM` only"
    )]
    NotInMachine,
    #[error("cannot write `{}`", path.display())]
    Write { path: PathBuf, source: io::Error },
}

/// The machine, with us in it.
#[derive(Debug)]
pub struct Guest {
    /// How many processes the kernel had ended for want of memory when we started.
    ended_before: u64,
}

impl Guest {
    /// Tells the host that the machine runs, and asks the kernel to end a script that takes too much
    /// memory in place of the whole machine, so that somebody is left to say why.
    ///
    /// # Errors
    /// Outside such a machine.
    pub fn start() -> Result<Self, GuestError> {
        let exchange = Path::new(EXCHANGE);
        if !exchange.is_dir() {
            return Err(GuestError::NotInMachine);
        }
        write(&exchange.join(STARTED), "")?;
        write(Path::new(PANIC_ON_OOM), "0")?;
        write(Path::new(OOM_SCORE), "-1000")?;
        Ok(Self {
            ended_before: ended_for_memory(),
        })
    }

    /// Whether memory ran out since the start.
    #[must_use]
    pub fn ran_out_of_memory(&self) -> bool {
        ended_for_memory() > self.ended_before
    }

    /// Leaves `status` for the host and powers off. Comes back only when that is impossible.
    pub fn fail(self, status: u8) {
        let left = write(&Path::new(EXCHANGE).join(STATUS), &format!("{status}\n"));
        sync();
        if left.is_ok() {
            let _ = reboot(RebootMode::RB_POWER_OFF);
        }
    }
}

/// Lets the kernel end this process, and its children, before any other when memory runs out.
///
/// # Errors
/// When the kernel does not know it.
pub fn go_first_when_memory_runs_out() -> Result<(), GuestError> {
    write(Path::new(OOM_SCORE), "1000")
}

fn ended_for_memory() -> u64 {
    let counters = fs::read_to_string(VMSTAT).unwrap_or_default();
    counters
        .lines()
        .find_map(|line| line.strip_prefix("oom_kill ")?.parse().ok())
        .unwrap_or_default()
}

fn write(path: &Path, text: &str) -> Result<(), GuestError> {
    fs::write(path, text).map_err(|source| GuestError::Write {
        path: path.to_owned(),
        source,
    })
}
