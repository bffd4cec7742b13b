//! How layers are packed, and which keep their bytes.

use std::fs;
use std::io::Read;
use std::path::Path;

use nix_image_builder::bytes::digest::Sha256;
use serde_json::{Value, json};

use super::{attrs, blob, built, check_right, converted, document, files, image, manifest};
use crate::errors::layouts::{self, Layout};
use crate::errors::tars::{self, Tar};
use crate::sandbox::Sandbox;
use crate::verify::{config, docker_of};

const GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";
const PLAIN: &str = "application/vnd.oci.image.layer.v1.tar";

/// Three megabytes that neither repeat nor are noise: several members of gzip, and more than one job of zstd.
fn large_layer() -> Vec<u8> {
    let words = (0..300_000_u32).map(|n| n.wrapping_mul(2_654_435_761) >> (n % 13));
    let content: Vec<u8> = words
        .flat_map(|word| format!("{word} ").into_bytes())
        .collect();
    Tar::new().file("file", content).finish()
}

fn image_of(layer: &[u8]) -> Vec<u8> {
    docker_of(&config(&[layer]), layer).archive()
}

/// That of the only manifest.
fn digest(layout: &Path) -> Value {
    document(layout, "index.json")["manifests"][0]["digest"].clone()
}

fn layer_of(layout: &Path) -> (Value, Vec<u8>) {
    let descriptor = manifest(layout)["layers"][0].clone();
    let content = blob(layout, &descriptor);
    (descriptor, content)
}

/// Registries hold these digests: a new version of a library that packs otherwise is another image for everybody.
#[test]
fn digests_of_packed_layers_stay_what_they_are() {
    let layer = large_layer();
    assert_eq!(
        Sha256::of(&layer).to_string(),
        "sha256:8aeb48aa202fd57839fc95803eba52d45c0666bc01697205a9c6266033c3db35",
        "the test itself has changed"
    );
    for (compressor, media_type, digest) in [
        (
            "gz",
            GZIP,
            "sha256:2f098e2bb850cce4ddea780b5b66bb6d14fa4e1a65ded4f53ddccf5473c931b9",
        ),
        (
            "zstd",
            ZSTD,
            "sha256:bfdd4f0cb8af94ff6cf7afb9e890ba0de9bb206dfff509b945d606f23c6618d6",
        ),
        (
            "none",
            PLAIN,
            "sha256:8aeb48aa202fd57839fc95803eba52d45c0666bc01697205a9c6266033c3db35",
        ),
    ] {
        for threads in ["1", "2", "8"] {
            let sandbox = Sandbox::new();
            let image = sandbox.file("image.tar", image_of(&layer));
            let out = sandbox.store_path("layout");
            let mut command = super::convert(&sandbox, &image, &out, &["--compressor", compressor]);
            let output = command.env("NIX_BUILD_CORES", threads).output().unwrap();
            assert!(output.status.success(), "{}", sandbox.stderr(&output));
            let (descriptor, _) = layer_of(&out);
            assert_eq!(descriptor["mediaType"], media_type);
            assert_eq!(
                descriptor["digest"], digest,
                "{compressor} with {threads} threads"
            );
        }
    }
}

/// A layer is the same blob whether one thread packs it or all do, and however the archive is packed.
#[test]
fn the_source_does_not_show() {
    let layer = large_layer();
    let archive = image_of(&layer);
    let mut layouts = Vec::new();
    for (name, content) in [
        ("plain", archive.clone()),
        ("gzip", tars::gzip(&archive)),
        ("zstd", tars::zstd(&archive)),
    ] {
        let sandbox = Sandbox::new();
        let image = sandbox.file(name, content);
        let layout = built(&sandbox, "oci-layout", &attrs(&sandbox, &image), "layout");
        check_right(&sandbox, &layout);
        layouts.push(files(&layout));
    }
    assert!(layouts.iter().all(|layout| *layout == layouts[0]));
}

#[test]
fn what_is_packed_is_the_layer() {
    let layer = large_layer();
    let sandbox = Sandbox::new();
    let image = sandbox.file("image.tar", image_of(&layer));
    let layout = converted(&sandbox, &image, "gz", &["--compressor", "gz"]);
    let mut content = Vec::new();
    let packed = layer_of(&layout).1;
    let mut decoder = flate2::read::MultiGzDecoder::new(&*packed);
    decoder.read_to_end(&mut content).unwrap();
    assert!(content == layer);
    let layout = converted(&sandbox, &image, "zstd", &["--compressor", "zstd"]);
    assert!(zstd::decode_all(&*layer_of(&layout).1).unwrap() == layer);
}

/// A base of a docker archive has layers that registries know by the digests that they have.
#[test]
fn packed_layers_of_archives_keep_their_bytes() {
    let layer = tars::layer();
    for (packed, media_type) in [(tars::gzip(&layer), GZIP), (tars::zstd(&layer), ZSTD)] {
        let sandbox = Sandbox::new();
        let image = docker_of(&config(&[&layer]), &packed).archive();
        let image = sandbox.file("image.tar", image);
        for compressor in ["gz", "zstd", "none"] {
            let layout = converted(&sandbox, &image, compressor, &["--compressor", compressor]);
            let (descriptor, content) = layer_of(&layout);
            assert_eq!(descriptor["mediaType"], media_type);
            assert!(content == packed);
        }
    }
}

/// No engine reads xz or bzip2 in a layer everywhere, and no media type says so.
#[test]
fn layers_that_no_media_type_is_for_are_packed_again() {
    let layer = tars::layer();
    for packed in [tars::xz(&layer), tars::bzip2(&layer)] {
        let sandbox = Sandbox::new();
        let image = docker_of(&config(&[&layer]), &packed).archive();
        let image = sandbox.file("image.tar", image);
        let layout = converted(&sandbox, &image, "layout", &[]);
        assert_eq!(layer_of(&layout).0["mediaType"], GZIP);
        check_right(&sandbox, &layout);
    }
}

/// Of a layout nobody knows which layers were those of a base: all are packed as asked, and stay if nobody asks.
#[test]
fn a_layout_is_packed_again_if_somebody_asks() {
    let layer = tars::layer();
    let mut layout = Layout::new();
    let image = image(&mut layout, ZSTD, &tars::zstd(&layer));
    let sandbox = Sandbox::new();
    let image = layout.index(&[image]).directory(&sandbox);
    let kept = converted(&sandbox, &image, "kept", &[]);
    assert_eq!(digest(&kept), digest(&image), "it stays what it is");
    for (compressor, media_type) in [("gz", GZIP), ("zstd", ZSTD), ("none", PLAIN)] {
        let layout = converted(&sandbox, &image, compressor, &["--compressor", compressor]);
        assert_eq!(layer_of(&layout).0["mediaType"], media_type);
        check_right(&sandbox, &layout);
        if compressor != "none" {
            let again = converted(&sandbox, &layout, &format!("{compressor}-again"), &[]);
            assert!(files(&again) == files(&layout));
        }
    }
}

#[test]
fn layers_that_are_there_twice_are_one_blob() {
    let layer = tars::layer();
    let mut layout = Layout::new();
    let twice = (layouts::LAYER, layer.as_slice());
    let image = layout.image(&[twice, twice], &[&layer, &layer]);
    let sandbox = Sandbox::new();
    let image = layout.index(&[image]).directory(&sandbox);
    let layout = converted(&sandbox, &image, "out", &["--compressor", "gz"]);
    let layers = manifest(&layout)["layers"].clone();
    assert_eq!(layers[0], layers[1]);
    assert_eq!(
        fs::read_dir(layout.join("blobs/sha256")).unwrap().count(),
        3
    );
    assert_eq!(layers.as_array().map(Vec::len), Some(2));
    assert_ne!(layers[0]["digest"], json!(Sha256::of(&layer).to_string()));
}
