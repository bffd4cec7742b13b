//! Joins images for several platforms in one index, as `imageIndex` asks for it.

use std::path::PathBuf;

use serde::Deserialize;

use crate::build::context::Context;
use crate::build::output;
use crate::console::text;
use crate::engines::{self, reference};
use crate::image::annotations;
use crate::image::child;
use crate::image::layout;
use crate::image::layout::error::LayoutError;
use crate::image::layout::join::{self, SaidOfIndex};
use crate::image::layout::output::Form;
use crate::oci::annotations::Annotations;
use crate::oci::platform::Platform;
use crate::request::attrs::{Attrs, Section};

/// Writes the layout that `attrs` describe.
///
/// # Errors
/// When an input is no layout or is damaged, two images are for one platform, an annotation is wrong, or the output
/// cannot be written.
pub fn build(attrs: &Attrs<ImageIndexAttrs>, context: &Context) -> Result<(), LayoutError> {
    let asked = &attrs.ours;
    let progress = context.progress;
    annotations::check(&asked.annotations)?;
    let tag = asked.tag.clone();
    let tag = tag.unwrap_or_else(|| output::hash_part(&attrs.out));
    let name = reference::check_name("`name`", &asked.name);
    let objections = name.into_iter().chain(reference::check_tag("`tag`", &tag));
    engines::judge_and_warn(&asked.name, objections, progress)?;

    let count = text::count(asked.images.len(), "image");
    progress.phase("index", &format!("joining {count}"));
    let mut children = Vec::new();
    for path in &asked.images {
        children.extend(child::read(path, !asked.archive, &attrs.limits)?);
    }
    let said = SaidOfIndex {
        reference: format!("{}:{tag}", asked.name),
        annotations: &asked.annotations,
        platform: asked.platform.as_ref(),
    };
    layout::output::fill(&attrs.out, Form::of(asked.archive), context, |root| {
        join::write(root, &attrs.out, children, &said, context)
    })
}

/// An index, as `imageIndex` asks for it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "a set")]
pub struct ImageIndexAttrs {
    /// With the registry, in lower case.
    pub name: String,
    /// Null stands for the hash part of the output path.
    pub tag: Option<String>,
    /// Layouts; each image that one of them has becomes one of the index.
    pub images: Vec<PathBuf>,
    /// Whether the layout becomes one tar.
    pub archive: bool,
    pub annotations: Annotations,
    /// Which image an engine loads from the tar that reads no index.
    pub platform: Option<Platform>,
}

impl Section for ImageIndexAttrs {
    const KEY: &'static str = "imageIndex";
}
