//! Writes images for several platforms as a layout with one index of them.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::build::context::Context;
use crate::bytes::compression::Compressor;
use crate::image::child::Child;
use crate::image::layout::error::LayoutError;
use crate::image::layout::{Writer, Written, docker, named, update};
use crate::image::manifest;
use crate::image::pack::Packer;
use crate::image::parts::{ConfigFacts, Layer};
use crate::oci::annotations::Annotations;
use crate::oci::platform::Platform;

/// What is said of an index.
#[derive(Debug)]
pub struct SaidOfIndex<'a> {
    /// Such as `name:1`.
    pub reference: String,
    /// Beside those that all images share; an empty value takes one away.
    pub annotations: &'a Annotations,
    /// Which image an engine loads that reads no index.
    pub platform: Option<&'a Platform>,
}

/// Writes an index of `children` to `root`, an empty directory, which messages call `shown`. They are in the order of
/// operating system, architecture and variant.
///
/// # Errors
/// When two are for one platform, or one for none; when a layer is damaged, or a file cannot be written.
pub fn write(
    root: &Path,
    shown: &Path,
    mut children: Vec<Child>,
    said: &SaidOfIndex<'_>,
    context: &Context,
) -> Result<Written, LayoutError> {
    children.sort_by(|a, b| order(&a.facts).cmp(&order(&b.facts)));
    check(&children)?;
    let writer = Writer::new(root, shown)?;
    let layers: Vec<&Layer> = children.iter().flat_map(|child| &child.layers).collect();
    let packer = Packer {
        directory: &root.join("blobs/sha256"),
        shown,
        compressor: Compressor::None,
        threads: context.threads,
        progress: context.progress,
    };
    let blobs = packer.pack(&layers)?;
    let descriptors: Vec<_> = children.iter().map(for_platform).collect();
    let index = manifest::index(&descriptors, &annotations(&children, said.annotations));
    let mut written = Written::default();
    writer.document(&mut written, &index)?;
    for child in &children {
        writer.document(&mut written, &child.manifest)?;
        writer.document(&mut written, &child.config)?;
    }
    written.layers.extend(blobs.iter().map(|blob| blob.digest));
    let is_wanted = |child: &&Child| said.platform.is_some_and(|it| child.facts.is_for(it));
    let loaded = children.iter().find(is_wanted).or(children.first());
    let references = [said.reference.clone()];
    let docker_entry = |child: &Child| {
        let layers = child.layers.iter().filter_map(|layer| layer.digest);
        docker(&child.config, layers, &references)
    };
    written.docker.extend(loaded.map(docker_entry));
    writer.finish(named(&index.descriptor(), &references))?;
    Ok(written)
}

fn for_platform(child: &Child) -> Map<String, Value> {
    manifest::for_platform(&child.manifest, &child.facts)
}

/// What the images of an index are sorted by: the most general variant of an architecture comes first, since some
/// engines take the first that fits.
fn order(facts: &ConfigFacts) -> impl Ord {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    (
        text(&facts.os),
        text(&facts.architecture),
        text(&facts.variant),
        text(&facts.os_version),
        facts.os_features.clone().unwrap_or_default(),
    )
}

/// Refuses images that nobody could choose.
fn check(children: &[Child]) -> Result<(), LayoutError> {
    if children.is_empty() {
        return Err(LayoutError::NoImages);
    }
    for child in children {
        if child.facts.platform().is_none() {
            let path = child.path.clone();
            return Err(LayoutError::NoPlatform { path });
        }
    }
    for pair in children.windows(2) {
        let [one, other] = pair else { continue };
        if order(&one.facts) == order(&other.facts) {
            return Err(LayoutError::TwoImages {
                platform: one
                    .facts
                    .platform()
                    .map(|it| it.to_string())
                    .unwrap_or_default(),
                one: one.path.clone(),
                other: other.path.clone(),
            });
        }
    }
    Ok(())
}

/// The annotations that all `children` share, with `said`.
fn annotations(children: &[Child], said: &Annotations) -> Annotations {
    let mut shared = children
        .first()
        .map(|child| (*child.annotations).clone())
        .unwrap_or_default();
    shared.retain(|key, value| {
        children
            .iter()
            .all(|child| child.annotations.get(key) == Some(value))
    });
    update(&mut shared, said);
    shared
}

/// Where a layout is, for the message of [`LayoutError::TwoImages`].
pub(super) fn both(one: &PathBuf, other: &PathBuf) -> String {
    match one == other {
        true => format!("both in `{}`", one.display()),
        false => format!("`{}` and `{}`", one.display(), other.display()),
    }
}
