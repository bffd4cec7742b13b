//! Finds the images of an OCI layout, index by index, and the one of them that fits a platform best.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::rc::Rc;

use super::blob_ref::Blob;
use super::error::{ImagesError, oci_error};
use super::selector::{Selector, shown_names};
use super::{Image, read_config};
use crate::bytes::digest::Digest;
use crate::foreign::archive::Archive;
use crate::oci::descriptor::{Annotations, Descriptor};
use crate::oci::manifest::{self, Index, Manifest};
use crate::oci::media_type::MediaType;
use crate::oci::platform::Platform;

/// An image that the indexes of a layout lead to.
pub(super) struct Candidate {
    pub(super) names: Vec<String>,
    pub(super) descriptor: Descriptor,
    /// The index that lists it, if that is not the layout's own.
    pub(super) index: Option<Rc<Blob>>,
}

pub(super) fn choose_of_layout(
    archive: &Archive,
    selector: Selector<'_>,
) -> Result<Image, ImagesError> {
    let candidates = candidates_for(archive, selector)?;
    let mut manifests = Manifests::new(archive);
    let fitting = manifests.fitting(candidates, selector.platform)?;
    manifests.image(fitting)
}

/// The images of a layout with the name that `selector` wants, at least one; those that are there, if any
/// is.
pub(super) fn candidates_for(
    archive: &Archive,
    selector: Selector<'_>,
) -> Result<Vec<Candidate>, ImagesError> {
    let mut candidates = candidates(archive)?;
    if candidates.is_empty() {
        return Err(ImagesError::Empty {
            path: archive.path.clone(),
            name: manifest::INDEX,
        });
    }
    let found = shown_names(candidates.iter().map(|image| image.names.as_slice()));
    candidates.retain(|candidate| selector.wants(&candidate.names));
    if candidates.is_empty() {
        return Err(selector.no_such_name(archive, found));
    }
    // Of an image for many platforms, a layout may have only some.
    let is_there = |image: &Candidate| archive.file(&image.descriptor.path(), "is named").is_ok();
    if candidates.iter().any(is_there) {
        candidates.retain(is_there);
    }
    Ok(candidates)
}

/// All images that the indexes of a layout lead to, in their order.
pub(super) fn candidates(archive: &Archive) -> Result<Vec<Candidate>, ImagesError> {
    let text = archive.json(manifest::LAYOUT, "every OCI layout has")?;
    manifest::check_layout(&text).map_err(|source| oci_error(archive, manifest::LAYOUT, source))?;
    listed(archive)
}

/// The same, whether or not the archive says that it is a layout.
pub(super) fn listed(archive: &Archive) -> Result<Vec<Candidate>, ImagesError> {
    let text = archive.json(manifest::INDEX, "every OCI layout has")?;
    let index =
        Index::parse(&text).map_err(|source| oci_error(archive, manifest::INDEX, source))?;
    let mut listed = Listed::default();
    listed.add(archive, &index, None, &[], 0)?;
    Ok(listed.candidates)
}

/// What the indexes of a layout list.
#[derive(Default)]
struct Listed {
    candidates: Vec<Candidate>,
    /// How many descriptors have been followed.
    count: usize,
    /// Each index is read once, however often it is named.
    indexes: BTreeMap<Digest, Rc<Index>>,
}

impl Listed {
    /// Adds the images of `index`, which is the blob `named` unless it is the layout's own, lies `depth` deep in others and
    /// is called `names`.
    fn add(
        &mut self,
        archive: &Archive,
        index: &Index,
        named: Option<&Rc<Blob>>,
        names: &[String],
        depth: usize,
    ) -> Result<(), ImagesError> {
        if depth > archive.limits.max_nesting {
            return Err(ImagesError::TooNested {
                path: archive.path.clone(),
                max: archive.limits.max_nesting,
            });
        }
        self.count += index.manifests.len();
        if self.count > archive.limits.max_manifests {
            return Err(ImagesError::TooManyImages {
                path: archive.path.clone(),
                max: archive.limits.max_manifests,
            });
        }
        for descriptor in &index.manifests {
            if descriptor.is_attestation() {
                continue;
            }
            let Annotations {
                image_name,
                ref_name,
                ..
            } = &descriptor.annotations;
            let own = [image_name, ref_name].into_iter().flatten();
            let names: Vec<String> = names.iter().chain(own).cloned().collect();
            match descriptor.media_type {
                MediaType::Manifest => self.candidates.push(Candidate {
                    names,
                    descriptor: descriptor.clone(),
                    index: named.cloned(),
                }),
                MediaType::Index => {
                    let index = self.index(archive, descriptor)?;
                    let named = Rc::new(Blob::described(descriptor));
                    self.add(archive, &index, Some(&named), &names, depth + 1)?;
                }
                // The specification wants what is unknown to be passed over.
                _ => {}
            }
        }
        Ok(())
    }

    fn index(
        &mut self,
        archive: &Archive,
        descriptor: &Descriptor,
    ) -> Result<Rc<Index>, ImagesError> {
        if let Some(index) = self.indexes.get(&descriptor.digest) {
            return Ok(Rc::clone(index));
        }
        let blob = Blob::described(descriptor);
        let text = blob.json(archive, "an index names")?;
        let index = Index::parse(&text).map_err(|source| oci_error(archive, &blob.name, source))?;
        let index = Rc::new(index);
        self.indexes.insert(descriptor.digest, Rc::clone(&index));
        Ok(index)
    }
}

/// The manifests of a layout that have been read, and what their configs say. Each is read once, however many
/// images have it.
pub(super) struct Manifests<'a> {
    archive: &'a Archive,
    manifests: BTreeMap<Digest, Rc<Manifest>>,
    platforms: BTreeMap<Digest, Option<Platform>>,
    /// How many layers the manifests list, and how many the images have that were made of them.
    listed: usize,
    made: usize,
}

impl<'a> Manifests<'a> {
    pub(super) fn new(archive: &'a Archive) -> Self {
        Self {
            archive,
            manifests: BTreeMap::new(),
            platforms: BTreeMap::new(),
            listed: 0,
            made: 0,
        }
    }

    /// The first of `candidates` that fits `wanted` best. One alone fits, unless the index says that it
    /// is for something else.
    pub(super) fn fitting(
        &mut self,
        candidates: Vec<Candidate>,
        wanted: Option<&Platform>,
    ) -> Result<Candidate, ImagesError> {
        let path = || self.archive.path.clone();
        let alone = candidates.len() == 1;
        let mut best = None;
        let mut others = Vec::new();
        for candidate in candidates {
            let platform = match &candidate.descriptor.platform {
                None if !alone => self.platform(&candidate)?,
                said => said.clone(),
            };
            match fit(platform.as_ref(), wanted) {
                None => others.extend(platform.map(|platform| format!("`{platform}`"))),
                Some(fit) if best.as_ref().is_none_or(|(other, _)| fit > *other) => {
                    best = Some((fit, candidate));
                }
                Some(_) => {}
            }
        }
        match (best, wanted) {
            (Some((_, candidate)), _) => Ok(candidate),
            (None, Some(wanted)) => {
                others.dedup();
                Err(ImagesError::NoSuchPlatform {
                    path: path(),
                    wanted: wanted.to_string(),
                    found: others.join(", "),
                })
            }
            // Everything fits when nothing is wanted.
            (None, None) => Err(ImagesError::Empty {
                path: path(),
                name: manifest::INDEX,
            }),
        }
    }

    /// What an image runs on by its config.
    fn platform(&mut self, candidate: &Candidate) -> Result<Option<Platform>, ImagesError> {
        let manifest = self.manifest(candidate)?;
        let platform = match self.platforms.entry(manifest.config.digest) {
            Entry::Occupied(known) => known.get().clone(),
            Entry::Vacant(free) => {
                let config = read_config(self.archive, &Blob::described(&manifest.config))?;
                free.insert(config.platform()).clone()
            }
        };
        Ok(platform)
    }

    fn manifest(&mut self, candidate: &Candidate) -> Result<Rc<Manifest>, ImagesError> {
        let digest = candidate.descriptor.digest;
        if let Some(known) = self.manifests.get(&digest) {
            return Ok(Rc::clone(known));
        }
        let manifest = Rc::new(candidate.manifest(self.archive)?);
        self.listed += manifest.layers.len();
        self.refuse_too_many(self.listed)?;
        self.manifests.insert(digest, Rc::clone(&manifest));
        Ok(manifest)
    }

    /// The image that `candidate` leads to.
    pub(super) fn image(&mut self, candidate: Candidate) -> Result<Image, ImagesError> {
        let manifest = self.manifest(&candidate)?;
        self.made += manifest.layers.len();
        self.refuse_too_many(self.made)?;
        Ok(Image {
            names: candidate.names,
            config: Blob::described(&manifest.config),
            layers: manifest.layers.iter().map(Blob::described).collect(),
            manifest: Some(Blob::described(&candidate.descriptor)),
            index: candidate.index,
        })
    }

    /// A thousand images may have a thousand layers each, all of them the same. As in `manifest.json`, where
    /// all images are together, each takes the memory of a value.
    fn refuse_too_many(&self, layers: usize) -> Result<(), ImagesError> {
        let max = self.archive.limits.max_values / 4;
        if layers <= max {
            return Ok(());
        }
        let path = self.archive.path.clone();
        Err(ImagesError::TooManyLayers { path, max })
    }
}

/// How well an image for `platform` serves `wanted`; the more, the better. Of processors that are
/// a series, a later one runs what an earlier one does.
fn fit(platform: Option<&Platform>, wanted: Option<&Platform>) -> Option<u32> {
    let (Some(platform), Some(wanted)) = (platform, wanted) else {
        return Some(0);
    };
    if platform.os != wanted.os || platform.architecture != wanted.architecture {
        return None;
    }
    let [has, may] = [platform, wanted].map(|platform| {
        let variant = platform.variant.as_deref().filter(|text| !text.is_empty());
        variant.unwrap_or(match platform.architecture.as_str() {
            "amd64" => "v1",
            "arm" => "v7",
            "arm64" => "v8",
            _ => "",
        })
    });
    let number = |variant: &str| variant.strip_prefix('v')?.parse::<u32>().ok();
    match (number(has), number(may)) {
        _ if has == may => Some(u32::MAX),
        (Some(has), Some(may)) if has < may => Some(has),
        _ => None,
    }
}

impl Candidate {
    pub(super) fn manifest(&self, archive: &Archive) -> Result<Manifest, ImagesError> {
        let blob = Blob::described(&self.descriptor);
        let text = blob.json(archive, "an index names as an image")?;
        Manifest::parse(&text).map_err(|source| oci_error(archive, &blob.name, source))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn platform(text: &str) -> Platform {
        let mut parts = text.split('/').map(str::to_owned);
        Platform {
            os: parts.next().unwrap(),
            architecture: parts.next().unwrap(),
            variant: parts.next(),
        }
    }

    /// Which of `offered` is the best for `wanted`, as [`Manifests::fitting`] finds it.
    fn best<'a>(offered: &[&'a str], wanted: &str) -> Option<&'a str> {
        let wanted = platform(wanted);
        let mut best: Option<(u32, &str)> = None;
        for text in offered {
            let fit = fit(Some(&platform(text)), Some(&wanted));
            if let Some(fit) = fit
                && best.is_none_or(|(other, _)| fit > other)
            {
                best = Some((fit, text));
            }
        }
        best.map(|(_, text)| text)
    }

    #[test]
    fn the_same_variant_fits_best_and_then_the_highest_below() {
        let arm = [
            "linux/arm/v5",
            "linux/arm/v6",
            "linux/arm/v7",
            "linux/arm64/v8",
        ];
        assert_eq!(best(&arm, "linux/arm/v6"), Some("linux/arm/v6"));
        assert_eq!(best(&arm, "linux/arm"), Some("linux/arm/v7"));
        assert_eq!(best(&arm, "linux/arm/v8"), Some("linux/arm/v7"));
        assert_eq!(best(&arm, "linux/arm64"), Some("linux/arm64/v8"));
        assert_eq!(best(&arm[1..], "linux/arm/v5"), None);
    }

    #[test]
    fn other_systems_and_processors_do_not_fit() {
        let others = [
            "windows/amd64",
            "linux/386",
            "linux/amd64/v3",
            "linux/riscv64",
        ];
        assert_eq!(best(&others, "linux/amd64"), None);
        assert_eq!(best(&others, "linux/amd64/v4"), Some("linux/amd64/v3"));
        assert_eq!(best(&others, "linux/riscv64"), Some("linux/riscv64"));
    }
}
