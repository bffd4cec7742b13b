//! OCI layouts, as archives and as directories.

use expect_test::{Expect, expect};
use nix_image_builder::bytes::digest::{Algorithm, Sha256};
use nix_image_builder::oci::descriptor;
use serde_json::{Value, json};

use super::{check, config, text};
use crate::errors::layouts::{CONFIG, INDEX, LAYER, Layout, index_of};
use crate::errors::tars;
use crate::sandbox::Sandbox;

const GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// Adds a good image for `architecture` with a packed layer.
fn image(layout: &mut Layout, architecture: &str) -> Value {
    let layer = tars::layer();
    let mut config = config(&[&layer]);
    config["architecture"] = json!(architecture);
    let config = layout.blob(CONFIG, config.to_string());
    let layer = layout.blob(GZIP, tars::gzip(&layer));
    let mut image = layout.manifest(&config, &[layer]);
    image["platform"] = json!({ "os": "linux", "architecture": architecture });
    image
}

/// Where the blob of `descriptor` is.
fn path(descriptor: &Value) -> String {
    let digest = descriptor["digest"].as_str().unwrap();
    format!("blobs/{}", digest.replace(':', "/"))
}

/// Verifies a layout, as an archive and as a directory.
#[track_caller]
fn check_layout(layout: &Layout, status: i32, expected: Expect) {
    let sandbox = Sandbox::new();
    let directory = layout.directory(&sandbox);
    let said = text(
        &sandbox,
        &["verify", directory.to_str().unwrap()],
        b"",
        status,
    );
    let of_archive = check(&layout.archive().finish(), status, expected);
    assert_eq!(
        said.replace("[HASH]-layout", "[HASH]-image.tar"),
        of_archive
    );
}

/// The blob that is the layer of [`image`].
fn layer_path() -> String {
    format!(
        "blobs/sha256/{}",
        Sha256::of(&tars::gzip(&tars::layer())).hex()
    )
}

#[test]
fn a_good_layout_is_right() {
    let mut layout = Layout::new();
    let image = image(&mut layout, "amd64");
    check_layout(
        &layout.index(&[image]),
        0,
        expect![[r#"
        /nix/store/[HASH]-image.tar is right: 1 image, 1 layer, 5 files
    "#]],
    );
}

/// Go's programs read no annotation that is a number, and of two the last one.
#[test]
fn annotations_that_are_no_texts_are_wrong() {
    let mut layout = Layout::new();
    let mut image = image(&mut layout, "amd64");
    image["annotations"] = json!({ "org.example.number": 1 });
    check_layout(
        &layout.clone().index(&[image.clone()]),
        1,
        expect![[r#"
        /nix/store/[HASH]-image.tar is wrong: 1 problem
          index.json
            is not what it should be: invalid type: integer `1`, expected a string at line 1 column 324
    "#]],
    );
    let manifest: Value = serde_json::from_slice(&layout.content(&path(&image))).unwrap();
    let mut annotated = manifest.clone();
    annotated["layers"][0]["annotations"] = json!({ "org.example.list": [] });
    let image = layout.blob(crate::errors::layouts::MANIFEST, annotated.to_string());
    check_layout(
        &layout.index(&[image]),
        1,
        expect![[r#"
        /nix/store/[HASH]-image.tar is wrong: 1 problem
          blobs/sha256/be155c135f523210b4d49cf0df15339bbe49d4a0a2c10f88727aa3c681609deb
            is not what it should be: invalid type: sequence, expected a string at line 1 column 433
        note: blobs/sha256/5289e7a5947cc294146bd5c5be07dbdc985ab51d5313808b42a45e6c2c780ebd is used by nothing
    "#]],
    );
}

/// Docker since version 25 saves it so.
#[test]
fn an_image_in_index_and_manifest_is_one() {
    let mut layout = Layout::new();
    let image = image(&mut layout, "amd64");
    let manifest: Value = serde_json::from_slice(&layout.content(&path(&image))).unwrap();
    let saved = json!([{
        "Config": path(&manifest["config"]),
        "RepoTags": ["app:1", "app:2"],
        "Layers": [layer_path()],
    }]);
    let layout = layout.index(&[image]);
    check_layout(
        &layout.file("manifest.json", saved.to_string()),
        0,
        expect![[r#"
        /nix/store/[HASH]-image.tar is right: 1 image, 1 layer, 6 files
    "#]],
    );
}

#[test]
fn an_index_may_list_what_is_elsewhere() {
    let mut layout = Layout::new();
    let here = image(&mut layout, "amd64");
    let elsewhere = image(&mut Layout::new(), "arm64");
    let index = index_of(&[here, elsewhere]).to_string();
    let index = layout.blob(INDEX, index);
    check_layout(
        &layout.index(&[index]),
        0,
        expect![[r#"
        /nix/store/[HASH]-image.tar is right: 1 image, 1 layer, 6 files
    "#]],
    );
}

#[test]
fn an_index_of_which_nothing_is_there_is_told() {
    let mut layout = Layout::new();
    let elsewhere = image(&mut Layout::new(), "arm64");
    let index = layout.blob(INDEX, index_of(&[elsewhere]).to_string());
    check_layout(
        &layout.index(&[index]),
        1,
        expect![[r#"
            /nix/store/[HASH]-image.tar is wrong: 1 problem
              blobs/sha256/cfc289944ac79a5e55afe8b130d67aa6d6430085a44b367b7d187824fce333e5
                names `blobs/sha256/db3f1d9f872826bd86f01f8d696d73a867f97a29a18bf4fcda1b128b3befc12d` as an image, but there is no such file
        "#]],
    );
}

#[test]
fn a_layer_that_was_packed_again_has_another_digest_and_size() {
    let mut layout = Layout::new();
    let image = image(&mut layout, "amd64");
    let again = tars::gzip(&tars::layer());
    // A second member without content.
    let again = [again, tars::gzip(b"")].concat();
    let layout = layout.index(&[image]).file(&layer_path(), again);
    check_layout(
        &layout,
        1,
        expect![[r#"
            /nix/store/[HASH]-image.tar is wrong: 2 problems
              blobs/sha256/56b369571079de45422a17115bc39742a12d9a0571ff4c7059bd274bae75aa39
                has 122 bytes, but `blobs/sha256/5289e7a5947cc294146bd5c5be07dbdc985ab51d5313808b42a45e6c2c780ebd` says 102
                has the digest sha256:69a778946d1043f594acfda0395d7d6309989a2057a5f8890cfcc6d6f5aa8446, but `blobs/sha256/5289e7a5947cc294146bd5c5be07dbdc985ab51d5313808b42a45e6c2c780ebd` says sha256:56b369571079de45422a17115bc39742a12d9a0571ff4c7059bd274bae75aa39
        "#]],
    );
}

#[test]
fn a_byte_behind_a_packed_layer_is_told() {
    let mut layout = Layout::new();
    let image = image(&mut layout, "amd64");
    let longer = [tars::gzip(&tars::layer()), vec![0]].concat();
    let layout = layout.index(&[image]).file(&layer_path(), longer);
    check_layout(
        &layout,
        1,
        expect![[r#"
            /nix/store/[HASH]-image.tar is wrong: 3 problems
              blobs/sha256/56b369571079de45422a17115bc39742a12d9a0571ff4c7059bd274bae75aa39
                has 103 bytes, but `blobs/sha256/5289e7a5947cc294146bd5c5be07dbdc985ab51d5313808b42a45e6c2c780ebd` says 102
                has the digest sha256:b1d7daa9b0c1d39727c19267d260b098d85b98d3aa1a7d5abf8b3ed70714712d, but `blobs/sha256/5289e7a5947cc294146bd5c5be07dbdc985ab51d5313808b42a45e6c2c780ebd` says sha256:56b369571079de45422a17115bc39742a12d9a0571ff4c7059bd274bae75aa39
                cannot be unpacked: unexpected end of file
        "#]],
    );
}

#[test]
fn a_space_before_a_manifest_is_told() {
    let mut layout = Layout::new();
    let image = image(&mut layout, "amd64");
    let name = path(&image);
    let text = layout.content(&name);
    let layout = layout.index(&[image]).file(&name, [b" ", &*text].concat());
    check_layout(
        &layout,
        1,
        expect![[r#"
            /nix/store/[HASH]-image.tar is wrong: 2 problems
              blobs/sha256/5289e7a5947cc294146bd5c5be07dbdc985ab51d5313808b42a45e6c2c780ebd
                has 402 bytes, but `index.json` says 401
                has the digest sha256:a8db1023ab277703c698496900d650b80610dc4c5c8f96a060a24ea078eb6d87, but `index.json` says sha256:5289e7a5947cc294146bd5c5be07dbdc985ab51d5313808b42a45e6c2c780ebd
        "#]],
    );
}

#[test]
fn a_wrong_size_is_told() {
    let mut layout = Layout::new();
    let mut image = image(&mut layout, "amd64");
    image["size"] = json!(7);
    check_layout(
        &layout.index(&[image]),
        1,
        expect![[r#"
            /nix/store/[HASH]-image.tar is wrong: 1 problem
              blobs/sha256/5289e7a5947cc294146bd5c5be07dbdc985ab51d5313808b42a45e6c2c780ebd
                has 401 bytes, but `index.json` says 7
        "#]],
    );
}

#[test]
fn a_layer_that_is_not_there_is_told() {
    let mut layout = Layout::new();
    let image = image(&mut layout, "amd64");
    let layout = layout.index(&[image]).without(&layer_path());
    check_layout(
        &layout,
        1,
        expect![[r#"
            /nix/store/[HASH]-image.tar is wrong: 1 problem
              blobs/sha256/5289e7a5947cc294146bd5c5be07dbdc985ab51d5313808b42a45e6c2c780ebd
                names `blobs/sha256/56b369571079de45422a17115bc39742a12d9a0571ff4c7059bd274bae75aa39` as a layer, but there is no such file
        "#]],
    );
}

#[test]
fn a_layer_is_packed_as_its_media_type_says() {
    let mut layout = Layout::new();
    let layer = tars::layer();
    let config = layout.blob(CONFIG, config(&[&layer]).to_string());
    let layer = layout.blob(LAYER, tars::gzip(&layer));
    let image = layout.manifest(&config, &[layer]);
    check_layout(
        &layout.index(&[image]),
        1,
        expect![[r#"
            /nix/store/[HASH]-image.tar is wrong: 1 problem
              blobs/sha256/56b369571079de45422a17115bc39742a12d9a0571ff4c7059bd274bae75aa39
                is packed with gzip, but `blobs/sha256/7d11bb468489a967d53300c10190a34ca59d39803bc319f6df4a30736b25fb71` says with nothing
        "#]],
    );
}

#[test]
fn index_and_config_are_for_the_same_platform() {
    let mut layout = Layout::new();
    let mut image = image(&mut layout, "amd64");
    image["platform"]["architecture"] = json!("arm64");
    check_layout(
        &layout.index(&[image]),
        1,
        expect![[r#"
            /nix/store/[HASH]-image.tar is wrong: 1 problem
              blobs/sha256/37368e3e0cff2b545f56187becbaa82ef79b75c02d5844c07c02d698832041cb
                is for linux/amd64, but `blobs/sha256/5289e7a5947cc294146bd5c5be07dbdc985ab51d5313808b42a45e6c2c780ebd` says for linux/arm64
        "#]],
    );
}

#[test]
fn an_index_that_is_a_manifest_too_is_told() {
    let mut layout = Layout::new();
    let image = image(&mut layout, "amd64");
    let mut index = index_of(&[image]);
    index["layers"] = json!([]);
    let layout = layout.file("index.json", index.to_string());
    check_layout(
        &layout,
        1,
        expect![[r#"
            /nix/store/[HASH]-image.tar is wrong: 1 problem
              index.json
                is not what it should be: it has both `manifests` and `layers`, and so is an index to some programs and a manifest to others (CVE-2021-41190)
            note: blobs/sha256/37368e3e0cff2b545f56187becbaa82ef79b75c02d5844c07c02d698832041cb is used by nothing
            note: blobs/sha256/5289e7a5947cc294146bd5c5be07dbdc985ab51d5313808b42a45e6c2c780ebd is used by nothing
            note: blobs/sha256/56b369571079de45422a17115bc39742a12d9a0571ff4c7059bd274bae75aa39 is used by nothing
        "#]],
    );
}

#[test]
fn a_layout_says_that_it_is_one() {
    let mut layout = Layout::new();
    let image = image(&mut layout, "amd64");
    let layout = layout.index(&[image]);
    check_layout(
        &layout.clone().without("oci-layout"),
        1,
        expect![[r#"
            /nix/store/[HASH]-image.tar is wrong: 1 problem
              index.json
                has no `oci-layout` beside it
        "#]],
    );
    // Of a directory, that is said before anything is read (tests/cli/errors/mistaken.rs).
    check(
        &layout.without("index.json").archive().finish(),
        1,
        expect![[r#"
            /nix/store/[HASH]-image.tar is wrong: 1 problem
              oci-layout
                has no `index.json` beside it
            note: blobs/sha256/37368e3e0cff2b545f56187becbaa82ef79b75c02d5844c07c02d698832041cb is used by nothing
            note: blobs/sha256/5289e7a5947cc294146bd5c5be07dbdc985ab51d5313808b42a45e6c2c780ebd is used by nothing
            note: blobs/sha256/56b369571079de45422a17115bc39742a12d9a0571ff4c7059bd274bae75aa39 is used by nothing
        "#]],
    );
}

#[test]
fn the_parts_of_an_attestation_are_checked() {
    let mut layout = Layout::new();
    let image = image(&mut layout, "amd64");
    let statement = layout.blob("application/vnd.in-toto+json", "{}");
    let config = layout.blob(CONFIG, "{\"os\":\"unknown\"}");
    let mut attestation = layout.manifest(&config, std::slice::from_ref(&statement));
    attestation["platform"] = json!({ "os": "unknown", "architecture": "unknown" });
    let layout = layout.index(&[image, attestation]);
    check_layout(
        &layout,
        0,
        expect![[r#"
        /nix/store/[HASH]-image.tar is right: 1 image, 1 layer, 8 files
    "#]],
    );
    check_layout(
        &layout.file(&path(&statement), "[]"),
        1,
        expect![[r#"
        /nix/store/[HASH]-image.tar is wrong: 1 problem
          blobs/sha256/44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a
            has the digest sha256:4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945, but `blobs/sha256/78a0d03e9ef32e0587290014a9c3d1ce835ae3b349baa5b1f75d3366970a2c96` says sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a
    "#]],
    );
}

#[test]
fn blobs_that_nothing_uses_are_noted() {
    let mut layout = Layout::new();
    let image = image(&mut layout, "amd64");
    layout.blob(CONFIG, "{}");
    check_layout(
        &layout.index(&[image]),
        0,
        expect![[r#"
        /nix/store/[HASH]-image.tar is right: 1 image, 1 layer, 6 files
        note: blobs/sha256/44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a is used by nothing
    "#]],
    );
}

#[test]
fn a_pipe_in_a_layout_cannot_be_read() {
    let sandbox = Sandbox::new();
    let directory = sandbox.directory("layout", &[("index.json", "{}")]);
    let made = std::process::Command::new("mkfifo")
        .arg(directory.join("pipe"))
        .status();
    assert!(made.unwrap().success());
    let output = super::run(&sandbox, &["verify", directory.to_str().unwrap()], b"");
    expect![[r#"
        error: image archive `/nix/store/[HASH]-layout` has the device or pipe `pipe`; only directories, files and links belong there
    "#]].assert_eq(&sandbox.stderr(&output));
    assert_eq!(output.status.code(), Some(2));
}

/// A layout with an image by SHA-512, and where its layer is.
fn by_sha512() -> (Layout, String) {
    let mut layout = Layout::new();
    layout.call_by(Algorithm::Sha512);
    let image = image(&mut layout, "amd64");
    let layer = Algorithm::Sha512.digest(&tars::gzip(&tars::layer()));
    (layout.index(&[image]), descriptor::blob_path(layer))
}

#[test]
fn a_good_layout_by_sha_512_is_right() {
    let (layout, _) = by_sha512();
    check_layout(
        &layout,
        0,
        expect![[r#"
        /nix/store/[HASH]-image.tar is right: 1 image, 1 layer, 5 files
    "#]],
    );
}

#[test]
fn a_blob_by_sha_512_with_another_bit_is_told() {
    let (layout, layer) = by_sha512();
    let mut content = layout.content(&layer);
    // In gzip's header: which system packed it.
    content[9] ^= 1;
    check_layout(
        &layout.file(&layer, content),
        1,
        expect![[r#"
            /nix/store/[HASH]-image.tar is wrong: 1 problem
              blobs/sha512/fe957faae6646b03b35689556ef8550c8c64ba48bf0d4c3ce2c62995d963a93751e8bdd6bbe7639e123fa2ed46c3f65cdb79c9c98b8019399697c8d0485f56a7
                has the digest sha512:5413d08ee8e2a13f5e41a5454c3a7dac199c313981574be52f1d1763b8ad490f113b70ad1bc6f2bc1de506a062a8247a6e37114cbee7e69984b9d311a71db895, but `blobs/sha512/0ddfa48a825253542f47dee82c58548a168400aa1acfd4a7b6e9bccc871a4db18c719129505aef4534c96d4411977d85040822c0050405ab53109775b190fcc4` says sha512:fe957faae6646b03b35689556ef8550c8c64ba48bf0d4c3ce2c62995d963a93751e8bdd6bbe7639e123fa2ed46c3f65cdb79c9c98b8019399697c8d0485f56a7
        "#]],
    );
}

#[test]
fn blobs_by_sha_512_that_nothing_uses_are_noted() {
    let (layout, _) = by_sha512();
    let mut more = layout;
    more.blob("application/octet-stream", "nothing");
    check_layout(
        &more,
        0,
        expect![[r#"
        /nix/store/[HASH]-image.tar is right: 1 image, 1 layer, 6 files
        note: blobs/sha512/1d6c61c1f237e2664f242b96dfaae5feb325771723d76fac41dba6ef22c45cafefb0951f43309fc6bc852b98a5406d3c2909b606688a882d43c6fb905162b10f is used by nothing
    "#]],
    );
}

/// Only what is read in any order can be read again by another algorithm.
#[test]
fn a_blob_by_sha_512_that_is_a_link_is_compared_where_it_can_be_read_again() {
    let (layout, layer) = by_sha512();
    let content = layout.content(&layer);
    let layout = layout.without(&layer).file("layer", content);
    let archive = layout.archive().symlink(&layer, "../../layer").finish();
    let sandbox = Sandbox::new();
    let path = sandbox.file("image.tar", &archive);
    let said = text(&sandbox, &["verify", path.to_str().unwrap()], b"", 0);
    expect![[r#"
        /nix/store/[HASH]-image.tar is right: 1 image, 1 layer, 5 files
    "#]]
    .assert_eq(&said);
    let said = text(&sandbox, &["verify", "-"], &archive, 1);
    expect![[r#"
        standard input is wrong: 1 problem
          blobs/sha512/fe957faae6646b03b35689556ef8550c8c64ba48bf0d4c3ce2c62995d963a93751e8bdd6bbe7639e123fa2ed46c3f65cdb79c9c98b8019399697c8d0485f56a7
            is named as sha512:fe957faae6646b03b35689556ef8550c8c64ba48bf0d4c3ce2c62995d963a93751e8bdd6bbe7639e123fa2ed46c3f65cdb79c9c98b8019399697c8d0485f56a7, but is a link to a file of another name, whose digest nobody computed while it came by; unpack the image first, and verify its directory
    "#]].assert_eq(&said);
}
