//! The annotations that users give images, by the rules of the image specification 1.1, `annotations.md`.

use std::fmt;

use thiserror::Error;

use crate::bytes::digest::Digest;
use crate::oci::annotations::Annotations;

/// What the specification defines, without the prefix.
const DEFINED: [&str; 14] = [
    "created",
    "authors",
    "url",
    "documentation",
    "source",
    "version",
    "revision",
    "vendor",
    "licenses",
    "ref.name",
    "title",
    "description",
    "base.digest",
    "base.name",
];

/// What begins so is the specification's.
const PREFIX: &str = "org.opencontainers.image.";

/// The time at which an image was made.
pub const CREATED: &str = "org.opencontainers.image.created";

/// An annotation that means nothing to anybody, or something else than was meant.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("the annotation `{key}` {why}")]
pub struct AnnotationError {
    key: String,
    why: Why,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Why {
    Empty,
    Unknown { similar: Option<&'static str> },
    Name,
    Time(String),
    Digest(String),
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("has no name; write it as `org.example.name`"),
            Self::Unknown { similar: Some(key) } => {
                write!(
                    f,
                    "is none that the image specification defines; `{PREFIX}{key}` is meant"
                )
            }
            Self::Unknown { similar: None } => write!(
                f,
                "is none that the image specification defines, which keeps names with `org.opencontainers` to itself; write it as `org.example.name`"
            ),
            Self::Name => f.write_str(
                "is what a layout calls an image by; `name` and `tag` of the image decide it",
            ),
            Self::Time(value) => {
                write!(
                    f,
                    "is `{value}`, which is no time; write it as `2024-01-31T12:00:00Z`"
                )
            }
            Self::Digest(value) => write!(
                f,
                "is `{value}`, which is no digest; write it as `sha256:` and 64 digits"
            ),
        }
    }
}

/// Checks `annotations` of a manifest or of a layer. What is empty is left out, and so may be anything.
///
/// # Errors
/// With the first one, in the order of the keys, that is wrong.
pub fn check(annotations: &Annotations) -> Result<(), AnnotationError> {
    for (key, value) in annotations {
        if let Some(why) = wrong(key, value) {
            return Err(AnnotationError {
                key: key.escape_debug().to_string(),
                why,
            });
        }
    }
    Ok(())
}

fn wrong(key: &str, value: &str) -> Option<Why> {
    if key.is_empty() {
        return Some(Why::Empty);
    }
    let Some(name) = key.strip_prefix(PREFIX) else {
        let is_reserved = key.starts_with("org.opencontainers.");
        return is_reserved.then_some(Why::Unknown { similar: None });
    };
    let shown = || value.escape_debug().to_string();
    match name {
        "ref.name" => Some(Why::Name),
        _ if !DEFINED.contains(&name) => Some(Why::Unknown {
            similar: similar(name),
        }),
        _ if value.is_empty() => None,
        "created" => value
            .parse::<jiff::Timestamp>()
            .is_err()
            .then(|| Why::Time(shown())),
        "base.digest" => Digest::parse(value).is_err().then(|| Why::Digest(shown())),
        _ => None,
    }
}

/// The defined name that `name` is a slip of, such as `licence` of `licenses`.
fn similar(name: &str) -> Option<&'static str> {
    let same = |one: &str, other: &str| {
        one.chars()
            .zip(other.chars())
            .take_while(|(a, b)| a == b)
            .count()
    };
    let name = name.to_ascii_lowercase().replace(['-', '_'], ".");
    let found = DEFINED
        .into_iter()
        .max_by_key(|defined| same(defined, &name))?;
    (same(found, &name) >= 4 && found != "ref.name").then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(key: &str, value: &str) -> String {
        let annotations = Annotations::from([(key.to_owned(), value.to_owned())]);
        match check(&annotations) {
            Ok(()) => "right".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn what_the_specification_defines_and_what_is_of_others_is_right() {
        for (key, value) in [
            ("org.opencontainers.image.title", "app"),
            (
                "org.opencontainers.image.created",
                "1970-01-01T00:00:01+00:00",
            ),
            ("org.opencontainers.image.created", ""),
            ("org.opencontainers.image.licenses", "MIT AND Apache-2.0"),
            ("org.example.key", ""),
            ("key", "any value"),
        ] {
            assert_eq!(message(key, value), "right", "{key}={value}");
        }
        let digest = format!("sha256:{}", "0".repeat(64));
        assert_eq!(
            message("org.opencontainers.image.base.digest", &digest),
            "right"
        );
    }

    #[test]
    fn what_is_wrong_is_named_with_the_way_out() {
        for (key, value, expected) in [
            ("", "x", "the annotation `` has no name"),
            (
                "org.opencontainers.image.licence",
                "MIT",
                "`org.opencontainers.image.licenses` is meant",
            ),
            (
                "org.opencontainers.image.base-name",
                "x",
                "`org.opencontainers.image.base.name` is meant",
            ),
            (
                "org.opencontainers.image.frobnicate",
                "x",
                "none that the image specification defines, which keeps",
            ),
            (
                "org.opencontainers.artifact.x",
                "x",
                "none that the image specification defines, which keeps",
            ),
            (
                "org.opencontainers.image.ref.name",
                "x",
                "`name` and `tag` of the image decide it",
            ),
            (
                "org.opencontainers.image.created",
                "yesterday",
                "is `yesterday`, which is no time",
            ),
            (
                "org.opencontainers.image.base.digest",
                "sha256:1",
                "is `sha256:1`, which is no digest",
            ),
        ] {
            let message = message(key, value);
            assert!(message.contains(expected), "{message}");
        }
    }
}
