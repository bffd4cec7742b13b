//! Any bytes as the tars of layers: a member of the user 7 begins a new one. What they make together is a
//! tree that a tar can hold, and which that tar, as a single layer, makes again.

#![no_main]

use std::fs::File;
use std::io::Read;
use std::sync::Arc;

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use nix_image_builder::archive::RangeReader;
use nix_image_builder::export;
use nix_image_builder::flatten::place::Placing;
use nix_image_builder::flatten::{Flat, FlatDirectory, FlatNode};
use nix_image_builder::plan::Range;
use nix_image_builder::source::Source;
use nix_image_builder::tar::read::{MemberKind, Reader};
use nix_image_builder::tar::write;
use nix_image_builder_fuzz::{file_of, mutate_tar};

/// The user whose members begin a layer.
const FIRST: u64 = 7;

/// Places all that can be read, or says that something cannot be placed.
fn place(bytes: &[u8]) -> Option<Flat> {
    let file = file_of(bytes);
    let opened = File::open(file.path()).expect("it is there");
    let source = Arc::new(Source::file(file.path(), opened));
    let mut reader = Reader::new(bytes);
    let mut placing = Placing::new();
    placing.begin_layer();
    while let Ok(Some(member)) = reader.next_member() {
        if member.uid == FIRST {
            placing.begin_layer();
        }
        if member.content_at + member.size > bytes.len() as u64 {
            return None;
        }
        let range = (member.kind == MemberKind::Regular).then(|| Range {
            source: Arc::clone(&source),
            offset: member.content_at,
            size: member.size,
        });
        placing.place(&member, range).ok()?;
    }
    Some(placing.finish())
}

/// A line for each entry below `directory`, with its content.
fn list(directory: &FlatDirectory, path: &str, lines: &mut Vec<String>) {
    for (name, node) in &directory.entries {
        let is_name = !matches!(name.as_slice(), b"" | b"." | b"..") && !name.contains(&b'/');
        assert!(is_name && !name.contains(&0), "{name:?} is no name");
        assert!(!name.starts_with(b".wh."), "a whiteout hides and is gone");
        let path = format!("{path}/{}", name.escape_ascii());
        let line = match node {
            FlatNode::Directory(below) => {
                list(below, &path, lines);
                format!(
                    "{:o} {}:{}",
                    below.about.mode, below.about.uid, below.about.gid
                )
            }
            FlatNode::File(file) => {
                let mut content = Vec::new();
                let mut reader = RangeReader::new(file.range.clone());
                reader.read_to_end(&mut content).expect("it is there");
                assert_eq!(content.len() as u64, file.range.size);
                let about = &file.about;
                format!("{:o} {}:{} {content:?}", about.mode, about.uid, about.gid)
            }
            FlatNode::Symlink { about, target } => {
                format!("{}:{} -> {}", about.uid, about.gid, target.escape_ascii())
            }
            FlatNode::Special { about, kind } => {
                format!("{:o} {}:{} {kind:?}", about.mode, about.uid, about.gid)
            }
        };
        lines.push(format!("{path} {line}"));
    }
}

fn listed(flat: &Flat) -> Vec<String> {
    let mut lines = Vec::new();
    list(&flat.root, "", &mut lines);
    lines
}

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutate_tar(data, size, max_size, seed)
});

fuzz_target!(|bytes: &[u8]| {
    let Some(flat) = place(bytes) else {
        return;
    };
    let lines = listed(&flat);
    // Members of the user 7 would begin layers again, which changes nothing: each name is there once.
    let plan = export::plan(flat, 1);
    let mut tar = Vec::new();
    write::write(&plan, &mut tar).expect("it can be read");
    assert_eq!(tar.len() as u64, plan.size());
    let again = place(&tar).expect("we wrote it");
    assert_eq!(listed(&again), lines);
});
