//! What users read when a pipeline is wrong: each message whole. The first five are nixpkgs' failing
//! golden cases `x13-*` and `x09-*`.

use expect_test::{Expect, expect};
use nix_image_builder::closure::layering;
use nix_image_builder::closure::layering::layer;
use serde_json::{Value, json};

use crate::graphs::{chain, path};
use crate::{graph, run};

#[track_caller]
fn check(steps: &Value, expected: Expect) {
    let error = run(&graph(&chain(12)), steps).unwrap_err();
    expected.assert_eq(&error.to_string());
}

#[test]
fn a_limit_of_no_layers() {
    check(
        &json!([["popularity_contest"], ["limit_layers", 0]]),
        expect![
            "step 2 of the layering pipeline, `limit_layers`, wants one argument, the most graphs to leave, a whole number from 1 on; it was given `0`"
        ],
    );
}

#[test]
fn a_limit_on_the_graph_that_a_pipeline_begins_with() {
    check(
        &json!([["limit_layers", 3]]),
        expect![[
            r#"step 1 of the layering pipeline, `limit_layers`, works on a list of graphs; it was given one graph of 12 paths; put a step before it that makes a list, such as `[ "popularity_contest" ]` or `[ "split_every" 10 ]`"#
        ]],
    );
}

#[test]
fn a_part_that_is_not_there() {
    check(
        &json!([
            ["split_paths", [path(11)]],
            ["over", "nothing", ["popularity_contest"]]
        ]),
        expect![
            "step 2 of the layering pipeline, `over`, is to change the part `nothing`; it was given the parts `main`; steps that split leave out parts without paths"
        ],
    );
}

#[test]
fn a_function_that_is_not_there() {
    check(
        &json!([["no_such_step"]]),
        expect![
            "step 1 of the layering pipeline, `no_such_step`, is no function of the pipeline language; there are `flatten`, `over`, `map`, `pipe`, `split_paths`, `subcomponent_in`, `subcomponent_out`, `popularity_contest`, `split_every`, `limit_layers`, `remove_paths`, `reverse`"
        ],
    );
}

#[test]
fn a_pipeline_that_leaves_one_graph() {
    check(
        &json!([["remove_paths", path(0)]]),
        expect![[
            r#"step 1 of the layering pipeline, `remove_paths`, leaves one graph of 11 paths, and a pipeline must leave a list of graphs, which become layers; end it with a step that splits, such as `[ "popularity_contest" ]` or `[ "split_every" 10 ]`"#
        ]],
    );
    check(
        &json!([]),
        expect![[
            r#"the layering pipeline leaves one graph of 12 paths, and a pipeline must leave a list of graphs, which become layers; end it with a step that splits, such as `[ "popularity_contest" ]` or `[ "split_every" 10 ]`"#
        ]],
    );
}

#[test]
fn a_pipeline_that_is_no_list() {
    check(
        &json!({ "limit_layers": 3 }),
        expect![[
            r#"the layering pipeline must be a list of steps, or the path of a JSON file that holds one; it is `{"limit_layers":3}`"#
        ]],
    );
    check(
        &json!([["pipe", "popularity_contest"]]),
        expect![[
            r#"step 1 of the layering pipeline, `pipe`, wants one argument, a list of steps; it was given `"popularity_contest"`"#
        ]],
    );
}

#[test]
fn a_step_that_is_no_list_with_a_name() {
    check(
        &json!([["popularity_contest"], "reverse"]),
        expect![[
            r#"step 2 of the layering pipeline must be a list that begins with the name of a function, such as `[ "popularity_contest" ]`; it is `"reverse"`"#
        ]],
    );
    check(
        &json!(["popularity_contest"]),
        expect![[
            r#"step 1 of the layering pipeline must be a list that begins with the name of a function, such as `[ "popularity_contest" ]`; it is `"popularity_contest"`"#
        ]],
    );
    check(
        &json!([[]]),
        expect![[
            r#"step 1 of the layering pipeline must be a list that begins with the name of a function, such as `[ "popularity_contest" ]`; it is `[]`"#
        ]],
    );
    check(
        &json!([[7]]),
        expect![[
            r#"step 1 of the layering pipeline must be a list that begins with the name of a function, such as `[ "popularity_contest" ]`; it is `[7]`"#
        ]],
    );
    check(
        &json!([["over", "rest", "popularity_contest"]]),
        expect![[
            r#"step 1 of the layering pipeline, `over` > its step, must be a list that begins with the name of a function, such as `[ "popularity_contest" ]`; it is `"popularity_contest"`"#
        ]],
    );
}

#[test]
fn arguments_that_a_function_does_not_take() {
    check(
        &json!([["flatten", 1]]),
        expect!["step 1 of the layering pipeline, `flatten`, wants no argument; it was given `1`"],
    );
    check(
        &json!([["over", "rest"]]),
        expect![[
            r#"step 1 of the layering pipeline, `over`, wants two arguments, the name of a part and a step for it, such as `"rest" [ "popularity_contest" ]`; it was given `"rest"`"#
        ]],
    );
    check(
        &json!([["map"]]),
        expect![[
            r#"step 1 of the layering pipeline, `map`, wants one argument, a step for each graph, such as `[ "popularity_contest" ]`; it was given none"#
        ]],
    );
    check(
        &json!([["pipe"]]),
        expect![
            "step 1 of the layering pipeline, `pipe`, wants one argument, a list of steps; it was given none"
        ],
    );
    check(
        &json!([["split_paths", path(0)]]),
        expect![[
            r#"step 1 of the layering pipeline, `split_paths`, wants one argument, a list of store paths or `{ children_of = …; }`; it was given `"/nix/store/mkqvpkfbz99y1b7ipg6wpyjkw2ng3fyd-a"`"#
        ]],
    );
    check(
        &json!([["split_paths", [{ "childen_of": path(0) }]]]),
        expect![[
            r#"step 1 of the layering pipeline, `split_paths`, wants one argument, a list of store paths or `{ children_of = …; }`; it was given `[{"childen_of":"/nix/store/mkqvpkfbz99y1b7ipg6wpyjkw2ng3fyd-a"}]`"#
        ]],
    );
    check(
        &json!([["subcomponent_in", [3]]]),
        expect![
            "step 1 of the layering pipeline, `subcomponent_in`, wants one argument, a list of store paths; it was given `[3]`"
        ],
    );
    check(
        &json!([["subcomponent_out", "a"]]),
        expect![[
            r#"step 1 of the layering pipeline, `subcomponent_out`, wants one argument, a list of store paths; it was given `"a"`"#
        ]],
    );
    check(
        &json!([["popularity_contest", []]]),
        expect![
            "step 1 of the layering pipeline, `popularity_contest`, wants no argument; it was given `[]`"
        ],
    );
    check(
        &json!([["split_every", -1]]),
        expect![
            "step 1 of the layering pipeline, `split_every`, wants one argument, the number of paths in each graph, a whole number from 1 on; it was given `-1`"
        ],
    );
    check(
        &json!([["limit_layers", 2.5]]),
        expect![
            "step 1 of the layering pipeline, `limit_layers`, wants one argument, the most graphs to leave, a whole number from 1 on; it was given `2.5`"
        ],
    );
    check(
        &json!([["limit_layers"]]),
        expect![
            "step 1 of the layering pipeline, `limit_layers`, wants one argument, the most graphs to leave, a whole number from 1 on; it was given none"
        ],
    );
    check(
        &json!([["remove_paths", null]]),
        expect![
            "step 1 of the layering pipeline, `remove_paths`, wants one argument, a store path or a list of store paths; it was given `null`"
        ],
    );
    check(
        &json!([["reverse", true, false]]),
        expect![
            "step 1 of the layering pipeline, `reverse`, wants no argument; it was given `true`, `false`"
        ],
    );
    let long: Vec<_> = (0..100).collect();
    check(
        &json!([["subcomponent_in", long]]),
        expect![
            "step 1 of the layering pipeline, `subcomponent_in`, wants one argument, a list of store paths; it was given `[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,34,35,3…`"
        ],
    );
}

#[test]
fn what_a_function_does_not_work_on() {
    check(
        &json!([["flatten"]]),
        expect![[
            r#"step 1 of the layering pipeline, `flatten`, works on a list of graphs or named parts; it was given one graph of 12 paths; put a step before it that makes a list, such as `[ "popularity_contest" ]` or `[ "split_every" 10 ]`"#
        ]],
    );
    check(
        &json!([["over", "rest", ["reverse"]]]),
        expect![
            "step 1 of the layering pipeline, `over`, works on named parts; it was given one graph of 12 paths; put a step before it that makes parts, such as `split_paths`"
        ],
    );
    check(
        &json!([["split_every", 5], ["split_every", 2]]),
        expect![
            "step 2 of the layering pipeline, `split_every`, works on one graph; it was given a list of 3 graphs; use `map` to run it on each graph of the list"
        ],
    );
    check(
        &json!([["split_paths", []], ["limit_layers", 2]]),
        expect![[
            r#"step 2 of the layering pipeline, `limit_layers`, works on a list of graphs; it was given the parts `rest`; put `[ "flatten" ]` before it"#
        ]],
    );
    check(
        &json!([["subcomponent_in", []], ["popularity_contest"]]),
        expect![
            "step 2 of the layering pipeline, `popularity_contest`, works on one graph; it was given the parts `main`, `rest`; use `over` to run it on one of the parts"
        ],
    );
    check(
        &json!([["split_every", 5], ["over", "rest", ["reverse"]]]),
        expect![
            "step 2 of the layering pipeline, `over`, works on named parts; it was given a list of 3 graphs; put it before the step that makes the list"
        ],
    );
    check(
        &json!([
            ["split_every", 5],
            ["map", ["split_paths", []]],
            ["split_every", 2]
        ]),
        expect![
            "step 3 of the layering pipeline, `split_every`, works on one graph; it was given a list of 3 sets of parts; use `map` to run it on each graph of the list"
        ],
    );
    check(
        &json!([
            ["split_every", 5],
            ["map", ["popularity_contest"]],
            ["popularity_contest"]
        ]),
        expect![
            "step 3 of the layering pipeline, `popularity_contest`, works on one graph; it was given a list of 3 lists; use `map` to run it on each graph of the list"
        ],
    );
    check(
        &json!([
            ["remove_paths", (0..12).map(path).collect::<Vec<_>>()],
            ["split_every", 2],
            ["split_every", 2]
        ]),
        expect![
            "step 3 of the layering pipeline, `split_every`, works on one graph; it was given an empty list; use `map` to run it on each graph of the list"
        ],
    );
    check(
        &json!([
            ["remove_paths", (0..11).map(path).collect::<Vec<_>>()],
            ["reverse"]
        ]),
        expect![[
            r#"step 2 of the layering pipeline, `reverse`, works on a list of graphs; it was given one graph of 1 path; put a step before it that makes a list, such as `[ "popularity_contest" ]` or `[ "split_every" 10 ]`"#
        ]],
    );
}

#[test]
fn a_step_in_other_steps() {
    check(
        &json!([
            ["popularity_contest"],
            [
                "pipe",
                [
                    ["reverse"],
                    [
                        "map",
                        ["pipe", [["split_every", 2], ["over", "main", ["flatten"]]]]
                    ]
                ]
            ],
        ]),
        expect![
            "step 2 of the layering pipeline, `pipe` > step 2 `map` > `pipe` > step 2 `over`, works on named parts; it was given a list of 1 graph; put it before the step that makes the list"
        ],
    );
    check(
        &json!([["map", ["limit_layers", 1]]]),
        expect![[
            r#"step 1 of the layering pipeline, `map`, works on a list of graphs; it was given one graph of 12 paths; put a step before it that makes a list, such as `[ "popularity_contest" ]` or `[ "split_every" 10 ]`"#
        ]],
    );
    check(
        &json!([["split_every", 5], ["map", ["limit_layers", 1]]]),
        expect![[
            r#"step 2 of the layering pipeline, `map` > `limit_layers`, works on a list of graphs; it was given one graph of 5 paths; put a step before it that makes a list, such as `[ "popularity_contest" ]` or `[ "split_every" 10 ]`"#
        ]],
    );
}

#[test]
fn lists_that_cannot_be_merged() {
    check(
        &json!([
            ["split_every", 5],
            ["map", ["popularity_contest"]],
            ["limit_layers", 2]
        ]),
        expect![[
            r#"step 3 of the layering pipeline, `limit_layers`, cannot merge a list of 5 graphs with another; put `[ "flatten" ]` before it"#
        ]],
    );
    check(
        &json!([
            ["split_every", 5],
            ["map", ["split_paths", []]],
            ["limit_layers", 1]
        ]),
        expect![[
            r#"step 3 of the layering pipeline, `limit_layers`, cannot merge the parts `rest` with another; put `[ "flatten" ]` before it"#
        ]],
    );
}

#[test]
fn steps_too_deep_in_steps() {
    let mut step = json!(["reverse"]);
    for _ in 0..100 {
        step = json!(["map", step]);
    }
    check(
        &json!([["popularity_contest"], step]),
        expect![
            "step 2 of the layering pipeline, `map`, has steps in steps more than 64 deep; put them in a row instead"
        ],
    );
}

#[test]
fn a_pipeline_in_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("pipeline.json");
    let attribute = json!(file);
    let replaced =
        |error: layering::PipelineError| error.to_string().replace(file.to_str().unwrap(), "FILE");
    let error = layering::read(&attribute).unwrap_err();
    expect!["cannot read the layering pipeline from `FILE`"].assert_eq(&replaced(error));
    std::fs::write(&file, "[[").unwrap();
    let error = layering::read(&attribute).unwrap_err();
    expect!["`FILE`, the file of the layering pipeline, is not valid JSON"]
        .assert_eq(&replaced(error));
    std::fs::write(&file, r#"[["reverse"]]"#).unwrap();
    assert_eq!(
        layering::read(&attribute).unwrap(),
        layering::read(&json!([["reverse"]])).unwrap()
    );
}

/// The explanation of a small closure's layers.
#[track_caller]
fn check_explained(layers: &[layer::Layer], expected: Expect) {
    expected.assert_eq(&layering::explain(layers));
}

#[test]
fn layers_are_explained() {
    let graph = graph(&chain(3));
    check_explained(
        &layering::auto(&graph, 2),
        expect![[r#"
        layer 1 of 2: 2 paths, 1119 bytes: /nix/store/a7ipg6wpyjkw2lg3fydrgx57q58y6xwv-a-1 and what only it needs
          /nix/store/mkqvpkfbz99y1b7ipg6wpyjkw2ng3fyd-a
          /nix/store/a7ipg6wpyjkw2lg3fydrgx57q58y6xwv-a-1
        layer 2 of 2: 1 path, 938 bytes: /nix/store/zvak6sb3xvxs3znm6dln7vpvl7zdacv9-a-1.2 and what only it needs
          /nix/store/zvak6sb3xvxs3znm6dln7vpvl7zdacv9-a-1.2
    "#]],
    );
    let pipeline = |steps| layering::pipeline(&graph, &layering::parse(&steps).unwrap()).unwrap();
    check_explained(
        &pipeline(json!([
            ["remove_paths", path(2)],
            ["split_paths", [path(0)]],
            ["over", "main", ["split_every", 1]]
        ])),
        expect![[r#"
            layer 1 of 2: 1 path, 100 bytes: what `remove_paths` left, then part `main`, then piece 1 of 1
              /nix/store/mkqvpkfbz99y1b7ipg6wpyjkw2ng3fyd-a
            layer 2 of 2: 1 path, 1019 bytes: what `remove_paths` left, then part `rest`
              /nix/store/a7ipg6wpyjkw2lg3fydrgx57q58y6xwv-a-1
        "#]],
    );
    check_explained(
        &pipeline(json!([["popularity_contest"], ["limit_layers", 2]])),
        expect![[r#"
            layer 1 of 2: 1 path, 100 bytes: number 1 of 3 by popularity
              /nix/store/mkqvpkfbz99y1b7ipg6wpyjkw2ng3fyd-a
            layer 2 of 2: 2 paths, 1957 bytes: 2 graphs beyond the limit
              /nix/store/a7ipg6wpyjkw2lg3fydrgx57q58y6xwv-a-1
              /nix/store/zvak6sb3xvxs3znm6dln7vpvl7zdacv9-a-1.2
        "#]],
    );
}

#[test]
fn layers_that_several_paths_share_are_explained() {
    let shared = crate::graphs::closure([
        (1, vec![]),
        (2, vec![]),
        (9, vec![0, 1]),
        (8, vec![0, 1]),
        (3, vec![]),
    ]);
    check_explained(
        &layering::auto(&graph(&shared), 4),
        expect![[r#"
        layer 1 of 4: 2 paths, 3 bytes: /nix/store/lg3fydrgx57q58y6xwvjzsaghaiwdvrp-a+b and /nix/store/zvak6sb3xvxs3znm6dln7vpvl7zdacv9-a-1.2 together need it
          /nix/store/mkqvpkfbz99y1b7ipg6wpyjkw2ng3fyd-a
          /nix/store/a7ipg6wpyjkw2lg3fydrgx57q58y6xwv-a-1
        layer 2 of 4: 1 path, 3 bytes: /nix/store/92wan17vwfin6j5qmc2gpqx3cd4biaq4-a--b and what only it needs
          /nix/store/92wan17vwfin6j5qmc2gpqx3cd4biaq4-a--b
        layer 3 of 4: 1 path, 8 bytes: /nix/store/lg3fydrgx57q58y6xwvjzsaghaiwdvrp-a+b and what only it needs
          /nix/store/lg3fydrgx57q58y6xwvjzsaghaiwdvrp-a+b
        layer 4 of 4: 1 path, 9 bytes: /nix/store/zvak6sb3xvxs3znm6dln7vpvl7zdacv9-a-1.2 and what only it needs
          /nix/store/zvak6sb3xvxs3znm6dln7vpvl7zdacv9-a-1.2
    "#]],
    );
}
