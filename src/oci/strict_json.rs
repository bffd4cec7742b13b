//! Parses the JSON documents of foreign images as Go's `encoding/json` reads them, since every engine is
//! written in Go. What two programs would read differently is refused: a key that is there twice, or
//! once more in another case; a list in the place of an object; texts that are no Unicode, even where
//! nobody reads them.

pub mod keys;
pub mod deserializer;

use serde::de::{DeserializeOwned, Error as _};
use thiserror::Error;

use self::deserializer::Strict;
use self::keys::Spellings;

pub use self::keys::{Exact, Respelled, Unique, is_same_key};

/// A document is no JSON, not what it should be, or ambiguous.
#[derive(Debug, Error)]
#[error(transparent)]
pub struct DocumentError(serde_json::Error);

/// How long the message of a parser may be, in bytes: it may have a text in it, of any length.
const MAX_MESSAGE: usize = 500;

impl From<serde_json::Error> for DocumentError {
    fn from(error: serde_json::Error) -> Self {
        let message = error.to_string();
        let mut length = MAX_MESSAGE;
        if message.len() <= length {
            return Self(error);
        }
        while !message.is_char_boundary(length) {
            length -= 1;
        }
        let (line, column) = (error.line(), error.column());
        Self(serde_json::Error::custom(format!(
            "{}... at line {line} column {column}",
            &message[..length]
        )))
    }
}

/// Parses `text`. The keys of each struct in `T` are those of its fields, read as Go reads them: a key
/// that differs from one in the case of letters only is that key. Other keys are passed over. Types
/// that are maps in Go, where every letter counts, are [`Exact`] or [`Unique`].
///
/// # Errors
/// When `text` is no JSON, does not fit `T`, or has a key of a field twice, in whatever case; and when
/// values are within each other more than 127 deep, read or not.
pub fn parse<T: DeserializeOwned>(text: &[u8]) -> Result<T, DocumentError> {
    parse_noting(text).map(|(parsed, _)| parsed)
}

/// The same, with the keys that are there in another case, the first ten different ones. Go's programs
/// read them, and others do not.
///
/// # Errors
/// As [`parse`].
pub fn parse_noting<T: DeserializeOwned>(
    text: &[u8],
) -> Result<(T, Vec<Respelled>), DocumentError> {
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let spellings = Spellings::default();
    let parsed = T::deserialize(Strict::new(&mut deserializer, &spellings))?;
    deserializer.end()?;
    Ok((parsed, spellings.into_respelled()))
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

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    struct Layers {
        layers: Option<Vec<u8>>,
    }

    fn parse_layers(text: &str) -> Result<Option<Vec<u8>>, String> {
        let parsed = parse::<Layers>(text.as_bytes());
        parsed
            .map(|parsed| parsed.layers)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn keys_that_nobody_reads_may_be_anything() {
        let text = r#"{"layers":[1],"other":1,"other":2,"Other":3,"nested":{"Layers":[2]}}"#;
        assert_eq!(parse_layers(text), Ok(Some(vec![1])));
        assert_eq!(parse_layers(r#"{"layerss":1}"#), Ok(None));
    }

    #[test]
    fn a_key_that_is_there_twice_is_refused() {
        for text in [
            r#"{"layers":[1],"layers":[2]}"#,
            r#"{"layers":[1],"l\u0061yers":[2]}"#,
        ] {
            let error = parse_layers(text).unwrap_err();
            assert!(
                error.starts_with("the key `layers` is there twice"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_key_in_another_case_is_that_key_and_noted() {
        for found in ["LAYERS", "layer\u{17f}"] {
            let text = format!(r#"{{"{found}":[1]}}"#);
            let (parsed, respelled) = parse_noting::<Layers>(text.as_bytes()).unwrap();
            assert_eq!(parsed.layers, Some(vec![1]));
            let expected = Respelled {
                found: found.to_owned(),
                read_as: "layers",
            };
            assert_eq!(respelled, [expected]);
        }
        let (_, respelled) = parse_noting::<Layers>(br#"{"layers":[1],"Other":1}"#).unwrap();
        assert_eq!(respelled, []);
    }

    /// What `layers` is to Go no ignored key can hide, whatever it looks like.
    #[test]
    fn one_key_in_two_cases_is_refused() {
        for text in [
            r#"{"layers":[1],"Layers":[2]}"#,
            r#"{"disk":1,"layers":[1],"Layers":[2]}"#,
            r#"{"Layers":null,"disk":{"layers":1},"layers":[2]}"#,
        ] {
            let error = parse_layers(text).unwrap_err();
            assert!(
                error.contains("`layers`") && error.contains("`Layers`"),
                "{error}"
            );
        }
    }

    #[test]
    fn as_many_spellings_as_there_may_be_are_not_all_kept() {
        let spelled = |number: usize| {
            let letters = "layers".char_indices();
            let upper = |(at, letter): (usize, char)| match number >> at & 1 {
                0 => letter,
                _ => letter.to_ascii_uppercase(),
            };
            format!(r#"{{"{}":[1]}}"#, letters.map(upper).collect::<String>())
        };
        let text = (0..64).map(spelled).collect::<Vec<_>>().join(",");
        let text = format!("[{text}]");
        let (parsed, respelled) = parse_noting::<Vec<Layers>>(text.as_bytes()).unwrap();
        assert_eq!((parsed.len(), respelled.len()), (64, 10));
    }

    #[test]
    fn the_keys_of_maps_are_what_they_are() {
        let (Exact(picked), respelled) =
            parse_noting::<Exact<Layers>>(br#"{"Layers":[1],"LAYERS":[2]}"#).unwrap();
        assert_eq!((picked.layers, respelled), (None, Vec::new()));
        let text = br#"{"Layers":[1],"layers":[2]}"#;
        let Exact(picked) = parse::<Exact<Layers>>(text).unwrap();
        assert_eq!(picked.layers, Some(vec![2]));
        let Unique(all) = parse::<Unique<Vec<u8>>>(text).unwrap();
        assert_eq!(all.len(), 2);
        let text = br#"{"a":[1],"a":[2]}"#;
        let error = parse::<Unique<Vec<u8>>>(text).unwrap_err().to_string();
        assert!(error.starts_with("the key `a` is there twice"), "{error}");
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
        let parse_nested = |text: &str| parse::<Nested>(text.as_bytes()).is_ok();
        assert!(parse_nested(r#"{"some":[{"layers":[1]}]}"#));
        assert!(!parse_nested(r#"{"some":[[[1]]]}"#));
    }

    #[test]
    fn texts_that_nobody_reads_are_texts() {
        let parse_other = |value: &[u8]| {
            let text = [br#"{"other":[{"a":"#, value, b"}]}"].concat();
            let parsed = parse::<Layers>(&text);
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
        assert!(parse::<Layers>(text).is_err());
        assert!(parse::<Layers>(br#"{"\ud83d":1}"#).is_err());
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
