//! A closure as `exportReferencesGraph` would list it. The first four bytes say how many layers there
//! are and which paths refer to which, or the text is the JSON itself. Layers hold every path once, and
//! do not depend on the order of the closure.

#![no_main]

use std::collections::BTreeSet;

use libfuzzer_sys::fuzz_target;
use nix_image_builder::closure::graph::{self, Graph, PathInfo};
use nix_image_builder::closure::layering;
use nix_image_builder::closure::layering::layer::Layer;
use serde_json::{Value, json};

/// As many as the quadratic checks here bear.
const MAX_PATHS: usize = 40;

fn path(number: usize) -> String {
    format!("/nix/store/{number:032}-p{}", number % 7)
}

/// A closure of which each byte is a path: its size and, with the bytes before, its references.
fn made(bytes: &[u8]) -> Vec<PathInfo> {
    let bytes = &bytes[..bytes.len().min(MAX_PATHS)];
    let infos = bytes.iter().enumerate().map(|(number, byte)| {
        let step = usize::from(byte >> 4) + 1;
        let before = (0..number).rev().step_by(step).take(usize::from(byte & 7));
        let itself = (byte & 8 != 0).then_some(number);
        PathInfo {
            path: path(number),
            nar_size: u64::from(*byte) * 1000,
            references: before.chain(itself).map(path).collect(),
        }
    });
    infos.collect()
}

fn paths(layers: &[Layer]) -> Vec<String> {
    let paths = layers.iter().flat_map(|layer| &layer.paths);
    paths
        .map(|path| path.as_path().display().to_string())
        .collect()
}

fn check(mut closure: Vec<PathInfo>, available: usize) {
    let Ok(graph) = Graph::new(closure.clone(), &[]) else {
        return;
    };
    let all: BTreeSet<String> = graph
        .ids()
        .map(|id| graph.path(id).as_path().display().to_string())
        .collect();
    let auto = layering::auto(&graph, available);
    let popularity = layering::popularity(&graph);
    for layers in [&auto, &popularity] {
        let listed = paths(layers);
        assert_eq!(listed.len(), all.len(), "every path is in one layer");
        assert_eq!(listed.into_iter().collect::<BTreeSet<_>>(), all);
        assert!(layers.iter().all(|layer| !layer.paths.is_empty()));
    }
    assert!(auto.len() <= available.max(1));
    let _ = layering::explain(&auto);

    // A user stands before what it needs.
    let places = graph.users_first();
    for (place, id) in places.iter().enumerate() {
        for reference in graph.references(*id) {
            let needed = places.iter().position(|other| other == reference);
            assert!(needed.is_some_and(|needed| needed > place));
        }
    }

    closure.reverse();
    let again = Graph::new(closure, &[]).expect("the order means nothing");
    assert_eq!(layering::auto(&again, available), auto);
    assert_eq!(layering::popularity(&again), popularity);
}

fn run_pipeline(graph: &Graph, steps: &Value) {
    let Ok(pipeline) = layering::parse(steps) else {
        return;
    };
    if let Ok(layers) = layering::pipeline(graph, &pipeline) {
        let listed: BTreeSet<String> = paths(&layers).into_iter().collect();
        assert!(listed.len() <= graph.len(), "no path comes from nowhere");
    }
}

fuzz_target!(|bytes: &[u8]| {
    let [available, rest @ ..] = bytes else {
        return;
    };
    let available = usize::from(*available);
    let closure = made(rest);
    check(closure.clone(), available);

    let Ok(text) = serde_json::from_slice::<Value>(bytes) else {
        return;
    };
    if let Ok(closure) = graph::parse(&text) {
        if closure.len() <= MAX_PATHS {
            check(closure, available);
        }
    }
    let nodes = json!([
        { "path": path(0), "narSize": 1, "references": [] },
        { "path": path(1), "narSize": 2, "references": [path(0)] },
        { "path": path(2), "narSize": 3, "references": [path(0), path(1)] },
        { "path": path(3), "narSize": 3, "references": [] },
    ]);
    let closure = graph::parse(&nodes).expect("it is a closure");
    let graph = Graph::new(closure, &[]).expect("it is closed");
    run_pipeline(&graph, &text);
});
