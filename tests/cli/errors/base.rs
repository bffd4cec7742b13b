//! Messages about base images: what their manifest says, and what it leads to.

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::tars::{self, Tar};
use super::{check_base, check_image};

/// Builds on an archive whose manifest is `manifest`.
#[track_caller]
fn check_manifest(manifest: &Value, expected: Expect) {
    check_base(&tars::image_with(manifest), expected);
}

/// Builds on an archive whose manifest has `value` for `key`.
#[track_caller]
fn check_entry(key: &str, value: &Value, expected: Expect) {
    let mut manifest = tars::manifest();
    manifest[0][key] = value.clone();
    check_manifest(&manifest, expected);
}

/// Builds on an image whose config is `config`.
#[track_caller]
fn check_config(config: &str, expected: Expect) {
    let archive = Tar::new()
        .file("config.json", config)
        .file("a/layer.tar", tars::layer())
        .file("manifest.json", tars::manifest().to_string());
    check_base(&archive.finish(), expected);
}

/// Chooses among the images of an archive with three names.
#[track_caller]
fn check_choice(name: &Value, tag: &Value, expected: Expect) {
    let mut second = tars::manifest()[0].clone();
    second["RepoTags"] = json!(["other:2", "registry.example:5000/other:3"]);
    let manifest = json!([tars::manifest()[0], second]);
    check_image(
        |sandbox, attrs| {
            let base = sandbox.file("base.tar", tars::image_with(&manifest));
            attrs["image"]["fromImage"] = json!(base);
            attrs["image"]["fromImageName"] = name.clone();
            attrs["image"]["fromImageTag"] = tag.clone();
        },
        expected,
    );
}

#[test]
fn a_base_that_is_missing_is_named() {
    check_image(
        |sandbox, attrs| attrs["image"]["fromImage"] = json!(sandbox.store_path("gone.tar")),
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-gone.tar`
            error: cannot open image archive `/nix/store/[HASH]-gone.tar`
              caused by: No such file or directory (os error 2)
        "#]],
    );
}

#[test]
fn a_base_that_is_a_directory_is_refused() {
    check_image(
        |sandbox, attrs| attrs["image"]["fromImage"] = json!(sandbox.directory("base", &[])),
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base`
            error: `/nix/store/[HASH]-base` is a directory, but not that of an OCI layout: it has no `index.json`, no `oci-layout` and no `blobs`; an image is such a directory, or an archive
        "#]],
    );
}

#[test]
fn a_base_without_a_manifest_is_no_image() {
    check_base(
        &tars::members().finish(),
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            error: `/nix/store/[HASH]-base.tar` is no image archive and no OCI layout: it has no file `manifest.json` and no `index.json`
        "#]],
    );
}

#[test]
fn a_base_without_members_is_no_image() {
    check_base(
        &Tar::new().finish(),
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            error: `/nix/store/[HASH]-base.tar` is no image archive and no OCI layout: it has no file `manifest.json` and no `index.json`
        "#]],
    );
}

#[test]
fn a_base_without_bytes_is_no_image() {
    check_base(
        b"",
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            error: image archive `/nix/store/[HASH]-base.tar` is damaged or no tar
              caused by: the tar has not one byte; an empty one consists of blocks of zeros
        "#]],
    );
}

#[test]
fn an_index_without_a_layout_is_refused() {
    let layout = Tar::new().file("index.json", "{}");
    check_base(
        &layout.finish(),
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            error: image archive `/nix/store/[HASH]-base.tar` has no file `oci-layout`, which every OCI layout has
        "#]],
    );
}

#[test]
fn an_empty_manifest_is_an_error() {
    check_manifest(
        &json!([]),
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            error: image archive `/nix/store/[HASH]-base.tar` holds no image: its `manifest.json` lists none
        "#]],
    );
}

#[test]
fn a_manifest_that_is_no_json_is_refused() {
    let archive = tars::members().file("manifest.json", "[{\"Config\": ");
    check_base(
        &archive.finish(),
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            error: `manifest.json` of image archive `/nix/store/[HASH]-base.tar` is not what it should be
              caused by: EOF while parsing a value at line 1 column 12
        "#]],
    );
}

#[test]
fn a_manifest_that_is_no_list_is_refused() {
    check_manifest(
        &tars::manifest()[0],
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            error: `manifest.json` of image archive `/nix/store/[HASH]-base.tar` is not what it should be
              caused by: invalid type: map, expected a sequence at line 1 column 0
        "#]],
    );
}

#[test]
fn a_manifest_of_strings_is_refused() {
    check_manifest(
        &json!(["config.json"]),
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            error: `manifest.json` of image archive `/nix/store/[HASH]-base.tar` is not what it should be
              caused by: invalid type: string "config.json", expected an object with `Config` and `Layers` at line 1 column 14
        "#]],
    );
}

#[test]
fn a_manifest_without_layers_is_refused() {
    check_manifest(
        &json!([{ "Config": "config.json" }]),
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            error: base image `/nix/store/[HASH]-base.tar` has 0 layers, but its config `config.json` lists 1 in `rootfs.diff_ids`; no engine takes such an image
        "#]],
    );
}

#[test]
fn layers_of_the_wrong_type_are_refused() {
    check_entry(
        "Layers",
        &json!("a/layer.tar"),
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            error: `manifest.json` of image archive `/nix/store/[HASH]-base.tar` is not what it should be
              caused by: invalid type: string "a/layer.tar", expected a sequence at line 1 column 69
        "#]],
    );
}

#[test]
fn a_manifest_that_is_a_directory_counts_as_none() {
    let archive = tars::members().directory("manifest.json/");
    check_base(
        &archive.finish(),
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            error: `/nix/store/[HASH]-base.tar` is no image archive and no OCI layout: it has no file `manifest.json` and no `index.json`
        "#]],
    );
}

#[test]
fn a_manifest_that_is_too_large_is_refused() {
    let blanks = vec![b' '; (16 << 20) + 1];
    check_base(
        &tars::members().file("manifest.json", blanks).finish(),
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            error: `manifest.json` in image archive `/nix/store/[HASH]-base.tar` has 16777217 bytes; 8388608 are allowed, and more by `dockerToolsLimits.maxJson`
        "#]],
    );
}

#[test]
fn a_missing_layer_is_named() {
    check_entry(
        "Layers",
        &json!(["a/layer.tar", "b/layer.tar"]),
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            error: image archive `/nix/store/[HASH]-base.tar` has no file `b/layer.tar`, which its manifest names as a layer
        "#]],
    );
}

#[test]
fn a_layer_that_is_a_directory_is_missing() {
    check_entry(
        "Layers",
        &json!(["a"]),
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            error: image archive `/nix/store/[HASH]-base.tar` has no file `a`, which its manifest names as a layer
        "#]],
    );
}

#[test]
fn a_layer_without_a_name_is_missing() {
    check_entry(
        "Layers",
        &json!([""]),
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            error: image archive `/nix/store/[HASH]-base.tar` has no file ``, which its manifest names as a layer
        "#]],
    );
}

#[test]
fn a_layer_with_an_absolute_name_is_refused() {
    check_entry(
        "Layers",
        &json!(["/etc/shadow"]),
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            error: image archive `/nix/store/[HASH]-base.tar` names `/etc/shadow`, which is absolute; names have to stay within the archive
        "#]],
    );
}

#[test]
fn a_layer_whose_name_leads_out_is_refused() {
    check_entry(
        "Layers",
        &json!(["a/../../layer.tar"]),
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            error: image archive `/nix/store/[HASH]-base.tar` names `a/../../layer.tar`, which has a part `..`; names have to stay within the archive
        "#]],
    );
}

#[test]
fn more_layers_than_any_image_has_are_refused() {
    check_entry(
        "Layers",
        &json!(vec!["a/layer.tar"; 1025]),
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            error: base image `/nix/store/[HASH]-base.tar` has 1025 layers; 1024 are allowed, and more by `dockerToolsLimits.maxLayers`
        "#]],
    );
}

#[test]
fn a_missing_config_is_named() {
    check_entry(
        "Config",
        &json!("gone.json"),
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            error: image archive `/nix/store/[HASH]-base.tar` has no file `gone.json`, which its manifest names as a config
        "#]],
    );
}

#[test]
fn a_config_whose_name_leads_out_is_refused() {
    check_entry(
        "Config",
        &json!("../config.json"),
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            error: image archive `/nix/store/[HASH]-base.tar` names `../config.json`, which has a part `..`; names have to stay within the archive
        "#]],
    );
}

#[test]
fn a_config_that_is_no_json_is_refused() {
    check_config(
        "not json",
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            error: `config.json` of image archive `/nix/store/[HASH]-base.tar` is not what it should be
              caused by: expected ident at line 1 column 2
        "#]],
    );
}

#[test]
fn a_config_that_is_no_object_is_refused() {
    check_config(
        "3",
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            error: `config.json` of image archive `/nix/store/[HASH]-base.tar` is not what it should be
              caused by: invalid type: integer `3`, expected an object at line 1 column 1
        "#]],
    );
}

#[test]
fn a_config_whose_config_is_a_string_is_refused() {
    check_config(
        r#"{"config":"/bin/sh"}"#,
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            error: `config.json` of image archive `/nix/store/[HASH]-base.tar` is not what it should be
              caused by: invalid type: string "/bin/sh", expected an object at line 1 column 19
        "#]],
    );
}

#[test]
fn a_config_whose_env_is_a_string_is_refused() {
    check_config(
        r#"{"config":{"Env":"A=1"}}"#,
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            error: `config.json` of image archive `/nix/store/[HASH]-base.tar` is not what it should be
              caused by: invalid type: string "A=1", expected a sequence at line 1 column 22
        "#]],
    );
}

#[test]
fn a_config_whose_env_holds_numbers_is_refused() {
    check_config(
        r#"{"config":{"Env":["A=1",2]}}"#,
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            error: `config.json` of image archive `/nix/store/[HASH]-base.tar` is not what it should be
              caused by: invalid type: integer `2`, expected a string at line 1 column 25
        "#]],
    );
}

#[test]
fn a_config_that_is_nested_without_end_is_refused() {
    check_config(
        &format!(r#"{{"other":{}"#, "[".repeat(100_000)),
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            error: `config.json` of image archive `/nix/store/[HASH]-base.tar` is not what it should be
              caused by: recursion limit exceeded at line 1 column 136
        "#]],
    );
}

#[test]
fn an_image_that_is_not_there_lists_those_that_are() {
    check_choice(
        &json!("nginx"),
        &json!("1"),
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            error: image archive `/nix/store/[HASH]-base.tar` has no image `nginx:1`; it has `base:1`, `other:2`, `registry.example:5000/other:3`
        "#]],
    );
}

#[test]
fn a_name_that_is_not_there_lists_those_that_are() {
    check_choice(
        &json!("nginx"),
        &Value::Null,
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            error: image archive `/nix/store/[HASH]-base.tar` has no image `nginx:<any tag>`; it has `base:1`, `other:2`, `registry.example:5000/other:3`
        "#]],
    );
}

#[test]
fn a_tag_that_is_not_there_lists_those_that_are() {
    check_choice(
        &Value::Null,
        &json!("latest"),
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            error: image archive `/nix/store/[HASH]-base.tar` has no image `<any name>:latest`; it has `base:1`, `other:2`, `registry.example:5000/other:3`
        "#]],
    );
}

#[test]
fn images_without_names_are_said_to_have_none() {
    let mut manifest = tars::manifest();
    manifest[0]["RepoTags"] = Value::Null;
    check_image(
        |sandbox, attrs| {
            let base = sandbox.file("base.tar", tars::image_with(&manifest));
            attrs["image"]["fromImage"] = json!(base);
            attrs["image"]["fromImageName"] = json!("nginx");
        },
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            error: image archive `/nix/store/[HASH]-base.tar` has no image `nginx:<any tag>`; it has only images without a name
        "#]],
    );
}

#[test]
fn a_layer_that_is_no_tar_is_refused() {
    check_base(
        &tars::image_of_layer(&[b'x'; 2000]),
        expect![[r#"
        listing the layer's closure
        reading base image `/nix/store/[HASH]-base.tar`
        error: layer `a/layer.tar` of base image `/nix/store/[HASH]-base.tar` is damaged or no tar
          caused by: no tar header at byte 0: its checksum is wrong
    "#]],
    );
}

#[test]
fn a_layer_that_is_cut_short_is_refused() {
    let layer = tars::layer();
    check_base(
        &tars::image_of_layer(&layer[..700]),
        expect![[r#"
        listing the layer's closure
        reading base image `/nix/store/[HASH]-base.tar`
        error: layer `a/layer.tar` of base image `/nix/store/[HASH]-base.tar` is damaged or no tar
          caused by: the tar ends at byte 700, within a header
    "#]],
    );
}

#[test]
fn a_packed_layer_that_is_cut_short_is_refused() {
    let layer = tars::gzip(&tars::layer());
    check_base(
        &tars::image_of_layer(&layer[..layer.len() - 20]),
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            error: layer `a/layer.tar` of base image `/nix/store/[HASH]-base.tar` is damaged or no tar
              caused by: cannot read the tar at byte 1024
              caused by: incomplete deflate stream
        "#]],
    );
}

#[test]
fn a_packed_layer_without_its_checksum_is_refused() {
    let layer = tars::gzip(&tars::layer());
    check_base(
        &tars::image_of_layer(&layer[..layer.len() - 4]),
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            error: layer `a/layer.tar` of base image `/nix/store/[HASH]-base.tar` cannot be read
              caused by: unexpected end of file
        "#]],
    );
}

#[test]
fn a_packed_layer_with_a_wrong_checksum_is_refused() {
    let mut layer = tars::gzip(&tars::layer());
    let at = layer.len() - 8;
    layer[at] ^= 1;
    check_base(
        &tars::image_of_layer(&layer),
        expect![[r#"
        listing the layer's closure
        reading base image `/nix/store/[HASH]-base.tar`
        error: layer `a/layer.tar` of base image `/nix/store/[HASH]-base.tar` cannot be read
          caused by: corrupt gzip stream does not have a matching checksum
    "#]],
    );
}

#[test]
fn a_bad_layer_in_a_packed_archive_is_refused() {
    let archive = tars::image_of_layer(&[b'x'; 2000]);
    check_base(
        &tars::gzip(&archive),
        expect![[r#"
        listing the layer's closure
        reading base image `/nix/store/[HASH]-base.tar`
        error: layer `a/layer.tar` of base image `/nix/store/[HASH]-base.tar` is damaged or no tar
          caused by: no tar header at byte 0: its checksum is wrong
    "#]],
    );
}
