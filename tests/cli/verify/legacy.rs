//! What archives have for old Dockers: `repositories`, and a directory for each layer.

use expect_test::expect;
use serde_json::json;

use super::{check_files, docker, text};
use crate::errors::tars;
use crate::sandbox::Sandbox;

#[test]
fn repositories_have_the_images_of_the_manifest() {
    let files = docker().change("repositories", |names| {
        *names = json!({ "app": { "2": "a" } });
    });
    check_files(
        &files,
        1,
        expect![[r#"
            /nix/store/[HASH]-image.tar is wrong: 1 problem
              repositories
                has `app:2`, which `manifest.json` lacks
            note: repositories lacks `app:1`, which `manifest.json` has
        "#]],
    );
}

#[test]
fn repositories_name_the_last_layer() {
    let files = docker().change("repositories", |names| names["app"]["1"] = json!("b"));
    check_files(
        &files,
        1,
        expect![[r#"
        /nix/store/[HASH]-image.tar is wrong: 1 problem
          repositories
            says that `app:1` ends with layer `b`, but `manifest.json` says with a/layer.tar
    "#]],
    );
}

#[test]
fn repositories_that_are_none_are_told() {
    check_files(
        &docker().file("repositories", "[]"),
        1,
        expect![[r#"
            /nix/store/[HASH]-image.tar is wrong: 1 problem
              repositories
                is not what it should be: invalid type: sequence, expected an object at line 1 column 0
        "#]],
    );
}

/// Layered images have no `repositories`, and what merges them writes `null`, as `jq` does.
#[test]
fn merged_layered_images_are_right() {
    let sandbox = Sandbox::new();
    let layered = docker().without("repositories").archive();
    for image in [tars::gzip(&layered), layered] {
        let image = sandbox.file("layered.tar", image);
        sandbox.write_attrs(&json!({
            "outputs": { "out": sandbox.out() },
            "merge": { "images": [image], "platform": null },
        }));
        let merged = sandbox.builder(&["merge"]).output().unwrap();
        assert!(merged.status.success(), "{}", sandbox.stderr(&merged));
        let out = sandbox.out();
        text(&sandbox, &["verify", out.to_str().unwrap()], b"", 0);
        std::fs::remove_file(out).unwrap();
    }
}

#[test]
fn the_directory_of_a_layer_is_whole() {
    let files = docker().without("a/VERSION");
    let files = files.file("b/json", json!({ "id": "b" }).to_string());
    check_files(
        &files,
        1,
        expect![[r#"
        /nix/store/[HASH]-image.tar is wrong: 2 problems
          a/json
            has no `VERSION` beside it
          b/json
            has no `layer.tar` beside it
        note: b/json is used by nothing
    "#]],
    );
}

#[test]
fn the_json_of_a_layer_is_about_that_layer() {
    let files = docker().change("a/json", |legacy| {
        *legacy = json!({ "id": "b", "parent": "a", "Size": 1, "checksum": "tarsum.v1+sha256:0" });
    });
    let files = files.file("a/VERSION", "2.0");
    check_files(
        &files,
        1,
        expect![[r#"
        /nix/store/[HASH]-image.tar is wrong: 4 problems
          a/VERSION
            is another version than 1.0 of the format of layers
          a/json
            has `b` as `id`, which has to be the name of its directory
            has itself as `parent`
            says that `layer.tar` has 1 bytes, but it has 2560
    "#]],
    );
}

#[test]
fn the_size_that_docker_gives_a_layer_is_that_of_its_files() {
    let files = docker().change("a/json", |legacy| {
        *legacy = json!({ "id": "a", "Size": 5 });
    });
    check_files(
        &files,
        0,
        expect![[r#"
        /nix/store/[HASH]-image.tar is right: 1 image, 1 layer, 6 files
    "#]],
    );
}
