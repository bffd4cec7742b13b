//! What is built on layouts, and on archives whose layers are packed.

use std::collections::BTreeMap;
use std::io::Read;

use expect_test::expect;
use nix_image_builder::bytes::digest::Sha256;
use serde_json::{Value, json};

use super::build;
use crate::errors::check_base_alone;
use crate::errors::layouts::{LAYER, Layout};
use crate::errors::tars::{self, Tar};
use crate::sandbox::Sandbox;

/// The members of the archive that was built, by name.
#[track_caller]
fn files(sandbox: &Sandbox) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let archive = std::fs::read(sandbox.out()).unwrap();
    for entry in tar::Archive::new(archive.as_slice()).entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().to_string_lossy().into_owned();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        let twice = files.insert(name.trim_start_matches("./").to_owned(), content);
        assert_eq!(twice, None, "{name} is there twice");
    }
    files
}

/// What is built on `base`, read by its manifest: names and contents of the layers.
#[track_caller]
fn layers_on(base: &[u8]) -> Vec<(String, Vec<u8>)> {
    let sandbox = Sandbox::new();
    let base = json!(sandbox.file("base.tar", base));
    let output = build(&sandbox, base, |_| {});
    assert!(output.status.success(), "{}", sandbox.stderr(&output));
    let files = files(&sandbox);
    let manifest: Value = serde_json::from_slice(&files["manifest.json"]).unwrap();
    let names = manifest[0]["Layers"].as_array().unwrap().iter();
    let names = names.map(|name| name.as_str().unwrap().to_owned());
    let layers: Vec<_> = names
        .map(|name| (name.clone(), files[&name].clone()))
        .collect();
    let config: Value =
        serde_json::from_slice(&files[manifest[0]["Config"].as_str().unwrap()]).unwrap();
    let diff_ids = config["rootfs"]["diff_ids"].as_array().unwrap();
    for ((name, layer), diff_id) in layers.iter().zip(diff_ids) {
        if layer.starts_with(&[0x1f, 0x8b]) {
            continue;
        }
        assert_eq!(Sha256::of(layer).to_string(), *diff_id, "{name}");
    }
    let known = |name: &String| {
        name.ends_with('/')
            || name.ends_with(".json")
            || name.ends_with("/VERSION")
            || name.ends_with("/json")
            || name == "repositories"
            || layers.iter().any(|(layer, _)| layer == name)
    };
    let left: Vec<_> = files
        .keys()
        .filter(|name| !name.is_empty() && !known(name))
        .collect();
    assert!(left.is_empty(), "{left:?} is left of the base");
    layers
}

#[test]
fn layers_packed_with_zstd_are_unpacked_and_others_stay() {
    let tars = ["zstd", "gzip", "plain"].map(|name| Tar::new().file(name, name).finish());
    let [zstd, gzip, plain] = &tars;
    let [of_zstd, of_gzip] = [format!("{LAYER}+zstd"), format!("{LAYER}+gzip")];
    let mut layout = Layout::new();
    let image = layout.image(
        &[
            (&of_zstd, &tars::zstd(zstd)),
            (&of_gzip, &tars::gzip(gzip)),
            (LAYER, plain),
            (&of_zstd, &tars::zstd(zstd)),
        ],
        &[zstd, gzip, plain, zstd],
    );
    let archive = layout.index(&[image]).archive().finish();
    for base in [archive.clone(), tars::gzip(&archive), tars::xz(&archive)] {
        let layers = layers_on(&base);
        let [one, two, three, four, _own] = layers.as_slice() else {
            panic!("{} layers", layers.len())
        };
        let unpacked = format!("{}/layer.tar", Sha256::of(zstd).hex());
        assert_eq!(*one, (unpacked, zstd.clone()));
        assert_eq!(one, four);
        let packed = tars::gzip(gzip);
        let name = format!("blobs/sha256/{}", Sha256::of(&packed).hex());
        assert_eq!(*two, (name, packed));
        assert_eq!(three.1, *plain);
    }
}

#[test]
fn layers_of_an_archive_packed_with_zstd_are_unpacked() {
    let layer = tars::layer();
    let manifest = json!([{ "Config": "config.json", "Layers": ["a.tar.zst", "link"] }]);
    let archive = Tar::new()
        .file("a.tar.zst", tars::zstd(&layer))
        .symlink("way", "a.tar.zst")
        .symlink("link", "way")
        .file("other", "nobody needs it")
        .file("config.json", tars::config_of(&[&layer, &layer]))
        .file("manifest.json", manifest.to_string());
    let layers = layers_on(&archive.finish());
    assert_eq!(layers.len(), 3);
    assert_eq!(layers[0].1, layer);
    assert_eq!(layers[0], layers[1]);
}

#[test]
fn a_layer_in_the_way_of_an_unpacked_one_is_refused() {
    let layer = tars::layer();
    let taken = Sha256::of(&layer).hex();
    let manifest = json!([{ "Config": "config.json", "Layers": ["a.tar.zst", taken] }]);
    let archive = Tar::new()
        .file("a.tar.zst", tars::zstd(&layer))
        .file(&taken, &layer)
        .file("config.json", tars::config_of(&[&layer, &layer]))
        .file("manifest.json", manifest.to_string());
    // Merged or converted, it stays as it is.
    check_base_alone(
        &archive.finish(),
        expect![[r#"
        listing the layer's closure
        reading base image `/nix/store/[HASH]-base.tar`
        hashing the new layer
        error: image archive `/nix/store/[HASH]-base.tar` has a layer in the way of `f7f344db76ccfd488322b464d7f4fc12a1b5627a0a94e79faf02f062bdd5e322/layer.tar`, as which another one is unpacked
    "#]],
    );
}

#[test]
fn layouts_are_merged_with_archives() {
    let layer = Tar::new().file("./merged", "merged").finish();
    let mut layout = Layout::new();
    let of_zstd = format!("{LAYER}+zstd");
    let mut image = layout.image(&[(&of_zstd, &tars::zstd(&layer))], &[&layer]);
    image["annotations"] = json!({ "org.opencontainers.image.ref.name": "merged:1" });
    let layout = layout.index(&[image]);
    let sandbox = Sandbox::new();
    let images = [
        layout.directory(&sandbox),
        sandbox.file("packed.tar", tars::gzip(&layout.archive().finish())),
        sandbox.file("good.tar", tars::image()),
    ];
    sandbox.write_attrs(&json!({
        "outputs": { "out": sandbox.out() },
        "merge": { "images": images, "platform": null },
    }));
    let output = sandbox.builder(&["merge"]).output().unwrap();
    assert!(output.status.success(), "{}", sandbox.stderr(&output));
    let files = files(&sandbox);
    let manifest: Value = serde_json::from_slice(&files["manifest.json"]).unwrap();
    let merged = format!("{}/layer.tar", Sha256::of(&layer).hex());
    assert_eq!(manifest[0]["RepoTags"], json!(["merged:1"]));
    assert_eq!(manifest[0]["Layers"], json!([merged]));
    assert_eq!(manifest[0], manifest[1]);
    assert_eq!(manifest[2], tars::manifest()[0]);
    assert_eq!(files[&merged], layer);
    assert!(files.contains_key(manifest[0]["Config"].as_str().unwrap()));
    assert!(!files.contains_key("index.json") && !files.contains_key("oci-layout"));
}
