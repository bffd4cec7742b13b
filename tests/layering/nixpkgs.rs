//! What nixpkgs' own `flatten-references-graph` makes of small graphs and generated pipelines, among
//! them graphs that a step has emptied, single paths, empty lists of paths and unknown paths.
//!
//! `nixpkgs.txt` has a line for each: `GRAPH: PIPELINE -> LAYERS`, where a letter is a path, a word is a
//! layer in nixpkgs' order, `none` stands for no layer and `fails` for a Python error. It was made by
//! running nixpkgs' functions (igraph 0.11.8, toolz 1.0.0) on pipelines of one to five steps at random.
//! Pipelines are left out whose layers depend on whether `limit_layers` adds an empty graph to a list
//! that is shorter than the limit. The golden cases do not tell, and such pipelines are rare: one has to
//! reverse the list and limit it again.

use nix_image_builder::closure::graph::{Graph, PathInfo};
use serde_json::{Value, json};

use crate::run;

const TABLE: &str = include_str!("nixpkgs.txt");

/// The path of a letter. All hashes sort as their letters do.
fn path(letter: char) -> String {
    let digit = char::from(b"0123456789"[(letter as usize) - ('a' as usize)]);
    format!("/nix/store/{}-{letter}", digit.to_string().repeat(32))
}

/// The graphs of the table: each word is a path and what it refers to.
fn graph(name: &str) -> Graph {
    let words = match name {
        "empty" => "",
        "one" => "a",
        "chain" => "a ba cb",
        "diamond" => "a ba ca dbc",
        "islands" => "a b ca d",
        "web" => "a ba cab dc eb fde",
        other => panic!("no graph `{other}`"),
    };
    const SIZES: [u64; 6] = [5, 3, 8, 8, 2, 13];
    let info = |(word, nar_size): (&str, u64)| PathInfo {
        path: path(word.chars().next().unwrap()),
        nar_size,
        references: word.chars().skip(1).map(path).collect(),
    };
    Graph::new(words.split_whitespace().zip(SIZES).map(info).collect(), &[]).unwrap()
}

/// The pipeline with paths in the place of letters.
fn with_paths(value: Value) -> Value {
    match value {
        Value::String(text) if text.len() == 1 => json!(path(text.chars().next().unwrap())),
        Value::Array(items) => items.into_iter().map(with_paths).collect(),
        Value::Object(members) => members
            .into_iter()
            .map(|(name, member)| (name, with_paths(member)))
            .collect(),
        other => other,
    }
}

/// The layers as the table has them.
fn shown(graph: &Graph, pipeline: &Value) -> String {
    let Ok(layers) = run(graph, pipeline) else {
        return "fails".to_owned();
    };
    let word = |layer: Vec<String>| -> String { layer.iter().map(|path| &path[44..]).collect() };
    let words: Vec<_> = layers.into_iter().map(word).collect();
    if words.is_empty() {
        "none".to_owned()
    } else {
        words.join(" ")
    }
}

/// Graph, pipeline and layers of each line.
fn cases() -> impl Iterator<Item = (&'static str, Value, &'static str)> {
    TABLE.lines().map(|line| {
        let (graph, rest) = line.split_once(": ").unwrap();
        let (pipeline, layers) = rest.rsplit_once(" -> ").unwrap();
        let pipeline = with_paths(serde_json::from_str(pipeline).unwrap());
        (graph, pipeline, layers)
    })
}

#[test]
fn every_generated_pipeline_gives_the_layers_of_nixpkgs() {
    let mut seen = 0;
    for (name, pipeline, expected) in cases() {
        let layers = shown(&graph(name), &pipeline);
        assert_eq!(layers, expected, "{name}: {pipeline}");
        seen += 1;
    }
    assert_eq!(seen, 600);
}

/// nixpkgs fails on every one of these, since igraph knows no names in a graph without paths.
#[test]
fn an_empty_closure_has_no_layers_whatever_the_pipeline() {
    let nothing = graph("empty");
    for (_, pipeline, _) in cases() {
        let layers = shown(&nothing, &pipeline);
        assert!(
            ["none", "fails"].contains(&layers.as_str()),
            "{pipeline}: {layers}"
        );
    }
}
