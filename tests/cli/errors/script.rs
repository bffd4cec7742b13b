//! Messages about `extraCommands`: what the script itself says comes first.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use expect_test::{Expect, expect};
use serde_json::json;

use super::{FAILED, check_command, check_layer, check_output, layer_attrs};
use crate::sandbox::{Sandbox, search_path};

/// A stand-in for stdenv's, whose `genericBuild` evaluates `$buildCommand` in a function too. With bash
/// 5.2 that makes bash speak of itself when a script fails, which nobody is to see.
pub(super) const SETUP: &str = "genericBuild() { eval \"$buildCommand\"; }";

/// Builds a layer by `script`, which ends `builder` with `status`.
#[track_caller]
fn check_script(script: &str, status: i32, expected: Expect) {
    let sandbox = Sandbox::new();
    let item = sandbox.directory("item", &[("etc/conf", "1")]);
    let mut attrs = layer_attrs(&sandbox);
    attrs["stdenv"] = json!(sandbox.directory("stdenv", &[("setup", SETUP)]));
    attrs["extraCommands"] = json!(script);
    attrs["layer"]["extraCommands"] = json!(script);
    attrs["layer"]["copyToRoot"] = json!([item]);
    attrs["layer"]["shell"] = json!(bash());
    sandbox.write_attrs(&attrs);
    // What the script itself says belongs to the log, wherever it says it.
    let mut shell = sandbox.shell("exec \"$0\" pure-layer 2>&1", &[]);
    let mut output = shell.output().unwrap();
    output.stderr = std::mem::take(&mut output.stdout);
    check_output(&sandbox, &output, status, &expected);
    assert!(!sandbox.out().exists());
}

pub(super) fn bash() -> PathBuf {
    let path = search_path();
    let found = std::env::split_paths(&path).map(|directory| directory.join("bash"));
    found.into_iter().find(|bash| bash.exists()).unwrap()
}

#[test]
fn a_script_that_fails_ends_the_build_with_its_own_status() {
    check_script(
        "ls etc; echo 'cannot make it' >&2; exit 7",
        7,
        expect![[r#"
            copying `/nix/store/[HASH]-item` to the root of the layer
            running extraCommands
            conf
            cannot make it
            error: `extraCommands` of layer `test` failed with exit status 7; the output stands above
        "#]],
    );
}

#[test]
fn a_script_ends_at_its_first_command_that_fails() {
    check_script(
        "echo before; false; echo behind",
        1,
        expect![[r#"
            copying `/nix/store/[HASH]-item` to the root of the layer
            running extraCommands
            before
            error: `extraCommands` of layer `test` failed with exit status 1; the output stands above
        "#]],
    );
}

#[test]
fn a_failing_script_that_leaves_its_line_open_has_the_error_on_a_line_of_its_own() {
    check_script(
        "printf 'not a whole line'; (exit 3)",
        3,
        expect![[r#"
        copying `/nix/store/[HASH]-item` to the root of the layer
        running extraCommands
        not a whole line
        error: `extraCommands` of layer `test` failed with exit status 3; the output stands above
    "#]],
    );
}

/// With 0555, as in the store, and as somebody else than root, whom modes do not stop.
#[track_caller]
fn check_read_only(script: &str, expected: Expect) {
    let sandbox = Sandbox::new();
    let item = sandbox.directory("item", &[("etc/conf", "1"), ("bin/run", "2")]);
    for directory in ["etc", "bin"] {
        fs::set_permissions(item.join(directory), fs::Permissions::from_mode(0o555)).unwrap();
    }
    let mut attrs = layer_attrs(&sandbox);
    attrs["stdenv"] = json!(sandbox.directory("stdenv", &[("setup", SETUP)]));
    attrs["extraCommands"] = json!(script);
    attrs["layer"]["extraCommands"] = json!(script);
    attrs["layer"]["copyToRoot"] = json!([item]);
    attrs["layer"]["shell"] = json!(bash());
    sandbox.write_attrs(&attrs);
    for directory in [sandbox.build_directory(), sandbox.root().join("store")] {
        fs::set_permissions(directory, fs::Permissions::from_mode(0o777)).unwrap();
    }
    let run = "exec setpriv --reuid=65534 --regid=65534 --clear-groups \"$0\" pure-layer";
    let output = sandbox.shell(run, &[]).output().unwrap();
    check_output(&sandbox, &output, FAILED, &expected);
}

#[test]
fn a_script_that_meets_a_read_only_directory_learns_which() {
    check_read_only(
        "touch etc/new",
        expect![[r#"
        copying `/nix/store/[HASH]-item` to the root of the layer
        running extraCommands
        touch: cannot touch 'etc/new': Permission denied
        error: `extraCommands` of layer `test` failed with exit status 1; the output stands above; directory `etc` of the layer is read-only, as it is in its package; `chmod -R u+w etc` lets the script change it
    "#]],
    );
    check_read_only(
        "rm bin/run",
        expect![[r#"
        copying `/nix/store/[HASH]-item` to the root of the layer
        running extraCommands
        rm: cannot remove 'bin/run': Permission denied
        error: `extraCommands` of layer `test` failed with exit status 1; the output stands above; directory `bin` of the layer is read-only, as it is in its package; `chmod -R u+w bin` lets the script change it
    "#]],
    );
    check_read_only(
        "cd etc; touch new",
        expect![[r#"
        copying `/nix/store/[HASH]-item` to the root of the layer
        running extraCommands
        touch: cannot touch 'new': Permission denied
        error: `extraCommands` of layer `test` failed with exit status 1; the output stands above; 2 directories of the layer are read-only, as they are in their packages, `bin` among them; `chmod -R u+w bin` lets the script change that one
    "#]],
    );
    check_read_only(
        "ls > /new",
        expect![[r#"
            copying `/nix/store/[HASH]-item` to the root of the layer
            running extraCommands
            /nix/store/[HASH]-stdenv/setup: line 1: /new: Permission denied
            error: `extraCommands` of layer `test` failed with exit status 1; the output stands above
        "#]],
    );
    check_read_only(
        "chmod -R u+w etc; touch etc/new; false",
        expect![[r#"
        copying `/nix/store/[HASH]-item` to the root of the layer
        running extraCommands
        error: `extraCommands` of layer `test` failed with exit status 1; the output stands above
    "#]],
    );
}

#[test]
fn a_script_that_a_signal_ends_is_named_with_the_signal() {
    check_script(
        "kill -9 $$",
        FAILED,
        expect![[r#"
            copying `/nix/store/[HASH]-item` to the root of the layer
            running extraCommands
            error: `extraCommands` of layer `test` was ended by signal 9; the output stands above
        "#]],
    );
}

#[test]
fn a_script_that_removes_the_layer_is_an_error() {
    check_script(
        "rm -r ../layer",
        FAILED,
        expect![[r#"
            copying `/nix/store/[HASH]-item` to the root of the layer
            running extraCommands
            error: cannot read what `extraCommands` of layer `test` left
              caused by: cannot read `[TMP]/build/layer`
              caused by: No such file or directory (os error 2)
        "#]],
    );
}

#[test]
fn a_script_that_makes_the_layer_a_file_is_an_error() {
    check_script(
        "rm -r ../layer; touch ../layer",
        FAILED,
        expect![[r#"
            copying `/nix/store/[HASH]-item` to the root of the layer
            running extraCommands
            error: cannot read what `extraCommands` of layer `test` left
              caused by: `[TMP]/build/layer` is not a directory
        "#]],
    );
}

/// Builds a layer with a script and `shell`.
#[track_caller]
fn check_shell(shell: Option<&str>, prepare: impl FnOnce(&Path), expected: Expect) {
    check_layer(
        |sandbox, attrs| {
            attrs["layer"]["extraCommands"] = json!("true");
            attrs["layer"]["copyToRoot"] = json!([sandbox.directory("item", &[("file", "1")])]);
            attrs["layer"]["shell"] = json!(shell);
            prepare(sandbox.root());
        },
        expected,
    );
}

#[test]
fn a_script_without_a_shell_is_an_error() {
    check_shell(
        None,
        |_| {},
        expect![[r#"
            copying `/nix/store/[HASH]-item` to the root of the layer
            running extraCommands
            error: no shell is named to run `extraCommands` with; our Nix functions pass stdenv's
        "#]],
    );
}

#[test]
fn a_shell_that_is_missing_is_named() {
    check_shell(
        Some("/nix/store/gone-bash/bin/bash"),
        |_| {},
        expect![[r#"
        copying `/nix/store/[HASH]-item` to the root of the layer
        running extraCommands
        error: cannot start `/nix/store/gone-bash/bin/bash` to run `extraCommands`
          caused by: No such file or directory (os error 2)
    "#]],
    );
}

#[test]
fn a_layer_directory_that_is_there_already_is_named() {
    check_shell(
        Some("/bin/sh"),
        |root| fs::create_dir(root.join("build/layer")).unwrap(),
        expect![[r#"
            copying `/nix/store/[HASH]-item` to the root of the layer
            running extraCommands
            error: cannot make `[TMP]/build/layer` for a script
              caused by: File exists (os error 17)
        "#]],
    );
}

/// With a limit on the size of files the copy fails as it does on a full disk.
#[test]
fn a_file_that_cannot_be_copied_for_the_script_is_named() {
    let sandbox = Sandbox::new();
    let large = "x".repeat(100_000);
    let mut attrs = layer_attrs(&sandbox);
    attrs["layer"]["extraCommands"] = json!("true");
    attrs["layer"]["copyToRoot"] = json!([sandbox.directory("item", &[("large", &large)])]);
    attrs["layer"]["shell"] = json!("/bin/sh");
    sandbox.write_attrs(&attrs);
    let script = "ulimit -f 8; exec \"$0\" pure-layer";
    check_command(
        &sandbox,
        &mut sandbox.shell(script, &[]),
        FAILED,
        &expect![[r#"
            copying `/nix/store/[HASH]-item` to the root of the layer
            running extraCommands
            error: cannot copy `/nix/store/[HASH]-item/large` to `[TMP]/build/layer/large`, where a script is to find it
              caused by: File too large (os error 27)
        "#]],
    );
}
