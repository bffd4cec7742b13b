//! Orders paths by how often others need them: the popularity contest.
//!
//! nixpkgs counts as if every path were there once for each user, whose own users are repeated in
//! the same way. The popularity of a path is then the number of ways that lead from a root, a path
//! that nobody refers to, to the path or to one of its direct and indirect users. The number of
//! ways to a path is a sum over its direct users. Both can have thousands of digits.

use num_bigint::BigUint;

use super::layer::{Layer, Origin};
use super::subgraph::Subgraph;
use crate::closure::graph::{Graph, PathId};

/// How many possible users of a path are looked at in one walk through the graph, in words of 64
/// bits. It bounds the memory to 64 bytes for each path, which then stays in the processor's cache.
const WORDS: usize = 8;

/// Puts every path into a layer of its own, the most popular ones first and equal ones by name.
/// Excluded paths are not there at all.
#[must_use]
pub fn popularity(graph: &Graph) -> Vec<Layer> {
    let contest = contest(Subgraph::whole(graph), graph);
    contest
        .into_iter()
        .map(|path| path.into_layer(graph))
        .collect()
}

/// The paths of `subgraph`, most popular first, as graphs of one path each.
pub(super) fn contest(subgraph: Subgraph, graph: &Graph) -> Vec<Subgraph> {
    let mut ranked: Vec<_> = popularities(&subgraph)
        .into_iter()
        .zip(subgraph.paths)
        .collect();
    ranked.sort_unstable_by(|(a, a_path), (b, b_path)| {
        let by_name = || name_then_hash(graph, *a_path).cmp(name_then_hash(graph, *b_path));
        b.cmp(a).then_with(by_name)
    });
    let of = ranked.len();
    let paths = ranked.into_iter().enumerate();
    let one = |(place, (_, path))| {
        let number = place + 1;
        let origin = Origin::Popularity { number, of };
        Subgraph::one(path, [subgraph.origins.as_slice(), &[origin]].concat())
    };
    paths.map(one).collect()
}

/// What nixpkgs sorts equally popular paths by: the path with what stands before the first `-`
/// moved to the end, and joined by `-` there.
fn name_then_hash(graph: &Graph, id: PathId) -> impl Iterator<Item = &u8> {
    let (name, hash) = graph.name_and_hash(id);
    name.iter().chain(b"-").chain(hash)
}

/// The popularity of each path.
fn popularities(subgraph: &Subgraph) -> Vec<BigUint> {
    let users_first = users_first(subgraph);
    let sorted = Sorted::new(subgraph, &users_first);
    let ways = sorted.ways();
    let mut popularities = sorted.popularities_beyond_nearest(&ways);
    for place in 0..popularities.len() {
        let (before, rest) = popularities.split_at_mut(place);
        if let Some(nearest) = sorted.nearest_user(place) {
            rest[0] += &before[nearest];
        }
    }

    let mut by_path = vec![BigUint::default(); popularities.len()];
    for (popularity, place) in popularities.into_iter().zip(users_first) {
        by_path[place] = popularity;
    }
    by_path
}

/// The places of `subgraph`, each before all that it refers to.
fn users_first(subgraph: &Subgraph) -> Vec<usize> {
    let mut users = vec![0_usize; subgraph.len()];
    for reference in subgraph.references.iter().flatten() {
        users[*reference] += 1;
    }
    let mut order: Vec<_> = (0..users.len())
        .filter(|place| users[*place] == 0)
        .collect();
    let mut done = 0;
    while let Some(place) = order.get(done) {
        done += 1;
        for reference in &subgraph.references[*place] {
            users[*reference] -= 1;
            if users[*reference] == 0 {
                order.push(*reference);
            }
        }
    }
    order
}

/// The direct users of each path, where paths are numbered so that users come first. The users of
/// each are in rising order.
struct Sorted {
    users: Vec<Vec<usize>>,
}

impl Sorted {
    fn new(subgraph: &Subgraph, users_first: &[usize]) -> Self {
        let mut number = vec![0; users_first.len()];
        for (rank, place) in users_first.iter().enumerate() {
            number[*place] = rank;
        }
        let mut users = vec![Vec::new(); users_first.len()];
        for (rank, place) in users_first.iter().enumerate() {
            for reference in &subgraph.references[*place] {
                users[number[*reference]].push(rank);
            }
        }
        Self { users }
    }

    /// In how many ways each path can be reached from a root. A root is reached in one way.
    fn ways(&self) -> Vec<BigUint> {
        let mut ways: Vec<BigUint> = Vec::with_capacity(self.users.len());
        for users in &self.users {
            let mut sum = if users.is_empty() {
                BigUint::from(1_u8)
            } else {
                BigUint::default()
            };
            for user in users {
                sum += &ways[*user];
            }
            ways.push(sum);
        }
        ways
    }

    /// The direct user that comes last. It tends to have most of the other users above it, so that
    /// little is left to add to its popularity.
    fn nearest_user(&self, place: usize) -> Option<usize> {
        self.users[place].last().copied()
    }

    /// What each path's popularity is above that of its nearest user: the sum of `ways` over the
    /// path and those users that are not users of the nearest user.
    fn popularities_beyond_nearest(&self, ways: &[BigUint]) -> Vec<BigUint> {
        let mut sums = vec![BigUint::default(); ways.len()];
        let mut above = vec![[0_u64; WORDS]; ways.len()];
        for start in (0..ways.len()).step_by(WORDS * 64) {
            // What comes before `start` has no users from there on.
            for place in start..ways.len() {
                let all = self.users_from(start, place, &above);
                above[place] = all;
                let nearest = self.nearest_user(place).filter(|nearest| *nearest >= start);
                let known = nearest.map_or([0; WORDS], |nearest| above[nearest]);
                for (word, (all, known)) in all.into_iter().zip(known).enumerate() {
                    let first = start + word * 64;
                    add_bits(
                        &mut sums[place],
                        all & !known,
                        &ways[first.min(ways.len())..],
                    );
                }
            }
        }
        sums
    }

    /// Which of the paths from `start` on are `place` or users of it.
    fn users_from(&self, start: usize, place: usize, above: &[[u64; WORDS]]) -> [u64; WORDS] {
        let mut all = [0; WORDS];
        if let Some(word) = all.get_mut((place - start) / 64) {
            *word = 1 << ((place - start) % 64);
        }
        for user in self.users[place]
            .iter()
            .rev()
            .take_while(|user| **user >= start)
        {
            for (all, more) in all.iter_mut().zip(above[*user]) {
                *all |= more;
            }
        }
        all
    }
}

fn add_bits(sum: &mut BigUint, mut bits: u64, counts: &[BigUint]) {
    while bits != 0 {
        *sum += &counts[bits.trailing_zeros() as usize];
        bits &= bits - 1;
    }
}
