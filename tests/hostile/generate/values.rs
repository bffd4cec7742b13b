//! Odd values for what a header, or an extension, has.

use crate::tars::{GNU, POSIX, V7};

pub(super) const MAGICS: &[&[u8]] = &[
    POSIX,
    GNU,
    V7,
    b"ustar\0\0\0",
    b"ustar\x0001",
    b"ustar\x00  ",
    b"ustar 00",
    b"ustar  0",
    b"USTAR\x0000",
    b"ustarx00",
    b"\0\0\0\0\0\x0000",
];

pub(super) const TYPEFLAGS: &[u8] = b"0123456\x007ABDEIKLMNSVXZgx\x01\xff ";

pub(super) fn names() -> Vec<Vec<u8>> {
    let mut names: Vec<Vec<u8>> = [
        "",
        "/",
        ".",
        "..",
        "./",
        "/.",
        "//",
        "a/",
        "a//",
        "./a",
        "a/./b",
        "a//b",
        "../x",
        "/../x",
        "/abs",
        "a/../../x",
        "./.././..",
        "a b",
        "a\nb",
        "a\tb",
        "a\\b",
        "\\",
        "a\"b",
        "'",
        "-rf",
        "*",
        "\u{1}",
        "\u{7f}",
        "é",
        "e\u{301}",
        "日本",
        "\u{feff}x",
        ".wh.x",
        ".wh..wh..opq",
        "a ",
        " a",
        "C:\\x",
        "a:b",
        "begin 644 x",
        "././@LongLink",
        "PaxHeader/x",
        "./PaxHeaders.1/x",
        "GNUSparseFile.0/x",
        "#mtree",
        "._a",
    ]
    .iter()
    .map(|name| name.as_bytes().to_vec())
    .collect();
    for name in [
        &b"\xff"[..],
        b"a\xc3",
        b"\xed\xa0\x80",
        b"a\0b",
        b"\0a",
        b"a\0",
        b"d/\0x",
        b"\xc0\xaf",
    ] {
        names.push(name.to_vec());
    }
    for length in [99, 100, 101, 155, 156, 255, 256, 257, 300, 4096] {
        names.push(vec![b'n'; length]);
        names.push(format!("{}/", "d".repeat(length - 1)).into_bytes());
        names.push(format!("{}/..", "d".repeat(length - 3)).into_bytes());
    }
    names
}

/// Values for a numeric field of `width` bytes.
pub(super) fn numbers(width: usize) -> Vec<Vec<u8>> {
    let mut numbers: Vec<Vec<u8>> = [
        &b""[..],
        b"0",
        b"7",
        b" 7",
        b"7 ",
        b"  7 \0",
        b"7\0",
        b"7\x007",
        b"7 7",
        b"\x007",
        b"\0\x007",
        b" \x007",
        b"\t7",
        b"7\n",
        b"8",
        b"-1",
        b"+1",
        b"0x1",
        b"0o7",
        b"1_0",
        b"1.5",
        b"a",
        b"\xb2",
        b" ",
        b"        ",
        b"            ",
        b"77777777777777",
        b"00000000000000",
        b"\x80\0\0\0\0\0\0\0\0\0\0\x01",
    ]
    .iter()
    .map(|number| number[..number.len().min(width)].to_vec())
    .collect();
    for first in [0x80, 0x81, 0xbf, 0xc0, 0xff, 0x7f, 0x40] {
        for rest in [0, 1, 0x7f, 0xff] {
            let mut number = vec![rest; width];
            number[0] = first;
            numbers.push(number);
            let mut number = vec![0; width];
            number[0] = first;
            number[width - 1] = rest;
            numbers.push(number);
        }
    }
    for shift in [31, 32, 33, 62, 63] {
        let mut number = vec![0; width.saturating_sub(8)];
        let value = (1_u64 << shift).to_be_bytes();
        number.extend(&value[value.len() - width.min(8)..]);
        number[0] |= 0x80;
        numbers.push(number);
    }
    numbers
}

pub(super) fn pax_keys() -> Vec<&'static [u8]> {
    vec![
        b"path",
        b"linkpath",
        b"size",
        b"uid",
        b"gid",
        b"uname",
        b"gname",
        b"mtime",
        b"atime",
        b"ctime",
        b"comment",
        b"charset",
        b"hdrcharset",
        b"realtime.x",
        b"SCHILY.xattr.user.x",
        b"SCHILY.xattr.",
        b"SCHILY.realsize",
        b"SCHILY.filetype",
        b"SCHILY.devmajor",
        b"SCHILY.dev",
        b"SCHILY.fflags",
        b"SCHILY.acl.access",
        b"LIBARCHIVE.xattr.dXNlci54",
        b"LIBARCHIVE.creationtime",
        b"LIBARCHIVE.symlinktype",
        b"RHT.security.selinux",
        b"SUN.holesdata",
        b"SUN.devmajor",
        b"MSWINDOWS.rawsd",
        b"GNU.sparse.size",
        b"GNU.sparse.realsize",
        b"GNU.sparse.name",
        b"GNU.sparse.map",
        b"GNU.sparse.major",
        b"GNU.volume.label",
        b"GNU.volume.size",
        b"GNU.dumpdir",
        b"VENDOR.x",
        b"path\0",
        b"PATH",
        b" path",
        b"path ",
        b"",
        b"\xff",
        b"pa\nth",
    ]
}

pub(super) const PAX_VALUES: &[&[u8]] = &[
    b"",
    b"0",
    b"1",
    b"3",
    b"600",
    b"-1",
    b"+1",
    b"01",
    b"1.5",
    b"-1.5",
    b".5",
    b"1.",
    b"1e3",
    b" 1",
    b"1 ",
    b"0x10",
    b"a",
    b"1970-01-01",
    b"2097152",
    b"4294967296",
    b"9223372036854775807",
    b"9223372036854775808",
    b"18446744073709551616",
    b"other",
    b"dir/",
    b"../up",
    b"/etc/passwd",
    b"with\nnewline",
    b"nul\0inside",
    b"\xff\xfe",
    "é".as_bytes(),
    b"BINARY",
    b"ISO-IR 10646 2000 UTF-8",
    b"ISO-IR 8859 1 1998",
    b"a=b",
    b"dir",
    b"0,1",
    b"../../../../../../../../../../../../../../../../../../../../../../../../../../../../../../long/long",
];

/// What an extended header may hold that is not a list of good records.
pub(super) fn malformed_records() -> Vec<Vec<u8>> {
    [
        &b""[..],
        b"\0",
        b"x",
        b"5 a=\n",
        b"6 a=b\n",
        b"7 a=b\n",
        b"5 a=b\n",
        b"06 a=b\n",
        b"+7 a=b\n",
        b" 6 a=b\n",
        b"6\ta=b\n",
        b"6  a=b\n",
        b"5 =b\n",
        b"5 ab\n",
        b"3 \n",
        b"0 a=b\n",
        b"-6 a=b\n",
        b"99999999999999999999 a=b\n",
        b"6 a=b\0",
        b"6 a=bX",
        b"6 a=b",
        b"\n6 a=b\n",
        b"6 a=b\n\n",
        b"6 a=b\n\0",
        b"6 a=b\n\0\0\0",
        b"6 a=b\n6",
        b"6 a=b\n12 path=evil\n",
        b"6 a=b\n13 path=evil\n",
        b"6 a=b\n12 path=evil",
        b"0x6 a=b\n",
        b"12 path=evi\x00\n",
        b"12 path=evil\n12 path=good\n",
        b"10 size=1\n10 size=2\n",
        b"12 path=evil\nGARBAGE",
    ]
    .iter()
    .map(|content| content.to_vec())
    .collect()
}
