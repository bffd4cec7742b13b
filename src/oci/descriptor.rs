//! Descriptors: what names a blob, by digest, size and media type.

use serde::{Deserialize, Deserializer};

use crate::bytes::digest::Digest;
use crate::oci::bounded::{or_default, short_or_none};
use crate::oci::media_type::MediaType;
use crate::oci::platform::Platform;
use crate::oci::strict_json::Exact;

/// Where a blob is, what it is and how long, in bytes.
#[derive(Debug, Clone, Deserialize)]
#[serde(
    rename_all = "camelCase",
    expecting = "an object with `mediaType`, `digest` and `size`"
)]
pub struct Descriptor {
    pub media_type: MediaType,
    pub digest: Digest,
    pub size: u64,
    /// What the image that it leads to runs on, if an index says so.
    pub platform: Option<Platform>,
    #[serde(default, deserialize_with = "annotations")]
    pub annotations: Annotations,
}

/// What of a descriptor's annotations counts. They are a map in Go, so every letter of a key does.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(expecting = "an object")]
pub struct Annotations {
    /// A whole reference or just its tag, as the writer chose.
    #[serde(
        rename = "org.opencontainers.image.ref.name",
        default,
        deserialize_with = "short_or_none"
    )]
    pub ref_name: Option<String>,
    /// A whole reference; containerd and BuildKit write it.
    #[serde(
        rename = "io.containerd.image.name",
        default,
        deserialize_with = "short_or_none"
    )]
    pub image_name: Option<String>,
    /// Set where BuildKit describes how another image was made.
    #[serde(
        rename = "vnd.docker.reference.type",
        default,
        deserialize_with = "short_or_none"
    )]
    pub reference_type: Option<String>,
}

impl Descriptor {
    /// Where the blob is, from the layout's root.
    #[must_use]
    pub fn path(&self) -> String {
        blob_path(self.digest)
    }

    /// Whether it leads to no image that runs, but to what BuildKit attests about one.
    #[must_use]
    pub fn is_attestation(&self) -> bool {
        let unknown = |platform: &Platform| platform.os == "unknown";
        self.annotations.reference_type.is_some() || self.platform.as_ref().is_some_and(unknown)
    }
}

/// Where a layout has the blob of `digest`, from its root.
#[must_use]
pub fn blob_path(digest: Digest) -> String {
    format!("blobs/{}/{}", digest.algorithm(), digest.hex())
}

/// The annotations that are there, `null` included.
fn annotations<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Annotations, D::Error> {
    or_default(deserializer).map(|Exact(annotations)| annotations)
}
