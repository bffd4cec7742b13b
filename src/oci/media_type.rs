//! Media types, by what they are of: an index, a manifest, a config, or a layer and how it is compressed.

use std::fmt;

use serde::{Deserialize, Deserializer};

use crate::bytes::compression::Compression;
use crate::oci::bounded::short;

/// What we write for an index, a manifest and a config.
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub const CONFIG: &str = "application/vnd.oci.image.config.v1+json";

/// A manifest as Docker had it before the OCI.
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";

/// The media type of a manifest that says that it has `said`.
#[must_use]
pub fn of_manifest(said: Option<&str>) -> &'static str {
    match said {
        Some(DOCKER_MANIFEST) => DOCKER_MANIFEST,
        _ => MANIFEST,
    }
}

/// What we write for a layer that is packed so; none if no media type says so.
#[must_use]
pub fn of_layer(compression: Compression) -> Option<&'static str> {
    match compression {
        Compression::Plain => Some("application/vnd.oci.image.layer.v1.tar"),
        Compression::Gzip => Some("application/vnd.oci.image.layer.v1.tar+gzip"),
        Compression::Zstd => Some("application/vnd.oci.image.layer.v1.tar+zstd"),
        Compression::Xz | Compression::Bzip2 => None,
    }
}

/// The kind of a blob, by its media type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MediaType {
    Index,
    Manifest,
    Config,
    /// A tar, packed so.
    Layer(Compression),
    /// None that an image consists of.
    Other(String),
}

impl MediaType {
    /// The kind of blob that has the media type `text`.
    #[must_use]
    pub fn of(text: &str) -> Self {
        match text {
            INDEX | "application/vnd.docker.distribution.manifest.list.v2+json" => Self::Index,
            MANIFEST | DOCKER_MANIFEST => Self::Manifest,
            CONFIG | "application/vnd.docker.container.image.v1+json" => Self::Config,
            "application/vnd.oci.image.layer.v1.tar"
            | "application/vnd.oci.image.layer.nondistributable.v1.tar"
            | "application/vnd.docker.image.rootfs.diff.tar" => Self::Layer(Compression::Plain),
            "application/vnd.oci.image.layer.v1.tar+gzip"
            | "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
            | "application/vnd.docker.image.rootfs.diff.tar.gzip"
            | "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip" => {
                Self::Layer(Compression::Gzip)
            }
            "application/vnd.oci.image.layer.v1.tar+zstd"
            | "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd"
            | "application/vnd.docker.image.rootfs.diff.tar.zstd" => Self::Layer(Compression::Zstd),
            other => Self::Other(other.to_owned()),
        }
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Index => f.write_str("an index"),
            Self::Manifest => f.write_str("a manifest"),
            Self::Config => f.write_str("a config"),
            Self::Layer(Compression::Plain) => f.write_str("a plain layer"),
            Self::Layer(packing) => write!(f, "a layer packed with {packing}"),
            Self::Other(text) => write!(f, "`{}`", text.escape_debug()),
        }
    }
}

impl<'de> Deserialize<'de> for MediaType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        short(deserializer).map(|text| Self::of(&text))
    }
}
