//! The virtual machine from outside: runs nixpkgs' `vm-run`, hands its output on, and says in words
//! what went wrong with a machine that could not say it itself.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use thiserror::Error;

use super::{EXCHANGE_ON_HOST, STARTED, STATUS};

/// How often the machine is looked at.
const INTERVAL: Duration = Duration::from_millis(100);

/// The longest line of the machine's output that is handed on as one, in bytes.
const MAX_LINE: u64 = 64 << 10;

/// How many of the last lines are searched for the reason of a failure.
const LAST_LINES: usize = 200;

/// Lines that are not handed on, by their ends: what `vm-run` prints when a machine ended without a
/// status, since our own message is better; and what every kernel prints last, behind the message of a
/// build that failed.
const HIDDEN: [&str; 2] = [
    "Virtual machine didn't produce an exit code.",
    "reboot: Power down",
];

/// What the kernel prints when memory runs out, in order of age.
const OUT_OF_MEMORY: [&str; 3] = [
    "Out of memory",
    "out of memory",
    "System is deadlocked on memory",
];

/// What the kernel prints when it gives up.
const PANIC: &str = "Kernel panic";

/// The machine did not do its work.
#[derive(Debug, Error)]
pub enum HostError {
    #[error("cannot start `{}` for the virtual machine", program.display())]
    Start {
        program: OsString,
        source: io::Error,
    },
    #[error("cannot wait for the virtual machine")]
    Wait(#[source] io::Error),
    #[error(
        "the virtual machine had not booted after {seconds} seconds; its output stands above. A kernel or QEMU that does not \
         work here is the usual reason: build any `vmTools.runInLinuxVM` derivation to see, and mind that this needs `/dev/kvm`"
    )]
    NotBooted { seconds: u64 },
    #[error(
        "the virtual machine ended before it had booted, with {status}; its output stands above. A kernel or QEMU that does \
         not work here is the usual reason: build any `vmTools.runInLinuxVM` derivation to see, and mind that this needs `/dev/kvm`"
    )]
    EndedBeforeBoot { status: ExitStatus },
    #[error(
        "the virtual machine ran out of memory and its kernel gave up; raise `buildVMMemorySize`"
    )]
    OutOfMemory,
    #[error("the kernel of the virtual machine gave up: {line}")]
    Panic { line: String },
    #[error(
        "the virtual machine went away before the script had ended, with {status}; did the script switch it off? \
         Its output stands above"
    )]
    WentAway { status: ExitStatus },
    /// The machine's own message stands above, so there is nothing to add.
    #[error("the build in the virtual machine failed with exit status {0}")]
    Failed(u8),
}

/// Runs `program` in the working directory `directory`, hands its output on to our stderr, and waits
/// until it has ended. A machine that has not booted after `boot_seconds` is ended.
///
/// # Errors
/// When the machine, or the build in it, fails.
pub fn watch(
    program: &OsStr,
    arguments: &[OsString],
    directory: &Path,
    boot_seconds: u64,
) -> Result<(), HostError> {
    let start = |source| HostError::Start {
        program: program.to_owned(),
        source,
    };
    let (output, writer) = io::pipe().map_err(start)?;
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(writer.try_clone().map_err(start)?)
        .stderr(writer)
        .process_group(0)
        .spawn()
        .map_err(start)?;

    let (sender, lines) = channel();
    thread::spawn(move || read_lines(output, &sender));
    let exchange = directory.join(EXCHANGE_ON_HOST);
    let has_booted = || exchange.join(STARTED).exists();
    let mut last = VecDeque::new();
    let deadline = Instant::now() + Duration::from_secs(boot_seconds);
    let mut booted = false;
    let status = loop {
        hand_on(&lines, &mut last);
        if let Some(status) = child.try_wait().map_err(HostError::Wait)? {
            break status;
        }
        booted = booted || has_booted();
        if !booted && Instant::now() > deadline {
            end(&mut child)?;
            while hand_on(&lines, &mut last) {}
            return Err(HostError::NotBooted {
                seconds: boot_seconds,
            });
        }
    };
    // What it started may hold on to its output, so there is no end of that to wait for.
    while hand_on(&lines, &mut last) {}
    if status.success() {
        return Ok(());
    }
    let left = fs::read_to_string(exchange.join(STATUS)).unwrap_or_default();
    Err(match left.trim().parse() {
        Ok(left) if left != 0 => HostError::Failed(left),
        _ => reason(status, has_booted(), &last),
    })
}

/// Why a machine ended that left no status.
fn reason(status: ExitStatus, booted: bool, last: &VecDeque<String>) -> HostError {
    let says = |words: &str| last.iter().find(|line| line.contains(words));
    if OUT_OF_MEMORY.iter().any(|words| says(words).is_some()) {
        HostError::OutOfMemory
    } else if let Some(line) = says(PANIC) {
        HostError::Panic {
            line: line[line.find(PANIC).unwrap_or_default()..].to_owned(),
        }
    } else if booted {
        HostError::WentAway { status }
    } else {
        HostError::EndedBeforeBoot { status }
    }
}

/// Ends the machine: `vm-run` with all that it started.
fn end(child: &mut Child) -> Result<(), HostError> {
    let group = Pid::from_raw(child.id().cast_signed());
    // It may be gone by now.
    let _ = killpg(group, Signal::SIGKILL);
    child.wait().map(drop).map_err(HostError::Wait)
}

/// Prints the lines that come within a moment; tells whether there were any.
fn hand_on(lines: &Receiver<Vec<u8>>, last: &mut VecDeque<String>) -> bool {
    let until = Instant::now() + INTERVAL;
    let mut any = false;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let line = match lines.recv_timeout(left) {
            Ok(line) => line,
            Err(RecvTimeoutError::Timeout) => return any,
            Err(RecvTimeoutError::Disconnected) => {
                thread::sleep(left);
                return any;
            }
        };
        any = true;
        let text = String::from_utf8_lossy(&line).into_owned();
        if HIDDEN.iter().any(|end| text.trim_end().ends_with(end)) {
            continue;
        }
        // A log that nobody can read any more is no reason to stop.
        let _ = io::stderr().write_all(&line);
        if last.len() == LAST_LINES {
            last.pop_front();
        }
        last.push_back(text.trim_end().to_owned());
    }
}

/// Sends the lines of `output` to `lines`, without the carriage returns of the machine's console.
fn read_lines(output: impl Read, lines: &Sender<Vec<u8>>) {
    let mut output = BufReader::new(output);
    loop {
        let mut line = Vec::new();
        match output.by_ref().take(MAX_LINE).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        if line.ends_with(b"\r\n") {
            line.truncate(line.len() - 2);
            line.push(b'\n');
        }
        if lines.send(line).is_err() {
            return;
        }
    }
}

/// The exit status to end with, like that of the machine.
impl HostError {
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Failed(status) => *status,
            _ => 1,
        }
    }

    /// Whether the machine has said already what went wrong.
    #[must_use]
    pub fn is_told(&self) -> bool {
        matches!(self, Self::Failed(_))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    fn last(lines: &[&str]) -> VecDeque<String> {
        lines.iter().map(|line| (*line).to_owned()).collect()
    }

    #[track_caller]
    fn check(lines: &[&str], booted: bool, expected: &str) {
        let error = reason(ExitStatus::from_raw(256), booted, &last(lines)).to_string();
        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn the_kernels_last_words_become_a_reason() {
        check(
            &[
                "[ 9.1] Kernel panic - not syncing: Out of memory: compulsory panic_on_oom is enabled",
            ],
            true,
            "raise `buildVMMemorySize`",
        );
        check(
            &[
                "[ 1.0] Kernel panic - not syncing: VFS: Unable to mount root fs",
                "more",
            ],
            false,
            "gave up: Kernel panic - not syncing: VFS: Unable to mount root fs",
        );
        check(
            &["qemu: no such machine"],
            false,
            "ended before it had booted, with exit status: 1",
        );
        check(
            &["[ 3.0] sysrq: Resetting"],
            true,
            "went away before the script had ended",
        );
    }

    #[test]
    fn lines_lose_their_carriage_returns_and_long_ones_are_cut() {
        let (sender, lines) = channel();
        let long = vec![b'x'; MAX_LINE as usize + 1];
        read_lines(&[b"a\r\nb\n", long.as_slice()].concat()[..], &sender);
        drop(sender);
        let sizes: Vec<_> = lines.iter().map(|line| line.len()).collect();
        assert_eq!(sizes, [2, 2, MAX_LINE as usize, 1]);
    }
}
