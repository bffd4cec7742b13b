//! Base images that are OCI layouts: what is built on good ones, and messages about bad ones.

mod built;

use std::process::Output;

use expect_test::{Expect, expect};
use nix_image_builder::bytes::digest::Sha256;
use serde_json::{Value, json};

use super::layouts::{self, CONFIG, INDEX, LAYER, Layout, MANIFEST};
use super::tars::{self, Tar};
use super::{FAILED, check_base, check_image, check_looks, image_attrs};
use crate::sandbox::Sandbox;

/// Builds on `layout`, which has to fail with `expected`, as an archive and as a directory.
#[track_caller]
pub(super) fn check_layout(layout: &Layout, expected: Expect) {
    let sandbox = Sandbox::new();
    let archive = sandbox.file("base.tar", layout.archive().finish());
    let directory = layout.directory(&sandbox);
    let [archive, directory] = [archive, directory].map(|base| {
        check_looks(&sandbox, &base);
        let output = build(&sandbox, json!(base), |_| {});
        let said = sandbox.stderr(&output);
        assert_eq!(output.status.code(), Some(FAILED), "{said}");
        assert!(!sandbox.out().exists(), "the output is still there");
        said
    });
    expected.assert_eq(&archive);
    assert_eq!(archive.replace("-base.tar`", "-layout`"), directory);
}

/// Builds on the image at `base`.
#[track_caller]
pub(super) fn build(sandbox: &Sandbox, base: Value, change: impl FnOnce(&mut Value)) -> Output {
    if sandbox.store_path("layer").exists() {
        std::fs::remove_dir_all(sandbox.store_path("layer")).unwrap();
    }
    let mut attrs = image_attrs(sandbox);
    attrs["image"]["fromImage"] = base;
    change(&mut attrs);
    sandbox.write_attrs(&attrs);
    sandbox.builder(&["image"]).output().unwrap()
}

/// Changes the manifest of a good layout.
fn with_manifest(change: impl FnOnce(&mut Value)) -> Layout {
    let mut layout = Layout::new();
    let layer = tars::layer();
    let mut manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": layout.blob(CONFIG, tars::config_of(&[&layer])),
        "layers": [layout.blob(LAYER, &layer)],
    });
    change(&mut manifest);
    let manifest = layout.blob(MANIFEST, manifest.to_string());
    layout.index(&[manifest])
}

#[test]
fn what_the_tests_start_from_can_be_built() {
    let archive = layouts::plain().archive().finish();
    for base in [
        archive.clone(),
        tars::gzip(&archive),
        tars::zstd(&archive),
        tars::xz(&archive),
    ] {
        let sandbox = Sandbox::new();
        let base = json!(sandbox.file("base.tar", base));
        let output = build(&sandbox, base, |_| {});
        assert!(output.status.success(), "{}", sandbox.stderr(&output));
    }
    let sandbox = Sandbox::new();
    let directory = json!(layouts::plain().directory(&sandbox));
    let output = build(&sandbox, directory, |_| {});
    assert!(output.status.success(), "{}", sandbox.stderr(&output));
}

#[test]
fn a_layout_without_images_is_refused() {
    check_layout(
        &Layout::new().index(&[]),
        expect![[r#"
        listing the layer's closure
        reading base image `/nix/store/[HASH]-base.tar`
        error: image archive `/nix/store/[HASH]-base.tar` holds no image: its `index.json` lists none
    "#]],
    );
}

#[test]
fn a_layout_of_another_version_is_refused() {
    let layout = layouts::plain().file("oci-layout", r#"{"imageLayoutVersion":"2.0.0"}"#);
    check_layout(
        &layout,
        expect![[r#"
        listing the layer's closure
        reading base image `/nix/store/[HASH]-base.tar`
        error: `oci-layout` of image archive `/nix/store/[HASH]-base.tar` is not what it should be
          caused by: its `imageLayoutVersion` is `2.0.0`; only 1.x is read
    "#]],
    );
}

#[test]
fn an_index_that_is_a_manifest_is_refused() {
    let index = json!({ "schemaVersion": 2, "mediaType": MANIFEST, "manifests": [] });
    let layout = layouts::plain().file("index.json", index.to_string());
    check_layout(
        &layout,
        expect![[r#"
        listing the layer's closure
        reading base image `/nix/store/[HASH]-base.tar`
        error: `index.json` of image archive `/nix/store/[HASH]-base.tar` is not what it should be
          caused by: its `mediaType` is that of a manifest, but it is named as an index, and programs differ in which they believe (CVE-2021-41190)
    "#]],
    );
}

#[test]
fn a_missing_blob_is_named() {
    let mut other = Layout::new();
    let image = other.blob(MANIFEST, "{}");
    check_layout(
        &Layout::new().index(&[image]),
        expect![[r#"
        listing the layer's closure
        reading base image `/nix/store/[HASH]-base.tar`
        error: image archive `/nix/store/[HASH]-base.tar` has no file `blobs/sha256/44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a`, which an index names as an image
    "#]],
    );
}

#[test]
fn cve_2024_3727_a_digest_that_leads_out_is_refused() {
    let image = json!({
        "mediaType": MANIFEST,
        "digest": "sha256:../../../../../../../../../../../../../etc/shadow",
        "size": 3,
    });
    check_layout(
        &Layout::new().index(&[image]),
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            error: `index.json` of image archive `/nix/store/[HASH]-base.tar` is not what it should be
              caused by: `sha256:../../../../../../../../../../../../../etc/shadow` is no digest, which is `sha256:` and 64 or `sha512:` and 128 lower-case hexadecimal digits at line 1 column 211
        "#]],
    );
}

#[test]
fn cve_2021_41190_a_manifest_that_is_an_index_too_is_refused() {
    let layout = with_manifest(|manifest| manifest["manifests"] = json!([]));
    check_layout(
        &layout,
        expect![[r#"
        listing the layer's closure
        reading base image `/nix/store/[HASH]-base.tar`
        error: `blobs/sha256/82e0c5007dd717049afc33f0245fe88f1f93f38585817967cabac2669086d027` of image archive `/nix/store/[HASH]-base.tar` is not what it should be
          caused by: it has both `manifests` and `config`, and so is an index to some programs and a manifest to others (CVE-2021-41190)
    "#]],
    );
}

#[test]
fn cve_2021_41190_a_manifest_that_calls_itself_an_index_is_refused() {
    let layout = with_manifest(|manifest| manifest["mediaType"] = json!(INDEX));
    check_layout(
        &layout,
        expect![[r#"
        listing the layer's closure
        reading base image `/nix/store/[HASH]-base.tar`
        error: `blobs/sha256/5d7c442bab92b1da44749ee982e2b7991b83f984b73bbbbc6f598e3999f45366` of image archive `/nix/store/[HASH]-base.tar` is not what it should be
          caused by: its `mediaType` is that of an index, but it is named as a manifest, and programs differ in which they believe (CVE-2021-41190)
    "#]],
    );
}

#[test]
fn layers_that_are_there_twice_are_refused() {
    let mut layout = Layout::new();
    let text = r#"{"schemaVersion":2,"layers":[],"layers":[]}"#;
    let manifest = layout.blob(MANIFEST, text);
    check_layout(
        &layout.index(&[manifest]),
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            error: `blobs/sha256/581aa938fb03a0379203a742bff67d3b1056d9b276a78920c36cc396287b7dea` of image archive `/nix/store/[HASH]-base.tar` is not what it should be
              caused by: the key `layers` is there twice at line 1 column 39
        "#]],
    );
}

#[test]
fn layers_in_another_case_are_refused() {
    let layout = with_manifest(|manifest| manifest["Layers"] = json!([]));
    check_layout(
        &layout,
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            error: `blobs/sha256/609aead3561237aed4866f61057d4f7f274301cd1968a16e557b6535eaa69e9e` of image archive `/nix/store/[HASH]-base.tar` is not what it should be
              caused by: the keys `layers` and `Layers` are one key to Docker, podman and all that is written in Go, and two to others at line 1 column 405
        "#]],
    );
}

#[test]
fn a_manifest_with_bytes_behind_it_is_refused() {
    let mut layout = Layout::new();
    let mut image = layout.blob(MANIFEST, "{} ");
    image["size"] = json!(2);
    check_layout(
        &layout.index(&[image]),
        expect![[r#"
        listing the layer's closure
        reading base image `/nix/store/[HASH]-base.tar`
        error: `blobs/sha256/3d8e6a3f3561a8683abc16c3851110c4e607124c4c5a919cb7e78764882f37ad` in image archive `/nix/store/[HASH]-base.tar` has 3 bytes, but what names it says 2; it is damaged
    "#]],
    );
}

#[test]
fn a_manifest_with_another_digest_is_refused() {
    let mut layout = Layout::new();
    let image = layout.blob(MANIFEST, "{}");
    let name = format!("blobs/sha256/{}", Sha256::of(b"{}").hex());
    let layout = layout.file(&name, "[]").index(&[image]);
    check_layout(
        &layout,
        expect![[r#"
        listing the layer's closure
        reading base image `/nix/store/[HASH]-base.tar`
        error: `blobs/sha256/44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a` in image archive `/nix/store/[HASH]-base.tar` has the digest sha256:4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945, but it is named as sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a; it is damaged or was changed
    "#]],
    );
}

#[test]
fn a_config_with_another_digest_is_refused() {
    let config = tars::config_of(&[&tars::layer()]);
    let name = format!("blobs/sha256/{}", Sha256::of(config.as_bytes()).hex());
    let layout = layouts::plain().file(&name, config.replace("A=1", "A=2"));
    check_layout(
        &layout,
        expect![[r#"
        listing the layer's closure
        reading base image `/nix/store/[HASH]-base.tar`
        error: `blobs/sha256/aad578293d048131a4380a4e6be1a7a3127eed2dd3dde66c4010acca90309803` in image archive `/nix/store/[HASH]-base.tar` has the digest sha256:d5a86da97fa96dbf769a68130650fd31e3847e46ed723fbcb3d858dc42f6b6bb, but it is named as sha256:aad578293d048131a4380a4e6be1a7a3127eed2dd3dde66c4010acca90309803; it is damaged or was changed
    "#]],
    );
}

#[test]
fn a_layer_with_another_digest_is_refused() {
    let name = format!("blobs/sha256/{}", Sha256::of(&tars::layer()).hex());
    let other = Tar::new().directory("./").file("./hello", "HELLO").finish();
    check_layout(
        &layouts::plain().file(&name, other),
        expect![[r#"
        listing the layer's closure
        reading base image `/nix/store/[HASH]-base.tar`
        error: `blobs/sha256/f7f344db76ccfd488322b464d7f4fc12a1b5627a0a94e79faf02f062bdd5e322` in image archive `/nix/store/[HASH]-base.tar` has the digest sha256:502ee612c695c7b906c9078b6d5bfb4e15dcb8bf42bc85f664f56af87855e0eb, but it is named as sha256:f7f344db76ccfd488322b464d7f4fc12a1b5627a0a94e79faf02f062bdd5e322; it is damaged or was changed
    "#]],
    );
}

#[test]
fn a_layer_with_bytes_behind_it_is_refused() {
    let name = format!("blobs/sha256/{}", Sha256::of(&tars::layer()).hex());
    let longer = [tars::layer(), vec![0; 512]].concat();
    check_layout(
        &layouts::plain().file(&name, longer),
        expect![[r#"
        listing the layer's closure
        reading base image `/nix/store/[HASH]-base.tar`
        error: `blobs/sha256/f7f344db76ccfd488322b464d7f4fc12a1b5627a0a94e79faf02f062bdd5e322` in image archive `/nix/store/[HASH]-base.tar` has 3072 bytes, but what names it says 2560; it is damaged
    "#]],
    );
}

#[test]
fn a_gzip_layer_called_plain_is_refused() {
    let mut layout = Layout::new();
    let layer = tars::layer();
    let image = layout.image(&[(LAYER, &tars::gzip(&layer))], &[&layer]);
    check_layout(
        &layout.index(&[image]),
        expect![[r#"
        listing the layer's closure
        reading base image `/nix/store/[HASH]-base.tar`
        error: layer `blobs/sha256/56b369571079de45422a17115bc39742a12d9a0571ff4c7059bd274bae75aa39` of base image `/nix/store/[HASH]-base.tar` is packed with gzip, but its manifest says with nothing; programs differ in which they believe
    "#]],
    );
}

#[test]
fn a_plain_layer_called_gzip_is_refused() {
    let mut layout = Layout::new();
    let layer = tars::layer();
    let gzip = format!("{LAYER}+gzip");
    let image = layout.image(&[(&gzip, &layer)], &[&layer]);
    check_layout(
        &layout.index(&[image]),
        expect![[r#"
        listing the layer's closure
        reading base image `/nix/store/[HASH]-base.tar`
        error: layer `blobs/sha256/f7f344db76ccfd488322b464d7f4fc12a1b5627a0a94e79faf02f062bdd5e322` of base image `/nix/store/[HASH]-base.tar` is packed with nothing, but its manifest says with gzip; programs differ in which they believe
    "#]],
    );
}

#[test]
fn a_layer_that_is_no_tar_is_refused() {
    let layout = with_manifest(|manifest| {
        manifest["layers"][0]["mediaType"] = json!("application/vnd.in-toto+json");
    });
    check_layout(
        &layout,
        expect![[r#"
        listing the layer's closure
        reading base image `/nix/store/[HASH]-base.tar`
        error: `blobs/sha256/b3a4e759234f6f0fac3622406415a7a8e4efb8464af85b962446eac5b378d07b` of image archive `/nix/store/[HASH]-base.tar` is not what it should be
          caused by: its layer 1 has the media type of `application/vnd.in-toto+json`; layers are tars, plain or packed with gzip or zstd
    "#]],
    );
}

#[test]
fn something_stored_like_an_image_is_refused() {
    let layout = with_manifest(|manifest| {
        manifest["config"]["mediaType"] = json!("application/vnd.cncf.helm.config.v1+json");
    });
    check_layout(
        &layout,
        expect![[r#"
        listing the layer's closure
        reading base image `/nix/store/[HASH]-base.tar`
        error: `blobs/sha256/ecfe4ab1ee0f337347fa26e9a943b472b32767d1ebb75d77a49f89832436d57a` of image archive `/nix/store/[HASH]-base.tar` is not what it should be
          caused by: its config has the media type of `application/vnd.cncf.helm.config.v1+json`; this is no image but something stored like one
    "#]],
    );
}

#[test]
fn fewer_layers_than_diff_ids_are_refused() {
    let layout = with_manifest(|manifest| manifest["layers"] = json!([]));
    check_layout(
        &layout,
        expect![[r#"
        listing the layer's closure
        reading base image `/nix/store/[HASH]-base.tar`
        error: base image `/nix/store/[HASH]-base.tar` has 0 layers, but its config `blobs/sha256/aad578293d048131a4380a4e6be1a7a3127eed2dd3dde66c4010acca90309803` lists 1 in `rootfs.diff_ids`; no engine takes such an image
    "#]],
    );
}

#[test]
fn a_diff_id_of_another_layer_is_refused() {
    let mut layout = Layout::new();
    let other = Tar::new().file("./other", "other").finish();
    let image = layout.image(&[(LAYER, &tars::layer())], &[&other]);
    check_layout(
        &layout.index(&[image]),
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            error: layer `blobs/sha256/f7f344db76ccfd488322b464d7f4fc12a1b5627a0a94e79faf02f062bdd5e322` of base image `/nix/store/[HASH]-base.tar` has the DiffID sha256:f7f344db76ccfd488322b464d7f4fc12a1b5627a0a94e79faf02f062bdd5e322, but the image's config lists sha256:048f62ac962bfb6f0f534f926212f4d80f130d44d4ec33b4b9f1795c6b233a6a; it is damaged, or was made from packed layers by nixpkgs, and no engine takes it
        "#]],
    );
}

#[test]
fn an_index_below_itself_is_refused() {
    let mut layout = Layout::new();
    let layer = tars::layer();
    let image = layout.image(&[(LAYER, &layer)], &[&layer]);
    let nested = (0..5).fold(image, |below, _| {
        layout.blob(INDEX, layouts::index_of(&[below]).to_string())
    });
    check_layout(
        &layout.index(&[nested]),
        expect![[r#"
        listing the layer's closure
        reading base image `/nix/store/[HASH]-base.tar`
        error: image archive `/nix/store/[HASH]-base.tar` has indexes more than 4 deep in each other; `dockerToolsLimits.maxNesting` allows more
    "#]],
    );
}

#[test]
fn more_images_than_any_index_has_are_refused() {
    let mut layout = Layout::new();
    let layer = tars::layer();
    let image = layout.image(&[(LAYER, &layer)], &[&layer]);
    let index = layout.blob(INDEX, layouts::index_of(&vec![image; 500]).to_string());
    check_layout(
        &layout.index(&vec![index; 3]),
        expect![[r#"
        listing the layer's closure
        reading base image `/nix/store/[HASH]-base.tar`
        error: image archive `/nix/store/[HASH]-base.tar` lists more than 1000 images; `dockerToolsLimits.maxManifests` allows more
    "#]],
    );
}

#[test]
fn a_blob_that_is_a_link_out_is_refused() {
    let mut layout = Layout::new();
    let image = layout.blob(MANIFEST, "{}");
    let name = format!("blobs/sha256/{}", Sha256::of(b"{}").hex());
    let archive = Layout::new().index(&[image]).archive();
    check_base(
        &archive.symlink(&name, "../../../etc/shadow").finish(),
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            error: image archive `/nix/store/[HASH]-base.tar` has the symlink `blobs/sha256/44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a` to `../../../etc/shadow`, which is outside the archive
        "#]],
    );
}

#[test]
fn a_blob_that_is_a_link_out_of_a_directory_is_refused() {
    check_image(
        |sandbox, attrs| {
            let mut layout = Layout::new();
            let image = layout.blob(MANIFEST, "{}");
            let directory = Layout::new().index(&[image]).directory(sandbox);
            let outside = sandbox.file("outside", "{}");
            let blobs = directory.join("blobs/sha256");
            std::fs::create_dir_all(&blobs).unwrap();
            let name = blobs.join(Sha256::of(b"{}").hex());
            let target = std::path::Path::new("../../..").join(outside.file_name().unwrap());
            std::os::unix::fs::symlink(target, name).unwrap();
            attrs["image"]["fromImage"] = json!(directory);
        },
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-layout`
            error: image archive `/nix/store/[HASH]-layout` has the symlink `blobs/sha256/44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a` to `../../../00000000000000000000000000000000-outside`, which is outside the archive
        "#]],
    );
}
