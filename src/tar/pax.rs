//! Encodes tar headers as `tarfile` of CPython 3.13 writes them in its default format: the pax
//! interchange format of POSIX.1-2001, with that module's choices where the standard leaves some.
//! Python 3.9 to 3.13 write the same; `tests/python/pax.rs` compares with the real program.
//!
//! A header holds ASCII only, and what does not fit is put in front of it, in records of an
//! extended header: `LENGTH KEYWORD=VALUE\n`. Extended attributes stand there first, by name, as
//! they are; `tarfile` would call all records binary when the value of one is.

use tar::{Header, UstarHeader};

use super::header::{BLOCK, device, put, seal, target, typeflag};
use crate::imitate::python;
use crate::tar::plan::Entry;

/// The name of the entry that carries the records. POSIX recommends another one.
const PAX_HEADER: &[u8] = b"././@PaxHeader";

/// Says that the values of all records are bytes of no particular encoding.
const BINARY: &[u8] = b"21 hdrcharset=BINARY\n";

/// The longest name or link target that fits a header, in bytes. It needs no NUL behind it.
const NAME_FIELD: usize = 100;

/// The longest user or group name that fits.
const OWNER_FIELD: usize = 32;

/// What stands before the name of an extended attribute: the keyword that GNU tar, libarchive and
/// the OCI's image specification have for them.
const XATTR: &[u8] = b"SCHILY.xattr.";

/// The octal digits that fit the fields of `uid` and `gid`, and those of `size` and `mtime`.
const ID_DIGITS: u32 = 7;
const SIZE_DIGITS: u32 = 11;

/// The headers that introduce `entry`: its own, and before it an extended one where it needs
/// records.
#[must_use]
pub fn headers(entry: &Entry) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(BLOCK as usize);
    push_records(&mut bytes, &records(entry));
    push_header(&mut bytes, entry);
    bytes
}

/// The size of [`headers`] in bytes.
#[must_use]
pub fn headers_size(entry: &Entry) -> u64 {
    match records(entry).len() as u64 {
        0 => BLOCK,
        length => 2 * BLOCK + length.next_multiple_of(BLOCK),
    }
}

/// The records for what the header of `entry` cannot hold; mostly none.
fn records(entry: &Entry) -> Vec<u8> {
    let owner = &entry.owner;
    let texts = [
        ("path", entry.name.as_slice(), NAME_FIELD),
        ("linkpath", target(entry), NAME_FIELD),
        ("uname", owner.uname.as_bytes(), OWNER_FIELD),
        ("gname", owner.gname.as_bytes(), OWNER_FIELD),
    ];
    let numbers = [
        ("uid", owner.uid, ID_DIGITS),
        ("gid", owner.gid, ID_DIGITS),
        ("size", entry.content_size(), SIZE_DIGITS),
        ("mtime", entry.mtime, SIZE_DIGITS),
    ];

    let mut records = Vec::new();
    if texts
        .iter()
        .any(|(_, text, _)| std::str::from_utf8(text).is_err())
    {
        records.extend_from_slice(BINARY);
    }
    for (name, value) in &entry.xattrs {
        push_record(&mut records, &[XATTR, name].concat(), value);
    }
    for (keyword, text, field) in texts {
        if !text.is_ascii() || text.len() > field {
            push_record(&mut records, keyword.as_bytes(), text);
        }
    }
    for (keyword, number, digits) in numbers {
        if !fits(number, digits) {
            let number = number.to_string();
            push_record(&mut records, keyword.as_bytes(), number.as_bytes());
        }
    }
    records
}

fn fits(number: u64, digits: u32) -> bool {
    number < 1 << (3 * digits)
}

/// The length counts itself. Where two lengths would be right, `tarfile` takes the smaller one.
fn push_record(records: &mut Vec<u8>, keyword: &[u8], value: &[u8]) {
    let rest = " =\n".len() + keyword.len() + value.len();
    let mut length = rest;
    while length != rest + length.to_string().len() {
        length = rest + length.to_string().len();
    }
    records.extend_from_slice(format!("{length} ").as_bytes());
    records.extend_from_slice(keyword);
    records.push(b'=');
    records.extend_from_slice(value);
    records.push(b'\n');
}

fn push_records(bytes: &mut Vec<u8>, records: &[u8]) {
    if records.is_empty() {
        return;
    }
    let mut header = Header::new_ustar();
    let ustar = fields(&mut header);
    put(&mut ustar.name, PAX_HEADER);
    put_number(&mut ustar.mode, 0);
    put_number(&mut ustar.uid, 0);
    put_number(&mut ustar.gid, 0);
    put_number(&mut ustar.size, records.len() as u64);
    put_number(&mut ustar.mtime, 0);
    ustar.typeflag = [b'x'];
    seal(&mut header);

    bytes.extend_from_slice(header.as_bytes());
    bytes.extend_from_slice(records);
    bytes.resize(bytes.len().next_multiple_of(BLOCK as usize), 0);
}

fn push_header(bytes: &mut Vec<u8>, entry: &Entry) {
    let or_zero = |number, digits| if fits(number, digits) { number } else { 0 };
    let mut header = Header::new_ustar();
    let ustar = fields(&mut header);
    put_text(&mut ustar.name, &entry.name);
    put_text(&mut ustar.linkname, target(entry));
    put_number(&mut ustar.mode, u64::from(entry.mode));
    put_number(&mut ustar.uid, or_zero(entry.owner.uid, ID_DIGITS));
    put_number(&mut ustar.gid, or_zero(entry.owner.gid, ID_DIGITS));
    put_number(&mut ustar.size, or_zero(entry.content_size(), SIZE_DIGITS));
    put_number(&mut ustar.mtime, or_zero(entry.mtime, SIZE_DIGITS));
    put_text(&mut ustar.uname, entry.owner.uname.as_bytes());
    put_text(&mut ustar.gname, entry.owner.gname.as_bytes());
    ustar.typeflag = [typeflag(&entry.kind)];
    // The fields of everything else stay NUL.
    if let Some((major, minor)) = device(&entry.kind) {
        put_number(&mut ustar.dev_major, major);
        put_number(&mut ustar.dev_minor, minor);
    }
    seal(&mut header);
    bytes.extend_from_slice(header.as_bytes());
}

fn fields(header: &mut Header) -> &mut UstarHeader {
    header
        .as_ustar_mut()
        .expect("`Header::new_ustar` makes a ustar header")
}

/// Copies as much of `text` as the field holds, each character that is not ASCII as one `?`.
fn put_text(field: &mut [u8], text: &[u8]) {
    let ascii = python::decode(text).map(|code_point| match u8::try_from(code_point) {
        Ok(byte) if byte.is_ascii() => byte,
        _ => b'?',
    });
    for (place, byte) in field.iter_mut().zip(ascii) {
        *place = byte;
    }
}

/// Writes `number` in octal with a NUL behind it.
fn put_number(field: &mut [u8], number: u64) {
    let digits = field.len() - 1;
    put(field, format!("{number:0digits$o}\0").as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_length(value_length: usize, expected: &[u8]) {
        let mut records = Vec::new();
        push_record(&mut records, b"path", &vec![b'x'; value_length]);
        assert!(records.starts_with(expected), "{}", records.escape_ascii());
    }

    #[test]
    fn the_length_of_a_record_counts_its_own_digits() {
        check_length(1, b"9 path=");
        check_length(2, b"11 path=");
        check_length(89, b"98 path=");
        check_length(90, b"99 path=");
        check_length(91, b"101 path=");
        check_length(989, b"999 path=");
        check_length(990, b"1001 path=");
    }
}
