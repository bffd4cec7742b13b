//! What `builder verify` says of images, good ones and each kind of damage: as a file, packed, and on
//! standard input, where it has to say the same.

mod docker;
mod engines;
mod entries;
mod layout;
mod legacy;
mod terminal;

use std::process::Output;

use expect_test::Expect;
use nix_image_builder::bytes::digest::Sha256;
use serde_json::{Value, json};

use crate::errors::tars::{self, Tar};
use crate::sandbox::Sandbox;
use crate::support;

/// The files of an image that can be damaged: names and contents.
#[derive(Debug, Clone, Default)]
pub(crate) struct Files(Vec<(String, Vec<u8>)>);

impl Files {
    /// Adds a file, or replaces it.
    pub(crate) fn file(mut self, name: &str, content: impl AsRef<[u8]>) -> Self {
        let content = content.as_ref().to_vec();
        match self.0.iter_mut().find(|(other, _)| other == name) {
            Some((_, old)) => *old = content,
            None => self.0.push((name.to_owned(), content)),
        }
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.0.retain(|(other, _)| other != name);
        self
    }

    pub(crate) fn json(&self, name: &str) -> Value {
        let (_, text) = self.0.iter().find(|(other, _)| other == name).unwrap();
        serde_json::from_slice(text).unwrap()
    }

    /// Changes a JSON document, and nothing that names it.
    pub(crate) fn change(self, name: &str, change: impl FnOnce(&mut Value)) -> Self {
        let mut document = self.json(name);
        change(&mut document);
        self.file(name, document.to_string())
    }

    pub(crate) fn archive(&self) -> Vec<u8> {
        let files = self.0.iter();
        files
            .fold(Tar::new(), |tar, (name, content)| tar.file(name, content))
            .finish()
    }
}

/// The config of an image with `layers`, not packed, that nothing is wrong with.
pub(crate) fn config(layers: &[&[u8]]) -> Value {
    let mut config: Value = serde_json::from_str(&tars::config_of(layers)).unwrap();
    config["os"] = json!("linux");
    config["architecture"] = json!("amd64");
    config["history"] = layers
        .iter()
        .map(|_| json!({ "created": "1970-01-01T00:00:01Z" }))
        .collect();
    config
}

/// An image as `buildImage` makes it.
pub(crate) fn docker() -> Files {
    docker_of(&config(&[&tars::layer()]), &tars::layer())
}

/// The same with another config or layer.
pub(crate) fn docker_of(config: &Value, layer: &[u8]) -> Files {
    let config = config.to_string();
    let config_name = format!("{}.json", Sha256::of(config.as_bytes()).hex());
    let manifest = json!([
        { "Config": config_name, "RepoTags": ["app:1"], "Layers": ["a/layer.tar"] },
    ]);
    let legacy = json!({ "id": "a", "Size": layer.len(), "checksum": "tarsum.v1+sha256:0" });
    Files::default()
        .file(&config_name, config)
        .file("a/VERSION", "1.0")
        .file("a/json", legacy.to_string())
        .file("a/layer.tar", layer)
        .file("manifest.json", manifest.to_string())
        .file("repositories", json!({ "app": { "1": "a" } }).to_string())
}

/// Verifies an archive, and gives what is said of it.
#[track_caller]
fn check(archive: &[u8], status: i32, expected: Expect) -> String {
    let sandbox = Sandbox::new();
    let plain = sandbox.file("image.tar", archive);
    let packed = sandbox.file("image.tar.gz", tars::gzip(archive));
    let plain = text(&sandbox, &["verify", plain.to_str().unwrap()], b"", status);
    expected.assert_eq(&plain);
    let packed = text(&sandbox, &["verify", packed.to_str().unwrap()], b"", status);
    let piped = text(&sandbox, &["verify", "-"], archive, status);
    assert_eq!(packed.replace("image.tar.gz", "image.tar"), plain);
    let name = "/nix/store/[HASH]-image.tar";
    assert_eq!(piped.replace("standard input", name), plain);
    plain
}

#[track_caller]
fn check_files(files: &Files, status: i32, expected: Expect) {
    check(&files.archive(), status, expected);
}

/// What `builder` prints, with the paths that change from run to run replaced.
#[track_caller]
pub(crate) fn text(sandbox: &Sandbox, arguments: &[&str], input: &[u8], status: i32) -> String {
    let output = run(sandbox, arguments, input);
    assert_eq!(output.status.code(), Some(status), "{output:?}");
    assert_eq!(sandbox.stderr(&output), "");
    sandbox.shown(&output.stdout)
}

pub(crate) fn run(sandbox: &Sandbox, arguments: &[&str], input: &[u8]) -> Output {
    support::output(&mut sandbox.builder(arguments), input)
}

/// In the log of a build, an image that comes slowly is said to be on its way, every ten seconds; one
/// that comes at once is not.
#[test]
fn a_log_says_how_far_a_slow_image_is() {
    let sandbox = Sandbox::new();
    let image = sandbox.file("image.tar", tars::image());
    let image = image.display().to_string();
    let verify = |wait: &str| {
        let script = format!(
            "{{ head -c 700 \"$1\"; sleep {wait}; tail -c +701 \"$1\"; }} | \"$0\" verify -"
        );
        let mut shell = sandbox.shell(&script, &[&image]);
        // What is wrong with the image, it prints on stdout.
        sandbox.stderr(&shell.env("NIX_LOG_FD", "2").output().unwrap())
    };
    assert_eq!(verify("0"), "");
    let said = verify("12");
    assert!(
        said.ends_with(" kB done\n") && said.lines().count() == 1,
        "{said}"
    );
}
