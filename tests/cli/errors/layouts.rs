//! Makes OCI layouts, good ones and bad ones, as archives and as directories.

use std::fs;
use std::path::PathBuf;

use nix_image_builder::bytes::digest::Algorithm;
use nix_image_builder::oci::descriptor;
use serde_json::{Value, json};

use super::tars::{self, Tar};
use crate::sandbox::Sandbox;

pub(crate) const INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
pub(crate) const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// A layout that grows: names and contents of its files.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    files: Vec<(String, Vec<u8>)>,
    /// By which blobs are called from here on.
    algorithm: Algorithm,
}

impl Layout {
    /// One without an index yet.
    pub(crate) fn new() -> Self {
        let layout = Self {
            files: Vec::new(),
            algorithm: Algorithm::Sha256,
        };
        layout.file("oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#)
    }

    /// Calls blobs by `algorithm` from here on.
    pub(crate) fn call_by(&mut self, algorithm: Algorithm) {
        self.algorithm = algorithm;
    }

    pub(crate) fn file(mut self, name: &str, content: impl AsRef<[u8]>) -> Self {
        self.files.retain(|(other, _)| other != name);
        self.files
            .push((name.to_owned(), content.as_ref().to_vec()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.files.retain(|(other, _)| other != name);
        self
    }

    /// Names and contents.
    pub(crate) fn files(&self) -> &[(String, Vec<u8>)] {
        &self.files
    }

    /// What the file `name` has.
    pub(crate) fn content(&self, name: &str) -> Vec<u8> {
        let mut files = self.files.iter();
        let (_, content) = files.find(|(other, _)| other == name).unwrap();
        content.clone()
    }

    /// Adds a blob; gives its descriptor.
    pub(crate) fn blob(&mut self, media_type: &str, content: impl AsRef<[u8]>) -> Value {
        let content = content.as_ref();
        let digest = self.algorithm.digest(content);
        self.files
            .push((descriptor::blob_path(digest), content.to_vec()));
        json!({ "mediaType": media_type, "digest": digest.to_string(), "size": content.len() })
    }

    /// Adds an image of `layers`, each with its media type, whose uncompressed contents are `tars`.
    pub(crate) fn image(&mut self, layers: &[(&str, &[u8])], tars: &[&[u8]]) -> Value {
        let config = tars::config_of(tars);
        let layers: Vec<Value> = layers
            .iter()
            .map(|(media_type, layer)| self.blob(media_type, layer))
            .collect();
        let config = self.blob(CONFIG, config);
        self.manifest(&config, &layers)
    }

    pub(crate) fn manifest(&mut self, config: &Value, layers: &[Value]) -> Value {
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": config,
            "layers": layers,
        });
        self.blob(MANIFEST, manifest.to_string())
    }

    /// Adds the index of `images`.
    pub(crate) fn index(self, images: &[Value]) -> Self {
        self.file("index.json", index_of(images).to_string())
    }

    pub(crate) fn archive(&self) -> Tar {
        let files = self.files.iter();
        files.fold(Tar::new(), |tar, (name, content)| tar.file(name, content))
    }

    pub(crate) fn directory(&self, sandbox: &Sandbox) -> PathBuf {
        let path = sandbox.directory("layout", &[]);
        for (name, content) in &self.files {
            let file = path.join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, content).unwrap();
        }
        path
    }
}

pub(crate) fn index_of(images: &[Value]) -> Value {
    json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": images })
}

/// The layout of one image with one plain layer.
pub(crate) fn plain() -> Layout {
    let mut layout = Layout::new();
    let layer = tars::layer();
    let image = layout.image(&[(LAYER, &layer)], &[&layer]);
    layout.index(&[image])
}
