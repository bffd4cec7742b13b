//! Parses `.attrs.json`, in which Nix hands a derivation's structured attributes to its builder.
//! What our Nix code says stands under one key and is read strictly; the rest is Nix's.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::de::{DeserializeOwned, Error as _};
use serde_json::{Map, Value};
use thiserror::Error;

use crate::request::limits::Limits;
use crate::request::variables::{as_variable, is_in_environments};

/// The attributes of one derivation; `T` is what our Nix code wrote.
#[derive(Debug)]
pub struct Attrs<T> {
    pub ours: T,
    /// Where the output `out` goes.
    pub out: PathBuf,
    /// The closure that `exportReferencesGraph.graph` exported, if any.
    pub closure: Option<Value>,
    /// What foreign images may ask for.
    pub limits: Limits,
    /// The attributes as environment variables, as a derivation without structured attributes has
    /// them: lists joined by blanks, `true` as 1, `false` and `null` empty. Scripts of users expect
    /// them.
    pub environment: BTreeMap<String, String>,
}

/// The key of [`Limits`], which stands beside that of the subcommand.
const LIMITS: &str = "limits";

/// What one subcommand reads.
pub trait Section: DeserializeOwned {
    /// The key of `.attrs.json` that it stands under.
    const KEY: &'static str;

    /// Whether it stands there as text, itself JSON: what runs in a virtual machine cannot count on
    /// structured attributes.
    const IS_TEXT: bool = false;
}

/// `.attrs.json` is missing, or not what our Nix code writes.
#[derive(Debug, Error)]
pub enum AttrsError {
    #[error("cannot read the derivation's attributes from `{}`", path.display())]
    Read {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("`{}` is not valid JSON", path.display())]
    Json {
        path: PathBuf,
        source: serde_json::Error,
    },
    #[error("`{}` has no attribute `{key}`, which tells this subcommand of `builder` what to do", path.display())]
    Missing { path: PathBuf, key: &'static str },
    #[error("attribute `{key}` in `{}` is not what this version of `builder` expects", path.display())]
    Section {
        path: PathBuf,
        key: &'static str,
        source: serde_json::Error,
    },
    #[error("`{}` names no path for the output `out`", path.display())]
    NoOutput { path: PathBuf },
}

/// Reads the file `path`.
///
/// # Errors
/// When it cannot be read or parsed.
pub fn read<T: Section>(path: &Path) -> Result<Attrs<T>, AttrsError> {
    let text = std::fs::read_to_string(path).map_err(|source| AttrsError::Read {
        path: path.to_owned(),
        source,
    })?;
    parse(&text, path)
}

/// Parses `text`, which stands in `path`.
///
/// # Errors
/// When it is not JSON, lacks our key or the output, or our key holds something unexpected.
pub fn parse<T: Section>(text: &str, path: &Path) -> Result<Attrs<T>, AttrsError> {
    let path = || path.to_owned();
    let all: Value = serde_json::from_str(text).map_err(|source| AttrsError::Json {
        path: path(),
        source,
    })?;
    // Nix writes nothing but a set, and anything else lacks our key.
    let mut all = match all {
        Value::Object(all) => all,
        _ => Map::new(),
    };
    let ours = all.remove(T::KEY).ok_or_else(|| AttrsError::Missing {
        path: path(),
        key: T::KEY,
    })?;
    let ours = match ours {
        Value::String(text) if T::IS_TEXT => serde_json::from_str(&text),
        // Serde would take a list for a set, its items for the values in their order.
        Value::Array(_) => Err(serde_json::Error::custom(
            "invalid type: sequence, expected a set",
        )),
        ours => serde_json::from_value(ours),
    };
    let ours = ours.map_err(|source| AttrsError::Section {
        path: path(),
        key: T::KEY,
        source,
    })?;
    let out = all
        .get("outputs")
        .and_then(|outputs| outputs.get("out"))
        .and_then(Value::as_str)
        .ok_or_else(|| AttrsError::NoOutput { path: path() })?;
    let out = PathBuf::from(out);
    let closure = all.remove("graph");
    let limits = all.remove(LIMITS).map(serde_json::from_value).transpose();
    Ok(Attrs {
        ours,
        out,
        closure,
        limits: limits
            .map_err(|source| AttrsError::Section {
                path: path(),
                key: LIMITS,
                source,
            })?
            .unwrap_or_default(),
        environment: all
            .iter()
            .filter_map(|(name, value)| Some((name.clone(), as_variable(value)?)))
            .filter(|(name, value)| is_in_environments(name, value))
            .collect(),
    })
}

/// Reads what a derivation without structured attributes has in its environment: our key as `text`,
/// and the output `out`.
///
/// # Errors
/// When our key holds something unexpected.
pub fn from_environment<T: Section>(text: &str, out: PathBuf) -> Result<Attrs<T>, AttrsError> {
    let ours = serde_json::from_str(text).map_err(|source| AttrsError::Section {
        path: PathBuf::from("the environment"),
        key: T::KEY,
        source,
    })?;
    Ok(Attrs {
        ours,
        out,
        closure: None,
        limits: Limits::default(),
        // It is there already.
        environment: BTreeMap::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::base_json::BaseJsonAttrs;
    use crate::commands::merge_images::MergeAttrs;
    use crate::commands::pure_layer::LayerAttrs;

    const MERGE: &str = r#"{
        "merge": { "images": ["/nix/store/a"] },
        "outputs": { "out": "/nix/store/out" },
        "name": "merged", "list": ["a", ["b", 1]], "yes": true, "no": false, "nothing": null, "set": {}
    }"#;

    fn parse_merge(text: &str) -> Result<Attrs<MergeAttrs>, AttrsError> {
        parse(text, Path::new(".attrs.json"))
    }

    #[track_caller]
    fn check_error<T: Section + std::fmt::Debug>(text: &str, expected: &str) {
        let error = parse::<T>(text, Path::new(".attrs.json")).unwrap_err();
        let source = std::error::Error::source(&error).map(ToString::to_string);
        let whole = format!("{error}: {}", source.unwrap_or_default());
        assert!(whole.contains(expected), "{whole}");
    }

    #[test]
    fn attributes_become_variables_as_without_structured_attributes() {
        let attrs = parse_merge(MERGE).unwrap();
        assert_eq!(attrs.ours.images, [PathBuf::from("/nix/store/a")]);
        assert_eq!(attrs.out, PathBuf::from("/nix/store/out"));
        let variables: Vec<_> = attrs
            .environment
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        assert_eq!(
            variables,
            ["list=a b 1", "name=merged", "no=", "nothing=", "yes=1"]
        );
    }

    #[test]
    fn an_unknown_attribute_of_ours_is_refused_by_name() {
        check_error::<MergeAttrs>(
            r#"{ "merge": { "image": [] }, "outputs": { "out": "/o" } }"#,
            "unknown field `image`, expected `images`",
        );
    }

    /// Found by the fuzz target `attrs`.
    #[test]
    fn what_no_environment_can_have_is_no_variable() {
        let text = r#"{
            "baseJson": { "json": "/b" }, "outputs": { "out": "/o" },
            "a": "1", "b=c": "2", "": "3", "d\u0000": "4", "e": "\u0000"
        }"#;
        let attrs: Attrs<BaseJsonAttrs> = parse(text, Path::new(".attrs.json")).unwrap();
        let names: Vec<_> = attrs.environment.keys().collect();
        assert!(names.contains(&&"a".to_owned()), "{names:?}");
        assert!(
            !names
                .iter()
                .any(|name| name.contains(['=', '\0']) || name.is_empty()),
            "{names:?}"
        );
        assert!(!attrs.environment.contains_key("e"));
    }

    /// Found by the fuzz target `attrs`.
    #[test]
    fn a_list_is_no_set() {
        let text = r#"{ "baseJson": ["/b"], "outputs": { "out": "/o" } }"#;
        let error = parse::<BaseJsonAttrs>(text, Path::new(".attrs.json")).unwrap_err();
        assert!(matches!(error, AttrsError::Section { .. }), "{error}");
    }

    #[test]
    fn ids_are_numbers_or_names_of_the_sandbox() {
        let layer = |uid: &str| {
            format!(
                r#"{{ "outputs": {{ "out": "/o" }}, "layer": {{ "name": "x", "baseJson": "/b", "copyToRoot": [],
                "keepContentsDirlinks": false, "extraCommands": "", "uid": {uid}, "gid": "nogroup", "shell": null }} }}"#
            )
        };
        for (uid, expected) in [("1234", 1234), ("\"12\"", 12), ("\"nobody\"", 65534)] {
            let attrs: Attrs<LayerAttrs> = parse(&layer(uid), Path::new("x")).unwrap();
            assert_eq!((attrs.ours.uid, attrs.ours.gid), (expected, 65534));
        }
        check_error::<LayerAttrs>(&layer("-1"), "`uid` is -1; it has to be a number");
        check_error::<LayerAttrs>(
            &layer("4294967296"),
            "`uid` is 4294967296; it has to be a number from 0 to 4294967295",
        );
        check_error::<LayerAttrs>(&layer("null"), "`uid` is null; it has to be a number");
    }
}
