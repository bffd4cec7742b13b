//! Why an archive has no image such as is wanted.

use std::path::PathBuf;

use thiserror::Error;

use crate::bytes::digest::Digest;
use crate::console::text;
use crate::foreign::archive::Archive;
use crate::foreign::archive::error::ArchiveError;
use crate::oci::manifest::OciError;
use crate::oci::strict_json::DocumentError;

/// An archive does not hold the image that is wanted.
#[derive(Debug, Error)]
pub enum ImagesError {
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error(
        "`{}` is no image archive and no OCI layout: it has no file `manifest.json` and no `index.json`",
        path.display()
    )]
    NoImages { path: PathBuf },
    #[error(
        "image archive `{}` has `repositories` but no `manifest.json`: Docker before 1.10 wrote it; `docker load` and `docker save` of today make a new one",
        path.display()
    )]
    Legacy { path: PathBuf },
    #[error("`{name}` of image archive `{}` is not what it should be", path.display())]
    Document {
        path: PathBuf,
        name: String,
        source: DocumentError,
    },
    #[error("`{name}` of image archive `{}` is not what it should be", path.display())]
    Oci {
        path: PathBuf,
        name: String,
        source: OciError,
    },
    #[error("image archive `{}` holds no image: its `{name}` lists none", path.display())]
    Empty { path: PathBuf, name: &'static str },
    #[error(
        "image archive `{}` has indexes more than {max} deep in each other; `dockerToolsLimits.maxNesting` allows more",
        path.display()
    )]
    TooNested { path: PathBuf, max: usize },
    #[error(
        "image archive `{}` lists more than {max} images; `dockerToolsLimits.maxManifests` allows more",
        path.display()
    )]
    TooManyImages { path: PathBuf, max: usize },
    #[error(
        "the images in `{}` have more than {max} layers together; `dockerToolsLimits.maxValues` allows more",
        path.display()
    )]
    TooManyLayers { path: PathBuf, max: usize },
    #[error(
        "the images in `{}` have more than {max} names together, and a layout lists no more; `dockerToolsLimits.maxManifests` allows more",
        path.display()
    )]
    TooManyNames { path: PathBuf, max: usize },
    #[error("image archive `{}` is two images{}: `manifest.json` names the config {manifest}, and `index.json` {index}; programs differ in which of the two they read", path.display(), calling(name.as_deref()))]
    Disagree {
        path: PathBuf,
        /// What both call the image, if they do.
        name: Option<String>,
        manifest: Box<Digest>,
        /// Digests of configs.
        index: String,
    },
    #[error("image archive `{}` has no image `{wanted}`; it has {found}", path.display())]
    NoSuchName {
        path: PathBuf,
        wanted: String,
        found: String,
    },
    #[error("image archive `{}` has no image for {wanted}; it has {found}", path.display())]
    NoSuchPlatform {
        path: PathBuf,
        wanted: String,
        found: String,
    },
}

fn calling(name: Option<&str>) -> String {
    name.map_or(String::new(), |name| {
        format!(" called `{}`", text::shown(name.as_bytes()))
    })
}

pub(crate) fn document_error(archive: &Archive, name: &str, source: DocumentError) -> ImagesError {
    ImagesError::Document {
        path: archive.path.clone(),
        name: name.to_owned(),
        source,
    }
}

pub(crate) fn oci_error(archive: &Archive, name: &str, source: OciError) -> ImagesError {
    ImagesError::Oci {
        path: archive.path.clone(),
        name: name.to_owned(),
        source,
    }
}
