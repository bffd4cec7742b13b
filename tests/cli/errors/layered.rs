//! Messages about layered and streamed images: their customisation layer, their description, and
//! the image that a description becomes.

mod closure;
mod customisation;
mod description;
mod full;
mod stream;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use expect_test::Expect;
use nix_image_builder::bytes::digest::Sha256;
use serde_json::{Value, json};

use super::FAILED;
use super::tars::{self, Tar};
use crate::sandbox::Sandbox;

/// The attributes of a description that can be built: of an image with the store paths `leaf` and
/// `root`, which refers to `leaf`, in a layer each, and of a customisation layer.
pub(crate) fn description_attrs(sandbox: &Sandbox) -> Value {
    let checksum = format!("{}\n", Sha256::of(&tars::layer()).hex());
    let customisation = sandbox.directory("customisation", &[("checksum", &checksum)]);
    fs::write(customisation.join("layer.tar"), tars::layer()).unwrap();
    let leaf = sandbox.directory("leaf", &[("file", "leaf")]);
    let root = sandbox.directory("root", &[("file", "root")]);
    let config = json!({ "config": { "Env": ["B=1"] }, "architecture": "amd64", "os": "linux" });
    json!({
        "outputs": { "out": sandbox.out() },
        "graph": [
            { "path": leaf, "narSize": 1, "references": [] },
            { "path": root, "narSize": 1, "references": [leaf] },
        ],
        "description": {
            "name": "test",
            "tag": "1",
            "baseJson": sandbox.file("base.json", config.to_string()),
            "customisationLayer": customisation,
            "fromImage": null,
            "created": "1970-01-01T00:00:01Z",
            "mtime": "1970-01-01T00:00:01Z",
            "uid": 0,
            "gid": 0,
            "uname": "root",
            "gname": "root",
            "maxLayers": 100,
            "layeringPipeline": null,
            "includeStorePaths": true,
            "debug": false,
            "storeDir": sandbox.root().join("store"),
        },
    })
}

/// Describes an image whose attributes `change` has made bad.
#[track_caller]
fn check_description(change: impl FnOnce(&Sandbox, &mut Value), expected: Expect) {
    let sandbox = Sandbox::new();
    let mut attrs = description_attrs(&sandbox);
    change(&sandbox, &mut attrs);
    sandbox.write_attrs(&attrs);
    let output = sandbox.builder(&["description"]).output().unwrap();
    check(&sandbox, &output, FAILED, &expected);
}

/// The description of an image whose attributes `change` has changed, as a store path.
#[track_caller]
fn describe(sandbox: &Sandbox, change: impl FnOnce(&mut Value)) -> PathBuf {
    let mut attrs = description_attrs(sandbox);
    change(&mut attrs);
    let conf = sandbox.store_path("conf.json");
    attrs["outputs"]["out"] = json!(conf);
    sandbox.write_attrs(&attrs);
    let output = sandbox.builder(&["description"]).output().unwrap();
    assert!(output.status.success(), "{}", sandbox.stderr(&output));
    conf
}

/// Writes what `change` makes of the description `conf` in its place.
fn edit(conf: &Path, change: impl FnOnce(&mut Value)) {
    let mut description = serde_json::from_slice(&fs::read(conf).unwrap()).unwrap();
    change(&mut description);
    fs::write(conf, description.to_string()).unwrap();
}

/// `builder layered-image` on the description `conf`.
fn layered_image(sandbox: &Sandbox, conf: &Path, compressor: &str) -> Command {
    sandbox.write_attrs(&json!({
        "outputs": { "out": sandbox.out() },
        "layeredImage": { "conf": conf, "compressor": compressor },
    }));
    sandbox.builder(&["layered-image"])
}

/// `builder stream` on the description `conf`.
fn stream(sandbox: &Sandbox, conf: &Path) -> Command {
    sandbox.builder(&["stream", conf.to_str().unwrap()])
}

/// An image archive of `count` layers.
fn base_of(count: usize) -> Vec<u8> {
    let names: Vec<String> = (0..count)
        .map(|layer| format!("{layer}/layer.tar"))
        .collect();
    let manifest = json!([{ "Config": "config.json", "RepoTags": ["base:1"], "Layers": names }]);
    let archive = Tar::new().file(
        "config.json",
        tars::config_of(&vec![&*tars::layer(); count]),
    );
    let layer = |archive: Tar, name: &String| archive.file(name, tars::layer());
    let archive = names.iter().fold(archive, layer);
    archive.file("manifest.json", manifest.to_string()).finish()
}

/// `text` without what changes from run to run, because descriptions and layers hold the names of
/// temporary directories: digests and columns.
pub(crate) fn without_chance(text: &str) -> String {
    const DIGITS: usize = 64;
    let mut kept = String::new();
    let mut digits = String::new();
    for char in text.chars().chain(['\0']) {
        if matches!(char, '0'..='9' | 'a'..='f') {
            digits.push(char);
            continue;
        }
        let is_column = kept.ends_with(" column ");
        kept += match digits.len() {
            DIGITS => "[DIGEST]",
            _ if is_column => "[COLUMN]",
            _ => &digits,
        };
        kept.push(char);
        digits.clear();
    }
    kept.pop();
    kept
}

/// `output` has to have `status` and say `expected`, and no output may be left.
#[track_caller]
pub(crate) fn check(sandbox: &Sandbox, output: &Output, status: i32, expected: &Expect) {
    let stderr = without_chance(&sandbox.stderr(output));
    expected.assert_eq(&stderr);
    assert_eq!(output.status.code(), Some(status), "{stderr}");
    assert!(!sandbox.out().exists(), "the output is still there");
}

#[test]
fn what_the_tests_start_from_can_be_built() {
    let sandbox = Sandbox::new();
    let base = sandbox.file("base.tar", base_of(10));
    let conf = describe(&sandbox, |attrs| {
        attrs["description"]["fromImage"] = json!(base);
    });
    let streamed = stream(&sandbox, &conf).output().unwrap();
    assert!(streamed.status.success(), "{}", sandbox.stderr(&streamed));
    let built = layered_image(&sandbox, &conf, "none").output().unwrap();
    assert!(built.status.success(), "{}", sandbox.stderr(&built));
    assert!(fs::read(sandbox.out()).unwrap() == streamed.stdout);
}
