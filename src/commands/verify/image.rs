//! Checks one image: its config, its layers, and what they say of each other.

use std::rc::Rc;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{Verifier, What};
use crate::bytes::digest::DiffId;
use crate::console::text::shown;
use crate::engines;
use crate::engines::document::Objections;
use crate::foreign::archive::member_path::MemberPath;
use crate::foreign::images::blob_ref::Blob;
use crate::foreign::images::{self, Image};
use crate::foreign::inventory::InventoryFile;
use crate::oci::bounded;
use crate::oci::image_config::ImageConfig;
use crate::oci::platform::Platform;
use crate::oci::strict_json::{self, DocumentError, Respelled};

/// What of a config nobody needs who builds on the image.
#[derive(Debug, Deserialize)]
#[serde(expecting = "an object")]
struct Rest {
    rootfs: Option<RootFs>,
    history: Option<Vec<History>>,
    /// These two may be there once.
    #[serde(rename = "created")]
    _created: Option<IgnoredAny>,
    #[serde(rename = "author")]
    _author: Option<IgnoredAny>,
}

#[derive(Debug, Deserialize)]
#[serde(expecting = "an object")]
struct RootFs {
    #[serde(default, deserialize_with = "bounded::short_or_none")]
    r#type: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(expecting = "an object")]
struct History {
    empty_layer: Option<bool>,
}

/// What a config says that can be checked.
#[derive(Debug)]
pub(super) struct Config {
    os: Option<String>,
    architecture: Option<String>,
    platform: Option<Platform>,
    /// Empty if there are more than an image may have layers.
    diff_ids: Vec<DiffId>,
    diff_id_count: usize,
    env_count: usize,
    has_rootfs: bool,
    rootfs_type: String,
    history_count: usize,
    objections: Objections,
    /// Of the entries of the history, those that made a layer.
    layer_history_count: usize,
    /// Its keys in another case.
    respelled: Vec<Respelled>,
}

impl Config {
    fn parse(text: &[u8], max_layers: usize) -> Result<Self, DocumentError> {
        let config = ImageConfig::parse(text)?;
        let (rest, mut respelled): (Rest, _) = strict_json::parse_noting(text)?;
        // Both types have `rootfs`.
        respelled.retain(|key| !config.respelled.contains(key));
        respelled.extend(config.respelled.iter().cloned());
        let has_rootfs = rest.rootfs.is_some();
        let rootfs_type = rest.rootfs.and_then(|rootfs| rootfs.r#type);
        let history = rest.history.unwrap_or_default();
        let made_layer = |entry: &&History| entry.empty_layer != Some(true);
        let platform = config.platform();
        let objections = engines::document::check(text, platform.as_ref())?;
        let mut diff_ids = config.rootfs.diff_ids;
        let diff_id_count = diff_ids.len();
        if diff_id_count > max_layers {
            diff_ids = Vec::new();
        }
        Ok(Self {
            os: config.os,
            architecture: config.architecture,
            platform,
            diff_ids,
            diff_id_count,
            env_count: config.config.env.len(),
            has_rootfs,
            rootfs_type: rootfs_type.unwrap_or_default(),
            history_count: history.len(),
            objections,
            layer_history_count: history.iter().filter(made_layer).count(),
            respelled,
        })
    }
}

impl<'a> Verifier<'a> {
    /// Checks `image`, which the document `namer` names, and which the index says is for each of `platforms`.
    pub(super) fn check_image(&mut self, image: &Image, namer: &str, platforms: &[Platform]) {
        let (count, max) = (image.layers.len(), self.inventory.archive.limits.max_layers);
        if count > max {
            return self.problem(namer, What::TooManyLayers { count, max });
        }
        let layers: Vec<Option<&InventoryFile>> = image
            .layers
            .iter()
            .map(|layer| self.check_blob(layer, namer, "a layer"))
            .collect();
        for (layer, file) in image.layers.iter().zip(&layers) {
            if let Some(file) = file {
                self.check_layer(layer, file, namer);
            }
        }
        self.object(
            namer,
            engines::layers::check_count(count, "make it of fewer"),
        );
        if let Some(file) = self.check_blob(&image.config, namer, "a config") {
            if self.images.insert(file.digests.sha256) {
                let name = &image.config.name;
                self.object(name, engines::document::check_size(file.size));
            }
            if let Some(config) = self.config(&image.config.name) {
                self.check_config(image, &config, &layers, namer, platforms);
            }
        }
    }

    /// Compares the file of `blob` with what `namer` says of it.
    pub(super) fn check_blob(
        &mut self,
        blob: &Blob,
        namer: &str,
        role: &'static str,
    ) -> Option<&'a InventoryFile> {
        let file = self.file(&blob.name, namer, role)?;
        let found = file.size;
        if let Some(said) = blob.size.filter(|said| *said != found) {
            let namer = namer.to_owned();
            self.problem(&blob.name, What::Size { namer, found, said });
        }
        let is_name = blob.is_named_by_digest() || role != "a layer";
        let found = file.digests.by(blob.algorithm());
        if let Some(said) = blob.digest.filter(|said| is_name && *said != found) {
            let what = if found.algorithm() != said.algorithm() {
                What::NotComputed { said }
            } else if blob.size.is_some() {
                let namer = namer.to_owned();
                What::Digest { namer, found, said }
            } else {
                What::Named { found, said }
            };
            self.problem(&blob.name, what);
        }
        Some(file)
    }

    /// Checks a layer by itself, once, and compares it with what `namer` says.
    fn check_layer(&mut self, layer: &Blob, file: &InventoryFile, namer: &str) {
        let name = &layer.name;
        let found = file.packing;
        if let Some(said) = layer.packing.filter(|said| *said != found) {
            let namer = namer.to_owned();
            self.problem(name, What::Compression { namer, found, said });
        }
        let digest = file.digests.by(layer.algorithm());
        if let (Some(said), Some(content)) = (layer.digest, file.content)
            && !layer.is_named_by_digest()
            && said != digest
            && said != content.diff_id.into()
        {
            let diff_id = content.diff_id;
            let what = if digest.algorithm() == said.algorithm() {
                What::LayerName {
                    said,
                    digest,
                    diff_id,
                }
            } else {
                What::NotComputed { said }
            };
            self.problem(name, what);
        }
        if !self.is_first(name) {
            return;
        }
        if namer == images::MANIFEST {
            self.object(name, engines::layers::check_packing(found));
        }
        if let Some(damage) = &file.damage {
            self.problem(name, What::Layer(Arc::clone(damage)));
        }
        for problem in &file.entries().problems {
            let what = What::Entry {
                entry: problem.entry.clone(),
                wrong: problem.what.clone(),
            };
            self.problem(name, what);
        }
        if file.entries().more_problems > 0 {
            let count = file.entries().more_problems;
            self.problem(name, What::MoreEntries { count });
        }
    }

    /// Whether the layer that `name` leads to has not been checked before.
    fn is_first(&mut self, name: &str) -> bool {
        let trail = self.inventory.archive.trail(name, "is named");
        let member: Option<MemberPath> = trail.ok().and_then(|(mut trail, _)| trail.pop());
        member.is_none_or(|member| self.layers.insert(member))
    }

    /// What the file `name` says, which is parsed once, however many images have it, by whatever names.
    fn config(&mut self, name: &str) -> Option<Rc<Config>> {
        let place = self.inventory.archive.file(name, "is named").ok()?.place;
        if let Some(known) = self.configs.get(&place) {
            return known.clone();
        }
        let max_layers = self.inventory.archive.limits.max_layers;
        let text = self.text(name);
        let config = text.and_then(|text| match Config::parse(&text, max_layers) {
            Ok(mut config) => {
                self.note_keys(name, &config.respelled);
                let objections = std::mem::take(&mut config.objections);
                for objection in objections.told {
                    self.problem(name, What::Objection(objection));
                }
                self.problems.more += objections.more;
                Some(Rc::new(config))
            }
            Err(error) => {
                self.problem(name, What::Document(error));
                None
            }
        });
        self.configs.insert(place, config.clone());
        config
    }

    fn check_config(
        &mut self,
        image: &Image,
        config: &Config,
        layers: &[Option<&InventoryFile>],
        namer: &str,
        platforms: &[Platform],
    ) {
        let name = &image.config.name;
        self.check_platform(name, config, namer, platforms);
        if namer == images::MANIFEST {
            let os = config.os.as_deref().unwrap_or_default();
            self.object(name, engines::platform::check_os(os));
        }
        self.check_diff_ids(image, config, layers);
        if config.rootfs_type != "layers" {
            let objection = match config.has_rootfs {
                true => engines::document::wrong_rootfs(&config.rootfs_type),
                false => engines::document::no_rootfs(),
            };
            self.object(name, Some(objection));
        }
        let (count, max) = (config.env_count, self.inventory.archive.limits.max_env);
        if count > max {
            self.problem(name, What::TooManyVariables { count, max });
        }
        let (found, count) = (config.layer_history_count, layers.len());
        // History is for people, and may be left out.
        if config.history_count > 0 && found != count {
            self.problem(name, What::History { found, count });
        }
    }

    fn check_platform(&mut self, name: &str, config: &Config, namer: &str, platforms: &[Platform]) {
        for (key, value) in [("os", &config.os), ("architecture", &config.architecture)] {
            if value.as_ref().is_none_or(String::is_empty) {
                self.problem(name, What::NoPlatform { key });
            }
        }
        let Some(found) = &config.platform else {
            return;
        };
        for said in platforms {
            let variants = [found, said].map(|platform| platform.variant.as_deref().unwrap_or(""));
            let same_variant = variants[0] == variants[1] || variants.contains(&"");
            if found.os != said.os || found.architecture != said.architecture || !same_variant {
                let (namer, found) = (namer.to_owned(), found.clone());
                let said = said.clone();
                self.problem(name, What::Platform { namer, found, said });
            }
        }
    }

    fn check_diff_ids(
        &mut self,
        image: &Image,
        config: &Config,
        layers: &[Option<&InventoryFile>],
    ) {
        let diff_ids = &config.diff_ids;
        if config.diff_id_count != layers.len() {
            let (found, count) = (config.diff_id_count, layers.len());
            let what = What::DiffIdCount { found, count };
            return self.problem(&image.config.name, what);
        }
        for ((layer, file), said) in image.layers.iter().zip(layers).zip(diff_ids) {
            let content = file.and_then(|file| file.content);
            if let Some(found) = content.map(|content| content.diff_id)
                && found != *said
            {
                let what = What::DiffId {
                    config: shown(image.config.name.as_bytes()),
                    found,
                    said: *said,
                };
                self.problem(&layer.name, what);
            }
        }
    }
}
