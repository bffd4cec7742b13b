//! Places the entries of layers in a tree, as the OCI image specification applies a layer to the
//! ones below (`layer.md`), and as umoci and containerd do where it is silent: see `docs/format.md`.
//!
//! A tree may have millions of entries, so little of each is in memory. A name in a directory has one
//! node, whatever comes to stand there and goes again, which is found by a fingerprint of both. Nodes never
//! go; each knows when it was placed last, and each directory from when on its entries count. That hides
//! all of a directory at once, and tells what its own layer has from what layers below have.

pub(crate) mod nodes;
pub(crate) mod resolve;

use std::collections::BTreeMap;
use std::path::Path;

use hashbrown::HashTable;

use super::entry::Metadata;
use super::merged::{MergedTree, Unsorted};
use super::records::{RecordAt, Records, RecordsError, Said, SaidKind, Window};
use crate::bytes::fingerprint::Fingerprint;
use crate::bytes::source::Range;
use crate::console::text::shown;
use crate::oci::whiteout::{self, Hidden};
use crate::request::limits::Limits;
use crate::rootfs::apply::nodes::{NEVER, Node, NodeKind, ROOT};
use crate::rootfs::apply::resolve::{Part, check_length, parts};
use crate::rootfs::error::{ApplyError, MAX_MAJOR, MAX_MINOR};
use crate::tar::plan::Xattr;
use crate::tar::read::{Member, MemberKind};
use crate::tree::SpecialKind;

/// What is said about a directory that no layer lists.
const UNLISTED: Metadata = Metadata {
    mode: 0o755,
    uid: 0,
    gid: 0,
    mtime: 0,
    xattrs: Vec::new(),
};

/// Extended attributes in which overlayfs keeps its books. They are no part of a file, and mounted
/// as a layer they would take effect.
const OVERLAY_XATTRS: [&[u8]; 2] = [b"trusted.overlay.", b"user.overlay."];

/// A tree that entries are placed in, layer by layer, each in the order of its tar.
#[derive(Debug)]
pub struct Apply {
    limits: Limits,
    /// The root first; a directory before what is in it.
    nodes: Vec<Node>,
    /// The numbers of all nodes but the root, by their fingerprints.
    by_fingerprint: HashTable<u32>,
    records: Records,
    window: Window,
    /// How many entries have been made; those gone again count. It is the time of this module.
    made: u32,
    /// The time at which the first entry of the layer at hand is placed.
    layer_begins: u32,
}

/// What is to be placed.
struct Placed {
    kind: NodeKind,
    is_shared: bool,
    said: Said,
}

impl Apply {
    /// A tree without entries. The root is 0755 and root's until a layer lists it. What does not fit the
    /// memory goes to a file without a name in `directory`.
    #[must_use]
    pub fn new(directory: &Path, limits: &Limits) -> Self {
        let mut records = Records::new(directory);
        let root = Node {
            fingerprint: Fingerprint::default(),
            parent: ROOT,
            kind: NodeKind::Directory,
            is_shared: false,
            record: records.append(b"", &unlisted()),
            touched: NEVER,
            hides_before: NEVER + 1,
        };
        Self {
            limits: *limits,
            nodes: vec![root],
            by_fingerprint: HashTable::new(),
            records,
            window: Window::default(),
            made: 0,
            layer_begins: NEVER + 1,
        }
    }

    /// From here on, entries belong to the next layer.
    pub fn begin_layer(&mut self) {
        self.layer_begins = self.made.saturating_add(1);
    }

    /// The tree of all layers.
    ///
    /// # Errors
    /// When what was said about entries cannot be read again.
    pub fn finish(self) -> Result<MergedTree, RecordsError> {
        const GONE: u32 = u32::MAX;
        let Self {
            mut nodes, records, ..
        } = self;
        drop(self.by_fingerprint);
        for number in 1..nodes.len() {
            let above = nodes[nodes[number].parent as usize].hides_before;
            let node = &mut nodes[number];
            node.hides_before = if node.touched < above {
                GONE
            } else {
                node.hides_before.max(above)
            };
        }
        // Both have little room beside each other: `collect` takes the memory of `nodes`.
        let left = nodes.into_iter().zip(0..);
        let left = left.filter(|(node, _)| node.hides_before != GONE);
        let unsorted = left.map(|(node, number)| Unsorted {
            number,
            parent: node.parent,
            record: node.record,
            is_shared: node.is_shared,
            key: [0; _],
        });
        MergedTree::new(unsorted.collect(), records)
    }

    /// Places one entry. `content` is the place of a regular file's bytes.
    ///
    /// # Errors
    /// When the entry leads out of the root, lies below something that is no directory, links to
    /// what is not there, or is more than Linux or a limit allows; when it cannot be written down.
    pub fn place(&mut self, member: &Member, content: Option<Range>) -> Result<(), ApplyError> {
        let parts = parts(&member.name)?;
        let Some((name, above)) = parts.split_last() else {
            return self.place_root(member);
        };
        check_length(name)?;
        let mut path = self.resolve(above)?;
        if let Some(hidden) = whiteout::hidden_by(name) {
            return self.hide(&path, hidden);
        }

        let placed = if member.kind == MemberKind::HardLink {
            let directory = self.make_directory(&mut path)?;
            if let Some(replaced) = self.entry(directory, name) {
                // A hard link cannot lead to what it replaces.
                self.remove(replaced);
            }
            self.link_target(&member.link)?
        } else {
            self.placed(member, content)?
        };
        self.insert(&mut path, name, placed)
    }

    fn place_root(&mut self, member: &Member) -> Result<(), ApplyError> {
        if member.kind != MemberKind::Directory {
            return Err(ApplyError::Root);
        }
        let about = Metadata::of(member);
        let kind = SaidKind::Directory;
        self.nodes[ROOT as usize].record = self.write(b"", &Said::Entry { about, kind })?;
        Ok(())
    }

    /// Puts `placed` where it belongs. A directory that is there already keeps its entries.
    fn insert(
        &mut self,
        path: &mut [Part<'_>],
        name: &[u8],
        placed: Placed,
    ) -> Result<(), ApplyError> {
        self.count()?;
        let directory = self.make_directory(path)?;
        let record = self.write(name, &placed.said)?;
        let number = self.node(directory.node, name);
        let now = self.made;
        let node = &mut self.nodes[number as usize];
        if placed.kind != NodeKind::Directory {
            node.hides_before = now;
        }
        node.kind = placed.kind;
        node.is_shared = placed.is_shared;
        node.record = record;
        node.touched = now;
        for directory in path.iter().filter_map(|part| part.directory) {
            self.nodes[directory.node as usize].touched = now;
        }
        Ok(())
    }

    /// What a hard link to `target` places.
    fn link_target(&mut self, target: &[u8]) -> Result<Placed, ApplyError> {
        let missing = || ApplyError::NoTarget {
            target: shown(target),
        };
        let parts = parts(target)?;
        let (name, above) = parts.split_last().ok_or_else(missing)?;
        let path = self.resolve(above)?;
        let directory = self.last(&path).ok_or_else(missing)?;
        let number = self.entry(directory, name).ok_or_else(missing)?;
        let node = &mut self.nodes[number as usize];
        if node.kind == NodeKind::Directory {
            return Err(ApplyError::DirectoryTarget {
                target: shown(target),
            });
        }
        node.is_shared = true;
        Ok(Placed {
            kind: node.kind,
            is_shared: true,
            said: self.records.same_as(node.record, &mut self.window)?,
        })
    }

    /// Hides what the layers below have: `hidden` in the directory `path`, or all in it.
    fn hide(&mut self, path: &[Part<'_>], hidden: Hidden<'_>) -> Result<(), ApplyError> {
        if matches!(hidden, Hidden::Name(b"" | b"." | b"..")) {
            return Err(ApplyError::Whiteout);
        }
        let Some(directory) = self.last(path) else {
            return Ok(());
        };
        let number = match hidden {
            Hidden::Directory => Some(directory.node),
            Hidden::Name(name) => self.entry(directory, name),
        };
        let Some(number) = number else {
            return Ok(());
        };
        let layer_begins = self.layer_begins;
        let node = &mut self.nodes[number as usize];
        if number == directory.node || node.touched >= layer_begins {
            node.hides_before = node.hides_before.max(layer_begins);
        } else {
            self.remove(number);
        }
        Ok(())
    }

    /// Takes away what stands at a node, with all that is in it.
    fn remove(&mut self, number: u32) {
        let node = &mut self.nodes[number as usize];
        node.touched = NEVER;
        node.hides_before = self.made.saturating_add(1);
    }

    /// Takes one of the entries that may still be made.
    fn count(&mut self) -> Result<(), ApplyError> {
        let max = self.limits.max_entries;
        if self.made >= max {
            return Err(ApplyError::TooMany { max });
        }
        self.made += 1;
        Ok(())
    }

    fn write(&mut self, name: &[u8], said: &Said) -> Result<RecordAt, ApplyError> {
        let record = self.records.push(name, said)?;
        let max = self.limits.max_metadata;
        if self.records.size() > u64::from(max) {
            return Err(ApplyError::TooMuch { max });
        }
        Ok(record)
    }

    /// What `member`, which is no hard link, places.
    fn placed(&mut self, member: &Member, content: Option<Range>) -> Result<Placed, ApplyError> {
        let (major, minor) = member.device;
        if major > MAX_MAJOR || minor > MAX_MINOR {
            return Err(ApplyError::Device { major, minor });
        }
        let special = |kind| (NodeKind::Other, SaidKind::Special(kind));
        let (kind, said) = match member.kind {
            MemberKind::Directory => (NodeKind::Directory, SaidKind::Directory),
            MemberKind::Symlink => {
                let target = member.link.clone();
                (NodeKind::Symlink, SaidKind::Symlink { target })
            }
            MemberKind::CharDevice => special(SpecialKind::CharDevice { major, minor }),
            MemberKind::BlockDevice => special(SpecialKind::BlockDevice { major, minor }),
            MemberKind::Fifo => special(SpecialKind::Fifo),
            MemberKind::Regular | MemberKind::HardLink => {
                let range =
                    content.expect("the caller has the content of files, and follows hard links");
                (NodeKind::Other, self.records.file(&range))
            }
        };
        let about = Metadata::of(member);
        Ok(Placed {
            kind,
            is_shared: false,
            said: Said::Entry { about, kind: said },
        })
    }
}

fn unlisted() -> Said {
    Said::Entry {
        about: UNLISTED,
        kind: SaidKind::Directory,
    }
}

impl Metadata {
    fn of(member: &Member) -> Self {
        let number = |id| u32::try_from(id).expect("the reader takes no larger numbers of owners");
        Self {
            mode: member.mode,
            uid: number(member.uid),
            gid: number(member.gid),
            mtime: member.mtime,
            xattrs: xattrs(member),
        }
    }
}

/// The extended attributes of a member; of one that it has twice, the last value.
fn xattrs(member: &Member) -> Vec<Xattr> {
    let is_overlays = |name: &[u8]| OVERLAY_XATTRS.iter().any(|own| name.starts_with(own));
    let xattrs = member.xattrs.iter().filter(|(name, _)| !is_overlays(name));
    let by_name: BTreeMap<_, _> = xattrs.cloned().collect();
    by_name.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rootfs::error::MAX_LINK_PARTS;
    use crate::rootfs::merged::Step;

    fn placing(limits: Limits) -> Apply {
        Apply::new(&std::env::temp_dir(), &limits)
    }

    fn pipe(name: &str) -> Member {
        Member {
            name: name.into(),
            kind: MemberKind::Fifo,
            mode: 0o644,
            uid: 0,
            gid: 0,
            uname: Vec::new(),
            gname: Vec::new(),
            mtime: 0,
            size: 0,
            sparse: None,
            link: Vec::new(),
            device: (0, 0),
            xattrs: Vec::new(),
            content_at: 0,
        }
    }

    fn directory(name: &str) -> Member {
        Member {
            kind: MemberKind::Directory,
            ..pipe(name)
        }
    }

    fn link(name: &str, target: &str) -> Member {
        Member {
            kind: MemberKind::Symlink,
            link: target.into(),
            ..pipe(name)
        }
    }

    fn paths(placing: Apply) -> Vec<String> {
        let flat = placing.finish().unwrap();
        let mut paths = Vec::new();
        for step in flat.walk() {
            if let Step::Entry(entry) = step.unwrap() {
                assert_eq!(flat.path(entry.node).unwrap(), entry.path);
                paths.push(String::from_utf8(entry.path).unwrap());
            }
        }
        assert_eq!(flat.count(), paths.len());
        paths
    }

    #[test]
    fn entries_that_are_replaced_count() {
        let mut placing = placing(Limits {
            max_entries: 3,
            ..Limits::default()
        });
        // With the directory that it lies in, and replaced.
        placing.place(&pipe("a/b"), None).unwrap();
        placing.place(&pipe("a/b"), None).unwrap();
        let error = placing.place(&pipe("a/b"), None).unwrap_err();
        assert!(matches!(error, ApplyError::TooMany { max: 3 }));
    }

    /// So many are in the temporary file, and are sorted by more than one part of their names.
    #[test]
    fn names_that_begin_alike_are_sorted_by_what_follows() {
        let mut placing = placing(Limits::default());
        let alike = "x".repeat(16);
        let mut names = vec![String::new(), "d".to_owned()];
        for number in 0..3000 {
            // No order that comes by itself.
            let number = number * 7919 % 3000;
            for between in ["", &alike, &format!("{alike}{alike}")] {
                names.push(format!("d/{alike}{between}{number:04}"));
            }
        }
        names.extend([format!("d/{alike}"), format!("d/{alike}{alike}")]);
        for name in &names[2..] {
            placing.place(&pipe(name), None).unwrap();
        }
        assert!(placing.records.size() > 128 * 1024);
        names.sort();
        assert_eq!(paths(placing), names);
    }

    #[test]
    fn what_lay_below_a_directory_that_was_replaced_stays_away() {
        for hide in [".wh.a", "a/.wh..wh..opq", ".wh..wh..opq"] {
            let mut placing = placing(Limits::default());
            placing.begin_layer();
            placing.place(&pipe("a/b/c"), None).unwrap();
            placing.begin_layer();
            placing.place(&pipe(hide), None).unwrap();
            placing.begin_layer();
            placing.place(&pipe("a/b/d"), None).unwrap();
            assert_eq!(paths(placing), ["", "a", "a/b", "a/b/d"], "{hide}");
        }
        // In one layer, too.
        let mut placing = placing(Limits::default());
        placing.begin_layer();
        placing.place(&pipe("a/b/c"), None).unwrap();
        placing.place(&pipe("a"), None).unwrap();
        placing.place(&directory("a"), None).unwrap();
        placing.place(&pipe("a/b/d"), None).unwrap();
        assert_eq!(paths(placing), ["", "a", "a/b", "a/b/d"]);
    }

    #[test]
    fn entries_lie_so_deep_and_no_deeper() {
        let mut placing = placing(Limits::default());
        placing
            .place(&pipe(&("a/".repeat(1024) + "b")), None)
            .unwrap();
        let error = placing.place(&pipe(&("a/".repeat(1025) + "b")), None);
        assert!(matches!(error, Err(ApplyError::Deep { max: 1024 })));
        assert_eq!(paths(placing).len(), 1 + 1024 + 1);
    }

    #[test]
    fn symlinks_lead_through_so_many_parts_and_no_more() {
        let mut placing = placing(Limits::default());
        placing.begin_layer();
        let most = "a/..".to_owned() + &"/a/..".repeat(MAX_LINK_PARTS / 2 - 1);
        placing.place(&pipe("a/b"), None).unwrap();
        placing.place(&link("most", &most), None).unwrap();
        placing.place(&link("more", "most"), None).unwrap();
        placing.place(&pipe("most/c"), None).unwrap();
        let error = placing.place(&pipe("more/d"), None).unwrap_err();
        let expected =
            "`more` leads through symlinks whose targets have more than 256 parts together";
        assert_eq!(error.to_string(), expected);
    }
}
