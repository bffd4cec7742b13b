//! Tests of the layering engine: against what nixpkgs made of the golden graphs, and against plain
//! transcriptions of its algorithms on generated ones.

mod graphs;
mod plain;

mod auto;
mod golden;
mod messages;
mod nixpkgs;
mod pipelines;
mod speed;

use nix_image_builder::closure::graph::{Graph, PathInfo};
use nix_image_builder::closure::layering::layer::Layer;
use nix_image_builder::closure::layering::{self, PipelineError};
use serde_json::Value;

fn graph(closure: &[PathInfo]) -> Graph {
    Graph::new(closure.to_vec(), &[]).unwrap()
}

/// The paths of each layer.
fn paths(layers: &[Layer]) -> Vec<Vec<String>> {
    let path = |layer: &Layer| {
        let paths = layer.paths.iter();
        let paths = paths.map(|path| path.as_path().to_str().unwrap().to_owned());
        paths.collect()
    };
    layers.iter().map(path).collect()
}

/// What `layeringPipeline = steps` makes of the graph.
fn run(graph: &Graph, steps: &Value) -> Result<Vec<Vec<String>>, PipelineError> {
    let pipeline = layering::parse(steps)?;
    let layers = layering::pipeline(graph, &pipeline)?;
    Ok(paths(&layers))
}

/// Fails unless every path of the closure is in exactly one layer.
#[track_caller]
fn check_each_path_once(closure: &[PathInfo], layers: &[Vec<String>]) {
    let mut found: Vec<_> = layers.iter().flatten().collect();
    found.sort();
    let mut expected: Vec<_> = closure.iter().map(|info| &info.path).collect();
    expected.sort();
    assert_eq!(found, expected);
}
