//! Messages about base images: what their manifest says, and what it leads to.

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::tars::{self, Tar};
use super::{check_bases, check_image};

/// An archive whose manifest has `value` for `key`.
fn with_entry(key: &str, value: Value) -> Vec<u8> {
    let mut manifest = tars::manifest();
    manifest[0][key] = value;
    tars::image_with(&manifest)
}

/// An image whose config is `config`.
fn with_config(config: &str) -> Vec<u8> {
    let archive = Tar::new()
        .file("config.json", config)
        .file("a/layer.tar", tars::layer())
        .file("manifest.json", tars::manifest().to_string());
    archive.finish()
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
fn archives_without_an_image_are_refused() {
    check_bases(
        &[
            ("no manifest", tars::members().finish()),
            ("no members", Tar::new().finish()),
            ("no bytes", Vec::new()),
            (
                "index without a layout",
                Tar::new().file("index.json", "{}").finish(),
            ),
            (
                "manifest that is a directory",
                tars::members().directory("manifest.json/").finish(),
            ),
        ],
        expect![[r#"
            no manifest: `/nix/store/[HASH]-base.tar` is no image archive and no OCI layout: it has no file `manifest.json` and no `index.json`
            no members: `/nix/store/[HASH]-base.tar` is no image archive and no OCI layout: it has no file `manifest.json` and no `index.json`
            no bytes: image archive `/nix/store/[HASH]-base.tar` is damaged or no tar
              caused by: the tar has not one byte; an empty one consists of blocks of zeros
            index without a layout: image archive `/nix/store/[HASH]-base.tar` has no file `oci-layout`, which every OCI layout has
            manifest that is a directory: `/nix/store/[HASH]-base.tar` is no image archive and no OCI layout: it has no file `manifest.json` and no `index.json`
        "#]],
    );
}

#[test]
fn manifests_that_are_none_are_refused() {
    let file = |content: &[u8]| tars::members().file("manifest.json", content).finish();
    let too_large = vec![b' '; (16 << 20) + 1];
    check_bases(
        &[
            ("no images", tars::image_with(&json!([]))),
            ("no JSON", file(b"[{\"Config\": ")),
            ("no list", tars::image_with(&tars::manifest()[0])),
            ("strings", tars::image_with(&json!(["config.json"]))),
            (
                "no layers",
                tars::image_with(&json!([{ "Config": "config.json" }])),
            ),
            (
                "layers of the wrong type",
                with_entry("Layers", json!("a/layer.tar")),
            ),
            ("too large", file(&too_large)),
        ],
        expect![[r#"
            no images: image archive `/nix/store/[HASH]-base.tar` holds no image: its `manifest.json` lists none
            no JSON: `manifest.json` of image archive `/nix/store/[HASH]-base.tar` is not what it should be
              caused by: EOF while parsing a value at line 1 column 12
            no list: `manifest.json` of image archive `/nix/store/[HASH]-base.tar` is not what it should be
              caused by: invalid type: map, expected a sequence at line 1 column 0
            strings: `manifest.json` of image archive `/nix/store/[HASH]-base.tar` is not what it should be
              caused by: invalid type: string "config.json", expected an object with `Config` and `Layers` at line 1 column 14
            no layers: base image `/nix/store/[HASH]-base.tar` has 0 layers, but its config `config.json` lists 1 in `rootfs.diff_ids`; no engine takes such an image
            layers of the wrong type: `manifest.json` of image archive `/nix/store/[HASH]-base.tar` is not what it should be
              caused by: invalid type: string "a/layer.tar", expected a sequence at line 1 column 69
            too large: `manifest.json` in image archive `/nix/store/[HASH]-base.tar` has 16777217 bytes; 8388608 are allowed, and more by `dockerToolsLimits.maxJson`
        "#]],
    );
}

#[test]
fn layers_that_are_not_there_are_named() {
    let layers = |names: &[&str]| with_entry("Layers", json!(names));
    check_bases(
        &[
            ("missing", layers(&["a/layer.tar", "b/layer.tar"])),
            ("directory", layers(&["a"])),
            ("no name", layers(&[""])),
            ("too many", layers(&["a/layer.tar"; 1025])),
        ],
        expect![[r#"
            missing: image archive `/nix/store/[HASH]-base.tar` has no file `b/layer.tar`, which its manifest names as a layer
            directory: image archive `/nix/store/[HASH]-base.tar` has no file `a`, which its manifest names as a layer
            no name: image archive `/nix/store/[HASH]-base.tar` has no file ``, which its manifest names as a layer
            too many: base image `/nix/store/[HASH]-base.tar` has 1025 layers; 1024 are allowed, and more by `dockerToolsLimits.maxLayers`
        "#]],
    );
}

#[test]
fn layers_outside_the_archive_are_refused() {
    let layer = |name| with_entry("Layers", json!([name]));
    check_bases(
        &[
            ("absolute name", layer("/etc/shadow")),
            ("name that leads out", layer("a/../../layer.tar")),
        ],
        expect![[r#"
            absolute name: image archive `/nix/store/[HASH]-base.tar` names `/etc/shadow`, which is absolute; names have to stay within the archive
            name that leads out: image archive `/nix/store/[HASH]-base.tar` names `a/../../layer.tar`, which has a part `..`; names have to stay within the archive
        "#]],
    );
}

#[test]
fn configs_of_another_type_are_refused() {
    check_bases(
        &[
            ("missing", with_entry("Config", json!("gone.json"))),
            (
                "name that leads out",
                with_entry("Config", json!("../config.json")),
            ),
            ("no JSON", with_config("not json")),
            ("no object", with_config("3")),
            (
                "string for `config`",
                with_config(r#"{"config":"/bin/sh"}"#),
            ),
            (
                "string for `Env`",
                with_config(r#"{"config":{"Env":"A=1"}}"#),
            ),
            (
                "number in `Env`",
                with_config(r#"{"config":{"Env":["A=1",2]}}"#),
            ),
            (
                "nested without end",
                with_config(&format!(r#"{{"other":{}"#, "[".repeat(100_000))),
            ),
        ],
        expect![[r#"
            missing: image archive `/nix/store/[HASH]-base.tar` has no file `gone.json`, which its manifest names as a config
            name that leads out: image archive `/nix/store/[HASH]-base.tar` names `../config.json`, which has a part `..`; names have to stay within the archive
            no JSON: `config.json` of image archive `/nix/store/[HASH]-base.tar` is not what it should be
              caused by: expected ident at line 1 column 2
            no object: `config.json` of image archive `/nix/store/[HASH]-base.tar` is not what it should be
              caused by: invalid type: integer `3`, expected an object at line 1 column 1
            string for `config`: `config.json` of image archive `/nix/store/[HASH]-base.tar` is not what it should be
              caused by: invalid type: string "/bin/sh", expected an object at line 1 column 19
            string for `Env`: `config.json` of image archive `/nix/store/[HASH]-base.tar` is not what it should be
              caused by: invalid type: string "A=1", expected a sequence at line 1 column 22
            number in `Env`: `config.json` of image archive `/nix/store/[HASH]-base.tar` is not what it should be
              caused by: invalid type: integer `2`, expected a string at line 1 column 25
            nested without end: `config.json` of image archive `/nix/store/[HASH]-base.tar` is not what it should be
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
fn damaged_layers_are_refused() {
    let layer = tars::layer();
    let packed = tars::gzip(&layer);
    let shorter = |bytes| tars::image_of_layer(&packed[..packed.len() - bytes]);
    let mut other_checksum = packed.clone();
    other_checksum[packed.len() - 8] ^= 1;
    let no_tar = tars::image_of_layer(&[b'x'; 2000]);
    check_bases(
        &[
            ("cut short", tars::image_of_layer(&layer[..700])),
            ("packed and cut short", shorter(20)),
            ("packed without its checksum", shorter(4)),
            (
                "packed with a wrong checksum",
                tars::image_of_layer(&other_checksum),
            ),
            ("no tar in a packed archive", tars::gzip(&no_tar)),
            ("no tar", no_tar),
        ],
        expect![[r#"
            cut short: layer `a/layer.tar` of base image `/nix/store/[HASH]-base.tar` is damaged or no tar
              caused by: the tar ends at byte 700, within a header
            packed and cut short: layer `a/layer.tar` of base image `/nix/store/[HASH]-base.tar` is damaged or no tar
              caused by: cannot read the tar at byte 1024
              caused by: incomplete deflate stream
            packed without its checksum: layer `a/layer.tar` of base image `/nix/store/[HASH]-base.tar` cannot be read
              caused by: unexpected end of file
            packed with a wrong checksum: layer `a/layer.tar` of base image `/nix/store/[HASH]-base.tar` cannot be read
              caused by: corrupt gzip stream does not have a matching checksum
            no tar in a packed archive: layer `a/layer.tar` of base image `/nix/store/[HASH]-base.tar` is damaged or no tar
              caused by: no tar header at byte 0: its checksum is wrong
            no tar: layer `a/layer.tar` of base image `/nix/store/[HASH]-base.tar` is damaged or no tar
              caused by: no tar header at byte 0: its checksum is wrong
        "#]],
    );
}
