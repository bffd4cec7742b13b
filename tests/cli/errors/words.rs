//! What users say of an image: errors about what no engine takes, and warnings about what some engines
//! refuse, or read otherwise than it was meant.

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::tars::{self, Tar};
use super::{check_image, image_attrs};
use crate::sandbox::Sandbox;

/// The base JSON of an image with `config`.
fn base_json(config: &Value) -> String {
    json!({
        "architecture": "amd64",
        "config": config,
        "created": "1970-01-01T00:00:01Z",
        "os": "linux",
    })
    .to_string()
}

/// Builds an image that has to be refused.
#[track_caller]
fn refused(key: &str, value: &Value, expected: Expect) {
    check_image(|_, attrs| attrs["image"][key] = value.clone(), expected);
}

/// Builds an image whose base JSON has to be refused.
#[track_caller]
fn refused_json(json: &str, expected: Expect) {
    check_image(
        |sandbox, attrs| attrs["image"]["baseJson"] = json!(sandbox.file("base.json", json)),
        expected,
    );
}

/// Builds an image that `change` makes odd, and shows the warnings. Gives the image's config.
#[track_caller]
fn warned(change: impl FnOnce(&Sandbox, &mut Value), expected: Expect) -> Value {
    let sandbox = Sandbox::new();
    let mut attrs = image_attrs(&sandbox);
    change(&sandbox, &mut attrs);
    sandbox.write_attrs(&attrs);
    let output = sandbox.builder(&["image"]).output().unwrap();
    let stderr = sandbox.stderr(&output);
    assert!(output.status.success(), "{stderr}");
    let warnings = stderr.lines().filter(|line| line.starts_with("warning"));
    let warnings: String = warnings.map(|line| format!("{line}\n")).collect();
    expected.assert_eq(&warnings);
    config_in(&sandbox)
}

/// The config of the image that has been built.
fn config_in(sandbox: &Sandbox) -> Value {
    let image = std::fs::File::open(sandbox.out()).unwrap();
    let mut archive = tar::Archive::new(image);
    let mut members = archive.entries().unwrap().map(Result::unwrap);
    let config = members.find(|member| {
        let name = member.path().unwrap().display().to_string();
        name.ends_with(".json") && name != "manifest.json"
    });
    serde_json::from_reader(config.unwrap()).unwrap()
}

/// An image archive for `architecture` that has one layer `count` times.
fn base(architecture: &str, count: usize) -> Vec<u8> {
    let layer = tars::layer();
    let mut config: Value = serde_json::from_str(&tars::config_of(&vec![&*layer; count])).unwrap();
    config["os"] = json!("linux");
    config["architecture"] = json!(architecture);
    let layers = vec!["a/layer.tar"; count];
    let manifest = json!([{ "Config": "config.json", "RepoTags": ["base:1"], "Layers": layers }]);
    Tar::new()
        .file("config.json", config.to_string())
        .file("a/layer.tar", layer)
        .file("manifest.json", manifest.to_string())
        .finish()
}

/// Builds an image on `base`, and shows the warnings.
#[track_caller]
fn warned_on(base: &[u8], expected: Expect) {
    warned(
        |sandbox, attrs| {
            attrs["image"]["fromImage"] = json!(sandbox.file("base.tar", base));
            attrs["image"]["baseJson"] = json!(sandbox.file("base.json", base_json(&json!({}))));
        },
        expected,
    );
}

#[track_caller]
fn warned_json(json: &str, expected: Expect) -> Value {
    warned(
        |sandbox, attrs| attrs["image"]["baseJson"] = json!(sandbox.file("base.json", json)),
        expected,
    )
}

#[test]
fn a_tag_that_no_engine_takes_is_refused() {
    refused("tag", &json!("1.2.0+20240115"), expect![[""]]);
}

#[test]
fn a_name_that_no_engine_takes_is_refused() {
    refused("name", &json!("team//app"), expect![[""]]);
}

#[test]
fn a_name_that_some_engines_take_is_warned_of() {
    warned(
        |_, attrs| attrs["image"]["name"] = json!("[::1]:5000/app"),
        expect![[""]],
    );
}

#[test]
fn types_that_no_engine_takes_are_refused() {
    refused_json(&base_json(&json!({ "User": 1000 })), expect![[""]]);
}

#[test]
fn types_that_some_engines_take_are_warned_of() {
    let config = json!({
        "Cmd": "/bin/sh",
        "Healthcheck": { "Interval": "30s" },
    });
    warned_json(&base_json(&config), expect![[""]]);
}

#[test]
fn a_key_in_another_case_is_warned_of_and_not_lost() {
    let config = warned_json(&base_json(&json!({ "env": ["A=1"] })), expect![[""]]);
    assert_eq!(config["config"], json!({ "Env": ["A=1"] }));
}

#[test]
fn words_for_processors_are_warned_of() {
    for (architecture, expected) in [("aarch64", expect![[""]]), ("pdp11", expect![[""]])] {
        let json = base_json(&json!({})).replace("amd64", architecture);
        warned_json(&json, expected);
    }
    let json = base_json(&json!({})).replace("\"os\"", "\"variant\":\"v8\",\"os\"");
    warned_json(&json, expect![[""]]);
}

#[test]
fn a_base_for_another_platform_is_warned_of() {
    warned_on(&base("arm64", 1), expect![[""]]);
    warned_on(&base("amd64", 1), expect![[""]]);
}

#[test]
fn more_layers_than_every_engine_takes_are_warned_of() {
    warned_on(&base("amd64", 124), expect![[""]]);
    warned_on(&base("amd64", 125), expect![[""]]);
}

#[test]
fn times_are_written_as_engines_read_them() {
    let json = base_json(&json!({})).replace("1970-01-01T00:00:01Z", "20240115");
    let config = warned_json(&json, expect![[""]]);
    assert_eq!(config["created"], "2024-01-15T00:00:00+00:00");
    assert_eq!(config["history"][0]["created"], "2024-01-15T00:00:00+00:00");

    let json = base_json(&json!({})).replace("1970-01-01T00:00:01Z", "yesterday");
    refused_json(&json, expect![[""]]);
}
