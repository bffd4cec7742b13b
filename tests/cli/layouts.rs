//! Images as OCI layouts: what `oci-layout`, `image-index` and `convert` write, and when they do not.

mod annotations;
mod archives;
mod indexes;
mod layers;
mod links;
mod packing;
mod refused;
mod streams;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use expect_test::Expect;
use nix_image_builder::bytes::digest::Sha256;
use serde_json::{Value, json};

use crate::errors::layouts::{CONFIG, Layout};
use crate::errors::tars;
use crate::sandbox::Sandbox;
use crate::verify::config;

/// The attributes of a layout of the image in `image`, as Nix writes them where the user says nothing.
fn attrs(sandbox: &Sandbox, image: &Path) -> Value {
    json!({
        "outputs": { "out": sandbox.out() },
        "ociLayout": {
            "image": image,
            "layout": {
                "compressor": null,
                "archive": false,
                "annotations": {},
                "layerAnnotations": {},
            },
        },
    })
}

/// The attributes of an index of `images`, likewise.
fn index_attrs(sandbox: &Sandbox, images: &[PathBuf]) -> Value {
    json!({
        "outputs": { "out": sandbox.out() },
        "imageIndex": {
            "name": "app",
            "tag": "1",
            "images": images,
            "archive": false,
            "annotations": {},
            "platform": { "os": "linux", "architecture": "amd64", "variant": "" },
        },
    })
}

/// Adds an image with [`tars::layer`], which is `packed` as `media_type` says.
fn image(layout: &mut Layout, media_type: &str, packed: &[u8]) -> Value {
    let config = config(&[&tars::layer()]);
    let config = layout.blob(CONFIG, config.to_string());
    let layer = layout.blob(media_type, packed);
    layout.manifest(&config, &[layer])
}

/// Runs `subcommand` with `attrs`, which has to succeed, and gives where the output is: out of the way of the next one.
#[track_caller]
fn built(sandbox: &Sandbox, subcommand: &str, attrs: &Value, name: &str) -> PathBuf {
    sandbox.write_attrs(attrs);
    let output = sandbox.builder(&[subcommand]).output().unwrap();
    assert!(output.status.success(), "{}", sandbox.stderr(&output));
    let path = sandbox.store_path(name);
    fs::rename(sandbox.out(), &path).unwrap();
    path
}

/// Runs `convert`, which has to succeed, on `image` to a store path `name`.
#[track_caller]
fn converted(sandbox: &Sandbox, image: &Path, name: &str, options: &[&str]) -> PathBuf {
    let out = sandbox.store_path(name);
    let output = convert(sandbox, image, &out, options).output().unwrap();
    assert!(output.status.success(), "{}", sandbox.stderr(&output));
    out
}

fn convert(sandbox: &Sandbox, image: &Path, out: &Path, options: &[&str]) -> std::process::Command {
    let mut command = sandbox.builder(&["convert"]);
    command.args(options).arg(image).arg(out);
    command
}

/// Runs `convert`, which has to fail, say `expected` and leave nothing.
#[track_caller]
fn check_convert(sandbox: &Sandbox, image: &Path, options: &[&str], expected: Expect) {
    let out = sandbox.out();
    let output = convert(sandbox, image, &out, options).output().unwrap();
    expected.assert_eq(&sandbox.stderr(&output));
    assert_eq!(output.status.code(), Some(1));
    assert!(!out.exists(), "the output is still there");
}

/// All files of the directory `path`, by name.
fn files(path: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut left = vec![path.to_owned()];
    while let Some(directory) = left.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let entry = entry.unwrap().path();
            if entry.is_dir() {
                left.push(entry);
            } else {
                let name = entry
                    .strip_prefix(path)
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .to_owned();
                found.insert(name, fs::read(entry).unwrap());
            }
        }
    }
    found
}

/// A JSON document of a layout.
fn document(layout: &Path, name: &str) -> Value {
    serde_json::from_slice(&fs::read(layout.join(name)).unwrap()).unwrap()
}

/// The blob that `descriptor` is of, which has to have its size and digest.
#[track_caller]
fn blob(layout: &Path, descriptor: &Value) -> Vec<u8> {
    let digest = descriptor["digest"].as_str().unwrap();
    let content = fs::read(layout.join(format!("blobs/{}", digest.replace(':', "/")))).unwrap();
    assert_eq!(Sha256::of(&content).to_string(), digest);
    assert_eq!(descriptor["size"], json!(content.len()));
    content
}

/// What the blob of `descriptor` says.
#[track_caller]
fn parsed(layout: &Path, descriptor: &Value) -> Value {
    serde_json::from_slice(&blob(layout, descriptor)).unwrap()
}

/// The manifest of the only image.
#[track_caller]
fn manifest(layout: &Path) -> Value {
    let index = document(layout, "index.json");
    parsed(layout, &index["manifests"][0])
}

/// `verify` says that nothing is wrong with what was written.
#[track_caller]
fn check_right(sandbox: &Sandbox, image: &Path) {
    let output = sandbox.builder(&["verify"]).arg(image).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", sandbox.stderr(&output));
    assert!(!said.contains("note"), "{said}");
}
