//! Says in words what may be wrong with an image.

use std::error::Error as _;
use std::sync::Arc;

use thiserror::Error;

use crate::bytes::compression::Compression;
use crate::bytes::digest::{DiffId, Digest};
use crate::console::text::{self, shown};
use crate::engines::{self, Objection, Refusal};
use crate::foreign::archive::error::ArchiveError;
use crate::foreign::blob::Damage;
use crate::foreign::images::error::ImagesError;
use crate::foreign::inventory::entries::WrongEntry;
use crate::oci::manifest::OciError;
use crate::oci::platform::Platform;
use crate::oci::strict_json::{DocumentError, Respelled};

/// Something is wrong, or odd.
#[derive(Debug)]
pub struct Problem {
    /// The file that it is about; empty for the archive as a whole.
    pub file: String,
    pub what: What,
}

/// What is wrong with a file; the text goes on where the file's name was.
#[derive(Debug, Error)]
pub enum What {
    #[error(transparent)]
    Archive(ArchiveError),
    #[error(transparent)]
    Images(ImagesError),
    #[error(
        "is there more than once, and not always the same; programs differ in which one they take"
    )]
    Repeated,
    #[error("is used by nothing")]
    Unused,
    #[error("names `{name}` as {role}, but there is no such file")]
    Missing { name: String, role: &'static str },
    #[error("has {found} bytes, but `{namer}` says {said}")]
    Size {
        namer: String,
        found: u64,
        said: u64,
    },
    #[error("has the digest {found}, but `{namer}` says {said}")]
    Digest {
        namer: String,
        found: Digest,
        said: Digest,
    },
    #[error("has the digest {found}, but is named as {said}")]
    Named { found: Digest, said: Digest },
    #[error(
        "is named as {said}, but is a link to a file of another name, whose digest nobody computed while it came by; unpack the image first, and verify its directory"
    )]
    NotComputed { said: Digest },
    #[error("is named as {said}, but that is neither its digest {digest} nor its DiffID {diff_id}")]
    LayerName {
        said: Digest,
        digest: Digest,
        diff_id: DiffId,
    },
    #[error("is packed with {found}, but `{namer}` says with {said}")]
    Compression {
        namer: String,
        found: Compression,
        said: Compression,
    },
    #[error(transparent)]
    Layer(Arc<Damage>),
    #[error("is not what it should be")]
    Document(#[source] DocumentError),
    #[error("is not what it should be")]
    Oci(#[source] OciError),
    #[error("has the key `{}`, which Docker, podman and all that is written in Go read as `{}`, and other programs do not", _0.found, _0.read_as)]
    Key(Respelled),
    #[error(transparent)]
    Objection(Objection),
    #[error("names two images `{reference}`")]
    TwoImages { reference: String },
    #[error("names an image of {}; {max} are allowed, and more by `maxLayers`", layers(*count))]
    TooManyLayers { count: usize, max: usize },
    #[error("has {count} variables in its environment; {max} are allowed, and more by `maxEnv`")]
    TooManyVariables { count: usize, max: usize },
    #[error("lists {} in `rootfs.diff_ids`, but the image has {}", text::count(*found as u64, "DiffID"), layers(*count))]
    DiffIdCount { found: usize, count: usize },
    #[error("has the DiffID {found}, but `{config}` lists {said}")]
    DiffId {
        config: String,
        found: DiffId,
        said: DiffId,
    },
    #[error("has history of {}, but the image has {}", layers(*found), layers(*count))]
    History { found: usize, count: usize },
    #[error("does not say by `{key}` what the image runs on")]
    NoPlatform { key: &'static str },
    #[error("is for {found}, but `{namer}` says for {said}")]
    Platform {
        namer: String,
        found: Platform,
        said: Platform,
    },
    #[error("has the entry `{entry}`, which {wrong}")]
    Entry { entry: String, wrong: WrongEntry },
    #[error("has {count} more such entries")]
    MoreEntries { count: u64 },
    #[error("lacks `{reference}`, which `manifest.json` has")]
    NoRepository { reference: String },
    #[error("has `{reference}`, which `manifest.json` lacks")]
    OnlyRepository { reference: String },
    #[error(
        "says that `{reference}` ends with layer `{id}`, but `manifest.json` says with {layer}"
    )]
    RepositoryLayer {
        reference: String,
        id: String,
        layer: String,
    },
    #[error("has no `{name}` beside it")]
    Beside { name: &'static str },
    #[error("has `{found}` as `id`, which has to be the name of its directory")]
    LegacyId { found: String },
    #[error("has itself as `parent`")]
    LegacyParent,
    #[error("says that `layer.tar` has {said} bytes, but it has {found}")]
    LegacySize { found: u64, said: u64 },
    #[error("is another version than 1.0 of the format of layers")]
    LegacyVersion,
}

fn layers(count: usize) -> String {
    text::count(count as u64, "layer")
}

impl What {
    /// A word for programs, which stays the same.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Archive(_) => "archive",
            Self::Images(_) | Self::Document(_) | Self::Oci(_) => "document",
            Self::Key(_) => "key",
            Self::Repeated => "repeated",
            Self::Unused => "unused",
            Self::Missing { .. } | Self::Beside { .. } => "missing",
            Self::Size { .. } => "size",
            Self::Digest { .. } | Self::NotComputed { .. } => "digest",
            Self::Named { .. } | Self::LayerName { .. } => "name",
            Self::Compression { .. } => "packing",
            Self::Layer(_) => "layer",
            Self::Objection(objection) => objection.kind,
            Self::TwoImages { .. } => "tag",
            Self::TooManyLayers { .. } | Self::TooManyVariables { .. } => "limit",
            Self::DiffIdCount { .. } => "diffIdCount",
            Self::DiffId { .. } => "diffId",
            Self::History { .. } => "history",
            Self::NoPlatform { .. } | Self::Platform { .. } => "platform",
            Self::Entry { .. } | Self::MoreEntries { .. } => "entry",
            Self::NoRepository { .. }
            | Self::OnlyRepository { .. }
            | Self::RepositoryLayer { .. } => "repositories",
            Self::LegacyId { .. }
            | Self::LegacyParent
            | Self::LegacySize { .. }
            | Self::LegacyVersion => "legacy",
        }
    }

    /// Whether engines take the image anyway, or at least those of today. Docker itself leaves files in its archives that nothing
    /// uses, the specification lets a layout have blobs of others, streamed images are in no
    /// `repositories` that they are merged with, and a store path may have a file with such a name.
    #[must_use]
    pub fn is_note(&self) -> bool {
        match self {
            Self::Unused | Self::NoRepository { .. } | Self::Key(_) => true,
            Self::Objection(objection) => !objection.is_refused(),
            Self::Entry { wrong, .. } => *wrong == WrongEntry::WhiteoutContent,
            _ => false,
        }
    }

    /// The engines that refuse the image for it; none where engines are not asked, since the image
    /// contradicts itself.
    #[must_use]
    pub fn refused_by(&self) -> Option<&'static [Refusal]> {
        match self {
            Self::Objection(objection) => Some(objection.refused_by),
            Self::Entry { wrong, .. } => wrong.refused_by(),
            _ => None,
        }
    }

    /// How many problems it stands for.
    #[must_use]
    pub fn count(&self) -> u64 {
        match self {
            Self::MoreEntries { count } => *count,
            _ => 1,
        }
    }

    /// What it means that the file `name`, named as `role`, cannot be had.
    pub(super) fn of_missing(error: ArchiveError, name: &str, role: &'static str) -> Self {
        match error {
            ArchiveError::Missing { .. } => Self::Missing {
                name: shown(name.as_bytes()),
                role,
            },
            error => Self::Archive(error),
        }
    }

    /// The whole message with its causes.
    #[must_use]
    pub fn message(&self) -> String {
        let mut message = self.to_string();
        if let Self::Entry { wrong, .. } = self
            && let Some(refused_by) = wrong.refused_by()
        {
            message += &engines::refusing(refused_by);
        }
        let mut cause = self.source();
        while let Some(error) = cause {
            message += &format!(": {error}");
            cause = error.source();
        }
        message
    }
}
