//! The description of a streamed image: what its layers are, and what was recorded of them.

use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::bytes::compression::Compression;
use crate::bytes::digest::{DiffId, HashWriter};
use crate::console::progress::Bar;
use crate::request::limits::Limits;
use crate::request::store_path::StorePath;
use crate::tar::owner::Owner;
use crate::tar::plan::TarPlan;
use crate::tar::write::{self, WriteError};

/// The value of `created` and `mtime` that stands for the time of the run.
pub const NOW: &str = "now";

/// The tar in a customisation layer's directory.
pub const LAYER: &str = "layer.tar";

/// The file beside it with its SHA-256, in hexadecimal digits.
pub const CHECKSUM: &str = "checksum";

/// What `builder stream` reads. The fields are nixpkgs', and `builder` holds what we add.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Description {
    pub architecture: Value,
    pub config: Value,
    pub os: Value,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<Value>,
    pub store_dir: String,
    pub from_image: Option<PathBuf>,
    /// Lowest first.
    pub store_layers: Vec<Vec<StorePath>>,
    pub customisation_layer: PathBuf,
    /// `name:tag`.
    pub repo_tag: String,
    /// A time, or `now`; so is `mtime`.
    pub created: String,
    pub mtime: String,
    #[serde(with = "id_as_text")]
    pub uid: u32,
    #[serde(with = "id_as_text")]
    pub gid: u32,
    pub uname: String,
    pub gname: String,
    pub builder: Recorded,
}

mod id_as_text {
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(id: &u32, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(id)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|_| {
            D::Error::custom(format!(
                "`{text}` is no number of a user or group; it has to be from 0 to {}",
                u32::MAX
            ))
        })
    }
}

/// What was computed once so that streaming need not.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recorded {
    /// The base image's `config.Env`.
    pub base_env: Vec<String>,
    /// The base image's layers, lowest first.
    pub base_layers: Vec<RecordedBaseLayer>,
    /// The layers between these and `store_layers` that were made on their own, lowest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ready_layers: Vec<RecordedReadyLayer>,
    /// One for each of `store_layers`; none at all when `mtime` is `now`, since its bytes are not
    /// known then.
    pub store_layers: Option<Vec<RecordedLayer>>,
    pub customisation_layer: RecordedLayer,
    /// What the base image may ask for, if that is not the usual.
    #[serde(default, skip_serializing_if = "Limits::is_default")]
    pub limits: Limits,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedBaseLayer {
    /// The member of the base image's archive.
    pub name: String,
    pub diff_id: DiffId,
    /// Set if the layer is to be unpacked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unpacked: Option<Unpacked>,
}

/// A layer that `buildLayer` made.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedReadyLayer {
    /// Its output.
    pub path: PathBuf,
    pub diff_id: DiffId,
    /// Of the uncompressed tar, in bytes.
    pub size: u64,
}

/// How a layer is unpacked.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unpacked {
    pub packing: Compression,
    /// The member of the image.
    pub name: String,
    /// Of the uncompressed tar, in bytes.
    pub size: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedLayer {
    pub diff_id: DiffId,
    /// Of the uncompressed tar, in bytes.
    pub size: u64,
}

/// The owner of everything in the store layers.
#[must_use]
pub fn owner(uid: u32, gid: u32, uname: &str, gname: &str) -> Arc<Owner> {
    Arc::new(Owner {
        uid: u64::from(uid),
        gid: u64::from(gid),
        uname: uname.to_owned(),
        gname: gname.to_owned(),
    })
}

/// The DiffID and size of the layer that `plan` describes. Its bytes move `bar`.
///
/// # Errors
/// When content cannot be read.
pub fn record(plan: &TarPlan, bar: &Bar) -> Result<RecordedLayer, WriteError> {
    let mut hash = HashWriter::new();
    write::write(plan, &mut bar.watch(&mut hash))?;
    Ok(RecordedLayer {
        size: hash.size(),
        diff_id: hash.into_diff_id(),
    })
}
