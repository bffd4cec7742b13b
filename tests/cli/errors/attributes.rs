//! Messages about what the derivation, the environment and the command line say.

use std::fs;

use expect_test::{Expect, expect};
use serde_json::json;

use super::{FAILED, check, check_command, check_image, check_layer, layer_attrs};
use crate::sandbox::Sandbox;

/// Builds a layer whose `.attrs.json` holds `text`.
#[track_caller]
fn check_text(text: &[u8], expected: Expect) {
    let sandbox = Sandbox::new();
    fs::write(sandbox.build_directory().join(".attrs.json"), text).unwrap();
    check_command(
        &sandbox,
        &mut sandbox.builder(&["pure-layer"]),
        FAILED,
        &expected,
    );
}

/// Builds a good layer with the environment variable `name` set to `value`.
#[track_caller]
fn check_variable(name: &str, value: &str, expected: Expect) {
    let sandbox = Sandbox::new();
    sandbox.write_attrs(&layer_attrs(&sandbox));
    let mut builder = sandbox.builder(&["pure-layer"]);
    check_command(&sandbox, builder.env(name, value), FAILED, &expected);
}

#[test]
fn attributes_that_are_nowhere_are_said_to_be_missing() {
    let sandbox = Sandbox::new();
    check_command(
        &sandbox,
        &mut sandbox.builder(&["image"]),
        FAILED,
        &expect![[r#"
            error: cannot find out what to build: there is no `[TMP]/build/.attrs.json`; `builder image` is run by a derivation with structured attributes
        "#]],
    );
}

#[test]
fn all_places_where_attributes_may_be_are_named() {
    let sandbox = Sandbox::new();
    let mut builder = sandbox.builder(&["merge"]);
    builder
        .env("NIX_ATTRS_JSON_FILE", sandbox.root().join("gone.json"))
        .env("NIX_BUILD_TOP", sandbox.root());
    check_command(
        &sandbox,
        &mut builder,
        FAILED,
        &expect![[r#"
            error: cannot find out what to build: there is no `[TMP]/gone.json` and no `[TMP]/.attrs.json` and no `[TMP]/build/.attrs.json`; `builder merge` is run by a derivation with structured attributes
        "#]],
    );
}

#[test]
fn attributes_that_cannot_be_read_are_named() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.build_directory().join(".attrs.json")).unwrap();
    check_command(
        &sandbox,
        &mut sandbox.builder(&["base-json"]),
        FAILED,
        &expect![[r#"
            error: cannot read the derivation's attributes from `[TMP]/build/.attrs.json`
              caused by: Is a directory (os error 21)
        "#]],
    );
}

#[test]
fn attributes_that_are_no_text_are_refused() {
    check_text(
        b"{ \"layer\": \"\xff\" }",
        expect![[r#"
        error: cannot read the derivation's attributes from `[TMP]/build/.attrs.json`
          caused by: stream did not contain valid UTF-8
    "#]],
    );
}

#[test]
fn attributes_that_are_cut_short_are_refused() {
    check_text(
        b"{ \"layer\": {",
        expect![[r#"
        error: `[TMP]/build/.attrs.json` is not valid JSON
          caused by: EOF while parsing an object at line 1 column 12
    "#]],
    );
}

#[test]
fn attributes_that_are_no_json_are_refused() {
    check_text(
        b"declare -A layer=()\n",
        expect![[r#"
        error: `[TMP]/build/.attrs.json` is not valid JSON
          caused by: expected value at line 1 column 1
    "#]],
    );
}

#[test]
fn attributes_that_are_no_set_are_refused() {
    check_text(
        b"[]",
        expect![[r#"
            error: `[TMP]/build/.attrs.json` has no attribute `layer`, which tells this subcommand of `builder` what to do
        "#]],
    );
}

#[test]
fn attributes_of_another_subcommand_are_refused() {
    check_text(
        br#"{ "image": {}, "outputs": {} }"#,
        expect![[r#"
            error: `[TMP]/build/.attrs.json` has no attribute `layer`, which tells this subcommand of `builder` what to do
        "#]],
    );
}

#[test]
fn an_unknown_attribute_is_refused_with_the_known_ones() {
    check_layer(
        |_, attrs| attrs["layer"]["extraComands"] = json!("touch x"),
        expect![[r#"
            error: attribute `layer` in `[TMP]/build/.attrs.json` is not what this version of `builder` expects
              caused by: unknown field `extraComands`, expected one of `name`, `baseJson`, `copyToRoot`, `keepContentsDirlinks`, `extraCommands`, `uid`, `gid`, `shell`
        "#]],
    );
}

#[test]
fn a_missing_attribute_is_named() {
    check_layer(
        |_, attrs| drop(attrs["layer"].as_object_mut().unwrap().remove("baseJson")),
        expect![[r#"
            error: attribute `layer` in `[TMP]/build/.attrs.json` is not what this version of `builder` expects
              caused by: missing field `baseJson`
        "#]],
    );
}

#[test]
fn an_attribute_of_the_wrong_type_is_shown() {
    check_layer(
        |_, attrs| attrs["layer"]["copyToRoot"] = json!("/nix/store/x"),
        expect![[r#"
            error: attribute `layer` in `[TMP]/build/.attrs.json` is not what this version of `builder` expects
              caused by: invalid type: string "/nix/store/x", expected a sequence
        "#]],
    );
}

#[test]
fn a_section_that_is_no_set_is_refused() {
    check_layer(
        |_, attrs| attrs["layer"] = json!("test"),
        expect![[r#"
            error: attribute `layer` in `[TMP]/build/.attrs.json` is not what this version of `builder` expects
              caused by: invalid type: string "test", expected a set
        "#]],
    );
}

#[test]
fn a_missing_output_is_said_to_be_missing() {
    check_layer(
        |_, attrs| attrs["outputs"] = json!({ "dev": "/nix/store/x" }),
        expect![[r#"
            error: `[TMP]/build/.attrs.json` names no path for the output `out`
        "#]],
    );
}

#[test]
fn a_uid_below_zero_is_refused() {
    check_layer(
        |_, attrs| attrs["layer"]["uid"] = json!(-1),
        expect![[r#"
            error: attribute `layer` in `[TMP]/build/.attrs.json` is not what this version of `builder` expects
              caused by: `uid` is -1; it has to be a number from 0 to 4294967295 or one of the names `root`, `nixbld`, `nobody`
        "#]],
    );
}

#[test]
fn a_gid_above_the_largest_is_refused() {
    check_layer(
        |_, attrs| attrs["layer"]["gid"] = json!(4_294_967_296_u64),
        expect![[r#"
            error: attribute `layer` in `[TMP]/build/.attrs.json` is not what this version of `builder` expects
              caused by: `gid` is 4294967296; it has to be a number from 0 to 4294967295 or one of the names `root`, `nixbld`, `nogroup`
        "#]],
    );
}

#[test]
fn an_owner_that_the_sandbox_does_not_know_is_refused() {
    check_layer(
        |_, attrs| attrs["layer"]["uid"] = json!("redis"),
        expect![[r#"
            error: attribute `layer` in `[TMP]/build/.attrs.json` is not what this version of `builder` expects
              caused by: `uid` is "redis"; it has to be a number from 0 to 4294967295 or one of the names `root`, `nixbld`, `nobody`
        "#]],
    );
}

#[test]
fn an_owner_that_is_no_number_or_name_is_refused() {
    check_layer(
        |_, attrs| attrs["layer"]["gid"] = json!(null),
        expect![[r#"
            error: attribute `layer` in `[TMP]/build/.attrs.json` is not what this version of `builder` expects
              caused by: `gid` is null; it has to be a number from 0 to 4294967295 or one of the names `root`, `nixbld`, `nogroup`
        "#]],
    );
}

#[test]
fn an_unknown_compressor_is_refused_with_the_known_ones() {
    check_image(
        |_, attrs| attrs["image"]["compressor"] = json!("xz"),
        expect![[r#"
            error: attribute `image` in `[TMP]/build/.attrs.json` is not what this version of `builder` expects
              caused by: unknown variant `xz`, expected one of `none`, `gz`, `zstd`
        "#]],
    );
}

#[test]
fn a_number_of_cores_below_zero_is_refused() {
    check_variable(
        "NIX_BUILD_CORES",
        "-1",
        expect![[r#"
            error: environment variable `NIX_BUILD_CORES` is `-1`; it has to be a whole number from 0 to 18446744073709551615
        "#]],
    );
}

#[test]
fn a_number_of_cores_that_is_no_number_is_refused() {
    check_variable(
        "NIX_BUILD_CORES",
        "all",
        expect![[r#"
            error: environment variable `NIX_BUILD_CORES` is `all`; it has to be a whole number from 0 to 18446744073709551615
        "#]],
    );
}

#[test]
fn a_time_that_is_too_large_is_refused() {
    check_variable(
        "SOURCE_DATE_EPOCH",
        "18446744073709551616",
        expect![[r#"
            error: environment variable `SOURCE_DATE_EPOCH` is `18446744073709551616`; it has to be a whole number from 0 to 9223372036854775807
        "#]],
    );
}

#[test]
fn a_time_that_no_file_can_have_is_refused() {
    check_variable(
        "SOURCE_DATE_EPOCH",
        "9223372036854775808",
        expect![[r#"
            error: environment variable `SOURCE_DATE_EPOCH` is `9223372036854775808`; it has to be a whole number from 0 to 9223372036854775807
        "#]],
    );
}

#[test]
fn threads_that_cannot_start_are_an_error() {
    let sandbox = Sandbox::new();
    sandbox.write_attrs(&layer_attrs(&sandbox));
    let script = "ulimit -v 200000 && exec \"$0\" pure-layer";
    let mut shell = sandbox.shell(script, &[]);
    shell.env("NIX_BUILD_CORES", "256");
    check_command(
        &sandbox,
        &mut shell,
        FAILED,
        &expect![[r#"
            error: cannot start 256 threads: Resource temporarily unavailable (os error 11); build with fewer cores (`--cores`)
        "#]],
    );
}

#[test]
fn a_working_directory_that_is_gone_is_an_error() {
    let sandbox = Sandbox::new();
    let script = "mkdir gone && cd gone && rmdir ../gone && exec \"$0\" pure-layer";
    let mut shell = sandbox.shell(script, &[]);
    check_command(
        &sandbox,
        &mut shell,
        FAILED,
        &expect![[r#"
        error: cannot find out the working directory
          caused by: No such file or directory (os error 2)
    "#]],
    );
}

#[test]
fn a_base_json_that_is_missing_is_named() {
    let sandbox = Sandbox::new();
    let attrs = json!({
        "outputs": { "out": sandbox.out() },
        "baseJson": { "json": sandbox.store_path("base.json") },
    });
    check(
        &sandbox,
        "base-json",
        &attrs,
        &expect![[r#"
        error: cannot read `/nix/store/[HASH]-base.json`
          caused by: No such file or directory (os error 2)
    "#]],
    );
}

#[test]
fn a_base_json_that_is_no_object_is_refused() {
    let sandbox = Sandbox::new();
    let attrs = json!({
        "outputs": { "out": sandbox.out() },
        "baseJson": { "json": sandbox.file("base.json", "[]") },
    });
    check(
        &sandbox,
        "base-json",
        &attrs,
        &expect![[r#"
            error: cannot use `/nix/store/[HASH]-base.json`
              caused by: the JSON of an image has to be an object
              caused by: invalid type: sequence, expected a map at line 1 column 0
        "#]],
    );
}

#[test]
fn a_registration_that_is_none_is_named() {
    let sandbox = Sandbox::new();
    let database = |registration| {
        json!({
            "outputs": { "out": sandbox.out() },
            "database": { "registration": registration, "baseJson": "/nix/store/json", "contents": [] },
        })
    };
    let gone = database(sandbox.root().join("gone"));
    check(
        &sandbox,
        "registration",
        &gone,
        &expect![[r#"
        error: cannot read `[TMP]/gone`
          caused by: No such file or directory (os error 2)
    "#]],
    );
    let text = database(sandbox.file("registration", "/nix/store/a\n\n"));
    check(
        &sandbox,
        "registration",
        &text,
        &expect![[r#"
        error: cannot use the registration `/nix/store/[HASH]-registration`
          caused by: it ends within what it says of `/nix/store/a`
    "#]],
    );
}
