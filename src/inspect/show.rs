//! Shows what is in an image, as text for people and as JSON for programs; the keys stand in
//! `docs/inspect.md`.

use std::io::{self, Write};

use serde::ser::{Error as _, Serialize, SerializeStruct, Serializer};
use serde_json::{Value, json};

use super::config::{History, Shown};
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

/// How many variables, labels or ports are shown to people.
const MAX_SHOWN: usize = 1_000;

impl Inspection {
    /// Writes lines for people.
    ///
    /// # Errors
    /// As `out` fails.
    pub fn write_text(&self, out: &mut impl Write) -> io::Result<()> {
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
        writeln!(out, "{path}: {kind}, {packing}, {images}")?;
        for image in &self.images {
            out.write_all(image.text()?.as_bytes())?;
        }
        Ok(())
    }
}

/// The same for programs, image by image: all of them may be much.
impl Serialize for Inspection {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let packing = match self.form {
            Form::Directory => json!("directory"),
            Form::Archive(packing) => json!(packing),
        };
        let format = if self.is_docker { "docker" } else { "oci" };
        let mut object = serializer.serialize_struct("Inspection", 4)?;
        object.serialize_field("path", &self.path.display().to_string())?;
        object.serialize_field("format", format)?;
        object.serialize_field("packing", &packing)?;
        object.serialize_field("images", &self.images)?;
        object.end()
    }
}

impl Serialize for InspectedImage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let platform = self.platform.as_ref().map(|platform| {
            json!({
                "os": platform.os,
                "architecture": platform.architecture,
                "variant": platform.variant,
            })
        });
        let shown = self.config.shown().map_err(S::Error::custom)?;
        let mut object = serializer.serialize_struct("InspectedImage", 7)?;
        object.serialize_field("names", &self.names)?;
        object.serialize_field("id", &self.id.to_string())?;
        object.serialize_field("platform", &platform)?;
        object.serialize_field("created", &shown.created)?;
        object.serialize_field("config", &shown.config)?;
        object.serialize_field("layers", &self.layers)?;
        object.serialize_field("history", &shown.history)?;
        object.end()
    }
}

impl Serialize for InspectedLayer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("InspectedLayer", 8)?;
        object.serialize_field("file", &self.name)?;
        object.serialize_field("packing", &self.packing)?;
        object.serialize_field("digest", &self.digest.to_string())?;
        object.serialize_field("packedSize", &self.packed_size)?;
        object.serialize_field("diffId", &self.diff_id.to_string())?;
        object.serialize_field("size", &self.size)?;
        object.serialize_field("files", &self.files)?;
        object.serialize_field("storePaths", &self.store_paths)?;
        object.end()
    }
}

impl InspectedImage {
    fn text(&self) -> io::Result<String> {
        let shown = self.config.shown()?;
        let names = match self.names.as_slice() {
            [] => "(no name)".to_owned(),
            names => printable(&names.join(", ")),
        };
        let both = [Align::Left, Align::Left];
        let mut text = format!("\n{names}\n{}", table::lines(2, &both, &self.about(&shown)));
        let layers = self.layers.iter().zip(1..);
        let mut rows: Vec<Vec<String>> = layers.clone().map(|(layer, n)| layer.row(n)).collect();
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
            rows.insert(0, head.map(str::to_owned).to_vec());
            let mut columns = [Align::Right; 7];
            columns[3] = Align::Left;
            columns[6] = Align::Left;
            text.push('\n');
            text += &table::lines(2, &columns, &rows);
        }
        let store_paths =
            layers.flat_map(|(layer, n)| layer.store_paths.iter().map(move |path| (n, path)));
        let mut rows: Vec<Vec<String>> = store_paths
            .map(|(n, path)| vec![n.to_string(), path.as_path().display().to_string()])
            .collect();
        if !rows.is_empty() {
            rows.insert(0, vec!["layer".to_owned(), "store path".to_owned()]);
            let columns = [Align::Right, Align::Left];
            text.push('\n');
            text += &table::lines(2, &columns, &rows);
        }
        let mut rows = history_rows(&shown.history)?;
        if !rows.is_empty() {
            rows.insert(0, vec!["created".to_owned(), "history".to_owned()]);
            text.push('\n');
            text += &table::lines(2, &both, &rows);
        }
        Ok(text)
    }

    /// What the config says, a row for each thing, and for each of a list.
    fn about(&self, shown: &Shown<'_>) -> Vec<Vec<String>> {
        let mut rows = vec![vec!["id".to_owned(), self.id.to_string()]];
        if let Some(platform) = &self.platform {
            rows.push(vec![
                "platform".to_owned(),
                printable(&platform.to_string()),
            ]);
        }
        for (key, value) in [("created", &shown.created), ("author", &shown.author)] {
            if let Some(text) = value.as_str() {
                rows.push(vec![key.to_owned(), printable(text)]);
            }
        }
        for (key, name) in CONFIG {
            let values = values(key, &shown.config[*key]);
            let more = values.len().saturating_sub(MAX_SHOWN);
            for (index, value) in values.into_iter().take(MAX_SHOWN).enumerate() {
                let name = if index == 0 { *name } else { "" };
                rows.push(vec![name.to_owned(), printable(&value)]);
            }
            if more > 0 {
                rows.push(vec![String::new(), format!("(and {more} more)")]);
            }
        }
        rows
    }
}

fn history_rows(history: &History<'_>) -> io::Result<Vec<Vec<String>>> {
    let text = |entry: &Value, key: &str| entry[key].as_str().unwrap_or_default().to_owned();
    let mut rows = Vec::new();
    history.each(|entry| {
        let said = [text(entry, "created_by"), text(entry, "comment")];
        let mut said: Vec<String> = said.into_iter().filter(|text| !text.is_empty()).collect();
        if entry["empty_layer"] == true {
            said.push("(no layer)".to_owned());
        }
        rows.push(vec![
            printable(&text(entry, "created")),
            printable(&said.join(" ")),
        ]);
        Ok(())
    })?;
    Ok(rows)
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
