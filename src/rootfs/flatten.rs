//! Merges the layers of an image into the tree that they make together, from their tar streams:
//! nothing is unpacked, and no content is read that needs no decompression. What an entry does to
//! the tree is in [`place`], and the tree itself in [`flat`].

use std::collections::BTreeSet;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;

use crate::bytes::compression::Compression;
use crate::bytes::decompress::{self, Decoded, LimitError};
use crate::bytes::source::{Range, RangeReader};
use crate::bytes::spool::{Spool, SpoolError};
use crate::console::text::{self, shown};
use crate::foreign::base::error::BaseError;
use crate::foreign::base::{BaseImage, BaseLayer};
use crate::rootfs::apply::Apply;
use crate::rootfs::error::ApplyError;
use crate::rootfs::merged::MergedTree;
use crate::rootfs::records::RecordsError;
use crate::tar::read::{MemberKind, Reader};

/// The layers of an image make no tree.
#[derive(Debug, Error)]
pub enum FlattenError {
    #[error(transparent)]
    Image(Box<BaseError>),
    #[error("layer `{layer}` of image `{}` has the entry `{entry}`, which has no place in its tree", path.display())]
    Place {
        path: PathBuf,
        layer: String,
        entry: String,
        source: Box<ApplyError>,
    },
    #[error("layer `{layer}` of image `{}` has the sparse file `{entry}`, whose holes are too large to be filled", path.display())]
    Holes {
        path: PathBuf,
        layer: String,
        entry: String,
        source: LimitError,
    },
    #[error("cannot copy the content of image `{}` to a temporary file in `{}`", path.display(), directory.display())]
    Spool {
        path: PathBuf,
        directory: PathBuf,
        source: io::Error,
    },
    #[error(transparent)]
    Records(#[from] RecordsError),
}

impl From<BaseError> for FlattenError {
    fn from(error: BaseError) -> Self {
        Self::Image(Box::new(error))
    }
}

/// Merges the layers of `image`, lowest first; of a layer that occurs twice, only the last
/// occurrence counts. What has to be uncompressed, or has holes, is copied once, in the order in which it comes,
/// to a file in `spool_directory` that has no name, and what layers say about entries to another.
///
/// # Errors
/// When a layer is damaged, holds an entry that cannot be placed, or the files cannot be written.
pub fn flatten(image: &BaseImage, spool_directory: &Path) -> Result<MergedTree, FlattenError> {
    let layers = last_occurrences(&image.layers);
    let mut spool = Spooled {
        image,
        directory: spool_directory,
        spool: Spool::new(spool_directory),
    };
    let mut placing = Apply::new(spool_directory, &image.archive.limits);
    for (layer, range) in ranges(image, layers, &mut spool)? {
        placing.begin_layer();
        place_layer(image, layer, range, &mut spool, &mut placing)?;
    }
    Ok(placing.finish()?)
}

/// What is said before the layers of `image` are merged.
#[must_use]
pub fn merging(image: &BaseImage) -> String {
    let layers = text::count(last_occurrences(&image.layers).len(), "layer");
    format!("merging {layers} of `{}`", image.archive.path.display())
}

fn last_occurrences(layers: &[BaseLayer]) -> Vec<&BaseLayer> {
    let mut seen = BTreeSet::new();
    let mut last: Vec<&BaseLayer> = layers.iter().rev().collect();
    last.retain(|layer| seen.insert(layer.diff_id));
    last.reverse();
    last
}

/// Where the bytes of each of `layers` are. Those of a compressed archive are copied first, in its
/// own order: taking one layer after the other would uncompress it again for each.
fn ranges<'a>(
    image: &BaseImage,
    layers: Vec<&'a BaseLayer>,
    spool: &mut Spooled<'_>,
) -> Result<Vec<(&'a BaseLayer, Range)>, FlattenError> {
    let mut ranges = Vec::with_capacity(layers.len());
    for layer in layers {
        let file = image
            .archive
            .file(&layer.name, "its manifest names as a layer");
        let file = file.map_err(BaseError::Archive)?;
        ranges.push((layer, file.range.clone()));
    }
    // What lies in a sparse file is at no place of its own.
    let is_sparse = ranges.iter().any(|(_, range)| range.sparse.is_some());
    if image.archive.is_compressed || is_sparse {
        let mut by_offset: Vec<_> = ranges.iter_mut().collect();
        by_offset.sort_by_key(|(_, range)| range.offset);
        let mut archived = None;
        for (layer, range) in by_offset {
            let content = &mut RangeReader::new(range.clone());
            let copy = spool.copy(content, layer)?;
            archived = Some(std::mem::replace(range, copy).source);
        }
        if let Some(source) = archived {
            source.rest();
        }
    }
    Ok(ranges)
}

fn read_error(image: &BaseImage, layer: &BaseLayer, source: io::Error) -> FlattenError {
    FlattenError::from(BaseError::LayerBytes {
        path: image.archive.path.clone(),
        layer: layer.name.clone(),
        source,
    })
}

/// Places the entries of the layer that is at `range`, packed or not. What is packed is copied whole
/// first: a decoder has no room in memory beside the tree.
fn place_layer(
    image: &BaseImage,
    layer: &BaseLayer,
    range: Range,
    spool: &mut Spooled<'_>,
    placing: &mut Apply,
) -> Result<(), FlattenError> {
    let range = match layer.packing {
        Compression::Plain => range,
        packing => {
            let read = |source| read_error(image, layer, source);
            let plain = Decoded::new(RangeReader::new(range), packing, &image.archive.limits);
            spool.copy(&mut plain.map_err(read)?, layer)?
        }
    };
    let path = || image.archive.path.clone();
    let mut reader = Reader::of_layer(RangeReader::new(range.clone()));
    let mut expanded: u64 = 0;
    while let Some(member) = reader.next_member().map_err(|source| BaseError::Layer {
        path: path(),
        layer: layer.name.clone(),
        source,
    })? {
        let stored = Range {
            source: Arc::clone(&range.source),
            offset: range.offset + member.content_at,
            size: member.size,
            sparse: member.sparse.clone(),
        };
        let content = match &member.sparse {
            _ if member.kind != MemberKind::Regular => None,
            None => Some(stored),
            Some(_) => {
                expanded = expanded.saturating_add(member.size);
                let limits = &image.archive.limits;
                decompress::check_growth(reader.next_header_at(), expanded, limits).map_err(
                    |source| FlattenError::Holes {
                        path: path(),
                        layer: layer.name.clone(),
                        entry: shown(&member.name),
                        source,
                    },
                )?;
                let content = &mut RangeReader::new(stored);
                Some(spool.copy(content, layer)?)
            }
        };
        let placed = placing.place(&member, content);
        placed.map_err(|source| match source {
            ApplyError::Records(error) => FlattenError::Records(error),
            source => FlattenError::Place {
                path: path(),
                layer: layer.name.clone(),
                entry: shown(&member.name),
                source: Box::new(source),
            },
        })?;
    }
    Ok(())
}

/// What of `image` has been copied to `directory`.
struct Spooled<'a> {
    image: &'a BaseImage,
    directory: &'a Path,
    spool: Spool<'a>,
}

impl Spooled<'_> {
    /// Copies all of `content`, which is of `layer`, and says where the copy is.
    fn copy(&mut self, content: &mut dyn Read, layer: &BaseLayer) -> Result<Range, FlattenError> {
        self.spool.copy(content).map_err(|error| match error {
            SpoolError::Read(source) => read_error(self.image, layer, source),
            SpoolError::Write(source) => FlattenError::Spool {
                path: self.image.archive.path.clone(),
                directory: self.directory.to_owned(),
                source,
            },
        })
    }
}
