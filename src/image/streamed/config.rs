//! The config of a streamed image.

use serde_json::{Map, Value, json};

use crate::engines;
use crate::image::description::Description;
use crate::image::streamed::error::StreamError;
use crate::image::streamed::layers::StreamedLayer;
use crate::imitate::{python, python_json};
use crate::request::time::Time;

pub(crate) fn image_config(
    description: &Description,
    created: &Time,
    layers: &[StreamedLayer],
) -> Result<String, StreamError> {
    let created = created.to_string();
    let diff_ids: Vec<String> = layers
        .iter()
        .map(|layer| layer.diff_id.to_string())
        .collect();
    let history: Vec<Value> = layers
        .iter()
        .map(|layer| {
            let paths = python::repr_list(&layer.paths);
            json!({ "created": created, "comment": format!("store paths: {paths}") })
        })
        .collect();
    Ok(python_json::print(&json!({
        "created": created,
        "architecture": description.architecture,
        "os": "linux",
        "config": container_config(description)?,
        "rootfs": { "diff_ids": diff_ids, "type": "layers" },
        "history": history,
    })))
}

/// The image's `config`, with the base image's variables before its own. Of variables with equal
/// names the first one's place and the last one's value stay.
fn container_config(description: &Description) -> Result<Value, StreamError> {
    if description.from_image.is_none() {
        return Ok(description.config.clone());
    }
    let mut config = match &description.config {
        Value::Null => Map::new(),
        Value::Object(config) => config.clone(),
        other => {
            return Err(StreamError::Config {
                found: other.clone(),
            });
        }
    };
    let own = match engines::config::env(&config) {
        None | Some(Value::Null) => Vec::new(),
        Some(env) => serde_json::from_value(env.clone())
            .map_err(|_| StreamError::Env { found: env.clone() })?,
    };
    // By name; a variable that is there again stays in its place.
    let mut env = Map::new();
    for variable in description.builder.base_env.iter().cloned().chain(own) {
        let name = variable.split('=').next().unwrap_or_default().to_owned();
        env.insert(name, variable.into());
    }
    if !env.is_empty() {
        engines::config::set_env(&mut config, env.into_values().collect());
    }
    Ok(Value::Object(config))
}
