//! Encodes tar headers as GNU tar 1.35 writes them in its own format (`--format=gnu`, its default).
//!
//! The format is described in GNU tar's manual, "Basic Tar Format"; `tests/cli/tar.rs` compares
//! with the real program.

use tar::{GnuHeader, Header};

use super::header::{BLOCK, device, put, seal, target, typeflag};
use crate::tar::plan::Entry;

/// The longest name or link target that fits a header, in bytes. It needs no NUL behind it.
const NAME_FIELD: usize = 100;

/// The name of the entry that carries a name or target which does not fit.
const LONG_LINK: &[u8] = b"././@LongLink";

/// The headers that introduce `entry`: its own, and before it one with the whole link target and
/// one with the whole name where they do not fit. Those belong to user 0 and group 0, which are
/// called `root`.
#[must_use]
pub fn headers(entry: &Entry, root: [&str; 2]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(BLOCK as usize);
    let target = target(entry);
    if target.len() > NAME_FIELD {
        push_long(&mut bytes, b'K', target, root);
    }
    if entry.name.len() > NAME_FIELD {
        push_long(&mut bytes, b'L', &entry.name, root);
    }
    push_header(&mut bytes, entry);
    bytes
}

/// The size of [`headers`] in bytes.
#[must_use]
pub fn headers_size(entry: &Entry) -> u64 {
    BLOCK + long_size(target(entry)) + long_size(&entry.name)
}

fn long_size(text: &[u8]) -> u64 {
    if text.len() > NAME_FIELD {
        BLOCK + (text.len() as u64 + 1).next_multiple_of(BLOCK)
    } else {
        0
    }
}

fn push_long(bytes: &mut Vec<u8>, typeflag: u8, text: &[u8], [user, group]: [&str; 2]) {
    let mut header = Header::new_gnu();
    let gnu = fields(&mut header);
    put(&mut gnu.name, LONG_LINK);
    put_number(&mut gnu.mode, 0o644);
    put_number(&mut gnu.uid, 0);
    put_number(&mut gnu.gid, 0);
    put_number(&mut gnu.size, text.len() as u64 + 1);
    put_number(&mut gnu.mtime, 0);
    put(&mut gnu.uname, user.as_bytes());
    put(&mut gnu.gname, group.as_bytes());
    gnu.typeflag = [typeflag];
    seal(&mut header);

    bytes.extend_from_slice(header.as_bytes());
    bytes.extend_from_slice(text);
    // The NUL that ends the text counts; what follows pads the block.
    let padded = (text.len() + 1).next_multiple_of(BLOCK as usize);
    bytes.resize(bytes.len() + padded - text.len(), 0);
}

fn push_header(bytes: &mut Vec<u8>, entry: &Entry) {
    let mut header = Header::new_gnu();
    let gnu = fields(&mut header);
    put(&mut gnu.name, &entry.name);
    put(&mut gnu.linkname, target(entry));
    put_number(&mut gnu.mode, u64::from(entry.mode));
    put_number(&mut gnu.uid, entry.owner.uid);
    put_number(&mut gnu.gid, entry.owner.gid);
    put_number(&mut gnu.size, entry.content_size());
    put_number(&mut gnu.mtime, entry.mtime);
    put(&mut gnu.uname, entry.owner.uname.as_bytes());
    put(&mut gnu.gname, entry.owner.gname.as_bytes());
    gnu.typeflag = [typeflag(&entry.kind)];
    if let Some((major, minor)) = device(&entry.kind) {
        put_number(&mut gnu.dev_major, major);
        put_number(&mut gnu.dev_minor, minor);
    }
    seal(&mut header);
    bytes.extend_from_slice(header.as_bytes());
}

fn fields(header: &mut Header) -> &mut GnuHeader {
    header
        .as_gnu_mut()
        .expect("`Header::new_gnu` makes a GNU header")
}

/// Writes `number` in octal with a NUL behind it, or, where it does not fit, in base 256 with the
/// highest bit set.
fn put_number(field: &mut [u8], number: u64) {
    let digits = field.len() - 1;
    if digits * 3 >= 64 || number < 1 << (digits * 3) {
        put(field, format!("{number:0digits$o}").as_bytes());
        return;
    }
    let bytes = number.to_be_bytes();
    let length = field.len().min(bytes.len());
    let at = field.len() - length;
    field[..at].fill(0);
    field[at..].copy_from_slice(&bytes[bytes.len() - length..]);
    field[0] |= 0x80;
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::tar::owner::Owner;

    #[test]
    fn the_entry_of_a_long_name_has_the_names_of_root() {
        let root = Arc::new(Owner::root());
        let entry = Entry::inline(&"n".repeat(101), Vec::new(), 0o644, &root, 0);
        let headers = headers(&entry, ["root", ""]);
        let long = Header::from_byte_slice(&headers[..BLOCK as usize]);
        assert_eq!(long.username_bytes(), Some(&b"root"[..]));
        assert_eq!(long.groupname_bytes(), Some(&b""[..]));
    }

    #[test]
    fn numbers_are_octal_while_they_fit() {
        let mut field = [0xff; 8];
        put_number(&mut field, 0o755);
        assert_eq!(&field[..7], b"0000755");
        let mut field = [0; 8];
        put_number(&mut field, 0o7_777_777);
        assert_eq!(&field, b"7777777\0");
    }

    #[test]
    fn numbers_that_do_not_fit_are_base_256() {
        let mut field = [0; 8];
        put_number(&mut field, 0o10_000_000);
        assert_eq!(field, [0x80, 0, 0, 0, 0, 0x20, 0, 0]);
        // `Header::new_gnu` does not leave every field empty.
        let mut field = *b"00000000000\0";
        put_number(&mut field, 1 << 33);
        assert_eq!(field, [0x80, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0]);
    }
}
