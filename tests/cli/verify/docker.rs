//! What `manifest.json` leads to: configs and layers.

mod names;

use expect_test::expect;
use serde_json::json;

use super::{Files, check, check_files, config, docker, docker_of, run, text};
use crate::errors::tars::{self};
use crate::sandbox::Sandbox;

/// The config that `files` have, and its name.
fn config_name(files: &Files) -> String {
    let manifest = files.json("manifest.json");
    manifest[0]["Config"].as_str().unwrap().to_owned()
}

#[test]
fn a_good_image_is_right() {
    check_files(
        &docker(),
        0,
        expect![[r#"
        /nix/store/[HASH]-image.tar is right: 1 image, 1 layer, 6 files
    "#]],
    );
}

#[test]
fn several_images_may_share_a_layer() {
    let mut other = config(&[&tars::layer()]);
    other["config"] = json!({ "Cmd": ["sh"] });
    let files = docker().file("other.json", other.to_string());
    let files = files.change("manifest.json", |manifest| {
        let other =
            json!({ "Config": "other.json", "RepoTags": ["app:2"], "Layers": ["a/layer.tar"] });
        manifest.as_array_mut().unwrap().push(other);
    });
    let files = files.change("repositories", |names| names["app"]["2"] = json!("a"));
    check_files(
        &files,
        0,
        expect![[r#"
        /nix/store/[HASH]-image.tar is right: 2 images, 1 layer, 7 files
    "#]],
    );
}

#[test]
fn a_layer_that_is_not_there_is_told() {
    let files = docker().without("a/layer.tar");
    check_files(
        &files,
        1,
        expect![[r#"
            /nix/store/[HASH]-image.tar is wrong: 2 problems
              a/json
                has no `layer.tar` beside it
              manifest.json
                names `a/layer.tar` as a layer, but there is no such file
            note: a/VERSION is used by nothing
            note: a/json is used by nothing
        "#]],
    );
}

#[test]
fn a_config_that_is_not_there_is_told() {
    let files = docker();
    let files = files.clone().without(&config_name(&files));
    check_files(
        &files,
        1,
        expect![[r#"
            /nix/store/[HASH]-image.tar is wrong: 1 problem
              manifest.json
                names `37368e3e0cff2b545f56187becbaa82ef79b75c02d5844c07c02d698832041cb.json` as a config, but there is no such file
        "#]],
    );
}

#[test]
fn a_space_before_a_config_changes_its_digest() {
    let files = docker();
    let name = config_name(&files);
    let text = format!(" {}", files.json(&name));
    check_files(
        &files.file(&name, text),
        1,
        expect![[r#"
            /nix/store/[HASH]-image.tar is wrong: 1 problem
              37368e3e0cff2b545f56187becbaa82ef79b75c02d5844c07c02d698832041cb.json
                has the digest sha256:fa67572235bc6d5d251939ee03ef70bd465dce4bee9298dd26e0ce09c3729d82, but is named as sha256:37368e3e0cff2b545f56187becbaa82ef79b75c02d5844c07c02d698832041cb
        "#]],
    );
}

#[test]
fn a_byte_behind_a_layer_changes_its_diff_id() {
    let mut layer = tars::layer();
    layer.push(0);
    let files = docker().file("a/layer.tar", layer);
    check_files(
        &files,
        1,
        expect![[r#"
            /nix/store/[HASH]-image.tar is wrong: 2 problems
              a/json
                says that `layer.tar` has 2560 bytes, but it has 2561
              a/layer.tar
                has the DiffID sha256:5980ee33cdc38055629dc115e0be48f077ec998ddeb875cec8ef661528eb7a33, but `37368e3e0cff2b545f56187becbaa82ef79b75c02d5844c07c02d698832041cb.json` lists sha256:f7f344db76ccfd488322b464d7f4fc12a1b5627a0a94e79faf02f062bdd5e322
        "#]],
    );
}

#[test]
fn a_packed_layer_has_the_diff_id_of_its_content() {
    let packed = tars::gzip(&tars::layer());
    check_files(
        &docker_of(&config(&[&tars::layer()]), &packed),
        0,
        expect![[r#"
            /nix/store/[HASH]-image.tar is right: 1 image, 1 layer, 6 files
        "#]],
    );
    check_files(
        &docker_of(&config(&[&packed]), &packed),
        1,
        expect![[r#"
            /nix/store/[HASH]-image.tar is wrong: 1 problem
              a/layer.tar
                has the DiffID sha256:f7f344db76ccfd488322b464d7f4fc12a1b5627a0a94e79faf02f062bdd5e322, but `dffdaeafc07340cd66127a20e64464920257a3ffadfdce1e6358a2c18494b3dc.json` lists sha256:56b369571079de45422a17115bc39742a12d9a0571ff4c7059bd274bae75aa39
        "#]],
    );
}

#[test]
fn a_layer_that_is_no_tar_is_told() {
    let layer = "no tar".repeat(200);
    let files = docker_of(&config(&[layer.as_bytes()]), layer.as_bytes());
    check_files(
        &files,
        1,
        expect![[r#"
        /nix/store/[HASH]-image.tar is wrong: 1 problem
          a/layer.tar
            is damaged or no tar: no tar header at byte 0: its checksum is wrong
    "#]],
    );
}

#[test]
fn a_packed_layer_that_ends_too_soon_is_told() {
    let packed = tars::gzip(&tars::layer());
    let files = docker_of(&config(&[&tars::layer()]), &packed[..packed.len() - 9]);
    check_files(
        &files,
        1,
        expect![[r#"
        /nix/store/[HASH]-image.tar is wrong: 1 problem
          a/layer.tar
            cannot be unpacked: incomplete deflate stream
    "#]],
    );
}

#[test]
fn all_that_is_wrong_with_a_config_is_told() {
    let mut config = config(&[&tars::layer()]);
    config["rootfs"]["type"] = json!("layer");
    config["history"] = json!([{}, { "empty_layer": true }, {}]);
    config["os"] = json!("");
    let files = docker_of(&config, &tars::layer());
    check_files(
        &files,
        1,
        expect![[r#"
            /nix/store/[HASH]-image.tar is wrong: 2 problems
              af437099aeae9ccd13b2f144a553910d0df4a425dd43917c2be1e4bb490d80fb.json
                does not say by `os` what the image runs on
                has history of 2 layers, but the image has 1 layer
            note: af437099aeae9ccd13b2f144a553910d0df4a425dd43917c2be1e4bb490d80fb.json: `rootfs.type` is `layer`; the specification knows only `layers`; crane refuses the image
        "#]],
    );
}

#[test]
fn a_config_that_lists_too_few_layers_is_told() {
    let mut config = config(&[]);
    config["history"] = json!([]);
    check_files(
        &docker_of(&config, &tars::layer()),
        1,
        expect![[r#"
            /nix/store/[HASH]-image.tar is wrong: 1 problem
              44babcbdb630dc940e20ece302bbe1a2a4d2ad068b23f1041adb0d45d5decdcf.json
                lists 0 DiffIDs in `rootfs.diff_ids`, but the image has 1 layer
        "#]],
    );
}

#[test]
fn a_config_that_is_none_is_told() {
    check_files(
        &docker_of(&json!([1]), &tars::layer()),
        1,
        expect![[r#"
            /nix/store/[HASH]-image.tar is wrong: 1 problem
              080a9ed428559ef602668b4c00f114f1a11c3f6b02a435f0bdc154578e4d7f22.json
                is not what it should be: invalid type: sequence, expected an object at line 1 column 0
        "#]],
    );
}

#[test]
fn names_that_are_none_and_names_of_two_images_are_told() {
    let files = docker().change("manifest.json", |manifest| {
        manifest[0]["RepoTags"] = json!(["app:1", "app", "host:5000/app", "app:1"]);
    });
    check_files(
        &files,
        1,
        expect![[r#"
            /nix/store/[HASH]-image.tar is wrong: 3 problems
              manifest.json
                `app` has no tag; write it as `app:latest`; Docker and podman refuse the image
                `host:5000/app` has no tag; write it as `host:5000/app:latest`; Docker and podman refuse the image
                names two images `app:1`
        "#]],
    );
}

#[test]
fn an_archive_that_ends_too_soon_is_checked_as_far_as_it_goes() {
    let archive = docker().archive();
    check(
        &archive[..archive.len() - 1700],
        1,
        expect![[r#"
        /nix/store/[HASH]-image.tar is wrong: 1 problem
          /nix/store/[HASH]-image.tar
            image archive `/nix/store/[HASH]-image.tar` is damaged or no tar: the tar ends at byte 7516, within a header
    "#]],
    );
}

#[test]
fn what_is_no_archive_is_told() {
    check(
        &b"no tar".repeat(200),
        1,
        expect![[r#"
        /nix/store/[HASH]-image.tar is wrong: 1 problem
          /nix/store/[HASH]-image.tar
            image archive `/nix/store/[HASH]-image.tar` is damaged or no tar: no tar header at byte 0: its checksum is wrong
    "#]],
    );
}

#[test]
fn a_tar_without_an_image_is_told() {
    check(
        &tars::layer(),
        1,
        expect![[r#"
        /nix/store/[HASH]-image.tar is wrong: 1 problem
          /nix/store/[HASH]-image.tar
            `/nix/store/[HASH]-image.tar` is no image archive and no OCI layout: it has no file `manifest.json` and no `index.json`
        note: hello is used by nothing
    "#]],
    );
}

#[test]
fn a_packed_archive_with_a_wrong_checksum_is_told() {
    let sandbox = Sandbox::new();
    let mut packed = tars::gzip(&docker().archive());
    *packed.iter_mut().nth_back(7).unwrap() ^= 1;
    let path = sandbox.file("image.tar.gz", packed);
    let said = text(&sandbox, &["verify", path.to_str().unwrap()], b"", 1);
    expect![[r#"
        /nix/store/[HASH]-image.tar.gz is wrong: 1 problem
          /nix/store/[HASH]-image.tar.gz
            cannot read image archive `/nix/store/[HASH]-image.tar.gz`: corrupt gzip stream does not have a matching checksum
    "#]].assert_eq(&said);
}

#[test]
fn programs_get_the_same_as_json() {
    let sandbox = Sandbox::new();
    let files = docker().without("a/layer.tar").file("extra", "x");
    let path = sandbox.file("image.tar", files.archive());
    let arguments = ["verify", "--json", path.to_str().unwrap()];
    expect![[r#"
        {
          "path": "/nix/store/[HASH]-image.tar",
          "right": false,
          "consistent": false,
          "refusedBy": [],
          "images": 1,
          "layers": 0,
          "files": 6,
          "problems": [
            {
              "kind": "missing",
              "file": "a/json",
              "message": "has no `layer.tar` beside it"
            },
            {
              "kind": "missing",
              "file": "manifest.json",
              "message": "names `a/layer.tar` as a layer, but there is no such file"
            }
          ],
          "moreProblems": 0,
          "notes": [
            {
              "kind": "unused",
              "file": "a/VERSION",
              "message": "is used by nothing"
            },
            {
              "kind": "unused",
              "file": "a/json",
              "message": "is used by nothing"
            },
            {
              "kind": "unused",
              "file": "extra",
              "message": "is used by nothing"
            }
          ],
          "moreNotes": 0
        }
    "#]]
    .assert_eq(&text(&sandbox, &arguments, b"", 1));
}

#[test]
fn an_image_that_cannot_be_read_ends_with_another_status() {
    let sandbox = Sandbox::new();
    let output = run(&sandbox, &["verify", "image.tar"], b"");
    expect![[r#"
        error: cannot read `image.tar`
          caused by: No such file or directory (os error 2)
    "#]]
    .assert_eq(&sandbox.stderr(&output));
    assert_eq!(output.status.code(), Some(2));
    let output = run(
        &sandbox,
        &["verify", "--limit", "maxRatios=1", "image.tar"],
        b"",
    );
    expect![[r#"
        error: cannot use `--limit`
          caused by: unknown field `maxRatios`, expected one of `maxJson`, `maxMembers`, `maxNames`, `maxLayers`, `maxManifests`, `maxNesting`, `maxUnpacked`, `maxRatio`, `maxZstdWindow`, `maxXzMemory`, `maxEntries`, `maxDepth`, `maxMetadata`, `maxValues`, `maxSeconds`, `maxEnv`, `maxLinkCopies`
    "#]].assert_eq(&sandbox.stderr(&output));
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn limits_can_be_raised_and_lowered_by_name() {
    let sandbox = Sandbox::new();
    let path = sandbox.file("image.tar", docker().archive());
    let arguments = ["verify", "--limit", "maxLayers=0", path.to_str().unwrap()];
    expect![[r#"
        /nix/store/[HASH]-image.tar is wrong: 1 problem
          manifest.json
            names an image of 1 layer; 0 are allowed, and more by `maxLayers`
        note: 37368e3e0cff2b545f56187becbaa82ef79b75c02d5844c07c02d698832041cb.json is used by nothing
        note: a/VERSION is used by nothing
        note: a/json is used by nothing
        note: a/layer.tar is used by nothing
    "#]].assert_eq(&text(&sandbox, &arguments, b"", 1));
}

/// What comes by once is kept if it may be a document. Found by the fuzz target `verify`.
#[test]
fn blanks_before_a_document_are_no_harm() {
    for blank in ["\t", "\r\n", " "] {
        let files = docker();
        let manifest = format!("{blank}{}", files.json("manifest.json"));
        check_files(
            &files.file("manifest.json", manifest),
            0,
            expect![[r#"
                /nix/store/[HASH]-image.tar is right: 1 image, 1 layer, 6 files
            "#]],
        );
    }
}

#[test]
fn no_more_than_a_thousand_problems_are_told() {
    let files = docker().change("manifest.json", |manifest| {
        manifest[0]["RepoTags"] = json!(vec!["app"; 1002]);
    });
    let mut files = files.change("repositories", |names| {
        *names = json!({});
    });
    for number in 0..1002 {
        files = files.file(&format!("extra{number}"), "");
    }
    let sandbox = Sandbox::new();
    let path = sandbox.file("image.tar", files.archive());
    let said = text(&sandbox, &["verify", path.to_str().unwrap()], b"", 1);
    let lines: Vec<&str> = said.lines().collect();
    assert!(
        lines[0].ends_with("is consistent, but not for every engine: 1002 problems"),
        "{said}"
    );
    assert!(lines.contains(&"  and 2 more problems"), "{said}");
    assert_eq!(lines.last(), Some(&"and 2 more notes"));
    assert_eq!(lines.len(), 1 + 1 + 1000 + 1 + 1000 + 1);
}
