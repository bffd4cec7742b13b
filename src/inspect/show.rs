//! Shows what is in an image, as text for people and as JSON for programs; the keys stand in
//! `docs/inspect.md`.

use serde_json::{Map, Value, json};

use super::{InspectedImage, InspectedLayer, Inspection};
use crate::compress::Packing;
use crate::progress;
use crate::survey::Form;
use crate::table::{self, Align, printable};

/// What of `config` is shown, by the keys of the image specification, and what people call it.
const CONFIG: &[(&str, &str)] = &[
    ("Entrypoint", "entrypoint"),
    ("Cmd", "command"),
    ("WorkingDir", "directory"),
    ("User", "user"),
    ("Env", "environment"),
    ("ExposedPorts", "ports"),
    ("Volumes", "volumes"),
    ("Labels", "labels"),
    ("StopSignal", "stop signal"),
    ("Healthcheck", "health check"),
    ("Shell", "shell"),
    ("OnBuild", "on build"),
];

impl Inspection {
    /// Lines for people.
    #[must_use]
    pub fn text(&self) -> String {
        let kind = if self.is_docker {
            "image archive"
        } else {
            "OCI layout"
        };
        let packing = match self.form {
            Form::Directory => "in a directory".to_owned(),
            Form::Archive(Packing::Plain) => "not packed".to_owned(),
            Form::Archive(packing) => format!("packed with {packing}"),
        };
        let path = self.path.display();
        let images = progress::count(self.images.len() as u64, "image");
        let mut text = format!("{path}: {kind}, {packing}, {images}\n");
        for image in &self.images {
            text += &image.text();
        }
        text
    }

    /// The same for programs.
    #[must_use]
    pub fn json(&self) -> Value {
        let images: Vec<Value> = self.images.iter().map(InspectedImage::json).collect();
        json!({
            "path": self.path.display().to_string(),
            "format": if self.is_docker { "docker" } else { "oci" },
            "packing": match self.form {
                Form::Directory => json!("directory"),
                Form::Archive(packing) => json!(packing),
            },
            "images": images,
        })
    }
}

impl InspectedImage {
    fn text(&self) -> String {
        let names = match self.names.as_slice() {
            [] => "(no name)".to_owned(),
            names => printable(&names.join(", ")),
        };
        let both = [Align::Left, Align::Left];
        let mut text = format!("\n{names}\n{}", table::lines(2, &both, &self.about()));
        let layers = self.layers.iter().zip(1..);
        let rows: Vec<Vec<String>> = layers.clone().map(|(layer, n)| layer.row(n)).collect();
        if !rows.is_empty() {
            let head = [
                "layer",
                "size",
                "packed",
                "",
                "files",
                "store paths",
                "DiffID",
            ];
            let head = head.map(str::to_owned).to_vec();
            let mut columns = [Align::Right; 7];
            columns[3] = Align::Left;
            columns[6] = Align::Left;
            text.push('\n');
            text += &table::lines(2, &columns, &[vec![head], rows].concat());
        }
        let store_paths =
            layers.flat_map(|(layer, n)| layer.store_paths.iter().map(move |path| (n, path)));
        let rows: Vec<Vec<String>> = store_paths
            .map(|(n, path)| vec![n.to_string(), path.as_path().display().to_string()])
            .collect();
        if !rows.is_empty() {
            let head = vec!["layer".to_owned(), "store path".to_owned()];
            let columns = [Align::Right, Align::Left];
            text.push('\n');
            text += &table::lines(2, &columns, &[vec![head], rows].concat());
        }
        let rows = self.history_rows();
        if !rows.is_empty() {
            let head = vec!["created".to_owned(), "history".to_owned()];
            text.push('\n');
            text += &table::lines(2, &both, &[vec![head], rows].concat());
        }
        text
    }

    /// What the config says, a row for each thing, and for each of a list.
    fn about(&self) -> Vec<Vec<String>> {
        let mut rows = vec![vec!["id".to_owned(), self.id.to_string()]];
        if let Some(platform) = &self.platform {
            rows.push(vec![
                "platform".to_owned(),
                printable(&platform.to_string()),
            ]);
        }
        for key in ["created", "author"] {
            if let Some(text) = self.config[key].as_str() {
                rows.push(vec![key.to_owned(), printable(text)]);
            }
        }
        for (key, name) in CONFIG {
            let values = values(key, &self.config["config"][*key]);
            for (index, value) in values.into_iter().enumerate() {
                let name = if index == 0 { *name } else { "" };
                rows.push(vec![name.to_owned(), printable(&value)]);
            }
        }
        rows
    }

    fn history_rows(&self) -> Vec<Vec<String>> {
        let text = |entry: &Value, key: &str| entry[key].as_str().unwrap_or_default().to_owned();
        let entries = self.config["history"].as_array().into_iter().flatten();
        entries
            .map(|entry| {
                let said = [text(entry, "created_by"), text(entry, "comment")];
                let mut said: Vec<String> =
                    said.into_iter().filter(|text| !text.is_empty()).collect();
                if entry["empty_layer"] == true {
                    said.push("(no layer)".to_owned());
                }
                vec![
                    printable(&text(entry, "created")),
                    printable(&said.join(" ")),
                ]
            })
            .collect()
    }

    fn json(&self) -> Value {
        let platform = self.platform.as_ref().map(|platform| {
            json!({
                "os": platform.os,
                "architecture": platform.architecture,
                "variant": platform.variant,
            })
        });
        let layers: Vec<Value> = self.layers.iter().map(InspectedLayer::json).collect();
        let empty = |value: &Value, empty: Value| match value {
            Value::Null => empty,
            value => value.clone(),
        };
        json!({
            "names": self.names,
            "id": self.id.to_string(),
            "platform": platform,
            "created": self.config["created"],
            "config": empty(&self.config["config"], Value::Object(Map::new())),
            "layers": layers,
            "history": empty(&self.config["history"], Value::Array(Vec::new())),
        })
    }
}

impl InspectedLayer {
    fn row(&self, number: usize) -> Vec<String> {
        let (packed, packing) = match self.packing {
            Packing::Plain => (String::new(), String::new()),
            packing => (progress::size(self.packed_size), packing.to_string()),
        };
        vec![
            number.to_string(),
            progress::size(self.size),
            packed,
            packing,
            self.files.to_string(),
            self.store_paths.len().to_string(),
            self.diff_id.to_string(),
        ]
    }

    fn json(&self) -> Value {
        json!({
            "file": self.name,
            "packing": self.packing,
            "digest": self.digest.to_string(),
            "packedSize": self.packed_size,
            "diffId": self.diff_id.to_string(),
            "size": self.size,
            "files": self.files,
            "storePaths": self.store_paths,
        })
    }
}

/// The lines that show the value of `key` in a config: one for each variable, port or label, the
/// words of a command in one.
fn values(key: &str, value: &Value) -> Vec<String> {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    };
    match value {
        Value::Null => Vec::new(),
        Value::String(text) if text.is_empty() => Vec::new(),
        Value::Array(values) if key == "Env" => values.iter().map(text).collect(),
        Value::Object(values) if key == "Labels" => values
            .iter()
            .map(|(name, value)| format!("{name}={}", text(value)))
            .collect(),
        // Sets, as Go writes them.
        Value::Object(values) if key == "ExposedPorts" || key == "Volumes" => {
            values.keys().cloned().collect()
        }
        value => vec![text(value)],
    }
}
