//! A blob: a layer or a document, and what descriptors say of it. All that is sent or stored as blobs is made of
//! these.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::bytes::digest::{DiffId, Digest, Sha256};
use crate::oci::annotations::Annotations;
use crate::tar::plan::Content;

/// A layer or a document of an image.
#[derive(Debug)]
pub struct Blob {
    pub media_type: &'static str,
    pub digest: Digest,
    /// In bytes.
    pub size: u64,
    /// Of a layer.
    pub diff_id: Option<DiffId>,
    /// Those of its descriptor.
    pub annotations: Arc<Annotations>,
    pub content: Content,
}

impl Blob {
    /// The document `text`.
    #[must_use]
    pub fn document(media_type: &'static str, text: Vec<u8>) -> Self {
        Self {
            media_type,
            digest: Digest::Sha256(Sha256::of(&text)),
            size: text.len() as u64,
            diff_id: None,
            annotations: Arc::default(),
            content: Content::Inline(text),
        }
    }

    /// What documents say of it, with the keys in the order of Go's tools.
    #[must_use]
    pub fn descriptor(&self) -> Map<String, Value> {
        let mut descriptor = Map::new();
        descriptor.insert("mediaType".to_owned(), json!(self.media_type));
        descriptor.insert("digest".to_owned(), json!(self.digest.to_string()));
        descriptor.insert("size".to_owned(), json!(self.size));
        annotate(&mut descriptor, &self.annotations);
        descriptor
    }
}

/// Adds `annotations` to a document or descriptor, unless there are none.
pub fn annotate(object: &mut Map<String, Value>, annotations: &Annotations) {
    if !annotations.is_empty() {
        object.insert("annotations".to_owned(), json!(annotations));
    }
}
