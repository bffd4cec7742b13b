//! Decides which store paths share a layer: a graph of store paths becomes a list of layers.
//!
//! `auto` is what nixpkgs does unless told otherwise, `pipeline` runs a user's `layeringPipeline`,
//! and `popularity` is what nixpkgs did before it had either.

pub mod layer;
pub mod position;
pub mod subgraph;
pub mod auto;
pub mod popularity;
pub mod shape;
pub mod pipeline;
pub mod run;
pub mod explain;

pub use self::auto::auto;
pub use self::explain::explain;
pub use self::pipeline::{Pipeline, PipelineError, parse, read};
pub use self::popularity::popularity;
pub use self::position::Place;
pub use self::run::run as pipeline;
pub use self::shape::Shape;
