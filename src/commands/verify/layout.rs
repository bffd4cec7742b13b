//! Checks the documents of an OCI layout, index by index, and the images that they lead to.

use std::collections::{BTreeMap, BTreeSet};

use super::{Verifier, What};
use crate::bytes::digest::Digest;
use crate::foreign::images::blob_ref::Blob;
use crate::foreign::images::error::ImagesError;
use crate::foreign::images::{self, Image};
use crate::oci::annotations::Annotated;
use crate::oci::descriptor::{self, Descriptor};
use crate::oci::manifest::{self, Index, Manifest};
use crate::oci::media_type::MediaType;
use crate::oci::platform::Platform;

/// What has been followed so far.
#[derive(Default)]
struct Followed {
    indexes: BTreeSet<Digest>,
    /// How many descriptors.
    count: usize,
    /// Those of manifests, by the digests of these: each is parsed once, however often it is named.
    manifests: BTreeMap<Digest, Vec<Descriptor>>,
}

impl Verifier<'_> {
    pub(super) fn check_layout(&mut self) {
        let archive = &self.inventory.archive;
        for (name, other) in [
            (manifest::LAYOUT, manifest::INDEX),
            (manifest::INDEX, manifest::LAYOUT),
        ] {
            self.use_member(name);
            if !images::has(archive, name) {
                self.problem(other, What::Beside { name });
            }
        }
        if images::has(archive, manifest::LAYOUT)
            && let Some(text) = self.text(manifest::LAYOUT)
        {
            match manifest::check_layout(&text) {
                Ok(respelled) => self.note_keys(manifest::LAYOUT, &respelled),
                Err(error) => self.problem(manifest::LAYOUT, What::Oci(error)),
            }
        }
        if images::has(archive, manifest::INDEX)
            && let Some(text) = self.text(manifest::INDEX)
        {
            match Index::parse(&text) {
                Ok(index) => {
                    let mut followed = Followed::default();
                    self.check_index(manifest::INDEX, &index, 0, &mut followed);
                    self.check_manifests(followed.manifests);
                }
                Err(error) => self.problem(manifest::INDEX, What::Oci(error)),
            }
        }
    }

    /// Checks what `index` lists, which is in the file `name` and lies `depth` deep in others.
    fn check_index(&mut self, name: &str, index: &Index, depth: usize, followed: &mut Followed) {
        self.note_keys(name, &index.respelled);
        self.check_annotations(name);
        let limits = self.inventory.archive.limits;
        let path = || self.inventory.archive.path.clone();
        followed.count += index.manifests.len();
        let too_much = if depth > limits.max_nesting {
            let max = limits.max_nesting;
            Some(ImagesError::TooNested { path: path(), max })
        } else if followed.count > limits.max_manifests {
            let max = limits.max_manifests;
            Some(ImagesError::TooManyImages { path: path(), max })
        } else {
            None
        };
        if let Some(error) = too_much {
            return self.problem(name, What::Images(error));
        }
        // Of an image for many platforms, a layout may have only some.
        let is_there = |descriptor: &&Descriptor| {
            let file = self.inventory.file(&descriptor.path(), "is named");
            depth == 0 || file.is_ok()
        };
        let there: Vec<&Descriptor> = index.manifests.iter().filter(is_there).collect();
        let all = index.manifests.iter().collect();
        for descriptor in if there.is_empty() { all } else { there } {
            self.follow(name, descriptor, depth, followed);
        }
    }

    fn follow(
        &mut self,
        namer: &str,
        descriptor: &Descriptor,
        depth: usize,
        followed: &mut Followed,
    ) {
        let blob = Blob::described(descriptor);
        let role = match descriptor.media_type {
            MediaType::Index => "an index",
            MediaType::Manifest => "an image",
            _ => "a blob",
        };
        if self.check_blob(&blob, namer, role).is_none() {
            return;
        }
        match descriptor.media_type {
            MediaType::Index if followed.indexes.insert(descriptor.digest) => {
                let Some(text) = self.text(&blob.name) else {
                    return;
                };
                match Index::parse(&text) {
                    Ok(index) => self.check_index(&blob.name, &index, depth + 1, followed),
                    Err(error) => self.problem(&blob.name, What::Oci(error)),
                }
            }
            MediaType::Manifest => {
                let same = followed.manifests.entry(descriptor.digest).or_default();
                same.push(descriptor.clone());
            }
            _ => {}
        }
    }

    fn check_manifests(&mut self, manifests: BTreeMap<Digest, Vec<Descriptor>>) {
        for (digest, descriptors) in manifests {
            let name = descriptor::blob_path(digest);
            let Some(text) = self.text(&name) else {
                continue;
            };
            let is_image = |descriptor: &Descriptor| !descriptor.is_attestation();
            let (images, others): (Vec<_>, Vec<_>) = descriptors.into_iter().partition(is_image);
            if !others.is_empty() {
                self.check_attestation(&name, &text);
            }
            if !images.is_empty() {
                let platforms = images.into_iter().filter_map(|image| image.platform);
                self.check_manifest(&name, &text, &platforms.collect::<Vec<_>>());
            }
        }
    }

    /// Compares the annotations in the document `name` with what they have to be: texts, each there once.
    fn check_annotations(&mut self, name: &str) {
        if let Some(text) = self.text(name)
            && let Err(error) = Annotated::parse(&text)
        {
            self.problem(name, What::Document(error));
        }
    }

    fn check_attestation(&mut self, name: &str, text: &[u8]) {
        match manifest::parts(text) {
            Ok(parts) => {
                for part in parts {
                    self.check_blob(&Blob::described(&part), name, "a part");
                }
            }
            Err(error) => self.problem(name, What::Oci(error)),
        }
    }

    /// Checks the manifest `name`, which indexes say is for `platforms`.
    fn check_manifest(&mut self, name: &str, text: &[u8], platforms: &[Platform]) {
        match Manifest::parse(text) {
            Ok(manifest) => {
                self.note_keys(name, &manifest.respelled);
                self.check_annotations(name);
                let image = Image {
                    names: Vec::new(),
                    config: Blob::described(&manifest.config),
                    layers: manifest.layers.iter().map(Blob::described).collect(),
                    manifest: None,
                    index: None,
                };
                self.check_image(&image, name, platforms);
            }
            Err(error) => self.problem(name, What::Oci(error)),
        }
    }
}
