//! Indexes of images for several platforms.

use std::path::PathBuf;

use expect_test::expect;
use serde_json::{Value, json};

use super::{
    attrs, blob, built, check_convert, check_right, converted, document, files, index_attrs, parsed,
};
use crate::errors::layouts::{CONFIG, LAYER, Layout};
use crate::errors::{check, tars};
use crate::sandbox::Sandbox;
use crate::verify::{config, docker, docker_of};

/// A layout of an image for `platform`: operating system, architecture and perhaps variant. All have the same layer.
fn image(sandbox: &Sandbox, platform: &str) -> PathBuf {
    let layer = tars::layer();
    let mut config = config(&[&layer]);
    for (key, value) in ["os", "architecture", "variant"]
        .iter()
        .zip(platform.split('/'))
    {
        config[*key] = json!(value);
    }
    config["os.version"] = match platform.starts_with("windows") {
        true => json!("10.0.17763"),
        false => Value::Null,
    };
    let name = platform.replace('/', "-");
    let archive = sandbox.file(&format!("{name}.tar"), docker_of(&config, &layer).archive());
    built(sandbox, "oci-layout", &attrs(sandbox, &archive), &name)
}

/// The index of the layout.
fn index(layout: &std::path::Path) -> Value {
    parsed(layout, &document(layout, "index.json")["manifests"][0])
}

#[test]
fn each_image_is_the_one_that_was_built_alone() {
    let sandbox = Sandbox::new();
    let platforms = [
        "linux/arm64/v8",
        "windows/amd64",
        "linux/arm/v7",
        "linux/amd64",
        "linux/arm/v6",
    ];
    let images = platforms.map(|platform| image(&sandbox, platform));
    let layout = built(
        &sandbox,
        "image-index",
        &index_attrs(&sandbox, &images),
        "index",
    );
    check_right(&sandbox, &layout);
    let index = index(&layout);
    let listed: Vec<&Value> = index["manifests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|image| &image["platform"])
        .collect();
    assert_eq!(
        listed,
        [
            &json!({ "architecture": "amd64", "os": "linux" }),
            &json!({ "architecture": "arm", "os": "linux", "variant": "v6" }),
            &json!({ "architecture": "arm", "os": "linux", "variant": "v7" }),
            &json!({ "architecture": "arm64", "os": "linux", "variant": "v8" }),
            &json!({ "architecture": "amd64", "os": "windows", "os.version": "10.0.17763" }),
        ]
    );
    for image in &images {
        let alone = document(image, "index.json")["manifests"][0]["digest"].clone();
        let manifests = index["manifests"].as_array().unwrap();
        let found = manifests
            .iter()
            .find(|listed| listed["digest"] == alone)
            .unwrap();
        assert_eq!(blob(&layout, found), blob(image, found));
    }
    // One layer, five configs and manifests, the index.
    assert_eq!(files(&layout).len(), 1 + 5 + 5 + 1 + 2);

    // The order in which they are named does not show.
    let mut turned = images.to_vec();
    turned.reverse();
    let other = built(
        &sandbox,
        "image-index",
        &index_attrs(&sandbox, &turned),
        "other",
    );
    assert!(files(&other) == files(&layout));
}

/// Images of an index within an index are as good as those that are named alone.
#[test]
fn indexes_are_taken_apart() {
    let sandbox = Sandbox::new();
    let [amd64, arm64, arm] =
        ["linux/amd64", "linux/arm64", "linux/arm/v7"].map(|it| image(&sandbox, it));
    let two = built(
        &sandbox,
        "image-index",
        &index_attrs(&sandbox, &[amd64.clone(), arm64.clone()]),
        "two",
    );
    let nested = built(
        &sandbox,
        "image-index",
        &index_attrs(&sandbox, &[two, arm.clone()]),
        "nested",
    );
    let flat = built(
        &sandbox,
        "image-index",
        &index_attrs(&sandbox, &[amd64, arm64, arm]),
        "flat",
    );
    assert!(files(&nested) == files(&flat));
}

#[test]
fn the_tar_has_one_image_for_those_who_read_no_index() {
    let sandbox = Sandbox::new();
    let images =
        ["linux/386", "linux/amd64", "linux/arm64"].map(|platform| image(&sandbox, platform));
    let mut attrs = index_attrs(&sandbox, &images);
    attrs["imageIndex"]["archive"] = json!(true);
    for (architecture, expected) in [("amd64", "amd64"), ("arm64", "arm64"), ("riscv64", "386")] {
        attrs["imageIndex"]["platform"]["architecture"] = json!(architecture);
        let archive = built(
            &sandbox,
            "image-index",
            &attrs,
            &format!("{architecture}.tar"),
        );
        check_right(&sandbox, &archive);
        let layout = converted(&sandbox, &archive, architecture, &[]);
        assert_eq!(
            index(&layout)["manifests"].as_array().map(Vec::len),
            Some(3)
        );
        let mut tar = tar::Archive::new(std::fs::File::open(&archive).unwrap());
        let mut entries = tar.entries().unwrap().map(Result::unwrap);
        let entry = entries
            .find(|entry| *entry.path_bytes() == *b"manifest.json")
            .unwrap();
        let manifest: Value = serde_json::from_reader(entry).unwrap();
        let config = manifest[0]["Config"].as_str().unwrap();
        assert_eq!(document(&layout, config)["architecture"], expected);
        assert_eq!(manifest.as_array().map(Vec::len), Some(1));
    }
}

#[test]
fn annotations_that_all_images_share_are_those_of_the_index() {
    let sandbox = Sandbox::new();
    let mut images = Vec::new();
    for (platform, own) in [("linux/amd64", "1"), ("linux/arm64", "2")] {
        let alone = image(&sandbox, platform);
        let mut attrs = attrs(&sandbox, &alone);
        attrs["ociLayout"]["layout"]["annotations"] =
            json!({ "org.example.shared": "x", "org.example.own": own, "org.example.c": "y" });
        images.push(built(
            &sandbox,
            "oci-layout",
            &attrs,
            &format!("annotated-{own}"),
        ));
    }
    let mut attrs = index_attrs(&sandbox, &images);
    attrs["imageIndex"]["annotations"] = json!({ "org.example.index": "z", "org.example.c": "" });
    let layout = built(&sandbox, "image-index", &attrs, "index");
    let expected = json!({ "org.example.index": "z", "org.example.shared": "x" });
    assert_eq!(index(&layout)["annotations"], expected);
    // It stays what it is, wherever it goes.
    let archive = converted(&sandbox, &layout, "index.tar", &[]);
    let again = converted(&sandbox, &archive, "again", &[]);
    assert!(files(&again) == files(&layout));
}

/// An image with two names is one image.
#[test]
fn names_of_an_image_are_no_images() {
    let sandbox = Sandbox::new();
    let named = docker().change("manifest.json", |manifest| {
        manifest[0]["RepoTags"] = json!(["app:1", "app:2"]);
    });
    let archive = sandbox.file("image.tar", named.archive());
    let alone = built(&sandbox, "oci-layout", &attrs(&sandbox, &archive), "alone");
    let index_json = document(&alone, "index.json");
    assert_eq!(index_json["manifests"].as_array().map(Vec::len), Some(2));
    let layout = built(
        &sandbox,
        "image-index",
        &index_attrs(&sandbox, std::slice::from_ref(&alone)),
        "index",
    );
    assert_eq!(
        index(&layout)["manifests"].as_array().map(Vec::len),
        Some(1)
    );
    let again = converted(&sandbox, &alone, "again", &[]);
    assert!(files(&again) == files(&alone));
}

#[test]
fn one_platform_can_be_taken_out() {
    let sandbox = Sandbox::new();
    let images =
        ["linux/amd64", "linux/arm/v6", "linux/arm/v7"].map(|platform| image(&sandbox, platform));
    let layout = built(
        &sandbox,
        "image-index",
        &index_attrs(&sandbox, &images),
        "index",
    );
    let alone = converted(&sandbox, &layout, "alone", &["--platform", "linux/amd64"]);
    let digest =
        |layout: &std::path::Path| document(layout, "index.json")["manifests"][0]["digest"].clone();
    assert_eq!(digest(&alone), digest(&images[0]));
    let arm = converted(&sandbox, &layout, "arm", &["--platform", "linux/arm"]);
    assert_eq!(index(&arm)["manifests"].as_array().map(Vec::len), Some(2));
    check_convert(
        &sandbox,
        &layout,
        &["--platform", "linux/s390x"],
        expect![[r#"
            error: `/nix/store/[HASH]-index` has no image for `linux/s390x`; it has `app:1` for `linux/amd64`, `app:1` for `linux/arm/v6`, `app:1` for `linux/arm/v7`
        "#]],
    );
    check_convert(
        &sandbox,
        &layout,
        &["--image", "other:1"],
        expect![[r#"
        error: `/nix/store/[HASH]-index` has no image `other:1`; it has `app:1` for `linux/amd64`, `app:1` for `linux/arm/v6`, `app:1` for `linux/arm/v7`
    "#]],
    );
    check_convert(
        &sandbox,
        &layout,
        &["--image", "app:1", "--platform", "linux/arm/v5"],
        expect![[r#"
            error: `/nix/store/[HASH]-index` has no image `app:1` for `linux/arm/v5`; it has `app:1` for `linux/amd64`, `app:1` for `linux/arm/v6`, `app:1` for `linux/arm/v7`
        "#]],
    );
}

#[test]
fn an_index_that_nobody_could_choose_from_is_refused() {
    let sandbox = Sandbox::new();
    let [one, two] = ["linux/amd64", "linux/arm64"].map(|platform| image(&sandbox, platform));
    let again = built(&sandbox, "oci-layout", &attrs(&sandbox, &one), "again");
    check(
        &sandbox,
        "image-index",
        &index_attrs(&sandbox, &[one.clone(), two, again]),
        &expect![[r#"
            joining 3 images
            error: two images of the index are for `linux/amd64`, `/nix/store/[HASH]-linux-amd64` and `/nix/store/[HASH]-again`; leave one out, or build it for another platform
        "#]],
    );
    check(
        &sandbox,
        "image-index",
        &index_attrs(&sandbox, &[]),
        &expect![[r#"
            joining 0 images
            error: the index has no images; give `images` one for each platform
        "#]],
    );
    let archive = sandbox.file("image.tar", docker().archive());
    check(
        &sandbox,
        "image-index",
        &index_attrs(&sandbox, &[archive]),
        &expect![[r#"
            joining 1 image
            error: `/nix/store/[HASH]-image.tar` is no OCI layout, and an index is made of these; `ociLayout` makes one of it
        "#]],
    );

    let mut layout = Layout::new();
    let layer = tars::layer();
    let nothing = layout.image(&[(LAYER, &layer)], &[&layer]);
    let directory = layout.index(&[nothing]).directory(&sandbox);
    check(
        &sandbox,
        "image-index",
        &index_attrs(&sandbox, &[directory]),
        &expect![[r#"
            joining 1 image
            error: the image in `/nix/store/[HASH]-layout` does not say what it runs on, and nobody could choose it from an index; give it an `architecture`
        "#]],
    );

    let mut attrs = index_attrs(&sandbox, &[one]);
    attrs["imageIndex"]["tag"] = json!("1+2");
    check(
        &sandbox,
        "image-index",
        &attrs,
        &expect![[r#"
        error: cannot build image `app`
          caused by: `tag` is `1+2`, but a tag is 1 to 128 letters, digits, `_`, `.` and `-`, and does not begin with `.` or `-`; write for example `1-2`; Docker, podman and containerd refuse the image
    "#]],
    );
}

/// A layer that is not what its manifest says, and a config with another number of layers.
#[test]
fn a_damaged_layout_is_no_part_of_an_index() {
    let layer = tars::layer();
    let mut layout = Layout::new();
    let good = super::image(&mut layout, LAYER, &layer);
    let sandbox = Sandbox::new();
    let directory = layout.clone().index(&[good]).directory(&sandbox);
    let digest = nix_image_builder::bytes::digest::Sha256::of(&layer).hex();
    std::fs::write(
        directory.join("blobs/sha256").join(digest),
        vec![b'x'; layer.len()],
    )
    .unwrap();
    let config_text =
        json!({ "os": "linux", "architecture": "amd64", "rootfs": { "diff_ids": [] } });
    check(
        &sandbox,
        "image-index",
        &index_attrs(&sandbox, std::slice::from_ref(&directory)),
        &expect![[r#"
            joining 1 image
            error: layer `blobs/sha256/f7f344db76ccfd488322b464d7f4fc12a1b5627a0a94e79faf02f062bdd5e322` of image `/nix/store/[HASH]-layout` has the digest sha256:91c79e20248b0d938e5ee59d7619c3614211e590a76b746577c8e5a161c32c37, but is called by sha256:f7f344db76ccfd488322b464d7f4fc12a1b5627a0a94e79faf02f062bdd5e322; it is damaged
        "#]],
    );

    let config = layout.blob(CONFIG, config_text.to_string());
    let layer = layout.blob(LAYER, &layer);
    let image = layout.manifest(&config, &[layer]);
    std::fs::remove_dir_all(&directory).unwrap();
    let directory = layout.index(&[image]).directory(&sandbox);
    check(
        &sandbox,
        "image-index",
        &index_attrs(&sandbox, &[directory]),
        &expect![[r#"
            joining 1 image
            error: the image in `/nix/store/[HASH]-layout` has 1 layer, but its config lists 0 in `rootfs.diff_ids`; no engine takes such an image
        "#]],
    );
}
