//! Writes an image in another form, for people: as an OCI layout or as an archive, with layers packed otherwise, or for
//! one platform of several.

use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::build::context::Context;
use crate::console::text;
use crate::image::layout::Said;
use crate::image::layout::error::LayoutError;
use crate::image::layout::output::{self, Form};
use crate::image::parts::{self, Packing, Parts, PartsError};
use crate::oci::platform::Platform;
use crate::request::limits::Limits;
use crate::request::time::Time;

/// What people ask for.
#[derive(Debug)]
pub struct Conversion<'a> {
    /// An archive, a layout, a description or the program of a stream.
    pub image: &'a Path,
    pub out: &'a Path,
    pub form: Form,
    pub packing: Packing,
    /// The one image of several that is wanted, such as `name:1`.
    pub reference: Option<&'a str>,
    pub platform: Option<&'a Platform>,
    pub limits: Limits,
}

/// An image could not be converted.
#[derive(Debug, Error)]
pub enum ConvertError {
    #[error(transparent)]
    Parts(#[from] PartsError),
    #[error(transparent)]
    Layout(#[from] LayoutError),
    #[error("`{}` has no image {wanted}; it has {found}", image.display())]
    NotFound {
        image: PathBuf,
        wanted: String,
        found: String,
    },
}

/// Converts an image.
///
/// # Errors
/// When it cannot be read or is damaged, has no image such as is wanted, or the output exists already or cannot be
/// written.
pub fn run(asked: &Conversion<'_>, now: Time, context: &Context) -> Result<(), ConvertError> {
    let images = parts::read(asked.image, asked.packing, &asked.limits, now, context)?;
    let mut images = choose(asked, images)?;
    // What people write does not depend on the store.
    for layer in images.iter_mut().flat_map(|image| &mut image.layers) {
        layer.link = None;
    }
    output::write(
        asked.out,
        asked.form,
        &images,
        &Said::default(),
        asked.packing,
        context,
    )?;
    let layers: usize = images.iter().map(|image| image.layers.len()).sum();
    context.progress.line(&format!(
        "{}: {}, {}",
        asked.out.display(),
        text::count(images.len(), "image"),
        text::count(layers, "layer")
    ));
    Ok(())
}

/// Those of `images` that are wanted.
fn choose(asked: &Conversion<'_>, mut images: Vec<Parts>) -> Result<Vec<Parts>, ConvertError> {
    let found = images.iter().map(shown).collect::<Vec<_>>().join(", ");
    images.retain(|image| asked.reference.is_none_or(|wanted| image.is_called(wanted)));
    images.retain(|image| asked.platform.is_none_or(|wanted| image.is_for(wanted)));
    if !images.is_empty() {
        return Ok(images);
    }
    let called = asked.reference.map(|name| format!("`{name}`"));
    let platform = asked.platform.map(|platform| format!("for `{platform}`"));
    let wanted: Vec<String> = called.into_iter().chain(platform).collect();
    Err(ConvertError::NotFound {
        image: asked.image.to_owned(),
        wanted: wanted.join(" "),
        found,
    })
}

/// What messages say of an image: its name and what it runs on.
fn shown(image: &Parts) -> String {
    let name = image.references().into_iter().next();
    let name = name.map_or_else(
        || "one without a name".to_owned(),
        |name| format!("`{}`", text::shown(name.as_bytes())),
    );
    match image.platform() {
        Some(platform) => format!(
            "{name} for `{}`",
            text::shown(platform.to_string().as_bytes())
        ),
        None => name,
    }
}
