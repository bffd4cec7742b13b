//! Whatever bytes a base image consists of, `builder` ends, soon, and with an error or an image:
//! never by a panic or a signal, and with no half of an output.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::FileExt;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::process::Output;
use std::time::{Duration, Instant};

use nix_image_builder::bytes::digest::Sha256;
use nix_image_builder::console::progress::Progress;
use nix_image_builder::foreign::archive::index;
use nix_image_builder::foreign::base;
use nix_image_builder::foreign::images::selector::Selector;
use nix_image_builder::request::limits::Limits;
use nix_image_builder::tar::read::Reader;
use nix_image_builder::tar::tarsum;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::json;
use tempfile::NamedTempFile;

use super::tars::{self, Tar};
use super::{FAILED, image_attrs};
use crate::sandbox::Sandbox;

/// What no input may take, even where other work slows this one down.
const SOON: Duration = Duration::from_secs(5);

/// Reads the file `path` as a base image and as an image to merge, and says what it holds, if that
/// went well.
#[track_caller]
fn read(path: &Path, what: &str) -> Option<String> {
    let choice = Selector::default();
    let limits = Limits::default();
    let start = Instant::now();
    let read = panic::catch_unwind(AssertUnwindSafe(|| {
        let indexed = index::index(path, &limits, &mut |_, content| {
            let _ = io::copy(content, &mut io::sink());
            Ok(())
        });
        let base = base::read(path, choice, (), &limits, Progress::Plain);
        // A base image is an archive and more.
        assert!(indexed.is_ok() || base.is_err());
        base.ok().map(|base| {
            let layers = base.layers.iter().map(|layer| layer.diff_id.to_string());
            layers.chain(base.env).collect::<Vec<_>>().join(" ")
        })
    }));
    assert!(start.elapsed() < SOON, "{what}: {:?}", start.elapsed());
    read.unwrap_or_else(|_| panic!("{what}: panicked"))
}

/// Reads what remains of `bytes` when it ends early, and says how often that is read as a whole.
#[track_caller]
fn count_truncated(bytes: &[u8], longest: usize) -> usize {
    let file = file_of(bytes);
    (0..=longest)
        .rev()
        .filter(|length| {
            file.as_file().set_len(*length as u64).unwrap();
            read(file.path(), &format!("{length} bytes")).is_some()
        })
        .count()
}

fn file_of(bytes: &[u8]) -> NamedTempFile {
    let file = NamedTempFile::new().unwrap();
    file.as_file().write_all_at(bytes, 0).unwrap();
    file
}

/// An archive whose members are all needed, and that ends with the last of them.
fn image_without_end() -> Vec<u8> {
    let manifest = tars::manifest().to_string();
    tars::members().file("manifest.json", manifest).unfinished()
}

#[test]
fn no_part_of_an_archive_is_taken_for_a_whole() {
    let archive = image_without_end();
    // What pads the last member may lack.
    let needed = archive.len() - 512 + tars::manifest().to_string().len();
    assert_eq!(count_truncated(&archive, needed - 1), 0);
}

#[test]
fn no_part_of_a_gzip_archive_is_taken_for_a_whole() {
    let packed = tars::gzip(&tars::image());
    assert_eq!(count_truncated(&packed, packed.len() - 1), 0);
}

#[test]
fn no_part_of_a_zstd_archive_is_taken_for_a_whole() {
    let packed = tars::zstd(&tars::image());
    assert_eq!(count_truncated(&packed, packed.len() - 1), 0);
}

#[test]
fn no_part_of_an_xz_archive_is_taken_for_a_whole() {
    let packed = tars::xz(&tars::image());
    assert_eq!(count_truncated(&packed, packed.len() - 1), 0);
}

/// Reads `bytes` with one changed, each in several ways, and says what those hold that are read.
#[track_caller]
fn read_changed(bytes: &[u8]) -> BTreeSet<String> {
    let changes: [fn(u8) -> u8; 4] = [|_| 0, |_| 0xff, |byte| byte ^ 1, |byte| byte ^ 0x80];
    let file = file_of(bytes);
    let put = |byte, at| file.as_file().write_all_at(&[byte], at as u64).unwrap();
    let mut found = BTreeSet::new();
    for (at, byte) in bytes.iter().enumerate() {
        for change in changes {
            let changed = change(*byte);
            put(changed, at);
            found.extend(read(file.path(), &format!("byte {at} as {changed}")));
        }
        put(*byte, at);
    }
    found
}

#[test]
fn changed_bytes_of_an_archive_do_no_harm() {
    let archive = image_without_end();
    // Padding, and what a layer or the config says, may be anything.
    let found = read_changed(&archive);
    assert!(found.len() > 1, "{found:?}");
}

/// Reads `packed`, whose checksum has to hold what it was made of.
#[track_caller]
fn check_noticed(packed: &[u8]) {
    let found = read_changed(packed);
    assert_eq!(found.len(), 1, "{found:?}");
}

#[test]
fn changed_bytes_of_a_gzip_archive_are_noticed() {
    check_noticed(&tars::gzip(&tars::image()));
}

#[test]
fn changed_bytes_of_a_zstd_archive_are_noticed() {
    check_noticed(&tars::zstd(&tars::image()));
}

#[test]
fn changed_bytes_of_an_xz_archive_are_noticed() {
    check_noticed(&tars::xz(&tars::image()));
}

/// Many bytes change at once, and pieces change places.
#[derive(Debug, Clone)]
enum Damage {
    Set(prop::sample::Index, u8),
    Copy(prop::sample::Index, prop::sample::Index, usize),
    Cut(prop::sample::Index, usize),
    /// Makes the checksum of the header that a byte is in right again.
    Seal(prop::sample::Index),
}

fn any_damage() -> impl Strategy<Value = Damage> {
    let index = any::<prop::sample::Index>;
    prop_oneof![
        (index(), any::<u8>()).prop_map(|(at, byte)| Damage::Set(at, byte)),
        (index(), index(), 1..1024_usize)
            .prop_map(|(from, to, count)| Damage::Copy(from, to, count)),
        (index(), 1..1024_usize).prop_map(|(at, count)| Damage::Cut(at, count)),
        index().prop_map(Damage::Seal),
    ]
}

fn apply(damage: &Damage, bytes: &mut Vec<u8>) {
    if bytes.is_empty() {
        return;
    }
    match damage {
        Damage::Set(at, byte) => {
            let at = at.index(bytes.len());
            bytes[at] = *byte;
        }
        Damage::Copy(from, to, count) => {
            let (from, to) = (from.index(bytes.len()), to.index(bytes.len()));
            let piece = bytes[from..(from + count).min(bytes.len())].to_vec();
            bytes.splice(to..to, piece);
        }
        Damage::Cut(at, count) => {
            let at = at.index(bytes.len());
            let end = (at + count).min(bytes.len());
            bytes.drain(at..end);
        }
        Damage::Seal(at) => {
            let at = at.index(bytes.len()) / 512 * 512;
            if let Some(block) = bytes.get_mut(at..at + 512) {
                let sealed = tars::patched(tar::Header::from_byte_slice(block).clone(), 0, b"");
                block.copy_from_slice(sealed.as_bytes());
            }
        }
    }
}

/// An archive with a member of every kind, and every extension.
fn varied() -> Vec<u8> {
    Tar::new()
        .extension(b'g', &tars::pax_records(&[("comment", "x")]))
        .directory("./")
        .pax(&[("path", "config.json"), ("SCHILY.xattr.user.x", "a\nb")])
        .file("x", "{}")
        .extension(b'L', b"a/layer.tar\0")
        .file("y", tars::layer())
        .hard_link("b/layer.tar", "a/layer.tar")
        .extension(b'K', b"../a/layer.tar\0")
        .symlink("c/layer.tar", "z")
        .file("manifest.json", tars::manifest().to_string())
        .finish()
}

proptest! {
    #[test]
    fn no_damage_makes_the_reader_panic(damage in vec(any_damage(), 1..8)) {
        let mut bytes = varied();
        for damage in &damage {
            apply(damage, &mut bytes);
        }
        read(file_of(&bytes).path(), "damaged");

        let mut reader = Reader::new(bytes.as_slice());
        let mut end = 0;
        while let Ok(Some(member)) = reader.next_member() {
            prop_assert!(member.content_at > end, "members overlap");
            end = member.content_at;
            let read = io::copy(&mut reader.content(&member), &mut io::sink());
            prop_assert!(read.is_err() || read.is_ok_and(|read| read == member.size));
        }
        let _ = tarsum::of_reader(bytes.as_slice());
    }

    #[test]
    fn no_bytes_at_all_make_the_reader_panic(bytes in vec(any::<u8>(), 0..2048)) {
        read(file_of(&bytes).path(), "noise");
        for magic in [&b"\x1f\x8b\x08\0\0\0\0\0\0\x03"[..], b"\x28\xb5\x2f\xfd", b"\xfd7zXZ\0"] {
            read(file_of(&[magic, &bytes].concat()).path(), "packed noise");
        }
    }
}

/// Builds on `base`, and holds what every run of `builder` has to hold.
#[track_caller]
fn build(sandbox: &Sandbox, base: &[u8], attrs: &mut serde_json::Value) -> Output {
    attrs["image"]["fromImage"] = json!(sandbox.file("base.tar", base));
    sandbox.write_attrs(attrs);
    let start = Instant::now();
    let output = sandbox.builder(&["image"]).output().unwrap();
    let elapsed = start.elapsed();
    let stderr = sandbox.stderr(&output);
    assert!(elapsed < SOON, "{elapsed:?}");
    match output.status.code() {
        Some(0) => fs::remove_file(sandbox.out()).unwrap(),
        Some(FAILED) => assert!(!sandbox.out().exists(), "{stderr}"),
        _ => panic!("{}: {stderr}", output.status),
    }
    output
}

#[test]
fn a_damaged_base_leaves_an_image_or_nothing() {
    let sandbox = Sandbox::new();
    let mut attrs = image_attrs(&sandbox);
    let plain = image_without_end();
    let packed = tars::gzip(&plain);
    for (archive, step) in [(&plain, 61), (&packed, 9)] {
        for at in (0..archive.len()).step_by(step) {
            let mut changed = archive.clone();
            changed[at] ^= 0x10;
            build(&sandbox, &changed, &mut attrs);
            build(&sandbox, &archive[..at], &mut attrs);
        }
    }
}

/// Old `docker save` makes symlinks of repeated layers. Each way back in a packed archive means to
/// uncompress it from its beginning.
#[test]
fn a_packed_base_is_not_read_once_for_each_of_its_layers() {
    let sandbox = Sandbox::new();
    let mut attrs = image_attrs(&sandbox);
    let names: Vec<String> = (0..200).map(|number| format!("{number}/layer")).collect();
    let large = Tar::new().file("./large", vec![0; 1_000_000]).finish();
    let diff_ids = vec![Sha256::of(&large).to_string(); names.len()];
    let config = json!({ "rootfs": { "diff_ids": diff_ids } });
    let mut archive = Tar::new()
        .file("config.json", config.to_string())
        .file("first", &large)
        .file("last", &large);
    for (number, name) in names.iter().enumerate() {
        let target = ["../first", "../last"][number % 2];
        archive = archive.symlink(name, target);
    }
    let manifest = json!([{ "Config": "config.json", "Layers": names }]);
    let archive = archive.file("manifest.json", manifest.to_string());
    let output = build(&sandbox, &tars::gzip(&archive.finish()), &mut attrs);
    assert!(output.status.success(), "{}", sandbox.stderr(&output));
}
