//! Reads tars made by others, member by member, without ever unpacking one. Whatever different
//! tar programs would read differently is refused by name; see `docs/format.md`.

use std::io::{self, Read};

use tar::Header;
use thiserror::Error;

use super::BLOCK;

/// The longest name, link target or record of a pax header that is accepted, in bytes. Linux has
/// no longer paths than 4096 bytes; without a limit, one header could fill the memory.
pub const MAX_EXTENSION: u64 = 1 << 20;

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
    /// The bytes of content that follow.
    pub size: u64,
    /// The target of a symlink or hard link, else empty.
    pub link: Vec<u8>,
    pub device: (u64, u64),
    /// `SCHILY.xattr.` records: name and value, in the order of the header.
    pub xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    /// Where the content begins, in bytes from the start of the tar.
    pub content_at: u64,
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

/// A source of bytes that may know a faster way past some of them than to read them.
pub trait Skip: Read {
    /// Passes over `count` bytes and says how many there were.
    ///
    /// # Errors
    /// As reading does.
    fn skip(&mut self, count: u64) -> io::Result<u64>
    where
        Self: Sized,
    {
        io::copy(&mut self.by_ref().take(count), &mut io::sink())
    }
}

impl<R: Read> Skip for io::Take<R> {}
impl Skip for &[u8] {}

/// Reads a tar from its first byte to its end marker.
#[derive(Debug)]
pub struct Reader<R> {
    input: R,
    /// The bytes read so far.
    position: u64,
    /// Where the next header is.
    next_header: u64,
}

/// What extension headers said about the member behind them.
#[derive(Default)]
struct Extensions {
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
    uid: Option<u64>,
    gid: Option<u64>,
    uname: Option<Vec<u8>>,
    gname: Option<Vec<u8>>,
    mtime: Option<u64>,
    xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    pax: bool,
    /// Where the last of them is that concerns one member.
    at: Option<u64>,
}

impl Extensions {
    fn refuse_unused(&self) -> Result<(), ReadError> {
        let what = "has no member behind it";
        self.at
            .map_or(Ok(()), |at| Err(ReadError::Extension { at, what }))
    }
}

impl<R: Skip> Reader<R> {
    pub fn new(input: R) -> Self {
        Self {
            input,
            position: 0,
            next_header: 0,
        }
    }

    /// The next member, or `None` at the end marker or the end of the input. What the caller left
    /// unread of the previous one is passed over.
    ///
    /// # Errors
    /// When the tar is damaged or ambiguous.
    pub fn next_member(&mut self) -> Result<Option<Member>, ReadError> {
        let mut extensions = Extensions::default();
        loop {
            self.skip_to(self.next_header)?;
            let at = self.position;
            let Some(header) = self.read_header()? else {
                return extensions.refuse_unused().map(|()| None);
            };
            if !checksum_matches(&header) {
                return Err(ReadError::Checksum { at });
            }
            let size = number(at, "size", &header.as_old().size)?;
            self.next_header = content_end(at, size)?;
            match header.as_old().linkflag[0] {
                b'L' | b'K' | b'x' | b'g' => self.extend(&header, at, size, &mut extensions)?,
                _ => return self.member(&header, at, size, extensions).map(Some),
            }
        }
    }

    /// Where the header of the next member begins; after the last one, where the end marker does.
    #[must_use]
    pub fn next_header_at(&self) -> u64 {
        self.next_header
    }

    /// The content of the member that was read last.
    pub fn content(&mut self, member: &Member) -> Content<'_, R> {
        let end = member.content_at + member.size;
        Content { reader: self, end }
    }

    /// Gives back the input, which stands anywhere.
    pub fn into_inner(self) -> R {
        self.input
    }

    fn member(
        &mut self,
        header: &Header,
        at: u64,
        size: u64,
        extensions: Extensions,
    ) -> Result<Member, ReadError> {
        let old = header.as_old();
        let name = extensions.name.unwrap_or_else(|| header_name(header));
        let kind = match old.linkflag[0] {
            b'\0' if name.ends_with(b"/") => MemberKind::Directory,
            b'0' | b'\0' | b'7' => MemberKind::Regular,
            b'1' => MemberKind::HardLink,
            b'2' => MemberKind::Symlink,
            b'3' => MemberKind::CharDevice,
            b'4' => MemberKind::BlockDevice,
            b'5' => MemberKind::Directory,
            b'6' => MemberKind::Fifo,
            other => {
                return Err(ReadError::Type {
                    at,
                    typeflag: char::from(other).escape_default().to_string(),
                });
            }
        };
        let size = match extensions.size {
            // A second size means a second end of the content, and so a second archive within:
            // CVE-2025-62518. Only the 0 that stands for "too large for this field" may differ.
            Some(pax) if size != 0 && size != pax => {
                return Err(ReadError::TwoSizes {
                    at,
                    header: size,
                    pax,
                });
            }
            Some(pax) => pax,
            None => size,
        };
        let size = if kind == MemberKind::Regular {
            size
        } else if size == 0 {
            0
        } else {
            // Some programs skip what follows such a header, and others read it as headers.
            return Err(ReadError::Content { at, size });
        };
        self.next_header = content_end(at, size)?;
        let device = |field| number(at, "device number", field);
        let [uname, gname] = header_owner(header).map(|name| until_nul(name).to_vec());
        Ok(Member {
            name,
            kind,
            mode: u32::try_from(number(at, "mode", &old.mode)? & 0o7777).unwrap_or_default(),
            uid: extensions
                .uid
                .map_or_else(|| number(at, "uid", &old.uid), Ok)?,
            gid: extensions
                .gid
                .map_or_else(|| number(at, "gid", &old.gid), Ok)?,
            uname: extensions.uname.unwrap_or(uname),
            gname: extensions.gname.unwrap_or(gname),
            // A time changes nothing that a program does with a member: none is refused.
            mtime: extensions
                .mtime
                .or_else(|| number(at, "mtime", &old.mtime).ok())
                .unwrap_or_default(),
            size,
            link: match kind {
                MemberKind::Symlink | MemberKind::HardLink => extensions
                    .link
                    .unwrap_or_else(|| until_nul(&old.linkname).to_vec()),
                _ => Vec::new(),
            },
            device: match (kind, header.as_gnu(), header.as_ustar()) {
                (MemberKind::CharDevice | MemberKind::BlockDevice, Some(gnu), _) => {
                    (device(&gnu.dev_major)?, device(&gnu.dev_minor)?)
                }
                (MemberKind::CharDevice | MemberKind::BlockDevice, _, Some(ustar)) => {
                    (device(&ustar.dev_major)?, device(&ustar.dev_minor)?)
                }
                _ => (0, 0),
            },
            xattrs: extensions.xattrs,
            content_at: at + BLOCK,
        })
    }

    /// Takes in an extension header: `L` and `K` hold a name, `x` and `g` pax records.
    fn extend(
        &mut self,
        header: &Header,
        at: u64,
        size: u64,
        extensions: &mut Extensions,
    ) -> Result<(), ReadError> {
        if size > MAX_EXTENSION {
            return Err(ReadError::ExtensionSize { at, size });
        }
        let mut content = vec![0; size as usize];
        self.read_exactly(&mut content, "an extension header")?;
        let twice = |what| Err(ReadError::Extension { at, what });
        let typeflag = header.as_old().linkflag[0];
        if typeflag != b'g' {
            extensions.at = Some(at);
        }
        match typeflag {
            b'L' if extensions.name.is_some() => return twice("gives a second name"),
            b'K' if extensions.link.is_some() => return twice("gives a second link target"),
            b'x' if extensions.pax => return twice("is the second of its kind for one member"),
            b'L' => extensions.name = Some(until_nul(&content).to_vec()),
            b'K' => extensions.link = Some(until_nul(&content).to_vec()),
            b'x' => extend_from_pax(&content, at, extensions)?,
            // Global records (a commit id of git archive, say) concern no member by itself; the
            // ones that would are refused.
            _ => refuse_global_overrides(&content, at)?,
        }
        Ok(())
    }

    /// One header block; `None` at a block of zeros or at the end of the input.
    fn read_header(&mut self) -> Result<Option<Header>, ReadError> {
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
        Ok((block != [0; BLOCK as usize]).then(|| Header::from_byte_slice(&block).clone()))
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

/// The content of one member, as a stream.
#[derive(Debug)]
pub struct Content<'a, R> {
    reader: &'a mut Reader<R>,
    end: u64,
}

impl<R: Skip> Read for Content<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.end - self.reader.position;
        let wanted = left.min(buffer.len() as u64) as usize;
        if wanted == 0 {
            return Ok(0);
        }
        let got = self.reader.input.read(&mut buffer[..wanted])?;
        if got == 0 {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                format!(
                    "the tar ends at byte {}, within the content of a member",
                    self.reader.position
                ),
            ));
        }
        self.reader.position += got as u64;
        Ok(got)
    }
}

impl<R: Skip> Skip for Content<'_, R> {
    fn skip(&mut self, count: u64) -> io::Result<u64> {
        let count = count.min(self.end - self.reader.position);
        let skipped = self.reader.input.skip(count)?;
        self.reader.position += skipped;
        Ok(skipped)
    }
}

fn content_end(header_at: u64, size: u64) -> Result<u64, ReadError> {
    size.checked_next_multiple_of(BLOCK)
        .and_then(|padded| padded.checked_add(header_at + BLOCK))
        .ok_or_else(|| ReadError::Number {
            at: header_at,
            field: "size",
            value: size.to_string(),
        })
}

fn checksum_matches(header: &Header) -> bool {
    let bytes = header.as_bytes();
    let field = &header.as_old().cksum;
    let sum: u32 = bytes.iter().map(|byte| u32::from(*byte)).sum::<u32>()
        - field.iter().map(|byte| u32::from(*byte)).sum::<u32>()
        + 8 * u32::from(b' ');
    octal(field).is_some_and(|stored| stored == u64::from(sum))
}

fn header_name(header: &Header) -> Vec<u8> {
    let name = until_nul(&header.as_old().name);
    match header.as_ustar() {
        // Only POSIX archives have a prefix; GNU tar keeps other fields in its place.
        Some(ustar) if !until_nul(&ustar.prefix).is_empty() => {
            [until_nul(&ustar.prefix), name].join(&b'/')
        }
        _ => name.to_vec(),
    }
}

/// The names of user and group, which headers of before 1988 do not have.
fn header_owner(header: &Header) -> [&[u8]; 2] {
    match (header.as_gnu(), header.as_ustar()) {
        (Some(gnu), _) => [&gnu.uname, &gnu.gname],
        (_, Some(ustar)) => [&ustar.uname, &ustar.gname],
        _ => [b"", b""],
    }
}

fn until_nul(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or_default()
}

fn number(at: u64, field: &'static str, bytes: &[u8]) -> Result<u64, ReadError> {
    let value = match bytes {
        // Base 256; the second highest bit is the sign, and nothing here may be negative.
        [first, rest @ ..] if first & 0x80 != 0 => {
            let mut digits = vec![first & 0x7f];
            digits.extend_from_slice(rest);
            let (high, low) = digits.split_at(digits.len() - 8.min(digits.len()));
            let low = low
                .iter()
                .fold(0, |value: u64, byte| value << 8 | u64::from(*byte));
            (high.iter().all(|byte| *byte == 0) && low <= i64::MAX as u64).then_some(low)
        }
        _ => octal(bytes),
    };
    value.ok_or_else(|| ReadError::Number {
        at,
        field,
        value: bytes.escape_ascii().to_string(),
    })
}

/// Octal digits between blanks, up to a NUL or blank; an empty field counts as 0, as in GNU tar.
fn octal(bytes: &[u8]) -> Option<u64> {
    let text = until_nul(bytes).trim_ascii();
    text.iter().try_fold(0_u64, |value, byte| match byte {
        b'0'..=b'7' => value.checked_mul(8)?.checked_add(u64::from(byte - b'0')),
        _ => None,
    })
}

fn extend_from_pax(records: &[u8], at: u64, extensions: &mut Extensions) -> Result<(), ReadError> {
    let wrong = |what| ReadError::Extension { at, what };
    extensions.pax = true;
    for (key, value) in pax_records(records, at)? {
        match key {
            // As C strings such names end there, and in other languages they do not.
            b"path" | b"linkpath" if value.contains(&0) => {
                return Err(wrong("has a NUL in a name"));
            }
            b"path" if extensions.name.is_some() => return Err(wrong("gives a second name")),
            b"path" => extensions.name = Some(value.to_vec()),
            b"linkpath" if extensions.link.is_some() => {
                return Err(wrong("gives a second link target"));
            }
            b"linkpath" => extensions.link = Some(value.to_vec()),
            b"size" if extensions.size.is_some() => return Err(wrong("gives a second size")),
            b"size" => extensions.size = Some(pax_number(value, "size", at)?),
            b"uid" => extensions.uid = Some(pax_number(value, "uid", at)?),
            b"gid" => extensions.gid = Some(pax_number(value, "gid", at)?),
            b"uname" => extensions.uname = Some(value.to_vec()),
            b"gname" => extensions.gname = Some(value.to_vec()),
            b"mtime" => extensions.mtime = Some(pax_seconds(value, at)),
            key if key.starts_with(b"GNU.sparse.") => {
                return Err(wrong("describes a sparse file, which is not supported"));
            }
            key => {
                if let Some(name) = key.strip_prefix(b"SCHILY.xattr.") {
                    extensions.xattrs.push((name.to_vec(), value.to_vec()));
                }
            }
        }
    }
    Ok(())
}

fn refuse_global_overrides(records: &[u8], at: u64) -> Result<(), ReadError> {
    for (key, _) in pax_records(records, at)? {
        if matches!(key, b"path" | b"linkpath" | b"size") {
            return Err(ReadError::Extension {
                at,
                what: "sets a name, link target or size for all members",
            });
        }
    }
    Ok(())
}

/// The key and the value of a pax record.
type PaxRecord<'a> = (&'a [u8], &'a [u8]);

fn pax_records(mut records: &[u8], at: u64) -> Result<Vec<PaxRecord<'_>>, ReadError> {
    let mut found = Vec::new();
    while !records.is_empty() {
        let (record, rest) = split_pax_record(records).ok_or(ReadError::Extension {
            at,
            what: "has a malformed pax record",
        })?;
        found.push(record);
        records = rest;
    }
    Ok(found)
}

/// Splits `LENGTH KEY=VALUE\n` off. Only the length says where the record ends: a value may hold
/// newlines, since names may.
fn split_pax_record(records: &[u8]) -> Option<(PaxRecord<'_>, &[u8])> {
    let blank = records.iter().position(|byte| *byte == b' ')?;
    let length = std::str::from_utf8(&records[..blank]).ok()?;
    let (record, rest) = records.split_at_checked(length.parse().ok()?)?;
    let record = record.get(blank + 1..)?.strip_suffix(b"\n")?;
    let equals = record.iter().position(|byte| *byte == b'=')?;
    Some(((&record[..equals], &record[equals + 1..]), rest))
}

fn pax_number(value: &[u8], field: &'static str, at: u64) -> Result<u64, ReadError> {
    std::str::from_utf8(value)
        .ok()
        .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))
        .and_then(|text| text.parse().ok())
        .filter(|number: &u64| i64::try_from(*number).is_ok())
        .ok_or_else(|| ReadError::Number {
            at,
            field,
            value: value.escape_ascii().to_string(),
        })
}

/// The whole seconds of a time, which may have a fraction.
fn pax_seconds(value: &[u8], at: u64) -> u64 {
    let whole = value.split(|byte| *byte == b'.').next();
    pax_number(whole.unwrap_or_default(), "mtime", at).unwrap_or_default()
}
