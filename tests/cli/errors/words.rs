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
    refused(
        "tag",
        &json!("1.2.0+20240115"),
        expect![[r#"
        error: cannot build image `test`
          caused by: `tag` is `1.2.0+20240115`, but a tag is 1 to 128 letters, digits, `_`, `.` and `-`, and does not begin with `.` or `-`; write for example `1.2.0-20240115`; Docker, podman and containerd refuse the image
    "#]],
    );
}

#[test]
fn a_name_that_no_engine_takes_is_refused() {
    refused(
        "name",
        &json!("team//app"),
        expect![[r#"
        error: cannot build image `team//app`
          caused by: `name` is `team//app`, but one of its parts is empty; write it as `app`, `team/app` or `registry.example.com/team/app`; Docker, podman and containerd refuse the image
    "#]],
    );
}

#[test]
fn a_name_that_some_engines_take_is_warned_of() {
    warned(
        |_, attrs| attrs["image"]["name"] = json!("[::1]:5000/app"),
        expect![[r#"
            warning: `name` is `[::1]:5000/app`, but older engines know no IPv6 address as a registry; write it as `app`, `team/app` or `registry.example.com/team/app`; Docker before 26.1, podman and containerd before 1.7 refuse the image
        "#]],
    );
}

#[test]
fn types_that_no_engine_takes_are_refused() {
    refused_json(
        &base_json(&json!({ "User": 1000 })),
        expect![[r#"
        error: cannot build image `test`
          caused by: `config.User` is 1000; it has to be a string, such as `"1000:1000"`; no engine takes the image
    "#]],
    );
}

#[test]
fn types_that_some_engines_take_are_warned_of() {
    let config = json!({
        "Cmd": "/bin/sh",
        "Healthcheck": { "Interval": "30s" },
    });
    warned_json(
        &base_json(&config),
        expect![[r#"
        warning: `config.Cmd` is "/bin/sh"; it has to be a list of strings, such as `[ "/bin/sh" ]`; podman, containerd, skopeo and crane refuse the image
        warning: `config.Healthcheck.Interval` is "30s"; it has to be a whole number of nanoseconds, such as `30000000000` for 30 seconds; Docker, podman, skopeo and crane refuse the image
    "#]],
    );
}

#[test]
fn a_key_in_another_case_is_warned_of_and_not_lost() {
    let config = warned_json(
        &base_json(&json!({ "env": ["A=1"] })),
        expect![[r#"
        warning: `config.env` is `Env` to Go's programs, which overlook the case of letters, and nothing to all others; write it `Env`
    "#]],
    );
    assert_eq!(config["config"], json!({ "Env": ["A=1"] }));
}

#[test]
fn words_for_processors_are_warned_of() {
    for (architecture, expected) in [
        (
            "aarch64",
            expect![[r#"
        warning: `architecture` is `aarch64`, which is no word of Go for a processor, so engines do not know that the image is for theirs; write `arm64`
    "#]],
        ),
        (
            "pdp11",
            expect![[r#"
                warning: `architecture` is `pdp11`, which is no word of Go for a processor, so engines do not know that the image is for theirs; write one of Go's words for processors, such as `amd64` or `arm64`
            "#]],
        ),
    ] {
        let json = base_json(&json!({})).replace("amd64", architecture);
        warned_json(&json, expected);
    }
    let json = base_json(&json!({})).replace("\"os\"", "\"variant\":\"v8\",\"os\"");
    warned_json(
        &json,
        expect![[r#"
        warning: `variant` is `v8`, which `amd64` does not have, so engines do not know that the image is for their processor; leave it out, or write one of `v1`, `v2`, `v3`, `v4`
    "#]],
    );
}

#[test]
fn a_base_for_another_platform_is_warned_of() {
    warned_on(
        &base("arm64", 1),
        expect![[r#"
        warning: base image `/nix/store/[HASH]-base.tar` is for linux/arm64, but the image that is built on it says linux/amd64; take a base for `amd64`, or set `architecture = "arm64"`
    "#]],
    );
    warned_on(&base("amd64", 1), expect![[""]]);
}

#[test]
fn more_layers_than_every_engine_takes_are_warned_of() {
    warned_on(&base("amd64", 124), expect![[""]]);
    warned_on(
        &base("amd64", 125),
        expect![[r#"
        warning: the image has 126 layers, and Docker takes 125 unless it keeps images in containerd's store; take a base with fewer layers; Docker refuses the image
    "#]],
    );
}

#[test]
fn times_are_written_as_engines_read_them() {
    let json = base_json(&json!({})).replace("1970-01-01T00:00:01Z", "20240115");
    let config = warned_json(&json, expect![[""]]);
    assert_eq!(config["created"], "2024-01-15T00:00:00+00:00");
    assert_eq!(config["history"][0]["created"], "2024-01-15T00:00:00+00:00");

    let json = base_json(&json!({})).replace("1970-01-01T00:00:01Z", "yesterday");
    refused_json(
        &json,
        expect![[r#"
        error: cannot use `/nix/store/[HASH]-base.json`
          caused by: `created` is `yesterday`, which is no time; write it as `2024-01-31T12:00:00Z`, `@` and seconds since 1970, or `now`
    "#]],
    );
}
