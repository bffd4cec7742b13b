//! The kinds of documents: what is in each, and how we and Go read it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use nix_image_builder::bytes::digest::Sha256;
use nix_image_builder::foreign::archive::index;
use nix_image_builder::foreign::images;
use nix_image_builder::foreign::images::selector::Selector;
use nix_image_builder::oci::descriptor::Descriptor;
use nix_image_builder::oci::image_config::ImageConfig;
use nix_image_builder::oci::manifest::Manifest;
use nix_image_builder::request::limits::Limits;
use serde_json::{Value, json};

use super::json::{Json, string, text};
use crate::support::{Verdict, command, judge, stdout};

/// The key by which a layout calls an image.
pub(super) const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// `tests/judges/readjson.go`, built.
pub(super) fn go() -> &'static Path {
    static GO: OnceLock<PathBuf> = OnceLock::new();
    GO.get_or_init(|| {
        let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("readjson");
        let mut go = command("go");
        go.env("GO111MODULE", "off").args(["build", "-o"]);
        stdout(go.arg(&program).arg(judge("readjson.go")), b"");
        program
    })
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Config,
    Manifest,
    Docker,
}

impl Kind {
    /// What the judge calls it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Manifest => "manifest",
            Self::Docker => "docker",
        }
    }

    /// A document in which every key that we read is there.
    pub(super) fn whole(self) -> Json {
        let digest = string(&Sha256::of(b"x").to_string());
        let descriptor = |kind: &str| {
            let media_type = string(&format!("application/vnd.oci.image.{kind}"));
            Json::object(&[
                ("mediaType", media_type),
                ("digest", digest.clone()),
                ("size", text(3)),
                (
                    "annotations",
                    Json::object(&[("a", string("b")), (REF_NAME, string("v1"))]),
                ),
            ])
        };
        match self {
            Self::Config => Json::object(&[
                ("architecture", string("arm")),
                ("os", string("linux")),
                ("variant", string("v7")),
                (
                    "config",
                    Json::object(&[("Env", Json::List(vec![string("A=1"), string("B=2")]))]),
                ),
                (
                    "rootfs",
                    Json::object(&[("diff_ids", Json::List(vec![digest]))]),
                ),
            ]),
            Self::Manifest => Json::object(&[
                ("schemaVersion", text(2)),
                (
                    "mediaType",
                    string("application/vnd.oci.image.manifest.v1+json"),
                ),
                ("config", descriptor("config.v1+json")),
                ("layers", Json::List(vec![descriptor("layer.v1.tar")])),
            ]),
            Self::Docker => Json::List(vec![Json::object(&[
                ("Config", string("c.json")),
                ("RepoTags", Json::List(vec![string("app:1")])),
                ("Layers", Json::List(vec![string("a"), string("b")])),
            ])]),
        }
    }

    /// Where [`Self::whole`] has objects whose keys are read.
    pub(super) fn objects(self) -> &'static [&'static [&'static str]] {
        match self {
            Self::Config => &[&[], &["config"], &["rootfs"]],
            Self::Manifest => &[&[], &["config"], &["layers", "0"]],
            Self::Docker => &[&["0"]],
        }
    }

    /// What we read of `text`, in the form of the judge.
    pub(super) fn ours(self, text: &str) -> Result<Value, String> {
        let bytes = text.as_bytes();
        match self {
            Self::Config => {
                let config = ImageConfig::parse(bytes).map_err(|error| error.to_string())?;
                let diff_ids = config.rootfs.diff_ids.iter();
                let diff_ids = diff_ids.map(|one| json!(one.to_string()));
                Ok(json!({
                    "architecture": config.architecture.unwrap_or_default(),
                    "os": config.os.unwrap_or_default(),
                    "variant": config.variant.unwrap_or_default(),
                    "config": { "Env": config.config.env },
                    "rootfs": { "diff_ids": diff_ids.collect::<Vec<_>>() },
                }))
            }
            Self::Manifest => {
                let manifest = Manifest::parse(bytes).map_err(|error| error.to_string())?;
                let of = |one: &Descriptor| {
                    let name = &one.annotations.ref_name;
                    json!([
                        one.digest.to_string(),
                        one.size,
                        name.clone().unwrap_or_default()
                    ])
                };
                let layers: Vec<_> = manifest.layers.iter().map(of).collect();
                Ok(json!({ "config": of(&manifest.config), "layers": layers }))
            }
            Self::Docker => {
                let directory = tempfile::tempdir().unwrap();
                std::fs::write(directory.path().join("manifest.json"), bytes).unwrap();
                let archive = index::index_directory(directory.path(), &Limits::default());
                let images = images::list(&archive.unwrap(), Selector::default());
                let images = images.map_err(|error| {
                    std::error::Error::source(&error)
                        .map_or(error.to_string(), |one| one.to_string())
                })?;
                let images = images.iter().map(|image| {
                    let layers: Vec<_> = image.layers.iter().map(|layer| &layer.name).collect();
                    json!({ "Config": image.config.name, "RepoTags": image.names, "Layers": layers })
                });
                Ok(images.collect())
            }
        }
    }

    /// What Go reads of each of `texts`; none where it refuses one.
    pub(super) fn gos(self, texts: &[String]) -> Vec<Option<Value>> {
        let lines: String = texts.iter().map(|text| format!("{text}\n")).collect();
        let read = stdout(Command::new(go()).arg(self.name()), lines.as_bytes());
        let read = String::from_utf8(read).unwrap();
        let read: Vec<_> = read.lines().map(|line| self.plain(line)).collect();
        assert_eq!(read.len(), texts.len());
        read
    }

    /// A line of the judge in which what is empty is not `null`, and with no more than [`Self::ours`] has.
    pub(super) fn plain(self, line: &str) -> Option<Value> {
        let mut read: Value = serde_json::from_str(line).ok()?;
        let or_empty = |value: &mut Value| {
            if value.is_null() {
                *value = json!([]);
            }
        };
        match self {
            Self::Config => {
                or_empty(&mut read["config"]["Env"]);
                or_empty(&mut read["rootfs"]["diff_ids"]);
            }
            Self::Manifest => {
                let of = |one: &Value| {
                    let name = one["annotations"][REF_NAME].as_str().unwrap_or_default();
                    json!([one["digest"], one["size"], name])
                };
                let layers = read["layers"]
                    .as_array()
                    .map(|all| all.iter().map(of).collect());
                read = json!({
                    "config": of(&read["config"]),
                    "layers": layers.unwrap_or_else(|| json!([])),
                });
            }
            Self::Docker => {
                for image in read.as_array_mut()? {
                    or_empty(&mut image["RepoTags"]);
                    or_empty(&mut image["Layers"]);
                }
            }
        }
        Some(read)
    }

    /// Whatever we take of `texts`, Go reads alike.
    pub(super) fn is_as_go_reads(self, texts: &[String]) -> Verdict {
        for (text, go) in texts.iter().zip(self.gos(texts)) {
            let ours = self.ours(text);
            if let Ok(ours) = ours
                && Some(&ours) != go.as_ref()
            {
                return Err(format!("{text}\nours: {ours}\nGo's: {go:?}"));
            }
        }
        Ok(())
    }
}
