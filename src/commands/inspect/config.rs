//! Reads of an image config what people want to see. Its parts stay text until each is shown: as values
//! they would take ten times the memory, and there may be very many.

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;
use serde::de::{Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde::ser::{Error as _, SerializeMap, SerializeSeq, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::oci::strict_json::{self, is_same_key};

/// The text of a config that can be shown.
#[derive(Debug)]
pub(super) struct ShownConfig<'a>(Cow<'a, [u8]>);

/// What of it is shown.
#[derive(Debug)]
pub(super) struct Shown<'a> {
    pub(super) created: Part<'a>,
    pub(super) author: Part<'a>,
    pub(super) config: Part<'a>,
    pub(super) history: Part<'a>,
}

/// A value within a config, as text that is JSON; `null` where there is none.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part<'a>(&'a str);

/// A value with more values than these within it is shown as it stands.
const MAX_VALUES: usize = 10_000;

impl<'a> ShownConfig<'a> {
    /// Takes the `text` of a config.
    ///
    /// # Errors
    /// When it is none.
    pub(super) fn parse(text: Cow<'a, [u8]>) -> Result<Self, serde_json::Error> {
        let config = Self(text);
        config.shown()?;
        Ok(config)
    }

    /// What is shown of it.
    ///
    /// # Errors
    /// None, since it has been parsed before.
    pub(super) fn shown(&self) -> Result<Shown<'_>, serde_json::Error> {
        let whole: &RawValue = serde_json::from_slice(&self.0)?;
        let keys = ["created", "author", "config", "history"];
        let [created, author, config, history] = Part(whole.get()).members(keys)?;
        Ok(Shown {
            created,
            author,
            config,
            history,
        })
    }
}

impl<'a> Part<'a> {
    const NULL: Self = Self("null");

    /// The value, or the one that is the text `other` in the place of `null`.
    pub(super) fn or(self, other: &'static str) -> Self {
        if self.is_null() { Self(other) } else { self }
    }

    pub(super) fn is_null(self) -> bool {
        self.0 == "null"
    }

    pub(super) fn is_true(self) -> bool {
        self.0 == "true"
    }

    pub(super) fn is_list(self) -> bool {
        self.0.starts_with('[')
    }

    pub(super) fn is_object(self) -> bool {
        self.0.starts_with('{')
    }

    /// What the string says; none if it is none.
    pub(super) fn as_text(self) -> Option<String> {
        serde_json::from_str(self.0).ok()
    }

    /// In words for people.
    pub(super) fn text(self) -> String {
        let text = self.as_text();
        text.unwrap_or_else(|| match self.small() {
            Some(value) => value.to_string(),
            None => self.0.to_owned(),
        })
    }

    /// The whole value, if that is little.
    fn small(self) -> Option<Value> {
        if strict_json::values(self.0.as_bytes()) > MAX_VALUES {
            return None;
        }
        serde_json::from_str(self.0).ok()
    }

    fn raw(self) -> Result<&'a RawValue, serde_json::Error> {
        serde_json::from_str(self.0)
    }

    /// The values of `keys`, which are found in any case, if it is an object. Of equal keys the last one
    /// counts, as in Go.
    ///
    /// # Errors
    /// None, since it has been parsed before.
    pub(super) fn members<const N: usize>(
        self,
        keys: [&str; N],
    ) -> Result<[Self; N], serde_json::Error> {
        let mut found = [Self::NULL; N];
        self.each_member(|name, value| {
            if let Some(at) = keys.iter().position(|key| is_same_key(&name, key)) {
                found[at] = value;
            }
            Ok(())
        })?;
        Ok(found)
    }

    /// Calls `see` with the name and the value of each member, if it is an object.
    ///
    /// # Errors
    /// As `see` fails.
    pub(super) fn each_member(
        self,
        see: impl FnMut(String, Self) -> Result<(), serde_json::Error>,
    ) -> Result<(), serde_json::Error> {
        if !self.is_object() {
            return Ok(());
        }
        serde_json::Deserializer::from_str(self.0).deserialize_map(EachMember(see))
    }

    /// Calls `see` with one item after the other, if it is a list.
    ///
    /// # Errors
    /// As `see` fails.
    pub(super) fn each(
        self,
        see: impl FnMut(Self) -> Result<(), serde_json::Error>,
    ) -> Result<(), serde_json::Error> {
        if !self.is_list() {
            return Ok(());
        }
        serde_json::Deserializer::from_str(self.0).deserialize_seq(Each(see))
    }
}

/// As it stands: its members or items one by one, and within these what is little with a line for each
/// value.
impl Serialize for Part<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Some(value) = self.small() {
            return value.serialize(serializer);
        }
        let mut failed = None;
        // What fails on the way is told behind it: the parser knows errors of its own only.
        let mut told = |result: Result<(), S::Error>| {
            result.map_err(|error| {
                let text = <serde_json::Error as serde::de::Error>::custom(&error);
                failed = Some(error);
                text
            })
        };
        if self.is_object() {
            let mut map = serializer.serialize_map(None)?;
            let seen = self.each_member(|name, value| {
                told(match value.small() {
                    Some(value) => map.serialize_entry(&name, &value),
                    None => map.serialize_entry(&name, &value.raw()?),
                })
            });
            finish(failed, seen)?;
            map.end()
        } else if self.is_list() {
            let mut list = serializer.serialize_seq(None)?;
            let seen = self.each(|item| {
                told(match item.small() {
                    Some(value) => list.serialize_element(&value),
                    None => list.serialize_element(item.raw()?),
                })
            });
            finish(failed, seen)?;
            list.end()
        } else {
            self.raw().map_err(S::Error::custom)?.serialize(serializer)
        }
    }
}

fn finish<E: serde::ser::Error>(
    failed: Option<E>,
    seen: Result<(), serde_json::Error>,
) -> Result<(), E> {
    match failed {
        Some(error) => Err(error),
        None => seen.map_err(E::custom),
    }
}

/// Shows the items of a list to a function.
struct Each<F>(F);

impl<'de, F> Visitor<'de> for Each<F>
where
    F: FnMut(Part<'de>) -> Result<(), serde_json::Error>,
{
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<(), A::Error> {
        while let Some(item) = items.next_element::<&RawValue>()? {
            (self.0)(Part(item.get())).map_err(A::Error::custom)?;
        }
        Ok(())
    }
}

/// Shows the members of an object to a function.
struct EachMember<F>(F);

impl<'de, F> Visitor<'de> for EachMember<F>
where
    F: FnMut(String, Part<'de>) -> Result<(), serde_json::Error>,
{
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<(), A::Error> {
        while let Some((name, value)) = members.next_entry::<String, &RawValue>()? {
            (self.0)(name, Part(value.get())).map_err(A::Error::custom)?;
        }
        Ok(())
    }
}
