//! Messages about outputs that cannot be written. A limit on the size of files stands in for a
//! full disk where every user is to run the test.

use std::fs;
use std::process::Command;

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::tars::{self, Tar};
use super::{FAILED, check, check_command, check_output, image_attrs, layer_attrs};
use crate::sandbox::Sandbox;

/// Allows files of few kilobytes.
const LIMITED: &str = "ulimit -f 8; exec \"$0\" \"$@\"";

/// Builds where no file may grow beyond a few kilobytes.
#[track_caller]
fn check_limited(subcommand: &str, attrs: impl FnOnce(&Sandbox) -> Value, expected: Expect) {
    let sandbox = Sandbox::new();
    sandbox.write_attrs(&attrs(&sandbox));
    let mut shell = sandbox.shell(LIMITED, &[subcommand]);
    check_command(&sandbox, &mut shell, FAILED, &expected);
}

/// An image whose base has so much that no compressor makes smaller that all buffers are full when
/// writing fails.
fn large_image(sandbox: &Sandbox, compressor: &str) -> Value {
    let noise = noise(8_000_000);
    let archive = tars::members()
        .file("noise", noise)
        .file("manifest.json", tars::manifest().to_string());
    let mut attrs = image_attrs(sandbox);
    attrs["image"]["fromImage"] = json!(sandbox.file("base.tar", archive.finish()));
    attrs["image"]["compressor"] = json!(compressor);
    attrs
}

fn large_layer(sandbox: &Sandbox) -> Value {
    let mut attrs = layer_attrs(sandbox);
    let large = "x".repeat(1_000_000);
    attrs["layer"]["copyToRoot"] = json!([sandbox.directory("item", &[("large", &large)])]);
    attrs
}

/// Bytes without a pattern: xorshift.
pub(super) fn noise(count: usize) -> Vec<u8> {
    let mut state = 88_172_645_463_325_252_u64;
    let mut bytes = Vec::with_capacity(count + 8);
    while bytes.len() < count {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(count);
    bytes
}

#[test]
fn a_plain_image_that_does_not_fit_is_taken_away() {
    check_limited(
        "image",
        |sandbox| large_image(sandbox, "none"),
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            hashing the new layer
            writing an image of 8.03 MB
            error: cannot write `/nix/store/[HASH]-out`
              caused by: File too large (os error 27)
        "#]],
    );
}

#[test]
fn a_gzip_image_that_does_not_fit_is_taken_away() {
    check_limited(
        "image",
        |sandbox| large_image(sandbox, "gz"),
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            hashing the new layer
            writing an image of 8.03 MB
            error: cannot write `/nix/store/[HASH]-out`
              caused by: File too large (os error 27)
        "#]],
    );
}

#[test]
fn a_zstd_image_that_does_not_fit_is_taken_away() {
    check_limited(
        "image",
        |sandbox| large_image(sandbox, "zstd"),
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            hashing the new layer
            writing an image of 8.03 MB
            error: cannot write `/nix/store/[HASH]-out`
              caused by: File too large (os error 27)
        "#]],
    );
}

/// All of it waits in a buffer until the stream is finished.
#[test]
fn a_gzip_image_that_does_not_fit_at_its_end_is_taken_away() {
    check_limited(
        "image",
        |sandbox| {
            let mut attrs = image_attrs(sandbox);
            let archive = tars::members()
                .file("noise", noise(20_000))
                .file("manifest.json", tars::manifest().to_string());
            attrs["image"]["fromImage"] = json!(sandbox.file("base.tar", archive.finish()));
            attrs["image"]["compressor"] = json!("gz");
            attrs
        },
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            hashing the new layer
            writing an image of 51.20 kB
            error: cannot write `/nix/store/[HASH]-out`
              caused by: File too large (os error 27)
        "#]],
    );
}

#[test]
fn a_layer_that_does_not_fit_is_taken_away() {
    check_limited(
        "pure-layer",
        large_layer,
        expect![[r#"
        copying `/nix/store/[HASH]-item` to the root of the layer
        packing 1.00 MB in 2 files
        error: cannot write `/nix/store/[HASH]-out/layer.tar`
          caused by: File too large (os error 27)
    "#]],
    );
}

#[test]
fn merged_images_that_do_not_fit_are_taken_away() {
    check_limited(
        "merge",
        |sandbox| {
            let archive = tars::members()
                .file("manifest.json", tars::manifest().to_string())
                .file("noise", noise(100_000))
                .finish();
            json!({
                "outputs": { "out": sandbox.out() },
                "merge": { "images": [sandbox.file("image.tar", archive)] },
            })
        },
        expect![[r#"
            reading image `/nix/store/[HASH]-image.tar`
            writing an archive of 1 image, 112.64 kB
            error: cannot write `/nix/store/[HASH]-out`
              caused by: File too large (os error 27)
        "#]],
    );
}

#[test]
fn a_base_json_that_does_not_fit_is_taken_away() {
    check_limited(
        "base-json",
        |sandbox| {
            let long = json!({ "config": { "Env": ["x".repeat(100_000)] } });
            json!({
                "outputs": { "out": sandbox.out() },
                "baseJson": { "json": sandbox.file("base.json", long.to_string()) },
            })
        },
        expect![[r#"
            error: cannot write `/nix/store/[HASH]-out`
              caused by: File too large (os error 27)
        "#]],
    );
}

/// Members of a packed archive that are not in order go to a temporary file first.
fn packed_out_of_order() -> Vec<u8> {
    let archive = Tar::new()
        .file("z", "x".repeat(50_000))
        .file("a/layer.tar", tars::layer())
        .file("config.json", tars::config_of(&[&tars::layer()]))
        .file("manifest.json", tars::manifest().to_string());
    tars::gzip(&archive.finish())
}

#[test]
fn a_base_that_does_not_fit_in_the_build_directory_is_named() {
    check_limited(
        "image",
        |sandbox| {
            let mut attrs = image_attrs(sandbox);
            attrs["image"]["fromImage"] = json!(sandbox.file("base.tar", packed_out_of_order()));
            attrs
        },
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            hashing the new layer
            error: cannot copy image `/nix/store/[HASH]-base.tar` to a temporary file in `/tmp`
              caused by: File too large (os error 27)
        "#]],
    );
}

#[test]
fn an_image_to_merge_that_does_not_fit_in_the_build_directory_is_named() {
    check_limited(
        "merge",
        |sandbox| {
            json!({
                "outputs": { "out": sandbox.out() },
                "merge": { "images": [sandbox.file("image.tar", packed_out_of_order())] },
            })
        },
        expect![[r#"
            reading image `/nix/store/[HASH]-image.tar`
            error: cannot copy image `/nix/store/[HASH]-image.tar` to a temporary file in `/tmp`
              caused by: File too large (os error 27)
        "#]],
    );
}

/// Builds what `subcommand` makes on a file system of 64 kilobytes.
#[track_caller]
fn check_full_disk(subcommand: &str, attrs: impl FnOnce(&Sandbox) -> Value, expected: Expect) {
    let sandbox = Sandbox::new();
    let disk = sandbox.root().join("disk");
    fs::create_dir(&disk).unwrap();
    let mut attrs = attrs(&sandbox);
    attrs["outputs"]["out"] = json!(disk.join("out"));
    sandbox.write_attrs(&attrs);
    let script = "mount -t tmpfs -o size=64k tmpfs \"$1\" || exit 99
        \"$0\" \"$2\"; status=$?
        ls -A \"$1\"
        exit $status";
    let shell = ["/bin/sh", "-c", script, env!("CARGO_BIN_EXE_builder")];
    let arguments = [disk.to_str().unwrap(), subcommand];
    let mut unshare = sandbox.command("unshare", &["--map-root-user", "--mount"]);
    check_command(
        &sandbox,
        unshare.args(shell).args(arguments),
        FAILED,
        &expected,
    );
}

#[test]
fn an_image_that_fills_the_disk_is_taken_away() {
    check_full_disk(
        "image",
        |sandbox| large_image(sandbox, "none"),
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            hashing the new layer
            writing an image of 8.03 MB
            error: cannot write `[TMP]/disk/out`
              caused by: No space left on device (os error 28)
        "#]],
    );
}

#[test]
fn a_gzip_image_that_fills_the_disk_is_taken_away() {
    check_full_disk(
        "image",
        |sandbox| large_image(sandbox, "gz"),
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            hashing the new layer
            writing an image of 8.03 MB
            error: cannot write `[TMP]/disk/out`
              caused by: No space left on device (os error 28)
        "#]],
    );
}

#[test]
fn a_zstd_image_that_fills_the_disk_is_taken_away() {
    check_full_disk(
        "image",
        |sandbox| large_image(sandbox, "zstd"),
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            hashing the new layer
            writing an image of 8.03 MB
            error: cannot write `[TMP]/disk/out`
              caused by: No space left on device (os error 28)
        "#]],
    );
}

#[test]
fn a_layer_that_fills_the_disk_is_taken_away() {
    check_full_disk(
        "pure-layer",
        large_layer,
        expect![[r#"
        copying `/nix/store/[HASH]-item` to the root of the layer
        packing 1.00 MB in 2 files
        error: cannot write `[TMP]/disk/out/layer.tar`
          caused by: No space left on device (os error 28)
    "#]],
    );
}

/// Builds where `out` is there already; it has to stay as it is.
#[track_caller]
fn check_existing(subcommand: &str, attrs: impl FnOnce(&Sandbox) -> Value, expected: Expect) {
    let sandbox = Sandbox::new();
    sandbox.write_attrs(&attrs(&sandbox));
    fs::write(sandbox.out(), "precious").unwrap();
    let output = sandbox.builder(&[subcommand]).output().unwrap();
    check_output(&sandbox, &output, FAILED, &expected);
    assert_eq!(fs::read_to_string(sandbox.out()).unwrap(), "precious");
}

#[test]
fn an_image_does_not_replace_what_is_there() {
    check_existing(
        "image",
        image_attrs,
        expect![[r#"
        listing the layer's closure
        hashing the new layer
        writing an image of 20.48 kB
        error: cannot create `/nix/store/[HASH]-out`
          caused by: File exists (os error 17)
    "#]],
    );
}

#[test]
fn a_layer_does_not_replace_what_is_there() {
    check_existing(
        "pure-layer",
        layer_attrs,
        expect![[r#"
            nothing to copy to the root of the layer
            packing 10.24 kB in 1 file
            error: cannot create `/nix/store/[HASH]-out`
              caused by: File exists (os error 17)
        "#]],
    );
}

#[test]
fn an_output_in_no_directory_is_named() {
    let sandbox = Sandbox::new();
    let mut attrs = image_attrs(&sandbox);
    attrs["outputs"]["out"] = json!("/nowhere/out");
    check(
        &sandbox,
        "image",
        &attrs,
        &expect![[r#"
        listing the layer's closure
        hashing the new layer
        writing an image of 20.48 kB
        error: cannot create `/nowhere/out`
          caused by: No such file or directory (os error 2)
    "#]],
    );
}

/// A log that nobody can read any more is no reason to stop.
#[test]
fn a_build_without_a_log_goes_on() {
    let sandbox = Sandbox::new();
    sandbox.write_attrs(&image_attrs(&sandbox));
    let status = run_without_log(&mut sandbox.builder(&["image"]));
    assert_eq!(status, Some(0));
    assert!(sandbox.out().exists());

    let sandbox = Sandbox::new();
    let status = run_without_log(&mut sandbox.builder(&["image"]));
    assert_eq!(status, Some(FAILED));
}

fn run_without_log(builder: &mut Command) -> Option<i32> {
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    builder.stderr(full).status().unwrap().code()
}
