//! Reads the layers of an image, each once, and compares them with what names them.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use rayon::prelude::*;

use crate::bytes::compression::Compression;
use crate::bytes::digest::{Algorithm, DiffId, Digests};
use crate::bytes::parallel;
use crate::bytes::source::RangeReader;
use crate::console::progress::Bar;
use crate::foreign::archive::member_path::MemberPath;
use crate::foreign::archive::{Archive, ArchiveFile, Place};
use crate::foreign::base::BaseLayer;
use crate::foreign::base::Observer;
use crate::foreign::base::error::BaseError;
use crate::foreign::blob::{self, Damage};
use crate::foreign::images::blob_ref::Blob;
use crate::request::limits::Limits;

/// What reading a layer once tells.
#[derive(Debug, Clone)]
pub(crate) struct LayerFacts<N> {
    packing: Compression,
    /// Of the member as it stands.
    digests: Digests,
    diff_id: DiffId,
    size: u64,
    noted: Arc<N>,
}

/// What a compressed archive told of its layers while it streamed by.
pub(crate) type Streamed<N> = BTreeMap<Place, Result<LayerFacts<N>, BaseError>>;

/// What is known of the layers of an archive. Each is read once, however many images have it.
pub(crate) struct Known<'a, O: Observer> {
    archive: &'a Archive,
    streamed: Streamed<O::Noted>,
    facts: BTreeMap<Place, LayerFacts<O::Noted>>,
    observer: O,
    /// Moves with what is read.
    bar: &'a Bar,
}

impl<'a, O: Observer> Known<'a, O> {
    pub(crate) fn new(
        archive: &'a Archive,
        streamed: Streamed<O::Noted>,
        observer: O,
        bar: &'a Bar,
    ) -> Self {
        Self {
            archive,
            streamed,
            facts: BTreeMap::new(),
            observer,
            bar,
        }
    }

    /// The `layers` of an image whose `config` lists `diff_ids`.
    pub(crate) fn layers(
        &mut self,
        config: &str,
        layers: Vec<(Blob, &ArchiveFile)>,
        diff_ids: &[DiffId],
    ) -> Result<Vec<BaseLayer<O::Noted>>, BaseError> {
        let path = || self.archive.path.clone();
        if diff_ids.len() != layers.len() {
            return Err(BaseError::LayerCount {
                path: path(),
                config: config.to_owned(),
                layers: layers.len(),
                diff_ids: diff_ids.len(),
            });
        }
        self.read(&layers)?;
        let layers = layers.into_iter().zip(diff_ids);
        let layers = layers.map(|((blob, file), said)| {
            let facts = self.facts[&file.place].clone();
            check_blob(self.archive, &blob, &facts, file.range.size)?;
            let found = facts.diff_id;
            if found != *said {
                return Err(BaseError::DiffId {
                    path: path(),
                    layer: blob.name,
                    found,
                    said: *said,
                });
            }
            Ok(BaseLayer {
                name: blob.name,
                packing: facts.packing,
                sha256: facts.digests.sha256,
                diff_id: found,
                size: facts.size,
                noted: facts.noted,
            })
        });
        layers.collect()
    }

    /// Reads those of `layers` that are not known yet, each once, by whatever names the manifest has it.
    fn read(&mut self, layers: &[(Blob, &ArchiveFile)]) -> Result<(), BaseError> {
        let mut left: BTreeMap<Place, (&str, &ArchiveFile, Algorithm)> = BTreeMap::new();
        for (blob, file) in layers {
            let algorithm = blob.algorithm();
            let (_, _, last) = left
                .entry(file.place)
                .or_insert((&blob.name, file, algorithm));
            *last = algorithm.max(*last);
        }
        let mut unread = Vec::new();
        for (place, (name, file, algorithm)) in left {
            if let Some(streamed) = self.streamed.remove(&place) {
                self.facts.insert(place, streamed?);
            }
            // What is called by a digest through a link may have been read without it.
            let is_enough =
                |facts: &LayerFacts<O::Noted>| facts.digests.by(algorithm).algorithm() == algorithm;
            if !self.facts.get(&place).is_some_and(is_enough) {
                unread.push((place, name, file, algorithm));
            }
        }
        let Self {
            archive,
            observer,
            bar,
            ..
        } = *self;
        let read = |(place, name, file, algorithm): (Place, &str, &ArchiveFile, Algorithm)| {
            let (path, limits) = (&archive.path, &archive.limits);
            let content = &mut bar.watch_reader(RangeReader::new(file.range.clone()));
            layer_facts(path, name, content, algorithm, observer, limits)
                .map(|facts| (place, facts))
        };
        let more: Vec<_> = if archive.is_compressed {
            // In the order of the archive, since every step back uncompresses all of it again.
            unread.into_iter().map(read).collect::<Result<_, _>>()?
        } else {
            parallel::try_map(unread.into_par_iter(), read)?
        };
        self.facts.extend(more);
        Ok(())
    }
}

/// Compares a layer of `size` bytes with what names it.
fn check_blob<N>(
    archive: &Archive,
    blob: &Blob,
    facts: &LayerFacts<N>,
    size: u64,
) -> Result<(), BaseError> {
    if let Some(said) = blob.size {
        archive.check_size(&blob.name, size, said)?;
    }
    if let Some(said) = blob.digest.filter(|_| blob.is_named_by_digest()) {
        let found = facts.digests.by(said.algorithm());
        archive.check_digest(&blob.name, found, said)?;
    }
    match blob.packing {
        Some(said) if said != facts.packing => Err(BaseError::Compression {
            path: archive.path.clone(),
            layer: blob.name.clone(),
            found: facts.packing,
            said,
        }),
        _ => Ok(()),
    }
}

/// Whether a member is worth reading as a layer before the manifest is known.
pub(crate) fn may_be_layer(name: &MemberPath) -> bool {
    let last = name.last().map(Vec::as_slice).unwrap_or_default();
    [b".tar".as_slice(), b".tar.gz", b".tar.zst", b".tgz"]
        .iter()
        .any(|end| last.ends_with(end))
        || name.first().is_some_and(|first| first == b"blobs")
}

/// Reads a layer, packed or not, to its end; it is called by a digest of `algorithm`.
pub(crate) fn layer_facts<O: Observer>(
    path: &Path,
    layer: &str,
    input: &mut dyn Read,
    algorithm: Algorithm,
    observer: O,
    limits: &Limits,
) -> Result<LayerFacts<O::Noted>, BaseError> {
    let bytes = |source| BaseError::LayerBytes {
        path: path.to_owned(),
        layer: layer.to_owned(),
        source,
    };
    let mut noted = O::Noted::default();
    let blob = blob::read(input, algorithm, limits, &mut |member| {
        observer.note(member, &mut noted);
    });
    let blob = blob.map_err(bytes)?;
    match blob.content {
        Ok(content) => Ok(LayerFacts {
            packing: blob.packing,
            digests: blob.digests,
            diff_id: content.diff_id,
            size: content.size,
            noted: Arc::new(noted),
        }),
        Err(Damage::Bytes(source)) => Err(bytes(source)),
        Err(Damage::Tar { source, .. }) => Err(BaseError::Layer {
            path: path.to_owned(),
            layer: layer.to_owned(),
            source,
        }),
    }
}
