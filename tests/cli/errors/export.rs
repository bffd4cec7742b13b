//! Messages about images that cannot be exported.

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::tars::{self, Tar};
use super::{FAILED, check_command};
use crate::sandbox::Sandbox;

fn sandbox(image: &[u8]) -> Sandbox {
    let sandbox = Sandbox::new();
    let image = sandbox.file("image.tar", image);
    sandbox.write_attrs(&attrs(&sandbox, &json!(image)));
    sandbox
}

fn attrs(sandbox: &Sandbox, image: &Value) -> Value {
    json!({
        "outputs": { "out": sandbox.out() },
        "export": { "fromImage": image, "fromImageName": null, "fromImageTag": null },
    })
}

/// Exports an image with one layer, `layer`.
#[track_caller]
fn check_layer(layer: Tar, expected: Expect) {
    let sandbox = sandbox(&tars::image_of_layer(&layer.finish()));
    check_command(
        &sandbox,
        &mut sandbox.builder(&["export"]),
        FAILED,
        &expected,
    );
}

#[test]
fn an_image_that_is_missing_is_named() {
    let sandbox = Sandbox::new();
    let image = json!(sandbox.store_path("gone.tar"));
    sandbox.write_attrs(&attrs(&sandbox, &image));
    check_command(
        &sandbox,
        &mut sandbox.builder(&["export"]),
        FAILED,
        &expect![[r#"
            reading image `/nix/store/[HASH]-gone.tar`
            error: cannot open image archive `/nix/store/[HASH]-gone.tar`
              caused by: No such file or directory (os error 2)
        "#]],
    );
}

#[test]
fn an_entry_that_leads_out_of_the_image_is_refused() {
    check_layer(
        Tar::new().file("../etc/passwd", "x"),
        expect![[r#"
        reading image `/nix/store/[HASH]-image.tar`
        merging 1 layer of `/nix/store/[HASH]-image.tar`
        error: layer `a/layer.tar` of image `/nix/store/[HASH]-image.tar` has the entry `../etc/passwd`, which has no place in its tree
          caused by: it would lead out of the image: `../etc/passwd` has a part `..`
    "#]],
    );
}

#[test]
fn a_hard_link_to_nothing_is_refused() {
    check_layer(
        Tar::new().hard_link("a", "usr/b"),
        expect![[r#"
        reading image `/nix/store/[HASH]-image.tar`
        merging 1 layer of `/nix/store/[HASH]-image.tar`
        error: layer `a/layer.tar` of image `/nix/store/[HASH]-image.tar` has the entry `a`, which has no place in its tree
          caused by: it is a hard link to `usr/b`, which neither this layer so far nor one below has
    "#]],
    );
}

#[test]
fn an_entry_below_a_file_is_refused() {
    check_layer(
        Tar::new().file("a", "x").file("a/b", "x"),
        expect![[r#"
        reading image `/nix/store/[HASH]-image.tar`
        merging 1 layer of `/nix/store/[HASH]-image.tar`
        error: layer `a/layer.tar` of image `/nix/store/[HASH]-image.tar` has the entry `a/b`, which has no place in its tree
          caused by: it lies below `a`, which is no directory
    "#]],
    );
}

#[test]
fn a_temporary_directory_that_is_missing_is_named() {
    let sandbox = sandbox(&tars::gzip(&tars::image()));
    let mut builder = sandbox.builder(&["export"]);
    builder.env("TMPDIR", sandbox.store_path("gone"));
    check_command(
        &sandbox,
        &mut builder,
        FAILED,
        &expect![[r#"
        reading image `/nix/store/[HASH]-image.tar`
        merging 1 layer of `/nix/store/[HASH]-image.tar`
        error: cannot copy the content of image `/nix/store/[HASH]-image.tar` to a temporary file in `/nix/store/[HASH]-gone`
          caused by: No such file or directory (os error 2)
    "#]],
    );
}

#[test]
fn names_that_fit_neither_memory_nor_disk_are_refused() {
    let mut layer = Tar::new();
    for number in 0..3000 {
        layer = layer.file(&format!("{number:090}"), "");
    }
    let sandbox = sandbox(&tars::image_of_layer(&layer.finish()));
    let mut builder = sandbox.builder(&["export"]);
    builder.env("TMPDIR", sandbox.store_path("gone"));
    check_command(
        &sandbox,
        &mut builder,
        FAILED,
        &expect![[r#"
        reading image `/nix/store/[HASH]-image.tar`
        merging 1 layer of `/nix/store/[HASH]-image.tar`
        error: cannot keep what layers say about their entries in a temporary file in `/nix/store/[HASH]-gone`
          caused by: No such file or directory (os error 2)
    "#]],
    );
}

#[test]
fn a_name_that_no_file_system_has_is_refused() {
    let name = |length| format!("a/{}/b", "x".repeat(length));
    let layer = |length| {
        let layer = Tar::new().extension(b'L', format!("{}\0", name(length)).as_bytes());
        layer.file("a", "x")
    };
    let good = sandbox(&tars::image_of_layer(&layer(255).finish()));
    let output = good.builder(&["export"]).output().unwrap();
    assert!(output.status.success(), "{}", good.stderr(&output));
    check_layer(
        layer(256),
        expect![[r#"
        reading image `/nix/store/[HASH]-image.tar`
        merging 1 layer of `/nix/store/[HASH]-image.tar`
        error: layer `a/layer.tar` of image `/nix/store/[HASH]-image.tar` has the entry `a/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx/b`, which has no place in its tree
          caused by: a name in its path has 256 bytes; Linux has none above 255
    "#]],
    );
}

#[test]
fn a_name_that_symlinks_lead_astray_is_refused() {
    let target = "/a/..".repeat(20);
    let mut layer = Tar::new().directory("a/").symlink("l0", &target);
    for number in 1..8 {
        let target = format!("l{}{}", number - 1, "/a/..".repeat(19));
        layer = layer.symlink(&format!("l{number}"), &target);
    }
    check_layer(
        layer.file("l7/f", "x"),
        expect![[r#"
        reading image `/nix/store/[HASH]-image.tar`
        merging 1 layer of `/nix/store/[HASH]-image.tar`
        error: layer `a/layer.tar` of image `/nix/store/[HASH]-image.tar` has the entry `l7/f`, which has no place in its tree
          caused by: `l7` leads through symlinks whose targets have more than 256 parts together
    "#]],
    );
}
