//! Runs other programs as judges, and checks over generated values, always the same ones.

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestRunner};

/// What a check that did not hold found.
pub(crate) type Verdict = Result<(), String>;

/// Checks `cases` values of `strategy`, and shows a small one that fails. There is no chance in
/// it: a test fails always or never.
#[track_caller]
pub(crate) fn for_all<S: Strategy>(cases: u32, strategy: S, check: impl Fn(S::Value) -> Verdict) {
    let config = Config {
        cases,
        rng_seed: RngSeed::Fixed(1980),
        failure_persistence: None,
        // In milliseconds.
        max_shrink_time: 30_000,
        max_shrink_iters: 10_000,
        ..Config::default()
    };
    let result =
        TestRunner::new(config).run(&strategy, |value| check(value).map_err(TestCaseError::fail));
    if let Err(error) = result {
        panic!("{error}");
    }
}

/// Says where `ours` and `theirs` differ, if they do.
pub(crate) fn same_text(ours: &str, theirs: &str) -> Verdict {
    if ours == theirs {
        return Ok(());
    }
    Err(format!("ours:\n{ours}\ntheirs:\n{theirs}"))
}

/// Which Debian package has `program`.
fn package(program: &str) -> &str {
    match program {
        "bsdtar" => "libarchive-tools",
        "cmp" => "diffutils",
        "go" => "golang-go",
        "groff" => "groff-base",
        "lndir" => "xutils-dev",
        "python3" => "python3",
        "setpriv" => "util-linux",
        same => same,
    }
}

/// `program`, whatever the caller's locale and options are.
pub(crate) fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    command
        .env("LC_ALL", "C.UTF-8")
        .env_remove("TAR_OPTIONS")
        .env_remove("RSYNC_OLD_ARGS");
    command
}

/// Runs `command` on `input`.
#[track_caller]
pub(crate) fn output(command: &mut Command, input: &[u8]) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| cannot_start(command, &error));
    let mut stdin = child.stdin.take().expect("it is piped");
    std::thread::scope(|scope| {
        scope.spawn(move || match stdin.write_all(input) {
            // It need not read to the end.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
            written => written.expect("a pipe takes bytes"),
        });
        child.wait_with_output().expect("we may wait for our child")
    })
}

/// What `command`, run on `input`, prints; it has to succeed.
#[track_caller]
pub(crate) fn stdout(command: &mut Command, input: &[u8]) -> Vec<u8> {
    let output = output(command, input);
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

#[track_caller]
pub(crate) fn cannot_start(command: &Command, error: &std::io::Error) -> ! {
    let program = command.get_program().to_string_lossy().into_owned();
    panic!(
        "cannot run `{program}`: {error}; Debian has it in package `{}`",
        package(&program)
    );
}

/// A file of `tests/judges`.
pub(crate) fn judge(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/judges")
        .join(name)
}
