//! The config document of an image (`config.md` of the OCI image specification), as engines decode it.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::value::RawValue;

use super::config::{self, Type};
use super::{ALL, Engine, Objection, Refusal, always, created, cut, platform};
use crate::document::is_same_key;
use crate::oci::Platform;
use crate::told::Told;

/// How many objections to one document are told.
const MAX_OBJECTIONS: usize = 100;

/// Keys beside those that have a check of their own.
const KEYS: [(&str, Type); 7] = [
    ("architecture", Type::String),
    ("author", Type::String),
    ("docker_version", Type::String),
    ("os", Type::String),
    ("os.features", Type::Strings),
    ("os.version", Type::String),
    ("variant", Type::String),
];

/// Those of an entry of `history`.
const HISTORY_KEYS: [(&str, Type); 4] = [
    ("author", Type::String),
    ("comment", Type::String),
    ("created_by", Type::String),
    ("empty_layer", Type::Boolean),
];

type Object<'a> = BTreeMap<String, &'a RawValue>;

/// What is objected to a document, up to [`MAX_OBJECTIONS`].
pub type Objections = Told<Objection, MAX_OBJECTIONS>;

/// Checks the config document `text`, which is an object, and is for `platform`.
///
/// # Errors
/// When it is no JSON after all.
pub fn check(text: &[u8], platform: Option<&Platform>) -> Result<Objections, serde_json::Error> {
    let mut objections = Objections::default();
    let object: Object<'_> = serde_json::from_slice(text)?;
    for (key, value) in &object {
        match key.as_str() {
            key if is_same_key(key, "config") => {
                let config = config::check(&serde_json::from_str(value.get())?);
                config.into_iter().for_each(|one| objections.add(one));
            }
            key if is_same_key(key, "history") => check_history(value, &mut objections)?,
            _ => check_key("", &KEYS, key, value, &mut objections)?,
        }
    }
    let platform = platform.map(platform::check).unwrap_or_default();
    platform.into_iter().for_each(|one| objections.add(one));
    Ok(objections)
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

/// Checks each entry by itself, since there may be very many.
fn check_history(history: &RawValue, objections: &mut Objections) -> Result<(), serde_json::Error> {
    let Ok(entries) = serde_json::from_str::<Option<Vec<&RawValue>>>(history.get()) else {
        return Ok(());
    };
    for (index, entry) in entries.unwrap_or_default().into_iter().enumerate() {
        let Ok(entry) = serde_json::from_str::<Object<'_>>(entry.get()) else {
            continue;
        };
        let place = format!("history[{index}].");
        for (key, value) in &entry {
            check_key(&place, &HISTORY_KEYS, key, value, objections)?;
        }
    }
    Ok(())
}

/// Checks the value of `key`, which stands in `place`.
fn check_key(
    place: &str,
    keys: &[(&str, Type)],
    key: &str,
    value: &RawValue,
    objections: &mut Objections,
) -> Result<(), serde_json::Error> {
    let is_key = |known: &str| is_same_key(known, key);
    if is_key("created") {
        let value: Value = serde_json::from_str(value.get())?;
        let objection = created::check(&format!("`{place}created`"), &value);
        objection.into_iter().for_each(|one| objections.add(one));
    } else if let Some((known, r#type)) = keys.iter().find(|(known, _)| is_key(known)) {
        let value: Value = serde_json::from_str(value.get())?;
        let subject = format!("{place}{known}");
        let objection = config::check_type(&subject, *r#type, &value, None, ALL);
        objection.into_iter().for_each(|one| objections.add(one));
    }
    Ok(())
}
