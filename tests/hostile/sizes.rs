//! Input that is small until it is read: bombs, and millions of things. All of it stays within 64 MiB.

use std::io::Write;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::measured::{build, build_within, config_of, image_is_refused, image_of};
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
    build_within("image", &packed, LONG).1.refused("16777216");
    build_within("merge", &packed, LONG).1.refused("16777216");
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

/// An image of a million entries with names of twenty bytes, each in what `directory` says for its number. Its
/// layer is packed, or it would have half a gigabyte.
fn million(typeflag: u8, directory: impl Fn(usize) -> String) -> Vec<u8> {
    let mut layer = GzEncoder::new(Vec::new(), Compression::fast());
    let mut sum = Sha256::new();
    let mut write = |bytes: &[u8]| {
        sum.update(bytes);
        layer.write_all(bytes).unwrap();
    };
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
    Tar::new()
        .file("c.json", config.to_string())
        .file("layer.tar", layer.finish().unwrap())
        .file("manifest.json", manifest.to_string())
        .finish()
}

#[test]
fn a_million_entries_in_one_directory_are_exported_in_little_memory() {
    let image = million(b'0', |_| "usr/lib/".to_owned());
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
fn more_members_than_a_hundred_thousand_are_refused() {
    let mut archive = Vec::new();
    for number in 0..110_000 {
        archive.extend(Header::new(format!("{number}").as_bytes(), b'0', 0).block());
    }
    build_within("image", &archive, LONG)
        .1
        .refused("more than 100000 members");
    build_within("merge", &archive, LONG)
        .1
        .refused("more than 100000 members");
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

/// An image whose manifest and config are these texts.
fn image_with(manifest: &str, config: &str) -> Vec<u8> {
    Tar::new()
        .file("c.json", config)
        .file("manifest.json", manifest)
        .finish()
}

/// Two bytes of text make a value of many.
#[test]
fn documents_of_millions_of_values_are_refused() {
    let many = |value: &str| vec![value; 2_000_000].join(",");
    let config = config_of(&[]).to_string();
    for (member, text) in [
        ("Layers", many("\"\"")),
        ("RepoTags", many("\"\"")),
        ("x", many("0")),
        ("x", many("{}")),
    ] {
        let manifest = format!("[{{\"Config\":\"c.json\",\"{member}\":[{text}]}}]");
        let (_, ran) = build_within("image", &image_with(&manifest, &config), LONG);
        ran.refused("`manifest.json` in image archive");
        ran.refused("more than 310000 values");
    }
    let manifest = r#"[{"Config":"c.json","Layers":[]}]"#;
    let config = config.replacen('{', &format!("{{\"x\":[{}],", many("0")), 1);
    build_within("image", &image_with(manifest, &config), LONG)
        .1
        .refused("`c.json` in image archive");
}

#[test]
fn as_many_values_as_may_be_take_no_memory() {
    let many =
        |text: &dyn Fn(usize) -> String| (0..300_000).map(text).collect::<Vec<_>>().join(",");
    let config = config_of(&[]).to_string();
    let names = many(&|number| format!("\"n{number}:1\""));
    let manifest = format!("[{{\"Config\":\"c.json\",\"RepoTags\":[{names}]}}]");
    let image = image_with(&manifest, &config);
    build_within("image", &image, LONG).1.succeeded();
    let layers = many(&|_| "\"c\"".to_owned());
    let manifest = format!("[{{\"Config\":\"c.json\",\"Layers\":[{layers}]}}]");
    let image = image_with(&manifest, &config);
    build_within("image", &image, LONG)
        .1
        .refused("has 300000 layers; 1024 are allowed");
}

#[test]
fn images_without_number_are_refused() {
    let images = vec![r#"{"Config":"c.json"}"#; 1001].join(",");
    let image = image_with(&format!("[{images}]"), &config_of(&[]).to_string());
    build_within("image", &image, LONG)
        .1
        .refused("lists more than 1000 images");
}

/// Each image could be shown with the same long config.
#[test]
fn one_config_of_many_images_takes_no_time() {
    let images = vec![r#"{"Config":"c.json"}"#; 1000].join(",");
    let mut config = config_of(&[]);
    config["x"] = "x".repeat(900_000).into();
    let image = image_with(&format!("[{images}]"), &config.to_string());
    build("image", &image).1.succeeded();
}

/// All lines would become as wide as the widest.
#[test]
fn one_wide_entry_of_history_takes_no_memory() {
    let mut config = config_of(&[]);
    let mut history = vec![json!({ "created": "x", "empty_layer": true }); 10_000];
    history.push(json!({ "created": "x".repeat(500_000), "empty_layer": true }));
    config["history"] = history.into();
    let manifest = r#"[{"Config":"c.json","Layers":[]}]"#;
    build("image", &image_with(manifest, &config.to_string()))
        .1
        .succeeded();
}

#[test]
fn a_manifest_of_a_hundred_megabytes_is_refused() {
    let manifest = vec![b' '; 100 << 20];
    let image = Tar::new().file("manifest.json", manifest).finish();
    build_within("image", &image, LONG).1.refused("16777216");
}

#[test]
fn json_that_is_nested_without_end_is_refused() {
    let manifest = format!("[{{\"x\":{}", "[".repeat(200_000));
    let archive = Tar::new().file("manifest.json", manifest).finish();
    image_is_refused(&archive, "recursion limit");
    build("merge", &archive).1.refused("recursion limit");
}

#[test]
fn huge_numbers_in_a_config_do_no_harm() {
    let mut config = config_of(&[]);
    config["config"] = json!({ "User": "99999999999999999999", "Env": null });
    let text = config
        .to_string()
        .replace("null", &format!("null, \"x\": 1{}", "0".repeat(1000)));
    let manifest = json!([{ "Config": "c.json", "Layers": [] }]);
    let image = Tar::new()
        .file("c.json", text)
        .file("manifest.json", manifest.to_string());
    build("image", &image.finish()).1.succeeded();
}
