//! Messages of `builder stream` and `builder layered-image`, which read descriptions.

use std::fs;
use std::path::Path;

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::super::{FAILED, tars};
use super::{check, describe, edit, layered_image, stream};
use crate::sandbox::Sandbox;

/// Streams the image of a description that `change` has changed by hand.
#[track_caller]
fn check_edited(change: impl FnOnce(&mut Value), expected: Expect) {
    let sandbox = Sandbox::new();
    let conf = describe(&sandbox, |_| {});
    edit(&conf, change);
    check_streams(&sandbox, &conf, &expected);
}

/// Streams the image of a description after `change` has changed the store.
#[track_caller]
fn check_store(change: impl FnOnce(&Sandbox), expected: Expect) {
    let sandbox = Sandbox::new();
    let conf = describe(&sandbox, |_| {});
    change(&sandbox);
    check_streams(&sandbox, &conf, &expected);
}

/// Streams the image of a description that `change` has changed before, on a base image.
#[track_caller]
fn check_based(change: impl FnOnce(&mut Value), expected: Expect) {
    let sandbox = Sandbox::new();
    let base = sandbox.file("base.tar", tars::image());
    let conf = describe(&sandbox, |attrs| {
        attrs["description"]["fromImage"] = json!(base);
    });
    edit(&conf, change);
    check_streams(&sandbox, &conf, &expected);
}

#[track_caller]
fn check_streams(sandbox: &Sandbox, conf: &Path, expected: &Expect) {
    let output = stream(sandbox, conf).output().unwrap();
    check(sandbox, &output, FAILED, expected);
}

/// Builds the layered image of a description after `change` has changed what it is about.
#[track_caller]
fn check_built(change: impl FnOnce(&Sandbox, &Path), expected: Expect) {
    let sandbox = Sandbox::new();
    let conf = describe(&sandbox, |_| {});
    change(&sandbox, &conf);
    let output = layered_image(&sandbox, &conf, "gz").output().unwrap();
    check(&sandbox, &output, FAILED, &expected);
}

#[test]
fn a_description_that_is_missing_is_named() {
    check_store(
        |sandbox| fs::remove_file(sandbox.store_path("conf.json")).unwrap(),
        expect![[r#"
            error: cannot read the image description `/nix/store/[HASH]-conf.json`
              caused by: No such file or directory (os error 2)
        "#]],
    );
    check_built(
        |_, conf| fs::remove_file(conf).unwrap(),
        expect![[r#"
            error: cannot read the image description `/nix/store/[HASH]-conf.json`
              caused by: No such file or directory (os error 2)
        "#]],
    );
}

#[test]
fn a_description_that_is_no_json_is_named() {
    check_built(
        |_, conf| fs::write(conf, "{").unwrap(),
        expect![[r#"
            error: `/nix/store/[HASH]-conf.json` is not an image description of this version of `builder`
              caused by: EOF while parsing an object at line 1 column [COLUMN]
        "#]],
    );
}

#[test]
fn a_description_of_nixpkgs_is_refused() {
    check_edited(
        |description| {
            description.as_object_mut().unwrap().remove("builder");
        },
        expect![[r#"
            error: `/nix/store/[HASH]-conf.json` is not an image description of this version of `builder`
              caused by: missing field `builder` at line 1 column [COLUMN]
        "#]],
    );
}

#[test]
fn a_field_that_nobody_knows_is_named() {
    check_edited(
        |description| description["comment"] = json!("mine"),
        expect![[r#"
            error: `/nix/store/[HASH]-conf.json` is not an image description of this version of `builder`
              caused by: unknown field `comment`, expected one of `architecture`, `config`, `os`, `variant`, `store_dir`, `from_image`, `store_layers`, `customisation_layer`, `repo_tag`, `created`, `mtime`, `uid`, `gid`, `uname`, `gname`, `builder` at line 1 column [COLUMN]
        "#]],
    );
    check_edited(
        |description| description["builder"]["version"] = json!(2),
        expect![[r#"
            error: `/nix/store/[HASH]-conf.json` is not an image description of this version of `builder`
              caused by: unknown field `version`, expected one of `base_env`, `base_layers`, `ready_layers`, `store_layers`, `customisation_layer`, `limits` at line 1 column [COLUMN]
        "#]],
    );
}

#[test]
fn a_layer_that_was_added_by_hand_is_noticed() {
    check_edited(
        |description| {
            let layers = description["store_layers"].as_array_mut().unwrap();
            layers.push(layers[0].clone());
        },
        expect![[r#"
            error: image description `/nix/store/[HASH]-conf.json` records 2 store layers but lists 3; it was changed by hand and has to be built again
        "#]],
    );
}

#[test]
fn an_owner_that_is_no_number_is_refused() {
    check_edited(
        |description| description["uid"] = json!("root"),
        expect![[r#"
            error: `/nix/store/[HASH]-conf.json` is not an image description of this version of `builder`
              caused by: `root` is no number of a user or group; it has to be from 0 to 4294967295 at line 1 column [COLUMN]
        "#]],
    );
    check_edited(
        |description| description["gid"] = json!("4294967296"),
        expect![[r#"
            error: `/nix/store/[HASH]-conf.json` is not an image description of this version of `builder`
              caused by: `4294967296` is no number of a user or group; it has to be from 0 to 4294967295 at line 1 column [COLUMN]
        "#]],
    );
    check_edited(
        |description| description["uid"] = json!(0),
        expect![[r#"
            error: `/nix/store/[HASH]-conf.json` is not an image description of this version of `builder`
              caused by: invalid type: integer `0`, expected a string at line 1 column [COLUMN]
        "#]],
    );
}

#[test]
fn a_time_that_is_none_is_refused() {
    check_edited(
        |description| description["created"] = json!("soon"),
        expect![[r#"
            No 'fromImage' provided
            error: `created` is `soon`, which is no time; write it as `2024-01-31T12:00:00Z`, `@` and seconds since 1970, or `now`
        "#]],
    );
    check_edited(
        |description| description["mtime"] = json!("@x"),
        expect![[r#"
            No 'fromImage' provided
            error: `mtime` is `@x`, which is no time; write it as `2024-01-31T12:00:00Z`, `@` and seconds since 1970, or `now`
        "#]],
    );
}

#[test]
fn a_layer_of_something_else_than_store_paths_is_refused() {
    check_edited(
        |description| description["store_layers"][0][0] = json!("etc"),
        expect![[r#"
            error: `/nix/store/[HASH]-conf.json` is not an image description of this version of `builder`
              caused by: `etc` is not an absolute path; expected a store path such as `/nix/store/<hash>-<name>` at line 1 column [COLUMN]
        "#]],
    );
    check_edited(
        |description| description["store_layers"][0][0] = json!("/etc/passwd"),
        expect![[r#"
            error: `/nix/store/[HASH]-conf.json` is not an image description of this version of `builder`
              caused by: `/etc/passwd` is not a store path: its last part is not `<32 digits>-<name>` at line 1 column [COLUMN]
        "#]],
    );
}

#[test]
fn a_changed_file_is_noticed_by_its_layer() {
    let change = |sandbox: &Sandbox| {
        fs::write(sandbox.store_path("root").join("file"), "toor").unwrap();
    };
    check_store(
        change,
        expect![[r#"
            No 'fromImage' provided
            Creating layer 1 from paths: ['/nix/store/[HASH]-leaf']
            Creating layer 2 from paths: ['/nix/store/[HASH]-root']
            Creating layer 3 with customisation...
            error: layer 2, of `/nix/store/[HASH]-root`, has other bytes than the image description recorded: DiffID sha256:[DIGEST] instead of sha256:[DIGEST]; a store path has changed, `nix-store --verify --check-contents` finds it
        "#]],
    );
    check_built(
        |sandbox, _| change(sandbox),
        expect![[r#"
            writing an image of 30.72 kB
            error: layer 2, of `/nix/store/[HASH]-root`, has other bytes than the image description recorded: DiffID sha256:[DIGEST] instead of sha256:[DIGEST]; a store path has changed, `nix-store --verify --check-contents` finds it
        "#]],
    );
}

#[test]
fn a_file_of_another_size_is_noticed_by_its_layer() {
    let change = |sandbox: &Sandbox| {
        fs::write(sandbox.store_path("root").join("file"), "x".repeat(20_000)).unwrap();
    };
    check_store(
        change,
        expect![[r#"
            No 'fromImage' provided
            error: layer 2, of `/nix/store/[HASH]-root`, has 30720 bytes and had 10240 when the image was described; a store path has changed, `nix-store --verify --check-contents` finds it
        "#]],
    );
    check_built(
        |sandbox, _| change(sandbox),
        expect![[r#"
            error: layer 2, of `/nix/store/[HASH]-root`, has 30720 bytes and had 10240 when the image was described; a store path has changed, `nix-store --verify --check-contents` finds it
        "#]],
    );
}

#[test]
fn a_changed_layer_of_several_paths_is_named_by_the_first() {
    let sandbox = Sandbox::new();
    let conf = describe(&sandbox, |attrs| {
        attrs["description"]["maxLayers"] = json!(2);
    });
    fs::write(sandbox.store_path("root").join("file"), "toor").unwrap();
    check_streams(
        &sandbox,
        &conf,
        &expect![[r#"
            No 'fromImage' provided
            Creating layer 1 from paths: ['/nix/store/[HASH]-leaf', '/nix/store/[HASH]-root']
            Creating layer 2 with customisation...
            error: layer 1, of `/nix/store/[HASH]-leaf` and 1 other store path, has other bytes than the image description recorded: DiffID sha256:[DIGEST] instead of sha256:[DIGEST]; a store path has changed, `nix-store --verify --check-contents` finds it
        "#]],
    );
}

/// With the time of the run the layers have bytes that nobody could record.
#[test]
fn a_store_path_that_is_missing_at_the_time_of_the_run_is_named() {
    let sandbox = Sandbox::new();
    let conf = describe(&sandbox, |attrs| {
        attrs["description"]["mtime"] = json!("now");
    });
    fs::remove_dir_all(sandbox.store_path("leaf")).unwrap();
    check_streams(
        &sandbox,
        &conf,
        &expect![[r#"
            No 'fromImage' provided
            error: cannot read `/nix/store/[HASH]-leaf`
              caused by: No such file or directory (os error 2)
        "#]],
    );
}

#[test]
fn a_changed_customisation_layer_is_noticed() {
    check_store(
        |sandbox| {
            let path = sandbox.store_path("customisation").join("layer.tar");
            let mut layer = fs::read(&path).unwrap();
            layer[600] ^= 1;
            fs::write(path, layer).unwrap();
        },
        expect![[r#"
            No 'fromImage' provided
            Creating layer 1 from paths: ['/nix/store/[HASH]-leaf']
            Creating layer 2 from paths: ['/nix/store/[HASH]-root']
            Creating layer 3 with customisation...
            error: layer 3, of `/nix/store/[HASH]-customisation`, has other bytes than the image description recorded: DiffID sha256:[DIGEST] instead of sha256:[DIGEST]; a store path has changed, `nix-store --verify --check-contents` finds it
        "#]],
    );
    check_store(
        |sandbox| fs::write(sandbox.store_path("customisation").join("layer.tar"), "").unwrap(),
        expect![[r#"
            No 'fromImage' provided
            error: layer 3, of `/nix/store/[HASH]-customisation`, has 0 bytes and had 2560 when the image was described; a store path has changed, `nix-store --verify --check-contents` finds it
        "#]],
    );
}

#[test]
fn a_store_path_that_is_missing_is_named() {
    check_store(
        |sandbox| fs::remove_dir_all(sandbox.store_path("leaf")).unwrap(),
        expect![[r#"
            No 'fromImage' provided
            error: cannot read `/nix/store/[HASH]-leaf`
              caused by: No such file or directory (os error 2)
        "#]],
    );
}

#[test]
fn a_customisation_layer_that_is_missing_is_named() {
    check_store(
        |sandbox| fs::remove_file(sandbox.store_path("customisation").join("layer.tar")).unwrap(),
        expect![[r#"
            No 'fromImage' provided
            error: cannot read `/nix/store/[HASH]-customisation/layer.tar`
              caused by: No such file or directory (os error 2)
        "#]],
    );
}

#[test]
fn a_config_that_is_no_set_does_not_go_onto_a_base() {
    check_based(
        |description| description["config"] = json!(["/bin/sh"]),
        expect![[r#"
            error: `config` is ["/bin/sh"]; it has to be a set, such as `{ Cmd = [ "/bin/sh" ]; }`
        "#]],
    );
}

#[test]
fn an_env_that_is_no_list_does_not_go_onto_a_base() {
    check_based(
        |description| description["config"]["Env"] = json!("A=1"),
        expect![[r#"
            error: `config.Env` is "A=1"; it has to be a list of strings, such as `[ "NAME=value" ]`
        "#]],
    );
    check_based(
        |description| description["config"]["Env"] = json!(["A=1", 2]),
        expect![[r#"
            error: `config.Env` is ["A=1",2]; it has to be a list of strings, such as `[ "NAME=value" ]`
        "#]],
    );
}

#[test]
fn a_base_that_lacks_a_layer_is_named() {
    check_based(
        |description| description["builder"]["base_layers"][0]["name"] = json!("gone.tar"),
        expect![[r#"
            error: image archive `/nix/store/[HASH]-base.tar` has no file `gone.tar`, which the image description names as a layer
        "#]],
    );
}

#[test]
fn a_base_that_is_gone_is_named() {
    let sandbox = Sandbox::new();
    let base = sandbox.file("base.tar", tars::image());
    let conf = describe(&sandbox, |attrs| {
        attrs["description"]["fromImage"] = json!(base);
    });
    fs::remove_file(&base).unwrap();
    check_streams(
        &sandbox,
        &conf,
        &expect![[r#"
            error: cannot open image archive `/nix/store/[HASH]-base.tar`
              caused by: No such file or directory (os error 2)
        "#]],
    );
    fs::write(&base, &tars::image()[..700]).unwrap();
    check_streams(
        &sandbox,
        &conf,
        &expect![[r#"
            error: image archive `/nix/store/[HASH]-base.tar` is damaged or no tar
              caused by: the tar ends at byte 700, within the content of a member
        "#]],
    );
}

#[test]
fn an_unknown_compressor_is_refused_with_the_known_ones() {
    let sandbox = Sandbox::new();
    let output = layered_image(&sandbox, Path::new("/conf"), "xz")
        .output()
        .unwrap();
    check(
        &sandbox,
        &output,
        FAILED,
        &expect![[r#"
            error: attribute `layeredImage` in `[TMP]/build/.attrs.json` is not what this version of `builder` expects
              caused by: unknown variant `xz`, expected one of `none`, `gz`, `zstd`
        "#]],
    );
    sandbox.write_attrs(&json!({ "outputs": { "out": sandbox.out() }, "layeredImage": "/conf" }));
    let output = sandbox.builder(&["layered-image"]).output().unwrap();
    check(
        &sandbox,
        &output,
        FAILED,
        &expect![[r#"
            error: attribute `layeredImage` in `[TMP]/build/.attrs.json` is not what this version of `builder` expects
              caused by: invalid type: string "/conf", expected a set
        "#]],
    );
}
