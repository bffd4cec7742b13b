//! The largest closure that the engine promises to be quick with.

use std::time::{Duration, Instant};

use nix_image_builder::closure::graph::Graph;
use nix_image_builder::closure::layering;
use serde_json::json;

use crate::{graphs, run};

/// An optimised build takes a tenth of this at most; the commit has the figures. The bound tells
/// squares from lines, also in a build with checks on a machine with other work.
const BOUND: Duration = Duration::from_secs(20);

#[track_caller]
fn check<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = work();
    let taken = start.elapsed();
    eprintln!("{what}: {taken:?}");
    assert!(taken < BOUND, "{what} took {taken:?}");
    result
}

#[test]
fn twenty_thousand_paths_with_two_hundred_thousand_references_are_quick() {
    let closure = graphs::dense(20_000, 10);
    let some_path = graphs::path(19_000);
    let graph = check("graph", || Graph::new(closure, &[]).unwrap());
    let auto = check("auto", || layering::auto(&graph, 100));
    assert!(auto.len() <= 100);
    let popularity = check("popularity", || layering::popularity(&graph));
    assert_eq!(popularity.len(), 20_000);
    let pipelines = [
        json!([["popularity_contest"], ["limit_layers", 100]]),
        json!([
            ["split_paths", [some_path, { "children_of": some_path }]],
            ["over", "rest", ["pipe", [["popularity_contest"], ["limit_layers", 50]]]],
            ["flatten"],
            ["limit_layers", 100],
        ]),
        json!([
            ["subcomponent_out", [some_path]],
            ["over", "rest", ["split_every", 10]]
        ]),
        json!([
            ["split_every", 1],
            ["map", ["split_paths", [some_path]]],
            ["flatten"],
            ["reverse"]
        ]),
        json!([
            ["split_every", 1],
            ["map", ["popularity_contest"]],
            ["flatten"],
            ["limit_layers", 2],
            ["map", ["popularity_contest"]]
        ]),
    ];
    for steps in pipelines {
        check(&steps.to_string(), || run(&graph, &steps).unwrap());
    }
}

#[test]
fn deep_and_branching_closures_are_quick_and_need_no_stack() {
    for closure in [
        graphs::chain(20_000),
        graphs::diamonds(6_000),
        graphs::dense(5_000, 2),
    ] {
        let graph = check("graph", || Graph::new(closure, &[]).unwrap());
        check("auto", || layering::auto(&graph, 100));
        check("popularity", || layering::popularity(&graph));
    }
}

#[test]
fn limits_beyond_all_engines_are_quick() {
    let graph = Graph::new(graphs::dense(5_000, 10), &[]).unwrap();
    check("auto without a limit", || layering::auto(&graph, 5_000));
    check("auto with half the limit", || layering::auto(&graph, 2_500));
}
