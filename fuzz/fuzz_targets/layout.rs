//! The documents of an OCI layout: index, manifest, config and layer, with NULs between them. `@1`,
//! `@2` and `@3` in a document stand for the SHA-256 of the documents behind it, `%1` … for the SHA-512
//! and `#1` … for their sizes, so that most layouts hold together. A layout is the same as a directory and as an archive, and
//! its layers have the DiffIDs that their bytes say.

#![no_main]

use std::fs;
use std::path::Path;
use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use nix_image_builder::bytes::compression::Compression;
use nix_image_builder::bytes::digest::{Algorithm, Digest};
use nix_image_builder::console::progress::Progress;
use nix_image_builder::foreign::base::{self, BaseImage};
use nix_image_builder::foreign::images::selector::Selector;
use nix_image_builder::oci::descriptor;
use nix_image_builder::request::limits::Limits;
use nix_image_builder::tar::owner::Owner;
use nix_image_builder::tar::plan::{Entry, TarPlan};
use nix_image_builder::tar::write;
use nix_image_builder_fuzz::file_of;

const MARKER: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;

/// The blobs, each with its digests and none twice, and the index. The last one is taken as it is.
fn resolve(parts: [&[u8]; 4]) -> (Vec<u8>, Vec<([Digest; 2], Vec<u8>)>) {
    let mut blobs: Vec<([Digest; 2], Vec<u8>)> = Vec::new();
    for part in parts.iter().rev() {
        let mut text = part.to_vec();
        if !blobs.is_empty() {
            for (number, ([sha256, sha512], blob)) in blobs.iter().enumerate() {
                text = replace(&text, &format!("@{}", number + 1), &sha256.hex());
                text = replace(&text, &format!("%{}", number + 1), &sha512.hex());
                text = replace(&text, &format!("#{}", number + 1), &blob.len().to_string());
            }
        }
        let digests = [Algorithm::Sha256, Algorithm::Sha512].map(|one| one.digest(&text));
        blobs.push((digests, text));
    }
    let (_, index) = blobs.pop().expect("there are four");
    // Documents may be alike, above all empty.
    blobs.sort();
    blobs.dedup();
    (index, blobs)
}

/// Each of `blobs` by each of its digests.
fn by_digest(blobs: &[([Digest; 2], Vec<u8>)]) -> impl Iterator<Item = (Digest, &[u8])> {
    let blobs = blobs.iter();
    blobs.flat_map(|(digests, blob)| digests.iter().map(|digest| (*digest, blob.as_slice())))
}

fn replace(text: &[u8], from: &str, to: &str) -> Vec<u8> {
    let mut replaced = Vec::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix(from.as_bytes()) {
            replaced.extend(to.as_bytes());
            rest = after;
        } else {
            replaced.push(rest[0]);
            rest = &rest[1..];
        }
    }
    replaced
}

fn read(path: &Path) -> Option<BaseImage> {
    base::read(
        path,
        Selector::default(),
        (),
        &Limits::default(),
        Progress::Plain,
    )
    .ok()
}

fn facts(base: &BaseImage) -> (&[String], Vec<(String, u64)>) {
    let layers = base.layers.iter();
    let layers = layers.map(|layer| (layer.diff_id.to_string(), layer.size));
    (&base.env, layers.collect())
}

fuzz_target!(|bytes: &[u8]| {
    let mut parts = bytes.splitn(4, |byte| *byte == 0);
    let parts = [(); 4].map(|()| parts.next().unwrap_or_default());
    let (index, blobs) = resolve(parts);

    let owner = Arc::new(Owner::root());
    let file = |name: &str, bytes: &[u8]| Entry::inline(name, bytes.to_vec(), 0o444, &owner, 1);
    let mut entries = vec![file("oci-layout", MARKER), file("index.json", &index)];
    for (digest, blob) in by_digest(&blobs) {
        entries.push(file(&descriptor::blob_path(digest), blob));
    }
    let plan = TarPlan {
        entries,
        ..TarPlan::default()
    };
    let mut tar = Vec::new();
    write::write(&plan, &mut tar).expect("it is in memory");
    let archive = file_of(&tar);
    let Some(base) = read(archive.path()) else {
        return;
    };
    for layer in &base.layers {
        if layer.packing == Compression::Plain {
            let is_layer = |digest| digest == Digest::from(layer.diff_id);
            let mut digests = by_digest(&blobs).map(|(digest, _)| digest);
            assert!(digests.any(is_layer), "a plain layer is its own tar");
        }
    }

    let directory = tempfile::tempdir_in(archive.path().parent().expect("it has one"));
    let directory = directory.expect("there is room");
    let put = |name: &str, bytes: &[u8]| {
        let path = directory.path().join(name);
        fs::create_dir_all(path.parent().expect("it has one")).expect("there is room");
        fs::write(path, bytes).expect("there is room");
    };
    put("oci-layout", MARKER);
    put("index.json", &index);
    for (digest, blob) in by_digest(&blobs) {
        put(&descriptor::blob_path(digest), blob);
    }
    let again = read(directory.path()).expect("it is the same layout");
    assert_eq!(facts(&base), facts(&again));
});
