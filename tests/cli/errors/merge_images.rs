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
        error: `manifest.json` of image `/nix/store/[HASH]-other.tar` is not what it should be
          caused by: invalid type: map, expected a sequence at line 1 column 0
    "#]],
    );
}

#[test]
fn repositories_that_are_no_object_are_refused() {
    check_with(
        &Tar::new().file("repositories", "[]").finish(),
        expect![[r#"
            reading image `/nix/store/[HASH]-good.tar`
            reading image `/nix/store/[HASH]-other.tar`
            error: `repositories` of image `/nix/store/[HASH]-other.tar` is not what it should be
              caused by: invalid type: sequence, expected a map at line 1 column 0
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
            error: image archive `/nix/store/[HASH]-other.tar` has no file `manifest.json`, which `mergeImages` joins
        "#]],
    );
}

#[test]
fn a_symlink_here_and_a_directory_there_is_refused() {
    check_merge(
        |sandbox| {
            let link = Tar::new().symlink("a", "b").finish();
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
        &Tar::new().file("a", "x").finish(),
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
