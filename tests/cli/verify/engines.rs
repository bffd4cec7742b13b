//! What engines refuse of an image that contradicts itself nowhere.

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::{check_files, config, docker, docker_of, run};
use crate::errors::tars;
use crate::sandbox::Sandbox;

/// Checks an image with a config that `change` has changed.
#[track_caller]
fn check_config(change: impl FnOnce(&mut Value), status: i32, expected: Expect) {
    let layer = tars::layer();
    let mut config = config(&[&layer]);
    change(&mut config);
    check_files(&docker_of(&config, &layer), status, expected);
}

/// Checks an image that is called `reference`.
#[track_caller]
fn check_reference(reference: &str, status: i32, expected: Expect) {
    let files = docker().without("repositories");
    let files = files.change("manifest.json", |manifest| {
        manifest[0]["RepoTags"] = json!([reference]);
    });
    check_files(&files, status, expected);
}

#[test]
fn names_and_tags() {
    check_reference(
        "app:1.2.0+20240115",
        1,
        expect![[r#"
        /nix/store/[HASH]-image.tar is consistent, but not for every engine: 1 problem
          manifest.json
            the tag in `app:1.2.0+20240115` is `1.2.0+20240115`, but a tag is 1 to 128 letters, digits, `_`, `.` and `-`, and does not begin with `.` or `-`; write for example `1.2.0-20240115`; Docker, podman and containerd refuse the image
    "#]],
    );
    check_reference(
        "team//app:1",
        1,
        expect![[r#"
        /nix/store/[HASH]-image.tar is consistent, but not for every engine: 1 problem
          manifest.json
            the name in `team//app:1` is `team//app`, but one of its parts is empty; write it as `app`, `team/app` or `registry.example.com/team/app`; Docker, podman and containerd refuse the image
    "#]],
    );
    check_reference(
        "app",
        1,
        expect![[r#"
        /nix/store/[HASH]-image.tar is consistent, but not for every engine: 1 problem
          manifest.json
            `app` has no tag; write it as `app:latest`; Docker and podman refuse the image
    "#]],
    );
}

#[test]
fn names_that_new_engines_take() {
    check_reference(
        "[::1]:5000/app:1",
        1,
        expect![[r#"
        /nix/store/[HASH]-image.tar is consistent, but not for every engine: 1 problem
          manifest.json
            the name in `[::1]:5000/app:1` is `[::1]:5000/app`, but older engines know no IPv6 address as a registry; write it as `app`, `team/app` or `registry.example.com/team/app`; Docker before 26.1, podman and containerd before 1.7 refuse the image
    "#]],
    );
}

#[test]
fn times() {
    check_config(
        |config| config["created"] = json!("20240115"),
        1,
        expect![[r#"
            /nix/store/[HASH]-image.tar is consistent, but not for every engine: 1 problem
              1fa56b9d5bb27bd18061bd80472129eba49a78d449ba9b0c940a83587b6b20a3.json
                `created` is `20240115`, which is no time of RFC 3339; write it as `2024-01-31T12:00:00Z`; no engine takes the image
        "#]],
    );
    check_config(
        |config| config["history"][0]["created"] = json!(""),
        1,
        expect![[r#"
            /nix/store/[HASH]-image.tar is consistent, but not for every engine: 1 problem
              fd232ea155e6321f30fdc6fc039adec4f27a57caae2bbe85c022b15e7e402834.json
                `history[0].created` is ``, which is no time of RFC 3339; write it as `2024-01-31T12:00:00Z`; no engine takes the image
        "#]],
    );
}

#[test]
fn types() {
    check_config(
        |config| {
            config["author"] = json!(1);
            config["config"] = json!({ "Cmd": "/bin/sh", "User": 1000, "StopTimeout": "10" });
            config["history"][0]["empty_layer"] = json!(null);
        },
        1,
        expect![[r#"
            /nix/store/[HASH]-image.tar is consistent, but not for every engine: 4 problems
              936c46b68d66d4744ce3107983dda343c6f17f62b43942e77bf0886da778e43d.json
                `config.Cmd` is "/bin/sh"; it has to be a list of strings, such as `[ "/bin/sh" ]`; podman, containerd, skopeo and crane refuse the image
                `config.User` is 1000; it has to be a string, such as `"1000:1000"`; no engine takes the image
                `config.StopTimeout` is "10"; it has to be a whole number; Docker, podman and skopeo refuse the image
                `author` is 1; it has to be a string; no engine takes the image
        "#]],
    );
}

#[test]
fn words_for_processors_are_notes() {
    check_config(
        |config| config["architecture"] = json!("aarch64"),
        0,
        expect![[r#"
            /nix/store/[HASH]-image.tar is right: 1 image, 1 layer, 6 files
            note: 8c457983f65ce27b26f8761030674ea5064f9c22b9a9a166980fc073eb9dd566.json: `architecture` is `aarch64`, which is no word of Go for a processor, so engines do not know that the image is for theirs; write `arm64`
        "#]],
    );
}

#[test]
fn the_number_of_layers() {
    let layer = tars::layer();
    let config = config(&vec![&*layer; 126]);
    let files = docker_of(&config, &layer);
    let files = files.change("manifest.json", |manifest| {
        manifest[0]["Layers"] = json!(vec!["a/layer.tar"; 126]);
    });
    check_files(
        &files,
        1,
        expect![[r#"
        /nix/store/[HASH]-image.tar is consistent, but not for every engine: 1 problem
          manifest.json
            the image has 126 layers, and Docker takes 125 unless it keeps images in containerd's store; make it of fewer; Docker refuses the image
    "#]],
    );
}

#[test]
fn programs_are_told_which_engines_refuse_an_image() {
    let layer = tars::layer();
    let mut config = config(&[&layer]);
    config["config"] = json!({ "Cmd": "/bin/sh" });
    let sandbox = Sandbox::new();
    let image = sandbox.file("image.tar", docker_of(&config, &layer).archive());
    let output = run(
        &sandbox,
        &["verify", "--json", image.to_str().unwrap()],
        b"",
    );
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["right"], json!(false));
    assert_eq!(found["consistent"], json!(true));
    let engines = ["podman", "containerd", "skopeo", "crane"];
    assert_eq!(found["refusedBy"], json!(engines));
    let [problem] = found["problems"].as_array().unwrap().as_slice() else {
        panic!("{found:#}")
    };
    assert_eq!(problem["kind"], "configType");
    let refused_by =
        engines.map(|engine| json!({ "engine": engine, "since": null, "until": null }));
    assert_eq!(problem["refusedBy"], json!(refused_by));
}
