//! Trees of files as lines of text: written down, generated, made on disk and read back.
//!
//! ```text
//! 755 d/                      a directory; `755 /` is the root
//! 644 d/f = x*513 @7          513 bytes of the pattern that begins with `x`, modified at second 7
//! d/s -> ../target            a symlink
//! d/h => d/f                  another name of the same file
//! 600 p fifo
//! 600 c char 1:3
//! 600 b block 8:0
//! ```
//!
//! A name's odd bytes are escaped as in Rust. Modes may be left out of what is written down, and
//! so may directories.

#[path = "trees/generated.rs"]
mod generated;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt;
use std::fs::{self, File, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use nix::sys::stat::{Mode, SFlag, makedev, mknod};
use nix_image_builder::tree;

pub(crate) use self::generated::*;

/// The entries of a directory, and it itself, by path. The root's path is empty; no path begins or
/// ends with a slash.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Tree(pub BTreeMap<Vec<u8>, Node>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    /// That of symlinks and hard links counts for nothing and is 0.
    pub mode: u32,
    pub kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Directory,
    Regular { content: Content, mtime: u64 },
    Symlink(Vec<u8>),
    HardLink(Vec<u8>),
    Fifo,
    CharDevice(u64, u64),
    BlockDevice(u64, u64),
}

/// `size` bytes that begin with `first` and tell their place from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Content {
    pub first: u8,
    pub size: usize,
}

impl Content {
    pub(crate) fn new(first: u8, size: usize) -> Self {
        let first = if size == 0 { b'-' } else { first };
        Self { first, size }
    }

    pub(crate) fn bytes(self) -> Vec<u8> {
        (0..self.size)
            .map(|at| self.first.wrapping_add((at.wrapping_mul(31) >> 3) as u8))
            .collect()
    }

    /// The content that `bytes` are.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let content = Self::new(bytes.first().copied().unwrap_or_default(), bytes.len());
        assert!(content.bytes() == bytes, "the content of a file is spoilt");
        content
    }
}

impl Node {
    pub(crate) fn directory(mode: u32) -> Self {
        Self {
            mode,
            kind: Kind::Directory,
        }
    }
}

impl Tree {
    /// A root without entries.
    pub(crate) fn empty() -> Self {
        Self(BTreeMap::from([(Vec::new(), Node::directory(0o755))]))
    }

    /// The tree that `text` describes.
    #[track_caller]
    pub(crate) fn parse(text: &str) -> Self {
        let mut tree = Self::empty();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (path, node) = parse_line(line).unwrap_or_else(|| panic!("what is `{line}`?"));
            for (at, _) in path.iter().enumerate().filter(|(_, byte)| **byte == b'/') {
                tree.0
                    .entry(path[..at].to_vec())
                    .or_insert_with(|| Node::directory(0o755));
            }
            tree.0.insert(path, node);
        }
        tree
    }

    /// Makes the tree at `root`, an existing empty directory.
    pub(crate) fn make(&self, root: &Path) {
        let at = |path: &[u8]| root.join(OsStr::from_bytes(path));
        for (path, node) in &self.0 {
            node.make(&at(path), node.mode);
        }
        for (path, node) in &self.0 {
            if let Kind::HardLink(target) = &node.kind {
                fs::hard_link(at(target), at(path)).unwrap();
            }
        }
        // A directory gets its mode when all is in it.
        for (path, node) in self.0.iter().rev() {
            if node.kind == Kind::Directory {
                fs::set_permissions(at(path), Permissions::from_mode(node.mode)).unwrap();
            }
        }
    }

    /// The same with each hard link as a file of its own, and without times.
    pub(crate) fn as_packed(&self) -> Self {
        let mut packed = self.clone();
        for node in packed.0.values_mut() {
            if let Kind::HardLink(target) = &node.kind {
                *node = self.0[target].clone();
            }
            if let Kind::Regular { mtime, .. } = &mut node.kind {
                *mtime = 0;
            }
        }
        packed
    }

    /// The tree that the library has in `directory`, with the bytes of its files.
    pub(crate) fn of_directory(directory: &tree::Directory) -> Self {
        let mut tree = Self::empty();
        tree.push_directory(b"", directory);
        tree
    }

    fn push_directory(&mut self, path: &[u8], directory: &tree::Directory) {
        self.0
            .insert(path.to_vec(), Node::directory(directory.mode));
        for (name, node) in &directory.entries {
            let path = join(path, name);
            let (mode, kind) = match node {
                tree::Node::Directory(directory) => {
                    self.push_directory(&path, directory);
                    continue;
                }
                tree::Node::Regular(file) => {
                    let bytes = fs::read(&file.source).unwrap();
                    assert_eq!(bytes.len() as u64, file.size, "{}", file.source.display());
                    let content = Content::of(&bytes);
                    (file.mode, Kind::Regular { content, mtime: 0 })
                }
                tree::Node::Symlink(link) => (0, Kind::Symlink(link.target.clone())),
                tree::Node::Special(special) => (special.mode, Kind::of_special(special.kind)),
            };
            self.0.insert(path, Node { mode, kind });
        }
    }
}

impl Kind {
    pub(crate) fn of_special(kind: tree::SpecialKind) -> Self {
        match kind {
            tree::SpecialKind::Fifo => Self::Fifo,
            tree::SpecialKind::CharDevice { major, minor } => Self::CharDevice(major, minor),
            tree::SpecialKind::BlockDevice { major, minor } => Self::BlockDevice(major, minor),
        }
    }
}

impl Node {
    fn make(&self, path: &Path, mode: u32) {
        let special = |kind, major, minor| {
            mknod(path, kind, Mode::empty(), makedev(major, minor))
                .expect("device nodes are made by root");
            fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        };
        match &self.kind {
            Kind::HardLink(_) => {}
            Kind::Directory if path.is_dir() => {}
            Kind::Directory => fs::create_dir(path).unwrap(),
            Kind::Regular { content, mtime } => {
                let made = fs::write(path, content.bytes());
                made.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
                fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
                let time = SystemTime::UNIX_EPOCH + Duration::from_secs(*mtime);
                File::open(path).unwrap().set_modified(time).unwrap();
            }
            Kind::Symlink(target) => symlink(OsStr::from_bytes(target), path).unwrap(),
            Kind::Fifo => special(SFlag::S_IFIFO, 0, 0),
            Kind::CharDevice(major, minor) => special(SFlag::S_IFCHR, *major, *minor),
            Kind::BlockDevice(major, minor) => special(SFlag::S_IFBLK, *major, *minor),
        }
    }
}

/// `path/name`, or `name` in the root.
pub(crate) fn join(path: &[u8], name: &[u8]) -> Vec<u8> {
    if path.is_empty() {
        return name.to_vec();
    }
    [path, name].join(&b'/')
}

/// A directory that vanishes with the value, with `tree` made in it.
pub(crate) fn make(tree: &Tree) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    tree.make(directory.path());
    directory
}

/// The path and the node that a line describes; a hard link may lead anywhere.
pub(crate) fn parse_line(line: &str) -> Option<(Vec<u8>, Node)> {
    let (mode, line) = match line.split_once(' ') {
        Some((mode, rest)) if mode.bytes().all(|byte| byte.is_ascii_digit()) => {
            (u32::from_str_radix(mode, 8).ok(), rest)
        }
        _ => (None, line),
    };
    let words: Vec<&str> = line.split(' ').collect();
    let device = |numbers: &str| {
        let (major, minor) = numbers.split_once(':')?;
        Some((major.parse().ok()?, minor.parse().ok()?))
    };
    let content = |text: &str| {
        let (first, size) = text.split_once('*')?;
        Some(Content::new(*unescape(first)?.first()?, size.parse().ok()?))
    };
    let (path, mode, kind) = match words[..] {
        [path] => (
            path.strip_suffix('/')?,
            mode.unwrap_or(0o755),
            Kind::Directory,
        ),
        [path, "=", text] => {
            let content = content(text)?;
            let kind = Kind::Regular { content, mtime: 0 };
            (path, mode.unwrap_or(0o644), kind)
        }
        [path, "=", text, time] => {
            let content = content(text)?;
            let mtime = time.strip_prefix('@')?.parse().ok()?;
            let kind = Kind::Regular { content, mtime };
            (path, mode.unwrap_or(0o644), kind)
        }
        [path, "->", target] => (path, 0, Kind::Symlink(unescape(target)?)),
        [path, "=>", target] => (path, 0, Kind::HardLink(unescape(target)?)),
        [path, "fifo"] => (path, mode.unwrap_or(0o644), Kind::Fifo),
        [path, "char", numbers] => {
            let (major, minor) = device(numbers)?;
            (path, mode.unwrap_or(0o644), Kind::CharDevice(major, minor))
        }
        [path, "block", numbers] => {
            let (major, minor) = device(numbers)?;
            (path, mode.unwrap_or(0o644), Kind::BlockDevice(major, minor))
        }
        _ => return None,
    };
    Some((unescape(path)?, Node { mode, kind }))
}

fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut bytes = text.bytes();
    let mut plain = Vec::new();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            plain.push(byte);
            continue;
        }
        plain.push(match bytes.next()? {
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'x' => {
                let digits = [bytes.next()?, bytes.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            other => other,
        });
    }
    Some(plain)
}

pub(crate) fn escape(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string().replace(' ', "\\x20")
}

impl fmt::Display for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (path, node) in &self.0 {
            let path = escape(path);
            let mode = node.mode;
            match &node.kind {
                Kind::Directory => writeln!(f, "{mode:03o} {path}/")?,
                Kind::Regular { content, mtime } => {
                    let Content { first, size } = content;
                    let first = escape(&[*first]);
                    write!(f, "{mode:03o} {path} = {first}*{size}")?;
                    match mtime {
                        0 => writeln!(f)?,
                        time => writeln!(f, " @{time}")?,
                    }
                }
                Kind::Symlink(target) => writeln!(f, "{path} -> {}", escape(target))?,
                Kind::HardLink(target) => writeln!(f, "{path} => {}", escape(target))?,
                Kind::Fifo => writeln!(f, "{mode:03o} {path} fifo")?,
                Kind::CharDevice(major, minor) => {
                    writeln!(f, "{mode:03o} {path} char {major}:{minor}")?;
                }
                Kind::BlockDevice(major, minor) => {
                    writeln!(f, "{mode:03o} {path} block {major}:{minor}")?;
                }
            }
        }
        Ok(())
    }
}

/// In a failure, a tree stands as it can be written down.
impl fmt::Debug for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\n{self}")
    }
}

/// The path of entry `path` of a tree made at `root`.
pub(crate) fn on_disk(root: &Path, path: &[u8]) -> PathBuf {
    root.join(OsStr::from_bytes(path))
}
