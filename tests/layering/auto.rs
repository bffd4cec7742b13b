//! The default layers of generated closures.

use nix_image_builder::closure::graph::{Graph, PathInfo};
use nix_image_builder::closure::layering;
use nix_image_builder::closure::layering::layer::Reason;
use proptest::prelude::*;

use crate::graphs::{any_closure, chain, closure, dense, diamonds};
use crate::{check_each_path_once, graph, paths, plain};

/// Fails unless the layers are those of the plain transcription, in its order and for its reasons.
#[track_caller]
fn check_plain(closure: &[PathInfo], limit: usize) {
    let layers = layering::auto(&graph(closure), limit);
    let reasons = layers.iter().map(|layer| match &layer.reason {
        Reason::UsedBy(users) => {
            let users = users
                .iter()
                .map(|user| user.as_path().display().to_string());
            users.collect::<Vec<_>>()
        }
        Reason::Steps(_) => panic!("no steps ran"),
    });
    let layers: Vec<_> = paths(&layers).into_iter().zip(reasons).collect();
    assert_eq!(layers, plain::auto(closure, limit), "limit {limit}");
}

/// Fails if a path is lost or there are too many layers, at limits about the number of paths.
#[track_caller]
fn check_limits(closure: &[PathInfo]) {
    let count = closure.len();
    let graph = graph(closure);
    for limit in [1, 2, 99, count - 1, count, count + 1] {
        let layers = paths(&layering::auto(&graph, limit));
        assert!(layers.len() <= limit.max(1), "limit {limit}");
        assert!(layers.iter().all(|layer| !layer.is_empty()));
        check_each_path_once(closure, &layers);
        if limit >= count {
            assert_eq!(layers.len(), count);
        }
    }
}

#[test]
fn no_path_is_lost_at_any_limit() {
    check_limits(&chain(1));
    check_limits(&chain(5_000));
    check_limits(&diamonds(1_667));
    check_limits(&dense(5_000, 8));
    // Nothing refers to anything but itself.
    check_limits(&closure((0..200).map(|node| (100, vec![node]))));
}

#[test]
fn fixed_shapes_have_the_layers_of_the_plain_algorithm() {
    for closure in [chain(1), chain(150), diamonds(40), dense(120, 3)] {
        for limit in [1, 2, 3, 10, 64, 65, 100, 119, 120, 121, 500] {
            check_plain(&closure, limit);
        }
    }
}

#[test]
fn no_closure_has_no_layers() {
    assert_eq!(layering::auto(&graph(&[]), 5), []);
}

#[test]
fn a_limit_of_nothing_still_makes_the_one_layer_that_nixpkgs_begins_with() {
    check_plain(&diamonds(3), 0);
    assert_eq!(layering::auto(&graph(&diamonds(3)), 0).len(), 1);
}

#[test]
fn excluded_paths_use_up_layers_and_vanish() {
    let closure = closure([(5, vec![]), (9, vec![]), (7, vec![0, 1])]);
    let excluded = [closure[1].path.clone()];
    let graph = Graph::new(closure.clone(), &excluded).unwrap();
    let layers = paths(&layering::auto(&graph, 2));
    assert_eq!(layers, [[closure[0].path.clone(), closure[2].path.clone()]]);
}

proptest! {
    #[test]
    fn layers_are_those_of_the_plain_algorithm(closure in any_closure(40), limit in 0..45_usize) {
        check_plain(&closure, limit);
    }

    #[test]
    fn layers_do_not_depend_on_the_order_of_the_closure(
        (closure, shuffled) in any_closure(60).prop_flat_map(|closure| {
            (Just(closure.clone()), Just(closure).prop_shuffle())
        }),
        limit in 1..65_usize,
    ) {
        let mut shuffled = shuffled;
        for info in &mut shuffled {
            info.references.reverse();
        }
        let layers = layering::auto(&graph(&closure), limit);
        prop_assert_eq!(&layers, &layering::auto(&graph(&closure), limit));
        prop_assert_eq!(layers, layering::auto(&graph(&shuffled), limit));
        prop_assert_eq!(
            layering::popularity(&graph(&closure)),
            layering::popularity(&graph(&shuffled))
        );
    }

    #[test]
    fn no_path_of_a_random_closure_is_lost(closure in any_closure(60), limit in 1..65_usize) {
        let layers = paths(&layering::auto(&graph(&closure), limit));
        prop_assert!(layers.len() <= limit);
        check_each_path_once(&closure, &layers);
    }
}
