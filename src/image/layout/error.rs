//! Why a layout could not be written.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::build::output::OutputError;
use crate::image::annotations::AnnotationError;
use crate::image::layout::MAX_MANIFEST;
use crate::image::pack::PackError;
use crate::image::parts::PartsError;
use crate::oci::strict_json::DocumentError;

/// Images could not be written as a layout.
#[derive(Debug, Error)]
pub enum LayoutError {
    #[error(transparent)]
    Parts(#[from] PartsError),
    #[error(transparent)]
    Annotation(#[from] AnnotationError),
    #[error(transparent)]
    Pack(#[from] PackError),
    #[error(transparent)]
    Output(#[from] OutputError),
    #[error("cannot write `{}`", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("the config of image {image} is not what it should be")]
    Config {
        image: String,
        source: DocumentError,
    },
    #[error(
        "a manifest in `{}` would have {size} bytes, and registries and engines take {MAX_MANIFEST} at most; give it shorter or fewer annotations",
        path.display()
    )]
    TooLarge { path: PathBuf, size: u64 },
}
