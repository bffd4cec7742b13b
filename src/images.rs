//! Finds the images of an archive, by Docker's `manifest.json` or by the indexes of an OCI layout,
//! and chooses among them by name and by what they run on.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::rc::Rc;

use serde::Deserialize;
use thiserror::Error;

use crate::archive::{self, Archive, ArchiveError, ArchiveMember};
use crate::compress::Packing;
use crate::digest::Digest;
use crate::document::{self, DocumentError};
use crate::oci::{
    self, Annotations, Descriptor, ImageConfig, Index, Manifest, MediaType, OciError, Platform,
};

/// Docker's list of the images in an archive.
pub const MANIFEST: &str = "manifest.json";

/// Docker's older one.
pub const REPOSITORIES: &str = "repositories";

/// Which image of an archive with several.
#[derive(Debug, Clone, Copy, Default)]
pub struct Choice<'a> {
    pub name: Option<&'a str>,
    pub tag: Option<&'a str>,
    /// What it is to run on. Of images for several platforms, without this the first is taken.
    pub platform: Option<&'a Platform>,
}

/// One image: the members of an archive that it consists of.
#[derive(Debug)]
pub struct Image {
    /// References such as `name:1`; of a layout perhaps only `1`.
    pub names: Vec<String>,
    pub config: Blob,
    /// Lowest first. A layer may occur twice.
    pub layers: Vec<Blob>,
}

/// A member, and what the document that names it says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    pub name: String,
    pub digest: Option<Digest>,
    /// In bytes.
    pub size: Option<u64>,
    pub packing: Option<Packing>,
}

/// An archive does not hold the image that is wanted.
#[derive(Debug, Error)]
pub enum ImagesError {
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error(
        "`{}` is no image archive and no OCI layout: it has no file `manifest.json` and no `index.json`",
        path.display()
    )]
    NoImages { path: PathBuf },
    #[error(
        "image archive `{}` has `repositories` but no `manifest.json`: Docker before 1.10 wrote it; `docker load` and `docker save` of today make a new one",
        path.display()
    )]
    Legacy { path: PathBuf },
    #[error("`{name}` of image archive `{}` is not what it should be", path.display())]
    Document {
        path: PathBuf,
        name: String,
        source: DocumentError,
    },
    #[error("`{name}` of image archive `{}` is not what it should be", path.display())]
    Oci {
        path: PathBuf,
        name: String,
        source: OciError,
    },
    #[error("image archive `{}` holds no image: its `{name}` lists none", path.display())]
    Empty { path: PathBuf, name: &'static str },
    #[error(
        "image archive `{}` has indexes more than {max} deep in each other; `dockerToolsLimits.maxNesting` allows more",
        path.display()
    )]
    TooNested { path: PathBuf, max: usize },
    #[error(
        "image archive `{}` lists more than {max} images; `dockerToolsLimits.maxManifests` allows more",
        path.display()
    )]
    TooManyImages { path: PathBuf, max: usize },
    #[error("image archive `{}` has no image `{wanted}`; it has {found}", path.display())]
    NoSuchName {
        path: PathBuf,
        wanted: String,
        found: String,
    },
    #[error("image archive `{}` has no image for {wanted}; it has {found}", path.display())]
    NoSuchPlatform {
        path: PathBuf,
        wanted: String,
        found: String,
    },
}

/// One element of `manifest.json`.
#[derive(Debug, Deserialize)]
#[serde(
    rename_all = "PascalCase",
    expecting = "an object with `Config` and `Layers`"
)]
struct ManifestEntry {
    config: String,
    repo_tags: Option<Vec<String>>,
    layers: Option<Vec<String>>,
}

/// The keys that [`ManifestEntry`] reads.
const MANIFEST_KEYS: &[&str] = &["Config", "RepoTags", "Layers"];

/// An image that the indexes of a layout lead to.
struct Candidate {
    names: Vec<String>,
    descriptor: Descriptor,
}

/// The image of `archive` that `choice` wants.
///
/// # Errors
/// When there is none, or what leads to it is damaged or ambiguous.
pub fn choose(archive: &Archive, choice: Choice<'_>) -> Result<Image, ImagesError> {
    if is_docker(archive)? {
        choose_of_docker(archive, choice)
    } else {
        choose_of_layout(archive, choice)
    }
}

/// All images of `archive`; of a layout's that have the same names, the one that fits `platform`.
///
/// # Errors
/// When there is none that fits, or what leads to them is damaged or ambiguous.
pub fn all(archive: &Archive, platform: Option<&Platform>) -> Result<Vec<Image>, ImagesError> {
    if is_docker(archive)? {
        return images_of_docker(archive);
    }
    let mut images: Vec<Vec<Candidate>> = Vec::new();
    for candidate in candidates(archive)? {
        let same = |image: &&mut Vec<Candidate>| image[0].names == candidate.names;
        match images.iter_mut().find(same) {
            Some(image) => image.push(candidate),
            None => images.push(vec![candidate]),
        }
    }
    let images = images.into_iter();
    images
        .map(|image| fitting(archive, image, platform)?.read(archive))
        .collect()
}

/// All images of `archive` with the name that `choice` wants, for whatever platform. What an index
/// within the index lists may be elsewhere.
///
/// # Errors
/// When there is none, or what leads to them is damaged or ambiguous.
pub fn list(archive: &Archive, choice: Choice<'_>) -> Result<Vec<Image>, ImagesError> {
    if is_docker(archive)? {
        let mut images = images_of_docker(archive)?;
        let found = shown_names(images.iter().map(|image| image.names.as_slice()));
        images.retain(|image| choice.wants(&image.names));
        return match images.is_empty() {
            true => Err(choice.no_such_name(archive, found)),
            false => Ok(images),
        };
    }
    let mut candidates = candidates_for(archive, choice)?;
    let is_there = |image: &Candidate| archive.file(&image.descriptor.path(), "is named").is_ok();
    if candidates.iter().any(is_there) {
        candidates.retain(is_there);
    }
    let candidates = candidates.into_iter();
    candidates.map(|image| image.read(archive)).collect()
}

/// Whether the archive has any of the documents of an OCI layout.
#[must_use]
pub fn is_layout(archive: &Archive) -> bool {
    [oci::LAYOUT, oci::INDEX]
        .iter()
        .any(|name| has(archive, name))
}

pub(crate) fn has(archive: &Archive, name: &str) -> bool {
    let member = archive.members.get([name.as_bytes().to_vec()].as_slice());
    member.is_some_and(|member| !matches!(member, ArchiveMember::Directory { .. }))
}

fn is_docker(archive: &Archive) -> Result<bool, ImagesError> {
    let path = || archive.path.clone();
    if has(archive, MANIFEST) {
        Ok(true)
    } else if has(archive, oci::INDEX) {
        Ok(false)
    } else if has(archive, REPOSITORIES) {
        Err(ImagesError::Legacy { path: path() })
    } else {
        Err(ImagesError::NoImages { path: path() })
    }
}

fn choose_of_docker(archive: &Archive, choice: Choice<'_>) -> Result<Image, ImagesError> {
    let images = images_of_docker(archive)?;
    let found = shown_names(images.iter().map(|image| image.names.as_slice()));
    let wanted = |image: &Image| choice.wants(&image.names);
    images
        .into_iter()
        .find(wanted)
        .ok_or_else(|| choice.no_such_name(archive, found))
}

/// All images that `manifest.json` lists.
pub(crate) fn images_of_docker(archive: &Archive) -> Result<Vec<Image>, ImagesError> {
    let text = archive.json(MANIFEST, "every Docker image archive has")?;
    let entries: Vec<ManifestEntry> =
        document::parse(&text, MANIFEST_KEYS).map_err(|source| ImagesError::Document {
            path: archive.path.clone(),
            name: MANIFEST.to_owned(),
            source,
        })?;
    if entries.is_empty() {
        return Err(ImagesError::Empty {
            path: archive.path.clone(),
            name: MANIFEST,
        });
    }
    if entries.len() > archive.limits.max_manifests {
        return Err(ImagesError::TooManyImages {
            path: archive.path.clone(),
            max: archive.limits.max_manifests,
        });
    }
    let images = entries.into_iter().map(|entry| Image {
        names: entry.repo_tags.unwrap_or_default(),
        config: Blob::named(entry.config),
        layers: entry
            .layers
            .unwrap_or_default()
            .into_iter()
            .map(Blob::named)
            .collect(),
    });
    Ok(images.collect())
}

impl Image {
    /// The names of all members that it consists of.
    pub fn members(&self) -> impl Iterator<Item = &String> {
        [&self.config]
            .into_iter()
            .chain(&self.layers)
            .map(|blob| &blob.name)
    }
}

impl Blob {
    /// A member of which only the name is known. Those of configs, blobs and layers may be digests.
    fn named(name: String) -> Self {
        let file = name.strip_prefix("blobs/sha256/").unwrap_or(&name);
        let hex = file.strip_suffix(".json").unwrap_or(file);
        let hex = hex.strip_suffix(".tar").unwrap_or(hex);
        let hex = hex.strip_prefix("sha256:").unwrap_or(hex);
        Self {
            digest: Digest::from_hex(hex),
            name,
            size: None,
            packing: None,
        }
    }

    pub(crate) fn described(descriptor: &Descriptor) -> Self {
        Self {
            name: descriptor.path(),
            digest: Some(descriptor.digest),
            size: Some(descriptor.size),
            packing: match descriptor.media_type {
                MediaType::Layer(packing) => Some(packing),
                _ => None,
            },
        }
    }

    /// Whether the name is a promise about the bytes as they stand. skopeo and others call a layer
    /// by its DiffID, whatever it is packed with.
    #[must_use]
    pub fn is_named_by_digest(&self) -> bool {
        self.name.starts_with("blobs/")
    }

    /// The text of a member that is a JSON document, and is what it is named as.
    ///
    /// # Errors
    /// When it is missing, too large, or has another size or digest.
    pub fn json(
        &self,
        archive: &Archive,
        needed_by: &'static str,
    ) -> Result<Vec<u8>, ArchiveError> {
        let found = archive.file(&self.name, needed_by)?.range.size;
        if let Some(said) = self.size {
            archive.check_size(&self.name, found, said)?;
        }
        let text = archive.json(&self.name, needed_by)?;
        if let Some(said) = self.digest {
            archive.check_digest(&self.name, Digest::of(&text), said)?;
        }
        Ok(text)
    }
}

fn choose_of_layout(archive: &Archive, choice: Choice<'_>) -> Result<Image, ImagesError> {
    let candidates = candidates_for(archive, choice)?;
    fitting(archive, candidates, choice.platform)?.read(archive)
}

/// The images of a layout with the name that `choice` wants, at least one.
fn candidates_for(archive: &Archive, choice: Choice<'_>) -> Result<Vec<Candidate>, ImagesError> {
    let mut candidates = candidates(archive)?;
    if candidates.is_empty() {
        return Err(ImagesError::Empty {
            path: archive.path.clone(),
            name: oci::INDEX,
        });
    }
    let found = shown_names(candidates.iter().map(|image| image.names.as_slice()));
    candidates.retain(|candidate| choice.wants(&candidate.names));
    if candidates.is_empty() {
        return Err(choice.no_such_name(archive, found));
    }
    Ok(candidates)
}

/// All images that the indexes of a layout lead to, in their order.
fn candidates(archive: &Archive) -> Result<Vec<Candidate>, ImagesError> {
    let text = archive.json(oci::LAYOUT, "every OCI layout has")?;
    oci::check_layout(&text).map_err(|source| oci_error(archive, oci::LAYOUT, source))?;
    let text = archive.json(oci::INDEX, "every OCI layout has")?;
    let index = Index::parse(&text).map_err(|source| oci_error(archive, oci::INDEX, source))?;
    let mut listed = Listed::default();
    listed.add(archive, &index, &[], 0)?;
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
    /// Adds the images of `index`, which lies `depth` deep in others and is called `names`.
    fn add(
        &mut self,
        archive: &Archive,
        index: &Index,
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
                }),
                MediaType::Index => {
                    let index = self.index(archive, descriptor)?;
                    self.add(archive, &index, &names, depth + 1)?;
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

/// The first of `candidates` that fits `wanted` best. One alone fits, unless the index says that it
/// is for something else.
fn fitting(
    archive: &Archive,
    candidates: Vec<Candidate>,
    wanted: Option<&Platform>,
) -> Result<Candidate, ImagesError> {
    let alone = candidates.len() == 1;
    let mut configs = Configs::default();
    let mut best = None;
    let mut others = Vec::new();
    for candidate in candidates {
        let platform = match &candidate.descriptor.platform {
            None if !alone => configs.platform(archive, &candidate)?,
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
                path: archive.path.clone(),
                wanted: wanted.to_string(),
                found: others.join(", "),
            })
        }
        // Everything fits when nothing is wanted.
        (None, None) => Err(ImagesError::Empty {
            path: archive.path.clone(),
            name: oci::INDEX,
        }),
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

/// What images run on by their configs, each of which is read once, however many share it.
#[derive(Default)]
struct Configs {
    by_manifest: BTreeMap<Digest, Digest>,
    by_config: BTreeMap<Digest, Option<Platform>>,
}

impl Configs {
    fn platform(
        &mut self,
        archive: &Archive,
        candidate: &Candidate,
    ) -> Result<Option<Platform>, ImagesError> {
        let digest = candidate.descriptor.digest;
        if let Some(config) = self.by_manifest.get(&digest) {
            return Ok(self.by_config[config].clone());
        }
        let config = candidate.manifest(archive)?.config;
        self.by_manifest.insert(digest, config.digest);
        let platform = match self.by_config.entry(config.digest) {
            Entry::Occupied(known) => known.get().clone(),
            Entry::Vacant(free) => {
                let config = read_config(archive, &Blob::described(&config))?;
                free.insert(config.platform()).clone()
            }
        };
        Ok(platform)
    }
}

impl Candidate {
    fn manifest(&self, archive: &Archive) -> Result<Manifest, ImagesError> {
        let blob = Blob::described(&self.descriptor);
        let text = blob.json(archive, "an index names as an image")?;
        Manifest::parse(&text).map_err(|source| oci_error(archive, &blob.name, source))
    }

    fn read(self, archive: &Archive) -> Result<Image, ImagesError> {
        let manifest = self.manifest(archive)?;
        Ok(Image {
            names: self.names,
            config: Blob::described(&manifest.config),
            layers: manifest.layers.iter().map(Blob::described).collect(),
        })
    }
}

/// Reads the config of an image.
///
/// # Errors
/// When it is missing, is not what it is named as, or no config.
pub fn read_config(archive: &Archive, config: &Blob) -> Result<ImageConfig, ImagesError> {
    let text = config.json(archive, "its manifest names as a config")?;
    ImageConfig::parse(&text).map_err(|source| ImagesError::Document {
        path: archive.path.clone(),
        name: config.name.clone(),
        source,
    })
}

impl<'a> Choice<'a> {
    /// The image called `reference`, such as `name:1`, for whatever platform.
    #[must_use]
    pub fn of_reference(reference: &'a str) -> Self {
        let (name, tag) = split(reference);
        Self {
            name,
            tag,
            platform: None,
        }
    }

    /// Whether an image called `names` is wanted.
    fn wants(self, names: &[String]) -> bool {
        if self.name.is_none() && self.tag.is_none() {
            return true;
        }
        names.iter().any(|reference| {
            let (name, tag) = split(reference);
            let same_name = |wanted: &str| name.is_some_and(|name| short(name) == short(wanted));
            self.name.is_none_or(same_name) && self.tag.is_none_or(|wanted| tag == Some(wanted))
        })
    }

    fn no_such_name(self, archive: &Archive, found: String) -> ImagesError {
        ImagesError::NoSuchName {
            path: archive.path.clone(),
            wanted: format!(
                "{}:{}",
                self.name.unwrap_or("<any name>"),
                self.tag.unwrap_or("<any tag>")
            ),
            found,
        }
    }
}

/// The name and the tag of a reference. A layout may call its images by a tag alone, which skopeo
/// takes for a name as well.
fn split(reference: &str) -> (Option<&str>, Option<&str>) {
    match reference.rsplit_once(':') {
        // What follows the last colon is the port of a registry.
        Some((_, tag)) if tag.contains('/') => (Some(reference), None),
        Some((name, tag)) => (Some(name), Some(tag)),
        None if reference.contains('/') => (Some(reference), None),
        None => (Some(reference), Some(reference)),
    }
}

/// A name as Docker shows it: containerd and BuildKit write out where Docker Hub has it.
fn short(name: &str) -> &str {
    match name.strip_prefix("docker.io/") {
        Some(name) => name.strip_prefix("library/").unwrap_or(name),
        None => name,
    }
}

/// How many names an error lists.
const MAX_SHOWN: usize = 50;

fn shown_names<'a>(images: impl Iterator<Item = &'a [String]>) -> String {
    let mut known = BTreeSet::new();
    let mut names: Vec<String> = Vec::new();
    for name in images.flatten().filter(|name| known.insert(*name)) {
        if names.len() < MAX_SHOWN {
            names.push(format!("`{}`", archive::shown(name.as_bytes())));
        }
    }
    match known.len() - names.len() {
        0 if names.is_empty() => "only images without a name".to_owned(),
        0 => names.join(", "),
        more => format!("{}, and {more} more", names.join(", ")),
    }
}

fn oci_error(archive: &Archive, name: &str, source: OciError) -> ImagesError {
    ImagesError::Oci {
        path: archive.path.clone(),
        name: name.to_owned(),
        source,
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

    /// Which of `offered` is the best for `wanted`, as [`fitting`] finds it.
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

    #[test]
    fn references_have_a_name_and_a_tag() {
        assert_eq!(split("app:1"), (Some("app"), Some("1")));
        assert_eq!(split("host:5000/app:1"), (Some("host:5000/app"), Some("1")));
        assert_eq!(split("host:5000/app"), (Some("host:5000/app"), None));
        assert_eq!(split("latest"), (Some("latest"), Some("latest")));
        assert_eq!(short("docker.io/library/app"), short("app"));
        assert_eq!(short("docker.io/me/app"), "me/app");
        assert_eq!(short("library/app"), "library/app");
    }

    #[test]
    fn only_names_that_are_digests_promise_one() {
        let digest = Digest::of(b"");
        let hex = digest.hex();
        for name in [
            format!("{hex}.json"),
            format!("sha256:{hex}"),
            format!("blobs/sha256/{hex}"),
        ] {
            assert_eq!(Blob::named(name).digest, Some(digest));
        }
        assert_eq!(Blob::named("config.json".to_owned()).digest, None);
    }
}
