//! A layer of store paths, and why it is one.

use thiserror::Error;

use crate::closure::graph::{Graph, PathId};
use crate::request::store_path::StorePath;

/// The store paths of one layer, in the order in which nixpkgs lists them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    pub paths: Vec<StorePath>,
    /// Of all paths together, in bytes.
    pub nar_size: u64,
    pub reason: Reason,
}

/// Why the paths of a layer are together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// They are what exactly these paths need, which are some of the largest of the closure. None
    /// of these paths needs another one.
    UsedBy(Vec<StorePath>),
    /// The steps of a pipeline put them together, in this order.
    Steps(Vec<Origin>),
}

/// What one step of a pipeline made a graph for. Numbers of graphs begin at 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// One of the parts that a step names.
    Part(&'static str),
    /// What `remove_paths` left.
    Kept,
    /// One of the graphs of `split_every`.
    Piece { number: usize, of: usize },
    /// One of the graphs of `popularity_contest`.
    Popularity { number: usize, of: usize },
    /// What `limit_layers` made of several graphs.
    Merged { graphs: usize },
}

/// The base image and the customisation layer leave no layer for store paths.
#[derive(Debug, Error, PartialEq, Eq)]
#[error(
    "usedLayers {used} layers to store 'fromImage' and 'extraCommands', but only maxLayers={max_layers} were allowed. At least 1 layer is required to store contents."
)]
pub struct NoLayerLeft {
    /// The layers of the base image and the customisation layer.
    pub used: usize,
    pub max_layers: usize,
}

/// How many of `max_layers` are left for store paths, on a base image of `base_layers`.
///
/// # Errors
/// When none is left; the message has nixpkgs' words.
pub fn available(max_layers: usize, base_layers: usize) -> Result<usize, NoLayerLeft> {
    let customisation_layer = 1;
    let used = base_layers.saturating_add(customisation_layer);
    let left = max_layers.checked_sub(used).filter(|left| *left > 0);
    left.ok_or(NoLayerLeft { used, max_layers })
}

impl Layer {
    pub(crate) fn new(graph: &Graph, ids: &[PathId], reason: Reason) -> Self {
        Self {
            paths: ids.iter().map(|id| graph.path(*id).clone()).collect(),
            nar_size: ids.iter().map(|id| graph.nar_size(*id)).sum(),
            reason,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_must_be_left_for_store_paths() {
        assert_eq!(available(100, 0), Ok(99));
        assert_eq!(available(12, 10), Ok(1));
        assert_eq!(
            available(2, 10).unwrap_err().to_string(),
            "usedLayers 11 layers to store 'fromImage' and 'extraCommands', but only maxLayers=2 were allowed. At least 1 layer is required to store contents."
        );
        assert!(available(11, 10).is_err());
        assert!(available(0, 0).is_err());
    }
}
