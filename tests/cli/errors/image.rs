//! Messages about what an image is made of, its base apart.

use std::fs;

use expect_test::expect;
use serde_json::json;

use super::check_image;

#[test]
fn a_base_json_that_is_missing_is_named() {
    check_image(
        |sandbox, attrs| attrs["image"]["baseJson"] = json!(sandbox.store_path("gone.json")),
        expect![[r#"
            error: cannot read `/nix/store/[HASH]-gone.json`
              caused by: No such file or directory (os error 2)
        "#]],
    );
}

#[test]
fn a_base_json_that_is_no_object_is_refused() {
    check_image(
        |sandbox, attrs| attrs["image"]["baseJson"] = json!(sandbox.file("bad.json", "[1, 2]")),
        expect![[r#"
            error: cannot use `/nix/store/[HASH]-bad.json`
              caused by: the JSON of an image has to be an object
              caused by: invalid type: sequence, expected a map at line 1 column 0
        "#]],
    );
}

#[test]
fn a_config_that_is_no_set_is_shown() {
    check_image(
        |sandbox, attrs| {
            let json = r#"{"created":"1970-01-01T00:00:01Z","config":"/bin/sh"}"#;
            attrs["image"]["baseJson"] = json!(sandbox.file("bad.json", json));
        },
        expect![[r#"
            error: cannot build image `test`
              caused by: `config` is "/bin/sh"; it has to be a set, such as `{ Cmd = [ "/bin/sh" ]; }`; no engine takes the image
        "#]],
    );
}

#[test]
fn an_env_that_is_no_list_is_shown() {
    check_image(
        |sandbox, attrs| {
            let json = r#"{"created":"1970-01-01T00:00:01Z","config":{"Env":{"A":"1"}}}"#;
            attrs["image"]["baseJson"] = json!(sandbox.file("bad.json", json));
        },
        expect![[r#"
            error: cannot build image `test`
              caused by: `config.Env` is {"A":"1"}; it has to be a list of strings, such as `[ "NAME=value" ]`; no engine takes the image
        "#]],
    );
}

#[test]
fn a_time_of_creation_that_is_no_string_is_shown() {
    check_image(
        |sandbox, attrs| {
            attrs["image"]["baseJson"] = json!(sandbox.file("bad.json", r#"{"created":0}"#));
        },
        expect![[r#"
            error: cannot use `/nix/store/[HASH]-bad.json`
              caused by: `created` is 0; it has to be a string
        "#]],
    );
}

#[test]
fn a_layer_that_is_missing_is_named() {
    check_image(
        |sandbox, attrs| attrs["image"]["layer"] = json!(sandbox.store_path("gone")),
        expect![[r#"
            listing the layer's closure
            error: cannot read `/nix/store/[HASH]-gone/layer.tar`
              caused by: No such file or directory (os error 2)
        "#]],
    );
}

#[test]
fn a_layer_that_is_no_tar_is_refused() {
    check_image(
        |_, attrs| {
            let layer = attrs["image"]["layer"].as_str().unwrap();
            fs::write(format!("{layer}/layer.tar"), "x".repeat(1000)).unwrap();
        },
        expect![[r#"
            listing the layer's closure
            error: `/nix/store/[HASH]-layer/layer.tar` is damaged or no tar
              caused by: no tar header at byte 0: its checksum is wrong
        "#]],
    );
}

#[test]
fn a_layer_whose_json_is_bad_is_refused() {
    check_image(
        |_, attrs| {
            let layer = attrs["image"]["layer"].as_str().unwrap();
            fs::write(format!("{layer}/json"), "null").unwrap();
        },
        expect![[r#"
            listing the layer's closure
            hashing the new layer
            error: cannot use `/nix/store/[HASH]-layer/json`
              caused by: the JSON of an image has to be an object
              caused by: invalid type: null, expected a map at line 1 column 4
        "#]],
    );
}

#[test]
fn a_layer_without_a_version_is_an_error() {
    check_image(
        |_, attrs| {
            let layer = attrs["image"]["layer"].as_str().unwrap();
            fs::remove_file(format!("{layer}/VERSION")).unwrap();
        },
        expect![[r#"
            listing the layer's closure
            hashing the new layer
            error: cannot read `/nix/store/[HASH]-layer/VERSION`
              caused by: No such file or directory (os error 2)
        "#]],
    );
}

#[test]
fn a_closure_that_is_missing_is_named() {
    check_image(
        |sandbox, attrs| attrs["image"]["layerClosure"] = json!(sandbox.store_path("gone")),
        expect![[r#"
            listing the layer's closure
            error: cannot read `/nix/store/[HASH]-gone`
              caused by: No such file or directory (os error 2)
        "#]],
    );
}

#[test]
fn a_closure_with_a_relative_path_is_refused() {
    check_image(
        |sandbox, attrs| attrs["image"]["layerClosure"] = json!(sandbox.file("bad", "hello\n")),
        expect![[r#"
            listing the layer's closure
            error: `/nix/store/[HASH]-bad` does not list a closure
              caused by: `hello` is not an absolute path; expected a store path such as `/nix/store/<hash>-<name>`
        "#]],
    );
}

#[test]
fn a_closure_with_something_else_than_store_paths_is_refused() {
    check_image(
        |sandbox, attrs| attrs["image"]["layerClosure"] = json!(sandbox.file("bad", "/etc\n")),
        expect![[r#"
            listing the layer's closure
            error: `/nix/store/[HASH]-bad` does not list a closure
              caused by: `/etc` is not a store path: its last part is not `<32 digits>-<name>`
        "#]],
    );
}

#[test]
fn a_store_path_of_the_closure_that_is_missing_is_named() {
    check_image(
        |sandbox, attrs| {
            let closure = format!("{}\n", sandbox.store_path("glibc-2.40").display());
            attrs["image"]["layerClosure"] = json!(sandbox.file("bad", closure));
        },
        expect![[r#"
            listing the layer's closure
            error: cannot read the closure of the layer
              caused by: cannot read `/nix/store/[HASH]-glibc-2.40`
              caused by: No such file or directory (os error 2)
        "#]],
    );
}
