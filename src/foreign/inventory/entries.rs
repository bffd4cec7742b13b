//! Notes the entries of a layer as they pass: which store paths it holds, and what is wrong with
//! its names, whiteouts and hard links by the image specification (`layer.md`).

use std::collections::BTreeSet;

use hashbrown::HashTable;
use thiserror::Error;

use crate::bytes::fingerprint::Fingerprint;
use crate::console::text::shown;
use crate::engines::{self, Refusal};
use crate::oci::whiteout;
use crate::request::store_path::StorePath;
use crate::tar::read::{Member, MemberKind};

/// How many problems of one layer are told. Nobody reads more, and each takes memory.
pub const MAX_TOLD: usize = 100;

/// Where Nix has its store in an image.
const STORE: &[u8] = b"nix/store/";

/// What begins the names of special whiteouts: `.wh..wh..opq`, and what AUFS once kept in layers.
const SPECIAL_WHITEOUT: &[u8] = b".wh..wh.";

/// What is to be noted of entries, since each thing takes memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noting {
    /// What is wrong with them.
    Problems,
    /// Which store paths they belong to.
    StorePaths,
}

/// What a layer has, and what is wrong with it.
#[derive(Debug, Default)]
pub struct Entries {
    /// How many there are.
    pub count: u64,
    /// Those that the layer has anything of.
    pub store_paths: BTreeSet<StorePath>,
    /// How many bytes these have together.
    pub store_path_bytes: u64,
    /// The first [`MAX_TOLD`].
    pub problems: Vec<EntryProblem>,
    /// How many more there are.
    pub more_problems: u64,
    names: Names,
}

/// The names of entries, each with its [`EntryKind`]. Whole names would take hundreds of megabytes for a
/// million entries; these are at most 30 bytes each.
///
/// Where there are many, many small tables have them instead of a large one: a table that grows is there
/// twice for a while.
#[derive(Debug, Default)]
struct Names(Vec<HashTable<Fingerprint>>);

/// How many names one table has before there are more.
const FEW: usize = 4096;

/// How many tables there are then.
const TABLES: usize = 64;

impl Names {
    fn insert(&mut self, name: &[u8], kind: EntryKind) {
        let print = Fingerprint::of((name, kind));
        if self.0.is_empty() {
            self.0.push(HashTable::new());
        }
        if self.find(print) {
            return;
        }
        if self.0.len() == 1 && self.0[0].len() == FEW {
            let few = std::mem::take(&mut self.0[0]);
            self.0.resize_with(TABLES, HashTable::new);
            few.into_iter().for_each(|print| self.add(print));
        }
        self.add(print);
    }

    fn add(&mut self, print: Fingerprint) {
        let table = print.other_bits() as usize % self.0.len();
        self.0[table].insert_unique(print.hash(), print, |other| other.hash());
    }

    fn find(&self, print: Fingerprint) -> bool {
        let Some(table) = (print.other_bits() as usize).checked_rem(self.0.len()) else {
            return false;
        };
        let found = self.0[table].find(print.hash(), |other| *other == print);
        found.is_some()
    }

    fn contains(&self, name: &[u8], kind: EntryKind) -> bool {
        self.find(Fingerprint::of((name, kind)))
    }
}

/// What counts about an entry's type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EntryKind {
    Directory,
    Symlink,
    /// A file, a hard link, a device or a pipe.
    Other,
}

/// One entry is not what it should be.
#[derive(Debug)]
pub struct EntryProblem {
    /// Its name as it stands in the layer, escaped.
    pub entry: String,
    pub what: WrongEntry,
}

#[derive(Debug, Clone, Error, PartialEq, Eq)]
pub enum WrongEntry {
    #[error("leads out of the image: it has a part `..`")]
    Leaves,
    #[error("is the root of the image, but no directory")]
    Root,
    #[error("is there twice")]
    Repeated,
    #[error("is a directory that is there twice; list it once")]
    RepeatedDirectory,
    #[error("is also there as something else, and one of the two is a directory")]
    TwoKinds,
    #[error("lies below `{above}`, which is no directory")]
    Below { above: String },
    #[error("is a whiteout and does not name what it hides")]
    Whiteout,
    #[error("is a whiteout to every engine, though it is no empty file, and will be lost")]
    WhiteoutContent,
    #[error("is a hard link to `{target}`, which has a part `..`")]
    LinkLeaves { target: String },
    #[error(
        "is a hard link to `{target}`, which its layer does not have before it, and engines unpack each layer by itself; put the file into the layer too"
    )]
    NoTarget { target: String },
    #[error("is a hard link to the directory `{target}`")]
    DirectoryTarget { target: String },
}

impl Entries {
    /// Takes in the next entry.
    pub fn note(&mut self, member: &Member, noting: Noting) {
        self.count += 1;
        match noting {
            Noting::Problems => self.note_problems(member),
            Noting::StorePaths => self.note_store_path(&member.name),
        }
    }

    fn note_problems(&mut self, member: &Member) {
        let Some(name) = plain(&member.name) else {
            return self.tell(member, WrongEntry::Leaves);
        };
        let kind = match member.kind {
            MemberKind::Directory => EntryKind::Directory,
            MemberKind::Symlink => EntryKind::Symlink,
            _ => EntryKind::Other,
        };
        if name.is_empty() && kind != EntryKind::Directory {
            return self.tell(member, WrongEntry::Root);
        }
        self.check_place(member, &name, kind);
        self.check_whiteout(member, &name);
        if member.kind == MemberKind::HardLink {
            self.check_link(member);
        }
        self.names.insert(&name, kind);
    }

    /// Whether the layer has `name`, without `./` and the like, as a `kind`.
    #[must_use]
    pub fn has(&self, name: &[u8], kind: EntryKind) -> bool {
        self.names.contains(name, kind)
    }

    fn tell(&mut self, member: &Member, what: WrongEntry) {
        if self.problems.len() == MAX_TOLD {
            self.more_problems += 1;
            return;
        }
        self.problems.push(EntryProblem {
            entry: shown(&member.name),
            what,
        });
    }

    fn note_store_path(&mut self, name: &[u8]) {
        let Some(name) = plain(name) else { return };
        let Some(rest) = name.strip_prefix(STORE) else {
            return;
        };
        let end = rest.iter().position(|byte| *byte == b'/');
        let length = STORE.len() + end.unwrap_or(rest.len());
        let path = [b"/", &name[..length]].concat();
        if let Ok(path) = StorePath::parse(&path)
            && self.store_paths.insert(path)
        {
            self.store_path_bytes += length as u64 + 1;
        }
    }

    /// How many problems are told in words.
    #[must_use]
    pub fn told(&self) -> usize {
        self.problems.len()
    }

    /// Only counts what has been told in words.
    pub fn tell_no_more(&mut self) {
        self.more_problems += std::mem::take(&mut self.problems).len() as u64;
    }

    fn check_place(&mut self, member: &Member, name: &[u8], kind: EntryKind) {
        let is_directory = kind == EntryKind::Directory;
        let [was_directory, was_link, was_other] =
            [EntryKind::Directory, EntryKind::Symlink, EntryKind::Other]
                .map(|kind| self.has(name, kind));
        if is_directory && (was_link || was_other) || !is_directory && was_directory {
            self.tell(member, WrongEntry::TwoKinds);
        } else if was_link || was_other {
            self.tell(member, WrongEntry::Repeated);
        } else if was_directory {
            self.tell(member, WrongEntry::RepeatedDirectory);
        }
        if let Some(end) = name.iter().rposition(|byte| *byte == b'/')
            && self.has(&name[..end], EntryKind::Other)
        {
            let above = shown(&name[..end]);
            self.tell(member, WrongEntry::Below { above });
        }
    }

    fn check_whiteout(&mut self, member: &Member, name: &[u8]) {
        let last = name.rsplit(|byte| *byte == b'/').next();
        let last = last.unwrap_or_default();
        let Some(hidden) = last.strip_prefix(whiteout::PREFIX) else {
            return;
        };
        if matches!(hidden, b"" | b"." | b"..") {
            self.tell(member, WrongEntry::Whiteout);
        } else if !last.starts_with(SPECIAL_WHITEOUT)
            && (member.kind != MemberKind::Regular || member.size > 0)
        {
            self.tell(member, WrongEntry::WhiteoutContent);
        }
    }

    fn check_link(&mut self, member: &Member) {
        let Some(target) = plain(&member.link) else {
            let target = shown(&member.link);
            return self.tell(member, WrongEntry::LinkLeaves { target });
        };
        let is_there = self.has(&target, EntryKind::Other) || self.has(&target, EntryKind::Symlink);
        if is_there || leads_through_symlink(&target, |name| self.has(name, EntryKind::Symlink)) {
            return;
        }
        if self.has(&target, EntryKind::Directory) || target.is_empty() {
            let target = shown(&member.link);
            return self.tell(member, WrongEntry::DirectoryTarget { target });
        }
        let target = shown(&member.link);
        self.tell(member, WrongEntry::NoTarget { target });
    }
}

impl WrongEntry {
    /// The engines that refuse an image for it; none where engines are not asked, since the layer
    /// contradicts itself.
    #[must_use]
    pub fn refused_by(&self) -> Option<&'static [Refusal]> {
        match self {
            Self::RepeatedDirectory => Some(engines::layers::REPEATED),
            Self::NoTarget { .. } => Some(engines::layers::NO_TARGET),
            _ => None,
        }
    }
}

/// Whether what `name` leads to may be there by another name.
fn leads_through_symlink(name: &[u8], is_symlink: impl Fn(&[u8]) -> bool) -> bool {
    let mut ends = name.iter().enumerate();
    ends.any(|(end, byte)| *byte == b'/' && is_symlink(&name[..end]))
}

/// `name` without `.` and empty parts; none if it has a part `..`.
fn plain(name: &[u8]) -> Option<Vec<u8>> {
    let parts = name.split(|byte| *byte == b'/');
    let parts: Vec<&[u8]> = parts.filter(|part| !matches!(*part, b"" | b".")).collect();
    let leaves = parts.contains(&b"..".as_slice());
    (!leaves).then(|| parts.join(&b'/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_again_with_their_kinds() {
        let mut names = Names::default();
        assert!(!names.contains(b"0", EntryKind::Other));
        let name = |number: usize| format!("usr/{number}").into_bytes();
        let kinds = [EntryKind::Directory, EntryKind::Symlink, EntryKind::Other];
        for number in 0..10_000 {
            for _ in 0..2 {
                names.insert(&name(number), kinds[number % 3]);
            }
        }
        for number in 0..10_000 {
            let found = kinds.map(|kind| names.contains(&name(number), kind));
            assert_eq!(found, [0, 1, 2].map(|kind| kind == number % 3));
        }
        assert!(!names.contains(&name(10_000), EntryKind::Directory));
        assert_eq!(names.0.iter().map(HashTable::len).sum::<usize>(), 10_000);
    }
}
