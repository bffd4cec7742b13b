//! Runs the steps of a pipeline on a graph: graphs, lists and named parts go from step to step,
//! and the graphs that are left become layers.

use std::collections::HashSet;
use std::fmt;
use std::num::NonZeroUsize;

use super::layer::{Layer, Origin};
use super::pipeline::{Function, Pipeline, PipelineError, Selected, Step};
use super::popularity;
use super::position::Place;
use super::shape::Wanted;
use super::subgraph::{Subgraph, reach};
use crate::closure::graph::Graph;
use crate::closure::layering::Shape;

/// What a step is given and what it makes.
#[derive(Debug)]
enum Data {
    Graph(Subgraph),
    List(List),
    Parts(Vec<(&'static str, Data)>),
}

#[derive(Debug)]
struct List {
    items: Vec<Data>,
    /// Made by `split_every`, whose lists nixpkgs can put together; all others it can go through
    /// only once.
    joins: bool,
}

/// Runs `pipeline` on the paths of `graph`, without excluded ones. Each graph that is left and has
/// a path becomes a layer, in the order in which nixpkgs has them. Paths that the pipeline removes are
/// in no layer; those that it names and that are not in the graph mean nothing.
///
/// # Errors
/// When a step is given what its function does not work on, or one graph is left that is in no
/// list.
pub fn run(graph: &Graph, pipeline: &Pipeline) -> Result<Vec<Layer>, PipelineError> {
    let whole = Data::Graph(Subgraph::whole(graph));
    let left = run_all(&pipeline.steps, whole, graph)?;
    if let Data::Graph(_) = left {
        let last = pipeline.steps.last();
        return Err(PipelineError::OneGraph {
            place: last.map_or_else(Place::default, |step| step.place.clone()),
            given: left.shape(),
        });
    }
    let graphs = flatten(left).into_iter().filter(|left| left.len() > 0);
    Ok(graphs.map(|left| left.into_layer(graph)).collect())
}

fn run_all(steps: &[Step], data: Data, graph: &Graph) -> Result<Data, PipelineError> {
    steps
        .iter()
        .try_fold(data, |data, step| step.run(data, graph))
}

impl Step {
    // This goes as deep as steps are in steps, which `MAX_DEPTH` bounds.
    fn run(&self, data: Data, graph: &Graph) -> Result<Data, PipelineError> {
        match &self.function {
            Function::Pipe(steps) => run_all(steps, data, graph),
            Function::Over { part, step } => self.over(part, step, data, graph),
            Function::Map(step) => {
                let items = self.list(data)?.items.into_iter();
                let items = items.map(|item| step.run(item, graph));
                Ok(Data::list(items.collect::<Result<_, _>>()?))
            }
            Function::Flatten => match data {
                Data::Graph(_) => Err(self.unfit(Wanted::ListOrParts, &data)),
                data => Ok(Data::graphs(flatten(data))),
            },
            Function::Reverse => {
                let mut items = self.list(data)?.items;
                items.reverse();
                Ok(Data::list(items))
            }
            Function::LimitLayers(most) => self.limit_layers(*most, self.list(data)?),
            // The one list that nixpkgs lets pass, for it has no graphs to stumble over.
            Function::PopularityContest if data.is_empty_list() => Ok(data),
            Function::PopularityContest => {
                let contest = popularity::contest(self.graph(data)?, graph);
                Ok(Data::graphs(contest))
            }
            Function::SplitEvery(count) => Ok(split_every(*count, self.graph(data)?)),
            // Without paths to look for nixpkgs does not look at what these two are given.
            Function::RemovePaths(paths) if paths.is_empty() => Ok(data),
            Function::SplitPaths(selected) if selected.is_empty() => {
                Ok(Data::Parts(vec![("rest", data)]))
            }
            Function::RemovePaths(paths) => Ok(remove_paths(paths, self.graph(data)?, graph)),
            Function::SubcomponentOut(paths) => {
                let subgraph = self.graph(data)?;
                let main = reach(places(paths, &subgraph, graph), &subgraph.references);
                Ok(main_and_rest(subgraph, &main))
            }
            Function::SubcomponentIn(paths) => {
                let subgraph = self.graph(data)?;
                let main = reach(places(paths, &subgraph, graph), &subgraph.users());
                Ok(main_and_rest(subgraph, &main))
            }
            Function::SplitPaths(selected) => Ok(split_paths(selected, self.graph(data)?, graph)),
        }
    }

    fn over(
        &self,
        part: &str,
        step: &Self,
        data: Data,
        graph: &Graph,
    ) -> Result<Data, PipelineError> {
        let Data::Parts(mut parts) = data else {
            return Err(self.unfit(Wanted::Parts, &data));
        };
        let Some(place) = parts.iter().position(|(name, _)| *name == part) else {
            return Err(PipelineError::NoPart {
                place: self.place.clone(),
                part: part.to_owned(),
                given: Data::Parts(parts).shape(),
            });
        };
        let (name, changed) = parts.remove(place);
        parts.insert(place, (name, step.run(changed, graph)?));
        Ok(Data::Parts(parts))
    }

    /// Leaves short lists alone. Otherwise the last item is all that would be too many.
    fn limit_layers(&self, most: NonZeroUsize, list: List) -> Result<Data, PipelineError> {
        let mut items = list.items;
        if items.len() > most.get() {
            let rest = items.split_off(most.get() - 1);
            items.push(self.merge(rest)?);
        }
        Ok(Data::list(items))
    }

    fn merge(&self, items: Vec<Data>) -> Result<Data, PipelineError> {
        let mut graphs = Vec::new();
        let mut joined = Vec::new();
        for item in items {
            match item {
                Data::Graph(graph) if joined.is_empty() => graphs.push(graph),
                // nixpkgs puts such lists together and thereby leaves more layers than the limit.
                Data::List(list) if list.joins && graphs.is_empty() => joined.extend(list.items),
                unfit => {
                    let (place, given) = (self.place.clone(), unfit.shape());
                    return Err(PipelineError::Merge { place, given });
                }
            }
        }
        if graphs.is_empty() {
            Ok(Data::List(List {
                items: joined,
                joins: true,
            }))
        } else {
            Ok(Data::Graph(Subgraph::merge(graphs)))
        }
    }

    fn graph(&self, data: Data) -> Result<Subgraph, PipelineError> {
        match data {
            Data::Graph(graph) => Ok(graph),
            unfit => Err(self.unfit(Wanted::Graph, &unfit)),
        }
    }

    fn list(&self, data: Data) -> Result<List, PipelineError> {
        match data {
            Data::List(list) => Ok(list),
            unfit => Err(self.unfit(Wanted::List, &unfit)),
        }
    }

    fn unfit(&self, wanted: Wanted, given: &Data) -> PipelineError {
        PipelineError::Input {
            place: self.place.clone(),
            wanted,
            given: given.shape(),
        }
    }
}

/// All graphs in `data`, in order.
fn flatten(data: Data) -> Vec<Subgraph> {
    let mut graphs = Vec::new();
    let mut todo = vec![data];
    while let Some(data) = todo.pop() {
        match data {
            Data::Graph(graph) => graphs.push(graph),
            Data::List(list) => todo.extend(list.items.into_iter().rev()),
            Data::Parts(parts) => todo.extend(parts.into_iter().rev().map(|(_, part)| part)),
        }
    }
    graphs
}

fn split_every(count: NonZeroUsize, subgraph: Subgraph) -> Data {
    let piece_of: Vec<_> = (0..subgraph.len()).map(|place| place / count).collect();
    let of = subgraph.len().div_ceil(count.get());
    let pieces = subgraph.partition(&piece_of, of).into_iter().zip(1..);
    let pieces = pieces.map(|(piece, number)| piece.with_origin(Origin::Piece { number, of }));
    Data::List(List {
        items: pieces.map(Data::Graph).collect(),
        joins: true,
    })
}

fn remove_paths(paths: &HashSet<String>, subgraph: Subgraph, graph: &Graph) -> Data {
    let mut part_of = vec![0; subgraph.len()];
    for place in places(paths, &subgraph, graph) {
        part_of[place] = 1;
    }
    let kept = subgraph.partition(&part_of, 2).swap_remove(0);
    Data::Graph(kept.with_origin(Origin::Kept))
}

fn main_and_rest(subgraph: Subgraph, main: &[bool]) -> Data {
    let part_of: Vec<_> = main.iter().map(|main| usize::from(!main)).collect();
    let parts = subgraph.partition(&part_of, 2);
    Data::parts(["main", "rest"].into_iter().zip(parts))
}

/// Cuts the graph into what only the selected paths need, they included, what they and others
/// need, and the rest.
fn split_paths(selected: &Selected, mut subgraph: Subgraph, graph: &Graph) -> Data {
    let children = places(&selected.parents, &subgraph, graph).into_iter();
    let children = children.flat_map(|parent| subgraph.references[parent].clone());
    let mut targets = vec![false; subgraph.len()];
    for target in places(&selected.paths, &subgraph, graph)
        .into_iter()
        .chain(children)
    {
        targets[target] = true;
    }
    let users = subgraph.users();
    let roots = (0..subgraph.len()).filter(|place| users[*place].is_empty());
    let (split_roots, other_roots): (Vec<_>, Vec<_>) = roots.partition(|root| targets[*root]);
    if !targets.contains(&true) {
        return Data::parts([("rest", subgraph)]);
    }
    if split_roots.len() == 1 && other_roots.is_empty() {
        return Data::parts([("main", subgraph)]);
    }

    let starts = (0..targets.len()).filter(|place| targets[*place]);
    let split_off = reach(starts, &subgraph.references);
    // From here on nobody refers to the selected paths, in the parts neither.
    for references in &mut subgraph.references {
        references.retain(|reference| !targets[*reference]);
    }
    let needed_by_others = reach(other_roots, &subgraph.references);
    let part = |(split_off, needed_by_others)| match (split_off, needed_by_others) {
        (true, false) => 0,
        (true, true) => 1,
        (false, _) => 2,
    };
    let part_of: Vec<_> = split_off
        .into_iter()
        .zip(needed_by_others)
        .map(part)
        .collect();
    let parts = ["main", "common", "rest"].into_iter();
    let parts = parts.zip(subgraph.partition(&part_of, 3));
    Data::parts(parts.filter(|(_, part)| part.len() > 0))
}

/// Where in `subgraph` the paths are that are in it.
fn places(paths: &HashSet<String>, subgraph: &Subgraph, graph: &Graph) -> Vec<usize> {
    let named = |place: &usize| {
        let path = graph.path(subgraph.paths[*place]).as_path().to_str();
        path.is_some_and(|path| paths.contains(path))
    };
    (0..subgraph.len()).filter(named).collect()
}

impl Data {
    fn graphs(graphs: Vec<Subgraph>) -> Self {
        Self::list(graphs.into_iter().map(Self::Graph).collect())
    }

    fn list(items: Vec<Self>) -> Self {
        Self::List(List {
            items,
            joins: false,
        })
    }

    fn parts(parts: impl IntoIterator<Item = (&'static str, Subgraph)>) -> Self {
        let part = |(name, part): (_, Subgraph)| {
            let part = part.with_origin(Origin::Part(name));
            (name, Self::Graph(part))
        };
        Self::Parts(parts.into_iter().map(part).collect())
    }

    fn is_empty_list(&self) -> bool {
        matches!(self, Self::List(list) if list.items.is_empty())
    }

    fn shape(&self) -> Shape {
        match self {
            Self::Graph(graph) => Shape::Graph { paths: graph.len() },
            Self::List(list) => Shape::List {
                length: list.items.len(),
                of: list.items.first().map(|item| Box::new(item.shape())),
            },
            Self::Parts(parts) => Shape::Parts {
                names: parts.iter().map(|(name, _)| *name).collect(),
            },
        }
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Graph => "one graph",
            Self::List => "a list of graphs",
            Self::ListOrParts => "a list of graphs or named parts",
            Self::Parts => "named parts",
        })
    }
}
