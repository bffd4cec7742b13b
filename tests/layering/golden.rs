//! What nixpkgs made of real closures, in `tests/golden`.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use nix_image_builder::closure::graph::{self, Graph};
use nix_image_builder::closure::layering;
use serde_json::{Value, json};

use crate::{paths, run};

/// The JSON files of a folder whose names end in `ending`, by the rest of the name.
fn files(folder: &str, ending: &str) -> Vec<(String, Value)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(folder);
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let named = files.into_iter().filter_map(|file| {
        let name = file.file_name()?.to_str()?.strip_suffix(ending)?.to_owned();
        Some((
            name,
            serde_json::from_slice(&fs::read(&file).unwrap()).unwrap(),
        ))
    });
    named.collect()
}

fn read_graph(closure: &Value, excluded: &Value) -> Graph {
    let excluded: Vec<String> = serde_json::from_value(excluded.clone()).unwrap();
    Graph::new(graph::parse(closure).unwrap(), &excluded).unwrap()
}

#[test]
fn every_pipeline_gives_the_layers_of_nixpkgs() {
    let inputs = files("pipelines", ".input.json");
    let expected = files("pipelines", ".expected.json");
    for (name, expected) in &expected {
        let input = inputs.iter().find(|(input, _)| input == name);
        // Without store paths nixpkgs does not run the pipeline, so there is no input.
        let nothing =
            json!({ "graph": [], "exclude_paths": [], "pipeline": [["popularity_contest"]] });
        let input = input.map_or(&nothing, |(_, input)| input);
        let graph = read_graph(&input["graph"], &input["exclude_paths"]);
        let layers = run(&graph, &input["pipeline"]).unwrap();
        assert_eq!(json!(layers), *expected, "{name}");
    }
    assert_eq!((inputs.len(), expected.len()), (35, 36));
}

#[test]
fn every_limit_gives_the_layers_of_nixpkgs() {
    let mut limits = 0;
    for (name, case) in files("auto-layer", ".json") {
        let graph = read_graph(&case["graph"], &case["ignore"]);
        for (limit, expected) in case["results_seed0"].as_object().unwrap() {
            let layers = paths(&layering::auto(&graph, limit.parse().unwrap()));
            let expected: Vec<Vec<String>> = serde_json::from_value(expected.clone()).unwrap();
            // nixpkgs' order of equal layers depends on the seed of Python's hashes.
            if case["varies_with_seed_1_to_12"].get(limit).is_none() {
                assert_eq!(layers, expected, "{name}, limit {limit}");
            }
            let set = |layers: &[Vec<String>]| -> BTreeSet<_> { layers.iter().cloned().collect() };
            assert_eq!(set(&layers), set(&expected), "{name}, limit {limit}");
            assert_eq!(layers.len(), expected.len(), "{name}, limit {limit}");
            limits += 1;
        }
    }
    assert_eq!(limits, 36);
}
