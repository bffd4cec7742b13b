//! Writes a tree to the disk.

use std::fs::{self, File, FileTimes, Permissions};
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use nix::fcntl::AT_FDCWD;
use nix::sys::stat::{FchmodatFlags, Mode, SFlag, fchmodat, makedev, mknod};
use thiserror::Error;

use crate::tree::{Directory, Node, Regular, Special, SpecialKind};

/// A tree could not be written to the disk.
#[derive(Debug, Error)]
pub enum MaterialiseError {
    #[error("cannot copy `{}` to `{}`, where a script is to find it", from.display(), to.display())]
    Copy {
        from: PathBuf,
        to: PathBuf,
        source: io::Error,
    },
    #[error("cannot make `{}` for a script", path.display())]
    Make { path: PathBuf, source: io::Error },
}

/// Copies `tree` to `root`, which must not exist. Modes and times are those of the tree.
///
/// # Errors
/// When something cannot be copied.
pub fn materialise(tree: &Directory, root: &Path) -> Result<(), MaterialiseError> {
    make_directory(tree, root)
}

fn make_directory(directory: &Directory, path: &Path) -> Result<(), MaterialiseError> {
    let make = |source| MaterialiseError::Make {
        path: path.to_owned(),
        source,
    };
    fs::DirBuilder::new()
        .mode(0o700)
        .create(path)
        .map_err(make)?;
    for (name, node) in &directory.entries {
        let path = path.join(std::ffi::OsString::from_vec(name.clone()));
        match node {
            Node::Directory(directory) => make_directory(directory, &path)?,
            Node::Regular(file) => copy(file, &path)?,
            Node::Symlink(link) => {
                let target = std::ffi::OsString::from_vec(link.target.clone());
                std::os::unix::fs::symlink(target, &path).map_err(|source| {
                    MaterialiseError::Make {
                        path: path.clone(),
                        source,
                    }
                })?;
            }
            Node::Special(special) => {
                make_special(special, &path).map_err(|errno| MaterialiseError::Make {
                    path,
                    source: errno.into(),
                })?;
            }
        }
    }
    // Only now: it may forbid to write.
    fs::set_permissions(path, Permissions::from_mode(directory.mode)).map_err(make)
}

/// Makes a pipe or a device, as rsync does in nixpkgs; devices only root can make.
fn make_special(special: &Special, path: &Path) -> nix::Result<()> {
    let (kind, device) = match special.kind {
        SpecialKind::Fifo => (SFlag::S_IFIFO, 0),
        SpecialKind::CharDevice { major, minor } => (SFlag::S_IFCHR, makedev(major, minor)),
        SpecialKind::BlockDevice { major, minor } => (SFlag::S_IFBLK, makedev(major, minor)),
    };
    mknod(path, kind, Mode::S_IRUSR, device)?;
    let mode = Mode::from_bits_truncate(special.mode);
    fchmodat(AT_FDCWD, path, mode, FchmodatFlags::FollowSymlink)
}

fn copy(file: &Regular, to: &Path) -> Result<(), MaterialiseError> {
    let copy = |source| MaterialiseError::Copy {
        from: file.source.clone(),
        to: to.to_owned(),
        source,
    };
    let mut from = File::open(&file.source).map_err(copy)?;
    let mut options = File::options();
    let mut into = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(to)
        .map_err(copy)?;
    io::copy(&mut from, &mut into).map_err(copy)?;
    into.set_permissions(Permissions::from_mode(file.mode))
        .map_err(copy)?;
    let seconds = Duration::from_secs(file.mtime.unsigned_abs());
    let modified = if file.mtime < 0 {
        SystemTime::UNIX_EPOCH - seconds
    } else {
        SystemTime::UNIX_EPOCH + seconds
    };
    into.set_times(FileTimes::new().set_modified(modified))
        .map_err(copy)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileTypeExt;

    use super::*;

    /// As rsync does in nixpkgs.
    #[test]
    fn a_pipe_is_there_for_scripts() {
        let mut tree = Directory::empty(0o755, 0);
        let pipe = Special {
            mode: 0o622,
            kind: SpecialKind::Fifo,
            origin: 0,
        };
        tree.entries.insert(b"pipe".to_vec(), Node::Special(pipe));
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("root");
        materialise(&tree, &root).unwrap();
        let metadata = fs::symlink_metadata(root.join("pipe")).unwrap();
        assert!(metadata.file_type().is_fifo());
        assert_eq!(metadata.permissions().mode() & 0o7777, 0o622);
    }
}
