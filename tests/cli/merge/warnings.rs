//! What is warned of when trees are merged, and links that lead around in circles.

use std::cell::Cell;
use std::path::Path;

use nix_image_builder::console::warnings::Warnings;
use nix_image_builder::request::limits::Limits;
use nix_image_builder::tree::merge::{Dirlinks, MergeError};
use nix_image_builder::tree::scan::ScanError;
use proptest::collection::vec;

use super::{Ground, merge};
use crate::support::for_all;
use crate::trees::{Kind, Tree, clashing_tree};

/// What of `item` is surely not in `layer`, and what may be there behind a symlink.
fn missing(item: &Tree, layer: &Tree) -> [usize; 2] {
    let mut missing = [0, 0];
    for (path, node) in &item.0 {
        match (&node.kind, layer.0.get(path).map(|node| &node.kind)) {
            (Kind::Regular { content: one, .. }, Some(Kind::Regular { content: other, .. }))
                if one == other => {}
            (Kind::Directory, Some(Kind::Directory)) => {}
            (one, Some(other)) if one == other => {}
            (Kind::Regular { .. }, Some(Kind::Regular { .. }))
            | (Kind::Directory, _)
            | (_, None | Some(Kind::Directory)) => missing[0] += 1,
            _ => missing[1] += 1,
        }
    }
    missing
}

/// Is warned when something of an item is not in the layer, and only then.
#[test]
fn what_is_missing_from_the_merged_tree_is_warned_of() {
    let seen = Cell::new([0, 0]);
    for_all(200, vec(clashing_tree(), 1..=3), |items| {
        let ground = Ground::new(&items);
        if !ground.is_small() {
            return Ok(());
        }
        let mut warnings = Warnings::default();
        let limits = Limits::default();
        let Ok(merged) = merge::merge(&ground.items, Dirlinks::Copy, &limits, &mut warnings) else {
            return Ok(());
        };
        let layer = Tree::of_directory(&merged);
        let alone = ground.items.iter().map(|item| {
            let alone = merge(std::slice::from_ref(item), Dirlinks::Copy).unwrap();
            missing(&Tree::of_directory(&alone), &layer)
        });
        let [surely, perhaps] = alone.fold([0, 0], |[a, b], [c, d]| [a + c, b + d]);
        let lines = warnings.lines();
        let is_told = lines.iter().any(|line| line.contains("not in the image"));
        let mut counts = seen.get();
        counts[usize::from(is_told)] += 1;
        seen.set(counts);
        if is_told && surely + perhaps == 0 || !is_told && surely > 0 {
            return Err(format!("{surely} and perhaps {perhaps}: {lines:?}"));
        }
        Ok(())
    });
    assert!(seen.get().iter().all(|count| *count > 20), "{seen:?}");
}

/// Merges an item of `text` with links that are followed.
fn follow(text: &str) -> (Result<Tree, MergeError>, Vec<String>) {
    let ground = Ground::new(&[Tree::parse(text)]);
    let mut warnings = Warnings::default();
    let limits = Limits::default();
    let merged = merge::merge(&ground.items, Dirlinks::Copy, &limits, &mut warnings);
    let root = ground.root.path().to_string_lossy().into_owned();
    let lines = warnings.lines().into_iter();
    let lines = lines.map(|line| line.replace(&root, "[ROOT]")).collect();
    (merged.map(|merged| Tree::of_directory(&merged)), lines)
}

#[test]
fn links_that_lead_around_in_circles_are_told_with_what_they_made() {
    for (text, entries, made) in [
        ("posix -> .\nUTC = x*3", 82, vec![("posix", "", 80)]),
        ("a/b -> ..\na/f = x*3", 123, vec![("a/b", "", 120)]),
        ("a/b/c -> ../../a\nf = x*3", 84, vec![("a/b/c", "a", 80)]),
        (
            "a/b -> ../c\nc/d -> ../a",
            84,
            vec![("a/b", "c", 39), ("c/d", "a", 39)],
        ),
        ("a -> b\nb/f = x*3", 4, vec![]),
        ("a -> a\nb -> c\nc -> b", 3, vec![]),
    ] {
        let (merged, lines) = follow(text);
        assert_eq!(merged.unwrap().0.len() - 1, entries, "{text}");
        let expected = made.iter().map(|(link, target, made)| {
            let target = Path::new("[ROOT]/items/0").join(target);
            let target = target.to_string_lossy();
            let target = target.trim_end_matches('/');
            (
                format!("warning: the symlink `[ROOT]/items/0/{link}` leads back to the directory `{target}`, "),
                format!(" made {made} more files and directories; "),
            )
        });
        let expected: Vec<_> = expected.collect();
        assert_eq!(lines.len(), expected.len(), "{lines:?}");
        for (line, (start, middle)) in lines.iter().zip(expected) {
            assert!(
                line.starts_with(&start) && line.contains(&middle),
                "{line}\n{start}{middle}"
            );
        }
    }
}

/// Each of these has some 2^40 paths.
#[test]
fn links_that_multiply_come_to_an_end_and_are_named() {
    let lattice: Vec<String> = (0..40)
        .map(|number| format!("{number}/a -> ../{0}\n{number}/b -> ../{0}", number + 1))
        .chain(["40/f = x*3".to_owned()])
        .collect();
    for text in [
        "posix -> .\nright -> .\nUTC = x*3",
        "a/x -> ../b\na/y -> ../b\nb/x -> ../a\nb/y -> ../a",
        "a/b/x -> ..\na/b/y -> ../..",
        &lattice.join("\n"),
    ] {
        let (merged, _) = follow(text);
        match merged {
            Err(MergeError::Scan(ScanError::TooManyCopies { link, target, max })) => {
                assert_eq!(max, 75_000);
                assert!(link.is_symlink() || !link.exists(), "{link:?} {target:?}");
            }
            other => panic!("{text}: {other:?}"),
        }
    }
}

/// `/lib`, `/lib32` and `/lib64` of a distribution may be links to a directory of any size.
#[test]
fn the_limit_of_copies_is_no_limit_for_large_directories() {
    let mut text =
        "lib -> usr/lib\nlib32 -> usr/lib\nlib64 -> usr/lib\nbin -> usr/bin\n".to_owned();
    for number in 0..300 {
        text += &format!("usr/lib/{number} = x*1\nusr/bin/{number} = x*1\n");
    }
    let ground = Ground::new(&[Tree::parse(&text)]);
    let limits = Limits {
        max_link_copies: 10,
        ..Limits::default()
    };
    let mut warnings = Warnings::default();
    let merged = merge::merge(&ground.items, Dirlinks::Copy, &limits, &mut warnings).unwrap();
    assert_eq!(Tree::of_directory(&merged).0.len(), 1 + 7 + 6 * 300);
    assert!(warnings.is_empty());
}
