//! `manifest.json` and `repositories`, as Docker reads them.

use serde_json::{Value, json};

use crate::bytes::digest::Sha256;
use crate::imitate::jshon;

/// The order of the keys of an image in `manifest.json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyOrder {
    /// Of nixpkgs' `buildImage`: the names come first.
    NamesFirst,
    /// Of Docker itself, and of nixpkgs' streams: the config comes first.
    ConfigFirst,
}

/// What `manifest.json` says of one image. `names` are references with tags, and `layers` names of members, lowest first.
#[must_use]
pub fn entry<N: AsRef<str>, L: AsRef<str>>(
    order: KeyOrder,
    config: &str,
    names: impl IntoIterator<Item = N>,
    layers: impl IntoIterator<Item = L>,
) -> Value {
    let names: Value = names.into_iter().map(|name| json!(name.as_ref())).collect();
    let layers: Value = layers
        .into_iter()
        .map(|layer| json!(layer.as_ref()))
        .collect();
    match order {
        KeyOrder::NamesFirst => json!({ "RepoTags": names, "Layers": layers, "Config": config }),
        KeyOrder::ConfigFirst => json!({ "Config": config, "RepoTags": names, "Layers": layers }),
    }
}

/// The legacy `repositories` of an archive with one image.
#[must_use]
pub fn repositories(name: &str, tag: &str, layer: Sha256) -> String {
    jshon::print(&json!({ name: { tag: layer.hex() } }))
}
