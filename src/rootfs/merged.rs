//! Holds the tree that layers make together: a few numbers for each entry, in the order in which they
//! are walked. What they stand for is read from the [`records`](super::records).

use std::num::NonZero;

use super::entry::{MergedKind, Metadata};
use super::records::{RecordAt, Records, RecordsError, Window};

/// The tree that an image's layers make together.
#[derive(Debug)]
pub struct MergedTree {
    /// The root first, which is its own parent. The entries of a directory stand together, by name as
    /// bytes, which is the order of GNU tar's `--sort=name`.
    nodes: Vec<FlatNode>,
    records: Records,
}

/// An entry of a tree, by its place among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeId(u32);

/// Very many of these are in memory at once.
#[derive(Debug)]
struct FlatNode {
    parent: u32,
    /// The first entry of a directory, unless that is empty. The root is nobody's.
    first: Option<NonZero<u32>>,
    record: RecordAt,
    is_shared: bool,
}

/// How many bytes of names are compared at once.
const KEY: usize = 16;

/// An entry before it has its place. The root's number is 0.
#[derive(Debug)]
pub(super) struct Unsorted {
    pub(super) number: u32,
    /// The number of the directory.
    pub(super) parent: u32,
    pub(super) record: RecordAt,
    /// Whether hard links were made to it, or it is one.
    pub(super) is_shared: bool,
    /// Some bytes of its name, and zeros behind its end.
    pub(super) key: [u8; KEY],
}

/// An entry with what the layers say about it.
#[derive(Debug)]
pub struct MergedEntry {
    pub node: NodeId,
    /// From the root, which has an empty one, without a slash in front.
    pub path: Vec<u8>,
    pub about: Metadata,
    pub kind: MergedKind,
    /// Names a file that may have several entries; they share it.
    pub shared: Option<SharedFile>,
}

/// A file with several names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SharedFile(RecordAt);

/// A step of a walk.
#[derive(Debug)]
pub enum Step {
    Entry(MergedEntry),
    /// All that is in the directory has been walked.
    Left {
        directory: NodeId,
        path: Vec<u8>,
    },
}

impl MergedTree {
    /// The tree of `nodes`, of which the first is the root.
    pub(super) fn new(mut nodes: Vec<Unsorted>, records: Records) -> Result<Self, RecordsError> {
        sort(&mut nodes[1..], 0, &records, &mut Window::default())?;

        let numbers = nodes.iter().map(|node| node.number as usize);
        let mut places = vec![0; numbers.max().unwrap_or_default() + 1];
        for (place, node) in (0..).zip(&nodes) {
            places[node.number as usize] = place;
        }
        // Both have little room beside each other: `collect` takes the memory of `nodes`.
        let placed = nodes.into_iter().map(|node| FlatNode {
            parent: places[node.parent as usize],
            first: None,
            record: node.record,
            is_shared: node.is_shared,
        });
        let mut nodes: Vec<FlatNode> = placed.collect();
        for place in (1..nodes.len()).rev() {
            let parent = nodes[place].parent as usize;
            nodes[parent].first = u32::try_from(place).ok().and_then(NonZero::new);
        }
        Ok(Self { nodes, records })
    }

    /// How many entries there are, with the root.
    #[must_use]
    pub fn count(&self) -> usize {
        self.nodes.len()
    }

    /// Walks from the root: each directory before what is in it.
    #[must_use]
    pub fn walk(&self) -> Walk<'_> {
        Walk {
            flat: self,
            path: Vec::new(),
            next: Some(Next::Entry(0)),
            window: Window::default(),
        }
    }

    /// What the layers say about an entry beside its content.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn about(&self, node: NodeId) -> Result<Metadata, RecordsError> {
        let record = self.nodes[node.0 as usize].record;
        Ok(self.records.read(record, &mut Window::default())?.about)
    }

    /// The path of an entry, as in [`MergedEntry`].
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn path(&self, node: NodeId) -> Result<Vec<u8>, RecordsError> {
        let mut window = Window::default();
        let mut names = Vec::new();
        let mut at = node.0;
        while at != 0 {
            let node = &self.nodes[at as usize];
            names.push(self.records.name(node.record, &mut window)?);
            at = node.parent;
        }
        names.reverse();
        Ok(names.join(&b'/'))
    }
}

/// Sorts by directories, and within each by what the names have from the byte `from` on; what comes
/// before is the same. So the memory that this takes does not depend on how long names are.
fn sort(
    nodes: &mut [Unsorted],
    from: usize,
    records: &Records,
    window: &mut Window,
) -> Result<(), RecordsError> {
    for node in nodes.iter_mut() {
        let name = records.name(node.record, window)?;
        let rest = name.get(from..).unwrap_or_default();
        let length = rest.len().min(KEY);
        node.key = [0; KEY];
        node.key[..length].copy_from_slice(&rest[..length]);
    }
    nodes.sort_unstable_by_key(|node| (node.parent, node.key));
    for alike in nodes.chunk_by_mut(|one, next| (one.parent, one.key) == (next.parent, next.key)) {
        // Names have no NULs, so those that go on are alike without one at the end.
        if alike.len() > 1 && alike[0].key[KEY - 1] != 0 {
            sort(alike, from + KEY, records, window)?;
        }
    }
    Ok(())
}

/// The entries of a tree, one after the other.
#[derive(Debug)]
pub struct Walk<'a> {
    flat: &'a MergedTree,
    /// Of the next step; of an entry, that of its directory.
    path: Vec<u8>,
    next: Option<Next>,
    window: Window,
}

#[derive(Debug)]
enum Next {
    Entry(u32),
    Left(u32),
}

impl Walk<'_> {
    fn step(&mut self, next: Next) -> Result<Step, RecordsError> {
        let place = match next {
            Next::Entry(place) => place,
            Next::Left(place) => {
                let path = self.path.clone();
                self.pass(place);
                let directory = NodeId(place);
                return Ok(Step::Left { directory, path });
            }
        };
        let node = &self.flat.nodes[place as usize];
        let record = self.flat.records.read(node.record, &mut self.window)?;
        if !self.path.is_empty() {
            self.path.push(b'/');
        }
        self.path.extend_from_slice(&record.name);
        let entry = MergedEntry {
            node: NodeId(place),
            path: self.path.clone(),
            shared: node.is_shared.then_some(SharedFile(record.said_at)),
            about: record.about,
            kind: record.kind,
        };
        match (&entry.kind, node.first) {
            (MergedKind::Directory, Some(first)) => self.next = Some(Next::Entry(first.get())),
            (MergedKind::Directory, None) => self.next = Some(Next::Left(place)),
            _ => self.pass(place),
        }
        Ok(Step::Entry(entry))
    }

    /// Goes on to what follows `place` and all that is in it.
    fn pass(&mut self, place: u32) {
        let end = self.path.iter().rposition(|byte| *byte == b'/');
        self.path.truncate(end.unwrap_or_default());
        let nodes = &self.flat.nodes;
        let parent = nodes[place as usize].parent;
        let sibling = nodes.get(place as usize + 1);
        self.next = match sibling {
            _ if place == 0 => None,
            Some(sibling) if sibling.parent == parent => Some(Next::Entry(place + 1)),
            _ => Some(Next::Left(parent)),
        };
    }
}

impl Iterator for Walk<'_> {
    type Item = Result<Step, RecordsError>;

    /// The next step; none behind an error.
    fn next(&mut self) -> Option<Self::Item> {
        let next = self.next.take()?;
        Some(self.step(next))
    }
}
