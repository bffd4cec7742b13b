//! Messages about tars that are damaged, or that programs would read differently. `builder tarsum`
//! shows them with the fewest words around them.

mod extensions;
mod headers;
mod sparse;

use std::fs::File;
use std::process::{Command, Stdio};

use expect_test::{Expect, expect};

use super::tars::Tar;
use super::{FAILED, check_output};
use crate::sandbox::Sandbox;

/// What stands before the reason why a tar has no TarSum.
const NO_TARSUM: &str = "error: cannot compute the TarSum of standard input\n  caused by: ";

/// Computes the TarSum of each tar, and lists why it has none, behind the name of the case.
#[track_caller]
fn check(cases: &[(&str, Vec<u8>)], expected: Expect) {
    let mut reasons = String::new();
    for (case, bytes) in cases {
        let sandbox = Sandbox::new();
        let input = File::open(sandbox.file("input.tar", bytes)).unwrap();
        let output = tarsum(&sandbox, input).output().unwrap();
        let stderr = sandbox.stderr(&output);
        let reason = stderr.strip_prefix(NO_TARSUM);
        let reason = reason.unwrap_or_else(|| panic!("{case}: {stderr}"));
        reasons += &format!("{case}: {reason}");
        assert_eq!(output.status.code(), Some(FAILED), "{case}: {stderr}");
        assert_eq!(output.stdout, b"", "{case}: words on stdout");
    }
    expected.assert_eq(&reasons);
}

fn tarsum(sandbox: &Sandbox, input: File) -> Command {
    let mut builder = sandbox.builder(&["tarsum"]);
    builder.stdin(input);
    builder
}

#[test]
fn what_ends_too_early_is_refused() {
    let content = Tar::new().file("file", [b'x'; 1000]).unfinished();
    let extension = Tar::new().extension(b'L', &[b'x'; 1000]).unfinished();
    check(
        &[
            ("no bytes", Vec::new()),
            ("no tar", vec![b'x'; 512]),
            ("a header", b"short".to_vec()),
            ("content", content[..1000].to_vec()),
            ("an extension", extension[..1000].to_vec()),
        ],
        expect![[r#"
            no bytes: the tar has not one byte; an empty one consists of blocks of zeros
            no tar: no tar header at byte 0: its checksum is wrong
            a header: the tar ends at byte 5, within a header
            content: the tar ends at byte 1000, within the content of a member
            an extension: the tar ends at byte 512, within an extension header
        "#]],
    );
}

/// CVE-2025-62518 lived on such differences: GNU tar reads on, and Go and Python do not.
#[test]
fn one_block_of_zeros_between_members_is_refused() {
    let first = Tar::new().file("first", "").content(&[0; 512]).unfinished();
    let second = Tar::new().file("second", "").finish();
    check(
        &[("zeros", [first, second].concat())],
        expect![[r#"
        zeros: the tar has a block of zeros at byte 512 and something else behind it; some programs stop there, and others read on
    "#]],
    );
}

#[test]
fn input_that_cannot_be_read_is_an_error() {
    let sandbox = Sandbox::new();
    let output = tarsum(&sandbox, File::open("/proc/self").unwrap()).output();
    check_output(
        &sandbox,
        &output.unwrap(),
        FAILED,
        &expect![[r#"
            error: cannot compute the TarSum of standard input
              caused by: cannot read the tar at byte 0
              caused by: Is a directory (os error 21)
        "#]],
    );
}

/// The result is data, and so a disk that is full is an error.
#[test]
fn a_result_that_cannot_be_printed_is_an_error() {
    let sandbox = Sandbox::new();
    let input = File::open(sandbox.file("input.tar", Tar::new().finish())).unwrap();
    let full = File::options().write(true).open("/dev/full").unwrap();
    let mut builder = tarsum(&sandbox, input);
    let output = builder.stdout(full).stderr(Stdio::piped());
    let output = output.spawn().unwrap().wait_with_output().unwrap();
    check_output(
        &sandbox,
        &output,
        FAILED,
        &expect![[r#"
            error: cannot print the result
              caused by: No space left on device (os error 28)
        "#]],
    );
}
