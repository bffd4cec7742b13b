//! Any bytes as the tars of layers: a member of the user 7 begins a new one. What they make together is a
//! tree that a tar can hold, and which that tar, as a single layer, makes again.

#![no_main]

use std::fs::File;
use std::io::Read;
use std::sync::Arc;

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use nix_image_builder::bytes::source::Range;
use nix_image_builder::bytes::source::RangeReader;
use nix_image_builder::bytes::source::Source;
use nix_image_builder::commands::export_image;
use nix_image_builder::request::limits::Limits;
use nix_image_builder::rootfs::apply::Apply;
use nix_image_builder::rootfs::entry::{MergedKind, Metadata};
use nix_image_builder::rootfs::merged::{MergedEntry, MergedTree, Step};
use nix_image_builder::rootfs::tar_entries;
use nix_image_builder::tar::read::{MemberKind, Reader};
use nix_image_builder::tar::write;
use nix_image_builder_fuzz::{file_of, mutate_tar};

/// The user whose members begin a layer.
const FIRST: u64 = 7;

/// Places all that can be read, or says that something cannot be placed.
fn place(bytes: &[u8]) -> Option<MergedTree> {
    let file = file_of(bytes);
    let opened = File::open(file.path()).expect("it is there");
    let source = Arc::new(Source::file(file.path(), opened));
    let mut reader = Reader::new(bytes);
    let mut placing = Apply::new(&std::env::temp_dir(), &Limits::default());
    placing.begin_layer();
    while let Ok(Some(member)) = reader.next_member() {
        if member.uid == FIRST {
            placing.begin_layer();
        }
        // The content of sparse files is copied before it comes here.
        let is_sparse = member.sparse.is_some();
        if is_sparse || member.content_at + member.size > bytes.len() as u64 {
            return None;
        }
        let range = (member.kind == MemberKind::Regular).then(|| Range {
            source: Arc::clone(&source),
            offset: member.content_at,
            size: member.size,
            sparse: None,
        });
        placing.place(&member, range).ok()?;
    }
    Some(placing.finish().expect("it is there"))
}

/// A line for each entry, with its content.
fn listed(flat: &MergedTree) -> Vec<String> {
    let entries = flat
        .walk()
        .filter_map(|step| match step.expect("it is there") {
            Step::Entry(entry) => Some(entry),
            Step::Left { .. } => None,
        });
    // What is above all layers is not theirs to say.
    entries.skip(1).map(line).collect()
}

fn line(entry: MergedEntry) -> String {
    for name in entry.path.split(|byte| *byte == b'/') {
        let is_name = !matches!(name, b"" | b"." | b"..");
        assert!(is_name && !name.contains(&0), "{name:?} is no name");
        assert!(!name.starts_with(b".wh."), "a whiteout hides and is gone");
    }
    let path = entry.path.escape_ascii();
    let Metadata { mode, uid, gid, .. } = entry.about;
    match entry.kind {
        MergedKind::Directory => format!("{path}/ {mode:o} {uid}:{gid}"),
        MergedKind::File(range) => {
            let (size, mut content) = (range.size, Vec::new());
            let mut reader = RangeReader::new(range);
            reader.read_to_end(&mut content).expect("it is there");
            assert_eq!(content.len() as u64, size);
            format!("{path} {mode:o} {uid}:{gid} {content:?}")
        }
        MergedKind::Symlink { target } => {
            format!("{path} {uid}:{gid} -> {}", target.escape_ascii())
        }
        MergedKind::Special(kind) => format!("{path} {mode:o} {uid}:{gid} {kind:?}"),
    }
}

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutate_tar(data, size, max_size, seed)
});

fuzz_target!(|bytes: &[u8]| {
    let Some(flat) = place(bytes) else {
        return;
    };
    let lines = listed(&flat);
    assert_eq!(lines.len() + 1, flat.count());
    // Members of the user 7 would begin layers again, which changes nothing: each name is there once.
    let entries =
        tar_entries::entries(&flat, 1).map(|entry| entry.map_err(|error| error.to_string()));
    let mut tar = Vec::new();
    let written = write::write_entries(export_image::DIALECT, entries, &mut tar, |error| {
        error.to_string()
    });
    written.expect("it can be read");
    let again = place(&tar).expect("we wrote it");
    assert_eq!(listed(&again), lines);
});
