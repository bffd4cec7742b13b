//! Merges store paths in one directory, as `mergeDrvs` does: what directories hold is copied, and
//! tar archives are unpacked. The file system itself is the tree that is merged into, so memory
//! does not grow with it; it is entered part by part, and never through a symlink.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, openat};
use nix::sys::stat::{Mode, mkdirat};
use nix::unistd::{UnlinkatFlags, linkat, symlinkat, unlinkat};
use thiserror::Error;

use crate::Surroundings;
use crate::archive::shown;
use crate::attrs::{Attrs, MergeDerivationsAttrs};
use crate::compress::{self, LimitError};
use crate::holes;
use crate::limits::Limits;
use crate::output::{self, OutputError};
use crate::scan::{self, Dirlinks, ScanError};
use crate::tar::read::{MemberKind, ReadError, Reader};
use crate::tree::{Directory, Node};

/// How many directories may lie within each other. No package comes near it, and with more than the
/// files that a process may have open, nothing could be removed again.
pub const MAX_DEPTH: usize = 256;

/// How much of a path a message shows, in bytes.
const MAX_SHOWN: usize = 300;

/// Nix lets a file keep no more of its mode than whether its owner may execute it.
const EXECUTABLE: u32 = 0o100;

/// Store paths could not be merged.
#[derive(Debug, Error)]
pub enum MergeDerivationsError {
    #[error(transparent)]
    Scan(#[from] ScanError),
    #[error("cannot read `{}`", item.display())]
    Open { item: PathBuf, source: io::Error },
    #[error(
        "`{}` is no directory, and no tar archive that can be unpacked",
        item.display()
    )]
    Tar { item: PathBuf, source: ReadError },
    #[error("`{}` has the sparse file `{name}`, whose holes are too large to be filled", item.display())]
    Holes {
        item: PathBuf,
        name: String,
        source: LimitError,
    },
    #[error("`{name}` of `{}` {what}", item.display())]
    Name {
        item: PathBuf,
        name: String,
        what: &'static str,
    },
    #[error("`{name}` of `{}` lies in more than {MAX_DEPTH} directories", item.display())]
    TooDeep { item: PathBuf, name: String },
    #[error(
        "`{name}` of `{}` is a device or a pipe, which no store path can hold; leave it out of the archive",
        item.display()
    )]
    Special { item: PathBuf, name: String },
    #[error(
        "`{name}` of `{}` is a hard link to `{target}`, which is no file that came before it",
        item.display()
    )]
    HardLink {
        item: PathBuf,
        name: String,
        target: String,
    },
    #[error(
        "`{name}` is {new} in `{}`, and {old} in what was merged before it; leave one of the two out",
        item.display()
    )]
    Clash {
        item: PathBuf,
        name: String,
        new: &'static str,
        old: &'static str,
    },
    #[error("cannot copy `{name}` of `{}` to `{}`", item.display(), out.display())]
    Copy {
        item: PathBuf,
        name: String,
        out: PathBuf,
        source: io::Error,
    },
    #[error(transparent)]
    Output(#[from] OutputError),
}

/// The parts of a path below the output, none of them empty, `.` or `..`.
type Parts<'a> = Vec<&'a [u8]>;

/// Merges the items that `attrs` name in their order; later ones win. With `onlyDeps`, writes down
/// their paths instead.
///
/// # Errors
/// When an item cannot be read, or does not fit those before it.
pub fn build(
    attrs: &Attrs<MergeDerivationsAttrs>,
    surroundings: &Surroundings,
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
    output::directory(&attrs.out, &surroundings.build_directory, |unfinished| {
        for item in items {
            let text = format!("merging `{}`", item.display());
            surroundings.progress.phase("merge", &text);
            let merge = Merge::new(item, &attrs.out, unfinished)?;
            if item.is_dir() {
                merge.copy()?;
            } else {
                merge.unpack(&attrs.limits)?;
            }
        }
        Ok(())
    })
}

/// The merge of one item into the output.
struct Merge<'a> {
    item: &'a Path,
    out: &'a Path,
    root: OwnedFd,
}

impl<'a> Merge<'a> {
    /// Merges into the directory `unfinished`, which will be `out`.
    fn new(
        item: &'a Path,
        out: &'a Path,
        unfinished: &Path,
    ) -> Result<Self, MergeDerivationsError> {
        let root = open_directory(AT_FDCWD, unfinished.as_os_str().as_bytes());
        let root = root.map_err(|errno| OutputError::Write {
            path: out.to_owned(),
            source: errno.into(),
        })?;
        Ok(Self { item, out, root })
    }

    /// Copies what the directory holds; nixpkgs' shell does not see what begins with a dot there.
    fn copy(&self) -> Result<(), MergeDerivationsError> {
        let mut directory = scan::scan(self.item, Dirlinks::Keep, 0)?;
        directory.entries.retain(|name, _| !name.starts_with(b"."));
        self.entries(&directory, &mut Parts::new())
    }

    fn entries<'d>(
        &self,
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
    fn unpack(&self, limits: &Limits) -> Result<(), MergeDerivationsError> {
        let item = || self.item.to_owned();
        let input = compress::open(self.item, limits);
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
                let checked = compress::check_growth(tar.next_header_at(), expanded, limits);
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
                MemberKind::HardLink => self.hard_link(&path, &self.parts(&member.link)?)?,
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

    /// Enters the directory of `path`, where nothing has its name any more.
    fn make_room<'p>(
        &self,
        path: &[&'p [u8]],
    ) -> Result<(OwnedFd, &'p [u8]), MergeDerivationsError> {
        let (name, above) = path.split_last().expect("a path has a name");
        let directory = self.directory(above)?;
        match unlinkat(&directory, *name, UnlinkatFlags::NoRemoveDir) {
            Ok(()) | Err(Errno::ENOENT) => Ok((directory, name)),
            Err(Errno::EISDIR) => Err(self.clash(path, "no directory", "one")),
            Err(errno) => Err(self.cannot_copy(path, errno.into())),
        }
    }

    fn file(
        &self,
        path: &[&[u8]],
        mode: u32,
        mut content: impl Read,
    ) -> Result<(), MergeDerivationsError> {
        let (directory, name) = self.make_room(path)?;
        let mode = if mode & EXECUTABLE == 0 { 0o644 } else { 0o755 };
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_CLOEXEC;
        let made = openat(&directory, name, flags, Mode::from_bits_truncate(mode));
        made.map_err(io::Error::from)
            .and_then(|file| holes::copy(&mut content, &File::from(file)))
            .map(drop)
            .map_err(|error| self.cannot_copy(path, error))
    }

    fn symlink(&self, path: &[&[u8]], target: &[u8]) -> Result<(), MergeDerivationsError> {
        let (directory, name) = self.make_room(path)?;
        symlinkat(target, &directory, name).map_err(|errno| self.cannot_copy(path, errno.into()))
    }

    /// Makes `path` another name of `target`, which has to be there and no directory. If it is a
    /// symlink, both are.
    fn hard_link(&self, path: &[&[u8]], target: &[&[u8]]) -> Result<(), MergeDerivationsError> {
        let wrong = || MergeDerivationsError::HardLink {
            item: self.item.to_owned(),
            name: joined(path),
            target: joined(target),
        };
        let (old, above) = target.split_last().ok_or_else(wrong)?;
        let source = self.directory(above)?;
        let (directory, new) = self.make_room(path)?;
        linkat(&source, *old, &directory, new, AtFlags::empty()).map_err(|errno| match errno {
            Errno::ENOENT | Errno::EPERM => wrong(),
            other => self.cannot_copy(path, other.into()),
        })
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
