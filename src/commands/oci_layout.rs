//! Writes images as an OCI layout, as `ociLayout` asks for it: from an archive, another layout or a description.

use std::path::PathBuf;

use serde::Deserialize;

use crate::build::context::Context;
use crate::bytes::compression::Compressor;
use crate::console::text;
use crate::image::annotations;
use crate::image::layout::Said;
use crate::image::layout::error::LayoutError;
use crate::image::layout::output::{self, Form};
use crate::image::parts::{self, Annotations, Packing};
use crate::request::attrs::{Attrs, Section};
use crate::request::time::Time;

/// Writes the layout that `attrs` describe.
///
/// # Errors
/// When the image cannot be read or is damaged, an annotation is wrong or the output cannot be written.
pub fn build(
    attrs: &Attrs<OciLayoutAttrs>,
    now: Time,
    context: &Context,
) -> Result<(), LayoutError> {
    let asked = &attrs.ours;
    let said = Said {
        annotations: asked.annotations.clone(),
        layer_annotations: asked.layer_annotations.clone(),
    };
    annotations::check(&said.annotations)?;
    annotations::check(&said.layer_annotations)?;
    let packing = Packing::of(asked.compressor);
    let progress = context.progress;
    progress.phase("read", &format!("reading `{}`", asked.image.display()));
    let images = parts::read(&asked.image, packing, &attrs.limits, now, context)?;
    let layers: usize = images.iter().map(|image| image.layers.len()).sum();
    progress.phase("pack", &format!("packing {}", text::count(layers, "layer")));
    let form = match asked.archive {
        true => Form::Archive,
        false => Form::Directory,
    };
    output::write(&attrs.out, form, &images, &said, packing, context)
}

/// A layout, as `ociLayout` asks for it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "a set")]
pub struct OciLayoutAttrs {
    /// An archive, a layout or a description.
    pub image: PathBuf,
    /// Null packs plain layers with gzip, and keeps those that are packed.
    pub compressor: Option<Compressor>,
    /// Whether the layout becomes one tar.
    pub archive: bool,
    pub annotations: Annotations,
    pub layer_annotations: Annotations,
}

impl Section for OciLayoutAttrs {
    const KEY: &'static str = "ociLayout";
}
