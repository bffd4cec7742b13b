//! What bases may be made of: packings, layers with nothing in them, and sparse files as programs write them. Every
//! function takes them, and `verify` calls them right.

mod messages;
mod sparse;

use std::fs;

use nix_image_builder::bytes::digest::Sha256;
use nix_image_builder::tar::read::{MemberKind, Reader};
use serde_json::{Value, json};

use crate::errors::image_attrs;
use crate::errors::tars::{Tar, bzip2, config_of, gzip, xz, zstd};
use crate::sandbox::Sandbox;

/// An image of `layers`, each of which has content and how it stands in the archive.
fn image(layers: &[(&[u8], &[u8])]) -> Vec<u8> {
    let contents: Vec<&[u8]> = layers.iter().map(|(content, _)| *content).collect();
    let mut config: Value = serde_json::from_str(&config_of(&contents)).unwrap();
    config["os"] = json!("linux");
    config["architecture"] = json!("amd64");
    let names: Vec<String> = (0..layers.len())
        .map(|number| format!("{number}.tar"))
        .collect();
    let mut tar = Tar::new().file("config.json", config.to_string());
    for ((_, stored), name) in layers.iter().zip(&names) {
        tar = tar.file(name, stored);
    }
    let manifest = json!([{ "Config": "config.json", "RepoTags": ["base:1"], "Layers": names }]);
    tar.file("manifest.json", manifest.to_string()).finish()
}

/// Runs `subcommand` on `attrs`, which has to succeed.
#[track_caller]
fn succeeds(sandbox: &Sandbox, subcommand: &str, attrs: &Value) {
    sandbox.write_attrs(attrs);
    let output = sandbox.builder(&[subcommand]).output().unwrap();
    assert!(
        output.status.success(),
        "{subcommand}: {}",
        sandbox.stderr(&output)
    );
}

/// What `builder verify`, `inspect` and each function that takes an image say of `image`: nothing. Gives the image
/// that is built on it and the tar of its files.
#[track_caller]
fn is_taken(image: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let sandbox = Sandbox::new();
    let path = sandbox.file("base.tar", image);
    for subcommand in ["verify", "inspect"] {
        let output = sandbox.builder(&[subcommand]).arg(&path).output().unwrap();
        let said = sandbox.shown(&[output.stdout, output.stderr].concat());
        // Not every engine unpacks every packing.
        let is_consistent = said.contains("is consistent, but not for every engine");
        assert!(
            output.status.success() || is_consistent,
            "{subcommand}: {said}"
        );
    }
    let out = sandbox.out();
    let mut attrs = image_attrs(&sandbox);
    attrs["image"]["fromImage"] = json!(path);
    let platform = r#"{"created":"1970-01-01T00:00:01Z","architecture":"amd64","os":"linux"}"#;
    attrs["image"]["baseJson"] = json!(sandbox.file("platform.json", platform));
    succeeds(&sandbox, "image", &attrs);
    let built = fs::read(&out).unwrap();
    let output = sandbox.builder(&["verify"]).arg(&out).output().unwrap();
    assert!(output.status.success(), "{}", sandbox.shown(&output.stdout));

    fs::remove_file(&out).unwrap();
    let others = sandbox.file("other.tar", crate::verify::docker().archive());
    let attrs = json!({ "outputs": { "out": out }, "merge": { "images": [path, others] } });
    succeeds(&sandbox, "merge", &attrs);

    fs::remove_file(&out).unwrap();
    let export = json!({ "fromImage": path, "fromImageName": null, "fromImageTag": null });
    succeeds(
        &sandbox,
        "export",
        &json!({ "outputs": { "out": out }, "export": export }),
    );
    (built, fs::read(&out).unwrap())
}

/// The names and contents of the files in a tar.
fn files(tar: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut reader = Reader::new(tar);
    let mut files = Vec::new();
    while let Some(member) = reader.next_member().unwrap() {
        if member.kind == MemberKind::Regular {
            let mut content = Vec::new();
            std::io::Read::read_to_end(&mut reader.content(&member), &mut content).unwrap();
            let name = String::from_utf8(member.name).unwrap();
            files.push((name.trim_start_matches("./").to_owned(), content));
        }
    }
    files.sort();
    files
}

fn file(name: &str, content: &[u8]) -> (String, Vec<u8>) {
    (name.to_owned(), content.to_vec())
}

type Pack = fn(&[u8]) -> Vec<u8>;

const PACKERS: [(&str, Pack); 5] = [
    ("nothing", <[u8]>::to_vec),
    ("gzip", gzip),
    ("zstd", zstd),
    ("xz", xz),
    ("bzip2", bzip2),
];

#[test]
fn archives_and_layers_are_taken_in_every_packing() {
    let layer = Tar::new().file("etc/file", "content").finish();
    for (outer, pack) in PACKERS {
        for (inner, pack_layer) in PACKERS {
            let packed = pack_layer(&layer);
            let image = pack(&image(&[(&layer, &packed)]));
            let (built, exported) = is_taken(&image);
            assert_eq!(
                files(&exported),
                [file("etc/file", b"content")],
                "{inner} in {outer}"
            );
            // Every engine reads plain layers and gzip.
            let names: Vec<String> = files(&built).into_iter().map(|(name, _)| name).collect();
            let unpacked = format!("{}/layer.tar", Sha256::of(&layer).hex());
            let stays = matches!(inner, "nothing" | "gzip");
            assert_eq!(
                names.contains(&unpacked),
                !stays,
                "{inner} in {outer}: {names:?}"
            );
            assert_eq!(
                names.contains(&"0.tar".to_owned()),
                stays,
                "{inner} in {outer}: {names:?}"
            );
        }
    }
}

/// As pbzip2 writes it, and as it is when two files are put together.
#[test]
fn bzip2_of_several_streams_is_one_archive() {
    let layer = Tar::new().file("file", "content").finish();
    let image = image(&[(&layer, &layer)]);
    let (first, second) = image.split_at(700);
    let packed = [bzip2(first), bzip2(b""), bzip2(second)].concat();
    assert_eq!(files(&is_taken(&packed).1), [file("file", b"content")]);
}

/// Docker's `archive.DecompressStream` passes over a layer of no bytes on purpose, and Go's reader ends at it.
#[test]
fn a_layer_with_nothing_in_it_is_taken_however_it_is_written() {
    let full = Tar::new().file("file", "content").finish();
    for content in [0, 512, 1024, 10240] {
        let content = vec![0; content];
        for (packer, pack) in PACKERS {
            let packed = pack(&content);
            let (built, exported) = is_taken(&image(&[(&full, &full), (&content, &packed)]));
            assert_eq!(files(&exported), [file("file", b"content")], "{packer}");
            let of_config = files(&built).into_iter();
            let configs: Vec<Value> = of_config
                .filter(|(name, _)| name.ends_with(".json"))
                .map(|(_, text)| serde_json::from_slice(&text).unwrap())
                .collect();
            let diff_id = Sha256::of(&content).to_string();
            let is_config = |config: &&Value| config["rootfs"]["diff_ids"][1] == json!(diff_id);
            assert_eq!(configs.iter().filter(is_config).count(), 1, "{packer}");
            let (_, exported) = is_taken(&gzip(&image(&[(&content, &packed)])));
            assert_eq!(files(&exported), [], "{packer}");
        }
    }
}
