//! Makes the JSON documents of an image: the legacy `json` of a layer, the image config, the
//! manifest and `repositories`. Keys, order and white space are nixpkgs'.

use std::path::{Path, PathBuf};
use std::{fs, io};

use serde_json::{Map, Value, json};
use thiserror::Error;

use crate::bytes::digest::DiffId;
use crate::engines::{self, created};
use crate::imitate::{jq, jshon};
use crate::oci::platform::Platform;
use crate::request::time::{Time, TimeError};

/// What every JSON of one image starts from: `config`, `architecture`, `created` and the rest that
/// `buildImage` was told.
#[derive(Debug, Clone)]
pub struct BaseJson(pub(super) Map<String, Value>);

/// The base JSON is not what it should be.
#[derive(Debug, Error)]
pub enum ConfigError {
    #[error("the JSON of an image has to be an object")]
    Json(#[source] serde_json::Error),
    #[error("`created` is {found}; it has to be a string")]
    Created { found: Value },
    #[error(transparent)]
    Time(#[from] TimeError),
}

/// The base JSON of an image or a layer cannot be used.
#[derive(Debug, Error)]
pub enum BaseJsonError {
    #[error("cannot read `{}`", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot use `{}`", path.display())]
    Use { path: PathBuf, source: ConfigError },
}

impl BaseJson {
    /// Reads the file `path`, which Nix's `builtins.toJSON` wrote.
    ///
    /// # Errors
    /// When it cannot be read, or is not a JSON object.
    pub fn read(path: &Path) -> Result<Self, BaseJsonError> {
        let text = fs::read(path).map_err(|source| BaseJsonError::Read {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&text).map_err(|source| BaseJsonError::Use {
            path: path.to_owned(),
            source,
        })
    }

    /// The same [with a readable time](Self::with_readable_time).
    ///
    /// # Errors
    /// When it cannot be read, is not a JSON object, or `created` is no time.
    pub fn read_with_time(path: &Path) -> Result<Self, BaseJsonError> {
        let base = Self::read(path)?.with_readable_time();
        base.map_err(|source| BaseJsonError::Use {
            path: path.to_owned(),
            source,
        })
    }

    /// Parses what Nix's `builtins.toJSON` wrote.
    ///
    /// # Errors
    /// When `text` is not a JSON object.
    pub fn parse(text: &[u8]) -> Result<Self, ConfigError> {
        serde_json::from_slice(text)
            .map(Self)
            .map_err(ConfigError::Json)
    }

    /// The same with a time of creation that engines read: such a one stays as it is, and what
    /// [`Time::parse`] takes beside it is written as one. No time at all is fine too.
    ///
    /// # Errors
    /// When `created` is neither null nor a string, or no time.
    pub fn with_readable_time(mut self) -> Result<Self, ConfigError> {
        match self.0.get_mut("created") {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) => {
                if !created::is_readable(text) {
                    *text = Time::parse("created", text)?.to_string();
                }
            }
            Some(other) => {
                let found = other.take();
                return Err(ConfigError::Created { found });
            }
        }
        Ok(self)
    }

    /// What users call `config`; null if there is none.
    #[must_use]
    pub fn config(&self) -> &Value {
        self.0.get("config").unwrap_or(&Value::Null)
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

    /// The image config. `base_env` comes before the image's own variables; repetitions stay. The
    /// types of its `config` have been checked ([`crate::engines::config::check`]).
    #[must_use]
    pub fn image_config(mut self, base_env: &[String], diff_ids: &[DiffId]) -> String {
        let created = self.0.get("created").cloned().unwrap_or_default();
        let config = self.0.entry("config").or_insert(Value::Null);
        let mut own = match config.take() {
            Value::Object(own) => own,
            _ => Map::new(),
        };
        let mut env: Vec<Value> = base_env.iter().map(|variable| json!(variable)).collect();
        if let Some(Value::Array(own_env)) = engines::config::env(&own) {
            env.extend_from_slice(own_env);
        }
        engines::config::set_env(&mut own, env);
        *config = own.into();

        let ids: Vec<String> = diff_ids.iter().map(DiffId::to_string).collect();
        let history = vec![json!({ "created": created }); diff_ids.len()];
        self.0.insert(
            "rootfs".to_owned(),
            json!({ "diff_ids": ids, "type": "layers" }),
        );
        self.0.insert("history".to_owned(), history.into());
        jq::print(&Value::Object(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_env(config: &str, base_env: &[&str], expected: &str) {
        let base = format!(r#"{{"config":{config},"created":"now"}}"#);
        let base_env: Vec<String> = base_env.iter().map(ToString::to_string).collect();
        let config = BaseJson::parse(base.as_bytes())
            .unwrap()
            .image_config(&base_env, &[]);
        let value: Value = serde_json::from_str(&config).unwrap();
        assert_eq!(value["config"].to_string(), expected);
    }

    #[test]
    fn variables_of_the_base_come_first_and_stay() {
        check_env(r#"{"Env":["A=2"]}"#, &["A=1"], r#"{"Env":["A=1","A=2"]}"#);
    }

    #[test]
    fn env_takes_its_own_place_or_the_last_one() {
        check_env(
            r#"{"Env":[],"User":"x"}"#,
            &["A=1"],
            r#"{"Env":["A=1"],"User":"x"}"#,
        );
        check_env(r#"{"User":"x"}"#, &[], r#"{"User":"x","Env":[]}"#);
        check_env("null", &[], r#"{"Env":[]}"#);
    }

    #[test]
    fn env_in_another_case_is_not_lost() {
        check_env(
            r#"{"env":["A=1"],"User":"x"}"#,
            &[],
            r#"{"User":"x","Env":["A=1"]}"#,
        );
        check_env(r#"{"ENV":["A=1"]}"#, &["B=1"], r#"{"Env":["B=1","A=1"]}"#);
        // The last one is the one that Go's decoder keeps.
        check_env(
            r#"{"Env":["A=1"],"env":["B=1"]}"#,
            &[],
            r#"{"Env":["B=1"]}"#,
        );
    }

    #[test]
    fn no_time_of_creation_stays_none() {
        for same in [r#"{"os":"linux"}"#, r#"{"created":null}"#] {
            let base = BaseJson::parse(same.as_bytes()).unwrap();
            let base = base.with_readable_time().unwrap();
            assert_eq!(Value::Object(base.0).to_string(), same);
        }
    }

    #[test]
    fn times_that_no_engine_reads_are_written_anew() {
        let written = |created: &str| {
            let base = BaseJson::parse(json!({ "created": created }).to_string().as_bytes());
            let base = base.unwrap().with_readable_time();
            base.map(|base| base.0["created"].as_str().unwrap().to_owned())
                .map_err(|error| error.to_string())
        };
        for same in [
            "1970-01-01T00:00:01Z",
            "2024-01-15T10:15:00.5+01:00",
            "2024-01-15T1:20:30Z",
        ] {
            assert_eq!(written(same).unwrap(), same);
        }
        for (given, expected) in [
            ("20240115", "2024-01-15T00:00:00+00:00"),
            ("@1705313700", "2024-01-15T10:15:00+00:00"),
            ("2024-01-15", "2024-01-15T00:00:00+00:00"),
            ("2024-01-15T10:15:00", "2024-01-15T10:15:00+00:00"),
            ("2024-01-15 10:15:00Z", "2024-01-15T10:15:00+00:00"),
            ("20240115101500", "2024-01-15T10:15:00+00:00"),
        ] {
            assert_eq!(written(given).unwrap(), expected, "{given}");
        }
        for wrong in ["", "yesterday", "10000-01-01", "@", "2024-02-30"] {
            assert!(
                written(wrong).unwrap_err().contains("which is no time"),
                "{wrong}"
            );
        }
    }
}
