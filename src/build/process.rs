//! How processes end, and who waits for them.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use nix::errno::Errno;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// With this exit status.
    Status(i32),
    /// By the signal of this number.
    Signal(i32),
}

impl From<ExitStatus> for Ended {
    fn from(status: ExitStatus) -> Self {
        match (status.code(), status.signal()) {
            (Some(status), _) => Self::Status(status),
            (None, signal) => Self::Signal(signal.unwrap_or_default()),
        }
    }
}

impl Ended {
    /// The exit status that tells of it, as a shell has it in `$?`.
    #[must_use]
    pub fn as_status(self) -> u8 {
        let status = match self {
            Self::Status(status) => status,
            Self::Signal(signal) => 128 + signal,
        };
        u8::try_from(status).unwrap_or(u8::MAX)
    }
}

/// Waits until `child` has ended. In Nix's sandbox we are process 1, to which every orphan of a
/// script comes; nobody else would reap them, and fakeroot waits until its daemon is reaped.
///
/// # Errors
/// When `child` is no child of this process.
pub fn wait(child: Pid) -> nix::Result<Ended> {
    loop {
        match waitpid(None, None) {
            Ok(WaitStatus::Exited(pid, status)) if pid == child => {
                return Ok(Ended::Status(status));
            }
            Ok(WaitStatus::Signaled(pid, signal, _)) if pid == child => {
                return Ok(Ended::Signal(signal as i32));
            }
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
    }
}
