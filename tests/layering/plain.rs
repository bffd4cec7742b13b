//! The algorithms of nixpkgs once more, with plain sets and without regard to time. Shares nothing
//! with the library but the names of store paths.

use std::collections::{BTreeMap, BTreeSet};

use nix_image_builder::closure::graph::PathInfo;

type Set = BTreeSet<String>;

/// For each path the other paths that it refers to.
fn references(closure: &[PathInfo]) -> BTreeMap<String, Set> {
    let others = |info: &PathInfo| {
        let references = info.references.iter().cloned();
        let others = references.filter(|reference| *reference != info.path);
        (info.path.clone(), others.collect())
    };
    closure.iter().map(others).collect()
}

fn turned_round(edges: &BTreeMap<String, Set>) -> BTreeMap<String, Set> {
    let mut turned: BTreeMap<String, Set> = edges
        .keys()
        .cloned()
        .map(|path| (path, Set::new()))
        .collect();
    for (from, to) in edges {
        for to in to {
            turned.get_mut(to).unwrap().insert(from.clone());
        }
    }
    turned
}

/// All that can be reached from `path`, but not `path` itself.
fn beyond(path: &str, edges: &BTreeMap<String, Set>) -> Set {
    let mut found = Set::new();
    let mut todo: Vec<_> = edges[path].iter().cloned().collect();
    while let Some(next) = todo.pop() {
        todo.extend(edges[&next].difference(&found).cloned());
        found.insert(next);
    }
    found
}

/// `/nix/store/HASH-NAME` as NAME and the rest.
fn by_name(path: &str) -> (String, String) {
    let (hash, name) = path.split_once('-').unwrap();
    (name.to_owned(), hash.to_owned())
}

/// nixpkgs' default layers, each with the paths that identify it. Equal sizes of closures go by
/// the name of the first path.
pub(crate) fn auto(closure: &[PathInfo], limit: usize) -> Vec<(Vec<String>, Vec<String>)> {
    let needs = references(closure);
    let needed_by = turned_round(&needs);
    let sizes: BTreeMap<_, _> = closure
        .iter()
        .map(|info| (&info.path, info.nar_size))
        .collect();

    let mut by_size: Vec<_> = closure.to_vec();
    by_size.sort_by(|a, b| (a.nar_size, &a.path).cmp(&(b.nar_size, &b.path)));
    let mut identity: BTreeMap<String, Set> = needs
        .keys()
        .cloned()
        .map(|path| (path, Set::new()))
        .collect();
    while let Some(PathInfo { path: primary, .. }) = by_size.pop() {
        let dependencies = beyond(&primary, &needs);
        let users = beyond(&primary, &needed_by);
        let mut next = identity.clone();
        next.insert(primary.clone(), Set::from([primary.clone()]));
        for dependency in &dependencies {
            let mut kept: Set = next[dependency].difference(&users).cloned().collect();
            if kept.is_disjoint(&dependencies) {
                kept.insert(primary.clone());
            }
            next.insert(dependency.clone(), kept);
        }
        if next.values().collect::<BTreeSet<_>>().len() > limit {
            break;
        }
        identity = next;
    }

    let mut layers: BTreeMap<Set, Vec<String>> = BTreeMap::new();
    for (path, identity) in identity {
        layers.entry(identity).or_default().push(path);
    }
    let mut layers: Vec<_> = layers
        .into_iter()
        .map(|(identity, mut paths)| {
            let mut whole: Set = paths.iter().cloned().collect();
            whole.extend(paths.iter().flat_map(|path| beyond(path, &needs)));
            let size: u64 = whole.iter().map(|path| sizes[path]).sum();
            let mut identity: Vec<_> = identity.into_iter().collect();
            identity.sort_by_key(|path| by_name(path));
            paths.sort_by_key(|path| by_name(path));
            ((size, by_name(&paths[0])), (paths, identity))
        })
        .collect();
    layers.sort();
    layers.into_iter().map(|(_, layer)| layer).collect()
}

/// Popularity by counting through every way from every root, as nixpkgs describes it.
pub(crate) fn popularity(closure: &[PathInfo]) -> Vec<String> {
    let needs = references(closure);
    let needed_by = turned_round(&needs);
    let roots: Set = needed_by
        .into_iter()
        .filter(|(_, users)| users.is_empty())
        .map(|(path, _)| path)
        .collect();
    let mut known = BTreeMap::new();
    let counts = counts(&roots, &needs, &mut known);
    let mut paths: Vec<_> = needs.into_keys().collect();
    paths.sort_by_key(|path| {
        let (name, hash) = by_name(path);
        (std::cmp::Reverse(counts[path]), format!("{name}-{hash}"))
    });
    paths
}

fn counts(
    children: &Set,
    needs: &BTreeMap<String, Set>,
    known: &mut BTreeMap<String, BTreeMap<String, u128>>,
) -> BTreeMap<String, u128> {
    let mut sums = BTreeMap::new();
    for child in children {
        *sums.entry(child.clone()).or_default() += 1;
        if !known.contains_key(child) {
            let below = counts(&needs[child], needs, known);
            known.insert(child.clone(), below);
        }
        for (path, count) in &known[child] {
            *sums.entry(path.clone()).or_default() += count + 1;
        }
    }
    sums
}

/// The sets that `split_paths` cuts a closure into: what only the selected paths lead to, what they
/// and other ways from the roots lead to, and the rest.
pub(crate) fn split_paths(closure: &[PathInfo], selected: &Set) -> [Set; 3] {
    let needs = references(closure);
    let needed_by = turned_round(&needs);
    let mut below = selected.clone();
    below.extend(selected.iter().flat_map(|path| beyond(path, &needs)));
    let mut without = needs.clone();
    for references in without.values_mut() {
        references.retain(|path| !selected.contains(path));
    }
    let roots = needs
        .keys()
        .filter(|path| needed_by[*path].is_empty() && !selected.contains(*path));
    let others: Set = roots
        .flat_map(|root| {
            let mut others = beyond(root, &without);
            others.insert(root.clone());
            others
        })
        .collect();
    [&below - &others, &below & &others, &others - &below]
}
