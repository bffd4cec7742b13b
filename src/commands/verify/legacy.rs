//! Checks what Docker's archives have beside `manifest.json` for Dockers before 1.10: `repositories`,
//! and `json` and `VERSION` in the directory of each layer.

use serde::Deserialize;

use super::{Verifier, What};
use crate::bytes::digest::Sha256;
use crate::console::text::shown;
use crate::foreign::archive::ArchiveMember;
use crate::foreign::archive::member_path::MemberPath;
use crate::foreign::images::{self, docker};
use crate::image::layer_directory::VERSION;
use crate::oci::{bounded, strict_json};

/// The `json` of a layer.
#[derive(Debug, Deserialize)]
#[serde(expecting = "an object with `id`")]
struct LegacyJson {
    #[serde(deserialize_with = "bounded::short")]
    id: String,
    #[serde(default, deserialize_with = "bounded::short_or_none")]
    parent: Option<String>,
    #[serde(rename = "Size")]
    size: Option<u64>,
    /// Its `Size` is that of the tar; Docker's own, that of the files.
    checksum: Option<String>,
}

const JSON: &[u8] = b"json";

impl Verifier<'_> {
    /// Checks the directories of layers, and `repositories` if `manifest.json` is there to compare.
    pub(super) fn check_legacy(&mut self, is_docker: bool) {
        if is_docker && images::has(&self.inventory.archive, images::REPOSITORIES) {
            self.check_repositories();
        }
        let members = self.inventory.archive.members.iter();
        let directories: Vec<MemberPath> = members
            .filter_map(|(name, member)| match name.as_slice() {
                [directory, file] if file == JSON && is_file(member) => {
                    Some(vec![directory.clone()])
                }
                _ => None,
            })
            .collect();
        for directory in directories {
            self.check_legacy_layer(&directory);
        }
    }

    fn check_repositories(&mut self) {
        self.use_member(images::REPOSITORIES);
        let archive = &self.inventory.archive;
        let text = archive.json_to_keep(images::REPOSITORIES, "is named");
        let Some(text) = self.known(images::REPOSITORIES, text) else {
            return;
        };
        let repositories = match docker::repositories(&text) {
            Ok(Some(repositories)) => repositories,
            // Images that have none are merged so.
            Ok(None) => return,
            Err(error) => return self.problem(images::REPOSITORIES, What::Document(error)),
        };
        let mut tags = std::mem::take(&mut self.tags);
        let listed = repositories.0.iter();
        let listed = listed.flat_map(|(name, tags)| {
            tags.0
                .iter()
                .map(move |(tag, id)| (format!("{name}:{tag}"), id))
        });
        for (reference, id) in listed {
            let name = shown(reference.as_bytes());
            match tags.remove(&reference) {
                None => {
                    let what = What::OnlyRepository { reference: name };
                    self.problem(images::REPOSITORIES, what);
                }
                Some(Some(layer)) if !self.is_layer(id, &layer) => {
                    let what = What::RepositoryLayer {
                        reference: name,
                        id: id.escape_debug().to_string(),
                        layer: shown(layer.as_bytes()),
                    };
                    self.problem(images::REPOSITORIES, what);
                }
                Some(_) => {}
            }
        }
        for reference in tags.into_keys() {
            let reference = shown(reference.as_bytes());
            self.problem(images::REPOSITORIES, What::NoRepository { reference });
        }
    }

    /// Whether the layer that the member `layer` holds has the legacy `id`: it lies, or is linked, in
    /// the directory of that name, or is named so itself.
    fn is_layer(&self, id: &str, layer: &str) -> bool {
        let archive = &self.inventory.archive;
        let place = |name: &str| archive.file(name, "is named").ok().map(|file| file.place);
        let in_directory = format!("{id}/layer.tar");
        match place(&in_directory) {
            Some(found) => Some(found) == place(layer),
            None => layer == in_directory || layer.rsplit('/').next() == Some(id),
        }
    }

    /// Checks `json` and `VERSION` of the layer in `directory`. They are as useful as the layer.
    fn check_legacy_layer(&mut self, directory: &MemberPath) {
        let id = String::from_utf8_lossy(&directory[0]).into_owned();
        let beside = |name: &str| format!("{id}/{name}");
        let json = beside("json");
        let archive = &self.inventory.archive;
        let Ok(layer) = archive.file(&beside("layer.tar"), "is named") else {
            return self.problem(&json, What::Beside { name: "layer.tar" });
        };
        let size = layer.range.size;
        let trail = archive.trail(&beside("layer.tar"), "is named");
        let trail = trail.map(|(trail, _)| trail).unwrap_or_default();
        if trail.last().is_some_and(|layer| self.used.contains(layer)) {
            self.used.extend(trail);
            self.use_member(&json);
            self.use_member(&beside("VERSION"));
        }
        match self.inventory.file(&beside("VERSION"), "is named") {
            Ok(version) => {
                let known = [VERSION.to_owned(), format!("{VERSION}\n")];
                let known = known.map(|text| Sha256::of(text.as_bytes()));
                if !known.contains(&version.digests.sha256) {
                    self.problem(&beside("VERSION"), What::LegacyVersion);
                }
            }
            Err(_) => self.problem(&json, What::Beside { name: "VERSION" }),
        }
        let Some(text) = self.text(&json) else {
            return;
        };
        match strict_json::parse_noting::<LegacyJson>(&text) {
            Ok((parsed, respelled)) => {
                self.note_keys(&json, &respelled);
                self.check_legacy_json(&json, &id, size, parsed);
            }
            Err(error) => self.problem(&json, What::Document(error)),
        }
    }

    fn check_legacy_json(&mut self, json: &str, id: &str, found: u64, parsed: LegacyJson) {
        if parsed.id != id {
            let found = parsed.id.escape_debug().to_string();
            self.problem(json, What::LegacyId { found });
        }
        if parsed.parent.is_some_and(|parent| parent == id) {
            self.problem(json, What::LegacyParent);
        }
        if let (Some(said), Some(_)) = (parsed.size, parsed.checksum)
            && said != found
        {
            self.problem(json, What::LegacySize { found, said });
        }
    }
}

fn is_file(member: &ArchiveMember) -> bool {
    !matches!(member, ArchiveMember::Directory { .. })
}
