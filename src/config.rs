//! Makes the JSON documents of an image: the legacy `json` of a layer, the image config, the
//! manifest and `repositories`. Keys, order and white space are nixpkgs'.

use serde_json::{Map, Value, json};
use thiserror::Error;

use crate::digest::{DiffId, Sha256};
use crate::json::{jq, jshon};
use crate::oci::Platform;

/// What every JSON of one image starts from: `config`, `architecture`, `created` and the rest that
/// `buildImage` was told.
#[derive(Debug, Clone)]
pub struct BaseJson(Map<String, Value>);

/// The base JSON is not what it should be.
#[derive(Debug, Error)]
pub enum ConfigError {
    #[error("the JSON of an image has to be an object")]
    Json(#[source] serde_json::Error),
    #[error("`config` is {found}; it has to be a set, such as `{{ Cmd = [ \"/bin/sh\" ]; }}`")]
    Config { found: Value },
    #[error(
        "`config.Env` is {found}; it has to be a list of strings, such as `[ \"NAME=value\" ]`"
    )]
    Env { found: Value },
    #[error("`created` is {found}; it has to be a string")]
    Created { found: Value },
}

impl BaseJson {
    /// Parses what Nix's `builtins.toJSON` wrote.
    ///
    /// # Errors
    /// When `text` is not a JSON object.
    pub fn parse(text: &[u8]) -> Result<Self, ConfigError> {
        serde_json::from_slice(text)
            .map(Self)
            .map_err(ConfigError::Json)
    }

    /// What the image is for, if that is said.
    #[must_use]
    pub fn platform(&self) -> Option<Platform> {
        serde_json::from_value(Value::Object(self.0.clone())).ok()
    }

    /// The same with another time of creation, as jq prints it.
    #[must_use]
    pub fn created_at(mut self, time: &str) -> String {
        self.0.insert("created".to_owned(), time.into());
        jq::print(&Value::Object(self.0))
    }

    /// The `json` that a layer's derivation writes: with the TarSum of `layer.tar`.
    #[must_use]
    pub fn layer_json(mut self, tarsum: &str) -> String {
        self.0.insert("checksum".to_owned(), tarsum.into());
        jshon::print(&Value::Object(self.0))
    }

    /// The image config. `base_env` comes before the image's own variables; repetitions stay.
    ///
    /// # Errors
    /// When `config` or its `Env` has the wrong type.
    pub fn image_config(
        mut self,
        base_env: &[String],
        diff_ids: &[DiffId],
    ) -> Result<String, ConfigError> {
        let created = match self.0.get("created") {
            Some(created @ Value::String(_)) => created.clone(),
            other => {
                return Err(ConfigError::Created {
                    found: other.cloned().unwrap_or_default(),
                });
            }
        };
        let config = self.0.entry("config").or_insert(Value::Null);
        if config.is_null() {
            *config = json!({});
        }
        let Value::Object(config) = config else {
            return Err(ConfigError::Config {
                found: config.clone(),
            });
        };
        let own_env = match config.get("Env") {
            None | Some(Value::Null) => &[],
            Some(Value::Array(env)) => env.as_slice(),
            Some(other) => {
                return Err(ConfigError::Env {
                    found: other.clone(),
                });
            }
        };
        let base_env = base_env.iter().map(|variable| json!(variable));
        let env: Vec<Value> = base_env.chain(own_env.iter().cloned()).collect();
        config.insert("Env".to_owned(), env.into());

        let ids: Vec<String> = diff_ids.iter().map(DiffId::to_string).collect();
        let history = vec![json!({ "created": created }); diff_ids.len()];
        self.0.insert(
            "rootfs".to_owned(),
            json!({ "diff_ids": ids, "type": "layers" }),
        );
        self.0.insert("history".to_owned(), history.into());
        Ok(jq::print(&Value::Object(self.0)))
    }
}

/// The legacy `json` of a layer in an image, and the layer's id, which names its directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LegacyLayer {
    /// The hash of the `json` before the id itself and the size are in it.
    pub id: Sha256,
    pub json: String,
}

/// Completes the `json` of a layer's derivation. `parent` is the base's config without `.json`,
/// `size` that of the whole `layer.tar` in bytes.
///
/// # Errors
/// When `json` is not a JSON object.
pub fn legacy_layer(
    json: &[u8],
    parent: Option<&str>,
    size: u64,
) -> Result<LegacyLayer, ConfigError> {
    let BaseJson(mut members) = BaseJson::parse(json)?;
    let id = match parent {
        Some(parent) => {
            members.insert("parent".to_owned(), parent.into());
            Sha256::of(jshon::print(&Value::Object(members.clone())).as_bytes())
        }
        None => Sha256::of(json),
    };
    members.insert("id".to_owned(), id.hex().into());
    members.insert("Size".to_owned(), size.into());
    Ok(LegacyLayer {
        id,
        json: jshon::print(&Value::Object(members)),
    })
}

/// The `manifest.json` of an archive with one image. `layers` are names of members, lowest first.
#[must_use]
pub fn manifest(name: &str, tag: &str, layers: &[String], config: &str) -> String {
    jq::print(&json!([{
        "RepoTags": [format!("{name}:{tag}")],
        "Layers": layers,
        "Config": config,
    }]))
}

/// The legacy `repositories` of an archive with one image.
#[must_use]
pub fn repositories(name: &str, tag: &str, layer: Sha256) -> String {
    jshon::print(&json!({ name: { tag: layer.hex() } }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_env(config: &str, base_env: &[&str], expected: Result<&str, &str>) {
        let base = format!(r#"{{"config":{config},"created":"now"}}"#);
        let base_env: Vec<String> = base_env.iter().map(ToString::to_string).collect();
        let config = BaseJson::parse(base.as_bytes())
            .unwrap()
            .image_config(&base_env, &[]);
        match (config, expected) {
            (Ok(text), Ok(expected)) => {
                let value: Value = serde_json::from_str(&text).unwrap();
                assert_eq!(value["config"].to_string(), expected);
            }
            (Err(error), Err(expected)) => assert!(error.to_string().contains(expected), "{error}"),
            (got, _) => panic!("{got:?} instead of {expected:?}"),
        }
    }

    #[test]
    fn variables_of_the_base_come_first_and_stay() {
        check_env(
            r#"{"Env":["A=2"]}"#,
            &["A=1"],
            Ok(r#"{"Env":["A=1","A=2"]}"#),
        );
    }

    #[test]
    fn env_takes_its_own_place_or_the_last_one() {
        check_env(
            r#"{"Env":[],"User":"x"}"#,
            &["A=1"],
            Ok(r#"{"Env":["A=1"],"User":"x"}"#),
        );
        check_env(r#"{"User":"x"}"#, &[], Ok(r#"{"User":"x","Env":[]}"#));
        check_env("null", &[], Ok(r#"{"Env":[]}"#));
    }

    #[test]
    fn a_config_of_the_wrong_type_is_refused() {
        check_env(r#""x""#, &[], Err("`config` is \"x\""));
        check_env(r#"{"Env":"A=1"}"#, &[], Err("`config.Env` is \"A=1\""));
    }

    #[test]
    fn the_parent_is_part_of_the_layer_id_but_the_size_is_not() {
        let json = BaseJson::parse(br#"{"os":"linux"}"#)
            .unwrap()
            .layer_json("tarsum.v1+x");
        let alone = legacy_layer(json.as_bytes(), None, 1).unwrap();
        assert_eq!(alone.id, Sha256::of(json.as_bytes()));
        assert_eq!(alone.id, legacy_layer(json.as_bytes(), None, 2).unwrap().id);
        let child = legacy_layer(json.as_bytes(), Some("abc"), 1).unwrap();
        assert_ne!(alone.id, child.id);
        assert!(
            child.json.contains("\"parent\": \"abc\",\n \"id\""),
            "{}",
            child.json
        );
    }
}
