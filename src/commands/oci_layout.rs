//! Writes images as an OCI layout, as `ociLayout` asks for it: from an archive, another layout or a description.

use std::path::PathBuf;

use serde::Deserialize;

use crate::build::context::Context;
use crate::console::text;
use crate::image::layout::error::LayoutError;
use crate::image::layout::settings::LayoutSettings;
use crate::image::parts;
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
    let OciLayoutAttrs { image, layout } = &attrs.ours;
    let progress = context.progress;
    progress.phase("read", &format!("reading `{}`", image.display()));
    let images = parts::read(image, layout.packing(), &attrs.limits, now, context)?;
    let layers: usize = images.iter().map(|image| image.layers.len()).sum();
    progress.phase("pack", &format!("packing {}", text::count(layers, "layer")));
    layout.write(&attrs.out, &images, context)
}

/// A layout, as `ociLayout` asks for it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "a set")]
pub struct OciLayoutAttrs {
    /// An archive, a layout or a description.
    pub image: PathBuf,
    pub layout: LayoutSettings,
}

impl Section for OciLayoutAttrs {
    const KEY: &'static str = "ociLayout";
}
