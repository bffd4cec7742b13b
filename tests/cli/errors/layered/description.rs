//! Messages of `builder description`.

use std::fs;

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::super::FAILED;
use super::super::tars;
use super::{base_of, check, check_description, description_attrs};
use crate::sandbox::Sandbox;

/// Describes an image with the attribute `name` set to `value`.
#[track_caller]
pub(super) fn check_attribute(name: &str, value: Value, expected: Expect) {
    check_description(|_, attrs| attrs["description"][name] = value, expected);
}

/// Describes an image on `base`.
#[track_caller]
fn check_base(base: &[u8], expected: Expect) {
    check_description(
        |sandbox, attrs| attrs["description"]["fromImage"] = json!(sandbox.file("base.tar", base)),
        expected,
    );
}

#[test]
fn a_section_that_is_no_set_is_refused() {
    check_description(
        |_, attrs| attrs["description"] = json!([]),
        expect![[r#"
            error: attribute `description` in `[TMP]/build/.attrs.json` is not what this version of `builder` expects
              caused by: invalid type: sequence, expected a set
        "#]],
    );
}

#[test]
fn a_section_that_is_missing_is_named() {
    check_description(
        |_, attrs| {
            attrs.as_object_mut().unwrap().remove("description");
        },
        expect![[r#"
            error: `[TMP]/build/.attrs.json` has no attribute `description`, which tells this subcommand of `builder` what to do
        "#]],
    );
}

#[test]
fn an_unknown_attribute_is_named_with_the_known_ones() {
    check_attribute(
        "architecture",
        json!("amd64"),
        expect![[r#"
            error: attribute `description` in `[TMP]/build/.attrs.json` is not what this version of `builder` expects
              caused by: unknown field `architecture`, expected one of `name`, `tag`, `baseJson`, `customisationLayer`, `fromImage`, `layers`, `created`, `mtime`, `uid`, `gid`, `uname`, `gname`, `maxLayers`, `layeringPipeline`, `includeStorePaths`, `layersOnly`, `debug`, `storeDir`
        "#]],
    );
}

#[test]
fn a_checksum_that_is_none_is_refused() {
    check_description(
        |sandbox, _| {
            let customisation = sandbox.store_path("customisation");
            fs::write(customisation.join("checksum"), "1234").unwrap();
        },
        expect![[r#"
            choosing layers
            hashing 2 layers
            error: `/nix/store/[HASH]-customisation/checksum` does not have the SHA-256 of the layer beside it
              caused by: `sha256:1234` is no digest, which is `sha256:` and 64 or `sha512:` and 128 lower-case hexadecimal digits
        "#]],
    );
    check_description(
        |sandbox, _| {
            fs::remove_file(sandbox.store_path("customisation").join("checksum")).unwrap();
        },
        expect![[r#"
            choosing layers
            hashing 2 layers
            error: cannot read `/nix/store/[HASH]-customisation/checksum`
              caused by: No such file or directory (os error 2)
        "#]],
    );
}

#[test]
fn a_uid_out_of_range_is_refused() {
    check_attribute(
        "uid",
        json!(4_294_967_296_u64),
        expect![[r#"
            error: attribute `description` in `[TMP]/build/.attrs.json` is not what this version of `builder` expects
              caused by: `uid` is 4294967296; it has to be a number from 0 to 4294967295 or one of the names `root`, `nixbld`, `nobody`
        "#]],
    );
    check_attribute(
        "uid",
        json!(-1),
        expect![[r#"
            error: attribute `description` in `[TMP]/build/.attrs.json` is not what this version of `builder` expects
              caused by: `uid` is -1; it has to be a number from 0 to 4294967295 or one of the names `root`, `nixbld`, `nobody`
        "#]],
    );
    check_attribute(
        "gid",
        json!("wheel"),
        expect![[r#"
            error: attribute `description` in `[TMP]/build/.attrs.json` is not what this version of `builder` expects
              caused by: `gid` is "wheel"; it has to be a number from 0 to 4294967295 or one of the names `root`, `nixbld`, `nogroup`
        "#]],
    );
}

#[test]
fn a_number_of_layers_that_is_none_is_refused() {
    check_attribute(
        "maxLayers",
        json!(-1),
        expect![[r#"
            error: attribute `description` in `[TMP]/build/.attrs.json` is not what this version of `builder` expects
              caused by: `maxLayers` is -1; it has to be a whole number from 2 on
        "#]],
    );
    check_attribute(
        "maxLayers",
        json!("125"),
        expect![[r#"
            error: attribute `description` in `[TMP]/build/.attrs.json` is not what this version of `builder` expects
              caused by: `maxLayers` is "125"; it has to be a whole number from 2 on
        "#]],
    );
}

#[test]
fn two_layers_on_a_base_with_ten_are_too_few() {
    check_description(
        |sandbox, attrs| {
            attrs["description"]["fromImage"] = json!(sandbox.file("base.tar", base_of(10)));
            attrs["description"]["maxLayers"] = json!(2);
        },
        expect![[r#"
            reading base image `/nix/store/[HASH]-base.tar`
            choosing layers
            error: usedLayers 11 layers to store 'fromImage' and 'extraCommands', but only maxLayers=2 were allowed. At least 1 layer is required to store contents.
        "#]],
    );
}

#[test]
fn no_layer_is_left_beside_the_customisation_layer() {
    check_attribute(
        "maxLayers",
        json!(0),
        expect![[r#"
            choosing layers
            error: usedLayers 1 layers to store 'fromImage' and 'extraCommands', but only maxLayers=0 were allowed. At least 1 layer is required to store contents.
        "#]],
    );
    check_attribute(
        "maxLayers",
        json!(1),
        expect![[r#"
            choosing layers
            error: usedLayers 1 layers to store 'fromImage' and 'extraCommands', but only maxLayers=1 were allowed. At least 1 layer is required to store contents.
        "#]],
    );
}

#[test]
fn a_base_json_that_is_missing_is_named() {
    check_attribute(
        "baseJson",
        json!("/nowhere/base.json"),
        expect![[r#"
            error: cannot read `/nowhere/base.json`
              caused by: No such file or directory (os error 2)
        "#]],
    );
}

#[test]
fn a_base_json_that_is_no_json_is_named() {
    check_description(
        |sandbox, attrs| attrs["description"]["baseJson"] = json!(sandbox.file("bad.json", "{")),
        expect![[r#"
            error: `/nix/store/[HASH]-bad.json` is not the image's JSON
              caused by: EOF while parsing an object at line 1 column [COLUMN]
        "#]],
    );
}

#[test]
fn a_base_json_without_an_architecture_is_refused() {
    check_description(
        |sandbox, attrs| {
            let bad = sandbox.file("bad.json", r#"{ "config": {}, "os": "linux" }"#);
            attrs["description"]["baseJson"] = json!(bad);
        },
        expect![[r#"
            error: `/nix/store/[HASH]-bad.json` is not the image's JSON
              caused by: missing field `architecture` at line 1 column [COLUMN]
        "#]],
    );
    check_description(
        |sandbox, attrs| attrs["description"]["baseJson"] = json!(sandbox.file("bad.json", "[]")),
        expect![[r#"
            error: `/nix/store/[HASH]-bad.json` is not the image's JSON
              caused by: invalid length 0, expected an object at line 1 column [COLUMN]
        "#]],
    );
}

#[test]
fn a_time_that_is_none_is_refused() {
    check_attribute(
        "created",
        json!("yesterday"),
        expect![[r#"
            error: `created` is `yesterday`, which is no time; write it as `2024-01-31T12:00:00Z`, `@` and seconds since 1970, or `now`
        "#]],
    );
    check_attribute(
        "mtime",
        json!("2024-13-01T00:00:00Z"),
        expect![[r#"
            error: `mtime` is `2024-13-01T00:00:00Z`, which is no time; write it as `2024-01-31T12:00:00Z`, `@` and seconds since 1970, or `now`
        "#]],
    );
    check_attribute(
        "mtime",
        json!("@99999999999999999999"),
        expect![[r#"
            error: `mtime` is `@99999999999999999999`, which is no time; write it as `2024-01-31T12:00:00Z`, `@` and seconds since 1970, or `now`
        "#]],
    );
    check_attribute(
        "created",
        json!(""),
        expect![[r#"
            error: `created` is ``, which is no time; write it as `2024-01-31T12:00:00Z`, `@` and seconds since 1970, or `now`
        "#]],
    );
}

#[test]
fn a_base_that_is_missing_is_named() {
    check_attribute(
        "fromImage",
        json!("/nowhere/base.tar"),
        expect![[r#"
            reading base image `/nowhere/base.tar`
            error: cannot open image archive `/nowhere/base.tar`
              caused by: No such file or directory (os error 2)
        "#]],
    );
}

#[test]
fn a_base_that_is_no_tar_is_named() {
    check_base(
        b"no tar at all",
        expect![[r#"
            reading base image `/nix/store/[HASH]-base.tar`
            error: image archive `/nix/store/[HASH]-base.tar` is damaged or no tar
              caused by: the tar ends at byte 13, within a header
        "#]],
    );
}

#[test]
fn a_base_without_a_manifest_is_refused() {
    check_base(
        &tars::members().finish(),
        expect![[r#"
            reading base image `/nix/store/[HASH]-base.tar`
            error: `/nix/store/[HASH]-base.tar` is no image archive and no OCI layout: it has no file `manifest.json` and no `index.json`
        "#]],
    );
}

#[test]
fn a_base_that_lacks_a_layer_is_refused() {
    let manifest = json!([{ "Config": "config.json", "Layers": ["b/layer.tar"] }]);
    check_base(
        &tars::image_with(&manifest),
        expect![[r#"
            reading base image `/nix/store/[HASH]-base.tar`
            error: image archive `/nix/store/[HASH]-base.tar` has no file `b/layer.tar`, which its manifest names as a layer
        "#]],
    );
}

#[test]
fn a_base_whose_layer_is_damaged_is_refused() {
    check_base(
        &tars::image_of_layer(&[b'x'; 600]),
        expect![[r#"
            reading base image `/nix/store/[HASH]-base.tar`
            error: layer `a/layer.tar` of base image `/nix/store/[HASH]-base.tar` is damaged or no tar
              caused by: no tar header at byte 0: its checksum is wrong
        "#]],
    );
}

#[test]
fn a_packed_base_that_ends_early_is_refused() {
    let packed = tars::gzip(&tars::image());
    check_base(
        &packed[..packed.len() / 2],
        expect![[r#"
            reading base image `/nix/store/[HASH]-base.tar`
            error: cannot read image archive `/nix/store/[HASH]-base.tar`
              caused by: incomplete deflate stream
        "#]],
    );
}

#[test]
fn a_customisation_layer_that_is_missing_is_named() {
    check_description(
        |sandbox, _| {
            fs::remove_file(sandbox.store_path("customisation").join("layer.tar")).unwrap();
        },
        expect![[r#"
            choosing layers
            hashing 2 layers
            error: cannot read `/nix/store/[HASH]-customisation/layer.tar`
              caused by: No such file or directory (os error 2)
        "#]],
    );
}

#[test]
fn a_description_that_does_not_fit_is_taken_away() {
    let sandbox = Sandbox::new();
    let mut attrs = description_attrs(&sandbox);
    attrs["description"]["uname"] = json!("x".repeat(100_000));
    attrs["description"]["includeStorePaths"] = json!(false);
    sandbox.write_attrs(&attrs);
    let script = "ulimit -f 8; exec \"$0\" description";
    let output = sandbox.shell(script, &[]).output().unwrap();
    check(
        &sandbox,
        &output,
        FAILED,
        &expect![[r#"
            choosing layers
            layer sha256:[DIGEST]: 2.56 kB
            error: cannot write `/nix/store/[HASH]-out`
              caused by: File too large (os error 27)
        "#]],
    );
}
