//! Parses the JSON documents of foreign images. What two programs would read differently is refused:
//! a key that is there twice, or that is a known one but for the case of its letters; a list in the
//! place of an object; texts that are no Unicode, even where nobody reads them.

mod strict;

use serde::de::{DeserializeOwned, Error as _};
use serde_ignored::Path;
use thiserror::Error;

use strict::Strict;

/// A document is no JSON, not what it should be, or ambiguous.
#[derive(Debug, Error)]
pub enum DocumentError {
    #[error(transparent)]
    Json(serde_json::Error),
    #[error(
        "the key `{found}` is `{known}` to programs that overlook the case of letters, and another one to the rest"
    )]
    Case { found: String, known: &'static str },
}

/// How long the message of a parser may be, in bytes: it may have a text in it, of any length.
const MAX_MESSAGE: usize = 500;

impl From<serde_json::Error> for DocumentError {
    fn from(error: serde_json::Error) -> Self {
        let message = error.to_string();
        let mut length = MAX_MESSAGE;
        if message.len() <= length {
            return Self::Json(error);
        }
        while !message.is_char_boundary(length) {
            length -= 1;
        }
        let (line, column) = (error.line(), error.column());
        Self::Json(serde_json::Error::custom(format!(
            "{}... at line {line} column {column}",
            &message[..length]
        )))
    }
}

/// Parses `text`. `known` are the keys of the objects that `T` reads; other keys are passed over,
/// unless they differ from one of these in the case of letters only: Go's `encoding/json` would
/// take them for it.
///
/// # Errors
/// When `text` is no JSON, does not fit `T`, or has a key that is read twice or in two ways; and when
/// values are within each other more than 127 deep, read or not.
pub fn parse<T: DeserializeOwned>(
    text: &[u8],
    known: &'static [&'static str],
) -> Result<T, DocumentError> {
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let mut ambiguous = None;
    let parsed = serde_ignored::deserialize(Strict(&mut deserializer), |path| {
        if let Path::Map { key, .. } = path
            && let Some(known) = known.iter().find(|known| folded(known) == folded(&key))
        {
            ambiguous.get_or_insert_with(|| (key.clone(), *known));
        }
    })?;
    deserializer.end()?;
    match ambiguous {
        Some((found, known)) if found != known => Err(DocumentError::Case { found, known }),
        _ => Ok(parsed),
    }
}

/// How many values the JSON `text` has at most; to tell before any of them takes memory. Each has a
/// comma or a bracket before it.
#[must_use]
pub fn values(text: &[u8]) -> usize {
    let mut count = 1;
    let mut is_within = false;
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => is_within = !is_within,
            b'\\' if is_within => {
                bytes.next();
            }
            b',' | b'[' | b'{' if !is_within => count += 1,
            _ => {}
        }
    }
    count
}

/// `key` without what case can change. There and back, since two letters beyond ASCII (`ſ` and the
/// sign of the kelvin) have a twin within.
pub(crate) fn folded(key: &str) -> String {
    key.to_lowercase().to_uppercase()
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    struct Layers {
        layers: Option<Vec<u8>>,
    }

    fn parse_layers(text: &str) -> Result<Option<Vec<u8>>, String> {
        let parsed = parse::<Layers>(text.as_bytes(), &["layers", "disk"]);
        parsed
            .map(|parsed| parsed.layers)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn keys_that_nobody_reads_may_be_anything() {
        let text = r#"{"layers":[1],"other":1,"other":2,"nested":{"Layers":[2]}}"#;
        assert_eq!(parse_layers(text), Ok(Some(vec![1])));
        assert_eq!(parse_layers(r#"{"disk":1}"#), Ok(None));
    }

    #[test]
    fn a_key_that_is_there_twice_is_refused() {
        for text in [
            r#"{"layers":[1],"layers":[2]}"#,
            r#"{"layers":[1],"l\u0061yers":[2]}"#,
        ] {
            let error = parse_layers(text).unwrap_err();
            assert!(error.starts_with("duplicate field `layers`"), "{error}");
        }
    }

    #[test]
    fn a_key_in_another_case_is_refused() {
        for text in [
            r#"{"layers":[1],"Layers":[2]}"#,
            r#"{"LAYERS":[1]}"#,
            r#"{"layer\u017f":[1]}"#,
            r#"{"dis\u212a":[1]}"#,
        ] {
            let error = parse_layers(text).unwrap_err();
            assert!(error.contains("overlook the case of letters"), "{error}");
        }
    }

    #[test]
    fn a_list_is_no_object() {
        for text in ["[[1]]", "[]", "[[1],[2]]"] {
            let error = parse_layers(text).unwrap_err();
            assert!(error.starts_with("invalid type: sequence"), "{error}");
        }
        #[derive(Debug, Deserialize)]
        #[expect(dead_code, reason = "it is about what cannot be read")]
        struct Nested {
            some: Option<Vec<Layers>>,
        }
        let parse_nested = |text: &str| parse::<Nested>(text.as_bytes(), &[]).is_ok();
        assert!(parse_nested(r#"{"some":[{"layers":[1]}]}"#));
        assert!(!parse_nested(r#"{"some":[[[1]]]}"#));
    }

    #[test]
    fn texts_that_nobody_reads_are_texts() {
        let parse_other = |value: &[u8]| {
            let text = [br#"{"other":[{"a":"#, value, b"}]}"].concat();
            let parsed = parse::<Layers>(&text, &[]);
            parsed.map(|_| ()).map_err(|error| error.to_string())
        };
        for good in [
            &br#""\ud83d\ude00""#[..],
            "\"é\"".as_bytes(),
            b"1e999",
            b"-0",
        ] {
            assert_eq!(parse_other(good), Ok(()));
        }
        for (wrong, expected) in [
            (&b"\"\xff\""[..], "invalid unicode code point"),
            (b"\"\xed\xa0\x80\"", "invalid unicode code point"),
            (br#""\ud83d""#, "hex escape"),
            (br#""\ude00\ud83d""#, "lone leading surrogate"),
            (b"\"\n\"", "control character"),
        ] {
            let error = parse_other(wrong).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
        let text = b"{\"\xff\":1}";
        assert!(parse::<Layers>(text, &[]).is_err());
        assert!(parse::<Layers>(br#"{"\ud83d":1}"#, &[]).is_err());
    }

    #[test]
    fn values_are_counted_wherever_they_stand() {
        for (text, count) in [
            ("1", 1),
            (r#"[1,"a,[\"{",{}]"#, 5),
            (r#"{"a,":[0,[]],"b\\":{"c":1}}"#, 7),
        ] {
            assert!(values(text.as_bytes()) >= count, "{text}");
            assert!(values(text.as_bytes()) <= 2 * count, "{text}");
        }
        let text = format!("[{}0]", "0,".repeat(99));
        assert_eq!(values(text.as_bytes()), 101);
    }

    #[test]
    fn a_second_document_behind_the_first_is_refused() {
        let error = parse_layers(r#"{"layers":[1]} {"layers":[2]}"#).unwrap_err();
        assert!(error.starts_with("trailing characters"), "{error}");
    }

    #[test]
    fn nesting_without_end_is_an_error() {
        let deep = "[".repeat(1 << 20);
        assert!(parse_layers(&format!("{{\"other\":{deep}")).is_err());
        assert!(parse_layers(&format!("{{\"layers\":{deep}")).is_err());
    }
}
