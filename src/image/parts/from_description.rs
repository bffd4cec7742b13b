//! The parts of the image that a description describes.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use crate::build::context::Context;
use crate::bytes::compression::{Compression, MAGIC};
use crate::bytes::source::{Range, RangeReader};
use crate::image::description::Description;
use crate::image::parts::{ConfigFacts, Layer, Parts};
use crate::image::ready_layer::{BLOB, ReadyLayer};
use crate::image::streamed;
use crate::image::streamed::error::StreamError;
use crate::image::streamed::layers::StreamedLayer;
use crate::request::time::Time;
use crate::tar::plan::{Content, Kind};
use crate::tar::write::WriteError;

/// Plans the layers of the image of `description`. Those of its base keep their bytes.
///
/// # Errors
/// When an input cannot be read.
pub fn read(description: &Description, now: Time, context: &Context) -> Result<Parts, StreamError> {
    let (layers, config) = streamed::layers_and_config(description, now, context)?;
    let below = description.builder.base_layers.len();
    let layers = layers.into_iter().enumerate();
    let ready = &description.builder.ready_layers;
    let layers = layers.map(|(place, layer)| match place.checked_sub(below) {
        None => parts_layer(layer, true),
        Some(own) => match ready.get(own) {
            Some(ready) => ready_layer(layer, &ready.path),
            None => parts_layer(layer, false),
        },
    });
    Ok(Parts {
        names: vec![description.repo_tag.clone()],
        facts: ConfigFacts::parse(config.as_bytes()).ok().map(Arc::new),
        config: config.into_bytes().into(),
        layers: layers.collect::<Result<_, _>>()?,
        manifest: None,
        annotations: Arc::default(),
        index: None,
    })
}

fn parts_layer(layer: StreamedLayer, is_of_base: bool) -> Result<Layer, StreamError> {
    let shown = match layer.shown() {
        Some(shown) => shown.into(),
        None => format!("layer `{}` of the base image", layer.name).into(),
    };
    let Kind::Regular { size, content } = layer.part.entry.kind else {
        unreachable!("a layer is a file of the archive");
    };
    let compression = match &content {
        // Only a base has layers that are packed.
        Content::Range(range) if is_of_base => compression(range)?,
        _ => Compression::Plain,
    };
    Ok(Layer {
        shown,
        diff_id: layer.diff_id,
        compression,
        digest: None,
        size,
        content,
        link: None,
        annotations: Arc::default(),
    })
}

/// A layer that was made on its own, with the bytes that it was packed to if it was.
fn ready_layer(layer: StreamedLayer, path: &Path) -> Result<Layer, StreamError> {
    let layer = parts_layer(layer, false)?;
    let Some(blob) = ReadyLayer::read(path)?.blob else {
        return Ok(layer);
    };
    let file = path.join(BLOB);
    Ok(Layer {
        compression: blob.compression,
        digest: Some(blob.digest),
        size: blob.size,
        content: Content::File(file.clone()),
        link: Some(file),
        ..layer
    })
}

/// How what is in `range` is packed.
fn compression(range: &Range) -> Result<Compression, StreamError> {
    let mut first = Vec::with_capacity(MAGIC);
    let content = RangeReader::new(range.clone());
    match content.take(MAGIC as u64).read_to_end(&mut first) {
        Ok(_) => Ok(Compression::of(&first)),
        Err(source) => Err(StreamError::Content(WriteError::Read {
            path: range.source.path().to_owned(),
            source,
        })),
    }
}
