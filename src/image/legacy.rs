//! The `json` of a layer in the format that Docker had before version 1.10.

use serde_json::Value;

use crate::bytes::digest::Sha256;
use crate::image::config::{BaseJson, ConfigError};
use crate::imitate::jshon;

/// The legacy `json` of a layer in an image, and the layer's id, which names its directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LegacyLayer {
    /// The hash of the `json` before the id itself and the size are in it.
    pub id: Sha256,
    pub json: String,
}

/// Completes the `json` of a layer's derivation. `parent` is the base's config without `.json`,
/// `size` that of the whole `layer.tar` in bytes.
///
/// # Errors
/// When `json` is not a JSON object.
pub fn legacy_layer(
    json: &[u8],
    parent: Option<&str>,
    size: u64,
) -> Result<LegacyLayer, ConfigError> {
    let BaseJson(mut members) = BaseJson::parse(json)?;
    let id = match parent {
        Some(parent) => {
            members.insert("parent".to_owned(), parent.into());
            Sha256::of(jshon::print(&Value::Object(members.clone())).as_bytes())
        }
        None => Sha256::of(json),
    };
    members.insert("id".to_owned(), id.hex().into());
    members.insert("Size".to_owned(), size.into());
    Ok(LegacyLayer {
        id,
        json: jshon::print(&Value::Object(members)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parent_is_part_of_the_layer_id_but_the_size_is_not() {
        let json = BaseJson::parse(br#"{"os":"linux"}"#)
            .unwrap()
            .layer_json("tarsum.v1+x");
        let alone = legacy_layer(json.as_bytes(), None, 1).unwrap();
        assert_eq!(alone.id, Sha256::of(json.as_bytes()));
        assert_eq!(alone.id, legacy_layer(json.as_bytes(), None, 2).unwrap().id);
        let child = legacy_layer(json.as_bytes(), Some("abc"), 1).unwrap();
        assert_ne!(alone.id, child.id);
        assert!(
            child.json.contains("\"parent\": \"abc\",\n \"id\""),
            "{}",
            child.json
        );
    }
}
