//! Unpacks the merged tree of an image to a disk, with owners, modes, times, attributes and devices:
//! in a virtual machine only, as root, and into a directory that nobody else writes to. Every directory
//! on the way is one that was made here, so no link of the image can lead a write elsewhere.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, lchown, symlink};
use std::path::{Path, PathBuf};

use nix::fcntl::AT_FDCWD;
use nix::sys::stat::{Mode, SFlag, UtimensatFlags, makedev, mknod, utimensat};
use nix::sys::time::TimeSpec;
use thiserror::Error;

use crate::bytes::holes;
use crate::bytes::source::{Range, RangeReader};
use crate::rootfs::entry::{MergedKind, Metadata};
use crate::rootfs::merged::{MergedEntry, MergedTree, NodeId, SharedFile, Step};
use crate::rootfs::records::RecordsError;
use crate::tree::SpecialKind;

/// Attributes with this prefix are notes of overlayfs; those of a stranger's image would be taken for
/// the kernel's own.
const OF_THE_KERNEL: &[u8] = b"trusted.";

/// A tree could not be unpacked.
#[derive(Debug, Error)]
pub enum UnpackError {
    #[error("cannot unpack `{}` of the base image", path.display())]
    Unpack { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Records(#[from] RecordsError),
}

/// Unpacks `flat` to the directory `root`, which must not exist.
///
/// # Errors
/// When the disk is full, or does not take what the tree has.
pub fn unpack(flat: &MergedTree, root: &Path) -> Result<(), UnpackError> {
    let mut unpack = Unpack {
        flat,
        root,
        links: HashMap::new(),
    };
    for step in flat.walk() {
        match step? {
            Step::Entry(entry) => unpack.entry(entry)?,
            // Only now: it may forbid to write, and writing changes its time.
            Step::Left { directory, path } => {
                unpack.about(&flat.about(directory)?, &unpack.on_disk(&path), false)?;
            }
        }
    }
    Ok(())
}

struct Unpack<'a> {
    flat: &'a MergedTree,
    root: &'a Path,
    /// The first entry of a file with several.
    links: HashMap<SharedFile, NodeId>,
}

impl Unpack<'_> {
    /// Makes `entry`; a directory has yet to get its owner and what comes with it.
    fn entry(&mut self, entry: MergedEntry) -> Result<(), UnpackError> {
        let path = self.on_disk(&entry.path);
        match entry.kind {
            MergedKind::Directory => {
                let made = fs::DirBuilder::new().mode(0o700).create(&path);
                made.map_err(|source| self.error(&path, source))
            }
            MergedKind::File(range) => {
                if let Some(file) = entry.shared {
                    if let Some(first) = self.links.get(&file) {
                        let first = self.on_disk(&self.flat.path(*first)?);
                        let linked = fs::hard_link(first, &path);
                        return linked.map_err(|source| self.error(&path, source));
                    }
                    self.links.insert(file, entry.node);
                }
                write_file(range, &path).map_err(|source| self.error(&path, source))?;
                self.about(&entry.about, &path, false)
            }
            MergedKind::Symlink { target } => {
                let made = symlink(OsString::from_vec(target), &path);
                made.map_err(|source| self.error(&path, source))?;
                self.about(&entry.about, &path, true)
            }
            MergedKind::Special(kind) => {
                make_special(kind, &path).map_err(|errno| self.error(&path, errno.into()))?;
                self.about(&entry.about, &path, false)
            }
        }
    }

    /// Where the entry `path` of the tree is on the disk.
    fn on_disk(&self, path: &[u8]) -> PathBuf {
        if path.is_empty() {
            self.root.to_owned()
        } else {
            self.root.join(OsStr::from_bytes(path))
        }
    }

    /// Gives what stands at `path` its owner, mode, attributes and time, in the order in which none
    /// undoes another.
    fn about(&self, about: &Metadata, path: &Path, is_symlink: bool) -> Result<(), UnpackError> {
        let error = |source| self.error(path, source);
        lchown(path, Some(about.uid), Some(about.gid)).map_err(error)?;
        if !is_symlink {
            fs::set_permissions(path, Permissions::from_mode(about.mode)).map_err(error)?;
        }
        for (name, value) in &about.xattrs {
            if !name.starts_with(OF_THE_KERNEL) {
                xattr::set(path, OsStr::from_bytes(name), value).map_err(error)?;
            }
        }
        let seconds = i64::try_from(about.mtime).unwrap_or(i64::MAX);
        let time = TimeSpec::new(seconds, 0);
        utimensat(
            AT_FDCWD,
            path,
            &time,
            &time,
            UtimensatFlags::NoFollowSymlink,
        )
        .map_err(|errno| error(errno.into()))
    }

    fn in_image(&self, path: &Path) -> PathBuf {
        Path::new("/").join(path.strip_prefix(self.root).unwrap_or(path))
    }

    fn error(&self, path: &Path, source: io::Error) -> UnpackError {
        UnpackError::Unpack {
            path: self.in_image(path),
            source,
        }
    }
}

fn write_file(content: Range, path: &Path) -> io::Result<()> {
    let mut options = File::options();
    let file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    holes::copy(&mut RangeReader::new(content), &file).map(drop)
}

fn make_special(kind: SpecialKind, path: &Path) -> nix::Result<()> {
    let (kind, device) = match kind {
        SpecialKind::Fifo => (SFlag::S_IFIFO, 0),
        SpecialKind::CharDevice { major, minor } => (SFlag::S_IFCHR, makedev(major, minor)),
        SpecialKind::BlockDevice { major, minor } => (SFlag::S_IFBLK, makedev(major, minor)),
    };
    mknod(path, kind, Mode::S_IRUSR, device)
}
