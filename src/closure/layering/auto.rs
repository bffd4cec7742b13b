//! Splits a graph into a limited number of layers as nixpkgs' `dockerAutoLayer` does.
//!
//! The largest paths become *primaries*, one after another, and paths are together when the same
//! primaries need them. nixpkgs keeps, for each path, the primaries that need it and need no other
//! such primary. That set says the same as the set of all primaries that need the path, a primary
//! counting as its own user: each follows from the other. So a new primary does no more than cut
//! each layer in two, into what it needs and what it does not, and the number of layers never
//! shrinks. Both make the work small: primaries are tried 64 at a time with one bit each.

use std::cmp::Reverse;
use std::collections::HashMap;

use super::layer::{Layer, Reason};
use crate::closure::graph::{Graph, PathId};

/// The bits of a mask: how many paths one walk through the graph asks about.
const BATCH: usize = u64::BITS as usize;

/// Puts every path of `graph` into one of at most `available` layers, or of one if that is 0.
///
/// Layers are sorted by the size of their closures, so that each comes after those it needs.
/// Where sizes are equal nixpkgs' order depends on Python's hash seed; ours goes by the first path
/// of each layer, by name and then by hash. Within a layer that is the order too. Excluded paths
/// are left out last, so they use up layers, which vanish if nothing else is in them.
#[must_use]
pub fn auto(graph: &Graph, available: usize) -> Vec<Layer> {
    let split = split(graph, available);
    let groups = split.groups(graph);
    let closure_sizes = closure_sizes(graph, &groups);
    let users = primary_users(graph, &split.primaries, &groups);

    let mut layers: Vec<_> = groups.into_iter().zip(closure_sizes).zip(users).collect();
    for ((group, _), _) in &mut layers {
        group.retain(|id| !graph.is_excluded(*id));
    }
    layers.retain(|((group, _), _)| !group.is_empty());
    layers.sort_by_key(|((group, closure_size), _)| (*closure_size, graph.name_and_hash(group[0])));

    let layer = |((group, _), users): ((Vec<PathId>, u64), Vec<PathId>)| {
        let users = users.iter().map(|id| graph.path(*id).clone());
        Layer::new(graph, &group, Reason::UsedBy(users.collect()))
    };
    layers.into_iter().map(layer).collect()
}

/// Which paths are together, by numbers from 0 on.
struct Split {
    primaries: Vec<PathId>,
    group_of: Vec<usize>,
    count: usize,
}

fn split(graph: &Graph, available: usize) -> Split {
    let mut split = Split {
        primaries: Vec::new(),
        group_of: vec![0; graph.len()],
        count: graph.len().min(1),
    };
    for batch in largest_first(graph).chunks(BATCH) {
        let masks = needed_by(graph, batch.iter().map(std::slice::from_ref));
        let taken = split.take(&masks, batch.len(), available);
        split.primaries.extend(&batch[..taken]);
        if taken < batch.len() {
            break;
        }
    }
    split
}

/// Among paths of equal size the last one comes first, as nixpkgs takes them from the end.
fn largest_first(graph: &Graph) -> Vec<PathId> {
    let mut ids: Vec<_> = graph.ids().collect();
    ids.sort_unstable_by_key(|id| Reverse((graph.nar_size(*id), *id)));
    ids
}

impl Split {
    /// Cuts along the first bits of `masks`, up to `most`, that keep the groups within `available`,
    /// and says how many bits that were.
    fn take(&mut self, masks: &[u64], most: usize, available: usize) -> usize {
        let (mut fits, mut too_many) = (0, most + 1);
        let mut tried = most;
        while fits + 1 < too_many {
            let (group_of, count) = self.cut(masks, tried);
            if count <= available {
                (self.group_of, self.count) = (group_of, count);
                fits = tried;
            } else {
                too_many = tried;
            }
            tried = fits.midpoint(too_many);
        }
        fits
    }

    fn cut(&self, masks: &[u64], bits: usize) -> (Vec<usize>, usize) {
        let low = u64::MAX >> (BATCH - bits);
        let mut numbers = HashMap::with_capacity(self.count);
        let mut number = |key: (usize, u64)| {
            let next = numbers.len();
            *numbers.entry(key).or_insert(next)
        };
        let keys = self.group_of.iter().zip(masks);
        let group_of = keys
            .map(|(group, mask)| number((*group, mask & low)))
            .collect();
        (group_of, numbers.len())
    }

    /// The paths of each group, by name.
    fn groups(&self, graph: &Graph) -> Vec<Vec<PathId>> {
        let mut groups = vec![Vec::new(); self.count];
        for (id, group) in graph.ids().zip(&self.group_of) {
            groups[*group].push(id);
        }
        for group in &mut groups {
            group.sort_unstable_by_key(|id| graph.name_and_hash(*id));
        }
        groups
    }
}

/// For each path a mask of which sets among `sets`, 64 at the most, need it or have it.
fn needed_by<'a>(graph: &Graph, sets: impl Iterator<Item = &'a [PathId]>) -> Vec<u64> {
    let mut masks = vec![0; graph.len()];
    for (bit, set) in sets.enumerate() {
        for id in set {
            masks[id.index()] |= 1 << bit;
        }
    }
    for id in graph.users_first() {
        let mask = masks[id.index()];
        for reference in graph.references(*id) {
            masks[reference.index()] |= mask;
        }
    }
    masks
}

/// The size of each group together with all it needs.
fn closure_sizes(graph: &Graph, groups: &[Vec<PathId>]) -> Vec<u64> {
    let mut sizes = vec![0; groups.len()];
    for (batch, sizes) in groups.chunks(BATCH).zip(sizes.chunks_mut(BATCH)) {
        let masks = needed_by(graph, batch.iter().map(Vec::as_slice));
        for (id, mask) in graph.ids().zip(masks) {
            for bit in bits(mask) {
                sizes[bit] += graph.nar_size(id);
            }
        }
    }
    sizes
}

fn bits(mut mask: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let bit = (mask != 0).then(|| mask.trailing_zeros() as usize)?;
        mask &= mask - 1;
        Some(bit)
    })
}

/// The primaries that need each group and that need no other such primary, by name: what
/// identifies a layer for nixpkgs.
fn primary_users(graph: &Graph, primaries: &[PathId], groups: &[Vec<PathId>]) -> Vec<Vec<PathId>> {
    // Used ones first, so that the first one found for a group needs none of the others.
    let mut lowest_first = primaries.to_vec();
    let mut rank = vec![0; graph.len()];
    for (place, id) in graph.users_first().iter().enumerate() {
        rank[id.index()] = place;
    }
    lowest_first.sort_unstable_by_key(|id| Reverse(rank[id.index()]));

    let above_primaries = users_among(graph, &lowest_first, &lowest_first);
    let first_paths: Vec<_> = groups.iter().map(|group| group[0]).collect();
    let above_groups = users_among(graph, &lowest_first, &first_paths);
    let nearest = |mut above: Vec<u64>| {
        let mut users = Vec::new();
        while let Some(lowest) = lowest_bit(&above) {
            users.push(lowest_first[lowest]);
            let covered = above.iter_mut().zip(&above_primaries[lowest]);
            covered.for_each(|(above, covered)| *above &= !covered);
        }
        users.sort_unstable_by_key(|id| graph.name_and_hash(*id));
        users
    };
    above_groups.into_iter().map(nearest).collect()
}

/// For each of `paths` which of `users` need it or are it, a bit each.
fn users_among(graph: &Graph, users: &[PathId], paths: &[PathId]) -> Vec<Vec<u64>> {
    let mut above = vec![Vec::new(); paths.len()];
    for batch in users.chunks(BATCH) {
        let masks = needed_by(graph, batch.iter().map(std::slice::from_ref));
        for (above, path) in above.iter_mut().zip(paths) {
            above.push(masks[path.index()]);
        }
    }
    above
}

fn lowest_bit(words: &[u64]) -> Option<usize> {
    let word = words.iter().position(|word| *word != 0)?;
    Some(word * BATCH + words[word].trailing_zeros() as usize)
}
