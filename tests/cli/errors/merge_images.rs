//! Messages of `mergeImages`.

use std::path::PathBuf;

use expect_test::{Expect, expect};
use serde_json::json;

use super::check;
use super::tars::{self, Tar};
use crate::sandbox::Sandbox;

/// Merges the images that `make` makes.
#[track_caller]
fn check_merge(make: impl FnOnce(&Sandbox) -> Vec<PathBuf>, expected: Expect) {
    let sandbox = Sandbox::new();
    let attrs = json!({
        "outputs": { "out": sandbox.out() },
        "merge": { "images": make(&sandbox) },
    });
    check(&sandbox, "merge", &attrs, &expected);
}

/// Merges a good image with `other`.
#[track_caller]
fn check_with(other: &[u8], expected: Expect) {
    check_merge(
        |sandbox| {
            vec![
                sandbox.file("good.tar", tars::image()),
                sandbox.file("other.tar", other),
            ]
        },
        expected,
    );
}

#[test]
fn no_image_is_too_few() {
    check_merge(
        |_| Vec::new(),
        expect![[r#"
        error: `mergeImages` was given no image; it needs at least one
    "#]],
    );
}

#[test]
fn an_image_that_is_missing_is_named() {
    check_merge(
        |sandbox| vec![sandbox.store_path("gone.tar")],
        expect![[r#"
        error: cannot read image `/nix/store/[HASH]-gone.tar`
          caused by: No such file or directory (os error 2)
    "#]],
    );
}

#[test]
fn an_image_that_is_missing_before_others_is_named() {
    check_merge(
        |sandbox| {
            vec![
                sandbox.store_path("gone.tar"),
                sandbox.file("good.tar", tars::image()),
            ]
        },
        expect![[r#"
            reading image `/nix/store/[HASH]-gone.tar`
            error: cannot open image archive `/nix/store/[HASH]-gone.tar`
              caused by: No such file or directory (os error 2)
        "#]],
    );
}

#[test]
fn an_image_packed_with_xz_is_refused() {
    check_with(
        &tars::xz(&tars::image()),
        expect![[r#"
        error: image `/nix/store/[HASH]-other.tar`, the last one, is packed with xz; `mergeImages` packs its result as that is, and writes tar archives that are plain or packed with gzip or zstd
    "#]],
    );
}

#[test]
fn an_image_that_is_no_archive_is_refused() {
    check_with(
        "no tar at all\n".repeat(100).as_bytes(),
        expect![[r#"
        reading image `/nix/store/[HASH]-good.tar`
        reading image `/nix/store/[HASH]-other.tar`
        error: image archive `/nix/store/[HASH]-other.tar` is damaged or no tar
          caused by: no tar header at byte 0: its checksum is wrong
    "#]],
    );
}

#[test]
fn an_image_that_is_cut_short_is_refused() {
    check_with(
        &tars::image()[..2600],
        expect![[r#"
        reading image `/nix/store/[HASH]-good.tar`
        reading image `/nix/store/[HASH]-other.tar`
        error: image archive `/nix/store/[HASH]-other.tar` is damaged or no tar
          caused by: the tar ends at byte 2600, within the content of a member
    "#]],
    );
}

#[test]
fn a_manifest_that_is_no_list_is_refused() {
    check_with(
        &tars::image_with(&json!({})),
        expect![[r#"
            reading image `/nix/store/[HASH]-good.tar`
            reading image `/nix/store/[HASH]-other.tar`
            error: `manifest.json` of image archive `/nix/store/[HASH]-other.tar` is not what it should be
              caused by: invalid type: map, expected a sequence at line 1 column 0
        "#]],
    );
}

#[test]
fn repositories_that_are_no_object_are_refused() {
    let repositories = Tar::new()
        .file("config.json", tars::config_of(&[]))
        .file("manifest.json", r#"[{"Config":"config.json","Layers":[]}]"#)
        .file("repositories", "[]");
    check_with(
        &repositories.finish(),
        expect![[r#"
        reading image `/nix/store/[HASH]-good.tar`
        reading image `/nix/store/[HASH]-other.tar`
        error: `repositories` of image `/nix/store/[HASH]-other.tar` is not what it should be
          caused by: invalid type: sequence, expected an object at line 1 column 0
    "#]],
    );
}

#[test]
fn a_manifest_that_is_a_directory_is_refused() {
    check_with(
        &Tar::new().file("manifest.json/x", "x").finish(),
        expect![[r#"
            reading image `/nix/store/[HASH]-good.tar`
            reading image `/nix/store/[HASH]-other.tar`
            error: `/nix/store/[HASH]-other.tar` is no image archive and no OCI layout: it has no file `manifest.json` and no `index.json`
        "#]],
    );
}

/// An image without a layer, and with what `more` adds.
fn image_and(more: impl FnOnce(Tar) -> Tar) -> Vec<u8> {
    let image = Tar::new()
        .file("c.json", tars::config_of(&[]))
        .file("manifest.json", r#"[{"Config":"c.json","Layers":[]}]"#);
    more(image).finish()
}

#[test]
fn a_symlink_here_and_a_directory_there_is_refused() {
    check_merge(
        |sandbox| {
            let link = image_and(|tar| tar.symlink("a", "b"));
            vec![
                sandbox.file("first.tar", link),
                sandbox.file("second.tar", tars::image()),
            ]
        },
        expect![[r#"
            reading image `/nix/store/[HASH]-first.tar`
            reading image `/nix/store/[HASH]-second.tar`
            error: cannot merge image `/nix/store/[HASH]-second.tar` with those before it: `a` is a directory here and something else there
        "#]],
    );
}

#[test]
fn a_directory_here_and_a_file_there_is_refused() {
    check_with(
        &image_and(|tar| tar.file("a", "x")),
        expect![[r#"
        reading image `/nix/store/[HASH]-good.tar`
        reading image `/nix/store/[HASH]-other.tar`
        error: cannot merge image `/nix/store/[HASH]-other.tar` with those before it: `a` is a directory here and something else there
    "#]],
    );
}

#[test]
fn a_member_that_leads_out_is_refused() {
    check_with(
        &Tar::new().file("../a", "x").finish(),
        expect![[r#"
            reading image `/nix/store/[HASH]-good.tar`
            reading image `/nix/store/[HASH]-other.tar`
            error: image archive `/nix/store/[HASH]-other.tar` names `../a`, which has a part `..`; names have to stay within the archive
        "#]],
    );
}

/// Merges the image of `documents`, each a name and its text, and the layer of [`tars::image`] with a good one.
#[track_caller]
fn check_documents(documents: &[(&str, &str)], expected: Expect) {
    let layer = Tar::new().file("a/layer.tar", tars::layer());
    let other = documents
        .iter()
        .fold(layer, |tar, (name, text)| tar.file(name, text));
    check_with(&other.finish(), expected);
}

const MANIFEST: &str = r#"[{"Config":"config.json","RepoTags":["x:1"],"Layers":["a/layer.tar"]}]"#;

#[test]
fn a_manifest_with_one_key_in_two_cases_is_refused() {
    check_documents(
        &[
            ("config.json", &tars::config_of(&[&tars::layer()])),
            (
                "manifest.json",
                r#"[{"annotations":{},"Config":"config.json","Layers":["a/layer.tar"],"layers":[]}]"#,
            ),
        ],
        expect![[r#"
            reading image `/nix/store/[HASH]-good.tar`
            reading image `/nix/store/[HASH]-other.tar`
            error: `manifest.json` of image archive `/nix/store/[HASH]-other.tar` is not what it should be
              caused by: the keys `Layers` and `layers` are one key to Docker, podman and all that is written in Go, and two to others at line 1 column 75
        "#]],
    );
}

#[test]
fn a_manifest_with_a_key_twice_is_refused() {
    check_documents(
        &[
            ("config.json", &tars::config_of(&[&tars::layer()])),
            (
                "manifest.json",
                r#"[{"Config":"config.json","Layers":["b"],"Layers":["a/layer.tar"]}]"#,
            ),
        ],
        expect![[r#"
            reading image `/nix/store/[HASH]-good.tar`
            reading image `/nix/store/[HASH]-other.tar`
            error: `manifest.json` of image archive `/nix/store/[HASH]-other.tar` is not what it should be
              caused by: the key `Layers` is there twice at line 1 column 48
        "#]],
    );
}

#[test]
fn repositories_with_a_name_twice_are_refused() {
    check_documents(
        &[
            ("config.json", &tars::config_of(&[&tars::layer()])),
            ("manifest.json", MANIFEST),
            ("repositories", r#"{"x":{"1":"a"},"x":{"1":"b"}}"#),
        ],
        expect![[r#"
            reading image `/nix/store/[HASH]-good.tar`
            reading image `/nix/store/[HASH]-other.tar`
            error: `repositories` of image `/nix/store/[HASH]-other.tar` is not what it should be
              caused by: the key `x` is there twice at line 1 column 18
        "#]],
    );
}

#[test]
fn a_config_under_another_digest_is_refused() {
    let name = format!("{}.json", "0".repeat(64));
    check_documents(
        &[
            (&name, &tars::config_of(&[&tars::layer()])),
            ("manifest.json", &MANIFEST.replace("config.json", &name)),
        ],
        expect![[r#"
            reading image `/nix/store/[HASH]-good.tar`
            reading image `/nix/store/[HASH]-other.tar`
            error: `0000000000000000000000000000000000000000000000000000000000000000.json` in image archive `/nix/store/[HASH]-other.tar` has the digest sha256:aad578293d048131a4380a4e6be1a7a3127eed2dd3dde66c4010acca90309803, but it is named as sha256:0000000000000000000000000000000000000000000000000000000000000000; it is damaged or was changed
        "#]],
    );
}

#[test]
fn a_layer_with_another_diff_id_is_refused() {
    check_documents(
        &[
            ("config.json", &tars::config_of(&[b"other"])),
            ("manifest.json", MANIFEST),
        ],
        expect![[r#"
            reading image `/nix/store/[HASH]-good.tar`
            reading image `/nix/store/[HASH]-other.tar`
            error: layer `a/layer.tar` of base image `/nix/store/[HASH]-other.tar` has the DiffID sha256:f7f344db76ccfd488322b464d7f4fc12a1b5627a0a94e79faf02f062bdd5e322, but the image's config lists sha256:d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa; it is damaged, or was made from packed layers by nixpkgs, and no engine takes it
        "#]],
    );
}

#[test]
fn more_layers_than_may_be_are_refused() {
    let layers = vec![r#""a/layer.tar""#; 1025].join(",");
    check_documents(
        &[
            ("config.json", &tars::config_of(&[&tars::layer()])),
            (
                "manifest.json",
                &MANIFEST.replace(r#""a/layer.tar""#, &layers),
            ),
        ],
        expect![[r#"
            reading image `/nix/store/[HASH]-good.tar`
            reading image `/nix/store/[HASH]-other.tar`
            error: base image `/nix/store/[HASH]-other.tar` has 1025 layers; 1024 are allowed, and more by `dockerToolsLimits.maxLayers`
        "#]],
    );
}

#[test]
fn an_archive_without_a_manifest_is_refused() {
    check_documents(
        &[],
        expect![[r#"
        reading image `/nix/store/[HASH]-good.tar`
        reading image `/nix/store/[HASH]-other.tar`
        error: `/nix/store/[HASH]-other.tar` is no image archive and no OCI layout: it has no file `manifest.json` and no `index.json`
    "#]],
    );
}

#[test]
fn an_image_of_docker_before_1_10_is_refused() {
    check_documents(
        &[("repositories", r#"{"x":{"1":"a"}}"#)],
        expect![[r#"
        reading image `/nix/store/[HASH]-good.tar`
        reading image `/nix/store/[HASH]-other.tar`
        error: image archive `/nix/store/[HASH]-other.tar` has `repositories` but no `manifest.json`: Docker before 1.10 wrote it; `docker load` and `docker save` of today make a new one
    "#]],
    );
}

/// An image archive called `name`, with a file in its layer, the parts of which are in `directory`.
fn image(name: &str, directory: &str, file: &str) -> Vec<u8> {
    let layer = Tar::new().file(file, "").finish();
    let [config, member] = ["config.json", "layer.tar"].map(|part| format!("{directory}/{part}"));
    let manifest = json!([{ "Config": config, "RepoTags": [name], "Layers": [member] }]);
    Tar::new()
        .file(&config, tars::config_of(&[&layer]))
        .file(&member, layer)
        .file("manifest.json", manifest.to_string())
        .finish()
}

#[test]
fn files_of_one_name_and_other_bytes_are_refused() {
    check_merge(
        |sandbox| {
            vec![
                sandbox.file("first.tar", image("app:1", "parts", "a")),
                sandbox.file("second.tar", image("app:2", "parts", "b")),
            ]
        },
        expect![[r#"
            reading image `/nix/store/[HASH]-first.tar`
            reading image `/nix/store/[HASH]-second.tar`
            error: cannot merge image `/nix/store/[HASH]-second.tar` with those before it: they have another file called `parts/config.json`, and only one can be in the archive; copy one of the images with `skopeo copy`, which calls layers and configs by their digests
        "#]],
    );
}

/// Whatever the names of other files lead to has been in no image.
#[test]
fn a_file_that_another_image_does_not_use_is_compared_too() {
    let second = image("app:2", "parts", "b");
    let unused = |bytes: &str| {
        let layer = Tar::new().finish();
        let manifest = json!([{ "Config": "c.json", "Layers": ["layer.tar"] }]);
        Tar::new()
            .file("c.json", tars::config_of(&[&layer]))
            .file("layer.tar", layer)
            .file("parts/layer.tar", bytes)
            .file("manifest.json", manifest.to_string())
            .finish()
    };
    check_merge(
        |sandbox| {
            vec![
                sandbox.file("first.tar", unused("other")),
                sandbox.file("second.tar", second),
            ]
        },
        expect![[r#"
            reading image `/nix/store/[HASH]-first.tar`
            reading image `/nix/store/[HASH]-second.tar`
            error: cannot merge image `/nix/store/[HASH]-second.tar` with those before it: they have another file called `parts/layer.tar`, and only one can be in the archive; copy one of the images with `skopeo copy`, which calls layers and configs by their digests
        "#]],
    );
}

/// Merges images that can be merged, and shows what is said of it.
#[track_caller]
fn check_merges(images: &[(&str, Vec<u8>)], expected: Expect) {
    let sandbox = Sandbox::new();
    let paths: Vec<PathBuf> = images
        .iter()
        .map(|(name, bytes)| sandbox.file(name, bytes))
        .collect();
    sandbox.write_attrs(&json!({
        "outputs": { "out": sandbox.out() },
        "merge": { "images": paths },
    }));
    let output = sandbox.builder(&["merge"]).output().unwrap();
    expected.assert_eq(&sandbox.stderr(&output));
    assert!(output.status.success());
}

#[test]
fn two_images_of_one_name_are_told() {
    check_merges(
        &[
            ("first.tar", image("app:1", "a", "a")),
            ("second.tar", image("app:1", "b", "b")),
            ("third.tar", image("docker.io/library/app:1", "c", "c")),
        ],
        expect![[r#"
            reading image `/nix/store/[HASH]-first.tar`
            reading image `/nix/store/[HASH]-second.tar`
            reading image `/nix/store/[HASH]-third.tar`
            warning: two images are called `app:1`, one in `/nix/store/[HASH]-first.tar` and another in `/nix/store/[HASH]-second.tar`: `docker load` gives the name to the last one, podman and skopeo take the first; give one of them another name or tag
            warning: two images are called `docker.io/library/app:1`, one in `/nix/store/[HASH]-second.tar` and another in `/nix/store/[HASH]-third.tar`: `docker load` gives the name to the last one, podman and skopeo take the first; give one of them another name or tag
            writing an archive of 3 images, 20.48 kB
        "#]],
    );
}

#[test]
fn one_image_twice_and_other_tags_of_one_name_are_nothing_to_tell() {
    check_merges(
        &[
            ("first.tar", image("app:1", "a", "a")),
            ("again.tar", image("app:1", "a", "a")),
            ("second.tar", image("app:2", "b", "b")),
        ],
        expect![[r#"
            reading image `/nix/store/[HASH]-first.tar`
            reading image `/nix/store/[HASH]-again.tar`
            reading image `/nix/store/[HASH]-second.tar`
            writing an archive of 3 images, 20.48 kB
        "#]],
    );
}
