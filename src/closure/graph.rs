//! Turns the closure that Nix's `exportReferencesGraph` lists into a graph of store paths.

use std::os::unix::ffi::OsStrExt;

use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

use crate::request::store_path::{StorePath, StorePathError};

/// One path of a closure, as Nix wrote it. `closureSize` and `narHash` are not read: sums over the
/// graph say the former, and no layer depends on the latter.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PathInfo {
    pub path: String,
    /// In bytes.
    pub nar_size: u64,
    /// May name the path itself.
    pub references: Vec<String>,
}

/// Store paths and which of them refer to which. Every reference is to a path of the graph, none
/// is to the path itself, and none leads back to where it came from.
#[derive(Debug)]
pub struct Graph {
    nodes: Vec<Node>,
    users_first: Vec<PathId>,
}

/// The place of a store path among all paths of its [`Graph`], sorted as bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PathId(usize);

#[derive(Debug)]
struct Node {
    path: StorePath,
    nar_size: u64,
    references: Vec<PathId>,
    excluded: bool,
}

/// The attributes do not hold the closure that layers are to be made of.
#[derive(Debug, Error)]
pub enum GraphError {
    #[error(
        "the closure is not a list of `path`, `narSize` and `references`; it must come from `exportReferencesGraph`"
    )]
    Json { source: serde_json::Error },
    #[error("the closure lists something that is not a store path")]
    Path { source: StorePathError },
    #[error("the closure lists `{path}` and `{other}`, which are not in one store directory")]
    OtherStore { path: String, other: String },
    #[error("the closure lists `{path}` twice, with different sizes or references")]
    Conflict { path: String },
    #[error(
        "`{path}` refers to `{reference}`, which the closure does not list; it must come from `exportReferencesGraph`, which lists every reference"
    )]
    Missing { path: String, reference: String },
    #[error(
        "`{path}` refers to `{through}`, whose references lead back to it; Nix stores no such paths"
    )]
    Cycle { path: String, through: String },
    #[error("the paths of the closure are larger than {} bytes together", u64::MAX)]
    TooLarge,
}

/// Reads the attribute that `exportReferencesGraph` made.
///
/// # Errors
/// When it is not a list of paths with sizes and references.
pub fn parse(closure: &Value) -> Result<Vec<PathInfo>, GraphError> {
    Vec::deserialize(closure).map_err(|source| GraphError::Json { source })
}

impl Graph {
    /// Links the paths of `closure`, whose order means nothing. Paths in `excluded` take part where
    /// nixpkgs has them take part, and never reach a layer.
    ///
    /// # Errors
    /// When the closure is not closed, contradicts itself or is none that Nix can have made.
    pub fn new(closure: Vec<PathInfo>, excluded: &[String]) -> Result<Self, GraphError> {
        let closure = sort(closure)?;
        let mut nodes = closure
            .iter()
            .map(|listed| node(listed, &closure, excluded))
            .collect::<Result<Vec<_>, _>>()?;
        check_store(&nodes)?;
        check_size(&nodes)?;
        for node in &mut nodes {
            node.references.sort_unstable();
            node.references.dedup();
        }
        let users_first = users_first(&nodes)?;
        Ok(Self { nodes, users_first })
    }

    /// How many paths there are, excluded ones too.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// All paths, sorted as bytes.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = PathId> + use<> {
        (0..self.nodes.len()).map(PathId)
    }

    /// All paths, each before everything that it refers to.
    #[must_use]
    pub fn users_first(&self) -> &[PathId] {
        &self.users_first
    }

    #[must_use]
    pub fn path(&self, id: PathId) -> &StorePath {
        &self.nodes[id.0].path
    }

    /// In bytes.
    #[must_use]
    pub fn nar_size(&self, id: PathId) -> u64 {
        self.nodes[id.0].nar_size
    }

    /// The other paths that `id` refers to.
    #[must_use]
    pub fn references(&self, id: PathId) -> &[PathId] {
        &self.nodes[id.0].references
    }

    #[must_use]
    pub fn is_excluded(&self, id: PathId) -> bool {
        self.nodes[id.0].excluded
    }

    /// The path in two halves, cut at its first `-`: name, then the store directory with the hash.
    /// Whatever nixpkgs sorts by name it sorts by these two.
    #[must_use]
    pub fn name_and_hash(&self, id: PathId) -> (&[u8], &[u8]) {
        let path = self.path(id).as_path().as_os_str().as_bytes();
        let dash = path.iter().position(|byte| *byte == b'-');
        dash.map_or((b"".as_slice(), path), |dash| {
            (&path[dash + 1..], &path[..dash])
        })
    }
}

impl PathId {
    /// For tables with a row for each path.
    #[must_use]
    pub fn index(self) -> usize {
        self.0
    }
}

/// Sorts the closure by path and leaves one of equal entries.
fn sort(mut closure: Vec<PathInfo>) -> Result<Vec<PathInfo>, GraphError> {
    closure.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    closure.dedup_by(|a, b| a == b);
    match closure.windows(2).find(|pair| pair[0].path == pair[1].path) {
        Some(pair) => Err(GraphError::Conflict {
            path: pair[0].path.clone(),
        }),
        None => Ok(closure),
    }
}

fn node(listed: &PathInfo, closure: &[PathInfo], excluded: &[String]) -> Result<Node, GraphError> {
    let path = StorePath::parse(listed.path.as_bytes());
    let references = listed.references.iter();
    let references = references.filter(|reference| **reference != listed.path);
    let mut found = Vec::new();
    for reference in references {
        match closure.binary_search_by(|other| other.path.cmp(reference)) {
            Ok(place) => found.push(PathId(place)),
            Err(_) if excluded.contains(reference) => {}
            Err(_) => {
                return Err(GraphError::Missing {
                    path: listed.path.clone(),
                    reference: reference.clone(),
                });
            }
        }
    }
    Ok(Node {
        path: path.map_err(|source| GraphError::Path { source })?,
        nar_size: listed.nar_size,
        references: found,
        excluded: excluded.contains(&listed.path),
    })
}

fn check_store(nodes: &[Node]) -> Result<(), GraphError> {
    let store = |node: &Node| node.path.as_path().parent().map(ToOwned::to_owned);
    let shown = |node: &Node| node.path.as_path().display().to_string();
    match nodes
        .windows(2)
        .find(|pair| store(&pair[0]) != store(&pair[1]))
    {
        Some(pair) => Err(GraphError::OtherStore {
            path: shown(&pair[0]),
            other: shown(&pair[1]),
        }),
        None => Ok(()),
    }
}

/// Sums over any of the paths stay within `u64` after this.
fn check_size(nodes: &[Node]) -> Result<(), GraphError> {
    let sum = |sum: u64, node: &Node| sum.checked_add(node.nar_size);
    let total = nodes.iter().try_fold(0, sum);
    total.map(|_| ()).ok_or(GraphError::TooLarge)
}

/// Orders the paths so that each comes before what it refers to.
fn users_first(nodes: &[Node]) -> Result<Vec<PathId>, GraphError> {
    let mut users = vec![0_usize; nodes.len()];
    for reference in nodes.iter().flat_map(|node| &node.references) {
        users[reference.0] += 1;
    }
    let mut order: Vec<PathId> = (0..nodes.len())
        .filter(|place| users[*place] == 0)
        .map(PathId)
        .collect();
    let mut done = 0;
    while let Some(id) = order.get(done) {
        done += 1;
        for reference in &nodes[id.0].references {
            users[reference.0] -= 1;
            if users[reference.0] == 0 {
                order.push(*reference);
            }
        }
    }
    if order.len() == nodes.len() {
        Ok(order)
    } else {
        Err(cycle(nodes, &users))
    }
}

/// Names two neighbours on a cycle. `users` counts, for each path, its users on cycles and below
/// them, so every path that still has one can be left through one.
fn cycle(nodes: &[Node], users: &[usize]) -> GraphError {
    let mut user_of = vec![None; nodes.len()];
    for (place, node) in nodes.iter().enumerate() {
        for reference in node.references.iter().filter(|_| users[place] > 0) {
            user_of[reference.0] = Some(place);
        }
    }
    let mut place = users.iter().position(|users| *users > 0).unwrap_or(0);
    // After as many steps as there are paths the way up is going round in a cycle.
    for _ in nodes {
        place = user_of[place].unwrap_or(place);
    }
    let shown = |place: usize| nodes[place].path.as_path().display().to_string();
    GraphError::Cycle {
        path: shown(user_of[place].unwrap_or(place)),
        through: shown(place),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every word is a path: its letter, then the letters that it refers to.
    fn closure(text: &str) -> Vec<PathInfo> {
        let path = |letter: char| format!("/nix/store/{}-{letter}", letter.to_string().repeat(32));
        let info = |word: &str| PathInfo {
            path: path(word.chars().next().unwrap()),
            nar_size: word.len() as u64,
            references: word.chars().skip(1).map(path).collect(),
        };
        text.split_whitespace().map(info).collect()
    }

    fn letter(graph: &Graph, id: PathId) -> char {
        char::from(graph.name_and_hash(id).0[0])
    }

    /// The paths of the graph in order, users first, each with its references.
    fn listing(graph: &Graph) -> String {
        let word = |id: &PathId| {
            let references = graph.references(*id).iter();
            let references = references.map(|reference| letter(graph, *reference));
            std::iter::once(letter(graph, *id))
                .chain(references)
                .collect()
        };
        let words: Vec<String> = graph.users_first().iter().map(word).collect();
        words.join(" ")
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let graph = Graph::new(closure(text), &[]).unwrap();
        assert_eq!(listing(&graph), expected);
    }

    #[track_caller]
    fn check_error(closure: Vec<PathInfo>, expected: &str) {
        let error = Graph::new(closure, &[]).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn users_come_before_what_they_use() {
        check("a b cab", "cab a b");
        check("a ba ca dbc", "dbc ba ca a");
    }

    #[test]
    fn self_references_and_repetitions_count_for_nothing() {
        check("aab b aab", "ab b");
        check("abb b", "ab b");
    }

    #[test]
    fn an_empty_closure_is_an_empty_graph() {
        assert!(Graph::new(Vec::new(), &[]).unwrap().is_empty());
    }

    #[test]
    fn a_path_twice_with_other_references_is_refused() {
        check_error(
            closure("ab b a"),
            "the closure lists `/nix/store/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-a` twice, with different sizes or references",
        );
    }

    #[test]
    fn a_reference_out_of_the_closure_is_refused_with_both_names() {
        check_error(
            closure("ab"),
            "`/nix/store/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-a` refers to `/nix/store/bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb-b`, which the closure does not list; it must come from `exportReferencesGraph`, which lists every reference",
        );
    }

    #[test]
    fn a_reference_to_an_excluded_path_need_not_be_listed() {
        let excluded = closure("b").remove(0).path;
        let graph = Graph::new(closure("ab"), &[excluded]).unwrap();
        assert_eq!(listing(&graph), "a");
    }

    #[test]
    fn a_cycle_is_refused_by_two_of_its_paths() {
        check_error(
            closure("ab bc cdb d"),
            "`/nix/store/cccccccccccccccccccccccccccccccc-c` refers to `/nix/store/bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb-b`, whose references lead back to it; Nix stores no such paths",
        );
    }

    #[test]
    fn a_path_outside_the_store_is_refused() {
        let mut outside = closure("a b");
        outside[0].path = format!("/tmp/{}-a", "a".repeat(32));
        check_error(
            outside,
            "the closure lists `/nix/store/bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb-b` and `/tmp/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-a`, which are not in one store directory",
        );
        let mut outside = closure("a");
        outside[0].path = "/etc/passwd".to_owned();
        check_error(
            outside,
            "the closure lists something that is not a store path",
        );
    }

    #[test]
    fn sizes_beyond_all_disks_are_refused() {
        let mut large = closure("a b");
        large[0].nar_size = u64::MAX;
        check_error(
            large,
            "the paths of the closure are larger than 18446744073709551615 bytes together",
        );
    }

    #[test]
    fn nix_lists_a_closure_with_more_than_we_read() {
        let text = r#"[{"closureSize": 3, "narHash": "sha256:d", "narSize": 3, "path": "D", "references": ["D"], "valid": true}]"#;
        let closure = parse(&serde_json::from_str(text).unwrap()).unwrap();
        assert_eq!(closure[0].references, ["D"]);
        let error = parse(&serde_json::json!([{ "path": "D" }])).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the closure is not a list of `path`, `narSize` and `references`; it must come from `exportReferencesGraph`"
        );
    }
}
