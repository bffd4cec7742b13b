//! Reads a directory on disk into a [`Directory`], and lists the files of store paths.

use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use nix::sys::stat::{major, minor};
use thiserror::Error;

use crate::tree::{Directory, Node, Origin, Regular, Special, SpecialKind, Symlink};

/// A symlink's mode in every tar, whatever the file system says.
pub const SYMLINK_MODE: u32 = 0o777;

/// The bits of `st_mode` that a tar header keeps.
const MODE_BITS: u32 = 0o7777;

/// How many entries one layer may have. A symlink that leads back to its own directory makes
/// rsync copy the directory into itself up to 40 levels deep, and two such links would never
/// come to an end; this is where we stop, at about 1 GB of metadata.
pub const MAX_ENTRIES: usize = 4_000_000;

/// A file that goes into a layer could not be read.
#[derive(Debug, Error)]
pub enum ScanError {
    #[error("cannot list directory `{}`", path.display())]
    ReadDir { path: PathBuf, source: io::Error },
    #[error("cannot read `{}`", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("`{}` is not a directory", path.display())]
    NotADirectory { path: PathBuf },
    #[error(
        "more than {MAX_ENTRIES} entries at `{}`; a symlink there may lead back into its own directory",
        path.display()
    )]
    TooMany { path: PathBuf },
}

/// What to do with a symlink that leads to a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dirlinks {
    /// It stays a symlink.
    Keep,
    /// It becomes the directory it leads to, as rsync's `--copy-dirlinks` does it.
    Copy,
}

impl Dirlinks {
    /// What `keepContentsDirlinks` asks for.
    #[must_use]
    pub fn keep_if(keep: bool) -> Self {
        if keep { Self::Keep } else { Self::Copy }
    }
}

/// Reads everything under `dir`, which may itself be a symlink to a directory. Sockets are left
/// out, as GNU tar leaves them out.
///
/// # Errors
/// When something cannot be read, or there are more than [`MAX_ENTRIES`] entries.
pub fn scan(dir: &Path, dirlinks: Dirlinks, origin: Origin) -> Result<Directory, ScanError> {
    let read = |source| ScanError::Read {
        path: dir.to_owned(),
        source,
    };
    let real = fs::canonicalize(dir).map_err(read)?;
    let metadata = fs::metadata(&real).map_err(read)?;
    if !metadata.is_dir() {
        return Err(ScanError::NotADirectory {
            path: dir.to_owned(),
        });
    }
    Scan {
        dirlinks,
        origin,
        left: MAX_ENTRIES,
    }
    .directory(&Place::of(&real), &metadata)
}

/// One walk over a directory.
struct Scan {
    dirlinks: Dirlinks,
    origin: Origin,
    /// How many more entries may come.
    left: usize,
}

/// Where a walk is.
struct Place {
    /// Without symlinks on the way: the kernel counts those of a lookup twice when it has to
    /// begin anew, and so may refuse 21 of them one day and allow 40 the other.
    real: PathBuf,
    /// As rsync would come here: through every symlink that was followed.
    way: PathBuf,
}

impl Place {
    /// At `path`, with no symlink followed yet.
    fn of(path: &Path) -> Self {
        Self {
            real: path.to_owned(),
            way: path.to_owned(),
        }
    }

    fn join(&self, name: &OsStr) -> Self {
        Self {
            real: self.real.join(name),
            way: self.way.join(name),
        }
    }

    /// The directory that the symlink here leads to, if it does: a link that leads nowhere, or
    /// around in circles, stays a link, and so does one that more than 40 links lead to.
    fn follow(&self) -> Option<(Self, Metadata)> {
        let real = fs::canonicalize(&self.way).ok()?;
        let metadata = fs::metadata(&real).ok()?;
        let way = self.way.clone();
        metadata.is_dir().then_some((Self { real, way }, metadata))
    }
}

impl Scan {
    fn directory(&mut self, dir: &Place, metadata: &Metadata) -> Result<Directory, ScanError> {
        let read_dir = |source| ScanError::ReadDir {
            path: dir.real.clone(),
            source,
        };
        let mut directory = Directory::empty(mode(metadata), self.origin);
        for entry in fs::read_dir(&dir.real).map_err(read_dir)? {
            let entry = entry.map_err(read_dir)?;
            let place = dir.join(&entry.file_name());
            let left = self.left.checked_sub(1);
            self.left = left.ok_or_else(|| ScanError::TooMany {
                path: place.way.clone(),
            })?;
            if let Some(node) = self.node(&place)? {
                directory.entries.insert(entry.file_name().into_vec(), node);
            }
        }
        Ok(directory)
    }

    fn node(&mut self, place: &Place) -> Result<Option<Node>, ScanError> {
        let path = &place.real;
        let read = |source| ScanError::Read {
            path: path.to_owned(),
            source,
        };
        let metadata = fs::symlink_metadata(path).map_err(read)?;
        let origin = self.origin;
        let file_type = metadata.file_type();
        let node = if file_type.is_dir() {
            Node::Directory(self.directory(place, &metadata)?)
        } else if file_type.is_symlink() {
            let copied = match self.dirlinks {
                Dirlinks::Copy => place.follow(),
                Dirlinks::Keep => None,
            };
            if let Some((place, metadata)) = copied {
                return Ok(Some(Node::Directory(self.directory(&place, &metadata)?)));
            }
            let target = fs::read_link(path).map_err(read)?;
            Node::Symlink(Symlink {
                target: target.into_os_string().into_vec(),
                origin,
            })
        } else if file_type.is_file() {
            Node::Regular(Regular {
                mode: mode(&metadata),
                size: metadata.len(),
                mtime: metadata.mtime(),
                source: path.clone(),
                origin,
            })
        } else if file_type.is_socket() {
            return Ok(None);
        } else {
            Node::Special(Special {
                mode: mode(&metadata),
                kind: special_kind(&metadata),
                origin,
            })
        };
        Ok(Some(node))
    }
}

fn mode(metadata: &Metadata) -> u32 {
    metadata.mode() & MODE_BITS
}

fn special_kind(metadata: &Metadata) -> SpecialKind {
    let (major, minor) = (major(metadata.rdev()), minor(metadata.rdev()));
    let file_type = metadata.file_type();
    if file_type.is_char_device() {
        SpecialKind::CharDevice { major, minor }
    } else if file_type.is_block_device() {
        SpecialKind::BlockDevice { major, minor }
    } else {
        SpecialKind::Fifo
    }
}

/// Reads what stands at `path`, whatever it is; a symlink there is read, never followed.
/// `None` for a socket.
///
/// # Errors
/// As [`scan`].
pub fn scan_node(path: &Path) -> Result<Option<Node>, ScanError> {
    Scan {
        dirlinks: Dirlinks::Keep,
        origin: 0,
        left: MAX_ENTRIES,
    }
    .node(&Place::of(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With the real limit, this test would need a gigabyte.
    #[test]
    fn more_entries_than_the_limit_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        std::os::unix::fs::symlink(".", path.join("a")).unwrap();
        let mut scan = Scan {
            dirlinks: Dirlinks::Copy,
            origin: 0,
            left: 3,
        };
        let error = scan
            .directory(&Place::of(path), &fs::metadata(path).unwrap())
            .unwrap_err();
        let expected = format!(
            "more than 4000000 entries at `{}/a/a/a/a`; a symlink there may lead back into its own directory",
            path.display()
        );
        assert_eq!(error.to_string(), expected);
    }
}
