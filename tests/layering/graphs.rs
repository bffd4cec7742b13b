//! Makes closures: of fixed shapes, and at random.

use nix_image_builder::closure::graph::PathInfo;
use proptest::prelude::*;

/// Names that sort differently as text, as words and together with a hash.
const NAMES: [&str; 6] = ["a", "a-1", "a-1.2", "a+b", "a--b", "lib-1-bin"];

/// The path number `node`. Paths do not sort by these numbers.
pub(crate) fn path(node: usize) -> String {
    const DIGITS: &[u8; 32] = b"0123456789abcdfghijklmnpqrsvwxyz";
    // Multiplying by an odd number modulo a power of two keeps hashes different.
    let mixed = (node as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let digit = |place: u32| char::from(DIGITS[(mixed.rotate_left(place * 5) % 32) as usize]);
    let hash: String = (0..32).map(digit).collect();
    format!("/nix/store/{hash}-{}", NAMES[node % NAMES.len()])
}

/// A closure in which path `node` has the given size and refers to the given paths.
pub(crate) fn closure(nodes: impl IntoIterator<Item = (u64, Vec<usize>)>) -> Vec<PathInfo> {
    let info = |(node, (nar_size, references)): (usize, (u64, Vec<usize>))| PathInfo {
        path: path(node),
        nar_size,
        references: references.into_iter().map(path).collect(),
    };
    nodes.into_iter().enumerate().map(info).collect()
}

/// Each path refers to the one before.
pub(crate) fn chain(length: usize) -> Vec<PathInfo> {
    closure((0..length).map(|node| {
        let size = (node as u64 * 7919) % 1000 + 100;
        (size, node.checked_sub(1).into_iter().collect())
    }))
}

/// One path below two paths below one path below two paths, and so on.
pub(crate) fn diamonds(count: usize) -> Vec<PathInfo> {
    closure((0..=count * 3).map(|node| {
        let references = match node % 3 {
            0 if node == 0 => vec![],
            0 => vec![node - 1, node - 2],
            side => vec![node - side],
        };
        ((node as u64 * 31) % 50 + 100, references)
    }))
}

/// `length` paths with about `references` references each, to paths before them and themselves.
/// Few sizes, so that many are equal.
pub(crate) fn dense(length: usize, references: usize) -> Vec<PathInfo> {
    let mut random = 88_172_645_463_325_252_u64;
    let mut next = move |below: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random % below as u64) as usize
    };
    closure((0..length).map(|node| {
        let size = next(5000) as u64 + 100;
        (size, (0..references).map(|_| next(node + 1)).collect())
    }))
}

/// Up to `most` paths with few different sizes, self references and repeated references, in any
/// order.
pub(crate) fn any_closure(most: usize) -> impl Strategy<Value = Vec<PathInfo>> {
    let references = prop::collection::vec(any::<prop::sample::Index>(), 0..5);
    let nodes = prop::collection::vec((1..6_u64, references), 1..=most);
    let earlier = |(node, (size, references)): (usize, (u64, Vec<prop::sample::Index>))| {
        let references = references.iter().map(|place| place.index(node + 1));
        (size, references.collect())
    };
    nodes
        .prop_map(move |nodes| closure(nodes.into_iter().enumerate().map(earlier)))
        .prop_shuffle()
}
