//! Messages of `mergeDrvs`; above all, that nothing gets out of the output.

use std::path::PathBuf;

use expect_test::{Expect, expect};
use serde_json::json;

use super::check;
use super::tars::{self, Tar, header};
use crate::sandbox::Sandbox;

/// Merges the items that `make` makes.
#[track_caller]
fn check_items(make: impl FnOnce(&Sandbox) -> Vec<PathBuf>, expected: Expect) {
    let sandbox = Sandbox::new();
    let attrs = json!({
        "outputs": { "out": sandbox.out() },
        "mergeDerivations": { "derivations": make(&sandbox), "onlyDeps": false },
    });
    check(&sandbox, "merge-derivations", &attrs, &expected);
    assert!(!sandbox.root().join("escaped").exists());
}

/// Unpacks `tar`.
#[track_caller]
fn check_tar(tar: Tar, expected: Expect) {
    check_items(
        |sandbox| vec![sandbox.file("item.tar", tar.finish())],
        expected,
    );
}

#[test]
fn an_item_that_is_missing_is_named() {
    check_items(
        |sandbox| vec![sandbox.store_path("gone")],
        expect![[r#"
        merging `/nix/store/[HASH]-gone`
        error: cannot read `/nix/store/[HASH]-gone`
          caused by: No such file or directory (os error 2)
    "#]],
    );
}

#[test]
fn an_item_that_is_no_archive_is_named() {
    let script = "#!/bin/sh\n".repeat(100);
    check_items(
        |sandbox| vec![sandbox.file("script", script)],
        expect![[r#"
        merging `/nix/store/[HASH]-script`
        error: `/nix/store/[HASH]-script` is no directory, and no tar archive that can be unpacked
          caused by: no tar header at byte 0: its checksum is wrong
    "#]],
    );
}

#[test]
fn an_archive_that_ends_early_leaves_nothing() {
    let tar = Tar::new()
        .file("a", "a")
        .file("b", "x".repeat(2000))
        .finish();
    check_items(
        |sandbox| vec![sandbox.file("item.tar", &tar[..2000])],
        expect![[r#"
            merging `/nix/store/[HASH]-item.tar`
            error: cannot copy `b` of `/nix/store/[HASH]-item.tar` to `/nix/store/[HASH]-out`
              caused by: the tar ends at byte 2000, within the content of a member
        "#]],
    );
}

#[test]
fn an_archive_whose_packing_is_damaged_leaves_nothing() {
    let mut packed = tars::gzip(&Tar::new().file("a", "x".repeat(2000)).finish());
    packed.truncate(packed.len() - 9);
    check_items(
        |sandbox| vec![sandbox.file("item.tar.gz", packed)],
        expect![[r#"
            merging `/nix/store/[HASH]-item.tar.gz`
            error: `/nix/store/[HASH]-item.tar.gz` is no directory, and no tar archive that can be unpacked
              caused by: cannot read the tar at byte 3414
              caused by: incomplete deflate stream
        "#]],
    );
}

#[test]
fn a_name_that_leads_out_is_refused() {
    check_tar(
        Tar::new().file("../../escaped", "x"),
        expect![[r#"
        merging `/nix/store/[HASH]-item.tar`
        error: `../../escaped` of `/nix/store/[HASH]-item.tar` has a part `..`, and could lead out of the output
    "#]],
    );
}

#[test]
fn an_absolute_name_stays_within() {
    let sandbox = Sandbox::new();
    let outside = sandbox.root().join("escaped");
    let tar = Tar::new().file(outside.to_str().unwrap(), "x").finish();
    sandbox.write_attrs(&json!({
        "outputs": { "out": sandbox.out() },
        "mergeDerivations": { "derivations": [sandbox.file("item.tar", tar)], "onlyDeps": false },
    }));
    let output = sandbox.builder(&["merge-derivations"]).output().unwrap();
    assert!(output.status.success(), "{}", sandbox.stderr(&output));
    assert!(!outside.exists());
    assert!(
        sandbox
            .out()
            .join(outside.strip_prefix("/").unwrap())
            .exists()
    );
}

/// CVE-2001-1267, and many like it since.
#[test]
fn a_file_behind_a_symlink_is_refused() {
    check_tar(
        Tar::new().symlink("a", "../..").file("a/escaped", "x"),
        expect![[r#"
            merging `/nix/store/[HASH]-item.tar`
            error: `a` is a directory in `/nix/store/[HASH]-item.tar`, and something else in what was merged before it; leave one of the two out
        "#]],
    );
}

/// CVE-2025-45582: the link in one archive, what goes through it in another.
#[test]
fn a_file_behind_a_symlink_of_an_earlier_item_is_refused() {
    check_items(
        |sandbox| {
            let link = Tar::new().symlink("a", "../..").finish();
            let file = Tar::new().file("a/escaped", "x").finish();
            vec![
                sandbox.file("link.tar", link),
                sandbox.file("file.tar", file),
            ]
        },
        expect![[r#"
            merging `/nix/store/[HASH]-link.tar`
            merging `/nix/store/[HASH]-file.tar`
            error: `a` is a directory in `/nix/store/[HASH]-file.tar`, and something else in what was merged before it; leave one of the two out
        "#]],
    );
}

#[test]
fn a_directory_of_an_item_does_not_go_behind_a_symlink_either() {
    check_items(
        |sandbox| {
            let link = Tar::new().symlink("a", "../..").finish();
            vec![
                sandbox.file("link.tar", link),
                sandbox.directory("item", &[("a/escaped", "x")]),
            ]
        },
        expect![[r#"
            merging `/nix/store/[HASH]-link.tar`
            merging `/nix/store/[HASH]-item`
            error: `a` is a directory in `/nix/store/[HASH]-item`, and something else in what was merged before it; leave one of the two out
        "#]],
    );
}

/// CVE-2021-32803: a directory that a symlink replaced is not remembered as one.
#[test]
fn a_symlink_does_not_take_the_place_of_a_directory() {
    check_tar(
        Tar::new()
            .directory("a/")
            .symlink("a", "../..")
            .file("a/escaped", "x"),
        expect![[r#"
            merging `/nix/store/[HASH]-item.tar`
            error: `a` is no directory in `/nix/store/[HASH]-item.tar`, and one in what was merged before it; leave one of the two out
        "#]],
    );
}

#[test]
fn a_file_does_not_take_the_place_of_a_directory() {
    check_items(
        |sandbox| {
            vec![
                sandbox.directory("first", &[("a/b", "x")]),
                sandbox.directory("second", &[("a", "x")]),
            ]
        },
        expect![[r#"
            merging `/nix/store/[HASH]-first`
            merging `/nix/store/[HASH]-second`
            error: `a` is no directory in `/nix/store/[HASH]-second`, and one in what was merged before it; leave one of the two out
        "#]],
    );
}

#[test]
fn a_hard_link_to_what_is_outside_is_refused() {
    check_tar(
        Tar::new().hard_link("a", "../../etc/passwd"),
        expect![[r#"
        merging `/nix/store/[HASH]-item.tar`
        error: `../../etc/passwd` of `/nix/store/[HASH]-item.tar` has a part `..`, and could lead out of the output
    "#]],
    );
}

#[test]
fn a_hard_link_to_what_comes_later_is_refused() {
    check_tar(
        Tar::new().hard_link("a", "b").file("b", "x"),
        expect![[r#"
        merging `/nix/store/[HASH]-item.tar`
        error: `a` of `/nix/store/[HASH]-item.tar` is a hard link to `b`, which is no file that came before it
    "#]],
    );
}

#[test]
fn a_hard_link_to_itself_is_refused() {
    check_tar(
        Tar::new().file("a", "x").hard_link("a", "a"),
        expect![[r#"
        merging `/nix/store/[HASH]-item.tar`
        error: `a` of `/nix/store/[HASH]-item.tar` is a hard link to `a`, which is no file that came before it
    "#]],
    );
}

#[test]
fn a_hard_link_behind_a_symlink_is_refused() {
    check_tar(
        Tar::new().symlink("a", "/etc").hard_link("b", "a/passwd"),
        expect![[r#"
            merging `/nix/store/[HASH]-item.tar`
            error: `a` is a directory in `/nix/store/[HASH]-item.tar`, and something else in what was merged before it; leave one of the two out
        "#]],
    );
}

#[test]
fn a_hard_link_to_a_directory_is_refused() {
    check_tar(
        Tar::new().directory("a/").hard_link("b", "a"),
        expect![[r#"
        merging `/nix/store/[HASH]-item.tar`
        error: `b` of `/nix/store/[HASH]-item.tar` is a hard link to `a`, which is no file that came before it
    "#]],
    );
}

#[test]
fn a_device_is_refused() {
    check_tar(
        Tar::new().header(&header("a", b'3', 0, "")),
        expect![[r#"
        merging `/nix/store/[HASH]-item.tar`
        error: `a` of `/nix/store/[HASH]-item.tar` is a device or a pipe, which no store path can hold; leave it out of the archive
    "#]],
    );
}

/// CVE-2021-29136: the root itself as a symlink.
#[test]
fn a_symlink_in_the_place_of_the_root_is_refused() {
    check_tar(
        Tar::new().symlink("./.", "/"),
        expect![[r#"
        merging `/nix/store/[HASH]-item.tar`
        error: `./.` of `/nix/store/[HASH]-item.tar` names nothing
    "#]],
    );
}

#[test]
fn a_name_that_is_too_deep_is_refused() {
    let name = "a/".repeat(1000);
    check_tar(
        Tar::new().pax(&[("path", name.as_str())]).directory("a/"),
        expect![[r#"
            merging `/nix/store/[HASH]-item.tar`
            error: `a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/...` of `/nix/store/[HASH]-item.tar` lies in more than 256 directories
        "#]],
    );
}

#[test]
fn a_name_that_is_too_long_is_refused() {
    let name = "a".repeat(256);
    check_tar(
        Tar::new().pax(&[("path", name.as_str())]).file("a", "x"),
        expect![[r#"
            merging `/nix/store/[HASH]-item.tar`
            error: cannot copy `aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa` of `/nix/store/[HASH]-item.tar` to `/nix/store/[HASH]-out`
              caused by: File name too long (os error 36)
        "#]],
    );
}

#[test]
fn an_output_that_is_there_already_is_not_touched() {
    let sandbox = Sandbox::new();
    std::fs::create_dir(sandbox.out()).unwrap();
    sandbox.write_attrs(&json!({
        "outputs": { "out": sandbox.out() },
        "mergeDerivations": { "derivations": [], "onlyDeps": false },
    }));
    let output = sandbox.builder(&["merge-derivations"]).output().unwrap();
    super::check_output(
        &sandbox,
        &output,
        super::FAILED,
        &expect![[r#"
        error: cannot create `/nix/store/[HASH]-out`
          caused by: File exists (os error 17)
    "#]],
    );
    assert!(sandbox.out().exists());
}
