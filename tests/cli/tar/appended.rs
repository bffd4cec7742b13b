//! What is appended to a tar, against GNU tar.

use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use nix_image_builder::bytes::source::Range;
use nix_image_builder::bytes::source::Source;
use nix_image_builder::tar::header::BLOCK;
use nix_image_builder::tar::owner::Owner;
use nix_image_builder::tar::plan::{DEFAULT_SOURCE_DATE_EPOCH, Entry, TarPlan};
use nix_image_builder::tar::read::Reader;
use nix_image_builder::tree::scan;

use super::{bytes, gnu_tar, same};
use crate::support::{Verdict, for_all, stdout};
use crate::trees::{Tree, any_tree, make, on_disk, plain_tree};

/// Appending the files of `store` to the tar of `layer` gives what `tar -r` gives, run as
/// `buildImage` runs it: with a list of absolute names.
fn appends_like_gnu_tar(layer: &Tree, store: &Tree) -> Verdict {
    let (layer, root) = (make(layer), make(store));
    let work = tempfile::tempdir().unwrap();
    let tar = work.path().join("layer.tar");
    let owner = Owner::in_nix_sandbox(1000, 100);
    let mut create = gnu_tar(&owner);
    create
        .arg("-C")
        .arg(layer.path())
        .arg("-cf")
        .arg(&tar)
        .arg(".");
    stdout(&mut create, b"");
    let prefix = prefix(&tar);

    let owner = Arc::new(Owner::root());
    let mut list = Vec::new();
    let mut entries = Vec::new();
    // A newline ends a name in the list.
    for path in store.0.keys().filter(|path| !path.contains(&b'\n')) {
        let path = on_disk(root.path(), path);
        let name = path.as_os_str().as_bytes();
        let name = name.strip_suffix(b"/").unwrap_or(name);
        list.extend_from_slice(name);
        list.push(b'\n');
        let node = scan::scan_node(&path).unwrap().unwrap();
        entries.push(Entry::of_node(
            name[1..].to_vec(),
            node,
            &owner,
            DEFAULT_SOURCE_DATE_EPOCH,
        ));
    }
    let ours = bytes(&TarPlan {
        prefix: vec![prefix],
        entries,
        ..TarPlan::default()
    })?;

    fs::write(work.path().join("newFiles"), list).unwrap();
    let mut append = gnu_tar(&owner);
    append
        .current_dir(work.path())
        .args(["-rpf", "layer.tar", "--no-recursion"])
        // Without `--no-unquote`, nixpkgs' tar looks for other files than those with a backslash
        // in their names, and fails.
        .args(["--verbatim-files-from", "--no-unquote"])
        .args(["--files-from", "newFiles"]);
    stdout(&mut append, b"");
    same(&ours, &fs::read(&tar).unwrap())
}

/// The entries of `tar`, without its end marker.
fn prefix(tar: &Path) -> Range {
    let bytes = fs::read(tar).unwrap();
    let mut reader = Reader::new(bytes.as_slice());
    while reader.next_member().unwrap().is_some() {}
    Range {
        source: Arc::new(Source::file(tar, File::open(tar).unwrap())),
        offset: 0,
        size: reader.next_header_at(),
        sparse: None,
    }
}

#[test]
fn any_store_paths_are_appended_as_by_gnu_tar() {
    for_all(60, (plain_tree(), any_tree()), |(layer, store)| {
        appends_like_gnu_tar(&layer, &store)
    });
}

#[test]
fn appending_to_a_tar_that_fills_its_record_adds_a_record() {
    // Two headers and 17 blocks of content fill 19 blocks; with the end marker, that is a record
    // and one block. Around it, the end marker moves from one record to the next.
    for blocks in 14..=19 {
        let layer = Tree::parse(&format!("f = x*{}", blocks * BLOCK));
        appends_like_gnu_tar(&layer, &Tree::parse("g = x*1")).unwrap();
    }
}
