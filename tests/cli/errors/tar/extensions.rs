//! Messages about extension headers: GNU tar's long names, and pax records.

use expect_test::expect;

use super::check;
use crate::errors::tars::{self, Tar, pax_records};

/// A tar of one empty file, before which there is an extension header with `records`.
fn pax(records: &[(&str, &str)]) -> Vec<u8> {
    Tar::new().pax(records).file("file", "").finish()
}

/// A tar of one empty file, before which there is an extension header of this type.
fn extension(typeflag: u8, content: &[u8]) -> Vec<u8> {
    let tar = Tar::new().extension(typeflag, content);
    tar.file("file", "").finish()
}

/// A second size is a second end of the content, and so another list of members.
#[test]
fn sizes_that_are_not_that_of_the_header_are_refused() {
    let size = |value| Tar::new().pax(&[("size", value)]);
    let two = Tar::new().pax(&[("size", "1"), ("size", "2")]);
    check(
        &[
            (
                "CVE-2025-62518: of what has no content",
                size("512")
                    .directory("directory/")
                    .content(&[b'x'; 512])
                    .finish(),
            ),
            (
                "CVE-2026-33055: another than in the header",
                size("3").file("file", "x").finish(),
            ),
            ("two in one header", two.file("file", "x").finish()),
            ("below zero", pax(&[("size", "-1")])),
            ("no file has it", pax(&[("size", "9223372036854775808")])),
        ],
        expect![[r#"
            CVE-2025-62518: of what has no content: the member at byte 1024 has 512 bytes of content, though its type has none
            CVE-2026-33055: another than in the header: the member at byte 1024 has two sizes: 1 in its header, 3 in the extension header before it
            two in one header: the extension header at byte 0 gives a second size
            below zero: the tar header at byte 0 has `-1` as size, which is no number or too large
            no file has it: the tar header at byte 0 has `9223372036854775808` as size, which is no number or too large
        "#]],
    );
}

#[test]
fn numbers_that_are_none_are_refused() {
    check(
        &[
            ("owner", pax(&[("uid", "root")])),
            // As the kernel takes this number for "leave the owner as it is", root would own the file.
            ("owner that no system has", pax(&[("uid", "4294967295")])),
            ("time", pax(&[("atime", "yesterday")])),
        ],
        expect![[r#"
            owner: the tar header at byte 0 has `root` as uid, which is no number or too large
            owner that no system has: the tar header at byte 0 has `4294967295` as uid, which is no number or too large
            time: the tar header at byte 0 has `yesterday` as time, which is no number or too large
        "#]],
    );
}

#[test]
fn names_that_no_file_has_are_refused() {
    let longer = tars::header("extension", b'L', 4, "");
    let longer = Tar::new().header(&longer).content(b"good/evil");
    check(
        &[
            ("pax name with a NUL", pax(&[("path", "good\0evil")])),
            ("empty pax name", pax(&[("path", "")])),
            ("empty long name", extension(b'L', b"\0")),
            (
                "long name that goes on behind its end",
                longer.file("file", "").finish(),
            ),
            ("too long", pax(&[("path", &"d/x".repeat(2000))])),
            ("unknown encoding", pax(&[("hdrcharset", "KOI8-R")])),
        ],
        expect![[r#"
            pax name with a NUL: the extension header at byte 0 has a NUL in a name
            empty pax name: the extension header at byte 0 has an empty record, which some programs pass over
            empty long name: the extension header at byte 0 gives an empty name
            long name that goes on behind its end: the extension header at byte 0 has a name that goes on behind its end
            too long: the member at byte 6656 has a name or link target of 6000 bytes; Linux has none above 4096
            unknown encoding: the extension header at byte 0 has names in an encoding that is not supported
        "#]],
    );
}

#[test]
fn malformed_pax_records_are_refused() {
    check(
        &[
            ("wrong length", extension(b'x', b"99 path=file\n")),
            ("no end", extension(b'x', b"12 path=file")),
            // Readers that split the records at line ends stop here, and miss the name behind.
            ("empty line before", extension(b'x', b"\n13 path=file\n")),
            ("key with a blank", pax(&[(" path", "other")])),
            ("of all members", extension(b'g', b"x")),
        ],
        expect![[r#"
            wrong length: the extension header at byte 0 has a malformed pax record
            no end: the extension header at byte 0 has a malformed pax record
            empty line before: the extension header at byte 0 has a malformed pax record
            key with a blank: the extension header at byte 0 has a malformed pax record
            of all members: the extension header at byte 0 has a malformed pax record
        "#]],
    );
}

#[test]
fn two_names_for_one_member_are_refused() {
    let long = |typeflag| Tar::new().extension(typeflag, b"first");
    let named = Tar::new().pax(&[("path", "first")]);
    check(
        &[
            (
                "two long names",
                long(b'L')
                    .extension(b'L', b"second")
                    .file("file", "")
                    .finish(),
            ),
            (
                "long name and pax name",
                long(b'L')
                    .pax(&[("path", "second")])
                    .file("file", "")
                    .finish(),
            ),
            (
                "two long targets",
                long(b'K')
                    .extension(b'K', b"second")
                    .symlink("file", "")
                    .finish(),
            ),
            (
                "long target and pax target",
                long(b'K')
                    .pax(&[("linkpath", "second")])
                    .symlink("file", "")
                    .finish(),
            ),
            (
                "two pax headers",
                named.pax(&[("path", "second")]).file("file", "").finish(),
            ),
        ],
        expect![[r#"
            two long names: the extension header at byte 1024 gives a second name
            long name and pax name: the extension header at byte 1024 gives a second name
            two long targets: the extension header at byte 1024 gives a second link target
            long target and pax target: the extension header at byte 1024 gives a second link target
            two pax headers: the extension header at byte 1024 is the second of its kind for one member
        "#]],
    );
}

#[test]
fn extensions_in_wrong_places_are_refused() {
    let behind = Tar::new()
        .extension(b'L', b"long\0")
        .extension(b'g', &pax_records(&[("comment", "x")]));
    check(
        &[
            (
                "no member behind",
                Tar::new().pax(&[("path", "first")]).finish(),
            ),
            (
                "name for all members",
                extension(b'g', &pax_records(&[("path", "evil")])),
            ),
            (
                "global one behind another",
                behind.file("file", "").finish(),
            ),
        ],
        expect![[r#"
            no member behind: the extension header at byte 0 has no member behind it
            name for all members: the extension header at byte 0 sets a name, link target, size or owner for all members
            global one behind another: the extension header at byte 1024 is a global one between a member and an extension header of its own
        "#]],
    );
}

#[test]
fn extensions_that_are_not_supported_are_refused() {
    let large = tars::header("extension", b'x', 8_000_000_000, "");
    check(
        &[
            ("would fill the memory", Tar::new().header(&large).finish()),
            (
                "sparse file of star",
                pax(&[("SCHILY.realsize", "1000000")]),
            ),
            ("directory of a backup", pax(&[("GNU.dumpdir", "Yfile\0")])),
        ],
        expect![[r#"
            would fill the memory: the extension header at byte 0 has 8000000000 bytes; 1048576 are allowed
            sparse file of star: the extension header at byte 0 describes a sparse file as only star and Solaris do, which is not supported
            directory of a backup: the extension header at byte 0 has records of GNU tar's backups, which are not supported
        "#]],
    );
}
