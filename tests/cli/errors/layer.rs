//! Messages about what goes into a layer.

use std::error::Error;
use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::sync::Arc;

use expect_test::{Expect, expect};
use nix_image_builder::tar::owner::Owner;
use nix_image_builder::tar::plan::{Content, Entry, Kind, TarPlan};
use nix_image_builder::tar::tarsum;
use nix_image_builder::tar::write::{self, WriteError};
use serde_json::json;
use tempfile::NamedTempFile;

use super::{FAILED, check_command, check_layer, layer_attrs};
use crate::sandbox::Sandbox;

/// The user `nobody`, who may read little.
pub(super) const NOBODY: u32 = 65534;

#[test]
fn a_base_json_that_is_missing_is_named() {
    check_layer(
        |sandbox, attrs| attrs["layer"]["baseJson"] = json!(sandbox.store_path("gone.json")),
        expect![[r#"
            error: cannot read `/nix/store/[HASH]-gone.json`
              caused by: No such file or directory (os error 2)
        "#]],
    );
}

#[test]
fn a_base_json_that_is_no_json_is_refused() {
    check_layer(
        |sandbox, attrs| attrs["layer"]["baseJson"] = json!(sandbox.file("bad.json", "{")),
        expect![[r#"
            error: cannot use `/nix/store/[HASH]-bad.json`
              caused by: the JSON of an image has to be an object
              caused by: EOF while parsing an object at line 1 column 1
        "#]],
    );
}

#[test]
fn a_missing_item_is_named() {
    check_layer(
        |sandbox, attrs| attrs["layer"]["copyToRoot"] = json!([sandbox.store_path("gone")]),
        expect![[r#"
            copying `/nix/store/[HASH]-gone` to the root of the layer
            error: cannot read `/nix/store/[HASH]-gone`
              caused by: No such file or directory (os error 2)
        "#]],
    );
}

#[test]
fn an_item_that_is_a_file_is_refused() {
    check_layer(
        |sandbox, attrs| attrs["layer"]["copyToRoot"] = json!([sandbox.file("hello", "x")]),
        expect![[r#"
            copying `/nix/store/[HASH]-hello` to the root of the layer
            error: item `/nix/store/[HASH]-hello` of `copyToRoot` is not a directory; only what directories hold can be copied to the root, so put the file into one, for example with `writeTextDir` or `runCommand`
        "#]],
    );
}

#[test]
fn a_file_in_the_place_of_a_full_directory_names_both_items() {
    check_layer(
        |sandbox, attrs| {
            attrs["layer"]["copyToRoot"] = json!([
                sandbox.directory("first", &[("etc/app/conf", "1")]),
                sandbox.directory("second", &[("etc/app", "2")]),
            ]);
        },
        expect![[r#"
            merging 2 items into the root of the layer
            error: cannot put a file in the place of a non-empty directory: `/etc/app` is a directory in `/nix/store/[HASH]-first` and a file in `/nix/store/[HASH]-second`; leave one of the two out of `copyToRoot`, or join them with `buildEnv` first
        "#]],
    );
}

#[test]
fn a_symlink_in_the_place_of_a_full_directory_names_both_items() {
    check_layer(
        |sandbox, attrs| {
            let second = sandbox.directory("second", &[]);
            symlink("share", second.join("etc")).unwrap();
            let first = sandbox.directory("first", &[("etc/app/conf", "1")]);
            attrs["layer"]["copyToRoot"] = json!([first, second]);
            attrs["layer"]["keepContentsDirlinks"] = json!(true);
        },
        expect![[r#"
            merging 2 items into the root of the layer
            error: cannot put a symlink in the place of a non-empty directory: `/etc` is a directory in `/nix/store/[HASH]-first` and a symlink in `/nix/store/[HASH]-second`; leave one of the two out of `copyToRoot`, or join them with `buildEnv` first
        "#]],
    );
}

#[test]
fn a_directory_behind_a_symlink_that_leads_out_names_both_items() {
    check_layer(
        |sandbox, attrs| {
            let elsewhere = sandbox.directory("elsewhere", &[("hosts", "1")]);
            let first = sandbox.directory("first", &[]);
            symlink(&elsewhere, first.join("etc")).unwrap();
            let second = sandbox.directory("second", &[("etc/hosts", "2")]);
            attrs["layer"]["copyToRoot"] = json!([first, second]);
            attrs["layer"]["keepContentsDirlinks"] = json!(true);
        },
        expect![[r#"
            merging 2 items into the root of the layer
            error: cannot merge directory `/etc` of `/nix/store/[HASH]-second` behind the symlink that `/nix/store/[HASH]-first` has there: it leads to `/nix/store/[HASH]-elsewhere`, outside the layer; leave one of the two out of `copyToRoot`, or set `keepContentsDirlinks = false`
        "#]],
    );
}

/// Builds, as a user who may not do everything, a layer of one item that `restrict` was let at.
#[track_caller]
fn check_unreadable(restrict: impl FnOnce(&Path), expected: Expect) {
    let sandbox = Sandbox::new();
    let item = sandbox.directory("secrets", &[("etc/key", "secret")]);
    restrict(&item);
    let mut attrs = layer_attrs(&sandbox);
    attrs["layer"]["copyToRoot"] = json!([item]);
    sandbox.write_attrs(&attrs);

    // Where the tests were built, that user may not even look.
    let copied = sandbox.root().join("builder");
    fs::copy(env!("CARGO_BIN_EXE_builder"), &copied).unwrap();
    fs::set_permissions(
        sandbox.out().parent().unwrap(),
        Permissions::from_mode(0o777),
    )
    .unwrap();
    let mut builder = sandbox.command(copied, &["pure-layer"]);
    let is_root = fs::metadata(sandbox.root()).unwrap().uid() == 0;
    if is_root {
        builder.uid(NOBODY).gid(NOBODY);
    }
    check_command(&sandbox, &mut builder, FAILED, &expected);
}

#[test]
fn a_file_that_may_not_be_read_is_named() {
    check_unreadable(
        |item| fs::set_permissions(item.join("etc/key"), Permissions::from_mode(0o000)).unwrap(),
        expect![[r#"
            copying `/nix/store/[HASH]-secrets` to the root of the layer
            packing 10.24 kB in 3 files
            error: cannot read `/nix/store/[HASH]-secrets/etc/key`
              caused by: Permission denied (os error 13)
        "#]],
    );
}

#[test]
fn a_directory_that_may_not_be_listed_is_named() {
    check_unreadable(
        // A user can still take it away after the test.
        |item| fs::set_permissions(item.join("etc"), Permissions::from_mode(0o311)).unwrap(),
        expect![[r#"
            copying `/nix/store/[HASH]-secrets` to the root of the layer
            error: cannot list directory `/nix/store/[HASH]-secrets/etc`
              caused by: Permission denied (os error 13)
        "#]],
    );
}

#[test]
fn a_directory_that_may_not_be_entered_names_the_file_in_it() {
    check_unreadable(
        |item| fs::set_permissions(item.join("etc"), Permissions::from_mode(0o644)).unwrap(),
        expect![[r#"
            copying `/nix/store/[HASH]-secrets` to the root of the layer
            error: cannot read `/nix/store/[HASH]-secrets/etc/key`
              caused by: Permission denied (os error 13)
        "#]],
    );
}

/// The files below `/proc/sys` have no size until they are read, and so change under our eyes.
#[test]
fn a_file_that_is_longer_than_it_said_is_named() {
    check_layer(
        |_, attrs| attrs["layer"]["copyToRoot"] = json!(["/proc/sys/kernel/random"]),
        expect![[r#"
            copying `/proc/sys/kernel/random` to the root of the layer
            packing 10.24 kB in 7 files
            error: `/proc/sys/kernel/random/boot_id` changed while it was read: it had 0 bytes and now has more
        "#]],
    );
}

/// Writes a plan with one file, `path`, of which the plan says that it has `size` bytes. The TarSum
/// of the plan fails alike.
#[track_caller]
fn check_write(path: &Path, size: u64, expected: Expect) {
    let plan = TarPlan {
        entries: vec![Entry {
            name: b"./file".to_vec(),
            kind: Kind::Regular {
                size,
                content: Content::File(path.to_owned()),
            },
            mode: 0o444,
            owner: Arc::new(Owner::root()),
            mtime: 0,
            xattrs: Vec::new(),
        }],
        ..TarPlan::default()
    };
    let shown = |error| chain(&error).replace(&*path.to_string_lossy(), "[FILE]");
    let written = shown(write::write(&plan, &mut io::sink()).unwrap_err());
    assert_eq!(shown(tarsum::of_plan(&plan).unwrap_err()), written);
    expected.assert_eq(&written);
}

/// An error as `main` prints it.
fn chain(error: &WriteError) -> String {
    let mut text = format!("error: {error}\n");
    let mut source = error.source();
    while let Some(cause) = source {
        text += &format!("  caused by: {cause}\n");
        source = cause.source();
    }
    text
}

fn file_of(content: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(content.as_bytes()).unwrap();
    file
}

#[test]
fn a_file_that_shrank_is_named_with_both_sizes() {
    check_write(
        file_of("1234").path(),
        10,
        expect![[r#"
        error: `[FILE]` changed while it was read: it had 10 bytes and now has 4
    "#]],
    );
}

#[test]
fn a_file_that_grew_is_named_with_the_size_it_had() {
    check_write(
        file_of("1234").path(),
        3,
        expect![[r#"
        error: `[FILE]` changed while it was read: it had 3 bytes and now has more
    "#]],
    );
}

#[test]
fn a_file_that_vanished_is_named() {
    check_write(
        Path::new("/gone"),
        3,
        expect![[r#"
        error: cannot read `[FILE]`
          caused by: No such file or directory (os error 2)
    "#]],
    );
}

#[test]
fn a_file_that_became_a_directory_is_named() {
    check_write(
        Path::new("/proc"),
        3,
        expect![[r#"
        error: cannot read `[FILE]`
          caused by: Is a directory (os error 21)
    "#]],
    );
}

/// The kernel opens this file, but page 0 of a process cannot be read.
#[test]
fn a_file_that_fails_while_it_is_read_is_named() {
    check_write(
        Path::new("/proc/self/mem"),
        3,
        expect![[r#"
        error: cannot read `[FILE]`
          caused by: Input/output error (os error 5)
    "#]],
    );
}

#[test]
fn a_sink_that_fails_is_told_from_a_source_that_fails() {
    let plan = TarPlan::default();
    let error = write::write(&plan, &mut &mut [0_u8; 100][..]).unwrap_err();
    assert!(matches!(error, WriteError::Write(_)), "{error:?}");
}
