//! Shows what is in an image, as text for people and as JSON for programs; the keys stand in
//! `docs/inspect.md`.

use std::io::{self, Write};

use serde::ser::{Error as _, Serialize, SerializeSeq, SerializeStruct, Serializer};
use serde_json::json;

use super::config::{Part, Shown};
use super::{InspectedImage, InspectedLayer, Inspection};
use crate::bytes::compression::Compression;
use crate::console::table::{self, Align};
use crate::console::text;
use crate::foreign::archive::index::Form;

/// What of `config` is shown, by the keys of the image specification, and what people call it.
const CONFIG: [(&str, &str); 12] = [
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

/// How many entries of a history.
const MAX_HISTORY: usize = 10_000;

/// How many characters of a value.
const MAX_VALUE: usize = 10_000;

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
        let packing = match self.inventory.form {
            Form::Directory => "in a directory".to_owned(),
            Form::Archive(Compression::Plain) => "not packed".to_owned(),
            Form::Archive(packing) => format!("packed with {packing}"),
        };
        let path = self.inventory.archive.path.display();
        let images = text::count(self.images.len() as u64, "image");
        writeln!(out, "{path}: {kind}, {packing}, {images}")?;
        for image in self.images() {
            image.map_err(io::Error::other)?.write_text(out)?;
        }
        Ok(())
    }
}

/// The same for programs, image by image: all of them may be much.
impl Serialize for Inspection {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let packing = match self.inventory.form {
            Form::Directory => json!("directory"),
            Form::Archive(packing) => json!(packing),
        };
        let format = if self.is_docker { "docker" } else { "oci" };
        let path = self.inventory.archive.path.display().to_string();
        let mut object = serializer.serialize_struct("Inspection", 4)?;
        object.serialize_field("path", &path)?;
        object.serialize_field("format", format)?;
        object.serialize_field("packing", &packing)?;
        object.serialize_field("images", &Images(self))?;
        object.end()
    }
}

struct Images<'a>(&'a Inspection);

impl Serialize for Images<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.0.images.len()))?;
        for image in self.0.images() {
            list.serialize_element(&image.map_err(S::Error::custom)?)?;
        }
        list.end()
    }
}

impl Serialize for InspectedImage<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let platform = self.platform.as_ref().map(|platform| {
            json!({
                "os": platform.os,
                "architecture": platform.architecture,
                "variant": platform.variant,
            })
        });
        let shown = self.config.shown().map_err(S::Error::custom)?;
        let manifest = self.manifest.map(|digest| digest.to_string());
        let mut object = serializer.serialize_struct("InspectedImage", 9)?;
        object.serialize_field("names", &self.names)?;
        object.serialize_field("id", &self.id.to_string())?;
        object.serialize_field("manifest", &manifest)?;
        object.serialize_field("annotations", &*self.annotations)?;
        object.serialize_field("platform", &platform)?;
        object.serialize_field("created", &shown.created)?;
        object.serialize_field("config", &shown.config.or("{}"))?;
        object.serialize_field("layers", &self.layers)?;
        object.serialize_field("history", &shown.history.or("[]"))?;
        object.end()
    }
}

impl Serialize for InspectedLayer<'_> {
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

impl InspectedImage<'_> {
    fn write_text(&self, out: &mut impl Write) -> io::Result<()> {
        let shown = self.config.shown()?;
        writeln!(out)?;
        for (index, name) in self.names.iter().take(MAX_SHOWN).enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(out, "{comma}{}", printable(name))?;
        }
        match self.names.len().saturating_sub(MAX_SHOWN) {
            0 if self.names.is_empty() => writeln!(out, "(no name)")?,
            0 => writeln!(out)?,
            more => writeln!(out, " {}", and_more(more))?,
        }
        let both = [Align::Left, Align::Left];
        table::write(out, 2, &both, &self.about(&shown)?)?;
        let layers = self.layers.iter().zip(1..);
        let mut rows: Vec<Vec<String>> = layers.map(|(layer, n)| layer.row(n)).collect();
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
            writeln!(out)?;
            table::write(out, 2, &columns, &rows)?;
        }
        self.write_digests(out)?;
        self.write_store_paths(out)?;
        let mut rows = history_rows(shown.history)?;
        if !rows.is_empty() {
            rows.insert(0, vec!["created".to_owned(), "history".to_owned()]);
            writeln!(out)?;
            table::write(out, 2, &both, &rows)?;
        }
        Ok(())
    }

    /// What registries call the layers that are packed.
    fn write_digests(&self, out: &mut impl Write) -> io::Result<()> {
        let layers = self.layers.iter().zip(1..);
        let packed = layers.filter(|(layer, _)| layer.packing != Compression::Plain);
        let rows = packed.map(|(layer, n)| (n, layer.digest.to_string()));
        write_by_layer(out, "digest of the packed layer", rows)
    }

    fn write_store_paths(&self, out: &mut impl Write) -> io::Result<()> {
        let layers = self.layers.iter().zip(1..);
        let paths = layers.flat_map(|(layer, n)| layer.store_paths.iter().map(move |it| (n, it)));
        let rows = paths.map(|(n, path)| (n, path.as_path().display().to_string()));
        write_by_layer(out, "store path", rows)
    }

    /// What the config says, a row for each thing, and for each of a list.
    fn about(&self, shown: &Shown<'_>) -> Result<Vec<Vec<String>>, serde_json::Error> {
        let mut rows = vec![vec!["id".to_owned(), self.id.to_string()]];
        if let Some(manifest) = &self.manifest {
            rows.push(vec!["manifest".to_owned(), manifest.to_string()]);
        }
        if let Some(platform) = &self.platform {
            rows.push(vec![
                "platform".to_owned(),
                printable(&platform.to_string()),
            ]);
        }
        for (key, value) in [("created", shown.created), ("author", shown.author)] {
            if let Some(text) = value.as_text() {
                rows.push(vec![key.to_owned(), printable(&text)]);
            }
        }
        for (place, (key, value)) in self.annotations.iter().take(MAX_SHOWN).enumerate() {
            let name = if place == 0 { "annotations" } else { "" };
            rows.push(vec![name.to_owned(), printable(&format!("{key}={value}"))]);
        }
        if let Some(more) = self.annotations.len().checked_sub(MAX_SHOWN + 1) {
            rows.push(vec![String::new(), and_more(more + 1)]);
        }
        let values = shown.config.members(CONFIG.map(|(key, _)| key))?;
        for ((key, name), value) in CONFIG.into_iter().zip(values) {
            let mut count = 0;
            each_value(key, value, |text| {
                if count < MAX_SHOWN {
                    let name = if count == 0 { name } else { "" };
                    rows.push(vec![name.to_owned(), printable(&text())]);
                }
                count += 1;
            })?;
            if count > MAX_SHOWN {
                rows.push(vec![String::new(), and_more(count - MAX_SHOWN)]);
            }
        }
        Ok(rows)
    }
}

/// Writes a table of numbers of layers, and of something else with the name `head`, unless there is none.
fn write_by_layer(
    out: &mut impl Write,
    head: &str,
    rows: impl Iterator<Item = (usize, String)>,
) -> io::Result<()> {
    let mut rows: Vec<Vec<String>> = rows.map(|(n, text)| vec![n.to_string(), text]).collect();
    if rows.is_empty() {
        return Ok(());
    }
    rows.insert(0, vec!["layer".to_owned(), head.to_owned()]);
    writeln!(out)?;
    table::write(out, 2, &[Align::Right, Align::Left], &rows)
}

/// `text` without anything that could play with the terminal, and not too long.
fn printable(text: &str) -> String {
    match text.char_indices().nth(MAX_VALUE) {
        None => text::printable(text),
        Some((end, _)) => format!("{}...", text::printable(&text[..end])),
    }
}

fn and_more(count: usize) -> String {
    format!("(and {count} more)")
}

fn history_rows(history: Part<'_>) -> Result<Vec<Vec<String>>, serde_json::Error> {
    let mut rows = Vec::new();
    let mut count = 0;
    history.each(|entry| {
        count += 1;
        if count > MAX_HISTORY {
            return Ok(());
        }
        let keys = ["created", "created_by", "comment", "empty_layer"];
        let [created, created_by, comment, empty_layer] = entry.members(keys)?;
        let said = [created_by, comment].map(|text| text.as_text().unwrap_or_default());
        let mut said: Vec<String> = said.into_iter().filter(|text| !text.is_empty()).collect();
        if empty_layer.is_true() {
            said.push("(no layer)".to_owned());
        }
        rows.push(vec![
            printable(&created.as_text().unwrap_or_default()),
            printable(&said.join(" ")),
        ]);
        Ok(())
    })?;
    if count > MAX_HISTORY {
        rows.push(vec![String::new(), and_more(count - MAX_HISTORY)]);
    }
    Ok(rows)
}

impl InspectedLayer<'_> {
    fn row(&self, number: usize) -> Vec<String> {
        let (packed, packing) = match self.packing {
            Compression::Plain => (String::new(), String::new()),
            packing => (text::size(self.packed_size), packing.to_string()),
        };
        vec![
            number.to_string(),
            text::size(self.size),
            packed,
            packing,
            self.files.to_string(),
            self.store_paths.len().to_string(),
            self.diff_id.to_string(),
        ]
    }
}

/// Shows `see` the value of `key` in a config line by line: one for each variable, port or label, the
/// words of a command in one. What `see` gets makes the line.
fn each_value(
    key: &str,
    value: Part<'_>,
    mut see: impl FnMut(&dyn Fn() -> String),
) -> Result<(), serde_json::Error> {
    if key == "Env" && value.is_list() {
        return value.each(|item| {
            see(&|| item.text());
            Ok(())
        });
    }
    // Sets, as Go writes them.
    let is_set = key == "ExposedPorts" || key == "Volumes";
    if (key == "Labels" || is_set) && value.is_object() {
        return value.each_member(|name, value| {
            see(&|| match is_set {
                true => name.clone(),
                false => format!("{name}={}", value.text()),
            });
            Ok(())
        });
    }
    if !value.is_null() && value.as_text().is_none_or(|text| !text.is_empty()) {
        see(&|| value.text());
    }
    Ok(())
}
