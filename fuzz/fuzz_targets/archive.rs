//! Any bytes as an image archive. What an image is does not depend on how its archive is packed, and
//! everything that is found lies within the archive.

#![no_main]

use std::path::Path;

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use nix_image_builder::bytes::digest::Sha256;
use nix_image_builder::console::progress::Progress;
use nix_image_builder::foreign::archive::ArchiveMember;
use nix_image_builder::foreign::archive::index;
use nix_image_builder::foreign::base::{self, BaseImage};
use nix_image_builder::foreign::images::selector::Selector;
use nix_image_builder::request::limits::Limits;
use nix_image_builder_fuzz::{file_of, mutate_tar};

fn read(path: &Path) -> Option<BaseImage> {
    let base = base::read(
        path,
        Selector::default(),
        (),
        &Limits::default(),
        Progress::Plain,
    );
    assert!(base.is_err() || index::index(path, &Limits::default(), &mut |_, _| Ok(())).is_ok());
    base.ok()
}

/// What must be the same in an image, however it is packed.
fn facts(base: &BaseImage) -> (&str, &[String], Vec<(&str, String)>) {
    let layers = base.layers.iter();
    let layers = layers.map(|layer| (layer.name.as_str(), layer.diff_id.to_string()));
    (&base.config_name, &base.env, layers.collect())
}

fn check_plain(base: &BaseImage, bytes: &[u8]) {
    for member in base.archive.members.values() {
        if let ArchiveMember::File(file) = member {
            assert!(file.range.offset + file.range.size <= bytes.len() as u64);
        }
    }
    for layer in &base.layers {
        let file = base.archive.file(&layer.name, "").expect("it was read");
        let content = &bytes[file.range.offset as usize..][..file.range.size as usize];
        let is_packed = [&b"\x1f\x8b"[..], b"\x28\xb5\x2f\xfd", b"\xfd7zXZ\0"]
            .iter()
            .any(|magic| content.starts_with(magic));
        let diff_id = format!("sha256:{}", Sha256::of(content).hex());
        assert!(is_packed || layer.diff_id.to_string() == diff_id);
    }
}

/// A gzip member with the bytes as they are, and a checksum.
fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut packed = b"\x1f\x8b\x08\0\0\0\0\0\0\xff".to_vec();
    let mut pieces = bytes.chunks(0xffff).peekable();
    if pieces.peek().is_none() {
        packed.extend(b"\x01\0\0\xff\xff");
    }
    while let Some(piece) = pieces.next() {
        let length = piece.len() as u16;
        packed.push(u8::from(pieces.peek().is_none()));
        packed.extend(length.to_le_bytes());
        packed.extend((!length).to_le_bytes());
        packed.extend(piece);
    }
    let crc = bytes.iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    });
    packed.extend((!crc).to_le_bytes());
    packed.extend((bytes.len() as u32).to_le_bytes());
    packed
}

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutate_tar(data, size, max_size, seed)
});

fuzz_target!(|bytes: &[u8]| {
    let plain = file_of(bytes);
    let Some(base) = read(plain.path()) else {
        return;
    };
    if base.archive.is_compressed {
        return;
    }
    check_plain(&base, bytes);
    let gzip = file_of(&packed(bytes));
    let again = read(gzip.path()).expect("it is packed, and else the same");
    assert_eq!(facts(&base), facts(&again));
});
