//! Makes OCI layouts, good ones and bad ones, as archives and as directories.

use std::fs;
use std::path::PathBuf;

use nix_image_builder::digest::Digest;
use serde_json::{Value, json};

use super::tars::{self, Tar};
use crate::sandbox::Sandbox;

pub(super) const INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(super) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(super) const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
pub(super) const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// A layout that grows: names and contents of its files.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    files: Vec<(String, Vec<u8>)>,
}

impl Layout {
    /// One without an index yet.
    pub(super) fn new() -> Self {
        Self { files: Vec::new() }.file("oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#)
    }

    pub(super) fn file(mut self, name: &str, content: impl AsRef<[u8]>) -> Self {
        self.files.retain(|(other, _)| other != name);
        self.files
            .push((name.to_owned(), content.as_ref().to_vec()));
        self
    }

    /// Adds a blob; gives its descriptor.
    pub(super) fn blob(&mut self, media_type: &str, content: impl AsRef<[u8]>) -> Value {
        let content = content.as_ref();
        let digest = Digest::of(content);
        self.files
            .push((format!("blobs/sha256/{}", digest.hex()), content.to_vec()));
        json!({ "mediaType": media_type, "digest": digest.to_string(), "size": content.len() })
    }

    /// Adds an image of `layers`, each with its media type, whose uncompressed contents are `tars`.
    pub(super) fn image(&mut self, layers: &[(&str, &[u8])], tars: &[&[u8]]) -> Value {
        let config = tars::config_of(tars);
        let layers: Vec<Value> = layers
            .iter()
            .map(|(media_type, layer)| self.blob(media_type, layer))
            .collect();
        let config = self.blob(CONFIG, config);
        self.manifest(&config, &layers)
    }

    pub(super) fn manifest(&mut self, config: &Value, layers: &[Value]) -> Value {
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": config,
            "layers": layers,
        });
        self.blob(MANIFEST, manifest.to_string())
    }

    /// Adds the index of `images`.
    pub(super) fn index(self, images: &[Value]) -> Self {
        self.file("index.json", index_of(images).to_string())
    }

    pub(super) fn archive(&self) -> Tar {
        let files = self.files.iter();
        files.fold(Tar::new(), |tar, (name, content)| tar.file(name, content))
    }

    pub(super) fn directory(&self, sandbox: &Sandbox) -> PathBuf {
        let path = sandbox.directory("layout", &[]);
        for (name, content) in &self.files {
            let file = path.join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, content).unwrap();
        }
        path
    }
}

pub(super) fn index_of(images: &[Value]) -> Value {
    json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": images })
}

/// The layout of one image with one plain layer.
pub(super) fn plain() -> Layout {
    let mut layout = Layout::new();
    let layer = tars::layer();
    let image = layout.image(&[(LAYER, &layer)], &[&layer]);
    layout.index(&[image])
}
