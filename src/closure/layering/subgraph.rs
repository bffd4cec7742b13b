//! A part of a graph, as one step of a pipeline hands it to the next.

use super::layer::{Layer, Origin, Reason};
use crate::closure::graph::{Graph, PathId};

/// Some paths in an order, with those references among them that still count: graphs that were
/// merged know nothing of each other, as in nixpkgs.
#[derive(Debug, Clone)]
pub(super) struct Subgraph {
    pub(super) paths: Vec<PathId>,
    /// For each path the places in `paths` that it refers to.
    pub(super) references: Vec<Vec<usize>>,
    pub(super) origins: Vec<Origin>,
}

impl Subgraph {
    /// All of `graph` but excluded paths, small paths first and equal ones by path.
    pub(super) fn whole(graph: &Graph) -> Self {
        let mut paths: Vec<_> = graph.ids().collect();
        paths.retain(|id| !graph.is_excluded(*id));
        paths.sort_unstable_by_key(|id| (graph.nar_size(*id), *id));
        let mut places = vec![None; graph.len()];
        for (place, id) in paths.iter().enumerate() {
            places[id.index()] = Some(place);
        }
        let references = |id: &PathId| {
            let references = graph.references(*id).iter();
            references.filter_map(|id| places[id.index()]).collect()
        };
        Self {
            references: paths.iter().map(references).collect(),
            paths,
            origins: Vec::new(),
        }
    }

    pub(super) fn one(path: PathId, origins: Vec<Origin>) -> Self {
        Self {
            paths: vec![path],
            references: vec![Vec::new()],
            origins,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.paths.len()
    }

    /// For each place the places that refer to it.
    pub(super) fn users(&self) -> Vec<Vec<usize>> {
        let mut users = vec![Vec::new(); self.len()];
        for (place, references) in self.references.iter().enumerate() {
            for reference in references {
                users[*reference].push(place);
            }
        }
        users
    }

    /// The graphs of the places with the same number in `part_of`, for each number below `parts`.
    /// References from one part to another end here.
    pub(super) fn partition(self, part_of: &[usize], parts: usize) -> Vec<Self> {
        let empty = Self {
            paths: Vec::new(),
            references: Vec::new(),
            origins: self.origins,
        };
        let mut parts = vec![empty; parts];
        let mut new_place = Vec::with_capacity(part_of.len());
        for (path, part) in self.paths.into_iter().zip(part_of) {
            new_place.push(parts[*part].len());
            parts[*part].paths.push(path);
        }
        for (references, part) in self.references.into_iter().zip(part_of) {
            let mut references = references;
            references.retain(|place| part_of[*place] == *part);
            for place in &mut references {
                *place = new_place[*place];
            }
            parts[*part].references.push(references);
        }
        parts
    }

    pub(super) fn merge(graphs: Vec<Self>) -> Self {
        let mut merged = Self {
            paths: Vec::new(),
            references: Vec::new(),
            origins: vec![Origin::Merged {
                graphs: graphs.len(),
            }],
        };
        for graph in graphs {
            let offset = merged.len();
            let moved = |places: Vec<usize>| places.into_iter().map(|place| place + offset);
            let references = graph.references.into_iter();
            merged
                .references
                .extend(references.map(|places| moved(places).collect()));
            merged.paths.extend(graph.paths);
        }
        merged
    }

    pub(super) fn with_origin(mut self, origin: Origin) -> Self {
        self.origins.push(origin);
        self
    }

    pub(super) fn into_layer(self, graph: &Graph) -> Layer {
        Layer::new(graph, &self.paths, Reason::Steps(self.origins))
    }
}

/// Marks `starts` and all that can be reached from them over `edges`.
pub(super) fn reach(starts: impl IntoIterator<Item = usize>, edges: &[Vec<usize>]) -> Vec<bool> {
    let mut reached = vec![false; edges.len()];
    let mut todo: Vec<usize> = starts.into_iter().collect();
    while let Some(place) = todo.pop() {
        if !std::mem::replace(&mut reached[place], true) {
            todo.extend(&edges[place]);
        }
    }
    reached
}
