//! Generated layers.

use nix_image_builder::rootfs::merged::MergedTree;
use nix_image_builder::rootfs::unpack;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::{Item, Layer, Listing, listed, numbered, ours, theirs};
use crate::support::{for_all, same_text};
use crate::trees::{Content, Kind, Node};

/// Layers in few places, so that entries meet often.
pub(crate) fn layers() -> impl Strategy<Value = Vec<Layer>> {
    let path = vec(select(vec!["a", "b", "c"]), 1..=4).prop_map(|parts| parts.join("/"));
    let targets = [
        "a", "b", "c", "a/b", "b/c", ".", "..", "../a", "../../b", "/a", "/b/a", "/", "nothing",
    ];
    let target = select(targets.to_vec()).prop_map(|target| target.as_bytes().to_vec());
    let regular = (b'x'..=b'z', 0_usize..600).prop_map(|(first, size)| Kind::Regular {
        content: Content::new(first, size),
        mtime: 0,
    });
    let kind = prop_oneof![
        5 => Just(Kind::Directory),
        4 => regular,
        3 => target.prop_map(Kind::Symlink),
        2 => path.clone().prop_map(|path| Kind::HardLink(path.into_bytes())),
        1 => Just(Kind::Fifo),
        1 => Just(Kind::CharDevice(1, 3)),
    ];
    let whiteout = Kind::Regular {
        content: Content::new(0, 0),
        mtime: 0,
    };
    // The kernel lets the group of a set-gid directory go on below, which no layer says.
    let mode = select(vec![0o755_u32, 0o644, 0o4755, 0o1777, 0o600, 0]);
    let prefix = select(vec!["", "", "./", "/"]);
    let item =
        (prefix, path, kind, mode, 0..10).prop_map(move |(prefix, path, kind, mode, dice)| {
            let (above, last) = path.rsplit_once('/').unwrap_or((".", &path));
            let (name, kind) = match dice {
                0 => (format!("{prefix}{path}/.wh..wh..opq"), whiteout.clone()),
                1 | 2 => (format!("{prefix}{above}/.wh.{last}"), whiteout.clone()),
                _ => (format!("{prefix}{path}"), kind),
            };
            let (name, owner) = (name.into_bytes(), 0);
            let node = Node { mode, kind };
            Item { name, node, owner }
        });
    vec(vec(item, 1..14), 1..=4).prop_map(numbered)
}

/// `layers` without the entry `number`, counted from 0.
fn without(layers: &[Layer], number: usize) -> Vec<Layer> {
    let owner = layers.concat()[number].owner;
    let kept = |layer: &Layer| {
        layer
            .iter()
            .filter(|item| item.owner != owner)
            .cloned()
            .collect()
    };
    layers.iter().map(kept).collect()
}

/// `layers` up to the entry `number`, which is the last.
fn up_to(layers: &[Layer], number: usize) -> Vec<Layer> {
    let owner = layers.concat()[number].owner;
    let kept = |layer: &Layer| {
        layer
            .iter()
            .filter(|item| item.owner <= owner)
            .cloned()
            .collect()
    };
    layers.iter().map(kept).collect()
}

/// What of `layers` we do not refuse, and what we make of it.
pub(crate) fn accepted(mut layers: Vec<Layer>) -> (Vec<Layer>, MergedTree) {
    loop {
        match ours(&layers) {
            Ok(flat) => return (layers, flat),
            Err((number, _)) => layers = without(&layers, number),
        }
    }
}

#[test]
fn any_layers_make_the_tree_that_umoci_unpacks() {
    for_all(200, layers(), |layers| {
        let (layers, flat) = accepted(layers);
        same_text(&listed(&flat), &theirs(&layers)?)
    });
}

#[test]
fn any_tree_is_unpacked_as_umoci_unpacks_it() {
    for_all(100, layers(), |layers| {
        let (layers, flat) = accepted(layers);
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("root");
        unpack::unpack(&flat, &root).map_err(|error| error.to_string())?;
        let mut ours = Listing::default();
        ours.push_disk(b"", &root);
        same_text(&ours.text, &theirs(&layers)?)
    });
}

#[test]
fn any_entry_that_we_refuse_umoci_refuses_too() {
    for_all(100, layers(), |layers| match ours(&layers) {
        Ok(_) => Ok(()),
        Err((number, error)) => match theirs(&up_to(&layers, number)) {
            Err(_) => Ok(()),
            Ok(tree) => Err(format!("umoci does not say `{error}` but makes\n{tree}")),
        },
    });
}
