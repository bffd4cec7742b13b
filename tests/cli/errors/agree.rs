//! Archives with both `manifest.json` and the index of an OCI layout, as `docker save` writes them since
//! version 25: what programs that read the one or the other would get has to be the same.

use expect_test::{Expect, expect};
use nix_image_builder::bytes::digest::Algorithm::{Sha256, Sha512};
use serde_json::{Value, json};

use super::layouts::{INDEX, LAYER, Layout, MANIFEST, index_of};
use super::tars::Tar;
use super::{check_base, image_attrs};
use crate::sandbox::Sandbox;

/// An image of a layer that has the file `content`: its descriptor and its element of `manifest.json`.
fn image(layout: &mut Layout, content: &str, tags: &[&str]) -> (Value, Value) {
    let layer = Tar::new().file(content, content).finish();
    let image = layout.image(&[(LAYER, &layer)], &[&layer]);
    let text = layout.content(&path(&image));
    let manifest: Value = serde_json::from_slice(&text).unwrap();
    let entry = json!({
        "Config": path(&manifest["config"]),
        "RepoTags": tags,
        "Layers": [path(&manifest["layers"][0])],
    });
    (image, entry)
}

/// Where the blob of `descriptor` is.
fn path(descriptor: &Value) -> String {
    let digest = descriptor["digest"].as_str().unwrap();
    format!("blobs/{}", digest.replace(':', "/"))
}

fn named(mut image: Value, name: &str) -> Value {
    image["annotations"] = json!({
        "io.containerd.image.name": format!("docker.io/library/{name}"),
        "org.opencontainers.image.ref.name": name.rsplit_once(':').unwrap().1,
    });
    image
}

/// The archive of these two lists.
fn archive(layout: Layout, index: &[Value], manifest: &[Value]) -> Vec<u8> {
    let manifest = json!(manifest).to_string();
    let layout = layout.index(index).file("manifest.json", manifest);
    layout.archive().finish()
}

/// `archive` can be built on and merged, and there is nothing to say against it.
#[track_caller]
fn check_good(archive: &[u8]) {
    let sandbox = Sandbox::new();
    let base = sandbox.file("base.tar", archive);
    let mut attrs = image_attrs(&sandbox);
    attrs["image"]["fromImage"] = json!(base);
    sandbox.write_attrs(&attrs);
    let built = sandbox.builder(&["image"]).output().unwrap();
    assert!(built.status.success(), "{}", sandbox.stderr(&built));
    std::fs::remove_file(sandbox.out()).unwrap();
    sandbox.write_attrs(&json!({
        "outputs": { "out": sandbox.out() },
        "merge": { "images": [base], "platform": null },
    }));
    let merged = sandbox.builder(&["merge"]).output().unwrap();
    assert!(merged.status.success(), "{}", sandbox.stderr(&merged));
    assert!(!verified(archive).contains("two images"));
}

/// What `builder verify` says.
fn verified(archive: &[u8]) -> String {
    let sandbox = Sandbox::new();
    let path = sandbox.file("base.tar", archive);
    let output = sandbox
        .builder(&["verify", path.to_str().unwrap()])
        .output();
    sandbox.shown(&output.unwrap().stdout)
}

#[track_caller]
fn check_two(archive: &[u8], expected: Expect) {
    assert!(verified(archive).contains(" is two images"));
    check_base(archive, expected);
}

#[test]
fn several_images_with_several_names_are_the_same_in_both() {
    let mut layout = Layout::new();
    let (one, in_manifest) = image(&mut layout, "one", &["app:1", "app:latest"]);
    let (two, two_in_manifest) = image(&mut layout, "two", &["other:1"]);
    let index = [
        named(one.clone(), "app:latest"),
        named(two, "other:1"),
        named(one, "app:1"),
    ];
    check_good(&archive(layout, &index, &[in_manifest, two_in_manifest]));
}

/// The containerd store keeps the whole index, of which it has only some images, and what BuildKit attests.
#[test]
fn the_index_may_have_more_than_the_manifest() {
    let mut layout = Layout::new();
    let (here, in_manifest) = image(&mut layout, "here", &["app:1"]);
    let (also, _) = image(&mut layout, "also", &[]);
    let (elsewhere, _) = image(&mut Layout::new(), "elsewhere", &[]);
    let mut attestation = layout.blob(MANIFEST, "{}");
    attestation["platform"] = json!({ "os": "unknown", "architecture": "unknown" });
    let module = layout.blob(MANIFEST, r#"{"schemaVersion":2}"#);
    let images = [elsewhere, attestation, module, also, here];
    let index = layout.blob(INDEX, index_of(&images).to_string());
    check_good(&archive(layout, &[named(index, "app:1")], &[in_manifest]));
}

/// `docker save ID ID` puts only the first one into the index.
#[test]
fn the_index_may_lack_images_without_names() {
    let mut layout = Layout::new();
    let (one, in_manifest) = image(&mut layout, "one", &[]);
    let (_, two_in_manifest) = image(&mut layout, "two", &[]);
    check_good(&archive(layout, &[one], &[in_manifest, two_in_manifest]));
}

#[test]
fn an_index_without_images_says_nothing_else() {
    let mut layout = Layout::new();
    let (_, in_manifest) = image(&mut layout, "one", &["app:1"]);
    check_good(&archive(layout, &[], &[in_manifest]));
}

#[test]
fn one_name_for_two_images_is_refused() {
    let mut layout = Layout::new();
    let (one, in_manifest) = image(&mut layout, "one", &["app:1"]);
    let (two, two_in_manifest) = image(&mut layout, "two", &["app:2"]);
    let index = [named(one, "app:2"), named(two, "app:1")];
    check_two(
        &archive(layout, &index, &[in_manifest, two_in_manifest]),
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            error: image archive `/nix/store/[HASH]-base.tar` is two images called `app:1`: `manifest.json` names the config sha256:08958b34fcb230b20accbf000ce79b110572585bbb264fbacf451e1605f5d58c, and `index.json` sha256:adfa384ea9e6226a6e02e2832d4ff7781944740f1947eaa64a5f5555ed125a51; programs differ in which of the two they read
        "#]],
    );
}

#[test]
fn other_images_under_other_names_are_refused() {
    let mut layout = Layout::new();
    let (_, in_manifest) = image(&mut layout, "one", &["app:1"]);
    let (two, _) = image(&mut layout, "two", &[]);
    let (three, _) = image(&mut layout, "three", &[]);
    check_two(
        &archive(layout, &[two, named(three, "other:1")], &[in_manifest]),
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            error: image archive `/nix/store/[HASH]-base.tar` is two images: `manifest.json` names the config sha256:08958b34fcb230b20accbf000ce79b110572585bbb264fbacf451e1605f5d58c, and `index.json` sha256:395da98b140acc516532a02a12303bb48344d1db82f5b9f6491ba626155188bf, sha256:adfa384ea9e6226a6e02e2832d4ff7781944740f1947eaa64a5f5555ed125a51; programs differ in which of the two they read
        "#]],
    );
}

#[test]
fn an_image_is_the_same_by_any_algorithm() {
    for algorithms in [[Sha256, Sha512], [Sha512, Sha256], [Sha512, Sha512]] {
        let [in_index, in_manifest] = algorithms;
        let mut layout = Layout::new();
        layout.call_by(in_index);
        let (one, _) = image(&mut layout, "one", &[]);
        layout.call_by(in_manifest);
        let (_, entry) = image(&mut layout, "one", &["app:1"]);
        check_good(&archive(layout, &[named(one, "app:1")], &[entry]));
    }
}

#[test]
fn one_name_for_two_images_by_two_algorithms_is_refused() {
    let mut layout = Layout::new();
    let (_, in_manifest) = image(&mut layout, "one", &["app:1"]);
    layout.call_by(Sha512);
    let (one, _) = image(&mut layout, "one", &[]);
    let (two, _) = image(&mut layout, "two", &[]);
    let index = [named(one, "other:1"), named(two, "app:1")];
    check_two(
        &archive(layout, &index, &[in_manifest]),
        expect![[r#"
        listing the layer's closure
        reading base image `/nix/store/[HASH]-base.tar`
        error: image archive `/nix/store/[HASH]-base.tar` is two images called `app:1`: `manifest.json` names the config sha256:08958b34fcb230b20accbf000ce79b110572585bbb264fbacf451e1605f5d58c, and `index.json` sha512:67b19fd43c849a641eecc84ca0d943b83ed14ff01d94793c3381dfb41b993dfe346a1648c564f83693efb8a995300699a6aea28622a45593c5657e9d105a73cd; programs differ in which of the two they read
    "#]],
    );
}

#[test]
fn an_index_that_cannot_be_read_is_refused() {
    let mut layout = Layout::new();
    let (_, in_manifest) = image(&mut layout, "one", &["app:1"]);
    let layout = layout
        .file(
            "index.json",
            r#"{"schemaVersion":2,"manifests":[],"Manifests":[]}"#,
        )
        .file("manifest.json", json!([in_manifest]).to_string());
    check_base(
        &layout.archive().finish(),
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            error: `index.json` of image archive `/nix/store/[HASH]-base.tar` is not what it should be
              caused by: the keys `manifests` and `Manifests` are one key to Docker, podman and all that is written in Go, and two to others at line 1 column 45
        "#]],
    );
}
