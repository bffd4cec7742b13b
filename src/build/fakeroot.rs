//! Reads the state that fakeroot saves (`fakeroot -s FILE`): owner, mode and kind of every file that
//! a script has changed, as the script believes them to be. A static program sees nothing of
//! fakeroot's preloaded library, so this is how we learn what it pretended.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use nix::sys::stat::{major, minor};
use thiserror::Error;

use crate::tar::owner::Owner;
use crate::tar::plan::{Entry, Kind};
use crate::tree::SpecialKind;

/// What fakeroot pretends, by device and inode.
#[derive(Debug, Default)]
pub struct State {
    files: HashMap<(u64, u64), Pretence>,
}

#[derive(Debug, Clone, Copy)]
struct Pretence {
    mode: u32,
    uid: u64,
    gid: u64,
    rdev: u64,
}

/// The saved state is missing or not what fakeroot writes.
#[derive(Debug, Error)]
pub enum StateError {
    #[error("cannot read `{}`, which fakeroot writes when the script has ended", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("`{}` has the line `{line}`, which is not fakeroot's", path.display())]
    Line { path: PathBuf, line: String },
    #[error("cannot look at `{}`", path.display())]
    File { path: PathBuf, source: io::Error },
}

const TYPE: u32 = 0o170_000;
const CHAR_DEVICE: u32 = 0o020_000;
const BLOCK_DEVICE: u32 = 0o060_000;
const FIFO: u32 = 0o010_000;
const MODE_BITS: u32 = 0o7777;

impl State {
    /// Reads the file `path`.
    ///
    /// # Errors
    /// When it cannot be read or parsed.
    pub fn read(path: &Path) -> Result<Self, StateError> {
        let text = fs::read_to_string(path).map_err(|source| StateError::Read {
            path: path.to_owned(),
            source,
        })?;
        let files = text.lines().map(|line| {
            parse_line(line).ok_or_else(|| StateError::Line {
                path: path.to_owned(),
                line: line.to_owned(),
            })
        });
        Ok(Self {
            files: files.collect::<Result<_, _>>()?,
        })
    }

    /// Gives `entries`, planned from the directory `root`, the owners, modes and kinds that the
    /// script gave them. What it did not touch belongs to root.
    ///
    /// # Errors
    /// When a file has gone.
    pub fn apply(&self, root: &Path, entries: &mut [Entry]) -> Result<(), StateError> {
        for entry in entries {
            let path = root.join(OsStr::from_bytes(&entry.name));
            let metadata = fs::symlink_metadata(&path).map_err(|source| StateError::File {
                path: path.clone(),
                source,
            })?;
            if let Some(pretence) = self.files.get(&(metadata.dev(), metadata.ino())) {
                pretence.apply(entry);
            }
        }
        Ok(())
    }
}

impl Pretence {
    fn apply(self, entry: &mut Entry) {
        entry.owner = Arc::new(Owner::numeric(self.uid, self.gid));
        if !matches!(entry.kind, Kind::Symlink { .. }) {
            entry.mode = self.mode & MODE_BITS;
        }
        let (major, minor) = (major(self.rdev), minor(self.rdev));
        let kind = match self.mode & TYPE {
            CHAR_DEVICE => SpecialKind::CharDevice { major, minor },
            BLOCK_DEVICE => SpecialKind::BlockDevice { major, minor },
            FIFO => SpecialKind::Fifo,
            _ => return,
        };
        entry.kind = Kind::Special(kind);
    }
}

/// `dev=fe00,ino=7,mode=100644,uid=5,gid=6,nlink=1,rdev=0`: numbers are hexadecimal, decimal, octal
/// and then decimal.
fn parse_line(line: &str) -> Option<((u64, u64), Pretence)> {
    let fields: HashMap<&str, &str> = line
        .split(',')
        .map(|field| field.split_once('='))
        .collect::<Option<_>>()?;
    let number = |name, radix| u64::from_str_radix(fields.get(name)?, radix).ok();
    let key = (number("dev", 16)?, number("ino", 10)?);
    let pretence = Pretence {
        mode: u32::try_from(number("mode", 8)?).ok()?,
        uid: number("uid", 10)?,
        gid: number("gid", 10)?,
        rdev: number("rdev", 10)?,
    };
    Some((key, pretence))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_gives_owner_mode_and_device() {
        let (key, file) =
            parse_line("dev=fe00,ino=10224146,mode=20644,uid=5,gid=6,nlink=1,rdev=259").unwrap();
        assert_eq!(key, (0xfe00, 10_224_146));
        assert_eq!((file.mode, file.uid, file.gid), (0o20644, 5, 6));
        assert_eq!((major(file.rdev), minor(file.rdev)), (1, 3));
    }

    #[test]
    fn another_line_is_refused() {
        assert!(parse_line("dev=fe00,ino=x,mode=20644,uid=5,gid=6,nlink=1,rdev=0").is_none());
        assert!(parse_line("").is_none());
    }
}
