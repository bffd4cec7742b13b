//! Input that is small until it is read: bombs, and millions of things. All of it stays within 64 MiB.

use std::io::Write;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::measured::{SOON, build, build_within, config_of, image_is_refused, image_of};
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

/// Each of the many would be taken for a value of a document that is written again.
#[test]
fn documents_of_many_objects_are_merged_in_little_memory() {
    let objects = |count| vec![r#"{"":0}"#; count].join(",");
    let config = config_of(&[]).to_string();
    let manifest = |count| format!(r#"[{{"Config":"c.json","x":[{}]}}]"#, objects(count));
    let (_, ran) = build_within("merge", &image_with(&manifest(100_000), &config), LONG);
    ran.refused("more than 77500 values");
    let repositories: Vec<String> = (0..37_000).map(|n| format!(r#""{n}":{{"":""}}"#)).collect();
    let image = Tar::new()
        .file("c.json", config)
        .file("manifest.json", manifest(37_000))
        .file("repositories", format!("{{{}}}", repositories.join(",")));
    let image = image.finish();
    build_within("merge", &image, LONG).1.succeeded();
    build_within("image", &image, LONG).1.succeeded();
}

/// A config is text until its parts are shown one by one.
#[test]
fn configs_of_as_much_as_may_be_are_shown_in_little_memory() {
    let manifest = r#"[{"Config":"c.json","Layers":[]}]"#;
    let objects = vec![json!({ "": 0 }); 150_000];
    let labels: serde_json::Map<_, _> = (0..300_000)
        .map(|number| (number.to_string(), json!("")))
        .collect();
    // Three times as long when a terminal can show it.
    let accents = "\u{301}".repeat(2_000_000);
    for (key, value) in [
        ("created", json!(objects)),
        ("history", json!([objects])),
        ("config", json!({ "Labels": labels })),
        ("config", json!({ "Labels": { &accents[..]: accents } })),
        ("config", json!({ "Env": [accents] })),
        ("history", json!([{ "created_by": accents }])),
    ] {
        let mut config = config_of(&[]);
        config[key] = value;
        build_within("image", &image_with(manifest, &config.to_string()), LONG)
            .1
            .succeeded();
    }
}

/// Each image below it would have the name.
#[test]
fn an_index_with_a_name_of_megabytes_is_refused() {
    let config = config_of(&[]).to_string();
    let hex = |text: &str| nix_image_builder::bytes::digest::Sha256::of(text.as_bytes()).hex();
    let blob = |kind: &str, text: &str| {
        let media_type = format!("application/vnd.oci.image.{kind}.v1+json");
        let digest = format!("sha256:{}", hex(text));
        json!({ "mediaType": media_type, "digest": digest, "size": text.len() })
    };
    let of = |key: &str, value: serde_json::Value| json!({ "schemaVersion": 2, key: value });
    let mut manifest = of("layers", json!([]));
    manifest["config"] = blob("config", &config);
    let manifest = manifest.to_string();
    let inner = of("manifests", json!(vec![blob("manifest", &manifest); 900])).to_string();
    let mut named = blob("index", &inner);
    let key = "org.opencontainers.image.ref.name";
    named["annotations"] = json!({ key: "x".repeat(7 << 20) });
    let mut layout = Tar::new()
        .file("oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#)
        .file("index.json", of("manifests", json!([named])).to_string());
    for text in [&config, &manifest, &inner] {
        let digest = hex(text);
        layout = layout.file(&format!("blobs/sha256/{digest}"), text);
    }
    build_within("image", &layout.finish(), LONG)
        .1
        .refused("a name of 7340032 bytes, where 1024 are allowed");
}

/// As many times as the image has names, the layer's name would be kept.
#[test]
fn many_names_and_a_long_name_of_a_layer_take_no_memory() {
    let layer = [0; 1024];
    let names: Vec<String> = (0..150_000).map(|number| format!("n{number}:1")).collect();
    let layers = [format!("{}layer.tar", "./".repeat(2000))];
    let manifest = json!([{ "Config": "c.json", "RepoTags": names, "Layers": layers }]);
    let image = Tar::new()
        .file("c.json", config_of(&[&layer]).to_string())
        .file("layer.tar", layer)
        .file("manifest.json", manifest.to_string());
    build_within("image", &image.finish(), LONG).1.succeeded();
}

#[test]
fn variables_without_number_are_refused() {
    let variables: Vec<String> = (0..200_000).map(|number| format!("V{number}=")).collect();
    let mut config = config_of(&[]);
    config["config"] = json!({ "Env": variables });
    let manifest = r#"[{"Config":"c.json","Layers":[]}]"#;
    build_within("image", &image_with(manifest, &config.to_string()), LONG)
        .1
        .refused("200000 variables; 10000 are allowed");
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

/// An index that lists nothing disagrees with no `manifest.json`, which is compared with it all the same.
const EMPTY_INDEX: &str = r#"{"schemaVersion":2,"manifests":[]}"#;

/// Comparing them would read and hash it for each.
#[test]
fn one_config_of_many_images_is_compared_with_an_index_once() {
    let mut config = config_of(&[]);
    config["x"] = "x".repeat(900_000).into();
    let image = |names: &[String]| {
        let images: Vec<String> = names
            .iter()
            .map(|name| format!(r#"{{"Config":"{name}"}}"#))
            .collect();
        let links = names.iter().filter(|name| *name != "c.json");
        links
            .fold(Tar::new(), |tar, name| tar.link(b'2', name, "c.json"))
            .file("c.json", config.to_string())
            .file("manifest.json", format!("[{}]", images.join(",")))
            .file("oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#)
            .file("index.json", EMPTY_INDEX)
            .finish()
    };
    let same = vec!["c.json".to_owned(); 1000];
    build("image", &image(&same)).1.succeeded();
    // Links of any number of names lead to it.
    let links: Vec<String> = (0..99).map(|number| number.to_string()).collect();
    build("image", &image(&links)).1.succeeded();
}

/// A layout whose indexes name one manifest again and again, each time as another image: `direct` times
/// the one index, and once each of `indexes` others.
fn repeated_manifest(direct: usize, indexes: usize, layers: usize, padding: usize) -> Vec<u8> {
    let layer = Tar::new().finish();
    let diff_id = format!("sha256:{}", hex(&layer));
    let config = json!({ "rootfs": { "diff_ids": vec![diff_id; layers] } }).to_string();
    let blob = |kind: &str, bytes: &[u8]| {
        json!({
            "mediaType": format!("application/vnd.oci.image.{kind}"),
            "digest": format!("sha256:{}", hex(bytes)),
            "size": bytes.len(),
        })
    };
    let manifest = json!({
        "schemaVersion": 2,
        "config": blob("config.v1+json", config.as_bytes()),
        "layers": vec![blob("layer.v1.tar", &layer); layers],
        "x": "x".repeat(padding),
    });
    let manifest = manifest.to_string();
    let named = |number: usize| {
        let mut named = blob("manifest.v1+json", manifest.as_bytes());
        let name = format!("app:{number}");
        named["annotations"] = json!({ "org.opencontainers.image.ref.name": name });
        named
    };
    let index = |manifests: Vec<serde_json::Value>| {
        json!({ "schemaVersion": 2, "manifests": manifests }).to_string()
    };
    let inner: Vec<String> = (0..indexes)
        .map(|number| index(vec![named(1000 + number)]))
        .collect();
    let mut manifests: Vec<_> = (0..direct).map(named).collect();
    manifests.extend(
        inner
            .iter()
            .map(|text| blob("index.v1+json", text.as_bytes())),
    );
    let mut layout = Tar::new()
        .file("oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#)
        .file("index.json", index(manifests));
    let others = [config.as_bytes(), manifest.as_bytes(), &layer];
    for bytes in others.into_iter().chain(inner.iter().map(String::as_bytes)) {
        layout = layout.file(&format!("blobs/sha256/{}", hex(bytes)), bytes);
    }
    layout.finish()
}

fn hex(bytes: &[u8]) -> String {
    nix_image_builder::bytes::digest::Sha256::of(bytes).hex()
}

/// It would be read and parsed for each image.
#[test]
fn one_manifest_of_many_images_takes_no_time() {
    let image = repeated_manifest(200, 100, 0, 300_000);
    build("image", &image).1.succeeded();
}

/// Each image would have its own list of them.
#[test]
fn one_manifest_of_many_layers_and_images_takes_no_memory() {
    let image = repeated_manifest(999, 0, 1000, 0);
    build_within("image", &image, LONG).1.succeeded();
    build_within("merge", &image, LONG)
        .1
        .refused("more than 77500 layers together");
}

/// Which members stay would be asked of each layer for each.
#[test]
fn many_layers_that_are_links_are_merged_soon() {
    let layer = Tar::new().finish();
    let names: Vec<String> = (0..20_000).map(|number| format!("l/{number}")).collect();
    let config = config_of(&vec![layer.as_slice(); 1000]).to_string();
    let images: Vec<_> = names
        .chunks(1000)
        .map(|names| json!({ "Config": "c.json", "Layers": names }))
        .collect();
    let image = names
        .iter()
        .fold(Tar::new(), |tar, name| tar.link(b'2', name, "../layer.tar"))
        .file("layer.tar", layer)
        .file("c.json", config)
        .file("manifest.json", json!(images).to_string())
        .file("oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#)
        .file("index.json", EMPTY_INDEX)
        .finish();
    build_within("merge", &image, SOON).1.succeeded();
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
    build_within("image", &image, LONG).1.refused("8388608");
}

#[test]
fn json_that_is_nested_without_end_is_refused() {
    let manifest = format!("[{{\"x\":{}", "[".repeat(70_000));
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
