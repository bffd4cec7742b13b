//! Compares what `manifest.json` and the index of an OCI layout say of one archive, which `docker save`
//! writes both since version 25: some programs read the one, some the other.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::blob_ref::Blob;
use super::error::ImagesError;
use super::layout::{Candidate, listed};
use super::selector::reference;
use super::{Image, has};
use crate::bytes::digest::{Algorithm, Digest};
use crate::foreign::archive::{Archive, Place};
use crate::oci::manifest;

/// How many configs an error lists.
const MAX_SHOWN: usize = 3;

/// A name, as Docker shows it, and a tag.
type Reference<'a> = (Option<&'a str>, Option<&'a str>);

/// Compares `images`, of those that `manifest.json` lists, with those that `index.json` leads to, if it
/// is there. Images are the same if their configs are, since these have the DiffIDs of all layers. An
/// image that both call by one name has to be the same, and at least one has to be in both.
///
/// The index may have more: other platforms, and what is not there. And it may have less: Docker lists
/// only the first image without a name.
///
/// # Errors
/// When they differ, or one of the documents is damaged or ambiguous.
pub(crate) fn check(archive: &Archive, images: &[Image]) -> Result<(), ImagesError> {
    if !has(archive, manifest::INDEX) {
        return Ok(());
    }
    let candidates = listed(archive)?;
    let configs = configs(archive, &candidates);
    let mut by_name: BTreeMap<Reference<'_>, BTreeSet<Digest>> = BTreeMap::new();
    let mut all = BTreeSet::new();
    for candidate in &candidates {
        if let Some(config) = configs[&candidate.descriptor.digest] {
            all.insert(config);
            for name in &candidate.names {
                by_name.entry(reference(name)).or_default().insert(config);
            }
        }
    }
    let algorithms: BTreeSet<Algorithm> = all.iter().map(Digest::algorithm).collect();
    let mut is_in_both = all.is_empty();
    let mut first = None;
    let mut known = BTreeMap::new();
    for image in images {
        let called = digests(archive, &image.config, &algorithms, &mut known)?;
        let config = called[0];
        let is_among = |configs: &BTreeSet<Digest>| called.iter().any(|one| configs.contains(one));
        is_in_both |= is_among(&all);
        first.get_or_insert(config);
        let other = |name: &&String| {
            let same_name = by_name.get(&reference(name));
            same_name.is_some_and(|configs| !is_among(configs))
        };
        if let Some(name) = image.names.iter().find(other) {
            let found = &by_name[&reference(name)];
            return Err(disagree(archive, Some(name), config, found));
        }
    }
    match first {
        Some(config) if !is_in_both => Err(disagree(archive, None, config, &all)),
        _ => Ok(()),
    }
}

/// What a config may be called: its digest by its own name's algorithm, and those by the other `algorithms`. It is
/// read once, however many images have it.
fn digests(
    archive: &Archive,
    config: &Blob,
    algorithms: &BTreeSet<Algorithm>,
    known: &mut BTreeMap<(Place, Option<Digest>), Rc<[Digest]>>,
) -> Result<Rc<[Digest]>, ImagesError> {
    const NEEDED_BY: &str = "its manifest names as a config";
    let key = (archive.file(&config.name, NEEDED_BY)?.place, config.digest);
    if let Some(digests) = known.get(&key) {
        return Ok(Rc::clone(digests));
    }
    let text = config.json(archive, NEEDED_BY)?;
    let own = config.algorithm();
    let others = algorithms.iter().filter(|other| **other != own);
    let all = [&own].into_iter().chain(others);
    let digests: Rc<[Digest]> = all.map(|algorithm| algorithm.digest(&text)).collect();
    known.insert(key, Rc::clone(&digests));
    Ok(digests)
}

/// The config of each manifest that can be read; whoever reads the index does not get the others either.
fn configs(archive: &Archive, candidates: &[Candidate]) -> BTreeMap<Digest, Option<Digest>> {
    let mut configs = BTreeMap::new();
    for candidate in candidates {
        configs
            .entry(candidate.descriptor.digest)
            .or_insert_with(|| {
                let manifest = candidate.manifest(archive).ok()?;
                Some(manifest.config.digest)
            });
    }
    configs
}

fn disagree(
    archive: &Archive,
    name: Option<&String>,
    manifest: Digest,
    index: &BTreeSet<Digest>,
) -> ImagesError {
    let shown = index.iter().take(MAX_SHOWN).map(Digest::to_string);
    let mut shown: Vec<String> = shown.collect();
    if index.len() > MAX_SHOWN {
        shown.push(format!("{} more", index.len() - MAX_SHOWN));
    }
    ImagesError::Disagree {
        path: archive.path.clone(),
        name: name.cloned(),
        manifest: Box::new(manifest),
        index: shown.join(", "),
    }
}
