//! Numbers as users write them: identifiers, counts and sizes.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

pub(crate) fn user_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    id::<D>(
        deserializer,
        "uid",
        &[("root", 0), ("nixbld", 1000), ("nobody", 65534)],
    )
}

pub(crate) fn group_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    id::<D>(
        deserializer,
        "gid",
        &[("root", 0), ("nixbld", 100), ("nogroup", 65534)],
    )
}

/// A number, in digits or as a string of digits, or a name that Nix's build sandbox knows: what
/// GNU tar takes after `--owner=` and `--group=` there.
fn id<'de, D: Deserializer<'de>>(
    deserializer: D,
    attribute: &str,
    names: &[(&str, u32)],
) -> Result<u32, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let text = match &value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        _ => String::new(),
    };
    let named = names.iter().find(|(name, _)| *name == text);
    named
        .map(|(_, id)| *id)
        .or_else(|| text.parse().ok())
        .ok_or_else(|| {
            let names: Vec<_> = names.iter().map(|(name, _)| format!("`{name}`")).collect();
            D::Error::custom(format!(
                "`{attribute}` is {value}; it has to be a number from 0 to {} or one of the names {}",
                u32::MAX,
                names.join(", ")
            ))
        })
}

pub(crate) fn max_layers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    whole_number::<D>(deserializer, "maxLayers", "a whole number from 2 on")
}

pub(crate) fn disk_size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    whole_number::<D>(deserializer, "diskSize", MEBIBYTES)
}

pub(crate) fn memory_size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    whole_number::<D>(deserializer, "buildVMMemorySize", MEBIBYTES)
}

/// What the sizes of a virtual machine have to be.
const MEBIBYTES: &str = "a whole number of MiB";

fn whole_number<'de, D: Deserializer<'de>>(
    deserializer: D,
    attribute: &str,
    wanted: &str,
) -> Result<u64, D::Error> {
    let value = Value::deserialize(deserializer)?;
    value
        .as_u64()
        .ok_or_else(|| D::Error::custom(format!("`{attribute}` is {value}; it has to be {wanted}")))
}
