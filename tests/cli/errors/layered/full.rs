//! Messages about images that cannot be written, to a file or to the standard output.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::super::output::noise;
use super::super::{FAILED, tars};
use super::{check, describe, layered_image, stream};
use crate::sandbox::Sandbox;

#[test]
fn a_base_that_does_not_fit_in_the_build_directory_is_named() {
    let sandbox = Sandbox::new();
    let noise = tars::Tar::new().file("noise", noise(100_000)).finish();
    let archive = tars::Tar::new()
        .file("z/layer.tar", tars::layer())
        .file("a/layer.tar", &noise)
        .file("config.json", tars::config_of(&[&noise, &tars::layer()]));
    let manifest = json!([{ "Config": "config.json", "Layers": ["a/layer.tar", "z/layer.tar"] }]);
    let archive = archive.file("manifest.json", manifest.to_string()).finish();
    let base = sandbox.file("base.tar", tars::gzip(&archive));
    let conf = describe(&sandbox, |attrs| {
        attrs["description"]["fromImage"] = json!(base);
    });
    layered_image(&sandbox, &conf, "none");
    let output = limited(&sandbox, "none", &conf);
    check(
        &sandbox,
        &output,
        FAILED,
        &expect![[r#"
            error: cannot copy image `/nix/store/[HASH]-base.tar` to a temporary file in `/tmp`
              caused by: File too large (os error 27)
        "#]],
    );
}

/// Builds the layered image of `conf` where no file may grow beyond a few kilobytes.
fn limited(sandbox: &Sandbox, compressor: &str, conf: &Path) -> Output {
    layered_image(sandbox, conf, compressor);
    let script = "ulimit -f 8; exec \"$0\" layered-image";
    sandbox.shell(script, &[]).output().unwrap()
}

/// A description of an image too large for all buffers, which no compressor makes smaller.
fn describe_large(sandbox: &Sandbox, change: impl FnOnce(&mut Value)) -> PathBuf {
    describe(sandbox, |attrs| {
        change(attrs);
        let layer = attrs["description"]["customisationLayer"].as_str().unwrap();
        let tar = tars::Tar::new().file("./noise", noise(8_000_000)).finish();
        fs::write(Path::new(layer).join("layer.tar"), tar).unwrap();
    })
}

/// Builds a large layered image where no file may grow beyond a few kilobytes.
#[track_caller]
fn check_full(compressor: &str, expected: Expect) {
    let sandbox = Sandbox::new();
    let conf = describe_large(&sandbox, |_| {});
    let output = limited(&sandbox, compressor, &conf);
    check(&sandbox, &output, FAILED, &expected);
}

#[test]
fn an_image_that_does_not_fit_is_taken_away() {
    check_full(
        "none",
        expect![[r#"
            writing an image of 8.03 MB
            error: cannot write `/nix/store/[HASH]-out`
              caused by: File too large (os error 27)
        "#]],
    );
}

#[test]
fn a_gzip_image_that_does_not_fit_is_taken_away() {
    check_full(
        "gz",
        expect![[r#"
            writing an image of 8.03 MB
            error: cannot write `/nix/store/[HASH]-out`
              caused by: File too large (os error 27)
        "#]],
    );
}

#[test]
fn a_zstd_image_that_does_not_fit_is_taken_away() {
    check_full(
        "zstd",
        expect![[r#"
            writing an image of 8.03 MB
            error: cannot write `/nix/store/[HASH]-out`
              caused by: File too large (os error 27)
        "#]],
    );
}

#[test]
fn an_image_does_not_replace_what_is_there() {
    let sandbox = Sandbox::new();
    let conf = describe(&sandbox, |_| {});
    fs::write(sandbox.out(), "precious").unwrap();
    let output = layered_image(&sandbox, &conf, "none").output().unwrap();
    assert_eq!(fs::read_to_string(sandbox.out()).unwrap(), "precious");
    fs::remove_file(sandbox.out()).unwrap();
    check(
        &sandbox,
        &output,
        FAILED,
        &expect![[r#"
            writing an image of 30.72 kB
            error: cannot create `/nix/store/[HASH]-out`
              caused by: File exists (os error 17)
        "#]],
    );
}

/// Streams the image of `conf` to `/dev/full`.
#[track_caller]
fn check_full_stdout(sandbox: &Sandbox, conf: &Path, expected: &Expect) {
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let output = stream(sandbox, conf).stdout(full).output().unwrap();
    check(sandbox, &output, FAILED, expected);
}

#[test]
fn a_stream_to_a_full_disk_is_an_error() {
    let sandbox = Sandbox::new();
    check_full_stdout(
        &sandbox,
        &describe_large(&sandbox, |_| {}),
        &expect![[r#"
            No 'fromImage' provided
            Creating layer 1 from paths: ['/nix/store/[HASH]-leaf']
            error: cannot write to the standard output
              caused by: No space left on device (os error 28)
        "#]],
    );
}

/// All of it waits in a buffer until the end.
#[test]
fn a_small_stream_to_a_full_disk_is_an_error() {
    let sandbox = Sandbox::new();
    check_full_stdout(
        &sandbox,
        &describe(&sandbox, |_| {}),
        &expect![[r#"
            No 'fromImage' provided
            Creating layer 1 from paths: ['/nix/store/[HASH]-leaf']
            error: cannot write to the standard output
              caused by: No space left on device (os error 28)
        "#]],
    );
}

#[test]
fn a_reader_that_goes_away_is_no_error_to_tell_of() {
    let sandbox = Sandbox::new();
    let conf = describe_large(&sandbox, |attrs| {
        attrs["description"]["includeStorePaths"] = json!(false);
    });
    let (mut reader, writer) = io::pipe().unwrap();
    let mut command = stream(&sandbox, &conf);
    let child = command.stdout(writer).stderr(Stdio::piped()).spawn();
    // Else we hold the other end too.
    drop(command);
    reader.read_exact(&mut [0; 10]).unwrap();
    drop(reader);
    let output = child.unwrap().wait_with_output().unwrap();
    check(
        &sandbox,
        &output,
        FAILED,
        &expect![[r#"
        No 'fromImage' provided
        Creating layer 1 with customisation...
    "#]],
    );
}

#[test]
fn a_reader_that_was_never_there_is_no_error_to_tell_of() {
    let sandbox = Sandbox::new();
    let conf = describe(&sandbox, |_| {});
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    let output = stream(&sandbox, &conf).stdout(writer).output().unwrap();
    check(
        &sandbox,
        &output,
        FAILED,
        &expect![[r#"
        No 'fromImage' provided
        Creating layer 1 from paths: ['/nix/store/[HASH]-leaf']
    "#]],
    );
}

/// `script` runs a shell on a terminal of its own; what that shows is its output.
#[test]
fn an_image_does_not_go_to_a_terminal() {
    let sandbox = Sandbox::new();
    let conf = describe(&sandbox, |_| {});
    let builder = env!("CARGO_BIN_EXE_builder");
    let command = format!("{builder} stream {}", conf.display());
    let arguments = ["--quiet", "--return", "--command", &command, "/dev/null"];
    let mut script = sandbox.command("script", &arguments);
    let mut output = script.stdin(Stdio::null()).output().unwrap();
    let shown = String::from_utf8(std::mem::take(&mut output.stdout)).unwrap();
    output.stderr = shown.replace("\r\n", "\n").into();
    check(
        &sandbox,
        &output,
        FAILED,
        &expect![[r#"
            error: an image is no text for a terminal; write it to a file or a pipe, for example with `| docker load`
        "#]],
    );
}
