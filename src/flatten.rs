//! Merges the layers of an image into the tree that they make together, from their tar streams:
//! nothing is unpacked, and no content is read that needs no decompression. What an entry does to
//! the tree is in [`place`], and the tree itself in [`flat`].

pub mod records;
pub mod place;
pub mod flat;

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::bytes::compression::Packing;
use crate::bytes::decompress::{self, Decoded, LimitError};
use crate::bytes::holes::WithHoles;
use crate::bytes::source::{Range, RangeReader, Source};
use crate::console::progress::Progress;
use crate::console::text::{self, shown};
use crate::flatten::flat::Flat;
use crate::flatten::place::{PlaceError, Placing};
use crate::flatten::records::RecordsError;
use crate::foreign::base::error::BaseError;
use crate::foreign::base::{BaseImage, BaseLayer};
use crate::tar::plan::Xattr;
use crate::tar::read::{MemberKind, Reader};
use crate::tree::SpecialKind;

/// How much is copied at once, in bytes.
const PIECE: usize = 256 * 1024;

/// What an entry of the tree is.
#[derive(Debug, Clone)]
pub enum FlatKind {
    Directory,
    /// A regular file with its content.
    File(Range),
    Symlink {
        target: Vec<u8>,
    },
    Special(SpecialKind),
}

/// What a layer says about an entry beside its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// Permission bits, set-id and sticky bits included. Those of a symlink mean nothing.
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    /// Seconds since 1970.
    pub mtime: u64,
    /// By name, each once.
    pub xattrs: Vec<Xattr>,
}

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
        source: Box<PlaceError>,
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
pub fn flatten(
    image: &BaseImage,
    spool_directory: &Path,
    progress: Progress,
) -> Result<Flat, FlattenError> {
    let layers = last_occurrences(&image.layers);
    let text = format!(
        "merging {} of `{}`",
        text::count(layers.len(), "layer"),
        image.archive.path.display()
    );
    progress.phase("merge", &text);

    let mut spool = Spool::new(&image.archive.path, spool_directory);
    let mut placing = Placing::new(spool_directory, &image.archive.limits);
    for (layer, range) in ranges(image, layers, &mut spool)? {
        placing.begin_layer();
        place_layer(image, layer, range, &mut spool, &mut placing)?;
    }
    Ok(placing.finish()?)
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
    spool: &mut Spool,
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
            let copy = spool.copy(content, |source| read_error(image, layer, source))?;
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
    spool: &mut Spool,
    placing: &mut Placing,
) -> Result<(), FlattenError> {
    let range = match layer.packing {
        Packing::Plain => range,
        packing => {
            let read = |source| read_error(image, layer, source);
            let plain = Decoded::new(RangeReader::new(range), packing, &image.archive.limits);
            spool.copy(&mut plain.map_err(read)?, read)?
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
                Some(spool.copy(content, |source| read_error(image, layer, source))?)
            }
        };
        let placed = placing.place(&member, content);
        placed.map_err(|source| match source {
            PlaceError::Records(error) => FlattenError::Records(error),
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

/// A file without a name for content that has been uncompressed, made when it is first needed.
struct Spool<'a> {
    image: &'a Path,
    directory: &'a Path,
    file: Option<SpoolFile>,
    piece: Vec<u8>,
}

struct SpoolFile {
    source: Arc<Source>,
    file: File,
    /// In bytes.
    size: u64,
}

impl<'a> Spool<'a> {
    fn new(image: &'a Path, directory: &'a Path) -> Self {
        Self {
            image,
            directory,
            file: None,
            piece: Vec::new(),
        }
    }

    /// Copies all of `content`, and says where the copy is. `read_error` says what it means that
    /// it cannot be read.
    fn copy(
        &mut self,
        content: &mut dyn Read,
        read_error: impl Fn(io::Error) -> FlattenError,
    ) -> Result<Range, FlattenError> {
        let write_error = |source| FlattenError::Spool {
            path: self.image.to_owned(),
            directory: self.directory.to_owned(),
            source,
        };
        let spooled = match self.file.take() {
            Some(spooled) => spooled,
            None => SpoolFile::new(self.directory).map_err(write_error)?,
        };
        let spooled = self.file.insert(spooled);
        self.piece.resize(PIECE, 0);
        let offset = spooled.size;
        let mut out = WithHoles::new(&spooled.file);
        loop {
            let got = match content.read(&mut self.piece) {
                Ok(0) => break,
                Ok(got) => got,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(read_error(error)),
            };
            let written = out.write_all(&self.piece[..got]);
            written.map_err(write_error)?;
            spooled.size += got as u64;
        }
        out.finish().map_err(write_error)?;
        Ok(Range {
            source: Arc::clone(&spooled.source),
            offset,
            size: spooled.size - offset,
            sparse: None,
        })
    }
}

impl SpoolFile {
    fn new(directory: &Path) -> io::Result<Self> {
        let file = tempfile::tempfile_in(directory)?;
        let source = Source::file(Path::new("temporary file"), file.try_clone()?);
        Ok(Self {
            source: Arc::new(source),
            file,
            size: 0,
        })
    }
}
