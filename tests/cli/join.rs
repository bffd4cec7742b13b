//! Compares our join of packages with that of lndir, which `symlinkJoin` runs on each of them.

use std::cell::Cell;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use nix_image_builder::console::warnings::Warnings;
use nix_image_builder::tree::join;
use nix_image_builder::tree::scan;
use proptest::collection::vec;

use crate::support::{Verdict, command, for_all, output, same_text};
use crate::trees::{Kind, Node, Tree, clashing_tree, revisioned_tree};

/// What lndir makes of `items`, one after the other.
fn by_lndir(items: &[PathBuf], out: &Path) -> Tree {
    fs::create_dir(out).unwrap();
    let script = "umask 022; chmod 755 \"$1\"; exec lndir -silent \"$2\" \"$1\"";
    // `symlinkJoin` passes over what is no directory.
    for item in items.iter().filter(|item| item.is_dir()) {
        let mut shell = command("sh");
        shell.args(["-c", script, "sh"]).arg(out).arg(item);
        let output = output(&mut shell, b"");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "lndir, of Debian's package xutils-dev: {}\n{stderr}",
            output.status
        );
    }
    Tree::of_directory(&scan::scan(out, 0).unwrap())
}

/// Joins `items` in both ways.
fn compare(items: &[PathBuf], out: &Path) -> Verdict {
    let ours = Tree::of_directory(&join::join(items, &mut Warnings::default()).unwrap());
    same_text(&ours.to_string(), &by_lndir(items, out).to_string())
}

/// Makes `trees` in `directory`.
fn make(trees: &[Tree], directory: &Path) -> Vec<PathBuf> {
    let numbered = trees.iter().enumerate();
    let items = numbered.map(|(number, tree)| {
        let item = directory.join(number.to_string());
        fs::create_dir(&item).unwrap();
        tree.make(&item);
        item
    });
    items.collect()
}

/// Joins the packages that `texts` describe in both ways, which has to give `expected`; `ITEM`
/// stands there for the place of the packages.
#[track_caller]
fn check(texts: &[&str], expected: &str) {
    let trees: Vec<Tree> = texts.iter().map(|text| Tree::parse(text)).collect();
    let directory = tempfile::tempdir().unwrap();
    let items = make(&trees, directory.path());
    compare(&items, &directory.path().join("out")).unwrap();
    let joined =
        Tree::of_directory(&join::join(&items, &mut Warnings::default()).unwrap()).to_string();
    let joined = joined.replace(directory.path().to_str().unwrap(), "ITEM");
    let lines: Vec<&str> = expected.lines().map(str::trim).collect();
    same_text(joined.trim(), lines.join("\n").trim()).unwrap();
}

#[test]
fn joins_of_clashing_packages_are_lndirs() {
    for_all(80, vec(revisioned_tree(), 1..4), |trees| {
        let directory = tempfile::tempdir().unwrap();
        let items = make(&trees, directory.path());
        compare(&items, &directory.path().join("out"))
    });
}

/// Whether what `path`, in a package, has is found at `shown` by who looks into the joined tree on disk.
fn is_found(path: &Path, shown: &Path) -> bool {
    let name = path.file_name().unwrap();
    let is_directory = fs::symlink_metadata(path).unwrap().is_dir();
    if name.as_bytes().ends_with(b"~") || (is_directory && name == ".git") {
        return false;
    }
    let target = fs::read_link(path).ok();
    if target.is_some() && target == fs::read_link(shown).ok() {
        return true;
    }
    if path.is_dir() {
        let mut entries = fs::read_dir(path).unwrap();
        let is_same = |name: &OsStr| is_found(&path.join(name), &shown.join(name));
        return shown.is_dir() && entries.all(|entry| is_same(&entry.unwrap().file_name()));
    }
    let content = fs::read(path);
    content.is_ok_and(|content| fs::read(shown).is_ok_and(|shown| shown == content))
}

/// Is warned when the tree that lndir makes lacks something of a package, and only then.
#[test]
fn what_is_missing_from_the_joined_tree_is_warned_of() {
    let missing = Cell::new([0, 0]);
    for_all(200, vec(clashing_tree(), 1..4), |mut trees| {
        if let Some(tree) = trees.first_mut().filter(|tree| tree.0.len() % 7 == 3) {
            tree.0.insert(b"a~".to_vec(), Node::directory(0o755));
        }
        // On disk there is something above the root, in an image the root itself.
        for (path, node) in trees.iter_mut().flat_map(|tree| &mut tree.0) {
            let depth = path.iter().filter(|byte| **byte == b'/').count();
            if let Kind::Symlink(target) = &mut node.kind
                && target.windows(2).filter(|two| two == b"..").count() > depth
            {
                *target = b"nothing".to_vec();
            }
        }
        let directory = tempfile::tempdir().unwrap();
        let items = make(&trees, directory.path());
        let above = directory.path().join("x/y/z");
        fs::create_dir_all(&above).unwrap();
        let out = above.join("out");
        by_lndir(&items, &out);
        let mut warnings = Warnings::default();
        join::join(&items, &mut warnings).unwrap();
        let is_whole = items.iter().all(|item| is_found(item, &out));
        let mut counts = missing.get();
        counts[usize::from(is_whole)] += 1;
        missing.set(counts);
        if is_whole == warnings.is_empty() {
            return Ok(());
        }
        Err(format!("{:?}", warnings.lines()))
    });
    assert!(missing.get().iter().all(|count| *count > 20), "{missing:?}");
}

#[test]
fn the_first_package_wins() {
    check(
        &[
            "bin/a = x*3\nshare/x/y = x*3",
            "bin/a = y*3\nbin/b = y*3\nshare = y*3",
        ],
        "755 /
        755 bin/
        bin/a -> ITEM/0/bin/a
        bin/b -> ITEM/1/bin/b
        755 share/
        755 share/x/
        share/x/y -> ITEM/0/share/x/y",
    );
}

#[test]
fn a_directory_does_not_take_the_place_of_a_file() {
    check(
        &["a = x*3\nb -> nowhere", "a/b = y*3\nb/c = y*3"],
        "755 /
        a -> ITEM/0/a
        b -> nowhere",
    );
}

#[test]
fn a_link_of_a_package_is_made_again() {
    check(
        &["a/b = x*3\nto-file -> a/b\nto-directory -> a\nto-nothing -> /none"],
        "755 /
        755 a/
        a/b -> ITEM/0/a/b
        to-directory -> a
        to-file -> a/b
        to-nothing -> /none",
    );
}

#[test]
fn backups_and_revisions_are_left_out() {
    check(
        &["a~ = x*3\nb~/c = x*3\n.git/d = x*3\ne/RCS/f = x*3\ng/.git = x*3\nl~ -> a"],
        "755 /
        755 e/
        755 g/
        g/.git -> ITEM/0/g/.git",
    );
}

#[test]
fn an_item_may_be_a_link_or_no_directory() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    fs::create_dir(path("real")).unwrap();
    fs::write(path("real/file"), "").unwrap();
    symlink("real", path("link")).unwrap();
    fs::write(path("file"), "").unwrap();
    let items = [path("file"), path("link"), path("real")];
    compare(&items, &path("out")).unwrap();
    let joined =
        Tree::of_directory(&join::join(&items, &mut Warnings::default()).unwrap()).to_string();
    let expected = format!("755 /\nfile -> {}\n", path("link/file").display());
    same_text(&joined, &expected).unwrap();
}
