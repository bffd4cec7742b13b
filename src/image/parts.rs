//! An image as the parts that it consists of, wherever these are: what a layout, an index or a registry is made from.

pub mod from_archive;
pub mod from_description;

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;
use thiserror::Error;

use crate::build::context::Context;
use crate::bytes::compression::{Compression, Compressor};
use crate::bytes::digest::{DiffId, Digest};
use crate::engines::reference;
use crate::foreign::base::error::BaseError;
use crate::foreign::mistaken;
use crate::image::streamed;
use crate::image::streamed::error::StreamError;
use crate::oci::annotations::Annotations;
use crate::oci::platform::Platform;
use crate::oci::strict_json::{self, DocumentError};
use crate::request::limits::Limits;
use crate::request::time::Time;
use crate::tar::plan::Content;

/// An image before any of it is a blob.
#[derive(Debug)]
pub struct Parts {
    /// Its references, such as `name:1`; of a layout perhaps only `1`.
    pub names: Vec<String>,
    /// The text of its config, byte for byte.
    pub config: Arc<[u8]>,
    /// What that says; none if it is no config.
    pub facts: Option<Arc<ConfigFacts>>,
    /// Lowest first. A layer may occur twice.
    pub layers: Vec<Layer>,
    /// The manifest that it has already, if that is one of the OCI specification.
    pub manifest: Option<Arc<[u8]>>,
    /// Those of that manifest.
    pub annotations: Arc<Annotations>,
    /// The index that lists it, with others for other platforms perhaps.
    pub index: Option<Arc<ListingIndex>>,
}

/// An index that lists an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListingIndex {
    pub text: Vec<u8>,
    pub annotations: Annotations,
}

/// A layer, and where its bytes are.
#[derive(Debug)]
pub struct Layer {
    /// What messages call it.
    pub shown: Arc<str>,
    pub diff_id: DiffId,
    /// How `content` is packed: not at all, or with gzip or zstd.
    pub compression: Compression,
    /// Of `content` as it stands; none if nobody has computed it. Of a plain layer it is the DiffID.
    pub digest: Option<Digest>,
    /// Of `content` as it stands, in bytes.
    pub size: u64,
    pub content: Content,
    /// The file that a blob may be a link to, if one is wanted in the place of a copy.
    pub link: Option<PathBuf>,
    /// Those of its descriptor.
    pub annotations: Arc<Annotations>,
}

/// An image cannot be taken apart.
#[derive(Debug, Error)]
pub enum PartsError {
    #[error("cannot read `{}`", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Base(#[from] BaseError),
    #[error(transparent)]
    Stream(#[from] StreamError),
}

/// Reads the images in `path`: an archive, the directory of an OCI layout, the description of a streamed image, or the
/// program of one that we made, which names its description. `now` is the time of an image whose time is `now`.
///
/// # Errors
/// When it is none of these, or damaged, or more than `limits` allow.
pub fn read(
    path: &Path,
    packing: Packing,
    limits: &Limits,
    now: Time,
    context: &Context,
) -> Result<Vec<Parts>, PartsError> {
    match description(path).map_err(|source| PartsError::Read {
        path: path.to_owned(),
        source,
    })? {
        Some(description) => {
            let description = streamed::read(&description)?;
            let parts = from_description::read(&description, now, context)?;
            Ok(vec![parts])
        }
        None => Ok(from_archive::read(path, packing, limits, context.progress)?),
    }
}

/// The description of the streamed image that `path` is or writes; none if it is no streamed image.
fn description(path: &Path) -> io::Result<Option<PathBuf>> {
    let file = File::open(path)?;
    if file.metadata()?.is_dir() {
        return Ok(None);
    }
    let mut start = Vec::with_capacity(mistaken::START);
    file.take(mistaken::START as u64).read_to_end(&mut start)?;
    if start.starts_with(b"#!") {
        return Ok(mistaken::description_of_program(&start));
    }
    let is_object = start.trim_ascii_start().starts_with(b"{");
    Ok(is_object.then(|| path.to_owned()))
}

/// How the layers of an image are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packing {
    /// What packs a layer that is plain.
    pub compressor: Compressor,
    /// Whether layers of a layout that are packed otherwise are packed again. Those of a base never are: they keep
    /// the digests that registries know them by.
    pub is_wanted: bool,
}

impl Packing {
    /// What users ask for; gzip for plain layers alone if they ask for nothing.
    #[must_use]
    pub fn of(wanted: Option<Compressor>) -> Self {
        Self {
            compressor: wanted.unwrap_or(Compressor::Gzip),
            is_wanted: wanted.is_some(),
        }
    }
}

/// What of an image config its index and its annotations say again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(expecting = "an object")]
pub struct ConfigFacts {
    pub created: Option<String>,
    pub architecture: Option<String>,
    pub os: Option<String>,
    pub variant: Option<String>,
    #[serde(rename = "os.version")]
    pub os_version: Option<String>,
    #[serde(rename = "os.features")]
    pub os_features: Option<Vec<String>>,
}

impl ConfigFacts {
    /// What the config `text` says.
    ///
    /// # Errors
    /// When it is no config.
    pub fn parse(text: &[u8]) -> Result<Self, DocumentError> {
        strict_json::parse(text)
    }

    /// What the image runs on, if its config says so.
    #[must_use]
    pub fn platform(&self) -> Option<Platform> {
        let variant = self.variant.clone();
        Some(Platform {
            architecture: self.architecture.clone()?,
            os: self.os.clone()?,
            variant: variant.filter(|variant| !variant.is_empty()),
        })
    }

    /// Whether the image is for `wanted`; any variant is right if that names none.
    #[must_use]
    pub fn is_for(&self, wanted: &Platform) -> bool {
        let variant = wanted
            .variant
            .as_ref()
            .filter(|variant| !variant.is_empty());
        self.platform().is_some_and(|platform| {
            platform.os == wanted.os
                && platform.architecture == wanted.architecture
                && (variant.is_none() || platform.variant.as_ref() == variant)
        })
    }

    /// All of what it runs on: what may be there once in an index.
    #[must_use]
    pub fn without_time(&self) -> Self {
        Self {
            created: None,
            ..self.clone()
        }
    }
}

impl Parts {
    /// What it runs on, if its config says so.
    #[must_use]
    pub fn platform(&self) -> Option<Platform> {
        self.facts.as_ref()?.platform()
    }

    /// Whether it is for `wanted`, as [`ConfigFacts::is_for`].
    #[must_use]
    pub fn is_for(&self, wanted: &Platform) -> bool {
        self.facts
            .as_ref()
            .is_some_and(|facts| facts.is_for(wanted))
    }

    /// Whether `reference`, such as `name:1`, is one of its names.
    #[must_use]
    pub fn is_called(&self, reference: &str) -> bool {
        let wanted = reference::familiar(reference);
        let mut names = self.names.iter();
        names.any(|name| reference::familiar(name) == wanted)
    }

    /// Whether `self` and `other` are one image for two platforms: by the index that lists them, or by their names and
    /// what they run on.
    #[must_use]
    pub fn is_for_another_platform(&self, other: &Self) -> bool {
        let platform = |parts: &Self| Some(parts.facts.as_deref()?.without_time());
        if self.index.is_some() && self.index == other.index {
            return true;
        }
        !self.names.is_empty() && self.names == other.names && platform(self) != platform(other)
    }

    /// Its references as people write them, each once: without Docker Hub, and without the tag that a layout has
    /// beside a whole reference.
    #[must_use]
    pub fn references(&self) -> Vec<String> {
        let whole = self.names.iter().filter(|name| reference::has_tag(name));
        let mut whole: Vec<String> = whole
            .map(|name| reference::familiar(name).to_owned())
            .collect();
        if whole.is_empty() {
            whole.clone_from(&self.names);
        }
        let mut known = BTreeSet::new();
        whole.retain(|name| known.insert(name.clone()));
        whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(names: &[&str], expected: &[&str]) {
        let parts = Parts {
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            config: Arc::default(),
            facts: None,
            layers: Vec::new(),
            manifest: None,
            annotations: Arc::default(),
            index: None,
        };
        assert_eq!(parts.references(), expected);
    }

    #[test]
    fn a_reference_is_there_once_as_people_write_it() {
        check(&["app:1", "team/app:1", "app:1"], &["app:1", "team/app:1"]);
        check(&["docker.io/library/app:1", "1"], &["app:1"]);
        check(&["docker.io/library/app:1", "app:1"], &["app:1"]);
        check(&["host:5000/app:1"], &["host:5000/app:1"]);
        check(&["1.0"], &["1.0"]);
        check(&["host:5000/app"], &["host:5000/app"]);
        check(&[], &[]);
    }
}
