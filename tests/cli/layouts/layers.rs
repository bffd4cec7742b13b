//! Layers that are derivations of their own, and images that have them.

use std::fs;
use std::path::{Path, PathBuf};

use expect_test::expect;
use nix_image_builder::bytes::digest::Sha256;
use serde_json::{Value, json};

use super::{attrs, blob, built, check_right, converted, document, files, manifest};
use crate::errors::layered::{self, description_attrs};
use crate::errors::tars::Tar;
use crate::errors::{check, layered::check as check_output};
use crate::sandbox::Sandbox;

/// The attributes of a layer with what [`description_attrs`] has as closure.
fn layer_attrs(sandbox: &Sandbox) -> Value {
    let description = description_attrs(sandbox);
    json!({
        "outputs": { "out": sandbox.out() },
        "graph": description["graph"],
        "buildLayer": {
            "name": "layer",
            "root": null,
            "storePaths": null,
            "layers": [],
            "compressor": null,
            "uid": 0,
            "gid": 0,
            "uname": "root",
            "gname": "root",
            "mtime": "1970-01-01T00:00:01Z",
        },
    })
}

/// The names in the tar at `path` of the layout.
fn names(tar: &[u8]) -> Vec<String> {
    let mut archive = tar::Archive::new(tar);
    let entries = archive.entries().unwrap();
    entries
        .map(|entry| String::from_utf8(entry.unwrap().path_bytes().into_owned()).unwrap())
        .collect()
}

/// Removes what [`description_attrs`] makes, so that it can make it again.
fn forget(sandbox: &Sandbox) {
    for name in ["customisation", "leaf", "root"] {
        fs::remove_dir_all(sandbox.store_path(name)).unwrap();
    }
}

/// The image of a description with `layers`.
fn image(sandbox: &Sandbox, layers: &[PathBuf], name: &str) -> PathBuf {
    forget(sandbox);
    let mut attrs = description_attrs(sandbox);
    attrs["description"]["layers"] = json!(layers);
    built(sandbox, "description", &attrs, name)
}

/// What is in a layer of one's own is in no other, and the rest is layered as always.
#[test]
fn a_store_path_is_in_one_layer() {
    let sandbox = Sandbox::new();
    let mut leaf = layer_attrs(&sandbox);
    leaf["buildLayer"]["storePaths"] = json!([sandbox.store_path("leaf")]);
    let leaf = built(&sandbox, "build-layer", &leaf, "leaf-layer");
    let conf = image(&sandbox, std::slice::from_ref(&leaf), "conf.json");
    let layout = converted(&sandbox, &conf, "plain", &["--compressor", "none"]);
    check_right(&sandbox, &layout);
    let layers = manifest(&layout)["layers"].as_array().unwrap().clone();
    assert_eq!(layers.len(), 3);
    let holds = |layer: &Value, name: &str| {
        let path = sandbox.store_path(name).display().to_string();
        names(&blob(&layout, layer))
            .iter()
            .any(|entry| entry.trim_end_matches('/') == path)
    };
    for (layer, has_leaf, has_root) in [(0, true, false), (1, false, true), (2, false, false)] {
        assert_eq!(holds(&layers[layer], "leaf"), has_leaf, "layer {layer}");
        assert_eq!(holds(&layers[layer], "root"), has_root, "layer {layer}");
    }
    // Streamed, it is the same image.
    let stream = sandbox
        .builder(&["stream", conf.to_str().unwrap()])
        .output()
        .unwrap();
    assert!(stream.status.success(), "{}", sandbox.stderr(&stream));
    let archive = sandbox.file("image.tar", stream.stdout);
    check_right(&sandbox, &archive);
    let other = converted(&sandbox, &archive, "other", &["--compressor", "none"]);
    assert!(files(&other) == files(&layout));
}

/// Two images with one layer have one blob, which nobody packs again.
#[test]
fn a_packed_layer_is_linked() {
    let sandbox = Sandbox::new();
    let mut layer = layer_attrs(&sandbox);
    layer["buildLayer"]["compressor"] = json!("zstd");
    let layer = built(&sandbox, "build-layer", &layer, "ready");
    let said = document(&layer, "layer.json");
    let packed = fs::read(layer.join("blob")).unwrap();
    assert_eq!(
        said["blob"]["digest"],
        json!(Sha256::of(&packed).to_string())
    );
    let content = zstd::decode_all(&*packed).unwrap();
    assert_eq!(said["diff_id"], json!(Sha256::of(&content).to_string()));
    assert_eq!(said["size"], json!(content.len()));

    let conf = image(&sandbox, std::slice::from_ref(&layer), "conf.json");
    let layout = built(&sandbox, "oci-layout", &attrs(&sandbox, &conf), "layout");
    check_right(&sandbox, &layout);
    let descriptor = manifest(&layout)["layers"][0].clone();
    assert_eq!(descriptor["digest"], said["blob"]["digest"]);
    assert_eq!(
        descriptor["mediaType"],
        "application/vnd.oci.image.layer.v1.tar+zstd"
    );
    let name = descriptor["digest"].as_str().unwrap().replace(':', "/");
    let link = fs::read_link(layout.join("blobs").join(name)).unwrap();
    assert_eq!(link, layer.join("blob"));
    // What people convert has no links.
    let copy = converted(&sandbox, &conf, "copy", &[]);
    let is_link = |path: &Path| fs::symlink_metadata(path).unwrap().is_symlink();
    let mut blobs = fs::read_dir(copy.join("blobs/sha256")).unwrap();
    assert!(blobs.all(|entry| !is_link(&entry.unwrap().path())));
    assert!(files(&copy) == files(&layout));

    // Damage of the packed bytes, and of what they were made from, is found.
    fs::write(layer.join("blob"), vec![b'x'; packed.len()]).unwrap();
    sandbox.write_attrs(&attrs(&sandbox, &conf));
    let output = sandbox.builder(&["oci-layout"]).output().unwrap();
    check_output(
        &sandbox,
        &output,
        1,
        &expect![[r#"
            reading `/nix/store/[HASH]-conf.json`
            packing 2 layers
            error: layer 1, of `/nix/store/[HASH]-leaf` and 1 other store path, has the digest sha256:[DIGEST], but is called by sha256:[DIGEST]; it is damaged
        "#]],
    );
}

/// The order in which Nix exports a closure does not show, and neither does the name of the layer.
#[test]
fn neither_order_nor_name_shows() {
    let sandbox = Sandbox::new();
    let mut attrs = layer_attrs(&sandbox);
    let one = built(&sandbox, "build-layer", &attrs, "one");
    attrs["graph"].as_array_mut().unwrap().reverse();
    attrs["buildLayer"]["name"] = json!("other");
    let other = built(&sandbox, "build-layer", &attrs, "two");
    assert!(files(&one) == files(&other));
}

/// Layers below take out what they have; what lies at the root comes first.
#[test]
fn a_layer_has_what_lies_at_the_root_and_what_is_not_below() {
    let sandbox = Sandbox::new();
    let mut below = layer_attrs(&sandbox);
    below["buildLayer"]["storePaths"] = json!([sandbox.store_path("leaf")]);
    let below = built(&sandbox, "build-layer", &below, "below");

    let root = sandbox.directory("files", &[]);
    let tar = Tar::new()
        .directory("./")
        .directory("./nix/")
        .file("./etc", "file")
        .finish();
    fs::write(root.join("layer.tar"), tar).unwrap();
    forget(&sandbox);
    let mut upper = layer_attrs(&sandbox);
    upper["buildLayer"]["layers"] = json!([below]);
    upper["buildLayer"]["root"] = json!(root);
    upper["buildLayer"]["compressor"] = json!("none");
    let upper = built(&sandbox, "build-layer", &upper, "upper");
    let shown: Vec<String> = names(&fs::read(upper.join("blob")).unwrap())
        .iter()
        .map(|name| name.replace(&*sandbox.root().to_string_lossy(), ""))
        .collect();
    let path = sandbox.store_path("root").display().to_string();
    let path = path.replace(&*sandbox.root().to_string_lossy(), "");
    assert_eq!(
        shown[..4],
        ["./", "./nix/", "./etc", "/nix/store/"].map(str::to_owned)
    );
    assert_eq!(shown[4..], [format!("{path}/"), format!("{path}/file")]);
}

#[test]
fn a_store_path_that_two_layers_have_is_warned_of() {
    let sandbox = Sandbox::new();
    let attrs = layer_attrs(&sandbox);
    let one = built(&sandbox, "build-layer", &attrs, "one");
    let mut attrs = attrs;
    attrs["buildLayer"]["storePaths"] = json!([sandbox.store_path("leaf")]);
    let two = built(&sandbox, "build-layer", &attrs, "two");
    forget(&sandbox);
    let mut attrs = description_attrs(&sandbox);
    attrs["description"]["layers"] = json!([one, two]);
    sandbox.write_attrs(&attrs);
    let output = sandbox.builder(&["description"]).output().unwrap();
    assert!(output.status.success());
    expect![[r#"
        warning: `/nix/store/[HASH]-leaf` is in the layers `/nix/store/[HASH]-one` and `/nix/store/[HASH]-two`, and so twice in the image; give the upper one `layers` with the lower one in it
        choosing layers
        layer sha256:[DIGEST]: 2.56 kB
    "#]].assert_eq(&layered::without_chance(&sandbox.stderr(&output)));
}

#[test]
fn what_is_no_layer_is_refused() {
    let sandbox = Sandbox::new();
    let mut attrs = layer_attrs(&sandbox);
    attrs["graph"] = json!([]);
    check(
        &sandbox,
        "build-layer",
        &attrs,
        &expect![[r#"
        error: there is nothing in layer `layer`; name something in `contents`, `copyToRoot` or `paths` that the layers below do not have
    "#]],
    );
    attrs["buildLayer"]["storePaths"] = json!([sandbox.store_path("nothing")]);
    check(
        &sandbox,
        "build-layer",
        &attrs,
        &expect![[r#"
        hashing a layer of 1 store path
        error: cannot read `/nix/store/[HASH]-nothing`
          caused by: No such file or directory (os error 2)
    "#]],
    );
    attrs["buildLayer"]["storePaths"] = json!(null);
    let root = sandbox.directory("empty", &[]);
    attrs["buildLayer"]["root"] = json!(root);
    check(
        &sandbox,
        "build-layer",
        &attrs,
        &expect![[r#"
        hashing a layer of 0 store paths
        error: cannot read `/nix/store/[HASH]-empty/layer.tar`
          caused by: No such file or directory (os error 2)
    "#]],
    );
    fs::write(root.join("layer.tar"), "no tar").unwrap();
    check(
        &sandbox,
        "build-layer",
        &attrs,
        &expect![[r#"
        hashing a layer of 0 store paths
        error: `/nix/store/[HASH]-empty/layer.tar` is damaged or no tar
          caused by: the tar ends at byte 6, within a header
    "#]],
    );

    forget(&sandbox);
    fs::remove_file(sandbox.store_path("base.json")).unwrap();
    let mut attrs = description_attrs(&sandbox);
    attrs["description"]["layers"] = json!([sandbox.directory("other", &[])]);
    check(
        &sandbox,
        "description",
        &attrs,
        &expect![[r#"
        error: cannot read `/nix/store/[HASH]-other/layer.json`
          caused by: No such file or directory (os error 2)
    "#]],
    );
    attrs["description"]["layers"] = json!([sandbox.directory("bad", &[("layer.json", "{}")])]);
    check(
        &sandbox,
        "description",
        &attrs,
        &expect![[r#"
        error: `/nix/store/[HASH]-bad/layer.json` is not the description of a layer of this version of `builder`; `layers` are what `buildLayer` makes
          caused by: missing field `recipe` at line 1 column 2
    "#]],
    );
}
