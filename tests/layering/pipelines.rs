//! What the functions of the pipeline language make of generated closures.

use std::collections::BTreeSet;

use nix_image_builder::closure::layering;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::graphs::{any_closure, chain, closure, dense, diamonds, path};
use crate::{check_each_path_once, graph, paths, plain, run};

/// Pipelines that keep every path, with `some` and `other` for paths to split at.
fn keeping(some: &str, other: &str) -> Vec<Value> {
    vec![
        json!([["popularity_contest"]]),
        json!([
            ["popularity_contest"],
            ["reverse"],
            ["limit_layers", 3],
            ["reverse"]
        ]),
        json!([
            ["split_every", 3],
            ["map", ["popularity_contest"]],
            ["flatten"],
            ["limit_layers", 5]
        ]),
        json!([["split_paths", [some, { "children_of": [other, some] }]]]),
        json!([
            ["split_paths", [some, other]],
            ["flatten"],
            ["map", ["split_paths", [other]]]
        ]),
        json!([
            ["subcomponent_in", [some]],
            ["over", "rest", ["subcomponent_out", [other]]]
        ]),
        json!([
            ["subcomponent_out", [some, other]],
            ["over", "main", ["pipe", [["split_every", 2], ["reverse"]]]]
        ]),
        json!([
            ["popularity_contest"],
            ["limit_layers", 2],
            ["map", ["subcomponent_in", [some]]],
            ["flatten"],
            ["map", ["popularity_contest"]]
        ]),
        json!([
            ["split_every", 4],
            ["map", ["split_every", 2]],
            ["limit_layers", 2]
        ]),
    ]
}

fn check_keeps(closure: &[nix_image_builder::closure::graph::PathInfo]) {
    let graph = graph(closure);
    let last = &closure[closure.len() - 1].path;
    for steps in keeping(&closure[0].path, last) {
        let layers = run(&graph, &steps).unwrap();
        check_each_path_once(closure, &layers);
    }
}

#[test]
fn no_path_is_lost_on_the_way() {
    for closure in [chain(1), chain(5_000), diamonds(1_667), dense(5_000, 6)] {
        check_keeps(&closure);
    }
}

#[test]
fn graphs_that_were_merged_know_nothing_of_each_other() {
    // 2 needs 1 needs 0, so 0 is the most popular; after a merge nobody needs anybody.
    let closure = closure([(1, vec![]), (1, vec![0]), (1, vec![1])]);
    let graph = graph(&closure);
    let apart = json!([
        ["popularity_contest"],
        ["limit_layers", 1],
        ["map", ["subcomponent_in", [path(0)]]]
    ]);
    let layers = run(&graph, &apart).unwrap();
    assert_eq!(layers, [vec![path(0)], vec![path(1), path(2)]]);
    let whole = json!([["subcomponent_in", [path(0)]]]);
    assert_eq!(run(&graph, &whole).unwrap()[0].len(), 3);
}

#[test]
fn graphs_that_were_merged_keep_their_own_references() {
    // Small paths first, so the chain of four is cut in the middle and put together again.
    let closure = closure([(1, vec![]), (2, vec![0]), (3, vec![1]), (4, vec![2])]);
    let steps = json!([
        ["split_every", 2],
        ["limit_layers", 1],
        ["map", ["subcomponent_out", [path(3)]]]
    ]);
    let layers = run(&graph(&closure), &steps).unwrap();
    assert_eq!(layers, [[path(2), path(3)], [path(0), path(1)]]);
}

#[test]
fn a_limit_that_is_kept_changes_nothing() {
    let graph = graph(&chain(6));
    let parts = json!([["split_every", 2], ["map", ["split_paths", [path(0)]]]]);
    let limited = json!([
        ["split_every", 2],
        ["map", ["split_paths", [path(0)]]],
        ["limit_layers", 3]
    ]);
    assert_eq!(run(&graph, &limited).unwrap(), run(&graph, &parts).unwrap());
}

#[test]
fn nobody_refers_to_a_path_that_was_split_off() {
    // Both 1 and 2 are split off, so 2's reference to 1 is gone in `main`.
    let closure = closure([(1, vec![]), (2, vec![0]), (3, vec![1]), (4, vec![2])]);
    let steps = json!([
        ["split_paths", [path(1), path(2)]],
        ["over", "main", ["subcomponent_out", [path(2)]]]
    ]);
    let layers = run(&graph(&closure), &steps).unwrap();
    assert_eq!(
        layers,
        [vec![path(2)], vec![path(0), path(1)], vec![path(3)]]
    );
}

#[test]
fn a_split_that_finds_nothing_leaves_one_layer() {
    let graph = graph(&chain(2));
    for function in ["split_paths", "subcomponent_out", "subcomponent_in"] {
        let layers = run(&graph, &json!([[function, [path(99)]]])).unwrap();
        assert_eq!(layers.len(), 1, "{function}");
        assert_eq!(layers[0].len(), 2, "{function}");
    }
}

#[test]
fn steps_without_paths_to_look_for_take_anything() {
    let graph = graph(&chain(4));
    let plain = json!([["split_every", 2]]);
    let idle = json!([
        ["split_every", 2],
        ["remove_paths", []],
        ["split_paths", []]
    ]);
    assert_eq!(run(&graph, &plain).unwrap(), run(&graph, &idle).unwrap());
    let nothing = json!([
        ["remove_paths", (0..4).map(path).collect::<Vec<_>>()],
        ["split_every", 1],
        ["popularity_contest"]
    ]);
    assert!(run(&graph, &nothing).unwrap().is_empty());
}

#[test]
fn popularity_counts_beyond_all_machine_words() {
    // Every diamond doubles the ways: 2^2000 lead to the lowest path.
    let closure = diamonds(2000);
    let layers = paths(&layering::popularity(&graph(&closure)));
    assert_eq!(layers.first(), Some(&vec![path(0)]));
    assert_eq!(layers.last(), Some(&vec![path(6000)]));
}

#[test]
fn popularity_of_more_paths_than_are_looked_at_in_one_walk() {
    for closure in [chain(600), dense(700, 1), dense(1_100, 2)] {
        let layers = paths(&layering::popularity(&graph(&closure)));
        assert!(layers.concat() == plain::popularity(&closure));
    }
}

proptest! {
    #[test]
    fn popularity_is_that_of_the_plain_count(closure in any_closure(40)) {
        let layers = paths(&layering::popularity(&graph(&closure)));
        prop_assert_eq!(layers.concat(), plain::popularity(&closure));
    }

    #[test]
    fn parts_are_those_of_the_plain_sets(
        closure in any_closure(30),
        selected in prop::collection::vec(any::<prop::sample::Index>(), 1..4),
    ) {
        let selected: BTreeSet<_> = selected.iter().map(|place| place.get(&closure).path.clone()).collect();
        let layers = run(&graph(&closure), &json!([["split_paths", selected]])).unwrap();
        let layers: Vec<BTreeSet<_>> = layers.into_iter().map(|layer| layer.into_iter().collect()).collect();
        let mut expected = plain::split_paths(&closure, &selected).to_vec();
        expected.retain(|part| !part.is_empty());
        prop_assert_eq!(layers, expected);
    }

    #[test]
    fn pipelines_keep_each_path_and_do_not_depend_on_order(
        (closure, shuffled) in any_closure(40).prop_flat_map(|closure| {
            (Just(closure.clone()), Just(closure).prop_shuffle())
        }),
    ) {
        let some = &closure[0].path;
        let other = &closure[closure.len() - 1].path;
        for steps in keeping(some, other) {
            let layers = run(&graph(&closure), &steps).unwrap();
            check_each_path_once(&closure, &layers);
            prop_assert_eq!(layers, run(&graph(&shuffled), &steps).unwrap());
        }
    }
}
