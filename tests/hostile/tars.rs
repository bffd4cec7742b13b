//! Makes tars field by field, as no program would write them.

/// A header block before it has a checksum. Every field holds the bytes that it will have.
#[derive(Debug, Clone)]
pub(crate) struct Header {
    pub(crate) name: Vec<u8>,
    pub(crate) mode: Vec<u8>,
    pub(crate) uid: Vec<u8>,
    pub(crate) gid: Vec<u8>,
    pub(crate) size: Vec<u8>,
    pub(crate) mtime: Vec<u8>,
    pub(crate) typeflag: u8,
    pub(crate) link: Vec<u8>,
    /// With the version: eight bytes.
    pub(crate) magic: &'static [u8],
    pub(crate) uname: Vec<u8>,
    pub(crate) gname: Vec<u8>,
    pub(crate) dev_major: Vec<u8>,
    pub(crate) dev_minor: Vec<u8>,
    /// Up to the end of the block: in GNU's own format it holds other things.
    pub(crate) prefix: Vec<u8>,
    pub(crate) checksum: Checksum,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Checksum {
    Unsigned,
    /// As old programs of Sun computed it: bytes above 127 count below zero.
    Signed,
    Wrong,
}

pub(crate) const POSIX: &[u8] = b"ustar\x0000";
pub(crate) const GNU: &[u8] = b"ustar  \0";
pub(crate) const V7: &[u8] = b"";

impl Header {
    /// A file, directory or link of a usual program.
    pub(crate) fn new(name: &[u8], typeflag: u8, size: usize) -> Self {
        Self {
            name: name.to_vec(),
            mode: b"0000755\0".to_vec(),
            uid: b"0000001\0".to_vec(),
            gid: b"0000002\0".to_vec(),
            size: format!("{size:011o}\0").into_bytes(),
            mtime: b"00000000001\0".to_vec(),
            typeflag,
            link: Vec::new(),
            magic: POSIX,
            uname: b"root".to_vec(),
            gname: b"root".to_vec(),
            dev_major: b"0000000\0".to_vec(),
            dev_minor: b"0000000\0".to_vec(),
            prefix: Vec::new(),
            checksum: Checksum::Unsigned,
        }
    }

    pub(crate) fn block(&self) -> Vec<u8> {
        let mut block = vec![0; 512];
        for (at, length, field) in [
            (0, 100, &self.name),
            (100, 8, &self.mode),
            (108, 8, &self.uid),
            (116, 8, &self.gid),
            (124, 12, &self.size),
            (136, 12, &self.mtime),
            (157, 100, &self.link),
            (265, 32, &self.uname),
            (297, 32, &self.gname),
            (329, 8, &self.dev_major),
            (337, 8, &self.dev_minor),
            (345, 167, &self.prefix),
        ] {
            let length = length.min(field.len());
            block[at..at + length].copy_from_slice(&field[..length]);
        }
        block[156] = self.typeflag;
        block[257..257 + self.magic.len()].copy_from_slice(self.magic);
        seal(&mut block, self.checksum);
        block
    }
}

/// Writes the checksum of a header block.
pub(crate) fn seal(block: &mut [u8], checksum: Checksum) {
    block[148..156].fill(b' ');
    let sum: i64 = match checksum {
        Checksum::Unsigned => block.iter().map(|byte| i64::from(*byte)).sum(),
        Checksum::Signed => block.iter().map(|byte| i64::from(byte.cast_signed())).sum(),
        Checksum::Wrong => 1,
    };
    block[148..156].copy_from_slice(format!("{:06o}\0 ", sum.max(0)).as_bytes());
}

/// A tar that grows.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tar(pub(crate) Vec<u8>);

impl Tar {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn header(mut self, header: &Header) -> Self {
        self.0.extend(header.block());
        self
    }

    /// Some bytes, and zeros up to a whole block.
    pub(crate) fn content(mut self, content: &[u8]) -> Self {
        self.0.extend_from_slice(content);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    pub(crate) fn file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        let content = content.as_ref();
        self.header(&Header::new(name.as_bytes(), b'0', content.len()))
            .content(content)
    }

    pub(crate) fn directory(self, name: &str) -> Self {
        self.header(&Header::new(name.as_bytes(), b'5', 0))
    }

    /// A symlink (`2`) or hard link (`1`).
    pub(crate) fn link(self, typeflag: u8, name: &str, target: &str) -> Self {
        let mut header = Header::new(name.as_bytes(), typeflag, 0);
        header.link = target.as_bytes().to_vec();
        self.header(&header)
    }

    /// An extension header of the type `typeflag`.
    pub(crate) fn extension(self, typeflag: u8, content: &[u8]) -> Self {
        let mut header = Header::new(b"extension", typeflag, content.len());
        if matches!(typeflag, b'L' | b'K') {
            header.magic = GNU;
        }
        self.header(&header).content(content)
    }

    /// A pax header with `records`: key and value of each.
    pub(crate) fn pax(self, records: &[(&str, &str)]) -> Self {
        let records: Vec<u8> = records
            .iter()
            .flat_map(|(key, value)| record(key.as_bytes(), value.as_bytes()))
            .collect();
        self.extension(b'x', &records)
    }

    /// The bytes with an end marker.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.0.extend_from_slice(&[0; 1024]);
        self.0
    }
}

/// One pax record.
pub(crate) fn record(key: &[u8], value: &[u8]) -> Vec<u8> {
    let rest = [b" ", key, b"=", value, b"\n"].concat();
    let length = (1..)
        .find(|length| length.to_string().len() + rest.len() == *length)
        .expect("some number is right");
    [length.to_string().as_bytes(), &rest].concat()
}
