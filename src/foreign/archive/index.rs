//! Indexes a tar, a directory or a stream as an archive of an image.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use crate::bytes::compression::Compression;
use crate::bytes::decompress;
use crate::bytes::skip::Skip;
use crate::bytes::source::{Range, RangeReader, Source};
use crate::foreign::archive::Archive;
use crate::foreign::archive::ArchiveMember;
use crate::foreign::archive::Place;
use crate::foreign::archive::directory;
use crate::foreign::archive::error::ArchiveError;
use crate::foreign::archive::member_path::MemberPath;
use crate::foreign::archive::visitor::Visit;
use crate::foreign::archive::visitor::Visitor;
use crate::foreign::mistaken;
use crate::request::limits::Limits;
use crate::tar::read::{MemberKind, Reader};

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

/// How an image is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The directory of a layout.
    Directory,
    /// A tar, packed so.
    Archive(Compression),
}

/// What is at a path, opened.
pub(crate) enum Opened {
    Directory,
    Archive(File, Compression),
}

impl Opened {
    /// Opens `path`, and looks at what it is.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        if file.metadata()?.is_dir() {
            return Ok(Self::Directory);
        }
        let compression = Compression::of_open(&file)?;
        Ok(Self::Archive(file, compression))
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
    match Opened::open(path).map_err(open)? {
        Opened::Directory => index_directory(path, limits),
        Opened::Archive(file, Compression::Plain) => index_open(path, file, limits, visitor),
        Opened::Archive(file, compression) => {
            let content = decompress::open_as(file, compression, limits).map_err(open)?;
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

/// Indexes the tar `path`, opened as `file`, which is not compressed, by its headers.
///
/// # Errors
/// When it cannot be read, and as `visitor` wants.
pub(crate) fn index_open(
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
