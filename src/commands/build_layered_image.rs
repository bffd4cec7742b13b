//! Builds the output of `buildLayeredImage`: a streamed image in a file.

use std::path::PathBuf;

use serde::Deserialize;

use crate::build::context::Context;
use crate::build::output::{self, OutputError};
use crate::bytes::compress;
use crate::bytes::compression::Compressor;
use crate::console::text;
use crate::image::streamed;
use crate::image::streamed::error::StreamError;
use crate::request::attrs::{Attrs, Section};
use crate::request::time::Time;
use crate::tar::write::Out;

/// Builds the layered image that `attrs` describe in a file.
///
/// # Errors
/// When an input cannot be read, a store path has changed or the output cannot be written.
pub fn build(
    attrs: &Attrs<LayeredImageAttrs>,
    now: Time,
    context: &Context,
) -> Result<(), StreamError> {
    let image = streamed::plan(&streamed::read(&attrs.ours.conf)?, None, now, context)?;
    let progress = context.progress;
    let text = format!("writing an image of {}", text::size(image.size()));
    progress.phase("write", &text);
    let out = &attrs.out;
    let wrap = |source| {
        StreamError::Output(OutputError::Write {
            path: out.clone(),
            source,
        })
    };
    let threads = context.threads;
    output::file(out, |file| {
        let bar = progress.bar(image.size());
        let written = compress::write(file, attrs.ours.compressor, threads, wrap, |to| {
            image
                .write(&mut Out::Writer(&mut bar.watch(to)), |_| {})
                .map_err(|error| error.at(out))
        });
        bar.finish();
        written.map(drop)
    })
}

/// A layered image in a file, as `buildLayeredImage` asks for it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "a set")]
pub struct LayeredImageAttrs {
    /// What `builder description` wrote.
    pub conf: PathBuf,
    pub compressor: Compressor,
}

impl Section for LayeredImageAttrs {
    const KEY: &'static str = "layeredImage";
}
