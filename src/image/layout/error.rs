//! Why a layout could not be written.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::build::output::OutputError;
use crate::engines::Refused;
use crate::image::annotations::AnnotationError;
use crate::image::child::ChildError;
use crate::image::layout::{MAX_MANIFEST, join};
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
    #[error(transparent)]
    Child(#[from] ChildError),
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error("the index has no images; give `images` one for each platform")]
    NoImages,
    #[error(
        "the image in `{}` does not say what it runs on, and nobody could choose it from an index; give it an `architecture`",
        path.display()
    )]
    NoPlatform { path: PathBuf },
    #[error(
        "two images of the index are for `{platform}`, {}; leave one out, or build it for another platform",
        join::both(one, other)
    )]
    TwoImages {
        platform: String,
        one: PathBuf,
        other: PathBuf,
    },
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
