//! The `config` of an image: its keys and their types, by the OCI image specification
//! (`config.md`, version 1.1) and Docker's extensions of it, as Go's programs decode them. The table
//! of keys, `config.json`, is read by Nix too, so that evaluation can tell what no engine takes.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{ALL, Engine, Objection, Refusal, always, cut, shown, since, values};
use crate::oci::strict_json::is_same_key;

/// The key of variables, the only one that is written here too.
const ENV: &str = "Env";

/// A value of a type that a decoder refuses.
const TYPE: &str = "configType";

/// A key in another case, of which decoders differ in what they take it for.
const CASE: &str = "configCase";

/// A string in the place of a list: Docker takes it for a list of one.
const NOT_DOCKER: &[Refusal] = ALL.split_at(1).1;

/// Those that decode Docker's extensions; containerd passes them over.
pub(super) const READ_EXTENSIONS: &[Refusal] = &[
    always(Engine::Docker),
    always(Engine::Podman),
    always(Engine::Skopeo),
    always(Engine::Crane),
];

const CRANE: &[Refusal] = &[always(Engine::Crane)];

/// The same without crane, which does not know every one of these.
pub(super) const NOT_CRANE: &[Refusal] = READ_EXTENSIONS.split_at(3).0;

/// Those that know `Healthcheck.StartInterval`, which is of 2023.
const READ_START_INTERVAL: &[Refusal] = &[
    since(Engine::Docker, "26.1"),
    since(Engine::Podman, "5.4"),
    since(Engine::Skopeo, "1.18"),
];

/// A key of `config`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Key {
    r#type: Type,
    r#in: Specification,
    /// A value as Nix writes it.
    example: Option<String>,
}

/// Who knows a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Specification {
    /// The OCI image specification, and so every engine.
    Oci,
    /// Docker, and those who follow it.
    Docker,
}

/// What a value has to be. `null` is as good as nothing everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Type {
    Boolean,
    Integer,
    /// A whole number.
    Nanoseconds,
    String,
    Strings,
    /// As [`Self::Strings`], but Docker takes a string too.
    Command,
    /// As [`Self::Strings`], but only crane does not take a string.
    Shell,
    /// An object whose keys count.
    Keys,
    /// An object of strings.
    Labels,
    Healthcheck,
}

static KEYS: LazyLock<BTreeMap<String, Key>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("config.json")).expect("the table of keys is right")
});

/// The keys of a `Healthcheck`, by type.
const HEALTHCHECK: [(&str, Type); 6] = [
    ("Interval", Type::Nanoseconds),
    ("Retries", Type::Integer),
    ("StartInterval", Type::Nanoseconds),
    ("StartPeriod", Type::Nanoseconds),
    ("Test", Type::Strings),
    ("Timeout", Type::Nanoseconds),
];

/// Checks the `config` of an image. A key that is spelled in another case is that key, as Go's
/// decoder has it.
#[must_use]
pub fn check(config: &Value) -> Vec<Objection> {
    let object = match config {
        Value::Null => return Vec::new(),
        Value::Object(object) => object,
        other => {
            return vec![wrong_type(
                "config",
                other,
                "a set, such as `{ Cmd = [ \"/bin/sh\" ]; }`",
                ALL,
            )];
        }
    };
    let mut objections = Vec::new();
    for (key, value) in object {
        let is_twin = |other: &&String| *other != key && is_same_key(other, key);
        let twin = object.keys().find(is_twin);
        check_entry(key, value, twin.map(String::as_str), &mut objections);
    }
    objections
}

/// Checks the value of one key. `twin` is the same key in another case, if there is one.
pub(super) fn check_entry(
    key: &str,
    value: &Value,
    twin: Option<&str>,
    objections: &mut Vec<Objection>,
) {
    let Some((known, rule)) = known(key) else {
        return;
    };
    if key != known {
        objections.push(other_case(key, known, twin));
    }
    check_key(known, rule, value, objections);
    objections.extend(values::check(known, value));
}

/// Whether engines know `key`, in whatever case.
pub(super) fn is_known(key: &str) -> bool {
    known(key).is_some()
}

/// The key that `key` is to programs which overlook the case of letters.
fn known(key: &str) -> Option<(&'static str, &'static Key)> {
    let exact = KEYS.get_key_value(key);
    let found = exact.or_else(|| KEYS.iter().find(|(known, _)| is_same_key(known, key)));
    found.map(|(known, rule)| (known.as_str(), rule))
}

/// The value of `Env` in `config`, whatever the case of its letters; of several the last one, which is
/// what Go's decoder keeps.
#[must_use]
pub fn env(config: &Map<String, Value>) -> Option<&Value> {
    let mut found = config.iter().filter(|(key, _)| is_env(key));
    found.next_back().map(|(_, value)| value)
}

/// Sets `Env` in `config`, where it stands already or at the end. No other spelling of it stays.
pub fn set_env(config: &mut Map<String, Value>, env: Vec<Value>) {
    config.retain(|key, _| key == ENV || !is_env(key));
    config.insert(ENV.to_owned(), env.into());
}

fn is_env(key: &str) -> bool {
    is_same_key(key, ENV)
}

fn other_case(key: &str, known: &str, twin: Option<&str>) -> Objection {
    let text = match twin {
        Some(twin) => format!(
            "`config.{}` and `config.{}` are one key to Go's programs, and the last one wins; leave one of the two out, and write the other `{known}`",
            cut(key),
            cut(twin)
        ),
        None => format!(
            "`config.{}` is `{known}` to Go's programs, which overlook the case of letters, and nothing to all others; write it `{known}`",
            cut(key)
        ),
    };
    Objection {
        kind: CASE,
        text,
        refused_by: &[],
    }
}

fn check_key(key: &str, rule: &Key, value: &Value, objections: &mut Vec<Objection>) {
    let subject = format!("config.{key}");
    let refused_by = match rule.r#in {
        Specification::Oci => ALL,
        Specification::Docker if key == "StopTimeout" => NOT_CRANE,
        Specification::Docker => READ_EXTENSIONS,
    };
    if rule.r#type == Type::Healthcheck {
        return check_healthcheck(&subject, value, refused_by, objections);
    }
    objections.extend(check_type(
        &subject,
        rule.r#type,
        value,
        rule.example.as_deref(),
        refused_by,
    ));
}

/// Checks `value`, which messages call `subject`, and gives the first thing in it that is wrong.
pub(super) fn check_type(
    subject: &str,
    r#type: Type,
    value: &Value,
    example: Option<&str>,
    refused_by: &'static [Refusal],
) -> Option<Objection> {
    let such_as = example.map_or(String::new(), |example| format!(", such as `{example}`"));
    let wrong = |wanted: &str| {
        let wanted = format!("{wanted}{such_as}");
        Some(wrong_type(subject, value, &wanted, refused_by))
    };
    match (r#type, value) {
        (_, Value::Null) | (Type::Boolean, Value::Bool(_)) | (Type::String, Value::String(_)) => {
            None
        }
        (Type::Boolean, _) => wrong("true or false"),
        (Type::Integer | Type::Nanoseconds, Value::Number(number)) if number.as_i64().is_some() => {
            None
        }
        (Type::Integer, _) => wrong("a whole number"),
        (Type::Nanoseconds, _) => {
            wrong("a whole number of nanoseconds, such as `30000000000` for 30 seconds")
        }
        (Type::String, _) => wrong("a string"),
        (Type::Strings | Type::Command | Type::Shell, Value::Array(items)) => items
            .iter()
            .enumerate()
            .find(|(_, item)| !item.is_string() && !item.is_null())
            .map(|(index, item)| {
                let subject = format!("element {} of `{subject}`", index + 1);
                wrong_type_of(subject, item, "a string", refused_by)
            }),
        (Type::Command | Type::Shell, Value::String(text)) => {
            let wanted = format!("a list of strings, such as `[ \"{}\" ]`", cut(text));
            let refused_by = if r#type == Type::Shell {
                CRANE
            } else {
                NOT_DOCKER
            };
            Some(wrong_type(subject, value, &wanted, refused_by))
        }
        (Type::Strings | Type::Shell, _) => wrong("a list of strings"),
        (Type::Command, _) => wrong("a list of strings, such as `[ \"/bin/sh\" ]`"),
        (Type::Keys, Value::Object(keys)) => {
            let is_right = |value: &Value| value.is_object() || value.is_null();
            check_values(subject, keys, is_right, "`{ }`", refused_by)
        }
        (Type::Keys, _) => wrong("a set whose names count"),
        (Type::Labels, Value::Object(labels)) => {
            let is_right = |value: &Value| value.is_string() || value.is_null();
            check_values(subject, labels, is_right, "a string", refused_by)
        }
        (Type::Labels, _) => wrong("a set of strings"),
        (Type::Healthcheck, Value::Object(_)) => None,
        (Type::Healthcheck, _) => wrong("a set"),
    }
}

/// The first of `values`, those of the set `subject`, that is not right.
fn check_values(
    subject: &str,
    values: &Map<String, Value>,
    is_right: impl Fn(&Value) -> bool,
    wanted: &str,
    refused_by: &'static [Refusal],
) -> Option<Objection> {
    let (key, value) = values.iter().find(|(_, value)| !is_right(value))?;
    let subject = format!("{subject}.{}", cut(key));
    Some(wrong_type(&subject, value, wanted, refused_by))
}

fn check_healthcheck(
    subject: &str,
    value: &Value,
    refused_by: &'static [Refusal],
    objections: &mut Vec<Objection>,
) {
    let Value::Object(healthcheck) = value else {
        let example = "{ Test = [ \"CMD\" \"/bin/check\" ]; }";
        objections.extend(check_type(
            subject,
            Type::Healthcheck,
            value,
            Some(example),
            refused_by,
        ));
        return;
    };
    for (key, value) in healthcheck {
        let known = HEALTHCHECK
            .iter()
            .find(|(known, _)| is_same_key(known, key));
        let Some((known, r#type)) = known else {
            continue;
        };
        let refused_by = match *known {
            "StartInterval" => READ_START_INTERVAL,
            _ => refused_by,
        };
        let example = (*r#type == Type::Strings).then_some("[ \"CMD\" \"/bin/check\" ]");
        objections.extend(check_type(
            &format!("{subject}.{known}"),
            *r#type,
            value,
            example,
            refused_by,
        ));
    }
}

fn wrong_type(
    subject: &str,
    found: &Value,
    wanted: &str,
    refused_by: &'static [Refusal],
) -> Objection {
    wrong_type_of(format!("`{subject}`"), found, wanted, refused_by)
}

fn wrong_type_of(
    subject: String,
    found: &Value,
    wanted: &str,
    refused_by: &'static [Refusal],
) -> Objection {
    Objection {
        kind: TYPE,
        text: format!("{subject} is {}; it has to be {wanted}", shown(found)),
        refused_by,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The texts of what is objected to types and keys of `config`, and who refuses it.
    fn objections(config: &Value) -> Vec<(String, &'static [Refusal])> {
        let objections = check(config).into_iter();
        let objections = objections.filter(|one| one.kind != values::KIND);
        objections.map(|one| (one.text, one.refused_by)).collect()
    }

    #[test]
    fn what_engines_take_is_right() {
        for config in [
            json!(null),
            json!({}),
            json!({ "Cmd": ["/bin/sh"], "Entrypoint": [], "Env": ["A=1"], "User": "", "WorkingDir": "/" }),
            json!({ "ExposedPorts": { "80/tcp": {} }, "Volumes": { "/data": {} }, "Labels": { "a.b": "c" } }),
            json!({ "Healthcheck": { "Test": ["NONE"], "Interval": 30_000_000_000_u64, "Retries": 3 } }),
            json!({ "StopSignal": "SIGTERM", "StopTimeout": 10, "ArgsEscaped": true, "OnBuild": ["RUN x"] }),
            json!({ "Shell": ["/bin/sh", "-c"], "Tty": false, "Hostname": "a", "Other": 1, "other": [1] }),
            json!({ "Cmd": null, "Env": null, "Labels": null, "Healthcheck": null, "StopTimeout": null }),
        ] {
            assert_eq!(objections(&config), [], "{config}");
        }
    }

    /// Every key with a value of every type.
    #[test]
    fn every_key_has_one_type() {
        let values = [
            ("boolean", json!(true)),
            ("integer", json!(1)),
            ("string", json!("a")),
            ("strings", json!(["A=1"])),
            ("keys", json!({ "a": {} })),
            ("labels", json!({ "a": "b" })),
        ];
        for (key, rule) in KEYS.iter() {
            let table: Value = serde_json::from_str(include_str!("config.json")).unwrap();
            let expected = table[key]["type"].as_str().unwrap();
            for (r#type, value) in &values {
                let fits = *r#type == expected
                    || matches!(expected, "command" | "shell") && *r#type == "strings"
                    || expected == "healthcheck" && matches!(*r#type, "keys" | "labels");
                let found = objections(&json!({ key: value }));
                assert_eq!(found.is_empty(), fits, "{key}: {value}: {found:?}");
                if let [(text, refused_by)] = found.as_slice() {
                    assert!(
                        text.starts_with(&format!("`config.{key}` is {value}; it has to be"))
                            || text.contains("a` is"),
                        "{text}"
                    );
                    let is_taken_by_docker = expected == "command" && *r#type == "string";
                    let expected = match rule.r#in {
                        _ if is_taken_by_docker => NOT_DOCKER,
                        _ if expected == "shell" && *r#type == "string" => CRANE,
                        Specification::Oci => ALL,
                        Specification::Docker if key == "StopTimeout" => NOT_CRANE,
                        Specification::Docker => READ_EXTENSIONS,
                    };
                    assert_eq!(*refused_by, expected, "{text}");
                }
            }
        }
    }

    #[test]
    fn the_value_within_that_is_wrong_is_named() {
        for (config, expected) in [
            (
                json!({ "Cmd": ["sleep", 1] }),
                "element 2 of `config.Cmd` is 1; it has to be a string",
            ),
            (
                json!({ "Labels": { "revision": 5 } }),
                "`config.Labels.revision` is 5; it has to be a string",
            ),
            (
                json!({ "ExposedPorts": { "80/tcp": 1 } }),
                "`config.ExposedPorts.80/tcp` is 1; it has to be `{ }`",
            ),
            (
                json!({ "Healthcheck": { "Interval": "30s" } }),
                "`config.Healthcheck.Interval` is \"30s\"; it has to be a whole number of nanoseconds, such as `30000000000` for 30 seconds",
            ),
            (
                json!({ "StopTimeout": 1.5 }),
                "`config.StopTimeout` is 1.5; it has to be a whole number",
            ),
            (
                json!("/bin/sh"),
                "`config` is \"/bin/sh\"; it has to be a set, such as `{ Cmd = [ \"/bin/sh\" ]; }`",
            ),
        ] {
            let found = objections(&config);
            assert_eq!(found.len(), 1, "{found:?}");
            assert_eq!(found[0].0, expected);
        }
    }

    #[test]
    fn keys_in_another_case_are_the_same_keys() {
        let found = objections(&json!({ "env": ["A=1"], "cmd": "x" }));
        let texts: Vec<&str> = found.iter().map(|(text, _)| text.as_str()).collect();
        assert_eq!(
            texts,
            [
                "`config.env` is `Env` to Go's programs, which overlook the case of letters, and nothing to all others; write it `Env`",
                "`config.cmd` is `Cmd` to Go's programs, which overlook the case of letters, and nothing to all others; write it `Cmd`",
                "`config.Cmd` is \"x\"; it has to be a list of strings, such as `[ \"x\" ]`",
            ]
        );
        let found = objections(&json!({ "Env": [], "ENV": [] }));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0]
                .0
                .contains("`config.ENV` and `config.Env` are one key"),
            "{found:?}"
        );
    }

    #[test]
    fn long_values_are_cut() {
        let found = objections(&json!({ "User": ["x".repeat(10_000)] }));
        assert!(found[0].0.len() < 200, "{found:?}");
    }
}
