//! Follows the symlinks to directories that are met in the walk over a directory, as rsync's `--copy-dirlinks`
//! does, and counts what that makes twice: a symlink may lead to a directory that is being walked, and two such
//! links, or a chain of directories with two links to the next, make more than any machine can hold.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// How many symlinks may lie on the way to an entry; the kernel's own limit, see path_resolution(7).
pub const MAX_LINKS: u32 = 40;

/// How many bytes a path below the root of a layer may have: with `/` before it and a NUL behind it no more
/// than the 4,096 that Linux opens.
pub const MAX_PATH: usize = 4094;

/// How many copies there may be for each entry that is no copy, whatever the limit is. A distribution with
/// `/lib`, `/lib32` and `/lib64` as links to `/usr/lib` has three.
const COPIES_PER_ENTRY: usize = 4;

/// What identifies a directory: its device and its inode.
type Identity = (u64, u64);

/// The symlinks that one walk follows.
#[derive(Debug)]
pub struct Follow {
    max_copies: usize,
    /// Where symlinks lead that are met again. Without it, a link in a directory that is copied a thousand
    /// times would be looked up in the file system each time.
    known: HashMap<PathBuf, Option<Lead>>,
    /// The directories that were walked, or that are being walked.
    walked: HashSet<Identity>,
    /// The directories that are being walked, from the outermost one.
    walking: Vec<Identity>,
    /// How many directories that are being walked are copies.
    copying: usize,
    /// How many symlinks that are being followed lead to a directory that was being walked then.
    looping: usize,
    entries: usize,
    copies: usize,
    loops: BTreeMap<PathBuf, Loop>,
}

/// Where a symlink leads, if that is a directory.
#[derive(Debug, Clone)]
pub struct Lead {
    /// The directory, by a path without symlinks.
    pub real: PathBuf,
    pub metadata: Metadata,
    /// How many symlinks lie on the way there, the followed one included.
    pub links: u32,
}

/// A symlink that leads back to a directory through which it was reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loop {
    pub target: PathBuf,
    /// How many entries the tree has because the link was followed.
    pub made: usize,
}

/// There are more copies than are allowed.
#[derive(Debug, PartialEq, Eq)]
pub struct TooManyCopies {
    pub max: usize,
}

/// What [`Follow::enter`] hands out and [`Follow::leave`] takes back.
#[derive(Debug)]
pub struct Entered {
    is_copy: bool,
}

impl Follow {
    /// Begins a walk in which symlinks make at most `max_copies` copies of entries, or as many as the size of
    /// the tree explains.
    #[must_use]
    pub fn new(max_copies: usize) -> Self {
        Self {
            max_copies,
            known: HashMap::new(),
            walked: HashSet::new(),
            walking: Vec::new(),
            copying: 0,
            looping: 0,
            entries: 0,
            copies: 0,
            loops: BTreeMap::new(),
        }
    }

    /// The symlinks that lead back to a directory through which they were reached, by path. Links that are only met
    /// behind another one of them count for that one.
    #[must_use]
    pub fn loops(&self) -> &BTreeMap<PathBuf, Loop> {
        &self.loops
    }

    /// Where the symlink at `path` leads, whose directory is without symlinks.
    pub(crate) fn lead(&mut self, path: &Path) -> Option<Lead> {
        if self.copying == 0 {
            return lead(path);
        }
        if let Some(known) = self.known.get(path) {
            return known.clone();
        }
        let found = lead(path);
        self.known.insert(path.to_owned(), found.clone());
        found
    }

    /// Notes that the walk enters a directory.
    pub(crate) fn enter(&mut self, directory: &Metadata) -> Entered {
        let identity = identity(directory);
        let is_copy = !self.walked.insert(identity);
        self.walking.push(identity);
        self.copying += usize::from(is_copy);
        Entered { is_copy }
    }

    /// Notes that the walk is done with the directory that was entered last.
    pub(crate) fn leave(&mut self, entered: Entered) {
        self.walking.pop();
        self.copying -= usize::from(entered.is_copy);
    }

    /// Notes that there is one more entry.
    pub(crate) fn count(&mut self) -> Result<(), TooManyCopies> {
        self.entries += 1;
        self.copies += usize::from(self.copying > 0);
        let real = self.entries - self.copies;
        let max = self.max_copies.max(real.saturating_mul(COPIES_PER_ENTRY));
        if self.copies > max {
            return Err(TooManyCopies { max });
        }
        Ok(())
    }

    /// Follows the symlink `link` to the directory `target`, which `walk` reads.
    pub(crate) fn through<T, E>(
        &mut self,
        link: &Path,
        lead: &Lead,
        walk: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<T, E> {
        let is_loop = self.walking.contains(&identity(&lead.metadata));
        let before = self.entries;
        self.looping += usize::from(is_loop);
        let walked = walk(self)?;
        self.looping -= usize::from(is_loop);
        if is_loop && self.looping == 0 {
            let found = self.loops.entry(link.to_owned()).or_insert_with(|| Loop {
                target: lead.real.clone(),
                made: 0,
            });
            found.made += self.entries - before;
        }
        Ok(walked)
    }
}

fn identity(metadata: &Metadata) -> Identity {
    (metadata.dev(), metadata.ino())
}

/// Follows the symlink at `path`, whose directory is without symlinks. We count the links on the way ourselves,
/// since a walk knows how many it has behind it: the kernel would begin anew with every lookup, and counts those of
/// one lookup twice when it has to start over.
fn lead(path: &Path) -> Option<Lead> {
    let mut at = path.parent()?.to_owned();
    let mut links = 0;
    // The last one is the next one.
    let mut parts = vec![path.file_name()?.to_owned()];
    while let Some(part) = parts.pop() {
        match part.as_bytes() {
            b"" | b"." => continue,
            b".." => {
                at.pop();
                continue;
            }
            _ => {}
        }
        let next = at.join(&part);
        let file_type = fs::symlink_metadata(&next).ok()?.file_type();
        if file_type.is_symlink() {
            links += 1;
            if links > MAX_LINKS {
                return None;
            }
            let target = fs::read_link(&next).ok()?.into_os_string().into_vec();
            if target.starts_with(b"/") {
                at = PathBuf::from("/");
            }
            let target = target.split(|byte| *byte == b'/').rev();
            parts.extend(target.map(|part| OsString::from_vec(part.to_vec())));
        } else if file_type.is_dir() {
            at = next;
        } else {
            return None;
        }
    }
    let metadata = fs::metadata(&at).ok()?;
    Some(Lead {
        real: at,
        metadata,
        links,
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_link_leads_where_the_kernel_would_go() {
        let directory = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(directory.path()).unwrap();
        fs::create_dir_all(root.join("a/b")).unwrap();
        fs::write(root.join("a/file"), "").unwrap();
        let links = [
            ("dot", "."),
            ("slash", "a/"),
            ("twice", "dot/dot/a/../a//b/."),
            ("up", "a/b/../.."),
            ("file", "a/file"),
            ("below-file", "a/file/../b"),
            ("file-dot", "a/file/."),
            ("nowhere", "a/c"),
            ("round", "round"),
            ("through", "nowhere/.."),
            ("above-all", "/../../.."),
        ];
        for (name, target) in links {
            symlink(target, root.join(name)).unwrap();
        }
        symlink(root.join("twice"), root.join("absolute")).unwrap();
        for (name, _) in links.iter().chain([&("absolute", "")]) {
            let path = root.join(name);
            let kernel = fs::canonicalize(&path).ok().filter(|path| path.is_dir());
            assert_eq!(lead(&path).map(|lead| lead.real), kernel, "{name}");
        }
        assert_eq!(lead(&root.join("absolute")).unwrap().links, 4);
    }

    /// Chains of links up to and beyond what the kernel follows.
    #[test]
    fn no_more_than_forty_links_are_followed() {
        let directory = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(directory.path()).unwrap();
        symlink(".", root.join("1")).unwrap();
        for number in 2..=42 {
            symlink((number - 1).to_string(), root.join(number.to_string())).unwrap();
        }
        for number in 1..=42 {
            let path = root.join(number.to_string());
            assert_eq!(lead(&path).is_some(), number <= MAX_LINKS, "{number}");
        }
    }
}
