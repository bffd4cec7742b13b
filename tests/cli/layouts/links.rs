//! Blobs that are links to other outputs in a store.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use expect_test::expect;
use nix_image_builder::bytes::digest::Sha256;
use serde_json::json;

use super::{attrs, built, check_convert, check_right, converted, files, image, index_attrs};
use crate::errors::layouts::{LAYER, Layout};
use crate::errors::tars;
use crate::sandbox::Sandbox;
use crate::verify::docker;

/// The layer's blob of a layout with one plain layer.
fn layer_path(layout: &Path) -> PathBuf {
    layout
        .join("blobs/sha256")
        .join(Sha256::of(&tars::layer()).hex())
}

/// An index takes no byte of a layer twice, and a tar has no links in it.
#[test]
fn an_index_links_to_the_layouts_of_its_images() {
    let sandbox = Sandbox::new();
    let archive = sandbox.file("image.tar", docker().archive());
    let image = built(&sandbox, "oci-layout", &attrs(&sandbox, &archive), "image");
    let index = built(
        &sandbox,
        "image-index",
        &index_attrs(&sandbox, std::slice::from_ref(&image)),
        "index",
    );
    let links: Vec<PathBuf> = fs::read_dir(index.join("blobs/sha256"))
        .unwrap()
        .filter_map(|entry| fs::read_link(entry.unwrap().path()).ok())
        .collect();
    let [link] = links.as_slice() else {
        panic!("{links:?}")
    };
    assert!(link.starts_with(&image), "{}", link.display());
    check_right(&sandbox, &index);
    // An index of indexes links to where the blobs are.
    let outer = built(
        &sandbox,
        "image-index",
        &index_attrs(&sandbox, std::slice::from_ref(&index)),
        "outer",
    );
    let link = fs::read_link(outer.join("blobs/sha256").join(link.file_name().unwrap())).unwrap();
    assert!(link.starts_with(&image), "{}", link.display());

    let mut attrs = index_attrs(&sandbox, std::slice::from_ref(&index));
    attrs["imageIndex"]["archive"] = json!(true);
    let tar = built(&sandbox, "image-index", &attrs, "index.tar");
    let copied = converted(&sandbox, &tar, "copied", &[]);
    assert!(files(&copied) == files(&index));
}

/// A link out of the store, to what is no file, or to other bytes, is damage.
#[test]
fn other_links_are_not_followed() {
    let sandbox = Sandbox::new();
    let mut layout = Layout::new();
    let image = image(&mut layout, LAYER, &tars::layer());
    let layout = layout.index(&[image]).directory(&sandbox);
    let blob = layer_path(&layout);
    let good = sandbox.file("layer", tars::layer());
    let again = |target: &Path| {
        fs::remove_file(&blob).unwrap();
        symlink(target, &blob).unwrap();
    };
    again(&good);
    check_right(&sandbox, &layout);
    converted(&sandbox, &layout, "copy", &[]);

    let outside = sandbox.root().join("layer");
    fs::write(&outside, tars::layer()).unwrap();
    again(&outside);
    check_convert(
        &sandbox,
        &layout,
        &[],
        expect![[r#"
        error: image archive `/nix/store/[HASH]-layout` has the symlink `blobs/sha256/f7f344db76ccfd488322b464d7f4fc12a1b5627a0a94e79faf02f062bdd5e322` to `[TMP]/layer`, which is outside the archive
    "#]],
    );
    again(Path::new("/dev/zero"));
    check_convert(
        &sandbox,
        &layout,
        &[],
        expect![[r#"
        error: image archive `/nix/store/[HASH]-layout` has the symlink `blobs/sha256/f7f344db76ccfd488322b464d7f4fc12a1b5627a0a94e79faf02f062bdd5e322` to `/dev/zero`, which is outside the archive
    "#]],
    );
    again(&sandbox.store_path("nothing"));
    check_convert(
        &sandbox,
        &layout,
        &[],
        expect![[r#"
        error: image archive `/nix/store/[HASH]-layout` has the symlink `blobs/sha256/f7f344db76ccfd488322b464d7f4fc12a1b5627a0a94e79faf02f062bdd5e322` to `/nix/store/[HASH]-nothing`, which is outside the archive
    "#]],
    );
    again(&sandbox.directory("directory", &[]));
    check_convert(
        &sandbox,
        &layout,
        &[],
        expect![[r#"
        error: image archive `/nix/store/[HASH]-layout` has the symlink `blobs/sha256/f7f344db76ccfd488322b464d7f4fc12a1b5627a0a94e79faf02f062bdd5e322` to `/nix/store/[HASH]-directory`, which is outside the archive
    "#]],
    );
    again(&sandbox.file("other", b"other"));
    check_convert(
        &sandbox,
        &layout,
        &[],
        expect![[r#"
        error: layer `blobs/sha256/f7f344db76ccfd488322b464d7f4fc12a1b5627a0a94e79faf02f062bdd5e322` of base image `/nix/store/[HASH]-layout` is damaged or no tar
          caused by: the tar ends at byte 5, within a header
    "#]],
    );
    // Through a link within the store that leads out of it.
    let through = sandbox.store_path("through");
    symlink(&outside, &through).unwrap();
    again(&through);
    check_convert(
        &sandbox,
        &layout,
        &[],
        expect![[r#"
        error: image archive `/nix/store/[HASH]-layout` has the symlink `blobs/sha256/f7f344db76ccfd488322b464d7f4fc12a1b5627a0a94e79faf02f062bdd5e322` to `/nix/store/[HASH]-through`, which is outside the archive
    "#]],
    );
}
