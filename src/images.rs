//! Finds the images of an archive, by Docker's `manifest.json` or by the indexes of an OCI layout,
//! and chooses among them by name and by what they run on.

mod agree;
mod layout;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::Deserialize;
use thiserror::Error;

use self::layout::{Candidate, Manifests, candidates, candidates_for, choose_of_layout};
use crate::archive::{Archive, ArchiveError, ArchiveMember};
use crate::bytes::compression::Packing;
use crate::bytes::digest::{Algorithm, Digest};
use crate::console::text;
use crate::document::{self, DocumentError, Respelled, Unique};
use crate::oci::{self, Descriptor, ImageConfig, MediaType, OciError, Platform};

pub(crate) use self::agree::check as check_agreement;

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
    #[error(
        "the images in `{}` have more than {max} layers together; `dockerToolsLimits.maxValues` allows more",
        path.display()
    )]
    TooManyLayers { path: PathBuf, max: usize },
    #[error("image archive `{}` is two images{}: `manifest.json` names the config {manifest}, and `index.json` {index}; programs differ in which of the two they read", path.display(), calling(name.as_deref()))]
    Disagree {
        path: PathBuf,
        /// What both call the image, if they do.
        name: Option<String>,
        manifest: Box<Digest>,
        /// Digests of configs.
        index: String,
    },
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

fn calling(name: Option<&str>) -> String {
    name.map_or(String::new(), |name| {
        format!(" called `{}`", text::shown(name.as_bytes()))
    })
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

/// The image of `archive` that `choice` wants.
///
/// # Errors
/// When there is none, or what leads to it is damaged or ambiguous.
pub fn choose(archive: &Archive, choice: Choice<'_>) -> Result<Image, ImagesError> {
    if is_docker(archive)? {
        let image = choose_of_docker(archive, choice)?;
        agree::check(archive, std::slice::from_ref(&image))?;
        Ok(image)
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
        let images = images_of_docker(archive)?;
        agree::check(archive, &images)?;
        return Ok(images);
    }
    let mut images: Vec<Vec<Candidate>> = Vec::new();
    let mut by_names: BTreeMap<Vec<String>, usize> = BTreeMap::new();
    for candidate in candidates(archive)? {
        let names = candidate.names.clone();
        let number = *by_names.entry(names).or_insert(images.len());
        match images.get_mut(number) {
            Some(image) => image.push(candidate),
            None => images.push(vec![candidate]),
        }
    }
    let mut manifests = Manifests::new(archive);
    let images = images.into_iter();
    images
        .map(|image| {
            let fitting = manifests.fitting(image, platform)?;
            manifests.image(fitting)
        })
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
            false => agree::check(archive, &images).map(|()| images),
        };
    }
    let mut manifests = Manifests::new(archive);
    let candidates = candidates_for(archive, choice)?.into_iter();
    candidates.map(|image| manifests.image(image)).collect()
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
    read_manifest(archive).map(|(images, _)| images)
}

/// The same, with the keys of `manifest.json` that are there in another case.
pub(crate) fn read_manifest(
    archive: &Archive,
) -> Result<(Vec<Image>, Vec<Respelled>), ImagesError> {
    let text = archive.json(MANIFEST, "every Docker image archive has")?;
    let (entries, respelled): (Vec<ManifestEntry>, _) = document::parse_noting(&text)
        .map_err(|source| document_error(archive, MANIFEST, source))?;
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
    Ok((images.collect(), respelled))
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
    /// A member of which only the name is known.
    fn named(name: String) -> Self {
        Self {
            digest: digest_in(&name),
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

    /// How the digest is computed that the member is called by.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        algorithm_of(self.digest)
    }

    /// The text of a member that is a JSON document, and is what it is named as.
    ///
    /// # Errors
    /// When it is missing, too large, or has another size or digest.
    pub fn json<'a>(
        &self,
        archive: &'a Archive,
        needed_by: &'static str,
    ) -> Result<Cow<'a, [u8]>, ArchiveError> {
        let found = archive.file(&self.name, needed_by)?.range.size;
        if let Some(said) = self.size {
            archive.check_size(&self.name, found, said)?;
        }
        let text = archive.json(&self.name, needed_by)?;
        if let Some(said) = self.digest {
            archive.check_digest(&self.name, said.algorithm().digest(&text), said)?;
        }
        Ok(text)
    }
}

/// How the digest is computed that the file `name` of an archive is called by, if it is.
#[must_use]
pub fn algorithm_by_name(name: &str) -> Algorithm {
    algorithm_of(digest_in(name))
}

fn algorithm_of(digest: Option<Digest>) -> Algorithm {
    digest.map_or(Algorithm::Sha256, |digest| digest.algorithm())
}

/// The digest that is the name of a config, blob or layer, if it is one.
fn digest_in(name: &str) -> Option<Digest> {
    let stem = [".json", ".tar"]
        .iter()
        .find_map(|end| name.strip_suffix(end));
    let stem = stem.unwrap_or(name);
    let hex_at = stem.rfind(['/', ':']).map_or(0, |at| at + 1);
    let (front, hex) = stem.split_at(hex_at);
    let digest = Digest::from_hex(hex)?;
    let fronts = match digest {
        Digest::Sha256(_) => ["", "sha256:", "blobs/sha256/"],
        Digest::Sha512(_) => ["", "sha512:", "blobs/sha512/"],
    };
    fronts.contains(&front).then_some(digest)
}

/// Reads the config of an image.
///
/// # Errors
/// When it is missing, is not what it is named as, or no config.
pub fn read_config(archive: &Archive, config: &Blob) -> Result<ImageConfig, ImagesError> {
    let text = config.json(archive, "its manifest names as a config")?;
    ImageConfig::parse(&text).map_err(|source| document_error(archive, &config.name, source))
}

/// The names of images, and of each the tags with their last layers.
pub(crate) type Repositories = Unique<Unique<String>>;

/// Parses the text of `repositories`; none if it is `null`, as where images without names were merged.
///
/// # Errors
/// When it is something else, or has a name or a tag twice.
pub(crate) fn repositories(text: &[u8]) -> Result<Option<Repositories>, DocumentError> {
    document::parse(text)
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

/// The name, as Docker shows it, and the tag of a reference: the same for what engines call by one name.
pub(crate) fn reference(name: &str) -> (Option<&str>, Option<&str>) {
    let (name, tag) = split(name);
    (name.map(short), tag)
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
            names.push(format!("`{}`", text::shown(name.as_bytes())));
        }
    }
    match known.len() - names.len() {
        0 if names.is_empty() => "only images without a name".to_owned(),
        0 => names.join(", "),
        more => format!("{}, and {more} more", names.join(", ")),
    }
}

fn document_error(archive: &Archive, name: &str, source: DocumentError) -> ImagesError {
    ImagesError::Document {
        path: archive.path.clone(),
        name: name.to_owned(),
        source,
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
        let [sha256, sha512] = [Algorithm::Sha256, Algorithm::Sha512].map(|one| one.digest(b""));
        for digest in [sha256, sha512] {
            let hex = digest.hex();
            for name in [
                hex.clone(),
                format!("{hex}.json"),
                format!("{hex}.tar"),
                digest.to_string(),
                format!("blobs/{}/{hex}", digest.algorithm()),
            ] {
                assert_eq!(Blob::named(name).digest, Some(digest));
            }
        }
        for name in [
            "config.json".to_owned(),
            format!("{}/layer.tar", sha256.hex()),
            format!("{}.tar.gz", sha256.hex()),
            format!("other/{}", sha256.hex()),
            format!("blobs/sha256/{}", sha512.hex()),
            format!("blobs/sha512/{}", sha256.hex()),
            format!("sha512:{}", sha256.hex()),
        ] {
            assert_eq!(Blob::named(name).digest, None);
        }
    }
}
