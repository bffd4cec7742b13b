//! Makes the base JSON of an image with the time of the build in it: `created = "now"`.

use std::path::PathBuf;

use serde::Deserialize;
use thiserror::Error;

use crate::build::output::{self, OutputError};
use crate::image::config::{BaseJson, BaseJsonError};
use crate::request::attrs::{Attrs, Section};
use crate::request::time::Time;

/// The JSON could not be made.
#[derive(Debug, Error)]
pub enum CreatedNowError {
    #[error(transparent)]
    BaseJson(#[from] BaseJsonError),
    #[error(transparent)]
    Output(#[from] OutputError),
}

/// An image's JSON that still lacks the time of the build, as `created = "now"` asks for it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "a set")]
pub struct BaseJsonAttrs {
    pub json: PathBuf,
}

impl Section for BaseJsonAttrs {
    const KEY: &'static str = "baseJson";
}

/// Makes the JSON that `attrs` ask for, with `now` as the time of creation.
///
/// # Errors
/// When the JSON cannot be read, or the output cannot be written.
pub fn build(attrs: &Attrs<BaseJsonAttrs>, now: Time) -> Result<(), CreatedNowError> {
    let base = BaseJson::read(&attrs.ours.json)?;
    let text = base.created_at(&now.to_string());
    Ok(output::bytes(&attrs.out, text.as_bytes())?)
}
