//! Layers and archives as gzip and zstd pack them, well and badly.

use std::io::Write;

use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};

use crate::measured::{build, config_of, image_is_refused, image_of};
use crate::tars::Tar;
use serde_json::json;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn layer() -> Vec<u8> {
    Tar::new().file("file", "content").finish()
}

/// An image whose one layer is stored as `packed`.
fn image(packed: &[u8]) -> Vec<u8> {
    let manifest = json!([{ "Config": "config.json", "Layers": ["layer.tar"] }]);
    Tar::new()
        .file("config.json", config_of(&[&layer()]).to_string())
        .file("layer.tar", packed)
        .file("manifest.json", manifest.to_string())
        .finish()
}

#[track_caller]
fn is_read(packed: &[u8]) {
    let image = image(packed);
    build("image", &image).1.succeeded();
    build("export", &image).1.succeeded();
}

#[test]
fn gzip_of_several_members_is_one_layer() {
    let layer = layer();
    let (first, second) = layer.split_at(700);
    is_read(&[gzip(first), gzip(second)].concat());
}

#[test]
fn gzip_with_a_name_and_extra_fields_is_read() {
    let mut encoder = GzBuilder::new()
        .filename("layer.tar")
        .comment("c")
        .extra(b"xx\x02\0ab".to_vec())
        .write(Vec::new(), Compression::default());
    encoder.write_all(&layer()).unwrap();
    is_read(&encoder.finish().unwrap());
}

/// Real generators write NULs behind gzip (umoci 0.4.7); gzip itself passes over them.
#[test]
fn nuls_behind_gzip_are_passed_over_or_refused_by_name() {
    let image = image(&[gzip(&layer()), vec![0; 512]].concat());
    let (_, ran) = build("image", &image);
    assert!(
        ran.succeeded || ran.stderr.contains("cannot be read"),
        "{}",
        ran.stderr
    );
}

#[test]
fn gzip_that_is_cut_short_or_wrong_is_refused() {
    let good = gzip(&layer());
    for length in [5, 20, good.len() - 8, good.len() - 1] {
        image_is_refused(&image(&good[..length]), "layer `layer.tar`");
    }
    let mut wrong = good.clone();
    let crc = wrong.len() - 8;
    wrong[crc] ^= 1;
    image_is_refused(&image(&wrong), "checksum");
}

#[test]
fn junk_behind_gzip_is_refused() {
    let packed = [gzip(&layer()), b"junk that is no gzip".to_vec()].concat();
    image_is_refused(&image(&packed), "layer `layer.tar`");
}

#[test]
fn zstd_of_several_frames_with_skippable_ones_between_is_one_layer() {
    let layer = layer();
    let (first, second) = layer.split_at(700);
    let frame = |bytes: &[u8]| zstd::encode_all(bytes, 3).unwrap();
    let skippable = [&b"\x50\x2a\x4d\x18"[..], &4_u32.to_le_bytes(), b"skip"].concat();
    is_read(&[frame(first), skippable, frame(second)].concat());
}

#[test]
fn zstd_without_the_size_of_its_content_is_read() {
    let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
    encoder.include_contentsize(false).unwrap();
    encoder.write_all(&layer()).unwrap();
    is_read(&encoder.finish().unwrap());
}

#[test]
fn zstd_with_a_huge_window_is_refused() {
    let frame = [0x28, 0xb5, 0x2f, 0xfd, 0, 21 << 3, 1, 0, 0];
    image_is_refused(&image(&frame), "in memory");
    image_is_refused(&frame, "in memory");
}

#[test]
fn a_packed_archive_of_packed_layers_is_read() {
    let outer = gzip(&image(&gzip(&layer())));
    build("image", &outer).1.succeeded();
    build("export", &outer).1.succeeded();
    let outer = zstd::encode_all(&*image_of(&[&layer()]), 3).unwrap();
    build("image", &outer).1.succeeded();
}
