//! Indexes an image archive (`docker save` and its like): a tar, perhaps compressed, of directories,
//! files and links, or a directory of these. Member names are hostile input; nothing is ever
//! unpacked.

mod directory;
pub(crate) mod documents;
mod error;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use self::documents::Documents;
use crate::bytes::compression::Packing;
use crate::bytes::decompress;
use crate::bytes::digest::Digest;
use crate::bytes::skip::Skip;
use crate::bytes::source::{Range, RangeReader, Source};
use crate::console::text::shown;
use crate::request::limits::Limits;
use crate::tar::owner::Owner;
use crate::tar::read::{MAX_NAME, Member, MemberKind, Reader};
use crate::{document, mistaken};

pub use self::error::ArchiveError;

/// How deep a member may lie.
pub const MAX_DEPTH: usize = 16;

/// How many links may lead from one member to the next.
const MAX_LINKS: usize = 8;

/// How many parts the sparse files of an archive may have together: each takes memory, and one file may have as
/// many (see [`MAX_EXTENSION`](crate::tar::read::MAX_EXTENSION)).
pub const MAX_PARTS: usize = 1 << 18;

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
    /// What it may ask for.
    pub limits: Limits,
    /// Files and links that do not count, since others of their names follow.
    pub repeated: Vec<(MemberPath, ArchiveMember)>,
    /// That of the last file, which most likely is that of the next one too.
    owner: Arc<Owner>,
    /// What may be documents of a compressed archive, since reading one later would uncompress all
    /// that is before it again.
    documents: Documents,
    /// How many members have been met, with the directories that their names lead through.
    met: usize,
    /// How many bytes their names, links and owners have.
    name_bytes: u64,
    /// How many parts its sparse files have together.
    parts: usize,
    /// The size of its sparse files together, in bytes, with their holes.
    expanded: u64,
}

/// A file of an archive, with mode, owner and time (in seconds since 1970) as its header has them.
#[derive(Debug, Clone)]
pub struct ArchiveFile {
    pub mode: u32,
    pub owner: Arc<Owner>,
    pub mtime: u64,
    /// Where its content was found, though it may have been copied since.
    pub place: Place,
    pub range: Range,
}

/// Where the content of a file is in its archive. Files with equal places share it, whatever they are called;
/// and they sort as the archive has them, or by name if it is a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Which file of a directory has it; 0 for all that one tar has.
    file: u32,
    /// In bytes.
    offset: u64,
}

#[derive(Debug, Clone)]
pub enum ArchiveMember {
    Directory { mode: u32 },
    File(ArchiveFile),
    Symlink { target: Vec<u8> },
}

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

/// What a caller may want to do with the content of a regular member while a compressed archive
/// streams by.
pub type Visit<'a> = dyn FnMut(&MemberPath, &mut dyn Read) -> Result<(), ArchiveError> + 'a;

/// What a caller does while an archive is indexed.
pub trait Visitor {
    /// Sees the content of the regular member `name` at `place`, if the archive can be read forwards
    /// only.
    ///
    /// # Errors
    /// As the visitor wants; indexing ends with the error.
    fn content(
        &mut self,
        name: &MemberPath,
        place: Place,
        content: &mut dyn Read,
    ) -> Result<(), ArchiveError>;

    /// Learns that something is wrong. With `Ok`, what else can be read is indexed.
    ///
    /// # Errors
    /// As the visitor wants; indexing ends with the error.
    fn wrong(&mut self, error: ArchiveError) -> Result<(), ArchiveError>;
}

/// Ends with the first error.
struct Strict<'a, 'b>(&'a mut Visit<'b>);

impl Visitor for Strict<'_, '_> {
    fn content(
        &mut self,
        name: &MemberPath,
        _: Place,
        content: &mut dyn Read,
    ) -> Result<(), ArchiveError> {
        (self.0)(name, content)
    }

    fn wrong(&mut self, error: ArchiveError) -> Result<(), ArchiveError> {
        Err(error)
    }
}

/// Indexes the archive, or the directory, `path`. Of a plain file only headers are read. A
/// compressed one is read once, and `visit` sees the content of every regular member on the way.
///
/// # Errors
/// When it cannot be read, is damaged or holds a member that it may not.
pub fn index(path: &Path, limits: &Limits, visit: &mut Visit<'_>) -> Result<Archive, ArchiveError> {
    let open = |source| ArchiveError::Open {
        path: path.to_owned(),
        source,
    };
    let visitor = &mut Strict(visit);
    let file = File::open(path).map_err(open)?;
    if file.metadata().map_err(open)?.is_dir() {
        return index_directory(path, limits);
    }
    match Packing::of_open(&file).map_err(open)? {
        Packing::Plain => index_open(path, file, limits, visitor),
        packing => {
            let content = decompress::open_as(file, packing, limits).map_err(open)?;
            index_stream(path, Source::stream(path, limits), content, limits, visitor)
        }
    }
}

/// Indexes the directory `path` as if it were an archive.
///
/// # Errors
/// When it cannot be read, is no OCI layout, or holds what is neither directory, file nor link.
pub fn index_directory(path: &Path, limits: &Limits) -> Result<Archive, ArchiveError> {
    let looked = mistaken::of_directory(path).map_err(|source| ArchiveError::Open {
        path: path.to_owned(),
        source,
    });
    if let Some(what) = looked? {
        let path = path.to_owned();
        return Err(ArchiveError::Mistaken { path, what });
    }
    let mut archive = Archive::empty(path, limits);
    directory::index(&mut archive, path, &MemberPath::new())?;
    Ok(archive)
}

/// Indexes the tar `path`, which is not compressed, by its headers.
///
/// # Errors
/// When it cannot be opened, and as `visitor` wants.
pub fn index_file(
    path: &Path,
    limits: &Limits,
    visitor: &mut impl Visitor,
) -> Result<Archive, ArchiveError> {
    let open = |source| ArchiveError::Open {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(open)?;
    index_open(path, file, limits, visitor)
}

/// The same of the tar `path`, opened as `file`.
fn index_open(
    path: &Path,
    file: File,
    limits: &Limits,
    visitor: &mut impl Visitor,
) -> Result<Archive, ArchiveError> {
    let open = |source| ArchiveError::Open {
        path: path.to_owned(),
        source,
    };
    let mut archive = Archive::empty(path, limits);
    let size = file.metadata().map_err(open)?.len();
    let source = Arc::new(Source::file(path, file));
    let content = Range {
        source: Arc::clone(&source),
        offset: 0,
        size,
        sparse: None,
    };
    let start = start(&mut RangeReader::new(content.clone()));
    archive.refuse_mistaken(&start)?;
    let mut reader = Reader::new(RangeReader::new(content));
    let mut index = || {
        while let Some(member) = archive.next(&mut reader, visitor)? {
            archive.insert(&source, &member, visitor)?;
        }
        Ok(())
    };
    let indexed = index();
    archive.finish(indexed)
}

/// Indexes the tar in `input`, which is read once, to its end; `visitor` sees the content of every
/// regular member. `source` is where the same bytes can be read again, and `path` what messages
/// call it.
///
/// # Errors
/// As `visitor` wants.
pub fn index_stream(
    path: &Path,
    source: Source,
    mut input: impl Skip,
    limits: &Limits,
    visitor: &mut impl Visitor,
) -> Result<Archive, ArchiveError> {
    let mut archive = Archive::empty(path, limits);
    archive.is_compressed = true;
    let source = Arc::new(source);
    let start = start(&mut input);
    archive.refuse_mistaken(&start)?;
    let mut reader = Reader::new(io::Cursor::new(start).chain(input));
    let mut index = || {
        while let Some(member) = archive.next(&mut reader, visitor)? {
            if let Some(name) = archive.insert(&source, &member, visitor)?
                && let Some(ArchiveMember::File(file)) = archive.members.get(&name)
                && member.kind == MemberKind::Regular
            {
                let place = file.place;
                let content = reader.content(&member);
                archive.visit(&name, place, member.size, content, visitor)?;
            }
        }
        Ok(())
    };
    let indexed = index();
    let archive = archive.finish(indexed)?;
    // What follows the end marker belongs to the compressed stream, whose checksum is there.
    let rest = io::copy(&mut reader.into_inner(), &mut io::sink());
    if let Err(source) = rest {
        visitor.wrong(archive.read_error(source))?;
    }
    Ok(archive)
}

/// The first bytes of `content`, as many as tell that it is no archive. Whoever reads on learns why there are no more.
fn start(content: &mut dyn Read) -> Vec<u8> {
    let mut start = Vec::with_capacity(mistaken::START);
    let _ = content.take(mistaken::START as u64).read_to_end(&mut start);
    start
}

impl Archive {
    fn empty(path: &Path, limits: &Limits) -> Self {
        Self {
            path: path.to_owned(),
            members: BTreeMap::new(),
            is_compressed: false,
            limits: *limits,
            repeated: Vec::new(),
            owner: Arc::new(Owner::root()),
            documents: Documents::default(),
            met: 0,
            name_bytes: 0,
            parts: 0,
            expanded: 0,
        }
    }

    /// Refuses what is no archive by its first bytes.
    fn refuse_mistaken(&self, start: &[u8]) -> Result<(), ArchiveError> {
        match mistaken::of_bytes(start) {
            None => Ok(()),
            Some(what) => Err(ArchiveError::Mistaken {
                path: self.path.clone(),
                what,
            }),
        }
    }

    /// The archive as it has been indexed, or what is wrong: that it is the tar of a file system comes before what
    /// is wrong with such an one as an image.
    fn finish(self, indexed: Result<(), ArchiveError>) -> Result<Self, ArchiveError> {
        let is_readable = !matches!(
            indexed,
            Err(ArchiveError::Open { .. } | ArchiveError::Read { .. } | ArchiveError::Tar { .. })
        );
        let members = self.members.keys().map(Vec::as_slice);
        match mistaken::of_members(members) {
            Some(what) if is_readable => Err(ArchiveError::Mistaken {
                path: self.path,
                what,
            }),
            _ => indexed.map(|()| self),
        }
    }

    /// The next member; none behind what is wrong.
    fn next(
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
    fn count(&mut self, parts: usize, bytes: usize) -> Result<(), ArchiveError> {
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
    fn visit(
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

    fn read_error(&self, source: io::Error) -> ArchiveError {
        ArchiveError::Read {
            path: self.path.clone(),
            source,
        }
    }

    /// Takes `member` in, and says under which name; the archive's own `./` has none, nor has what
    /// is wrong.
    fn insert(
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

    fn refuse_too_deep(&self, name: &MemberPath) -> Result<(), ArchiveError> {
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

    /// The text of the JSON document `name`, whole.
    ///
    /// # Errors
    /// When it is missing, larger or of more values than the limits allow, or cannot be read.
    pub fn json(&self, name: &str, needed_by: &'static str) -> Result<Cow<'_, [u8]>, ArchiveError> {
        self.json_within(name, needed_by, self.limits.max_values)
    }

    /// The same of a document all of whose values will be in memory: there they take most.
    ///
    /// # Errors
    /// As [`Self::json`], and when there are more than a quarter of the values that the limits allow.
    pub fn json_to_keep(
        &self,
        name: &str,
        needed_by: &'static str,
    ) -> Result<Cow<'_, [u8]>, ArchiveError> {
        self.json_within(name, needed_by, self.limits.max_values / 4)
    }

    fn json_within(
        &self,
        name: &str,
        needed_by: &'static str,
        max_values: usize,
    ) -> Result<Cow<'_, [u8]>, ArchiveError> {
        let range = self.file(name, needed_by)?.range.clone();
        if range.size > self.limits.max_json {
            return Err(ArchiveError::TooLarge {
                path: self.path.clone(),
                name: name.to_owned(),
                size: range.size,
                max: self.limits.max_json,
            });
        }
        let text: Cow<'_, [u8]> = if self.is_compressed {
            let text = self.documents.get(range.offset);
            text.ok_or_else(|| self.not_kept(name))?.into()
        } else {
            let mut text = Vec::with_capacity(range.size as usize);
            let read = RangeReader::new(range).read_to_end(&mut text);
            read.map_err(|source| self.read_error(source))?;
            text.into()
        };
        let max = max_values;
        if document::values(&text) > max {
            return Err(ArchiveError::TooManyValues {
                path: self.path.clone(),
                name: name.to_owned(),
                max,
            });
        }
        Ok(text)
    }

    /// Why the member `name` of a packed archive is none of its documents.
    fn not_kept(&self, name: &str) -> ArchiveError {
        let (path, name) = (self.path.clone(), name.to_owned());
        let max = self.limits.max_json;
        match self.documents.is_full {
            true => ArchiveError::Crowded { path, name, max },
            false => ArchiveError::NoDocument { path, name },
        }
    }

    /// Compares the size of the file `name`, in bytes, with what names it.
    ///
    /// # Errors
    /// When they differ.
    pub fn check_size(&self, name: &str, found: u64, said: u64) -> Result<(), ArchiveError> {
        if found == said {
            return Ok(());
        }
        Err(ArchiveError::Size {
            path: self.path.clone(),
            name: name.to_owned(),
            found,
            said,
        })
    }

    /// Compares the digest of the file `name` with what names it.
    ///
    /// # Errors
    /// When they differ.
    pub fn check_digest(
        &self,
        name: &str,
        found: Digest,
        said: Digest,
    ) -> Result<(), ArchiveError> {
        if found == said {
            return Ok(());
        }
        Err(ArchiveError::Digest {
            path: self.path.clone(),
            name: name.to_owned(),
            found: Box::new(found),
            said: Box::new(said),
        })
    }
}

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
