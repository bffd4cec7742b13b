//! Takes members into an archive, one by one, as they come.

use std::io::Read;
use std::sync::Arc;

use crate::bytes::decompress;
use crate::bytes::skip::Skip;
use crate::bytes::source::{Range, Source};
use crate::console::text::shown;
use crate::foreign::archive::Archive;
use crate::foreign::archive::ArchiveFile;
use crate::foreign::archive::ArchiveMember;
use crate::foreign::archive::Place;
use crate::foreign::archive::error::ArchiveError;
use crate::foreign::archive::member_path::MemberPath;
use crate::foreign::archive::member_path::two_kinds;
use crate::foreign::archive::visitor::Visitor;
use crate::tar::owner::Owner;
use crate::tar::read::{Member, MemberKind, Reader};

/// How many parts the sparse files of an archive may have together: each takes memory, and one file may have as
/// many (see [`MAX_EXTENSION`](crate::tar::read::MAX_EXTENSION)).
pub const MAX_PARTS: usize = 1 << 18;

/// Who owns a member, as its header has it.
fn owner(member: &Member) -> Owner {
    let text = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
    Owner {
        uid: member.uid,
        gid: member.gid,
        uname: text(&member.uname),
        gname: text(&member.gname),
    }
}

impl Archive {
    /// The next member; none behind what is wrong.
    pub(crate) fn next(
        &mut self,
        reader: &mut Reader<impl Skip>,
        visitor: &mut impl Visitor,
    ) -> Result<Option<Member>, ArchiveError> {
        let member = reader.next_member().map_err(|source| ArchiveError::Tar {
            path: self.path.clone(),
            source,
        });
        let counted = member.and_then(|member| {
            if let Some(member) = &member {
                let parts = member.name.split(|byte| *byte == b'/');
                let names = [&member.name, &member.link, &member.uname, &member.gname];
                let bytes = names.iter().map(|name| name.len()).sum();
                self.count(parts.filter(|part| !part.is_empty()).count(), bytes)?;
                self.count_sparse(member, reader.next_header_at())?;
            }
            Ok(member)
        });
        counted.or_else(|error| visitor.wrong(error).map(|()| None))
    }

    /// Counts a member whose name has so many `parts`, and `bytes` with what else of it is kept.
    pub(crate) fn count(&mut self, parts: usize, bytes: usize) -> Result<(), ArchiveError> {
        self.met += parts.max(1);
        self.name_bytes += bytes as u64;
        let path = || self.path.clone();
        let (max, max_names) = (self.limits.max_members, self.limits.max_names);
        if self.met > max {
            return Err(ArchiveError::TooMany { path: path(), max });
        }
        if self.name_bytes > max_names {
            let max = max_names;
            return Err(ArchiveError::TooManyNames { path: path(), max });
        }
        Ok(())
    }

    /// Counts what `member` needs if it is a sparse file. The archive has `read` bytes up to its end.
    fn count_sparse(&mut self, member: &Member, read: u64) -> Result<(), ArchiveError> {
        let Some(map) = &member.sparse else {
            return Ok(());
        };
        self.parts += map.parts();
        if self.parts > MAX_PARTS {
            return Err(ArchiveError::TooManyParts {
                path: self.path.clone(),
            });
        }
        self.expanded = self.expanded.saturating_add(member.size);
        let checked = decompress::check_growth(read, self.expanded, &self.limits);
        checked.map_err(|source| ArchiveError::Holes {
            path: self.path.clone(),
            name: shown(&member.name),
            source,
        })
    }

    /// Shows `content`, `size` bytes of the regular member `name`, to `visitor`, and keeps it if it may be
    /// a document.
    pub(crate) fn visit(
        &mut self,
        name: &MemberPath,
        place: Place,
        size: u64,
        mut content: impl Read,
        visitor: &mut impl Visitor,
    ) -> Result<(), ArchiveError> {
        let mut start = Vec::new();
        if let Err(source) = content.by_ref().take(1).read_to_end(&mut start) {
            return visitor.wrong(self.read_error(source));
        }
        let is_document = matches!(*start, [b'{' | b'[' | b'n' | b' ' | b'\t' | b'\n' | b'\r']);
        let max = self.limits.max_json;
        if !is_document || !self.documents.make_room(size, max) {
            return visitor.content(name, place, &mut start.as_slice().chain(content));
        }
        if let Err(source) = content.read_to_end(&mut start) {
            return visitor.wrong(self.read_error(source));
        }
        visitor.content(name, place, &mut start.as_slice())?;
        self.documents.keep(place.offset, start);
        Ok(())
    }

    /// Takes `member` in, and says under which name; the archive's own `./` has none, nor has what
    /// is wrong.
    pub(crate) fn insert(
        &mut self,
        source: &Arc<Source>,
        member: &Member,
        visitor: &mut impl Visitor,
    ) -> Result<Option<MemberPath>, ArchiveError> {
        let owner = owner(member);
        if owner != *self.owner {
            self.owner = Arc::new(owner);
        }
        match self.check(source, member) {
            Ok(None) => Ok(None),
            Ok(Some((name, value))) => {
                // A directory that is there twice is the same directory.
                if let Some(was @ (ArchiveMember::File(_) | ArchiveMember::Symlink { .. })) =
                    self.members.insert(name.clone(), value)
                {
                    self.repeated.push((name.clone(), was));
                }
                Ok(Some(name))
            }
            Err(error) => visitor.wrong(error).map(|()| None),
        }
    }

    /// What to take in for `member`, and under which name.
    fn check(
        &self,
        source: &Arc<Source>,
        member: &Member,
    ) -> Result<Option<(MemberPath, ArchiveMember)>, ArchiveError> {
        let name = self.member_path(&member.name)?;
        if name.is_empty() {
            return Ok(None);
        }
        let mode = member.mode;
        let value = match member.kind {
            MemberKind::Directory => ArchiveMember::Directory { mode },
            MemberKind::Regular => ArchiveMember::File(ArchiveFile {
                mode,
                owner: Arc::clone(&self.owner),
                mtime: member.mtime,
                place: Place {
                    file: 0,
                    offset: member.content_at,
                },
                range: Range {
                    source: Arc::clone(source),
                    offset: member.content_at,
                    size: member.size,
                    sparse: member.sparse.clone(),
                },
            }),
            MemberKind::Symlink => ArchiveMember::Symlink {
                target: member.link.clone(),
            },
            MemberKind::HardLink => {
                let target = self.member_path(&member.link)?;
                match self.members.get(&target) {
                    Some(target @ ArchiveMember::File(_)) => target.clone(),
                    _ => {
                        return Err(ArchiveError::HardLink {
                            path: self.path.clone(),
                            name: shown(&member.name),
                            target: shown(&member.link),
                        });
                    }
                }
            }
            MemberKind::CharDevice | MemberKind::BlockDevice | MemberKind::Fifo => {
                return Err(ArchiveError::Special {
                    path: self.path.clone(),
                    name: shown(&member.name),
                });
            }
        };
        let is_directory = matches!(value, ArchiveMember::Directory { .. });
        self.refuse_two_kinds(&name, is_directory)?;
        Ok(Some((name, value)))
    }

    /// A name must not be a directory here and something else there: programs differ in what they
    /// make of that.
    fn refuse_two_kinds(&self, name: &MemberPath, is_directory: bool) -> Result<(), ArchiveError> {
        let is_other = |member: &ArchiveMember| !matches!(member, ArchiveMember::Directory { .. });
        match two_kinds(&self.members, is_other, name, is_directory) {
            None => Ok(()),
            Some(name) => Err(ArchiveError::TwoKinds {
                path: self.path.clone(),
                name: shown(&name.join(&b'/')),
            }),
        }
    }
}
