//! Any bytes as a tar. What is accepted lists the same however the bytes arrive, and again after our
//! own writers have written it.

#![no_main]

use std::collections::HashSet;
use std::io::{self, Read};
use std::sync::Arc;

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use nix_image_builder::bytes::skip::Skip;
use nix_image_builder::tar::names::path_of;
use nix_image_builder::tar::owner::Owner;
use nix_image_builder::tar::plan::Dialect;
use nix_image_builder::tar::plan::{Content, Entry, Kind, TarPlan};
use nix_image_builder::tar::read::{Member, MemberKind, ReadError, Reader};
use nix_image_builder::tar::tarsum::{self, TarSumError};
use nix_image_builder::tar::write;
use nix_image_builder::tree::SpecialKind;
use nix_image_builder_fuzz::mutate_tar;

/// Gives one byte at a time.
struct Dripping<'a>(&'a [u8]);

impl Read for Dripping<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = buffer.len().min(1);
        self.0.read(&mut buffer[..count])
    }
}

impl Skip for Dripping<'_> {}

/// How large a sparse file may be to be read, in bytes.
const MAX_SPARSE: u64 = 1 << 20;

type Listing = Vec<(Member, Vec<u8>)>;

fn list(input: impl Skip) -> Result<Listing, ReadError> {
    let mut reader = Reader::new(input);
    let mut found: Listing = Vec::new();
    while let Some(member) = reader.next_member()? {
        if let Some((before, _)) = found.last() {
            assert!(
                before.content_at + before.stored() < member.content_at,
                "members overlap"
            );
        }
        let mut content = Vec::new();
        // A hole is as large as its map says.
        if member.sparse.is_some() && member.size > MAX_SPARSE {
            found.push((member, content));
            continue;
        }
        // What cannot be read whole is an error of the next member too.
        let _ = reader.content(&member).read_to_end(&mut content);
        found.push((member, content));
    }
    Ok(found)
}

fn entry(member: &Member, content: Vec<u8>) -> Option<Entry> {
    if member.sparse.is_some() && member.size > MAX_SPARSE {
        return None;
    }
    let kind = match member.kind {
        MemberKind::Regular => Kind::Regular {
            size: content.len() as u64,
            content: Content::Inline(content),
        },
        MemberKind::Directory => Kind::Directory,
        MemberKind::Symlink => Kind::Symlink {
            target: member.link.clone(),
        },
        MemberKind::Fifo => Kind::Special(SpecialKind::Fifo),
        // No layer of ours has any.
        MemberKind::HardLink | MemberKind::CharDevice | MemberKind::BlockDevice => return None,
    };
    Some(Entry {
        name: member.name.clone(),
        kind,
        mode: member.mode,
        owner: Arc::new(Owner {
            uname: String::new(),
            gname: String::new(),
            uid: member.uid,
            gid: member.gid,
        }),
        mtime: member.mtime,
        xattrs: Vec::new(),
    })
}

/// What an entry of ours has to keep.
fn kept(member: &Member) -> (&[u8], MemberKind, u32, u64, u64, u64, u64, &[u8]) {
    (
        &member.name,
        member.kind,
        member.mode,
        member.uid,
        member.gid,
        member.mtime,
        member.size,
        &member.link,
    )
}

fn rewrite(listing: &Listing, dialect: Dialect) {
    // A plan has no path twice.
    let mut paths = HashSet::new();
    let (kept_members, entries): (Vec<_>, Vec<_>) = listing
        .iter()
        .filter(|(member, _)| paths.insert(path_of(&member.name)))
        .filter_map(|(member, content)| Some((member, entry(member, content.clone())?)))
        .unzip();
    let plan = TarPlan {
        dialect,
        prefix: Vec::new(),
        entries,
    };
    let mut bytes = Vec::new();
    write::write(&plan, &mut bytes).expect("it is in memory");
    assert_eq!(bytes.len() as u64, plan.size(), "the plan knows its size");
    let again = list(bytes.as_slice()).expect("we read what we wrote");
    assert_eq!(again.len(), kept_members.len());
    for ((member, _), expected) in again.iter().zip(kept_members) {
        assert_eq!(kept(member), kept(expected), "{dialect:?}");
    }
    assert_eq!(
        tarsum::of_plan(&plan).expect("it is in memory"),
        tarsum::of_reader(bytes.as_slice()).expect("we read what we wrote"),
    );
}

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutate_tar(data, size, max_size, seed)
});

fuzz_target!(|bytes: &[u8]| {
    let whole = list(bytes);
    let dripping = list(Dripping(bytes));
    match (&whole, &dripping) {
        (Ok(whole), Ok(dripping)) => assert_eq!(whole, dripping),
        (Err(whole), Err(dripping)) => assert_eq!(whole.to_string(), dripping.to_string()),
        _ => panic!("{whole:?} but {dripping:?}"),
    }
    match (&whole, tarsum::of_reader(bytes)) {
        (_, Err(TarSumError::Holes(_))) => return,
        (whole, sum) => assert_eq!(whole.is_ok(), sum.is_ok()),
    }
    if let Ok(listing) = whole {
        rewrite(&listing, Dialect::Gnu);
        rewrite(&listing, Dialect::Pax);
    }
});
