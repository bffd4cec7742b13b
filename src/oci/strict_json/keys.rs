//! Reads the keys of objects as Go's `encoding/json` does. The fields of a struct are found by keys in
//! whatever case, which other languages do not do; the keys of a map are what they are.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::{BorrowedStrDeserializer, StringDeserializer};
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, Visitor};
use serde::forward_to_deserialize_any;

/// A key of a document that is not spelled as the specification has it, but is that key to Go's programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Respelled {
    pub found: String,
    /// The key as the specification has it.
    pub read_as: &'static str,
}

/// The keys in another case that were met in one document.
#[derive(Debug, Default)]
pub(super) struct Spellings(RefCell<Vec<Respelled>>);

/// How many of these are kept. Nobody reads more, and a hostile document may have any number.
const MAX_RESPELLED: usize = 10;

impl Spellings {
    fn note(&self, found: &str, read_as: &'static str) {
        let mut noted = self.0.borrow_mut();
        let is_new = |noted: &Respelled| noted.found != found || noted.read_as != read_as;
        if found != read_as && noted.len() < MAX_RESPELLED && noted.iter().all(is_new) {
            noted.push(Respelled {
                found: found.to_owned(),
                read_as,
            });
        }
    }

    pub(super) fn into_respelled(self) -> Vec<Respelled> {
        self.0.into_inner()
    }
}

/// Whether Go's `encoding/json` takes the key `found` for the field `known`, whose name is ASCII. By
/// Unicode's simple folding, two letters beyond ASCII are letters of ASCII in another case: `ſ` (U+017F),
/// the long s, and `K` (U+212A), the sign of the kelvin.
#[must_use]
pub fn is_same_key(found: &str, known: &str) -> bool {
    let folded = |letter: char| match letter {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        letter => letter.to_ascii_lowercase(),
    };
    found.chars().map(folded).eq(known.chars().map(folded))
}

/// The visitor of a struct, which is shown each key as the name of the field that it is.
pub(super) struct Fields<'a, V> {
    pub(super) visitor: V,
    pub(super) names: &'static [&'static str],
    pub(super) spellings: &'a Spellings,
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Fields<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.visitor.expecting(f)
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_map(FieldAccess {
            entries,
            names: self.names,
            met: vec![None; self.names.len()],
            spellings: self.spellings,
        })
    }
}

/// The entries of an object that is a struct.
struct FieldAccess<'a, A> {
    entries: A,
    names: &'static [&'static str],
    /// How the key of each field is spelled, of those met so far.
    met: Vec<Option<String>>,
    spellings: &'a Spellings,
}

impl<A> FieldAccess<'_, A> {
    /// The field that `key` is, if it is one.
    fn field<E: Error>(&mut self, key: &str) -> Result<Option<&'static str>, E> {
        let is_it = |name: &&'static str| is_same_key(key, name);
        let Some(index) = self.names.iter().position(is_it) else {
            return Ok(None);
        };
        match &self.met[index] {
            Some(other) if other == key => return Err(twice(key)),
            Some(other) => {
                return Err(E::custom(format_args!(
                    "the keys `{other}` and `{key}` are one key to Docker, podman and all that is written in Go, and two to others"
                )));
            }
            None => self.met[index] = Some(key.to_owned()),
        }
        self.spellings.note(key, self.names[index]);
        Ok(Some(self.names[index]))
    }
}

fn twice<E: Error>(key: &str) -> E {
    let key = key.escape_debug();
    E::custom(format_args!("the key `{key}` is there twice"))
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for FieldAccess<'_, A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        let Some(key) = self.entries.next_key::<String>()? else {
            return Ok(None);
        };
        let key = match self.field(&key)? {
            Some(name) => seed.deserialize(BorrowedStrDeserializer::new(name)),
            None => seed.deserialize(StringDeserializer::new(key)),
        };
        key.map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.entries.next_value_seed(seed)
    }
}

/// A struct of ours that picks entries out of what is a map in Go, where a key in another case is
/// another key.
#[derive(Debug, Default)]
pub struct Exact<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Exact<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(AsMap(deserializer)).map(Self)
    }
}

/// Says that it is a map to who asks for a struct.
struct AsMap<D>(D);

impl<'de, D: Deserializer<'de>> Deserializer<'de> for AsMap<D> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_map(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// A map all of whose entries are read, and so each once.
#[derive(Debug)]
pub struct Unique<V>(pub BTreeMap<String, V>);

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Unique<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(UniqueVisitor(PhantomData))
    }
}

struct UniqueVisitor<V>(PhantomData<V>);

impl<'de, V: Deserialize<'de>> Visitor<'de> for UniqueVisitor<V> {
    type Value = Unique<V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Unique<V>, A::Error> {
        let mut read = BTreeMap::new();
        while let Some(key) = entries.next_key::<String>()? {
            if read.contains_key(&key) {
                return Err(twice(&key));
            }
            let value = entries.next_value()?;
            read.insert(key, value);
        }
        Ok(Unique(read))
    }
}
