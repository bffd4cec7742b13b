//! The config document of an image (`config.md` of the OCI image specification), as engines decode it.

use std::fmt;

use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::config::{self, NOT_CRANE, READ_EXTENSIONS, Type};
use super::{ALL, Engine, Objection, Refusal, always, created, cut, platform};
use crate::console::capped::Capped;
use crate::oci::platform::Platform;
use crate::oci::strict_json::is_same_key;

/// How many objections to one document are told.
const MAX_OBJECTIONS: usize = 100;

/// Keys beside those that have a check of their own, and who decodes them.
const KEYS: [(&str, Type, &[Refusal]); 12] = [
    ("Size", Type::Integer, NOT_CRANE),
    ("architecture", Type::String, ALL),
    ("author", Type::String, ALL),
    ("container", Type::String, READ_EXTENSIONS),
    ("container_config", Type::Healthcheck, NOT_CRANE),
    ("docker_version", Type::String, READ_EXTENSIONS),
    ("id", Type::String, NOT_CRANE),
    ("os", Type::String, ALL),
    ("os.features", Type::Strings, ALL),
    ("os.version", Type::String, ALL),
    ("parent", Type::String, NOT_CRANE),
    ("variant", Type::String, ALL),
];

/// Those of an entry of `history`.
const HISTORY_KEYS: [(&str, Type, &[Refusal]); 4] = [
    ("author", Type::String, ALL),
    ("comment", Type::String, ALL),
    ("created_by", Type::String, ALL),
    ("empty_layer", Type::Boolean, ALL),
];

/// What is objected to a document, up to [`MAX_OBJECTIONS`].
pub type Objections = Capped<Objection, MAX_OBJECTIONS>;

/// How long a value may be that is looked into, in bytes: what is parsed takes many times its memory.
const MAX_VALUE: usize = 128 << 10;

/// Checks the config document `text`, which is an object, and is for `platform`.
///
/// # Errors
/// When it is no JSON after all.
pub fn check(text: &[u8], platform: Option<&Platform>) -> Result<Objections, serde_json::Error> {
    let mut objections = Objections::default();
    let document: &RawValue = serde_json::from_slice(text)?;
    for_each_key(document, |key, value| {
        if is_same_key(key, "config") {
            check_config(value, &mut objections)
        } else if is_same_key(key, "history") {
            check_history(value, &mut objections)
        } else {
            check_key("", &KEYS, key, value, &mut objections)
        }
    })?;
    let platform = platform.map(platform::check).unwrap_or_default();
    platform.into_iter().for_each(|one| objections.add(one));
    Ok(objections)
}

fn check_config(config: &RawValue, objections: &mut Objections) -> Result<(), serde_json::Error> {
    if !config.get().starts_with('{') && config.get().len() <= MAX_VALUE {
        let found = config::check(&serde_json::from_str(config.get())?);
        found.into_iter().for_each(|one| objections.add(one));
        return Ok(());
    }
    let mut found = Vec::new();
    for_each_key(config, |key, value| {
        if config::is_known(key) && value.get().len() <= MAX_VALUE {
            let value: Value = serde_json::from_str(value.get())?;
            config::check_entry(key, &value, None, &mut found);
        }
        found.drain(..).for_each(|one| objections.add(one));
        Ok(())
    })
}

/// Checks each entry by itself, since there may be very many.
fn check_history(history: &RawValue, objections: &mut Objections) -> Result<(), serde_json::Error> {
    let Ok(entries) = serde_json::from_str::<Option<Vec<&RawValue>>>(history.get()) else {
        return Ok(());
    };
    for (index, entry) in entries.unwrap_or_default().into_iter().enumerate() {
        let place = format!("history[{index}].");
        if entry.get().starts_with('{') {
            for_each_key(entry, |key, value| {
                check_key(&place, &HISTORY_KEYS, key, value, objections)
            })?;
        }
    }
    Ok(())
}

/// Calls `each` with the keys and values of `object`, one after the other.
fn for_each_key(
    object: &RawValue,
    each: impl FnMut(&str, &RawValue) -> Result<(), serde_json::Error>,
) -> Result<(), serde_json::Error> {
    struct Each<F>(F);

    impl<'de, F: FnMut(&str, &RawValue) -> Result<(), serde_json::Error>> Visitor<'de> for Each<F> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
            while let Some((key, value)) = map.next_entry::<String, &'de RawValue>()? {
                self.0(&key, value).map_err(A::Error::custom)?;
            }
            Ok(())
        }
    }

    let mut deserializer = serde_json::Deserializer::from_str(object.get());
    deserializer.deserialize_map(Each(each))
}

/// How long a document may be for the library of podman and skopeo, in bytes.
const MAX_SIZE: u64 = 4 << 20;

const LIBRARY: &[Refusal] = &[always(Engine::Podman), always(Engine::Skopeo)];

/// The only one to look at `rootfs.type`.
const CRANE: &[Refusal] = &[always(Engine::Crane)];

/// Checks the size of a config document, in bytes.
#[must_use]
pub fn check_size(size: u64) -> Option<Objection> {
    (size > MAX_SIZE).then(|| Objection {
        kind: "documentSize",
        text: format!("the config has {size} bytes, and some engines read {MAX_SIZE} at most; leave out what its labels and its history have of the most"),
        refused_by: LIBRARY,
    })
}

/// Who needs a `rootfs`, even of an image without layers.
const NEED_ROOTFS: &[Refusal] = READ_EXTENSIONS;

/// What is said of a config without `rootfs`.
#[must_use]
pub fn no_rootfs() -> Objection {
    Objection {
        kind: "rootfsType",
        text: "it has no `rootfs`, which lists the layers".to_owned(),
        refused_by: NEED_ROOTFS,
    }
}

/// What is said of a `rootfs.type` that is not `layers`.
#[must_use]
pub fn wrong_rootfs(found: &str) -> Objection {
    Objection {
        kind: "rootfsType",
        text: format!(
            "`rootfs.type` is `{}`; the specification knows only `layers`",
            cut(found)
        ),
        refused_by: CRANE,
    }
}

/// Checks the value of `key`, which stands in `place`.
fn check_key(
    place: &str,
    keys: &[(&str, Type, &'static [Refusal])],
    key: &str,
    value: &RawValue,
    objections: &mut Objections,
) -> Result<(), serde_json::Error> {
    if value.get().len() > MAX_VALUE {
        return Ok(());
    }
    let is_key = |known: &str| is_same_key(known, key);
    if is_key("created") {
        let value: Value = serde_json::from_str(value.get())?;
        let objection = created::check(&format!("`{place}created`"), &value);
        objection.into_iter().for_each(|one| objections.add(one));
    } else if let Some((known, r#type, refused_by)) = keys.iter().find(|(known, ..)| is_key(known))
    {
        let value: Value = serde_json::from_str(value.get())?;
        let subject = format!("{place}{known}");
        let objection = config::check_type(&subject, *r#type, &value, None, refused_by);
        objection.into_iter().for_each(|one| objections.add(one));
    }
    Ok(())
}
