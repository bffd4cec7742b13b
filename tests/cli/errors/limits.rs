//! The limits on what base images ask for: each by its own message, and raised by its name.

use std::process::Output;

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::image_attrs;
use super::layouts;
use super::tars::{self, Tar};
use crate::sandbox::Sandbox;

fn build(base: &[u8], limits: Value) -> (Sandbox, Output) {
    let sandbox = Sandbox::new();
    let mut attrs = image_attrs(&sandbox);
    attrs["image"]["fromImage"] = json!(sandbox.file("base.tar", base));
    attrs["limits"] = limits;
    sandbox.write_attrs(&attrs);
    let output = sandbox.builder(&["image"]).output().unwrap();
    (sandbox, output)
}

/// Builds on `base`, which one limit forbids by its value `tight` and allows by `loose`.
#[track_caller]
fn check(base: &[u8], limit: &str, tight: u64, loose: u64, expected: Expect) {
    let (sandbox, output) = build(base, json!({ limit: tight }));
    expected.assert_eq(&sandbox.stderr(&output));
    assert!(!output.status.success());
    assert!(!sandbox.out().exists());
    let (sandbox, output) = build(base, json!({ limit: loose }));
    assert!(output.status.success(), "{}", sandbox.stderr(&output));
}

/// Exports an image of `layer`, which one limit forbids by its value `tight` and allows by `loose`.
#[track_caller]
fn check_layer(layer: Tar, limit: &str, tight: u64, loose: u64, expected: Expect) {
    let image = tars::image_of_layer(&layer.finish());
    let export = |value: u64| {
        let sandbox = Sandbox::new();
        sandbox.write_attrs(&json!({
            "outputs": { "out": sandbox.out() },
            "export": { "fromImage": sandbox.file("base.tar", &image), "fromImageName": null, "fromImageTag": null },
            "limits": { limit: value },
        }));
        let output = sandbox.builder(&["export"]).output().unwrap();
        (sandbox, output)
    };
    let (sandbox, output) = export(tight);
    expected.assert_eq(&sandbox.stderr(&output));
    assert!(!output.status.success());
    assert!(!sandbox.out().exists());
    let (sandbox, output) = export(loose);
    assert!(output.status.success(), "{}", sandbox.stderr(&output));
}

#[test]
fn an_unknown_limit_is_refused_by_name() {
    let (sandbox, output) = build(&tars::image(), json!({ "maxLayer": 1 }));
    expect![[r#"
        error: attribute `limits` in `[TMP]/build/.attrs.json` is not what this version of `builder` expects
          caused by: unknown field `maxLayer`, expected one of `maxJson`, `maxMembers`, `maxNames`, `maxLayers`, `maxManifests`, `maxNesting`, `maxUnpacked`, `maxRatio`, `maxZstdWindow`, `maxXzMemory`, `maxEntries`, `maxDepth`, `maxMetadata`, `maxValues`, `maxSeconds`, `maxEnv`, `maxLinkCopies`
    "#]].assert_eq(&sandbox.stderr(&output));
}

#[test]
fn documents_are_limited() {
    check(
        &tars::image(),
        "maxJson",
        20,
        1000,
        expect![[r#"
        listing the layer's closure
        reading base image `/nix/store/[HASH]-base.tar`
        error: `manifest.json` in image archive `/nix/store/[HASH]-base.tar` has 73 bytes; 20 are allowed, and more by `dockerToolsLimits.maxJson`
    "#]],
    );
}

/// To read one of them later, the archive would be unpacked again from its beginning.
#[test]
fn the_documents_of_a_packed_archive_are_limited_together() {
    check(
        &tars::gzip(&tars::image()),
        "maxJson",
        180,
        1000,
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            error: the documents of the packed image archive `/nix/store/[HASH]-base.tar`, of which `config.json` is one, have more than 180 bytes together; unpack the archive, or allow more by `dockerToolsLimits.maxJson`
        "#]],
    );
}

#[test]
fn large_documents_of_a_packed_archive_make_room_for_small_ones() {
    let attestation = format!("{{{}}}", " ".repeat(900));
    let [first, last] = [0, 1].map(|place| {
        let mut members = vec![
            tars::image(),
            Tar::new().file("attestation.json", &attestation).finish(),
        ];
        members.rotate_left(place);
        let [first, second] = members.try_into().unwrap();
        // Without the end of the first.
        tars::gzip(&[&first[..first.len() - 1024], &second].concat())
    });
    for base in [first, last] {
        let (sandbox, output) = build(&base, json!({ "maxJson": 1000 }));
        assert!(output.status.success(), "{}", sandbox.stderr(&output));
    }
}

#[test]
fn values_are_limited() {
    check(
        &tars::image(),
        "maxValues",
        3,
        20,
        expect![[r#"
        listing the layer's closure
        reading base image `/nix/store/[HASH]-base.tar`
        error: `manifest.json` in image archive `/nix/store/[HASH]-base.tar` has more than 3 values; no image needs as many, but `dockerToolsLimits.maxValues` allows more
    "#]],
    );
}

#[test]
fn members_are_limited() {
    check(
        &tars::image(),
        "maxMembers",
        3,
        5,
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            error: image archive `/nix/store/[HASH]-base.tar` has more than 3 members and directories; no image needs as many, but `dockerToolsLimits.maxMembers` allows more
        "#]],
    );
}

#[test]
fn names_are_limited() {
    check(
        &tars::image(),
        "maxNames",
        20,
        1000,
        expect![[r#"
        listing the layer's closure
        reading base image `/nix/store/[HASH]-base.tar`
        error: the names of the members of image archive `/nix/store/[HASH]-base.tar` have more than 20 bytes together; no image needs as many, but `dockerToolsLimits.maxNames` allows more
    "#]],
    );
}

#[test]
fn variables_are_limited() {
    let layer = tars::layer();
    let mut config: Value = serde_json::from_str(&tars::config_of(&[&layer])).unwrap();
    config["config"]["Env"] = json!(["A=1", "B=2"]);
    let base = Tar::new()
        .file("config.json", config.to_string())
        .file("a/layer.tar", layer)
        .file("manifest.json", tars::manifest().to_string());
    check(
        &base.finish(),
        "maxEnv",
        1,
        2,
        expect![[r#"
        listing the layer's closure
        reading base image `/nix/store/[HASH]-base.tar`
        error: the environment of base image `/nix/store/[HASH]-base.tar` has 2 variables; 1 are allowed, and more by `dockerToolsLimits.maxEnv`
    "#]],
    );
}

#[test]
fn layers_are_limited() {
    let manifest = json!([{ "Config": "config.json", "Layers": ["a/layer.tar", "a/layer.tar"] }]);
    let layer = tars::layer();
    let base = Tar::new()
        .file("config.json", tars::config_of(&[&layer, &layer]))
        .file("a/layer.tar", &layer)
        .file("manifest.json", manifest.to_string());
    check(
        &base.finish(),
        "maxLayers",
        1,
        2,
        expect![[r#"
        listing the layer's closure
        reading base image `/nix/store/[HASH]-base.tar`
        error: base image `/nix/store/[HASH]-base.tar` has 2 layers; 1 are allowed, and more by `dockerToolsLimits.maxLayers`
    "#]],
    );
}

#[test]
fn images_of_a_layout_are_limited() {
    let layout = layouts::plain().archive().finish();
    check(
        &layout,
        "maxManifests",
        0,
        1,
        expect![[r#"
        listing the layer's closure
        reading base image `/nix/store/[HASH]-base.tar`
        error: image archive `/nix/store/[HASH]-base.tar` lists more than 0 images; `dockerToolsLimits.maxManifests` allows more
    "#]],
    );
}

#[test]
fn indexes_in_indexes_are_limited() {
    let mut layout = layouts::Layout::new();
    let layer = tars::layer();
    let image = layout.image(&[(layouts::LAYER, &layer)], &[&layer]);
    let index = layout.blob(layouts::INDEX, layouts::index_of(&[image]).to_string());
    let layout = layout.index(&[index]).archive().finish();
    check(
        &layout,
        "maxNesting",
        0,
        1,
        expect![[r#"
        listing the layer's closure
        reading base image `/nix/store/[HASH]-base.tar`
        error: image archive `/nix/store/[HASH]-base.tar` has indexes more than 0 deep in each other; `dockerToolsLimits.maxNesting` allows more
    "#]],
    );
}

#[test]
fn unpacked_bytes_are_limited() {
    let base = tars::gzip(&tars::image());
    check(
        &base,
        "maxUnpacked",
        1000,
        100_000,
        expect![[r#"
        listing the layer's closure
        reading base image `/nix/store/[HASH]-base.tar`
        error: cannot read image archive `/nix/store/[HASH]-base.tar`
          caused by: it has more than 1000 bytes when unpacked; `dockerToolsLimits.maxUnpacked` allows more
    "#]],
    );
}

#[test]
fn unpacked_bytes_of_a_layer_are_limited() {
    let layer = tars::layer();
    let manifest = json!([{ "Config": "config.json", "Layers": ["layer.tar.gz"] }]);
    let base = Tar::new()
        .file("config.json", tars::config_of(&[&layer]))
        .file("layer.tar.gz", tars::gzip(&layer))
        .file("manifest.json", manifest.to_string());
    check(
        &base.finish(),
        "maxUnpacked",
        1000,
        100_000,
        expect![[r#"
        listing the layer's closure
        reading base image `/nix/store/[HASH]-base.tar`
        error: layer `layer.tar.gz` of base image `/nix/store/[HASH]-base.tar` is damaged or no tar
          caused by: cannot read the tar at byte 512
          caused by: it has more than 1000 bytes when unpacked; `dockerToolsLimits.maxUnpacked` allows more
    "#]],
    );
}

#[test]
fn a_decompression_bomb_is_refused() {
    let large = vec![0; 270 << 20];
    let image = tars::members().file("manifest.json", tars::manifest().to_string());
    let bomb = image.file("large", large).finish();
    for packed in [tars::zstd(&bomb), tars::gzip(&bomb), tars::xz(&bomb)] {
        let (sandbox, output) = build(&packed, json!({}));
        let said = sandbox.stderr(&output);
        assert!(said.contains("more than 200 times as large"), "{said}");
    }
    check(
        &tars::zstd(&bomb),
        "maxRatio",
        100,
        100_000,
        expect![[r#"
        listing the layer's closure
        reading base image `/nix/store/[HASH]-base.tar`
        error: image archive `/nix/store/[HASH]-base.tar` is damaged or no tar
          caused by: cannot read the tar at byte 6145
          caused by: it becomes more than 100 times as large when unpacked, as decompression bombs do; `dockerToolsLimits.maxRatio` allows more
    "#]],
    );
}

#[test]
fn the_time_to_unpack_is_limited() {
    check(
        &tars::zstd(&tars::image()),
        "maxSeconds",
        0,
        1000,
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            error: image archive `/nix/store/[HASH]-base.tar` is damaged or no tar
              caused by: cannot read the tar at byte 0
              caused by: it takes more than 0 seconds to unpack; `dockerToolsLimits.maxSeconds` allows more
        "#]],
    );
}

#[test]
fn the_memory_of_zstd_is_limited() {
    let base = tars::pack("zstd", &["-q", "--long=27"], &tars::image());
    check(
        &base,
        "maxZstdWindow",
        64 << 20,
        128 << 20,
        expect![[r#"
        listing the layer's closure
        reading base image `/nix/store/[HASH]-base.tar`
        error: image archive `/nix/store/[HASH]-base.tar` is damaged or no tar
          caused by: cannot read the tar at byte 0
          caused by: it asks zstd to keep more than 67108864 bytes in memory; `dockerToolsLimits.maxZstdWindow` allows more
    "#]],
    );
}

#[test]
fn the_memory_of_xz_is_limited() {
    let base = tars::pack("xz", &["-9"], &tars::image());
    check(
        &base,
        "maxXzMemory",
        64 << 20,
        70 << 20,
        expect![[r#"
        listing the layer's closure
        reading base image `/nix/store/[HASH]-base.tar`
        error: image archive `/nix/store/[HASH]-base.tar` is damaged or no tar
          caused by: cannot read the tar at byte 0
          caused by: it asks xz for more than 67108864 bytes of memory; `dockerToolsLimits.maxXzMemory` allows more
    "#]],
    );
}

#[test]
fn the_entries_of_all_layers_are_limited() {
    check_layer(
        Tar::new().file("a", "x").file("a", "y").file("b/c", "z"),
        "maxEntries",
        3,
        4,
        expect![[r#"
            reading image `/nix/store/[HASH]-base.tar`
            merging 1 layer of `/nix/store/[HASH]-base.tar`
            error: layer `a/layer.tar` of image `/nix/store/[HASH]-base.tar` has the entry `b/c`, which has no place in its tree
              caused by: with it, the layers have made more than 3 entries; `dockerToolsLimits.maxEntries` allows more
        "#]],
    );
}

#[test]
fn the_depth_of_entries_is_limited() {
    check_layer(
        Tar::new().file("a/b/c/d", "x"),
        "maxDepth",
        2,
        3,
        expect![[r#"
            reading image `/nix/store/[HASH]-base.tar`
            merging 1 layer of `/nix/store/[HASH]-base.tar`
            error: layer `a/layer.tar` of image `/nix/store/[HASH]-base.tar` has the entry `a/b/c/d`, which has no place in its tree
              caused by: it lies more than 2 directories deep; `dockerToolsLimits.maxDepth` allows more
        "#]],
    );
}

#[test]
fn the_bytes_of_names_and_the_like_are_limited() {
    check_layer(
        Tar::new().file("a", "x").symlink("b", &"c".repeat(90)),
        "maxMetadata",
        100,
        200,
        expect![[r#"
            reading image `/nix/store/[HASH]-base.tar`
            merging 1 layer of `/nix/store/[HASH]-base.tar`
            error: layer `a/layer.tar` of image `/nix/store/[HASH]-base.tar` has the entry `b`, which has no place in its tree
              caused by: with it, names, link targets and attributes have more than 100 bytes together; `dockerToolsLimits.maxMetadata` allows more
        "#]],
    );
}
