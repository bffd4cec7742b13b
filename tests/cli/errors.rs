//! Every message that `builder` can end with, whole, as someone meets it in the log of a failed
//! build; and that a build which fails leaves no output behind.

pub(crate) mod layouts;
mod limits;
pub(crate) mod tars;

mod agree;
mod archive;
mod attributes;
mod base;
mod choice;
mod digests;
mod export;
mod image;
mod layer;
pub(crate) mod layered;
mod layout;
mod merge_derivations;
mod merge_images;
mod mistaken;
mod numbers;
mod output;
mod pull;
mod robustness;
mod script;
mod tar;
mod words;

use std::path::Path;
use std::process::{Command, Output};

use expect_test::Expect;
use serde_json::{Value, json};

use crate::sandbox::Sandbox;
use tars::Tar;

/// The exit status of a build that could not be done.
const FAILED: i32 = 1;

/// What stands before an error about a base image.
const READING: &str = "listing the layer's closure
reading base image `/nix/store/[HASH]-base.tar`
error: ";

/// Runs `command`, which has to end with `status`, say `expected` and leave no output.
#[track_caller]
fn check_command(sandbox: &Sandbox, command: &mut Command, status: i32, expected: &Expect) {
    let output = command.output().unwrap();
    check_output(sandbox, &output, status, expected);
    assert!(!sandbox.out().exists(), "the output is still there");
}

#[track_caller]
fn check_output(sandbox: &Sandbox, output: &Output, status: i32, expected: &Expect) {
    let stderr = sandbox.stderr(output);
    expected.assert_eq(&stderr);
    assert_eq!(output.status.code(), Some(status), "{stderr}");
    assert_eq!(output.stdout, b"", "words on stdout");
}

/// Builds what `attrs` say by the subcommand `subcommand`, which has to fail.
#[track_caller]
pub(crate) fn check(sandbox: &Sandbox, subcommand: &str, attrs: &Value, expected: &Expect) {
    sandbox.write_attrs(attrs);
    check_command(
        sandbox,
        &mut sandbox.builder(&[subcommand]),
        FAILED,
        expected,
    );
}

/// The attributes of a layer that can be built, with nothing in it.
fn layer_attrs(sandbox: &Sandbox) -> Value {
    json!({
        "outputs": { "out": sandbox.out() },
        "layer": {
            "name": "test",
            "baseJson": sandbox.file("base.json", r#"{"created":"1970-01-01T00:00:01Z"}"#),
            "copyToRoot": [],
            "keepContentsDirlinks": false,
            "extraCommands": "",
            "uid": 0,
            "gid": 0,
            "shell": null,
        },
    })
}

/// Builds a layer whose attributes `change` has made bad.
#[track_caller]
fn check_layer(change: impl FnOnce(&Sandbox, &mut Value), expected: Expect) {
    let sandbox = Sandbox::new();
    let mut attrs = layer_attrs(&sandbox);
    change(&sandbox, &mut attrs);
    check(&sandbox, "pure-layer", &attrs, &expected);
}

/// The attributes of an image that can be built, without a base.
pub(crate) fn image_attrs(sandbox: &Sandbox) -> Value {
    let layer = sandbox.directory("layer", &[("json", "{}"), ("VERSION", "1.0")]);
    std::fs::write(layer.join("layer.tar"), Tar::new().directory("./").finish()).unwrap();
    json!({
        "outputs": { "out": sandbox.out() },
        "image": {
            "name": "test",
            "tag": null,
            "baseJson": sandbox.file("base.json", r#"{"created":"1970-01-01T00:00:01Z"}"#),
            "layer": layer,
            "layerClosure": sandbox.file("closure", format!("{}\n", layer.display())),
            "fromImage": null,
            "fromImageName": null,
            "fromImageTag": null,
            "compressor": "none",
        },
    })
}

/// Builds an image whose attributes `change` has made bad.
#[track_caller]
fn check_image(change: impl FnOnce(&Sandbox, &mut Value), expected: Expect) {
    let sandbox = Sandbox::new();
    let mut attrs = image_attrs(&sandbox);
    change(&sandbox, &mut attrs);
    check(&sandbox, "image", &attrs, &expected);
}

/// Builds an image on the archive `base`, which is no image that one can build on, or merge.
#[track_caller]
fn check_base(base: &[u8], expected: Expect) {
    check_base_alone(base, expected);
    check_merge_refuses(base);
    check_convert_refuses(base);
    check_index_holds(base);
}

/// Builds an image on the archive `base`, on which none can be built.
#[track_caller]
fn check_base_alone(base: &[u8], expected: Expect) {
    let sandbox = Sandbox::new();
    let path = sandbox.file("base.tar", base);
    let mut attrs = image_attrs(&sandbox);
    attrs["image"]["fromImage"] = json!(path);
    check(&sandbox, "image", &attrs, &expected);
    check_looks(&sandbox, &path);
}

/// The same with each of `cases`; lists the errors behind their names.
#[track_caller]
fn check_bases(cases: &[(&str, Vec<u8>)], expected: Expect) {
    let mut errors = String::new();
    for (case, base) in cases {
        // It is seen when something fails.
        eprintln!("{case}");
        let sandbox = Sandbox::new();
        let path = sandbox.file("base.tar", base);
        let mut attrs = image_attrs(&sandbox);
        attrs["image"]["fromImage"] = json!(path);
        sandbox.write_attrs(&attrs);
        let output = sandbox.builder(&["image"]).output().unwrap();
        let stderr = sandbox.stderr(&output);
        assert_eq!(output.status.code(), Some(FAILED), "{stderr}");
        assert!(!sandbox.out().exists(), "the output is still there");
        let error = stderr.strip_prefix(READING);
        errors += &format!("{case}: {}", error.unwrap_or(&stderr));
        check_looks(&sandbox, &path);
        check_merge_refuses(base);
        check_convert_refuses(base);
        check_index_holds(base);
    }
    expected.assert_eq(&errors);
}

/// `convert` makes nothing of it, neither a layout nor a tar.
#[track_caller]
fn check_convert_refuses(image: &[u8]) {
    let sandbox = Sandbox::new();
    let path = sandbox.file("image.tar", image);
    for form in ["layout", "archive"] {
        let mut command = sandbox.builder(&["convert", "--to", form]);
        let output = command.arg(&path).arg(sandbox.out()).output().unwrap();
        let stderr = sandbox.stderr(&output);
        assert_eq!(output.status.code(), Some(FAILED), "{stderr}");
        assert_eq!(stderr.matches("error: ").count(), 1, "{stderr}");
        assert!(!sandbox.out().exists(), "the output is still there");
    }
}

#[track_caller]
fn check_merge_refuses(image: &[u8]) {
    let sandbox = Sandbox::new();
    let image = sandbox.file("image.tar", image);
    sandbox.write_attrs(&json!({
        "outputs": { "out": sandbox.out() },
        "merge": { "images": [image] },
    }));
    let output = sandbox.builder(&["merge"]).output().unwrap();
    let stderr = sandbox.stderr(&output);
    assert_eq!(output.status.code(), Some(FAILED), "{stderr}");
    assert_eq!(stderr.matches("error: ").count(), 1, "{stderr}");
    assert!(!sandbox.out().exists(), "the output is still there");
}

/// `image-index`, which does not unpack layers, takes it or refuses it by one message, and leaves nothing that looks whole.
#[track_caller]
fn check_index_holds(image: &[u8]) {
    let sandbox = Sandbox::new();
    sandbox.write_attrs(&json!({
        "outputs": { "out": sandbox.out() },
        "imageIndex": {
            "name": "app",
            "tag": "1",
            "images": [sandbox.file("image.tar", image)],
            "archive": false,
            "annotations": {},
            "platform": null,
        },
    }));
    let output = sandbox.builder(&["image-index"]).output().unwrap();
    let stderr = sandbox.stderr(&output);
    let errors = stderr.matches("error: ").count();
    match output.status.code() {
        Some(0) => assert_eq!(errors, 0, "{stderr}"),
        Some(FAILED) => {
            assert_eq!(errors, 1, "{stderr}");
            assert!(!sandbox.out().exists(), "the output is still there");
        }
        _ => panic!("{}: {stderr}", output.status),
    }
}

/// `verify` finds something wrong with the image at `path`, or cannot read it; `inspect` may show it.
#[track_caller]
fn check_looks(sandbox: &Sandbox, path: &Path) {
    for subcommand in ["verify", "inspect"] {
        let mut command = sandbox.builder(&[subcommand]);
        let output = command.arg(path).output().unwrap();
        let stderr = sandbox.stderr(&output);
        let stdout = sandbox.shown(&output.stdout);
        let (errors, is_silent) = (stderr.matches("error: ").count(), stdout.is_empty());
        let is_told = match (subcommand, output.status.code()) {
            ("verify", Some(1)) => stderr.is_empty() && stdout.contains(" is wrong: "),
            ("inspect", Some(0)) => stderr.is_empty(),
            (_, Some(1 | 2)) => errors == 1 && is_silent,
            _ => false,
        };
        assert!(is_told, "{subcommand}: {}: {stdout}{stderr}", output.status);
    }
}

#[test]
fn what_the_tests_start_from_can_be_built() {
    let sandbox = Sandbox::new();
    sandbox.write_attrs(&layer_attrs(&sandbox));
    let output = sandbox.builder(&["pure-layer"]).output().unwrap();
    assert!(output.status.success(), "{}", sandbox.stderr(&output));

    for base in [
        tars::image(),
        tars::gzip(&tars::image()),
        tars::zstd(&tars::image()),
    ] {
        let sandbox = Sandbox::new();
        let mut attrs = image_attrs(&sandbox);
        attrs["image"]["fromImage"] = json!(sandbox.file("base.tar", base));
        sandbox.write_attrs(&attrs);
        let output = sandbox.builder(&["image"]).output().unwrap();
        assert!(output.status.success(), "{}", sandbox.stderr(&output));
        assert!(sandbox.out().exists());
    }
}
