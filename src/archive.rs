//! Indexes an image archive (`docker save` and its like): a tar, perhaps compressed, of directories,
//! files and links. Member names are hostile input; nothing is ever unpacked.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;

use crate::compress::{self, Packing};
use crate::plan::Range;
use crate::source::Source;
use crate::tar::read::{Member, MemberKind, ReadError, Reader, Skip};

/// How many members an archive may have. A layer takes four; no engine runs images of more than
/// 127 layers.
pub const MAX_MEMBERS: usize = 100_000;

/// How deep a member may lie.
pub const MAX_DEPTH: usize = 64;

/// How many links may lead from one member to the next.
const MAX_LINKS: usize = 8;

/// How large a JSON document of an archive may be, in bytes. Registries allow 4 MiB.
pub const MAX_JSON: u64 = 16 << 20;

/// The parts of a member's name, which make its place: members sort by them as GNU tar sorts
/// files with `--sort=name`.
pub type MemberPath = Vec<Vec<u8>>;

/// The members of an archive by name. Of members with equal names the last one counts.
#[derive(Debug)]
pub struct Archive {
    pub path: PathBuf,
    pub members: BTreeMap<MemberPath, ArchiveMember>,
    /// Whether its bytes come out of a decoder, forwards only.
    pub is_compressed: bool,
}

#[derive(Debug, Clone)]
pub enum ArchiveMember {
    Directory { mode: u32 },
    File { mode: u32, range: Range },
    Symlink { target: Vec<u8> },
}

/// An image archive is damaged, or tries what it may not.
#[derive(Debug, Error)]
pub enum ArchiveError {
    #[error("cannot open image archive `{}`", path.display())]
    Open { path: PathBuf, source: io::Error },
    #[error("cannot read image archive `{}`", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("image archive `{}` is damaged or no tar", path.display())]
    Tar { path: PathBuf, source: ReadError },
    #[error("image archive `{}` has {what} `{name}`; such a member could only do harm", path.display())]
    Name {
        path: PathBuf,
        what: &'static str,
        name: String,
    },
    #[error("image archive `{}` has more than {MAX_MEMBERS} members", path.display())]
    TooMany { path: PathBuf },
    #[error("image archive `{}` has no member `{name}`, which {needed_by}", path.display())]
    Missing {
        path: PathBuf,
        name: String,
        needed_by: &'static str,
    },
    #[error("`{name}` in image archive `{}` has {size} bytes; {MAX_JSON} are allowed", path.display())]
    TooLarge {
        path: PathBuf,
        name: String,
        size: u64,
    },
}

/// What a caller may want to do with the content of a regular member while a compressed archive
/// streams by.
pub type Visit<'a> = dyn FnMut(&MemberPath, &mut dyn Read) -> Result<(), ArchiveError> + 'a;

/// Indexes the archive `path`. Of a plain file only headers are read. A compressed one is read
/// once, and `visit` sees the content of every regular member on the way.
///
/// # Errors
/// When it cannot be read, is damaged or holds a member that it may not.
pub fn index(path: &Path, visit: &mut Visit<'_>) -> Result<Archive, ArchiveError> {
    let open = |source| ArchiveError::Open {
        path: path.to_owned(),
        source,
    };
    let is_compressed = Packing::of_file(path).map_err(open)? != Packing::Plain;
    let mut archive = Archive {
        path: path.to_owned(),
        members: BTreeMap::new(),
        is_compressed,
    };
    if is_compressed {
        let source = Arc::new(Source::stream(path));
        let mut reader = Reader::new(compress::open(path).map_err(open)?);
        while let Some(member) = archive.next(&mut reader)? {
            if let Some(name) = archive.insert(&source, &member)?
                && member.kind == MemberKind::Regular
            {
                visit(&name, &mut reader.content(&member))?;
            }
        }
        // What follows the end marker belongs to the compressed stream, whose checksum is there.
        io::copy(&mut reader.into_inner(), &mut io::sink()).map_err(|source| {
            ArchiveError::Read {
                path: path.to_owned(),
                source,
            }
        })?;
    } else {
        let file = File::open(path).map_err(open)?;
        let source = Arc::new(Source::file(path, file));
        let size = std::fs::metadata(path).map_err(open)?.len();
        let mut reader = Reader::new(RangeReader::new(Range {
            source: Arc::clone(&source),
            offset: 0,
            size,
        }));
        while let Some(member) = archive.next(&mut reader)? {
            archive.insert(&source, &member)?;
        }
    }
    Ok(archive)
}

impl Archive {
    fn next(&self, reader: &mut Reader<impl Skip>) -> Result<Option<Member>, ArchiveError> {
        if self.members.len() > MAX_MEMBERS {
            return Err(ArchiveError::TooMany {
                path: self.path.clone(),
            });
        }
        reader.next_member().map_err(|source| ArchiveError::Tar {
            path: self.path.clone(),
            source,
        })
    }

    /// Takes `member` in, and says under which name; the archive's own `./` has none.
    fn insert(
        &mut self,
        source: &Arc<Source>,
        member: &Member,
    ) -> Result<Option<MemberPath>, ArchiveError> {
        let name = self.member_path(&member.name)?;
        if name.is_empty() {
            return Ok(None);
        }
        let mode = member.mode;
        let value = match member.kind {
            MemberKind::Directory => ArchiveMember::Directory { mode },
            MemberKind::Regular => ArchiveMember::File {
                mode,
                range: Range {
                    source: Arc::clone(source),
                    offset: member.content_at,
                    size: member.size,
                },
            },
            MemberKind::Symlink => ArchiveMember::Symlink {
                target: member.link.clone(),
            },
            MemberKind::HardLink => {
                let target = self.member_path(&member.link)?;
                match self.members.get(&target) {
                    Some(target @ ArchiveMember::File { .. }) => target.clone(),
                    _ => return Err(self.refused("a hard link to no earlier file, ", &member.name)),
                }
            }
            MemberKind::CharDevice | MemberKind::BlockDevice | MemberKind::Fifo => {
                return Err(self.refused("the device or pipe", &member.name));
            }
        };
        let is_directory = matches!(value, ArchiveMember::Directory { .. });
        self.refuse_two_kinds(&name, is_directory, &member.name)?;
        self.members.insert(name.clone(), value);
        Ok(Some(name))
    }

    /// A name must not be a directory here and something else there: programs differ in what they
    /// make of that.
    fn refuse_two_kinds(
        &self,
        name: &MemberPath,
        is_directory: bool,
        shown: &[u8],
    ) -> Result<(), ArchiveError> {
        let is_other = |path: &[Vec<u8>]| {
            let member = self.members.get(path);
            member.is_some_and(|member| !matches!(member, ArchiveMember::Directory { .. }))
        };
        let below_other = (1..name.len()).any(|length| is_other(&name[..length]));
        let mut behind = self.members.range(name.clone()..).map(|(other, _)| other);
        let next = behind.find(|other| *other != name);
        let holds_others = !is_directory && next.is_some_and(|next| next.starts_with(name));
        let replaces_other = is_directory && is_other(name);
        if below_other || holds_others || replaces_other {
            return Err(self.refused("both as a directory and as something else", shown));
        }
        Ok(())
    }

    /// Splits a member's name, which must stay within the archive, into its parts. `.` and empty
    /// parts count for nothing.
    ///
    /// # Errors
    /// When the name is absolute, has a part `..`, or is too deep.
    pub fn member_path(&self, name: &[u8]) -> Result<MemberPath, ArchiveError> {
        if name.starts_with(b"/") {
            return Err(self.refused("the absolute name", name));
        }
        let parts: MemberPath = name
            .split(|byte| *byte == b'/')
            .filter(|part| !matches!(*part, b"" | b"."))
            .map(<[u8]>::to_vec)
            .collect();
        if parts.iter().any(|part| part == b"..") {
            return Err(self.refused("the name with `..`", name));
        }
        if parts.len() > MAX_DEPTH {
            return Err(self.refused("the much too deep name", name));
        }
        Ok(parts)
    }

    fn refused(&self, what: &'static str, name: &[u8]) -> ArchiveError {
        ArchiveError::Name {
            path: self.path.clone(),
            what,
            name: name.escape_ascii().to_string(),
        }
    }

    /// The bytes of the file that `name` is or leads to.
    ///
    /// # Errors
    /// When there is none, or the name leads out of the archive. `needed_by` says in a message who
    /// asked for it.
    pub fn file(&self, name: &str, needed_by: &'static str) -> Result<Range, ArchiveError> {
        let mut path = self.member_path(name.as_bytes())?;
        for _ in 0..MAX_LINKS {
            match self.members.get(&path) {
                Some(ArchiveMember::File { range, .. }) => return Ok(range.clone()),
                Some(ArchiveMember::Symlink { target }) => {
                    path.pop();
                    path = self.target_path(path, target)?;
                }
                _ => break,
            }
        }
        Err(ArchiveError::Missing {
            path: self.path.clone(),
            name: name.to_owned(),
            needed_by,
        })
    }

    /// Where a symlink in the directory `at` leads.
    fn target_path(&self, mut at: MemberPath, target: &[u8]) -> Result<MemberPath, ArchiveError> {
        let leaves = || self.refused("a symlink that leads out of the archive, to", target);
        if target.starts_with(b"/") {
            return Err(leaves());
        }
        for part in target.split(|byte| *byte == b'/') {
            match part {
                b"" | b"." => {}
                b".." => {
                    at.pop().ok_or_else(leaves)?;
                }
                name => at.push(name.to_vec()),
            }
        }
        Ok(at)
    }

    /// The text of the JSON document `name`, whole.
    ///
    /// # Errors
    /// When it is missing, larger than [`MAX_JSON`] or cannot be read.
    pub fn json(&self, name: &str, needed_by: &'static str) -> Result<Vec<u8>, ArchiveError> {
        let range = self.file(name, needed_by)?;
        if range.size > MAX_JSON {
            return Err(ArchiveError::TooLarge {
                path: self.path.clone(),
                name: name.to_owned(),
                size: range.size,
            });
        }
        let mut text = Vec::with_capacity(range.size as usize);
        RangeReader::new(range)
            .read_to_end(&mut text)
            .map_err(|source| ArchiveError::Read {
                path: self.path.clone(),
                source,
            })?;
        Ok(text)
    }
}

/// Reads a range from its beginning.
#[derive(Debug)]
pub struct RangeReader {
    range: Range,
    position: u64,
}

impl RangeReader {
    #[must_use]
    pub fn new(range: Range) -> Self {
        Self { range, position: 0 }
    }
}

impl Read for RangeReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.range.size - self.position;
        let wanted = left.min(buffer.len() as u64) as usize;
        let offset = self.range.offset + self.position;
        let got = self.range.source.read_at(&mut buffer[..wanted], offset)?;
        self.position += got as u64;
        Ok(got)
    }
}

impl Skip for RangeReader {
    fn skip(&mut self, count: u64) -> io::Result<u64> {
        let skipped = count.min(self.range.size - self.position);
        self.position += skipped;
        Ok(skipped)
    }
}
