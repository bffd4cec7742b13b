//! Messages of `builder customisation-layer`: what a script itself says comes first.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::super::FAILED;
use super::super::script::{SETUP, bash};
use super::check;
use crate::sandbox::Sandbox;

/// The attributes of a customisation layer with nothing in it.
fn attrs(sandbox: &Sandbox) -> Value {
    json!({
        "outputs": { "out": sandbox.out() },
        "customisation": {
            "name": "test",
            "contents": [],
            "extraCommands": "",
            "fakeRootCommands": "",
            "enableFakechroot": false,
            "storeDir": "/nix/store",
            "shell": bash(),
            "fakeroot": null,
            "proot": null,
        },
    })
}

/// Builds a layer whose attributes `change` has made bad, which ends `builder` with `status`.
#[track_caller]
fn check_layer(status: i32, change: impl FnOnce(&Sandbox, &mut Value), expected: Expect) {
    let sandbox = Sandbox::new();
    let mut attrs = attrs(&sandbox);
    change(&sandbox, &mut attrs);
    // Scripts find both as variables. Below proot only the build directory is there.
    for name in ["extraCommands", "fakeRootCommands"] {
        attrs[name] = attrs["customisation"][name].clone();
    }
    let stdenv = sandbox.build_directory().join("stdenv");
    fs::create_dir(&stdenv).unwrap();
    fs::write(stdenv.join("setup"), SETUP).unwrap();
    attrs["stdenv"] = json!(stdenv);
    attrs["NIX_BUILD_TOP"] = json!(sandbox.build_directory());
    sandbox.write_attrs(&attrs);
    let mut shell = sandbox.shell("exec \"$0\" customisation-layer 2>&1", &[]);
    let mut output = shell.output().unwrap();
    let text = String::from_utf8(std::mem::take(&mut output.stdout)).unwrap();
    output.stderr = text.replace(bash().to_str().unwrap(), "[BASH]").into();
    check(&sandbox, &output, status, &expected);
}

/// Builds a layer by the scripts `extra` and `fake_root`.
#[track_caller]
fn check_scripts(extra: &str, fake_root: &str, status: i32, expected: Expect) {
    check_layer(
        status,
        |_, attrs| {
            attrs["customisation"]["extraCommands"] = json!(extra);
            attrs["customisation"]["fakeRootCommands"] = json!(fake_root);
        },
        expected,
    );
}

/// Builds a layer by a script below what stands for fakeroot.
#[track_caller]
fn check_fakeroot(fakeroot: &str, extra: &str, expected: Expect) {
    check_layer(
        FAILED,
        |sandbox, attrs| {
            attrs["customisation"]["extraCommands"] = json!(extra);
            attrs["customisation"]["fakeRootCommands"] = json!("true");
            attrs["customisation"]["fakeroot"] = json!(program(sandbox, fakeroot));
        },
        expected,
    );
}

/// A program that is the shell script `text`.
fn program(sandbox: &Sandbox, text: &str) -> PathBuf {
    let path = sandbox.file("fakeroot", format!("#!/bin/sh\n{text}\n"));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[test]
fn a_section_that_is_no_set_is_refused() {
    check_layer(
        FAILED,
        |_, attrs| attrs["customisation"] = json!([]),
        expect![[r#"
            error: attribute `customisation` in `[TMP]/build/.attrs.json` is not what this version of `builder` expects
              caused by: invalid type: sequence, expected a set
        "#]],
    );
}

#[test]
fn a_missing_item_of_the_contents_is_named() {
    check_layer(
        FAILED,
        |sandbox, attrs| {
            let there = sandbox.directory("there", &[("file", "")]);
            let contents = json!([there, sandbox.store_path("gone")]);
            attrs["customisation"]["contents"] = contents;
        },
        expect![[r#"
            joining 2 packages
            error: cannot read `/nix/store/[HASH]-gone`
              caused by: No such file or directory (os error 2)
        "#]],
    );
}

#[test]
fn extra_commands_that_fail_end_the_build_with_their_status() {
    check_scripts(
        "echo 'cannot make it' >&2; exit 7",
        "",
        7,
        expect![[r#"
            joining 0 packages
            running `extraCommands`
            cannot make it
            error: `extraCommands` of layer `test` failed with exit status 7; the output stands above
        "#]],
    );
    check_scripts(
        "exit 7",
        "echo never",
        7,
        expect![[r#"
            joining 0 packages
            running `extraCommands` and `fakeRootCommands`
            error: `extraCommands` or `fakeRootCommands` of layer `test` failed with exit status 7; the output stands above
        "#]],
    );
}

#[test]
fn fake_root_commands_that_fail_end_the_build_with_their_status() {
    check_scripts(
        "",
        "id -u; echo 'cannot make it' >&2; exit 9",
        9,
        expect![[r#"
            joining 0 packages
            running `fakeRootCommands`
            0
            cannot make it
            error: `fakeRootCommands` of layer `test` failed with exit status 9; the output stands above
        "#]],
    );
    check_scripts(
        "echo first",
        "echo before; false; echo behind",
        1,
        expect![[r#"
            joining 0 packages
            running `extraCommands` and `fakeRootCommands`
            first
            before
            error: `fakeRootCommands` of layer `test` failed with exit status 1; the output stands above
        "#]],
    );
}

/// Debian keeps its programs in `/usr`, which stands for the store here.
#[test]
fn fake_root_commands_below_proot_end_the_build_with_their_status() {
    check_layer(
        9,
        |_, attrs| {
            let ours = &mut attrs["customisation"];
            ours["enableFakechroot"] = json!(true);
            ours["storeDir"] = json!("/usr");
            ours["fakeroot"] = json!("/usr/bin/fakeroot-sysv");
            ours["extraCommands"] = json!("ln -s usr/bin usr/lib usr/lib64 .");
            ours["fakeRootCommands"] = json!("id -u; pwd; exit 9");
        },
        expect![[r#"
            joining 0 packages
            running `extraCommands` and `fakeRootCommands`
            0
            /
            error: `fakeRootCommands` of layer `test` failed with exit status 9; the output stands above
        "#]],
    );
}

#[test]
fn a_script_that_a_signal_ends_is_named_with_the_signal() {
    check_scripts(
        "kill -9 $$",
        "",
        FAILED,
        expect![[r#"
            joining 0 packages
            running `extraCommands`
            error: `extraCommands` of layer `test` was ended by signal 9; the output stands above
        "#]],
    );
}

#[test]
fn fake_root_commands_that_a_signal_ends_have_its_status() {
    check_scripts(
        "",
        "kill -PIPE $$",
        141,
        expect![[r#"
            joining 0 packages
            running `fakeRootCommands`
            error: `fakeRootCommands` of layer `test` failed with exit status 141; the output stands above
        "#]],
    );
}

#[test]
fn a_script_without_a_shell_is_an_error() {
    check_layer(
        FAILED,
        |_, attrs| {
            attrs["customisation"]["fakeRootCommands"] = json!("true");
            attrs["customisation"]["shell"] = json!(null);
        },
        expect![[r#"
            joining 0 packages
            running `fakeRootCommands`
            error: no shell is named to run `fakeRootCommands` with; our Nix functions pass stdenv's
        "#]],
    );
}

#[test]
fn a_shell_that_is_missing_is_named() {
    check_layer(
        FAILED,
        |_, attrs| {
            attrs["customisation"]["extraCommands"] = json!("true");
            attrs["customisation"]["shell"] = json!("/nowhere/bash");
        },
        expect![[r#"
            joining 0 packages
            running `extraCommands`
            error: cannot start `/nowhere/bash` to run `extraCommands`
              caused by: No such file or directory (os error 2)
        "#]],
    );
}

#[test]
fn a_fakeroot_that_is_missing_is_named() {
    check_layer(
        127,
        |_, attrs| {
            attrs["customisation"]["fakeRootCommands"] = json!("true");
            attrs["customisation"]["fakeroot"] = json!("/nowhere/fakeroot");
        },
        expect![[r#"
            joining 0 packages
            running `fakeRootCommands`
            [TMP]/build/stdenv/setup: line 2: /nowhere/fakeroot: No such file or directory
            error: `fakeRootCommands` of layer `test` failed with exit status 127; the output stands above
        "#]],
    );
}

#[test]
fn a_fakeroot_that_runs_nothing_is_an_error() {
    check_fakeroot(
        "exit 0",
        "",
        expect![[r#"
            joining 0 packages
            running `fakeRootCommands`
            error: `fakeRootCommands` of layer `test` did not run to its end; the output stands above
        "#]],
    );
}

#[test]
fn a_status_that_cannot_be_read_is_named() {
    check_fakeroot(
        "exit 0",
        "mkdir \"$fakerootStatus\"",
        expect![[r#"
            joining 0 packages
            running `extraCommands` and `fakeRootCommands`
            error: cannot read `[TMP]/build/.fakeroot-status`
              caused by: Is a directory (os error 21)
        "#]],
    );
}

#[test]
fn a_fakeroot_that_saves_nothing_is_an_error() {
    check_fakeroot(
        "shift 2; exec \"$@\"",
        "",
        expect![[r#"
            joining 0 packages
            running `fakeRootCommands`
            error: cannot find out which owners `fakeRootCommands` gave
              caused by: cannot read `[TMP]/build/.fakeroot-state`, which fakeroot writes when the script has ended
              caused by: No such file or directory (os error 2)
        "#]],
    );
}

#[test]
fn a_state_that_is_not_fakeroots_is_refused() {
    check_fakeroot(
        "echo no state > \"$2\"; shift 2; exec \"$@\"",
        "",
        expect![[r#"
            joining 0 packages
            running `fakeRootCommands`
            error: cannot find out which owners `fakeRootCommands` gave
              caused by: `[TMP]/build/.fakeroot-state` has the line `no state`, which is not fakeroot's
        "#]],
    );
}

#[test]
fn a_script_that_removes_the_layer_is_an_error() {
    check_scripts(
        "rm -r ../old_out",
        "",
        FAILED,
        expect![[r#"
            joining 0 packages
            running `extraCommands`
            error: cannot read what `extraCommands` of layer `test` left
              caused by: cannot read `[TMP]/build/old_out`
              caused by: No such file or directory (os error 2)
        "#]],
    );
    check_scripts(
        "rm -r ../old_out; touch ../old_out",
        "",
        FAILED,
        expect![[r#"
            joining 0 packages
            running `extraCommands`
            error: cannot read what `extraCommands` of layer `test` left
              caused by: `[TMP]/build/old_out` is not a directory
        "#]],
    );
}

#[test]
fn a_directory_in_the_place_of_the_layer_is_named() {
    check_layer(
        FAILED,
        |sandbox, attrs| {
            fs::create_dir(sandbox.build_directory().join("old_out")).unwrap();
            attrs["customisation"]["extraCommands"] = json!("true");
        },
        expect![[r#"
            joining 0 packages
            error: cannot make `[TMP]/build/old_out` for a script
              caused by: File exists (os error 17)
        "#]],
    );
}

#[test]
fn a_layer_that_does_not_fit_is_taken_away() {
    let sandbox = Sandbox::new();
    let names: Vec<String> = (0..200).map(|number| format!("file-{number}")).collect();
    let files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
    let mut attrs = attrs(&sandbox);
    attrs["customisation"]["contents"] = json!([sandbox.directory("item", &files)]);
    sandbox.write_attrs(&attrs);
    let script = "ulimit -f 8; exec \"$0\" customisation-layer";
    let output = sandbox.shell(script, &[]).output().unwrap();
    check(
        &sandbox,
        &output,
        FAILED,
        &expect![[r#"
            joining 1 package
            packing 112.64 kB in 201 files
            error: cannot write `/nix/store/[HASH]-out/layer.tar`
              caused by: File too large (os error 27)
        "#]],
    );
}

#[test]
fn an_output_that_is_there_is_not_replaced() {
    let sandbox = Sandbox::new();
    sandbox.write_attrs(&attrs(&sandbox));
    fs::write(sandbox.out(), "precious").unwrap();
    let output = sandbox.builder(&["customisation-layer"]).output().unwrap();
    assert_eq!(fs::read_to_string(sandbox.out()).unwrap(), "precious");
    fs::remove_file(sandbox.out()).unwrap();
    check(
        &sandbox,
        &output,
        FAILED,
        &expect![[r#"
            joining 0 packages
            packing 10.24 kB in 1 file
            error: cannot create `/nix/store/[HASH]-out`
              caused by: File exists (os error 17)
        "#]],
    );
}
