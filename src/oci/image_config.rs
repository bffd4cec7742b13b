//! The config of an image, as far as anybody needs it who builds on the image.

use serde::Deserialize;

use crate::bytes::digest::DiffId;
use crate::oci::bounded::{or_default, short_or_none};
use crate::oci::platform::Platform;
use crate::oci::strict_json::{self, DocumentError, Respelled};

/// What of an image config counts.
#[derive(Debug, Deserialize)]
#[serde(expecting = "an object")]
pub struct ImageConfig {
    #[serde(default, deserialize_with = "short_or_none")]
    pub architecture: Option<String>,
    #[serde(default, deserialize_with = "short_or_none")]
    pub os: Option<String>,
    #[serde(default, deserialize_with = "short_or_none")]
    pub variant: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub config: ContainerConfig,
    #[serde(default, deserialize_with = "or_default")]
    pub rootfs: RootFs,
    /// Those of these keys that are in another case.
    #[serde(skip)]
    pub respelled: Vec<Respelled>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(expecting = "an object")]
pub struct ContainerConfig {
    #[serde(rename = "Env", default, deserialize_with = "or_default")]
    pub env: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(expecting = "an object")]
pub struct RootFs {
    /// Lowest first.
    #[serde(default, deserialize_with = "or_default")]
    pub diff_ids: Vec<DiffId>,
}

impl ImageConfig {
    /// Parses the text of an image config, OCI's or Docker's.
    ///
    /// # Errors
    /// When it is none, or ambiguous.
    pub fn parse(text: &[u8]) -> Result<Self, DocumentError> {
        let (config, respelled) = strict_json::parse_noting(text)?;
        Ok(Self {
            respelled,
            ..config
        })
    }

    /// What the image runs on, if its config says so.
    #[must_use]
    pub fn platform(&self) -> Option<Platform> {
        Some(Platform {
            architecture: self.architecture.clone()?,
            os: self.os.clone()?,
            variant: self.variant.clone(),
        })
    }
}
