//! A layer that is a derivation of its own, as `buildLayer` makes it: `layer.json` says what is in it, and if it has been
//! packed, `blob` has the bytes. Any number of images may have it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::bytes::compression::Compression;
use crate::bytes::digest::{DiffId, Digest};
use crate::bytes::source::Range;
use crate::closure::files::{ClosureFiles, ClosureQuery};
use crate::closure::store_layer;
use crate::console::warnings::Warnings;
use crate::image::append;
use crate::image::description::{self, LAYER};
use crate::request::store_path::StorePath;
use crate::request::time::{Time, TimeError};
use crate::tar::plan::TarPlan;
use crate::tar::read::ReadError;
use crate::tree::scan::ScanError;

/// The file that describes a layer.
pub const DOCUMENT: &str = "layer.json";

/// The file with its packed bytes.
pub const BLOB: &str = "blob";

/// What is in a layer, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct Recipe {
    /// In the order in which they are in the layer.
    pub store_paths: Vec<StorePath>,
    /// A directory with a `layer.tar`, whose members come before the store paths.
    pub root: Option<PathBuf>,
    pub uid: u32,
    pub gid: u32,
    pub uname: String,
    pub gname: String,
    /// The time of everything from the store, as RFC 3339.
    pub mtime: String,
}

/// What `layer.json` says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct ReadyLayer {
    pub recipe: Recipe,
    pub diff_id: DiffId,
    /// Of the uncompressed tar, in bytes.
    pub size: u64,
    /// Set if it has been packed.
    pub blob: Option<ReadyBlob>,
}

/// The packed bytes of a layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct ReadyBlob {
    pub compression: Compression,
    pub digest: Digest,
    /// In bytes.
    pub size: u64,
}

/// A layer that `buildLayer` made cannot be used.
#[derive(Debug, Error)]
pub enum ReadyLayerError {
    #[error("cannot read `{}`", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("`{}` is not the description of a layer of this version of `builder`; `layers` are what `buildLayer` makes", path.display())]
    Json {
        path: PathBuf,
        source: serde_json::Error,
    },
    #[error("`{}` is damaged or no tar", path.display())]
    Tar { path: PathBuf, source: ReadError },
    #[error(transparent)]
    Time(#[from] TimeError),
    #[error(transparent)]
    Scan(#[from] ScanError),
}

impl ReadyLayer {
    /// Reads the description of the layer `directory`.
    ///
    /// # Errors
    /// When it cannot be read or is none.
    pub fn read(directory: &Path) -> Result<Self, ReadyLayerError> {
        let path = directory.join(DOCUMENT);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(source) => return Err(ReadyLayerError::Read { path, source }),
        };
        serde_json::from_slice(&text).map_err(|source| ReadyLayerError::Json { path, source })
    }
}

impl Recipe {
    /// Plans the layer. What of the way to the store is something else than a directory is told to `warnings`.
    ///
    /// # Errors
    /// When something in it cannot be read.
    pub fn plan(&self, warnings: &mut Warnings) -> Result<TarPlan, ReadyLayerError> {
        let owner = description::owner(self.uid, self.gid, &self.uname, &self.gname);
        let mtime = Time::parse("mtime", &self.mtime)?.seconds();
        let store = store_layer::plan(&self.store_paths, &owner, mtime)?;
        let Some(root) = &self.root else {
            return Ok(store);
        };
        let path = root.join(LAYER);
        let range = match Range::of_file(&path) {
            Ok(range) => range,
            Err(source) => return Err(ReadyLayerError::Read { path, source }),
        };
        let query = ClosureQuery {
            files: &ClosureFiles::default(),
            store: store_layer::STORE,
        };
        let has_others = !self.store_paths.is_empty();
        let own = append::read(&range, query, has_others, warnings);
        let own = own.map_err(|source| ReadyLayerError::Tar { path, source })?;
        Ok(append::before(own, store, has_others))
    }
}
