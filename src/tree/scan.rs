//! Reads a directory on disk into a [`Directory`], and lists the files of store paths.

use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nix::sys::stat::{major, minor};
use thiserror::Error;

use crate::tree::follow::{Follow, Lead, MAX_LINKS, MAX_PATH, TooManyCopies};
use crate::tree::{Directory, Node, Origin, Regular, Special, SpecialKind, Symlink};

/// A symlink's mode in every tar, whatever the file system says.
pub const SYMLINK_MODE: u32 = 0o777;

/// The bits of `st_mode` that a tar header keeps.
const MODE_BITS: u32 = 0o7777;

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
        "cannot follow the symlink `{}` to the directory `{}` once more: such symlinks have made {max} copies \
         of files and directories that the layer has already; take the symlink out, or keep symlinks with `keepContentsDirlinks = true`, or allow more copies by \
         `dockerToolsLimits.maxLinkCopies`",
        link.display(), target.display()
    )]
    TooManyCopies {
        link: PathBuf,
        target: PathBuf,
        max: usize,
    },
    #[error(
        "cannot follow the symlink `{}` to the directory `{}` once more: what is in it would have a path of more than \
         {MAX_PATH} bytes in the layer, which no system can open; take the symlink out, or keep symlinks with \
         `keepContentsDirlinks = true`",
        link.display(), target.display()
    )]
    TooLong { link: PathBuf, target: PathBuf },
}

/// Reads everything under `dir`, which may itself be a symlink to a directory. Symlinks in it stay symlinks.
/// Sockets are left out, as GNU tar leaves them out.
///
/// # Errors
/// When something cannot be read.
pub fn scan(dir: &Path, origin: Origin) -> Result<Directory, ScanError> {
    let (place, metadata) = begin(dir)?;
    let follow = None;
    Scan { follow, origin }.directory(&place, &metadata)
}

/// Reads everything under `dir` as [`scan`] does, but each symlink that leads to a directory becomes that
/// directory, as rsync's `--copy-dirlinks` has it. A link that leads nowhere, or around in circles, stays a link,
/// and so does one behind more than 40 links.
///
/// # Errors
/// When something cannot be read, or symlinks make more copies than `follow` allows, or paths that nobody could
/// open.
pub fn scan_following(
    dir: &Path,
    origin: Origin,
    follow: &mut Follow,
) -> Result<Directory, ScanError> {
    let (place, metadata) = begin(dir)?;
    let follow = Some(follow);
    Scan { follow, origin }.directory(&place, &metadata)
}

fn begin(dir: &Path) -> Result<(Place, Metadata), ScanError> {
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
    Ok((Place::of(real), metadata))
}

/// One walk over a directory.
struct Scan<'a> {
    /// If symlinks are followed.
    follow: Option<&'a mut Follow>,
    origin: Origin,
}

/// Where a walk is.
struct Place {
    /// Without symlinks on the way.
    real: PathBuf,
    /// How many bytes the path has below the directory that is scanned, as it was walked.
    length: usize,
    /// How many symlinks are on that way.
    links: u32,
    /// The link that was followed last, and where it leads.
    followed: Option<Arc<(PathBuf, PathBuf)>>,
}

impl Place {
    /// At `real`, with no symlink followed yet.
    fn of(real: PathBuf) -> Self {
        Self {
            real,
            length: 0,
            links: 0,
            followed: None,
        }
    }

    fn join(&self, name: &OsStr) -> Self {
        Self {
            real: self.real.join(name),
            length: self.length + usize::from(self.length > 0) + name.len(),
            links: self.links,
            followed: self.followed.clone(),
        }
    }

    /// The directory that `lead` says, at the end of the symlink here.
    fn through(&self, lead: &Lead) -> Self {
        Self {
            real: lead.real.clone(),
            length: self.length,
            links: self.links + lead.links,
            followed: Some(Arc::new((self.real.clone(), lead.real.clone()))),
        }
    }

    /// The link that was followed last, and where it leads, for messages.
    fn last_followed(&self) -> (PathBuf, PathBuf) {
        match self.followed.as_deref() {
            Some((link, target)) => (link.clone(), target.clone()),
            None => (self.real.clone(), self.real.clone()),
        }
    }
}

impl Scan<'_> {
    fn directory(&mut self, dir: &Place, metadata: &Metadata) -> Result<Directory, ScanError> {
        let entered = self.follow.as_mut().map(|follow| follow.enter(metadata));
        let read_dir = |source| ScanError::ReadDir {
            path: dir.real.clone(),
            source,
        };
        let mut directory = Directory::empty(mode(metadata), self.origin);
        for entry in fs::read_dir(&dir.real).map_err(read_dir)? {
            let name = entry.map_err(read_dir)?.file_name();
            let place = dir.join(&name);
            self.check(&place)?;
            if let Some(node) = self.node(&place)? {
                directory.entries.insert(name.into_vec(), node);
            }
        }
        if let (Some(follow), Some(entered)) = (self.follow.as_mut(), entered) {
            follow.leave(entered);
        }
        Ok(directory)
    }

    /// Counts the entry at `place`, of which there may be too many when symlinks are followed.
    fn check(&mut self, place: &Place) -> Result<(), ScanError> {
        let Some(follow) = &mut self.follow else {
            return Ok(());
        };
        if place.followed.is_some() && place.length > MAX_PATH {
            let (link, target) = place.last_followed();
            return Err(ScanError::TooLong { link, target });
        }
        follow.count().map_err(|TooManyCopies { max }| {
            let (link, target) = place.last_followed();
            ScanError::TooManyCopies { link, target, max }
        })
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
            if let Some(directory) = self.directory_behind(place)? {
                return Ok(Some(Node::Directory(directory)));
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

    /// The directory that the symlink at `place` leads to, if symlinks are followed and it leads to one.
    fn directory_behind(&mut self, place: &Place) -> Result<Option<Directory>, ScanError> {
        let Some(follow) = self.follow.as_mut() else {
            return Ok(None);
        };
        let lead = follow.lead(&place.real);
        let Some(lead) = lead.filter(|lead| place.links + lead.links <= MAX_LINKS) else {
            return Ok(None);
        };
        let origin = self.origin;
        let directory = follow.through(&place.real, &lead, |follow| {
            let follow = Some(follow);
            Scan { follow, origin }.directory(&place.through(&lead), &lead.metadata)
        });
        directory.map(Some)
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
    let follow = None;
    Scan { follow, origin: 0 }.node(&Place::of(path.to_owned()))
}
