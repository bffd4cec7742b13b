//! Reads of a document no more than anybody needs: texts of a bounded length, and nothing for null.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// How long what names a platform, an image or a kind of blob may be, in bytes. Each of these may be in
/// memory thousands of times; the longest are references, of 255 and 128 at most.
const MAX_TEXT: usize = 1024;

/// A text that is not long.
pub(crate) fn short<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    match text.len() {
        0..=MAX_TEXT => Ok(text),
        length => Err(D::Error::custom(format_args!(
            "a name of {length} bytes, where {MAX_TEXT} are allowed"
        ))),
    }
}

/// The same of what may be missing.
pub(crate) fn short_or_none<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    struct Short(#[serde(deserialize_with = "short")] String);
    let text = Option::<Short>::deserialize(deserializer)?;
    Ok(text.map(|Short(text)| text))
}

/// What is there, and the default for `null`, which Go's programs write for what is empty.
pub(crate) fn or_default<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Default + Deserialize<'de>,
    D: Deserializer<'de>,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}
