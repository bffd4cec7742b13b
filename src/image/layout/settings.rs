//! What users say of a layout that a derivation makes.

use std::path::Path;

use serde::Deserialize;

use crate::build::context::Context;
use crate::bytes::compression::Compressor;
use crate::image::annotations;
use crate::image::layout::Said;
use crate::image::layout::error::LayoutError;
use crate::image::layout::output::{self, Form};
use crate::image::parts::{Packing, Parts};
use crate::oci::annotations::Annotations;

/// How images become a layout.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "a set")]
pub struct LayoutSettings {
    /// Null packs plain layers with gzip, and keeps those that are packed.
    pub compressor: Option<Compressor>,
    /// Whether the layout becomes one tar.
    pub archive: bool,
    /// For each manifest; an empty value takes one away.
    pub annotations: Annotations,
    /// For the descriptor of each layer, likewise.
    pub layer_annotations: Annotations,
}

impl LayoutSettings {
    /// How layers are packed.
    #[must_use]
    pub fn packing(&self) -> Packing {
        Packing::of(self.compressor)
    }

    /// Writes `images` to `out`, which must not exist.
    ///
    /// # Errors
    /// When an annotation is wrong, and as [`output::write`].
    pub fn write(
        &self,
        out: &Path,
        images: &[Parts],
        context: &Context,
    ) -> Result<(), LayoutError> {
        let said = Said {
            annotations: self.annotations.clone(),
            layer_annotations: self.layer_annotations.clone(),
        };
        annotations::check(&said.annotations)?;
        annotations::check(&said.layer_annotations)?;
        let form = Form::of(self.archive);
        output::write(out, form, images, &said, self.packing(), context)
    }
}
