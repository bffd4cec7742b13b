//! Merges store paths in one directory, as `mergeDrvs` does: what directories hold is copied, and
//! tar archives are unpacked. The file system itself is the tree that is merged into, so memory
//! does not grow with it; it is entered part by part, and never through a symlink. Until Nix sets the times of all
//! files to one, the time of a file says which item it came from.

pub mod error;

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, openat};
use nix::sys::stat::{Mode, UtimensatFlags, mkdirat, utimensat};
use nix::sys::time::TimeSpec;
use nix::unistd::{UnlinkatFlags, linkat, symlinkat, unlinkat};
use serde::Deserialize;

use crate::build::context::Context;
use crate::build::output::{self, OutputError};
use crate::bytes::{decompress, holes};
use crate::commands::merge_derivations::error::MergeDerivationsError;
use crate::console::text::{printable_path, shown};
use crate::console::warnings::Warnings;
use crate::request::attrs::{Attrs, Section};
use crate::request::limits::Limits;
use crate::tar::read::{MemberKind, ReadError, Reader};
use crate::tree::hidden::{self, described};
use crate::tree::{Directory, Node, scan};

/// How many directories may lie within each other. No package comes near it, and with more than the
/// files that a process may have open, nothing could be removed again.
pub const MAX_DEPTH: usize = 256;

/// How much of a path a message shows, in bytes.
const MAX_SHOWN: usize = 300;

/// Nix lets a file keep no more of its mode than whether its owner may execute it.
const EXECUTABLE: u32 = 0o100;

/// What warnings are about.
const HIDDEN: &str =
    "files of `derivations` that are not in the output because later ones have their places";
const LEFT_OUT: &str = "names in `derivations` that begin with a dot";

/// The parts of a path below the output, none of them empty, `.` or `..`.
type Parts<'a> = Vec<&'a [u8]>;

/// Merges the items that `attrs` name in their order; later ones win. With `onlyDeps`, writes down
/// their paths instead.
///
/// # Errors
/// When an item cannot be read, or does not fit those before it.
pub fn build(
    attrs: &Attrs<MergeDerivationsAttrs>,
    context: &Context,
) -> Result<(), MergeDerivationsError> {
    let items = &attrs.ours.derivations;
    if attrs.ours.only_deps {
        let paths: Vec<_> = items
            .iter()
            .map(|item| item.as_os_str().as_bytes())
            .collect();
        let mut line = paths.join(&b' ');
        line.push(b'\n');
        return Ok(output::bytes(&attrs.out, &line)?);
    }
    output::directory(&attrs.out, &context.build_directory, |unfinished| {
        let mut warnings = Warnings::default();
        let merged = merge_all(items, attrs, unfinished, context, &mut warnings);
        warnings.tell(context.progress);
        merged
    })
}

fn merge_all(
    items: &[PathBuf],
    attrs: &Attrs<MergeDerivationsAttrs>,
    unfinished: &Path,
    context: &Context,
    warnings: &mut Warnings,
) -> Result<(), MergeDerivationsError> {
    for (index, item) in items.iter().enumerate() {
        let text = format!("merging `{}`", item.display());
        context.progress.phase("merge", &text);
        let mut merge = Merge {
            root: open_root(unfinished, &attrs.out)?,
            items,
            index,
            item,
            out: &attrs.out,
            unfinished,
            warnings,
        };
        if item.is_dir() {
            merge.copy()?;
        } else {
            merge.unpack(&attrs.limits)?;
        }
    }
    Ok(())
}

/// Opens the directory `unfinished`, which will be `out`.
fn open_root(unfinished: &Path, out: &Path) -> Result<OwnedFd, MergeDerivationsError> {
    let root = open_directory(AT_FDCWD, unfinished.as_os_str().as_bytes());
    root.map_err(|errno| {
        let path = out.to_owned();
        let source = errno.into();
        OutputError::Write { path, source }.into()
    })
}

/// The merge of one item into the output.
struct Merge<'a> {
    root: OwnedFd,
    items: &'a [PathBuf],
    /// The place of `item` among them.
    index: usize,
    item: &'a Path,
    out: &'a Path,
    /// Where `out` is now.
    unfinished: &'a Path,
    warnings: &'a mut Warnings,
}

/// What had the name of a new file.
struct Earlier {
    /// Which of the items it is from.
    index: usize,
    /// Where it leads, if it was a symlink.
    target: Option<PathBuf>,
    /// Its content, behind symlinks, if that is a file.
    content: Option<File>,
}

impl Merge<'_> {
    /// Copies what the directory holds; nixpkgs' shell does not see what begins with a dot there.
    fn copy(&mut self) -> Result<(), MergeDerivationsError> {
        let mut directory = scan::scan(self.item, 0)?;
        directory.entries.retain(|name, _| {
            let is_seen = !name.starts_with(b".");
            if !is_seen {
                self.warn_left_out(name);
            }
            is_seen
        });
        self.entries(&directory, &mut Parts::new())
    }

    fn warn_left_out(&mut self, name: &[u8]) {
        self.warnings.add(LEFT_OUT, || {
            format!(
                "{} is not in the output, since `mergeDrvs` passes over names that begin with a dot at the top of a \
                 directory; rename it, or copy it with `runCommand`",
                described(&self.item.join(OsStr::from_bytes(name)))
            )
        });
    }

    fn entries<'d>(
        &mut self,
        directory: &'d Directory,
        path: &mut Parts<'d>,
    ) -> Result<(), MergeDerivationsError> {
        for (name, node) in &directory.entries {
            path.push(name);
            match node {
                Node::Directory(directory) => {
                    self.directory(path)?;
                    self.entries(directory, path)?;
                }
                Node::Regular(file) => {
                    let content = File::open(&file.source);
                    let content = content.map_err(|error| self.cannot_copy(path, error))?;
                    self.file(path, file.mode, content)?;
                }
                Node::Symlink(link) => self.symlink(path, &link.target)?,
                Node::Special(_) => return Err(self.special(path)),
            }
            path.pop();
        }
        Ok(())
    }

    /// Unpacks the tar, whatever it is compressed with, as far as `limits` allow.
    fn unpack(&mut self, limits: &Limits) -> Result<(), MergeDerivationsError> {
        let item = || self.item.to_owned();
        let input = decompress::open(self.item, limits);
        let mut tar = Reader::new(input.map_err(|source| MergeDerivationsError::Open {
            item: item(),
            source,
        })?);
        let damaged = |source| MergeDerivationsError::Tar {
            item: item(),
            source,
        };
        let mut expanded: u64 = 0;
        while let Some(member) = tar.next_member().map_err(damaged)? {
            if member.sparse.is_some() {
                expanded = expanded.saturating_add(member.size);
                let checked = decompress::check_growth(tar.next_header_at(), expanded, limits);
                checked.map_err(|source| MergeDerivationsError::Holes {
                    item: item(),
                    name: shown(&member.name),
                    source,
                })?;
            }
            let path = self.parts(&member.name)?;
            match member.kind {
                MemberKind::Directory => drop(self.directory(&path)?),
                _ if path.is_empty() => return Err(self.name(&member.name, "names nothing")),
                MemberKind::Regular => self.file(&path, member.mode, tar.content(&member))?,
                MemberKind::Symlink => self.symlink(&path, &member.link)?,
                MemberKind::HardLink => {
                    let target = self.parts(&member.link)?;
                    self.hard_link(&path, &target)?;
                }
                MemberKind::CharDevice | MemberKind::BlockDevice | MemberKind::Fifo => {
                    return Err(self.special(&path));
                }
            }
        }
        // What is packed has its checksum at the end.
        let at = tar.next_header_at();
        io::copy(&mut tar.into_inner(), &mut io::sink())
            .map(drop)
            .map_err(|source| damaged(ReadError::Read { at, source }))
    }

    /// Splits a name of a tar. All programs take an absolute one as below where they unpack.
    fn parts<'n>(&self, name: &'n [u8]) -> Result<Parts<'n>, MergeDerivationsError> {
        let parts: Parts<'_> = name
            .split(|byte| *byte == b'/')
            .filter(|part| !matches!(*part, b"" | b"."))
            .collect();
        if parts.contains(&b"..".as_slice()) {
            return Err(self.name(name, "has a part `..`, and could lead out of the output"));
        }
        Ok(parts)
    }

    /// Enters the directory `path`, which is made where it is not there yet.
    fn directory(&self, path: &[&[u8]]) -> Result<OwnedFd, MergeDerivationsError> {
        if path.len() > MAX_DEPTH {
            return Err(MergeDerivationsError::TooDeep {
                item: self.item.to_owned(),
                name: joined(path),
            });
        }
        let own = self.root.try_clone();
        let mut directory = own.map_err(|error| self.cannot_copy(path, error))?;
        for (depth, part) in path.iter().enumerate() {
            let here = &path[..=depth];
            match mkdirat(&directory, *part, Mode::from_bits_truncate(0o755)) {
                Ok(()) | Err(Errno::EEXIST) => {}
                Err(errno) => return Err(self.cannot_copy(here, errno.into())),
            }
            directory = open_directory(&directory, part).map_err(|errno| match errno {
                Errno::ENOTDIR | Errno::ELOOP => self.clash(here, "a directory", "something else"),
                other => self.cannot_copy(here, other.into()),
            })?;
        }
        Ok(directory)
    }

    /// Enters the directory of `path`, where nothing has its name any more; and what had it.
    fn make_room<'p>(
        &self,
        path: &[&'p [u8]],
    ) -> Result<(OwnedFd, &'p [u8], Option<Earlier>), MergeDerivationsError> {
        let (name, above) = path.split_last().expect("a path has a name");
        let directory = self.directory(above)?;
        let earlier = self.earlier(path);
        match unlinkat(&directory, *name, UnlinkatFlags::NoRemoveDir) {
            Ok(()) | Err(Errno::ENOENT) => Ok((directory, name, earlier)),
            Err(Errno::EISDIR) => Err(self.clash(path, "no directory", "one")),
            Err(errno) => Err(self.cannot_copy(path, errno.into())),
        }
    }

    /// What is at `path`, to which no symlink leads.
    fn earlier(&self, path: &[&[u8]]) -> Option<Earlier> {
        let path = self.unfinished(path);
        let metadata = fs::symlink_metadata(&path).ok()?;
        Some(Earlier {
            index: usize::try_from(metadata.mtime()).unwrap_or_default(),
            target: fs::read_link(&path).ok(),
            content: open_file(&path),
        })
    }

    fn unfinished(&self, path: &[&[u8]]) -> PathBuf {
        self.unfinished.join(OsStr::from_bytes(&path.join(&b'/')))
    }

    fn file(
        &mut self,
        path: &[&[u8]],
        mode: u32,
        mut content: impl Read,
    ) -> Result<(), MergeDerivationsError> {
        let (directory, name, earlier) = self.make_room(path)?;
        let mode = if mode & EXECUTABLE == 0 { 0o644 } else { 0o755 };
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_CLOEXEC;
        let made = openat(&directory, name, flags, Mode::from_bits_truncate(mode));
        made.map_err(io::Error::from)
            .and_then(|file| holes::copy(&mut content, &File::from(file)))
            .map_err(|error| self.cannot_copy(path, error))?;
        self.made(path, &directory, name, earlier)
    }

    fn symlink(&mut self, path: &[&[u8]], target: &[u8]) -> Result<(), MergeDerivationsError> {
        let (directory, name, earlier) = self.make_room(path)?;
        symlinkat(target, &directory, name)
            .map_err(|errno| self.cannot_copy(path, errno.into()))?;
        self.made(path, &directory, name, earlier)
    }

    /// Makes `path` another name of `target`, which has to be there and no directory. If it is a
    /// symlink, both are.
    fn hard_link(&mut self, path: &[&[u8]], target: &[&[u8]]) -> Result<(), MergeDerivationsError> {
        let wrong = || MergeDerivationsError::HardLink {
            item: self.item.to_owned(),
            name: joined(path),
            target: joined(target),
        };
        let (old, above) = target.split_last().ok_or_else(wrong)?;
        let source = self.directory(above)?;
        let (directory, new, earlier) = self.make_room(path)?;
        linkat(&source, *old, &directory, new, AtFlags::empty()).map_err(|errno| match errno {
            Errno::ENOENT | Errno::EPERM => wrong(),
            other => self.cannot_copy(path, other.into()),
        })?;
        self.made(path, &directory, new, earlier)
    }

    /// Notes that `name` in `directory`, which is `path`, is from this item now, and warns if that is a loss.
    fn made(
        &mut self,
        path: &[&[u8]],
        directory: &OwnedFd,
        name: &[u8],
        earlier: Option<Earlier>,
    ) -> Result<(), MergeDerivationsError> {
        let index = TimeSpec::new(self.index.try_into().unwrap_or_default(), 0);
        utimensat(
            directory,
            name,
            &index,
            &index,
            UtimensatFlags::NoFollowSymlink,
        )
        .map_err(|errno| self.cannot_copy(path, errno.into()))?;
        let Some(earlier) = earlier else {
            return Ok(());
        };
        let index = earlier.index;
        if !earlier.matches(&self.unfinished(path)) {
            let place = joined(path);
            let [earlier, later] = [index, self.index].map(|index| self.place(index, path));
            self.warnings.add(HIDDEN, || {
                format!(
                    "{earlier} is not in the output: `{place}` there is {later}, since the later of `derivations` wins; change \
                     their order, or leave one of the two out"
                )
            });
        }
        Ok(())
    }

    /// What the item of the number `index` has at `path`.
    fn place(&self, index: usize, path: &[&[u8]]) -> String {
        let item = self.items.get(index).map_or(self.item, PathBuf::as_path);
        if item.is_dir() {
            let path = item.join(OsStr::from_bytes(&path.join(&b'/')));
            return format!("`{}`", printable_path(&path));
        }
        format!("`{}` of `{}`", joined(path), printable_path(item))
    }

    fn name(&self, name: &[u8], what: &'static str) -> MergeDerivationsError {
        MergeDerivationsError::Name {
            item: self.item.to_owned(),
            name: shown(name),
            what,
        }
    }

    fn special(&self, path: &[&[u8]]) -> MergeDerivationsError {
        MergeDerivationsError::Special {
            item: self.item.to_owned(),
            name: joined(path),
        }
    }

    fn clash(&self, path: &[&[u8]], new: &'static str, old: &'static str) -> MergeDerivationsError {
        MergeDerivationsError::Clash {
            item: self.item.to_owned(),
            name: joined(path),
            new,
            old,
        }
    }

    fn cannot_copy(&self, path: &[&[u8]], source: io::Error) -> MergeDerivationsError {
        MergeDerivationsError::Copy {
            item: self.item.to_owned(),
            name: joined(path),
            out: self.out.to_owned(),
            source,
        }
    }
}

impl Earlier {
    /// Whether what is at `path` now has the same target or content.
    fn matches(self, path: &Path) -> bool {
        let target = fs::read_link(path).ok();
        if target.is_some() && target == self.target {
            return true;
        }
        let (Some(earlier), Some(later)) = (self.content, open_file(path)) else {
            return false;
        };
        let size = |file: &File| file.metadata().map(|metadata| metadata.len()).ok();
        size(&earlier) == size(&later) && hidden::same_bytes(earlier, later).unwrap_or(false)
    }
}

/// Opens what is at `path`, behind symlinks, if it is a file.
fn open_file(path: &Path) -> Option<File> {
    let is_file = fs::metadata(path).is_ok_and(|metadata| metadata.is_file());
    is_file.then(|| File::open(path).ok()).flatten()
}

/// Opens the directory `name` in `directory`; what is only a symlink to one is none.
fn open_directory(directory: impl AsFd, name: &[u8]) -> nix::Result<OwnedFd> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    openat(directory, name, flags, Mode::empty())
}

/// A path as a message shows it: the beginning, if it is beyond measure.
fn joined(path: &[&[u8]]) -> String {
    let whole = path.join(&b'/');
    match whole.get(..MAX_SHOWN) {
        Some(beginning) => format!("{}...", shown(beginning)),
        None => shown(&whole),
    }
}

/// Store paths to merge in one directory, as `mergeDrvs` asks for it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "a set")]
pub struct MergeDerivationsAttrs {
    /// Directories and tar archives.
    pub derivations: Vec<PathBuf>,
    /// Write down the paths instead.
    pub only_deps: bool,
}

impl Section for MergeDerivationsAttrs {
    const KEY: &'static str = "mergeDerivations";
}
