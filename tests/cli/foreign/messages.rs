//! Messages about packings and sparse files.

use expect_test::{Expect, expect};
use serde_json::json;

use super::sparse::sparse;
use crate::errors::check;
use crate::errors::tars::{bzip2, image_of_layer};
use crate::sandbox::Sandbox;

#[track_caller]
fn check_export(image: &[u8], expected: Expect) {
    let sandbox = Sandbox::new();
    let path = sandbox.file("base.tar", image);
    let export = json!({ "fromImage": path, "fromImageName": null, "fromImageTag": null });
    let attrs = json!({ "outputs": { "out": sandbox.out() }, "export": export });
    check(&sandbox, "export", &attrs, &expected);
}

#[test]
fn the_holes_of_a_layer_are_limited_where_they_are_filled() {
    let layer = sparse(&[(0, 512), (1 << 40, 0)], 1 << 40).finish();
    check_export(
        &image_of_layer(&layer),
        expect![[r#"
        reading image `/nix/store/[HASH]-base.tar`
        merging 1 layer of `/nix/store/[HASH]-base.tar`
        error: layer `a/layer.tar` of image `/nix/store/[HASH]-base.tar` has the sparse file `sparse`, whose holes are too large to be filled
          caused by: it has more than 274877906944 bytes when unpacked; `dockerToolsLimits.maxUnpacked` allows more
    "#]],
    );
    let layer = sparse(&[(0, 512), (1 << 30, 0)], 1 << 30).finish();
    check_export(
        &image_of_layer(&layer),
        expect![[r#"
        reading image `/nix/store/[HASH]-base.tar`
        merging 1 layer of `/nix/store/[HASH]-base.tar`
        error: layer `a/layer.tar` of image `/nix/store/[HASH]-base.tar` has the sparse file `sparse`, whose holes are too large to be filled
          caused by: it becomes more than 200 times as large when unpacked, as decompression bombs do; `dockerToolsLimits.maxRatio` allows more
    "#]],
    );
}

#[test]
fn the_holes_of_an_archive_are_limited() {
    let archive = [
        sparse(&[(1 << 40, 0)], 1 << 40).unfinished(),
        image_of_layer(b""),
    ]
    .concat();
    check_export(
        &archive,
        expect![[r#"
        reading image `/nix/store/[HASH]-base.tar`
        error: image archive `/nix/store/[HASH]-base.tar` has the sparse file `sparse`, whose holes are too large to be filled
          caused by: it has more than 274877906944 bytes when unpacked; `dockerToolsLimits.maxUnpacked` allows more
    "#]],
    );
}

#[test]
fn the_holes_of_what_is_merged_are_limited() {
    let sandbox = Sandbox::new();
    let item = sandbox.file("item.tar", sparse(&[(1 << 40, 0)], 1 << 40).finish());
    let attrs = json!({
        "outputs": { "out": sandbox.out() },
        "mergeDerivations": { "derivations": [item], "onlyDeps": false },
    });
    check(
        &sandbox,
        "merge-derivations",
        &attrs,
        &expect![[r#"
        merging `/nix/store/[HASH]-item.tar`
        error: `/nix/store/[HASH]-item.tar` has the sparse file `sparse`, whose holes are too large to be filled
          caused by: it has more than 274877906944 bytes when unpacked; `dockerToolsLimits.maxUnpacked` allows more
    "#]],
    );
}

#[test]
fn an_archive_of_no_bytes_is_none() {
    check_export(
        b"",
        expect![[r#"
        reading image `/nix/store/[HASH]-base.tar`
        error: image archive `/nix/store/[HASH]-base.tar` is damaged or no tar
          caused by: the tar has not one byte; an empty one consists of blocks of zeros
    "#]],
    );
}

#[test]
fn damaged_bzip2_is_refused() {
    let packed = bzip2(&image_of_layer(b""));
    check_export(
        &packed[..packed.len() - 5],
        expect![[r#"
        reading image `/nix/store/[HASH]-base.tar`
        error: cannot read image archive `/nix/store/[HASH]-base.tar`
          caused by: decompression not finished but EOF reached
    "#]],
    );
    let mut changed = packed.clone();
    changed[packed.len() / 2] ^= 1;
    check_export(
        &changed,
        expect![[r#"
        reading image `/nix/store/[HASH]-base.tar`
        error: image archive `/nix/store/[HASH]-base.tar` is damaged or no tar
          caused by: no tar header at byte 0: its checksum is wrong
    "#]],
    );
    let junk = [&*packed, b"junk that is no bzip2"].concat();
    check_export(
        &junk,
        expect![[r#"
        reading image `/nix/store/[HASH]-base.tar`
        error: cannot read image archive `/nix/store/[HASH]-base.tar`
          caused by: bzip2: bz2 header missing
    "#]],
    );
}
