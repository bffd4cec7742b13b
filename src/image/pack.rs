//! Packs the layers of an image, each once, into files that are called by their digests.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use thiserror::Error;

use crate::bytes::compress;
use crate::bytes::compression::{Compression, Compressor};
use crate::bytes::digest::{DiffId, Digest, HashWriter};
use crate::bytes::hashed::Hashed;
use crate::bytes::parallel;
use crate::bytes::source::Source;
use crate::console::progress::{Bar, Progress};
use crate::image::blob::Blob;
use crate::image::parts::Layer;
use crate::oci::media_type;
use crate::tar::plan::Content;
use crate::tar::write::{self, WriteError};

/// From this size on, in bytes, a layer is packed by all threads together, and smaller ones by a thread each.
const BIG: u64 = 32 << 20;

/// The size of the buffer before a file, in bytes.
const BUFFER: usize = 256 * 1024;

/// A layer could not be packed.
#[derive(Debug, Error)]
pub enum PackError {
    #[error("cannot write `{}`", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("cannot read {layer}")]
    Read { layer: String, source: WriteError },
    #[error(
        "{layer} has other bytes than were recorded of it: DiffID {found} instead of {recorded}; a store path has changed, `nix-store --verify --check-contents` finds it"
    )]
    Changed {
        layer: String,
        recorded: DiffId,
        found: DiffId,
    },
    #[error("{layer} has the digest {found}, but is called by {said}; it is damaged")]
    Digest {
        layer: String,
        found: Box<Digest>,
        said: Box<Digest>,
    },
}

/// Where layers are packed, and how.
#[derive(Debug)]
pub struct Packer<'a> {
    /// Of the files.
    pub directory: &'a Path,
    /// What messages call it.
    pub shown: &'a Path,
    pub compressor: Compressor,
    /// How many may work. The bytes do not depend on it.
    pub threads: usize,
    pub progress: Progress,
}

/// Which layers are one blob: those with equal content that is packed alike and, where that is known, has equal bytes.
type Same = (DiffId, Compression, Option<Digest>);

impl Packer<'_> {
    /// Packs `layers`, and gives their blobs in the same order. Those that are packed already keep their bytes.
    ///
    /// # Errors
    /// When a layer cannot be read or has other bytes than it should have, or a file cannot be written; of several
    /// errors, the first in the order of the layers that were packed together.
    pub fn pack(&self, layers: &[&Layer]) -> Result<Vec<Blob>, PackError> {
        let mut unique: BTreeMap<Same, &Layer> = BTreeMap::new();
        for layer in layers {
            unique.entry(same(layer)).or_insert(layer);
        }
        let mut first = Vec::new();
        let mut small = Vec::new();
        for layer in unique.values() {
            match stream_offset(layer) {
                // In the order of their archive, since every step back unpacks all of it again.
                Some(offset) => first.push((offset, *layer)),
                None if layer.size >= BIG => first.push((0, *layer)),
                None => small.push(*layer),
            }
        }
        first.sort_by_key(|(offset, _)| *offset);
        let bar = self
            .progress
            .bar(unique.values().map(|layer| layer.size).sum());
        let packed = self.pack_all(first.into_iter().map(|(_, layer)| layer), small, &bar);
        bar.finish();
        let packed = packed?;
        let blobs = layers
            .iter()
            .map(|layer| self.blob(layer, packed[&same(layer)]));
        Ok(blobs.collect())
    }

    /// Packs the layers of `first` one after the other, and those of `small` side by side.
    fn pack_all<'a>(
        &self,
        first: impl Iterator<Item = &'a Layer>,
        small: Vec<&Layer>,
        bar: &Bar,
    ) -> Result<BTreeMap<Same, (Digest, u64)>, PackError> {
        let mut packed = BTreeMap::new();
        for layer in first {
            packed.insert(same(layer), self.pack_one(layer, self.threads, bar)?);
        }
        let work = |layer: &Layer| Ok((same(layer), self.pack_one(layer, 1, bar)?));
        packed.extend(parallel::try_map(small.into_par_iter(), work)?);
        Ok(packed)
    }

    fn blob(&self, layer: &Layer, (digest, size): (Digest, u64)) -> Blob {
        let compression = match (&layer.link, layer.compression) {
            (None, Compression::Plain) => self.compressor.compression(),
            (_, as_it_is) => as_it_is,
        };
        Blob {
            media_type: media_type::of_layer(compression)
                .expect("layers are plain or packed with gzip or zstd"),
            digest,
            size,
            diff_id: Some(layer.diff_id),
            annotations: layer.annotations.clone(),
            content: Content::File(self.directory.join(digest.hex())),
        }
    }

    /// Writes the blob of `layer`, and gives its digest and size.
    fn pack_one(
        &self,
        layer: &Layer,
        threads: usize,
        bar: &Bar,
    ) -> Result<(Digest, u64), PackError> {
        let (diff_id, compression, digest) = same(layer);
        let name = digest.unwrap_or(diff_id.into()).hex();
        let unfinished = self.directory.join(format!(".{name}-{compression}"));
        let failed = |source| PackError::Write {
            path: self.shown.to_owned(),
            source,
        };
        let hash = match (&layer.link, layer.compression) {
            (Some(file), _) => {
                symlink(file, &unfinished).map_err(failed)?;
                self.copy(layer, io::sink(), bar)?
            }
            (None, Compression::Plain) => {
                let file = File::create_new(&unfinished).map_err(failed)?;
                self.compress(layer, file, threads, bar)?
            }
            (None, _) => {
                let file = File::create_new(&unfinished).map_err(failed)?;
                self.copy(layer, file, bar)?
            }
        };
        let (size, digest) = (hash.size(), Digest::Sha256(hash.into_sha256()));
        fs::rename(&unfinished, self.directory.join(digest.hex())).map_err(failed)?;
        Ok((digest, size))
    }

    /// Packs a plain layer, whose DiffID is computed on the way. Gives the hash of what was written.
    fn compress(
        &self,
        layer: &Layer,
        file: File,
        threads: usize,
        bar: &Bar,
    ) -> Result<HashWriter, PackError> {
        let failed = |error| self.failed(layer, error);
        let mut content = HashWriter::new();
        let out = Hashed::new(file);
        let wrap = |source| failed(WriteError::Write(source));
        let packed = compress::write(out, self.compressor, threads, wrap, |to| {
            let mut both = Hashed::new(to);
            let written = write::write_bytes(&layer.content, layer.size, &mut bar.watch(&mut both));
            content = both.into_parts().1;
            written.map_err(failed)
        })?;
        let found = content.into_diff_id();
        if found != layer.diff_id {
            return Err(PackError::Changed {
                layer: layer.shown.to_string(),
                recorded: layer.diff_id,
                found,
            });
        }
        Ok(packed.into_parts().1)
    }

    /// Copies a layer as it is. Gives the hash of what was written.
    fn copy(&self, layer: &Layer, out: impl Write, bar: &Bar) -> Result<HashWriter, PackError> {
        let failed = |error| self.failed(layer, error);
        let mut out = Hashed::new(BufWriter::with_capacity(BUFFER, out));
        let copied = write::write_bytes(&layer.content, layer.size, &mut bar.watch(&mut out));
        copied.map_err(failed)?;
        out.flush().map_err(WriteError::Write).map_err(failed)?;
        let hash = out.into_parts().1;
        match layer.digest {
            Some(said @ Digest::Sha256(_)) => {
                let found = Digest::Sha256(hash.clone().into_sha256());
                if found == said {
                    return Ok(hash);
                }
                Err(PackError::Digest {
                    layer: layer.shown.to_string(),
                    found: Box::new(found),
                    said: Box::new(said),
                })
            }
            _ => Ok(hash),
        }
    }

    fn failed(&self, layer: &Layer, error: WriteError) -> PackError {
        match error {
            WriteError::Write(source) => PackError::Write {
                path: self.shown.to_owned(),
                source,
            },
            source => PackError::Read {
                // In other messages, a verb follows.
                layer: layer.shown.trim_end_matches(',').to_owned(),
                source,
            },
        }
    }
}

fn same(layer: &Layer) -> Same {
    let is_packed = layer.compression != Compression::Plain;
    let digest = layer.digest.filter(|_| is_packed);
    (layer.diff_id, layer.compression, digest)
}

/// Where a layer begins in what can only be read forwards, if it is in such.
fn stream_offset(layer: &Layer) -> Option<u64> {
    match &layer.content {
        Content::Range(range) => offset_in_stream(range),
        _ => None,
    }
}

fn offset_in_stream(range: &crate::bytes::source::Range) -> Option<u64> {
    match &*range.source {
        Source::Stream { .. } => Some(range.offset),
        Source::Unpacked { packed, .. } => offset_in_stream(packed),
        _ => None,
    }
}
