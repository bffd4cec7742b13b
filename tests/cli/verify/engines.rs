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
    check_reference("app:1.2.0+20240115", 1, expect![[""]]);
    check_reference("team//app:1", 1, expect![[""]]);
    check_reference("app", 1, expect![[""]]);
}

#[test]
fn names_that_new_engines_take() {
    check_reference("[::1]:5000/app:1", 1, expect![[""]]);
}

#[test]
fn times() {
    check_config(
        |config| config["created"] = json!("20240115"),
        1,
        expect![[""]],
    );
    check_config(
        |config| config["history"][0]["created"] = json!(""),
        1,
        expect![[""]],
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
        expect![[""]],
    );
}

#[test]
fn words_for_processors_are_notes() {
    check_config(
        |config| config["architecture"] = json!("aarch64"),
        0,
        expect![[""]],
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
    check_files(&files, 1, expect![[""]]);
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
