//! Reads tars made by others, member by member, without ever unpacking one. Whatever different
//! tar programs would read differently is refused by name; see `docs/format.md`.

use std::sync::Arc;
use std::{io, mem};

use thiserror::Error;

use self::extensions::Extensions;
use self::fields::{Block, Fields};
use self::sparse::{Found, Sparse};
use super::header::BLOCK;
use crate::bytes::skip::Skip;
use crate::bytes::sparse::SparseMap;
use crate::tar::read::content::{Content, Stored};

pub mod content;
mod extensions;
mod fields;
mod sparse;

/// The largest extension header that is accepted, in bytes: without a limit, one could fill the
/// memory. An extended attribute has up to 64 KiB. It is the limit of Go too, there for the map of a sparse file as
/// well.
pub const MAX_EXTENSION: u64 = 1 << 20;

/// The longest name or link target, in bytes. Linux has no longer paths.
pub const MAX_NAME: usize = 4096;

/// A tar is damaged, or not what every program would read alike.
#[derive(Debug, Error)]
pub enum ReadError {
    #[error("cannot read the tar at byte {at}")]
    Read { at: u64, source: io::Error },
    #[error("the tar ends at byte {at}, within {within}")]
    Truncated { at: u64, within: &'static str },
    #[error("no tar header at byte {at}: its checksum is wrong")]
    Checksum { at: u64 },
    #[error(
        "the tar header at byte {at} has `{value}` as {field}, which is no number or too large"
    )]
    Number {
        at: u64,
        field: &'static str,
        value: String,
    },
    #[error("the member at byte {at} has the unsupported type `{typeflag}`")]
    Type { at: u64, typeflag: String },
    #[error("the extension header at byte {at} has {size} bytes; {MAX_EXTENSION} are allowed")]
    ExtensionSize { at: u64, size: u64 },
    #[error("the extension header at byte {at} {what}")]
    Extension { at: u64, what: &'static str },
    #[error(
        "the member at byte {at} has two sizes: {header} in its header, {pax} in the extension header before it"
    )]
    TwoSizes { at: u64, header: u64, pax: u64 },
    #[error("the member at byte {at} has {size} bytes of content, though its type has none")]
    Content { at: u64, size: u64 },
    #[error(
        "the member at byte {at} has a name or link target of {length} bytes; Linux has none above {MAX_NAME}"
    )]
    NameLength { at: u64, length: usize },
    #[error("the sparse file at byte {at} {what}")]
    Sparse { at: u64, what: &'static str },
    #[error(
        "the sparse file at byte {at} has {stored} bytes of content, but its map lists parts of {listed}"
    )]
    SparseSize { at: u64, listed: u64, stored: u64 },
    #[error(
        "the sparse file at byte {at} has a map of more than {MAX_EXTENSION} bytes, which Go's programs refuse; pack it without `--sparse`"
    )]
    SparseMapSize { at: u64 },
    #[error("the member at byte {at} {what}")]
    Member { at: u64, what: &'static str },
    #[error(
        "the tar has a block of zeros at byte {at} and something else behind it; some programs stop there, and others read on"
    )]
    LoneZeros { at: u64 },
    #[error("the tar has not one byte; an empty one consists of blocks of zeros")]
    Empty,
}

/// A member's header, with its extension headers applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// As it stands in the tar.
    pub name: Vec<u8>,
    pub kind: MemberKind,
    pub mode: u32,
    pub uid: u64,
    pub gid: u64,
    pub uname: Vec<u8>,
    pub gname: Vec<u8>,
    /// Whole seconds since 1970; 0 for an earlier time.
    pub mtime: u64,
    /// Of its content, in bytes: of a sparse file with its holes.
    pub size: u64,
    /// Where the holes of a sparse file are. Only what is between them follows in the tar.
    pub sparse: Option<Arc<SparseMap>>,
    /// The target of a symlink or hard link, else empty.
    pub link: Vec<u8>,
    pub device: (u64, u64),
    /// `SCHILY.xattr.` records: name and value, in the order of the header.
    pub xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    /// Where the content, or what is stored of it, begins, in bytes from the start of the tar.
    pub content_at: u64,
}

impl Member {
    /// How many bytes of content are stored.
    #[must_use]
    pub fn stored(&self) -> u64 {
        self.sparse.as_ref().map_or(self.size, |map| map.stored())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemberKind {
    Regular,
    HardLink,
    Symlink,
    CharDevice,
    BlockDevice,
    Directory,
    Fifo,
}

impl MemberKind {
    /// The type as a tar header gives it.
    #[must_use]
    pub fn typeflag(self) -> u8 {
        match self {
            Self::Regular => b'0',
            Self::HardLink => b'1',
            Self::Symlink => b'2',
            Self::CharDevice => b'3',
            Self::BlockDevice => b'4',
            Self::Directory => b'5',
            Self::Fifo => b'6',
        }
    }
}

/// Whether `bytes` begin with the header of a tar's member.
#[must_use]
pub fn is_header(bytes: &[u8]) -> bool {
    bytes.first_chunk().is_some_and(fields::is_header)
}

/// Reads a tar from its first byte to its end marker.
#[derive(Debug)]
pub struct Reader<R> {
    input: R,
    /// The bytes read so far.
    position: u64,
    /// Where the next header is.
    next_header: u64,
    is_at_end: bool,
    may_be_empty: bool,
}

impl<R: Skip> Reader<R> {
    pub fn new(input: R) -> Self {
        Self {
            input,
            position: 0,
            next_header: 0,
            is_at_end: false,
            may_be_empty: false,
        }
    }

    /// The same for a layer, which may have not one byte: Go's reader, and so every engine, takes that for a layer
    /// with nothing in it.
    pub fn of_layer(input: R) -> Self {
        Self {
            may_be_empty: true,
            ..Self::new(input)
        }
    }

    /// The next member, or `None` at the end marker or the end of the input. What the caller left
    /// unread of the previous one is passed over.
    ///
    /// # Errors
    /// When the tar is damaged or ambiguous.
    pub fn next_member(&mut self) -> Result<Option<Member>, ReadError> {
        let mut extensions = Extensions::default();
        while !self.is_at_end {
            self.skip_to(self.next_header)?;
            let at = self.position;
            let Some(block) = self.read_header()? else {
                self.is_at_end = true;
                break;
            };
            let header = Fields::read(&block, at)?;
            self.next_header = content_end(at + BLOCK, header.size)?;
            match header.typeflag {
                b'L' | b'K' | b'x' | b'g' => self.extend(&header, &mut extensions)?,
                _ => return self.member(header, &block, extensions).map(Some),
            }
        }
        extensions.refuse_unused().map(|()| None)
    }

    /// Where the header of the next member begins; after the last one, where the end marker does.
    #[must_use]
    pub fn next_header_at(&self) -> u64 {
        self.next_header
    }

    /// The content of the member that was read last; of a sparse file with zeros in its holes.
    pub fn content(&mut self, member: &Member) -> Content<'_, R> {
        Content {
            stored: Stored {
                end: member.content_at + member.stored(),
                reader: self,
            },
            sparse: member.sparse.clone(),
            position: 0,
        }
    }

    /// Gives back the input, which stands anywhere.
    pub fn into_inner(self) -> R {
        self.input
    }

    fn member(
        &mut self,
        mut header: Fields,
        block: &Block,
        mut extensions: Extensions,
    ) -> Result<Member, ReadError> {
        let at = header.at;
        let wrong = |what| Err(ReadError::Member { at, what });
        let kind = kind(&header, &extensions)?;
        let name = extensions
            .name
            .take()
            .unwrap_or(mem::take(&mut header.name));
        if name.is_empty() {
            return wrong("has no name");
        }
        if name.ends_with(b"/") && kind != MemberKind::Directory {
            return wrong("has a name that ends in `/`, but is no directory");
        }
        let link = link(at, kind, extensions.link.take(), &mut header)?;
        let length = name.len().max(link.len());
        if length > MAX_NAME {
            return Err(ReadError::NameLength { at, length });
        }
        let size = stored_size(&header, &extensions)?;
        if kind != MemberKind::Regular && size != 0 {
            // Some programs skip what follows such a header, and others read it as headers.
            return Err(ReadError::Content { at, size });
        }
        let sparse = self.sparse(&header, block, kind, size, &mut extensions)?;
        let content_at = at + BLOCK + sparse.as_ref().map_or(0, |found| found.read);
        let sparse = sparse.map(|Found { map, .. }| Arc::new(map));
        let stored = sparse.as_ref().map_or(size, |map| map.stored());
        self.next_header = content_end(content_at, stored)?;
        Ok(Member {
            name,
            kind,
            mode: header.mode,
            uid: extensions.uid.unwrap_or(header.uid),
            gid: extensions.gid.unwrap_or(header.gid),
            uname: extensions.uname.unwrap_or(header.uname),
            gname: extensions.gname.unwrap_or(header.gname),
            mtime: extensions.mtime.unwrap_or(header.mtime),
            size: sparse.as_ref().map_or(size, |map| map.size()),
            sparse,
            link,
            device: match kind {
                MemberKind::CharDevice | MemberKind::BlockDevice => header.device,
                _ => (0, 0),
            },
            xattrs: extensions.xattrs,
            content_at,
        })
    }

    /// Where the holes of a member of `size` bytes are, if it is a sparse file.
    fn sparse(
        &mut self,
        header: &Fields,
        block: &Block,
        kind: MemberKind,
        size: u64,
        extensions: &mut Extensions,
    ) -> Result<Option<Found>, ReadError> {
        let at = header.at;
        let wrong = |what| Err(ReadError::Member { at, what });
        let is_file = matches!(header.typeflag, b'0' | b'7' | b'\0') && kind == MemberKind::Regular;
        let may_be_sparse = is_file && header.is_posix;
        match (header.typeflag, extensions.sparse.take()) {
            (b'S', None) | (_, Some(_)) if extensions.size.is_some() => wrong(
                "is a sparse file with a size in its extension header, which Python takes for another one",
            ),
            (b'S', None) => sparse::old(at, block, size, self).map(Some),
            (_, None) => Ok(None),
            (_, Some(Sparse::Listed(parts, whole))) if may_be_sparse => {
                sparse::listed(at, &parts, whole, size).map(Some)
            }
            (_, Some(Sparse::InContent(whole))) if may_be_sparse => {
                sparse::in_content(at, whole, size, self).map(Some)
            }
            _ => wrong("is described as a sparse file by records before a header of another kind"),
        }
    }

    /// Takes in an extension header: `L` and `K` hold a name, `x` and `g` pax records.
    fn extend(&mut self, header: &Fields, extensions: &mut Extensions) -> Result<(), ReadError> {
        let (at, size) = (header.at, header.size);
        if size > MAX_EXTENSION {
            return Err(ReadError::ExtensionSize { at, size });
        }
        let mut content = vec![0; size.next_multiple_of(BLOCK) as usize];
        self.read_exactly(&mut content, "an extension header")?;
        let (content, padding) = content.split_at(size as usize);
        extensions.take(header, content, padding)
    }

    /// One header block; `None` at the end marker or at the end of the input.
    fn read_header(&mut self) -> Result<Option<Block>, ReadError> {
        const ZEROS: Block = [0; BLOCK as usize];
        let at = self.position;
        match self.read_block()? {
            None if at == 0 && !self.may_be_empty => Err(ReadError::Empty),
            Some(ZEROS) => match self.read_block()? {
                None | Some(ZEROS) => Ok(None),
                Some(_) => Err(ReadError::LoneZeros { at }),
            },
            block => Ok(block),
        }
    }

    /// The next block, or `None` at the end of the input.
    fn read_block(&mut self) -> Result<Option<Block>, ReadError> {
        let mut block = [0; BLOCK as usize];
        let mut filled = 0;
        while filled < block.len() {
            match self.input.read(&mut block[filled..]) {
                Ok(0) if filled == 0 => return Ok(None),
                Ok(0) => {
                    return Err(ReadError::Truncated {
                        at: self.position + filled as u64,
                        within: "a header",
                    });
                }
                Ok(got) => filled += got,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => {
                    return Err(ReadError::Read {
                        at: self.position + filled as u64,
                        source,
                    });
                }
            }
        }
        self.position += BLOCK;
        Ok(Some(block))
    }

    fn read_exactly(&mut self, buffer: &mut [u8], within: &'static str) -> Result<(), ReadError> {
        let at = self.position;
        self.input.read_exact(buffer).map_err(|source| {
            if source.kind() == io::ErrorKind::UnexpectedEof {
                ReadError::Truncated { at, within }
            } else {
                ReadError::Read { at, source }
            }
        })?;
        self.position += buffer.len() as u64;
        Ok(())
    }

    fn skip_to(&mut self, target: u64) -> Result<(), ReadError> {
        let ahead = target - self.position;
        let skipped = self.input.skip(ahead).map_err(|source| ReadError::Read {
            at: self.position,
            source,
        })?;
        self.position += skipped;
        if skipped < ahead {
            return Err(ReadError::Truncated {
                at: self.position,
                within: "the content of a member",
            });
        }
        Ok(())
    }
}

impl<R: Skip> sparse::Source for Reader<R> {
    fn next(&mut self) -> Result<Block, ReadError> {
        let mut block = [0; BLOCK as usize];
        self.read_exactly(&mut block, "the map of a sparse file")?;
        Ok(block)
    }
}

/// What a link leads to, and nothing for what is none.
fn link(
    at: u64,
    kind: MemberKind,
    extension: Option<Vec<u8>>,
    header: &mut Fields,
) -> Result<Vec<u8>, ReadError> {
    let link = match kind {
        MemberKind::Symlink | MemberKind::HardLink => {
            extension.unwrap_or_else(|| mem::take(&mut header.link))
        }
        _ => return Ok(Vec::new()),
    };
    if link.is_empty() {
        let what = "is a link to nothing";
        return Err(ReadError::Member { at, what });
    }
    Ok(link)
}

/// How many bytes of content the tar has, by a member's headers.
fn stored_size(header: &Fields, extensions: &Extensions) -> Result<u64, ReadError> {
    match extensions.size {
        // A second size means a second end of the content, and so a second archive within:
        // CVE-2025-62518. Only the 0 that stands for "too large for this field" may differ.
        Some(pax) if header.size != 0 && header.size != pax => Err(ReadError::TwoSizes {
            at: header.at,
            header: header.size,
            pax,
        }),
        Some(pax) => Ok(pax),
        None => Ok(header.size),
    }
}

/// What a header is the header of, with the extension headers before it.
fn kind(header: &Fields, extensions: &Extensions) -> Result<MemberKind, ReadError> {
    let at = header.at;
    let had_slash = header.name.ends_with(b"/");
    let name = extensions.name.as_ref().unwrap_or(&header.name);
    let has_slash = name.ends_with(b"/");
    Ok(match header.typeflag {
        // Programs of before 1988 have no type for directories, only the slash. Where there are
        // two names, some look at one for it and some at the other.
        b'\0' if extensions.name.is_some() && (had_slash || has_slash) => {
            let what = "has no type and two names, of which one is that of a directory";
            return Err(ReadError::Member { at, what });
        }
        b'\0' if has_slash && name.iter().any(|byte| *byte != b'/') => MemberKind::Directory,
        b'0' | b'\0' | b'7' | b'S' => MemberKind::Regular,
        b'1' => MemberKind::HardLink,
        b'2' => MemberKind::Symlink,
        b'3' => MemberKind::CharDevice,
        b'4' => MemberKind::BlockDevice,
        b'5' => MemberKind::Directory,
        b'6' => MemberKind::Fifo,
        other => {
            let typeflag = char::from(other).escape_default().to_string();
            return Err(ReadError::Type { at, typeflag });
        }
    })
}

/// Where the next header is behind `size` bytes from `content_at` on.
fn content_end(content_at: u64, size: u64) -> Result<u64, ReadError> {
    size.checked_next_multiple_of(BLOCK)
        .and_then(|padded| padded.checked_add(content_at))
        .ok_or_else(|| ReadError::Number {
            at: content_at - BLOCK,
            field: "size",
            value: size.to_string(),
        })
}
