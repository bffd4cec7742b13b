//! Manifests and indexes as we write them: JSON without blanks, with the keys in the order of Go's tools.

use serde_json::{Map, Value, json};

use crate::image::blob::{self, Blob};
use crate::image::parts::ConfigFacts;
use crate::oci::annotations::Annotations;
use crate::oci::media_type;

/// The key by which skopeo and podman find an image of a layout.
pub const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// The key by which containerd and Docker name an image that they import: a whole reference.
pub const IMAGE_NAME: &str = "io.containerd.image.name";

/// The manifest of an image.
#[must_use]
pub fn manifest(config: &Blob, layers: &[Blob], annotations: &Annotations) -> Blob {
    let layers: Vec<_> = layers.iter().map(Blob::descriptor).collect();
    let mut manifest = document(media_type::MANIFEST);
    manifest.insert("config".to_owned(), config.descriptor().into());
    manifest.insert("layers".to_owned(), json!(layers));
    blob::annotate(&mut manifest, annotations);
    Blob::document(media_type::MANIFEST, text(manifest))
}

/// An index of `manifests`, which are descriptors, in their order.
#[must_use]
pub fn index(manifests: &[Map<String, Value>], annotations: &Annotations) -> Blob {
    let mut index = document(media_type::INDEX);
    index.insert("manifests".to_owned(), json!(manifests));
    blob::annotate(&mut index, annotations);
    Blob::document(media_type::INDEX, text(index))
}

/// The descriptor of an image's manifest, which runs on what its config says.
#[must_use]
pub fn for_platform(manifest: &Blob, facts: &ConfigFacts) -> Map<String, Value> {
    let mut descriptor = manifest.descriptor();
    if let Some(platform) = platform(facts) {
        descriptor.insert("platform".to_owned(), platform.into());
    }
    descriptor
}

/// What an image runs on, as an index says it; none if its config does not say it.
fn platform(facts: &ConfigFacts) -> Option<Map<String, Value>> {
    let is_said = |text: &&String| !text.is_empty();
    let mut platform = Map::new();
    let mut insert = |key: &str, value: Value| platform.insert(key.to_owned(), value);
    insert(
        "architecture",
        json!(facts.architecture.as_ref().filter(is_said)?),
    );
    insert("os", json!(facts.os.as_ref().filter(is_said)?));
    if let Some(version) = facts.os_version.as_ref().filter(is_said) {
        insert("os.version", json!(version));
    }
    if let Some(features) = facts.os_features.as_ref().filter(|list| !list.is_empty()) {
        insert("os.features", json!(features));
    }
    if let Some(variant) = facts.variant.as_ref().filter(is_said) {
        insert("variant", json!(variant));
    }
    Some(platform)
}

fn document(media_type: &str) -> Map<String, Value> {
    let mut document = Map::new();
    document.insert("schemaVersion".to_owned(), json!(2));
    document.insert("mediaType".to_owned(), json!(media_type));
    document
}

fn text(document: Map<String, Value>) -> Vec<u8> {
    Value::Object(document).to_string().into_bytes()
}
