//! Finds out what of one directory nobody finds in an image, because something else has its place there. What has
//! the same content is found, wherever it lies, and so nothing has to be said of it.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Component, Path, PathBuf};

use crate::console::text;
use crate::tree::follow::MAX_LINKS;
use crate::tree::hidden::text::printable_path;
use crate::tree::{Directory, Node};

/// How many entries are looked at to count what a directory hides. A symlink may lead to all of a disk.
const MAX_LOOKED_AT: usize = 10_000;

/// How much is compared at once, in bytes.
const PIECE: usize = 64 * 1024;

/// A tree that is joined of what `items` have, and that is to be the root of an image.
#[derive(Debug, Clone, Copy)]
pub struct Joined<'a> {
    pub root: &'a Directory,
    pub items: &'a [PathBuf],
}

/// What stands at a path of an image, behind all symlinks.
enum Located {
    Nothing,
    Directory,
    /// What stands at this path on disk, below a store path.
    OnDisk(PathBuf),
}

/// How many files there are that nobody finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Missing {
    files: usize,
    looked_at: usize,
}

impl Missing {
    /// Whether all is found.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.files == 0 && !self.is_more()
    }

    /// `1 file`, `2 files`, or that there are more than anybody wants to count.
    #[must_use]
    pub fn files(&self) -> String {
        if self.is_more() {
            return format!("{} files or more", self.files);
        }
        text::count(self.files, "file")
    }

    /// The verb for [`Self::files`].
    #[must_use]
    pub fn are(&self) -> &'static str {
        if self.files == 1 { "is" } else { "are" }
    }

    fn is_more(&self) -> bool {
        self.looked_at >= MAX_LOOKED_AT
    }
}

impl Joined<'_> {
    /// Counts what is in the directory `directory` on disk and not at the path `at` of the image. Symlinks in it are
    /// not followed, and an empty directory counts as a file.
    #[must_use]
    pub fn missing(&self, directory: &Path, at: &Path) -> Missing {
        let mut missing = Missing::default();
        self.count(directory, at, &mut missing);
        missing
    }

    fn count(&self, directory: &Path, at: &Path, missing: &mut Missing) {
        let Ok(entries) = fs::read_dir(directory) else {
            return;
        };
        let mut is_empty = true;
        for entry in entries.flatten() {
            is_empty = false;
            if missing.is_more() {
                return;
            }
            missing.looked_at += 1;
            let (path, at) = (entry.path(), at.join(entry.file_name()));
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                self.count(&path, &at, missing);
            } else {
                missing.files += usize::from(!self.has(&path, &at));
            }
        }
        missing.files += usize::from(is_empty && !self.has_directory(at));
    }

    /// Whether who opens the path `at` in the image finds what stands at `path` on disk, and is no directory.
    #[must_use]
    pub fn has(&self, path: &Path, at: &Path) -> bool {
        let target = fs::read_link(path).ok();
        if let (Some(target), Some(Node::Symlink(link))) = (target, self.node(at))
            && target.as_os_str().as_bytes() == link.target
        {
            return true;
        }
        matches!(self.locate(at), Located::OnDisk(shown) if is_same(path, &shown))
    }

    fn has_directory(&self, at: &Path) -> bool {
        match self.locate(at) {
            Located::Nothing => false,
            Located::Directory => true,
            Located::OnDisk(path) => path.is_dir(),
        }
    }

    /// The node at `at`, to which no symlink leads.
    fn node(&self, at: &Path) -> Option<&Node> {
        let mut parts = at.iter().map(OsStrExt::as_bytes);
        let mut node = self.root.entries.get(parts.next()?)?;
        for part in parts {
            let Node::Directory(directory) = node else {
                return None;
            };
            node = directory.entries.get(part)?;
        }
        Some(node)
    }

    /// Follows all symlinks on the way to `at`, those that the tree has within the tree.
    fn locate(&self, at: &Path) -> Located {
        let mut links = 0;
        // The path without symlinks so far, the directories on it, and what is to come, in turn.
        let mut path = PathBuf::new();
        let mut directories = vec![self.root];
        let mut parts: Vec<OsString> = at.iter().rev().map(OsStr::to_owned).collect();
        while let Some(part) = parts.pop() {
            if part == ".." {
                path.pop();
                directories.truncate(directories.len().max(2) - 1);
                continue;
            }
            let here = directories.last().expect("the root stays");
            match here.entries.get(part.as_bytes()) {
                None => return Located::Nothing,
                Some(Node::Directory(directory)) => {
                    path.push(part);
                    directories.push(directory);
                }
                Some(Node::Symlink(link)) => {
                    links += 1;
                    if links > MAX_LINKS {
                        return Located::Nothing;
                    }
                    let target = Path::new(OsStr::from_bytes(&link.target));
                    if target.is_absolute() {
                        // What is linked by its whole path is in a store path, which the image has too.
                        return Located::OnDisk(below(target, &parts));
                    }
                    let target = target.components().rev().map(Component::as_os_str);
                    parts.extend(target.filter(|part| *part != ".").map(OsStr::to_owned));
                }
                Some(other) => {
                    let item = &self.items[other.origin()];
                    return Located::OnDisk(below(&item.join(path).join(part), &parts));
                }
            }
        }
        Located::Directory
    }
}

/// `path` with `parts` below it, of which the last one is the next one. Without any, no slash is added: nothing is
/// below a file.
fn below(path: &Path, parts: &[OsString]) -> PathBuf {
    let mut path = path.to_owned();
    path.extend(parts.iter().rev());
    path
}

/// Whether who opens `one` finds what is in `other`: both are symlinks with one target, or lead to the same file, or
/// to files or devices with the same content. What cannot be read is like nothing.
#[must_use]
pub fn is_same(one: &Path, other: &Path) -> bool {
    let targets = (fs::read_link(one), fs::read_link(other));
    if let (Ok(one), Ok(other)) = targets
        && one == other
    {
        return true;
    }
    let (Ok(a), Ok(b)) = (fs::metadata(one), fs::metadata(other)) else {
        return false;
    };
    if (a.dev(), a.ino()) == (b.dev(), b.ino()) {
        return true;
    }
    if a.is_file() && b.is_file() {
        return a.len() == b.len() && has_same_bytes(one, other).unwrap_or(false);
    }
    is_same_special(&a, &b)
}

fn is_same_special(one: &Metadata, other: &Metadata) -> bool {
    let kinds = [one, other].map(Metadata::file_type);
    let both = |is: fn(&fs::FileType) -> bool| kinds.iter().all(is);
    let is_device = both(FileTypeExt::is_char_device) || both(FileTypeExt::is_block_device);
    (is_device && one.rdev() == other.rdev()) || both(FileTypeExt::is_fifo)
}

fn has_same_bytes(one: &Path, other: &Path) -> io::Result<bool> {
    same_bytes(File::open(one)?, File::open(other)?)
}

/// Whether two readers have the same bytes until their ends.
///
/// # Errors
/// When one of them cannot be read.
pub fn same_bytes(one: impl Read, other: impl Read) -> io::Result<bool> {
    let (mut one, mut other) = (one.take(u64::MAX), other.take(u64::MAX));
    let (mut a, mut b) = (Vec::with_capacity(PIECE), Vec::with_capacity(PIECE));
    loop {
        a.clear();
        b.clear();
        one.set_limit(PIECE as u64);
        other.set_limit(PIECE as u64);
        one.read_to_end(&mut a)?;
        other.read_to_end(&mut b)?;
        if a != b {
            return Ok(false);
        }
        if a.is_empty() {
            return Ok(true);
        }
    }
}

/// What stands at `path` on disk, by kind and path: ``the symlink `PATH` to `TARGET` ``.
#[must_use]
pub fn described(path: &Path) -> String {
    let shown = printable_path(path);
    let Ok(metadata) = fs::symlink_metadata(path) else {
        return format!("`{shown}`");
    };
    let kind = metadata.file_type();
    if kind.is_symlink() {
        let target = fs::read_link(path).unwrap_or_default();
        return format!("the symlink `{shown}` to `{}`", printable_path(&target));
    }
    let noun = if kind.is_dir() {
        "directory"
    } else if kind.is_file() {
        "file"
    } else {
        "special file"
    };
    format!("the {noun} `{shown}`")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::tree::scan;

    /// Makes `first` and `second`, each a directory that a line describes: names with their content behind `=`, or
    /// with a target behind `->`.
    fn make(first: &str, second: &str) -> (tempfile::TempDir, [PathBuf; 2]) {
        let directory = tempfile::tempdir().unwrap();
        let paths = ["first", "second"].map(|name| directory.path().join(name));
        for (path, text) in paths.iter().zip([first, second]) {
            fs::create_dir(path).unwrap();
            for entry in text.split_whitespace() {
                if let Some((name, target)) = entry.split_once("->") {
                    symlink(target, path.join(name)).unwrap();
                    continue;
                }
                let (name, content) = entry.split_once('=').unwrap_or((entry, ""));
                let file = path.join(name);
                fs::create_dir_all(file.parent().unwrap()).unwrap();
                if name.ends_with('/') {
                    fs::create_dir_all(file).unwrap();
                } else {
                    fs::write(file, content).unwrap();
                }
            }
        }
        (directory, paths)
    }

    /// How many files of `hidden` are missing in the image whose root is `shown`.
    #[track_caller]
    fn check(hidden: &str, shown: &str, expected: usize) {
        let (_directory, [hidden, shown]) = make(hidden, shown);
        let root = scan::scan(&shown, 0).unwrap();
        let joined = Joined {
            root: &root,
            items: &[shown],
        };
        let missing = joined.missing(&hidden, Path::new(""));
        assert_eq!(missing.files, expected);
        assert_eq!(missing.is_nothing(), expected == 0);
    }

    #[test]
    fn what_is_found_with_the_same_content_is_not_missing() {
        check("a=1 b/c=2", "a=1 b/c=2", 0);
        check("a=1 b/c=2", "a=1", 1);
        check("a=1 b/c=2", "a=9 b=9", 2);
        check("a=1", "a=12", 1);
        check("a=1", "b=1 a->b", 0);
        check("a->b b=1", "a->c b=1 c=1", 0);
        check("a->nowhere", "a->nowhere", 0);
        check("a->nowhere", "a->elsewhere", 1);
        check("a->nowhere", "", 1);
        check("d/e=1", "f/e=1 d->f", 0);
        check("d/e=1", "f/g/e=1 d->f/../f/./g", 0);
        check("d/e=1", "d->../../f f/e=1", 0);
        check("d/e=1", "d->f f->d", 1);
        check("d/e=1", "d=1", 1);
        check("d/", "d/", 0);
        check("d/", "d->e e/f=1", 0);
        check("d/", "d=1", 1);
        check("", "", 0);
    }

    #[test]
    fn bytes_are_compared_to_the_end() {
        let long = vec![7; 3 * PIECE + 5];
        let mut other = long.clone();
        assert!(same_bytes(&*long, &*other).unwrap());
        *other.last_mut().unwrap() = 8;
        assert!(!same_bytes(&*long, &*other).unwrap());
        assert!(!same_bytes(&*long, &long[..PIECE]).unwrap());
        assert!(!same_bytes(&long[..0], &*long).unwrap());
    }

    #[test]
    fn no_more_is_counted_than_anybody_wants_to_know() {
        let directory = tempfile::tempdir().unwrap();
        for number in 0..=MAX_LOOKED_AT {
            fs::write(directory.path().join(number.to_string()), "").unwrap();
        }
        let joined = Joined {
            root: &Directory::empty(0o755, 0),
            items: &[],
        };
        let found = joined.missing(directory.path(), Path::new(""));
        assert_eq!(found.files(), "10000 files or more");
    }
}
