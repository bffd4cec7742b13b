//! Input that is small until it is read: bombs, and millions of things. All of it stays within 64 MiB.

mod documents;

use std::io::Write;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::measured::{build, build_within, config_of, image_of};
use crate::tars::{Header, Tar};

/// What a debug build on a busy machine may take for a million of things.
const LONG: Duration = Duration::from_secs(100);

/// A gzip stream of `head` and then `zeros` NULs, a thousand times smaller than these: one member of
/// 16 MiB again and again.
fn bomb(head: &[u8], zeros: u64) -> Vec<u8> {
    let gzip = |bytes: &[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let piece = vec![0; 16 << 20];
    let count = (zeros / piece.len() as u64) as usize;
    let rest = zeros as usize % piece.len();
    let mut packed = gzip(head);
    packed.extend(gzip(&piece).repeat(count));
    packed.extend(gzip(&piece[..rest]));
    packed
}

/// 96 MiB: half as much again as the memory that any run may take.
const MUCH: u64 = 96 << 20;

#[test]
fn a_layer_that_unpacks_to_more_than_memory_takes_no_memory() {
    let mut header = Header::new(b"zeros", b'0', 0);
    header.size = format!("{MUCH:011o}\0").into_bytes();
    let packed = bomb(&header.block(), MUCH + 1024);
    let manifest = json!([{ "Config": "c.json", "Layers": ["layer.tar"] }]);
    let image = Tar::new()
        .file("c.json", config_of(&[b""]).to_string())
        .file("layer.tar", packed)
        .file("manifest.json", manifest.to_string())
        .finish();
    // It is read to its end to learn its DiffID, which nobody could know before.
    build_within("image", &image, LONG).1.refused("DiffID");
}

#[test]
fn an_archive_that_unpacks_to_zeros_takes_no_memory() {
    let packed = bomb(&Tar::new().file("x", "").finish(), MUCH);
    build_within("image", &packed, LONG)
        .1
        .refused("manifest.json");
}

#[test]
fn a_document_that_unpacks_to_more_than_memory_is_refused() {
    let mut header = Header::new(b"manifest.json", b'0', 0);
    header.size = format!("{MUCH:011o}\0").into_bytes();
    let packed = bomb(&header.block(), MUCH + 1024);
    build_within("image", &packed, LONG).1.refused("8388608");
    build_within("merge", &packed, LONG).1.refused("8388608");
}

#[test]
fn a_million_entries_in_a_layer_take_no_memory() {
    let mut some = Vec::new();
    for number in 0..1000 {
        some.extend(Header::new(format!("{number}").as_bytes(), b'0', 0).block());
    }
    let mut layer = some.repeat(1000);
    layer.extend([0; 1024]);
    build_within("image", &image_of(&[&layer]), LONG)
        .1
        .succeeded();
}

/// How much of what it has unpacked whoever unpacks zstd has in memory, in bytes, unless the tool that packed was told to
/// take more.
const WINDOW: usize = 8 << 20;

/// What packs so that as much is needed.
fn wide_zstd() -> zstd::Encoder<'static, Vec<u8>> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(WINDOW.ilog2()).unwrap();
    encoder
}

/// An image of a million entries with names of twenty bytes, each in what `directory` says for its number. Its
/// layer is packed, or it would have half a gigabyte; and so is the image.
fn million(typeflag: u8, directory: impl Fn(usize) -> String) -> Vec<u8> {
    let mut layer = wide_zstd();
    let mut sum = Sha256::new();
    let mut write = |bytes: &[u8]| {
        sum.update(bytes);
        layer.write_all(bytes).unwrap();
    };
    // The rest alone becomes more than 200 times as large.
    let odd: Vec<u8> = (0..100_000_u32)
        .flat_map(|number| Sha256::digest(number.to_le_bytes()))
        .collect();
    let odd = Tar::new().file("odd", &odd).finish();
    write(&odd[..odd.len() - 1024]);
    for thousand in 0..1000 {
        let mut piece = Vec::new();
        for number in thousand * 1000..(thousand + 1) * 1000 {
            let name = format!("{}name-{number:015}", directory(number));
            piece.extend(Header::new(name.as_bytes(), typeflag, 0).block());
        }
        write(&piece);
    }
    write(&[0; 1024]);
    let diff_id: String = sum
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let config = json!({ "rootfs": { "diff_ids": [format!("sha256:{diff_id}")] } });
    let manifest = json!([{ "Config": "c.json", "Layers": ["layer.tar"] }]);
    let image = Tar::new()
        .file("c.json", config.to_string())
        .file("layer.tar", layer.finish().unwrap())
        .file("manifest.json", manifest.to_string())
        // So that unpacking the image goes on behind the layer, and has all it may in memory.
        .file("zeros", vec![0; WINDOW * 2])
        .finish();
    let mut packed = wide_zstd();
    packed.write_all(&image).unwrap();
    packed.finish().unwrap()
}

#[test]
fn a_million_entries_in_one_directory_are_exported_in_little_memory() {
    let image = million(b'0', |_| "usr/lib/".to_owned());
    build_within("image", &image, LONG).1.succeeded();
    build_within("export", &image, LONG).1.succeeded();
}

#[test]
fn a_million_entries_in_many_directories_are_exported_in_little_memory() {
    let image = million(b'5', |number| format!("directory-{:05}/", number % 1000));
    build_within("export", &image, LONG).1.succeeded();
}

/// An image of names that lead through forty symlinks and through `a` again and again, `times` in all.
fn winding(times: usize) -> Vec<u8> {
    let winding = "a/../".repeat(times) + "a";
    let mut layer = Tar::new()
        .directory("a/")
        .file("a/f", "")
        .extension(b'K', winding.as_bytes())
        .link(b'2', "0", "");
    for number in 1..40 {
        layer = layer.link(b'2', &number.to_string(), &(number - 1).to_string());
    }
    for number in 0..1900 {
        layer = layer.link(b'1', &format!("39/{number}"), "39/f");
    }
    image_of(&[&layer.finish()])
}

#[test]
fn thousands_of_names_that_symlinks_lead_astray_end_soon() {
    // Each asks for as many steps as one may, for its name and for its target.
    build("export", &winding(108)).1.succeeded();
    build("export", &winding(800))
        .1
        .refused("more than 256 parts");
}

#[test]
fn more_members_than_fifty_thousand_are_refused() {
    let mut archive = Vec::new();
    for number in 0..60_000 {
        archive.extend(Header::new(format!("{number}").as_bytes(), b'0', 0).block());
    }
    build_within("image", &archive, LONG)
        .1
        .refused("more than 50000 members");
    build_within("merge", &archive, LONG)
        .1
        .refused("more than 50000 members");
}

/// The image with nothing but `others` beside it, packed.
fn crowded(others: Tar) -> Vec<u8> {
    let config = config_of(&[]).to_string();
    let archive = others
        .file("c.json", config)
        .file("manifest.json", r#"[{"Config":"c.json","Layers":[]}]"#);
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(&archive.finish()).unwrap();
    packed.finish().unwrap()
}

#[test]
fn as_many_members_as_may_be_take_no_memory() {
    let mut members = Tar::new();
    for number in 0..49_990 {
        members = members.file(&number.to_string(), "{}");
    }
    let image = crowded(members);
    build_within("image", &image, LONG).1.succeeded();
    build_within("merge", &image, LONG).1.succeeded();
}

/// As many directories would have to be made.
#[test]
fn members_in_deep_directories_count_as_these() {
    let mut members = Tar::new();
    for number in 0..4_000 {
        members = members.file(&format!("{number}{}", "/a".repeat(15)), "");
    }
    let image = crowded(members);
    for section in ["image", "merge"] {
        let (_, ran) = build_within(section, &image, LONG);
        ran.refused("more than 50000 members and directories");
    }
}

/// Of equal names only the last counts, but who looks at an image wants to know of the others.
#[test]
fn members_that_are_there_again_and_again_are_refused() {
    let mut members = Tar::new();
    for _ in 0..60_000 {
        members = members.file("x", "");
    }
    let (_, ran) = build_within("image", &crowded(members), LONG);
    ran.refused("more than 50000 members");
}

#[test]
fn members_with_names_of_four_kilobytes_are_refused() {
    let mut members = Tar::new();
    for number in 0..3_000 {
        let name = format!("{number:04}{}", "x".repeat(4000));
        members = members.extension(b'L', name.as_bytes()).file("x", "");
    }
    let (_, ran) = build_within("image", &crowded(members), LONG);
    ran.refused("names of the members");
}

/// What is wrong with them is told in words, which are longer than the names.
#[test]
fn layers_of_bad_names_without_number_take_no_memory() {
    let name = [&b"../"[..], &[0xff; 4000]].concat();
    let mut layer = Tar::new();
    for _ in 0..100 {
        layer = layer.extension(b'L', &name).file("x", "");
    }
    let layer = layer.finish();
    let layers: Vec<Vec<u8>> = (1..100)
        .map(|number| [layer.as_slice(), &vec![0; 512 * number]].concat())
        .collect();
    let layers: Vec<&[u8]> = layers.iter().map(Vec::as_slice).collect();
    build_within("image", &image_of(&layers), LONG)
        .1
        .succeeded();
}

#[test]
fn store_paths_without_number_take_no_memory() {
    let mut layer = Tar::new();
    for number in 0..200_000 {
        layer = layer.file(&format!("nix/store/{number:032}-name"), "");
    }
    let image = image_of(&[&layer.finish()]);
    build_within("image", &image, LONG).1.succeeded();
}

/// Names are kept, so they count: 1000 of them would fill the memory otherwise.
#[test]
fn names_of_a_megabyte_are_refused() {
    let name = "a/".repeat(500_000);
    let archive = Tar::new().extension(b'L', name.as_bytes()).directory("x");
    let (_, ran) = build_within("image", &archive.finish(), LONG);
    ran.refused("1000000 bytes; Linux has none above 4096");
}

#[test]
fn a_million_components_of_one_name_are_refused() {
    let name = "a/".repeat(1_000_000);
    let layer = Tar::new()
        .extension(b'L', name.as_bytes())
        .directory("x")
        .finish();
    let (_, ran) = build_within("export", &image_of(&[&layer]), LONG);
    ran.refused("1048576 are allowed");
}

#[test]
fn a_hundred_thousand_entries_of_history_do_no_harm() {
    let mut config = config_of(&[]);
    config["history"] = vec![json!({ "created_by": "x", "empty_layer": true }); 100_000].into();
    let manifest = json!([{ "Config": "c.json", "Layers": [] }]);
    let image = Tar::new()
        .file("c.json", config.to_string())
        .file("manifest.json", manifest.to_string())
        .finish();
    build_within("image", &image, LONG).1.succeeded();
}
