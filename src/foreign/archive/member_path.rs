//! The names of members as places in an archive, and the files that they lead to.

use std::collections::BTreeMap;

use crate::console::text::shown;
use crate::foreign::archive::Archive;
use crate::foreign::archive::ArchiveFile;
use crate::foreign::archive::ArchiveMember;
use crate::foreign::archive::error::ArchiveError;
use crate::tar::read::MAX_NAME;

/// How deep a member may lie.
pub const MAX_DEPTH: usize = 16;

/// How many links may lead from one member to the next.
const MAX_LINKS: usize = 8;

/// The parts of a member's name, which make its place: members sort by them as GNU tar sorts
/// files with `--sort=name`.
pub type MemberPath = Vec<Vec<u8>>;

/// Where the symlink `link` to `target` leads; none if that is out of the archive.
fn target_of(link: &[Vec<u8>], target: &[u8]) -> Option<MemberPath> {
    let mut at = link.to_vec();
    at.pop();
    if target.starts_with(b"/") {
        return None;
    }
    for part in target.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => {
                at.pop()?;
            }
            name => at.push(name.to_vec()),
        }
    }
    Some(at)
}

/// The member that `name` is or leads to; `link` tells where a symlink leads. None if there is none, or it is
/// more than [`MAX_LINKS`] away.
pub(crate) fn follow<M>(
    members: &BTreeMap<MemberPath, M>,
    name: MemberPath,
    link: impl Fn(&M) -> Option<&[u8]>,
) -> Option<(MemberPath, &M)> {
    let mut path = name;
    for _ in 0..MAX_LINKS {
        let member = members.get(&path)?;
        match link(member) {
            None => return Some((path, member)),
            Some(target) => path = target_of(&path, target)?,
        }
    }
    None
}

/// The name that would be a directory and something else once the member `name`, which is a
/// directory or not, joins `members`: its own, or that of a directory it lies in.
pub fn two_kinds<'a, M>(
    members: &BTreeMap<MemberPath, M>,
    is_other: impl Fn(&M) -> bool,
    name: &'a [Vec<u8>],
    is_directory: bool,
) -> Option<&'a [Vec<u8>]> {
    let above = (1..name.len())
        .map(|length| &name[..length])
        .find(|above| members.get(*above).is_some_and(&is_other));
    if above.is_some() {
        return above;
    }
    let mut from_here = members.range(name.to_vec()..).peekable();
    let was_other = from_here
        .next_if(|(other, _)| *other == name)
        .map(|(_, member)| is_other(member));
    let holds_others = from_here
        .peek()
        .is_some_and(|(next, _)| next.starts_with(name));
    let clashes = was_other.is_some_and(|was_other| was_other == is_directory)
        || (holds_others && !is_directory);
    clashes.then_some(name)
}

/// A member's name as a document would have it.
pub(crate) fn text_of(name: &MemberPath) -> String {
    String::from_utf8_lossy(&name.join(&b'/')).into_owned()
}

impl Archive {
    /// Splits a member's name, which must stay within the archive, into its parts. `.` and empty
    /// parts count for nothing.
    ///
    /// # Errors
    /// When the name is absolute, has a part `..`, or is too deep.
    pub fn member_path(&self, name: &[u8]) -> Result<MemberPath, ArchiveError> {
        if name.len() > MAX_NAME {
            return Err(self.refused(name, "is longer than any of Linux"));
        }
        if name.starts_with(b"/") {
            return Err(self.refused(name, "is absolute"));
        }
        let parts: MemberPath = name
            .split(|byte| *byte == b'/')
            .filter(|part| !matches!(*part, b"" | b"."))
            .map(<[u8]>::to_vec)
            .collect();
        if parts.iter().any(|part| part == b"..") {
            return Err(self.refused(name, "has a part `..`"));
        }
        self.refuse_too_deep(&parts)?;
        Ok(parts)
    }

    pub(crate) fn refuse_too_deep(&self, name: &MemberPath) -> Result<(), ArchiveError> {
        if name.len() <= MAX_DEPTH {
            return Ok(());
        }
        Err(ArchiveError::TooDeep {
            path: self.path.clone(),
            name: shown(&name.join(&b'/')),
        })
    }

    fn refused(&self, name: &[u8], what: &'static str) -> ArchiveError {
        ArchiveError::Name {
            path: self.path.clone(),
            name: shown(name),
            what,
        }
    }

    /// The file that `name` is or leads to.
    ///
    /// # Errors
    /// When there is none, or the name leads out of the archive. `needed_by` says in a message who
    /// asked for it.
    pub fn file(&self, name: &str, needed_by: &'static str) -> Result<&ArchiveFile, ArchiveError> {
        self.trail(name, needed_by).map(|(_, file)| file)
    }

    /// The same, with the names of all members on the way, that of the file last.
    ///
    /// # Errors
    /// As [`Self::file`].
    pub fn trail(
        &self,
        name: &str,
        needed_by: &'static str,
    ) -> Result<(Vec<MemberPath>, &ArchiveFile), ArchiveError> {
        let mut trail = Vec::new();
        let mut path = self.member_path(name.as_bytes())?;
        for _ in 0..MAX_LINKS {
            trail.push(path.clone());
            match self.members.get(&path) {
                Some(ArchiveMember::File(file)) => return Ok((trail, file)),
                Some(ArchiveMember::Symlink { target }) => {
                    path = self.target_path(path, target)?;
                }
                _ => break,
            }
        }
        Err(ArchiveError::Missing {
            path: self.path.clone(),
            name: shown(name.as_bytes()),
            needed_by,
        })
    }

    /// Where the symlink `link` leads.
    fn target_path(&self, link: MemberPath, target: &[u8]) -> Result<MemberPath, ArchiveError> {
        target_of(&link, target).ok_or_else(|| ArchiveError::Leaves {
            path: self.path.clone(),
            name: shown(&link.join(&b'/')),
            target: shown(target),
        })
    }
}
