//! Messages about the headers of members.

use expect_test::expect;

use super::check;
use crate::errors::tars::{self, Tar};

/// Where values stand in a header.
const NAME: usize = 0;
const MODE: usize = 100;
const UID: usize = 108;
const SIZE: usize = 124;
const MTIME: usize = 136;
const TYPE: usize = 156;
const MAGIC: usize = 257;
const PREFIX: usize = 345;

/// A tar of one file, whose header has `bytes` at `offset`.
fn header(offset: usize, bytes: &[u8]) -> Vec<u8> {
    let header = tars::patched(tars::header("file", b'0', 0, ""), offset, bytes);
    Tar::new().header(&header).finish()
}

#[test]
fn a_wrong_checksum_is_an_error() {
    let mut tar = Tar::new().file("file", "x").finish();
    tar[0] = b'F';
    check(
        &[("another letter", tar)],
        expect![[r#"
        another letter: no tar header at byte 0: its checksum is wrong
    "#]],
    );
}

#[test]
fn numbers_that_are_none_or_too_large_are_errors() {
    check(
        &[
            ("size that is not octal", header(SIZE, b"0000000009\0")),
            ("size below zero", header(SIZE, b"-0000000001\0")),
            ("size below zero in base 256", header(SIZE, &[0xff; 12])),
            (
                "size that no file has",
                header(SIZE, b"\x80\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff"),
            ),
            (
                "size beyond the end",
                header(SIZE, b"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff"),
            ),
            ("mode that is not octal", header(MODE, b"rwxr-xr-")),
            ("owner that is not octal", header(UID, b"root\0\0\0\0")),
            ("something behind a number", header(UID, b"0000\x0000\0")),
            ("time that is no number", header(MTIME, b"yesterday")),
        ],
        expect![[r#"
            size that is not octal: the tar header at byte 0 has `0000000009\x00\x00` as size, which is no number or too large
            size below zero: the tar header at byte 0 has `-0000000001\x00` as size, which is no number or too large
            size below zero in base 256: the tar header at byte 0 has `\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff` as size, which is no number or too large
            size that no file has: the tar header at byte 0 has `\x80\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff` as size, which is no number or too large
            size beyond the end: the tar ends at byte 1536, within the content of a member
            mode that is not octal: the tar header at byte 0 has `rwxr-xr-` as mode, which is no number or too large
            owner that is not octal: the tar header at byte 0 has `root\x00\x00\x00\x00` as uid, which is no number or too large
            something behind a number: the tar header at byte 0 has `0000\x0000\x00` as uid, which is no number or too large
            time that is no number: the tar header at byte 0 has `yesterday00\x00` as mtime, which is no number or too large
        "#]],
    );
}

#[test]
fn members_that_programs_read_in_different_ways_are_refused() {
    let two_names = tars::patched(tars::header("directory/", b'0', 0, ""), TYPE, b"\0");
    let two_names = Tar::new().extension(b'L', b"file\0").header(&two_names);
    let posix = tars::patched(tars::header("file", b'0', 0, ""), MAGIC, b"ustar\x0000");
    let two_parts = tars::patched(posix, PREFIX, b"directory/");
    check(
        &[
            ("unknown type", header(TYPE, b"Z")),
            ("no name", header(NAME, b"\0\0\0\0")),
            ("file with the name of a directory", header(NAME, b"file/")),
            ("no type and two names", two_names.finish()),
            ("link to nothing", Tar::new().symlink("link", "").finish()),
            // Python takes the times that GNU tar's backups have there for the beginning of the name.
            (
                "prefix in a header of GNU tar",
                header(PREFIX, b"00000000001\0"),
            ),
            (
                "prefix with a slash at its end",
                Tar::new().header(&two_parts).finish(),
            ),
        ],
        expect![[r#"
            unknown type: the member at byte 0 has the unsupported type `Z`
            no name: the member at byte 0 has no name
            file with the name of a directory: the member at byte 0 has a name that ends in `/`, but is no directory
            no type and two names: the member at byte 1024 has no type and two names, of which one is that of a directory
            link to nothing: the member at byte 0 is a link to nothing
            prefix in a header of GNU tar: the member at byte 0 has something where only POSIX headers have the first part of a long name
            prefix with a slash at its end: the member at byte 0 has a name in two parts, which programs join in different ways
        "#]],
    );
}
