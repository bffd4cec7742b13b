//! Why an image cannot be built on.

use std::io::{self};
use std::path::PathBuf;

use thiserror::Error;

use crate::bytes::compression::Compression;
use crate::bytes::digest::DiffId;
use crate::foreign::archive::error::ArchiveError;
use crate::foreign::images::error::ImagesError;
use crate::tar::read::ReadError;

/// A base image cannot be used.
#[derive(Debug, Error)]
pub enum BaseError {
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error(transparent)]
    Images(#[from] ImagesError),
    #[error("base image `{}` has {count} layers; {max} are allowed, and more by `dockerToolsLimits.maxLayers`", path.display())]
    TooManyLayers {
        path: PathBuf,
        count: usize,
        max: usize,
    },
    #[error("the environment of base image `{}` has {count} variables; {max} are allowed, and more by `dockerToolsLimits.maxEnv`", path.display())]
    TooManyVariables {
        path: PathBuf,
        count: usize,
        max: usize,
    },
    #[error("layer `{layer}` of base image `{}` is damaged or no tar", path.display())]
    Layer {
        path: PathBuf,
        layer: String,
        source: ReadError,
    },
    #[error("layer `{layer}` of base image `{}` cannot be read", path.display())]
    LayerBytes {
        path: PathBuf,
        layer: String,
        source: io::Error,
    },
    #[error("layer `{layer}` of base image `{}` is packed with {found}, but its manifest says with {said}; programs differ in which they believe", path.display())]
    Compression {
        path: PathBuf,
        layer: String,
        found: Compression,
        said: Compression,
    },
    #[error("base image `{}` has {layers} layers, but its config `{config}` lists {diff_ids} in `rootfs.diff_ids`; no engine takes such an image", path.display())]
    LayerCount {
        path: PathBuf,
        config: String,
        layers: usize,
        diff_ids: usize,
    },
    #[error("layer `{layer}` of base image `{}` has the DiffID {found}, but the image's config lists {said}; it is damaged, or was made from packed layers by nixpkgs, and no engine takes it", path.display())]
    DiffId {
        path: PathBuf,
        layer: String,
        found: DiffId,
        said: DiffId,
    },
}
