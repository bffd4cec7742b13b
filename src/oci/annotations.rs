//! The annotations of manifests and indexes, and of what they list.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use crate::oci::strict_json::{self, DocumentError, Unique};

/// Keys and values, in the order of the keys.
pub type Annotations = BTreeMap<String, String>;

/// What a manifest or an index says beside what it lists.
#[derive(Debug, Default)]
pub struct Annotated {
    pub media_type: Option<String>,
    pub annotations: Arc<Annotations>,
    /// Those of the descriptors of layers, in their order.
    pub layers: Vec<Arc<Annotations>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", expecting = "an object")]
struct Raw {
    media_type: Option<String>,
    annotations: Option<Unique<String>>,
    layers: Option<Vec<RawDescriptor>>,
    /// Read only so that what is no text is found.
    #[serde(rename = "config")]
    _config: Option<RawDescriptor>,
    #[serde(rename = "manifests")]
    _manifests: Option<Vec<RawDescriptor>>,
}

#[derive(Debug, Deserialize)]
#[serde(expecting = "an object")]
struct RawDescriptor {
    annotations: Option<Unique<String>>,
}

impl Annotated {
    /// Reads the manifest or index `text`.
    ///
    /// # Errors
    /// When it is neither, or an annotation is no text, or one key is there twice.
    pub fn parse(text: &[u8]) -> Result<Self, DocumentError> {
        let raw: Raw = strict_json::parse(text)?;
        let map = |annotations: Option<Unique<String>>| {
            annotations
                .map(|Unique(map)| Arc::new(map))
                .unwrap_or_default()
        };
        let layers = raw.layers.unwrap_or_default().into_iter();
        Ok(Self {
            media_type: raw.media_type,
            annotations: map(raw.annotations),
            layers: layers.map(|layer| map(layer.annotations)).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn annotations_are_texts_and_each_is_there_once() {
        let right = br#"{"annotations":{"b":"2","a":"1"},"layers":[{"annotations":null},{"annotations":{"c":""}}]}"#;
        let read = Annotated::parse(right).unwrap();
        assert_eq!(read.annotations.len(), 2);
        assert_eq!(read.layers.len(), 2);
        assert_eq!(read.layers[1]["c"], "");
        for wrong in [
            r#"{"annotations":{"a":1}}"#,
            r#"{"annotations":{"a":"1","a":"1"}}"#,
            r#"{"annotations":[]}"#,
            r#"{"layers":[{"annotations":{"a":null}}]}"#,
            r#"{"config":{"annotations":{"a":true}}}"#,
            r#"{"manifests":[{"annotations":{"a":{}}}]}"#,
        ] {
            assert!(Annotated::parse(wrong.as_bytes()).is_err(), "{wrong}");
        }
        assert!(Annotated::parse(br#"{"annotations":null,"layers":null}"#).is_ok());
    }
}
