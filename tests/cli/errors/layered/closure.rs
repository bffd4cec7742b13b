//! Messages about the closure that layers are made of, and about the pipeline that chooses them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;

use expect_test::expect;
use serde_json::json;

use super::super::FAILED;
use super::super::layer::NOBODY;
use super::description::check_attribute;
use super::{check, check_description, describe, edit, stream};
use crate::sandbox::Sandbox;

#[test]
fn a_closure_that_is_none_is_refused() {
    check_description(
        |_, attrs| attrs["graph"] = json!({ "path": "x" }),
        expect![[r#"
            choosing layers
            error: cannot read the closure of image `test`
              caused by: the closure is not a list of `path`, `narSize` and `references`; it must come from `exportReferencesGraph`
              caused by: invalid type: map, expected a sequence
        "#]],
    );
    check_description(
        |_, attrs| {
            attrs["graph"][0].as_object_mut().unwrap().remove("narSize");
        },
        expect![[r#"
            choosing layers
            error: cannot read the closure of image `test`
              caused by: the closure is not a list of `path`, `narSize` and `references`; it must come from `exportReferencesGraph`
              caused by: missing field `narSize`
        "#]],
    );
}

#[test]
fn a_closure_that_is_missing_is_an_error() {
    check_description(
        |_, attrs| {
            attrs.as_object_mut().unwrap().remove("graph");
        },
        expect![[r#"
            choosing layers
            error: image `test` is to hold its store paths, but the attributes name none; set `exportReferencesGraph.graph`
        "#]],
    );
}

#[test]
fn a_closure_with_something_else_than_store_paths_is_refused() {
    check_description(
        |_, attrs| attrs["graph"][0]["path"] = json!("/etc/passwd"),
        expect![[r#"
            choosing layers
            error: cannot read the closure of image `test`
              caused by: the closure lists something that is not a store path
              caused by: `/etc/passwd` is not a store path: its last part is not `<32 digits>-<name>`
        "#]],
    );
    check_description(
        |_, attrs| attrs["graph"][0]["path"] = json!("passwd"),
        expect![[r#"
            choosing layers
            error: cannot read the closure of image `test`
              caused by: `/nix/store/[HASH]-root` refers to `/nix/store/[HASH]-leaf`, which the closure does not list; it must come from `exportReferencesGraph`, which lists every reference
        "#]],
    );
}

#[test]
fn a_closure_that_is_not_closed_is_refused() {
    check_description(
        |_, attrs| {
            attrs["graph"].as_array_mut().unwrap().remove(0);
        },
        expect![[r#"
            choosing layers
            error: cannot read the closure of image `test`
              caused by: `/nix/store/[HASH]-root` refers to `/nix/store/[HASH]-leaf`, which the closure does not list; it must come from `exportReferencesGraph`, which lists every reference
        "#]],
    );
}

#[test]
fn a_closure_that_contradicts_itself_is_refused() {
    check_description(
        |_, attrs| {
            let mut other = attrs["graph"][0].clone();
            other["narSize"] = json!(2);
            attrs["graph"].as_array_mut().unwrap().push(other);
        },
        expect![[r#"
            choosing layers
            error: cannot read the closure of image `test`
              caused by: the closure lists `/nix/store/[HASH]-leaf` twice, with different sizes or references
        "#]],
    );
}

#[test]
fn a_closure_that_leads_back_to_itself_is_refused() {
    check_description(
        |_, attrs| {
            let root = attrs["graph"][1]["path"].clone();
            attrs["graph"][0]["references"] = json!([root]);
        },
        expect![[r#"
            choosing layers
            error: cannot read the closure of image `test`
              caused by: `/nix/store/[HASH]-root` refers to `/nix/store/[HASH]-leaf`, whose references lead back to it; Nix stores no such paths
        "#]],
    );
}

#[test]
fn a_closure_larger_than_any_disk_is_refused() {
    check_description(
        |_, attrs| attrs["graph"][0]["narSize"] = json!(u64::MAX),
        expect![[r#"
            choosing layers
            error: cannot read the closure of image `test`
              caused by: the paths of the closure are larger than 18446744073709551615 bytes together
        "#]],
    );
}

#[test]
fn a_closure_in_two_stores_is_refused() {
    check_description(
        |_, attrs| {
            let other = json!({ "path": format!("/elsewhere/{}-x", "0".repeat(32)), "narSize": 1, "references": [] });
            attrs["graph"].as_array_mut().unwrap().push(other);
        },
        expect![[r#"
            choosing layers
            error: cannot read the closure of image `test`
              caused by: the closure lists `/elsewhere/00000000000000000000000000000000-x` and `/nix/store/[HASH]-leaf`, which are not in one store directory
        "#]],
    );
}

#[test]
fn a_store_path_outside_the_store_is_refused() {
    check_attribute(
        "storeDir",
        json!("/nix/store"),
        expect![[r#"
            choosing layers
            error: `/nix/store/[HASH]-leaf` is not in the store `/nix/store`, so it cannot be in a layer of image `test`
        "#]],
    );
}

#[test]
fn a_store_path_that_is_missing_is_named() {
    check_description(
        |sandbox, _| fs::remove_dir_all(sandbox.store_path("leaf")).unwrap(),
        expect![[r#"
            choosing layers
            hashing 2 layers
            error: cannot read `/nix/store/[HASH]-leaf`
              caused by: No such file or directory (os error 2)
        "#]],
    );
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let sandbox = Sandbox::new();
    let conf = describe(&sandbox, |_| {});
    let file = sandbox.store_path("leaf").join("file");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o000)).unwrap();
    let output = sandbox.builder(&["description"]).uid(NOBODY).output();
    check(
        &sandbox,
        &output.unwrap(),
        FAILED,
        &expect![[r#"
            choosing layers
            hashing 2 layers
            error: cannot read `/nix/store/[HASH]-leaf/file`
              caused by: Permission denied (os error 13)
        "#]],
    );
    let output = stream(&sandbox, &conf).uid(NOBODY).output();
    check(
        &sandbox,
        &output.unwrap(),
        FAILED,
        &expect![[r#"
        No 'fromImage' provided
        Creating layer 1 from paths: ['/nix/store/[HASH]-leaf']
        error: cannot read `/nix/store/[HASH]-leaf/file`
          caused by: Permission denied (os error 13)
    "#]],
    );
    edit(&conf, |description| {
        description["mtime"] = json!("now");
        description["builder"]["store_layers"] = json!(null);
    });
    let output = stream(&sandbox, &conf).uid(NOBODY).output();
    check(
        &sandbox,
        &output.unwrap(),
        FAILED,
        &expect![[r#"
        No 'fromImage' provided
        error: cannot read `/nix/store/[HASH]-leaf/file`
          caused by: Permission denied (os error 13)
    "#]],
    );
}

#[test]
fn a_pipeline_with_an_unknown_function_is_refused() {
    check_attribute(
        "layeringPipeline",
        json!([["popularity"]]),
        expect![[r#"
            choosing layers
            error: cannot follow the `layeringPipeline` of image `test`
              caused by: step 1 of the layering pipeline, `popularity`, is no function of the pipeline language; there are `flatten`, `over`, `map`, `pipe`, `split_paths`, `subcomponent_in`, `subcomponent_out`, `popularity_contest`, `split_every`, `limit_layers`, `remove_paths`, `reverse`
        "#]],
    );
}

#[test]
fn a_pipeline_with_a_wrong_argument_is_refused() {
    check_attribute(
        "layeringPipeline",
        json!([["split_every", 1], ["limit_layers", "3"]]),
        expect![[r#"
            choosing layers
            error: cannot follow the `layeringPipeline` of image `test`
              caused by: step 2 of the layering pipeline, `limit_layers`, wants one argument, the most graphs to leave, a whole number from 1 on; it was given `"3"`
        "#]],
    );
}

#[test]
fn a_pipeline_that_is_neither_list_nor_path_is_refused() {
    check_attribute(
        "layeringPipeline",
        json!(3),
        expect![[r#"
            choosing layers
            error: cannot follow the `layeringPipeline` of image `test`
              caused by: the layering pipeline must be a list of steps, or the path of a JSON file that holds one; it is `3`
        "#]],
    );
}

#[test]
fn a_step_that_gets_what_it_does_not_work_on_is_refused() {
    check_attribute(
        "layeringPipeline",
        json!([["reverse"]]),
        expect![[r#"
            choosing layers
            error: cannot follow the `layeringPipeline` of image `test`
              caused by: step 1 of the layering pipeline, `reverse`, works on a list of graphs; it was given one graph of 2 paths; put a step before it that makes a list, such as `[ "popularity_contest" ]` or `[ "split_every" 10 ]`
        "#]],
    );
}

#[test]
fn a_pipeline_file_that_is_missing_is_named() {
    check_attribute(
        "layeringPipeline",
        json!("/nowhere/pipeline.json"),
        expect![[r#"
            choosing layers
            error: cannot follow the `layeringPipeline` of image `test`
              caused by: cannot read the layering pipeline from `/nowhere/pipeline.json`
              caused by: No such file or directory (os error 2)
        "#]],
    );
}

#[test]
fn a_pipeline_file_that_is_no_json_is_named() {
    check_description(
        |sandbox, attrs| {
            let file = sandbox.file("pipeline.json", "[[\"reverse\"");
            attrs["description"]["layeringPipeline"] = json!(file);
        },
        expect![[r#"
            choosing layers
            error: cannot follow the `layeringPipeline` of image `test`
              caused by: `/nix/store/[HASH]-pipeline.json`, the file of the layering pipeline, is not valid JSON
              caused by: EOF while parsing a list at line 1 column [COLUMN]
        "#]],
    );
}
