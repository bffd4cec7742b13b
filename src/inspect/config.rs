//! Reads of an image config what people want to see. It stays text until then: as values it would take
//! ten times the memory, and a history may be long.

use std::fmt;

use serde::de::{Deserializer, Error as _, SeqAccess, Visitor};
use serde::ser::{Error as _, Serialize, SerializeSeq, Serializer};
use serde::{Deserialize, de};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// The text of a config that can be shown.
#[derive(Debug)]
pub(super) struct ShownConfig(Vec<u8>);

/// What of it is shown.
#[derive(Debug, Deserialize)]
#[serde(expecting = "an object")]
pub(super) struct Shown<'a> {
    #[serde(default)]
    pub(super) created: Value,
    #[serde(default)]
    pub(super) author: Value,
    /// As it stands; an empty object where there is none.
    #[serde(default = "nothing", deserialize_with = "or_nothing")]
    pub(super) config: Value,
    #[serde(default, borrow)]
    pub(super) history: History<'a>,
}

/// A list of entries, still as text. What else stands in its place is shown by programs only.
#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
pub(super) struct History<'a>(#[serde(borrow)] Option<&'a RawValue>);

impl ShownConfig {
    /// Takes the `text` of a config.
    ///
    /// # Errors
    /// When it is none.
    pub(super) fn parse(text: Vec<u8>) -> Result<Self, serde_json::Error> {
        let config = Self(text);
        let shown = config.shown()?;
        shown.history.each(|_| Ok(()))?;
        Ok(config)
    }

    /// What is shown of it.
    ///
    /// # Errors
    /// None, since it has been parsed before.
    pub(super) fn shown(&self) -> Result<Shown<'_>, serde_json::Error> {
        serde_json::from_slice(&self.0)
    }
}

impl History<'_> {
    fn is_list(&self) -> bool {
        self.0.is_some_and(|text| text.get().starts_with('['))
    }

    /// Calls `see` with one entry after the other.
    ///
    /// # Errors
    /// As `see` fails, or an entry cannot be parsed.
    pub(super) fn each(
        &self,
        see: impl FnMut(&Value) -> Result<(), serde_json::Error>,
    ) -> Result<(), serde_json::Error> {
        match self.0 {
            Some(text) if self.is_list() => {
                serde_json::Deserializer::from_str(text.get()).deserialize_seq(Each(see))
            }
            _ => Ok(()),
        }
    }
}

impl Serialize for History<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Some(text) if !self.is_list() => {
                let value: Value = serde_json::from_str(text.get()).map_err(S::Error::custom)?;
                value.serialize(serializer)
            }
            _ => {
                let mut list = serializer.serialize_seq(None)?;
                let mut failed = None;
                let seen = self.each(|entry| {
                    list.serialize_element(entry).map_err(|error| {
                        let told = de::Error::custom(&error);
                        failed = Some(error);
                        told
                    })
                });
                match (failed, seen) {
                    (Some(error), _) => Err(error),
                    (None, Err(error)) => Err(S::Error::custom(error)),
                    (None, Ok(())) => list.end(),
                }
            }
        }
    }
}

/// Shows the items of a list to a function.
struct Each<F>(F);

impl<'de, F: FnMut(&Value) -> Result<(), serde_json::Error>> Visitor<'de> for Each<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<(), A::Error> {
        while let Some(entry) = items.next_element::<Value>()? {
            (self.0)(&entry).map_err(A::Error::custom)?;
        }
        Ok(())
    }
}

fn nothing() -> Value {
    Value::Object(Map::new())
}

fn or_nothing<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
    let value = Option::<Value>::deserialize(deserializer)?;
    Ok(value.unwrap_or_else(nothing))
}
