//! `manifest.json` and `repositories`, as nixpkgs writes them.

use serde_json::json;

use crate::bytes::digest::Sha256;
use crate::imitate::{jq, jshon};

/// The `manifest.json` of an archive with one image. `layers` are names of members, lowest first.
#[must_use]
pub fn manifest(name: &str, tag: &str, layers: &[String], config: &str) -> String {
    jq::print(&json!([{
        "RepoTags": [format!("{name}:{tag}")],
        "Layers": layers,
        "Config": config,
    }]))
}

/// The legacy `repositories` of an archive with one image.
#[must_use]
pub fn repositories(name: &str, tag: &str, layer: Sha256) -> String {
    jshon::print(&json!({ name: { tag: layer.hex() } }))
}
