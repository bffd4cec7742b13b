//! Makes thousands of odd tars, always the same ones: every odd value of every field by itself, all
//! of them in random company, and the tars of real programs with bytes changed.

use std::fs;
use std::path::Path;

use crate::tars::{Checksum, GNU, Header, POSIX, Tar, V7, record, seal};

/// A tar, and what is odd about it.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) label: String,
    pub(crate) bytes: Vec<u8>,
}

/// Random numbers that never change: SplitMix64.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    pub(crate) fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    pub(crate) fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }
}

const MAGICS: &[&[u8]] = &[
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

const TYPEFLAGS: &[u8] = b"0123456\x007ABDEIKLMNSVXZgx\x01\xff ";

fn names() -> Vec<Vec<u8>> {
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
fn numbers(width: usize) -> Vec<Vec<u8>> {
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

fn pax_keys() -> Vec<&'static [u8]> {
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

const PAX_VALUES: &[&[u8]] = &[
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
fn malformed_records() -> Vec<Vec<u8>> {
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

/// A member, with good values where nothing else is asked for, between two good ones: what comes
/// after it shows whether all agree where it ends.
pub(crate) fn between(label: String, odd: Tar) -> Case {
    let before = Tar::new().file("before", "1");
    let bytes = Tar([before.0, odd.0].concat()).file("after", "22").finish();
    Case { label, bytes }
}

fn member(typeflag: u8, magic: &'static [u8]) -> Header {
    let mut header = Header::new(b"odd", typeflag, 0);
    header.magic = magic;
    if matches!(typeflag, b'1' | b'2') {
        header.link = b"before".to_vec();
    }
    header
}

type Change = Box<dyn Fn(&mut Header)>;

/// Everything that may be odd about one header, by itself.
fn header_changes() -> Vec<(String, Change)> {
    let mut changes: Vec<(String, Change)> = Vec::new();
    let mut push = |label: String, change: Change| changes.push((label, change));
    for name in names() {
        let shown = name.escape_ascii().to_string();
        let (as_link, as_prefix) = (name.clone(), name.clone());
        push(
            format!("name {shown}"),
            Box::new(move |header| header.name.clone_from(&name)),
        );
        push(
            format!("link {shown}"),
            Box::new(move |header| header.link.clone_from(&as_link)),
        );
        push(
            format!("prefix {shown}"),
            Box::new(move |header| header.prefix.clone_from(&as_prefix)),
        );
    }
    type Field = fn(&mut Header) -> &mut Vec<u8>;
    let fields: [(&str, usize, Field); 7] = [
        ("mode", 8, |header| &mut header.mode),
        ("uid", 8, |header| &mut header.uid),
        ("gid", 8, |header| &mut header.gid),
        ("size", 12, |header| &mut header.size),
        ("mtime", 12, |header| &mut header.mtime),
        ("major", 8, |header| &mut header.dev_major),
        ("minor", 8, |header| &mut header.dev_minor),
    ];
    for (label, width, field) in fields {
        for number in numbers(width) {
            push(
                format!("{label} {}", number.escape_ascii()),
                Box::new(move |header| field(header).clone_from(&number)),
            );
        }
    }
    for checksum in [Checksum::Signed, Checksum::Wrong] {
        push(
            format!("{checksum:?} checksum of ASCII"),
            Box::new(move |header| header.checksum = checksum),
        );
        push(
            format!("{checksum:?} checksum"),
            Box::new(move |header| {
                header.name = b"\xe9\xff".to_vec();
                header.checksum = checksum;
            }),
        );
    }
    push(
        "no magic, but owners".to_owned(),
        Box::new(|header| header.magic = V7),
    );
    push(
        "trailer of star".to_owned(),
        Box::new(|header| {
            header.prefix = [b"p".repeat(140), vec![0; 23], b"tar\0".to_vec()].concat();
        }),
    );
    push(
        "times of star".to_owned(),
        Box::new(|header| {
            header.prefix = [
                vec![0; 131],
                b"00000000001 00000000001 ".to_vec(),
                vec![0; 8],
                b"tar\0".to_vec(),
            ]
            .concat();
        }),
    );
    push(
        "times of GNU".to_owned(),
        Box::new(|header| header.prefix = b"00000000001\x0000000000001\0".to_vec()),
    );
    push(
        "sparse map of GNU".to_owned(),
        Box::new(|header| {
            header.prefix = [vec![0; 41], b"00000000000\x0000000000001\0".to_vec()].concat();
        }),
    );
    push(
        "names of owners without an end".to_owned(),
        Box::new(|header| {
            header.uname = vec![b'u'; 32];
            header.gname = vec![0xff; 32];
        }),
    );
    changes
}

fn systematic() -> Vec<Case> {
    let mut cases = Vec::new();
    for typeflag in TYPEFLAGS {
        for magic in MAGICS {
            for content in [0, 3, 600] {
                let mut header = member(*typeflag, magic);
                header.size = format!("{content:011o}\0").into_bytes();
                let odd = Tar::new().header(&header).content(&vec![b'c'; content]);
                let label = format!(
                    "type {} magic {} content {content}",
                    typeflag.escape_ascii(),
                    magic.escape_ascii()
                );
                cases.push(between(label, odd));
            }
        }
    }
    for (label, change) in header_changes() {
        for (typeflag, magic) in [
            (b'0', POSIX),
            (b'0', GNU),
            (b'0', V7),
            (0, V7),
            (b'5', POSIX),
            (b'5', GNU),
            (b'2', POSIX),
            (b'2', GNU),
            (b'1', GNU),
            (b'3', POSIX),
        ] {
            let mut header = member(typeflag, magic);
            change(&mut header);
            let label = format!("{label}, type {typeflag}, magic {}", magic.escape_ascii());
            cases.push(between(label, Tar::new().header(&header)));
        }
        // The same in the header of an extension, whose content is a good one.
        for (typeflag, content) in [(b'x', &b"12 path=good\n"[..]), (b'L', b"long")] {
            let content = if typeflag == b'x' {
                &record(b"path", b"good")
            } else {
                content
            };
            let mut header = Header::new(b"extension", typeflag, content.len());
            change(&mut header);
            let odd = Tar::new().header(&header).content(content);
            let label = format!("{label}, in {}", char::from(typeflag));
            cases.push(between(label, odd.header(&member(b'0', POSIX))));
        }
    }
    cases.extend(pax_cases());
    cases.extend(extension_cases());
    cases.extend(end_cases());
    cases
}

fn pax_cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for key in pax_keys() {
        for value in PAX_VALUES {
            for extension in [b'x', b'g'] {
                for typeflag in [b'0', b'2'] {
                    let records = record(key, value);
                    let odd = Tar::new()
                        .extension(extension, &records)
                        .header(&member(typeflag, POSIX));
                    let label = format!(
                        "{} {}={} before {}",
                        char::from(extension),
                        key.escape_ascii(),
                        value.escape_ascii(),
                        char::from(typeflag)
                    );
                    cases.push(between(label, odd));
                }
            }
        }
    }
    for content in malformed_records() {
        for extension in [b'x', b'g', b'X'] {
            let odd = Tar::new().extension(extension, &content);
            let label = format!("{} with {}", char::from(extension), content.escape_ascii());
            cases.push(between(label, odd.header(&member(b'0', POSIX))));
        }
    }
    cases
}

/// Extensions in company, and sizes that contradict each other.
fn extension_cases() -> Vec<Case> {
    let path = record(b"path", b"pax");
    let size = record(b"size", b"3");
    let comment = record(b"comment", b"c");
    let pieces: Vec<(u8, &[u8])> = vec![
        (b'x', &path),
        (b'x', &size),
        (b'x', &comment),
        (b'x', b""),
        (b'g', &comment),
        (b'g', &path),
        (b'L', b"long\0"),
        (b'L', b"long"),
        (b'L', b"lo\0ng"),
        (b'L', b"\0"),
        (b'L', b""),
        (b'L', b"long/"),
        (b'K', b"target\0"),
        (b'K', b""),
    ];
    let mut cases = Vec::new();
    for first in &pieces {
        for second in &pieces {
            for (typeflag, content) in [(b'0', 0), (b'0', 3), (b'2', 0), (b'5', 0), (b'1', 0)] {
                for magic in [POSIX, GNU] {
                    let mut header = member(typeflag, magic);
                    header.size = format!("{content:011o}\0").into_bytes();
                    let odd = Tar::new()
                        .extension(first.0, first.1)
                        .extension(second.0, second.1)
                        .header(&header)
                        .content(&vec![b'c'; content]);
                    let label = format!("{first:?}, {second:?}, type {typeflag}, {content} bytes");
                    cases.push(between(label, odd));
                }
            }
        }
    }
    for (extension, content) in &pieces {
        let dangling = Tar::new()
            .file("before", "1")
            .extension(*extension, content);
        for (what, bytes) in [("end", dangling.clone().finish()), ("nothing", dangling.0)] {
            let label = format!("{} before {what}", char::from(*extension));
            cases.push(Case { label, bytes });
        }
    }
    // A header of its own in the content: who takes the wrong size sees another member.
    let hidden = Tar::new().file("hidden", "").0;
    for header_size in [0, 3, 511, 512, 513, 1024] {
        for pax_size in [0, 3, 511, 512, 513, 1024] {
            for typeflag in [b'0', b'5', b'1'] {
                let mut header = member(typeflag, POSIX);
                header.size = format!("{header_size:011o}\0").into_bytes();
                let odd = Tar::new()
                    .pax(&[("size", &pax_size.to_string())])
                    .header(&header)
                    .content(&hidden);
                let label = format!("sizes {header_size} and {pax_size} of type {typeflag}");
                cases.push(between(label, odd));
            }
        }
    }
    cases
}

/// What may stand at the end.
fn end_cases() -> Vec<Case> {
    let good = Tar::new().file("first", "1").directory("d/").0;
    let second = Tar::new().file("second", "2").finish();
    let zeros = |count| vec![0; count];
    let ends: Vec<(&str, Vec<u8>)> = vec![
        ("nothing", zeros(0)),
        ("part of a zero block", zeros(100)),
        ("one zero block", zeros(512)),
        ("one and a half", zeros(700)),
        ("two", zeros(1024)),
        ("many", zeros(10240)),
        (
            "one, then an archive",
            [zeros(512), second.clone()].concat(),
        ),
        (
            "two, then an archive",
            [zeros(1024), second.clone()].concat(),
        ),
        (
            "three, then an archive",
            [zeros(1536), second.clone()].concat(),
        ),
        ("one, then junk", [zeros(512), b"junk".repeat(128)].concat()),
        (
            "two, then junk",
            [zeros(1024), b"junk".repeat(200)].concat(),
        ),
        (
            "one, then a little junk",
            [zeros(512), b"junk".to_vec()].concat(),
        ),
        ("junk", b"junk".repeat(128)),
        ("a little junk", b"junk".to_vec()),
        ("an archive", second),
    ];
    let mut cases = Vec::new();
    for (label, end) in ends {
        for start in [&good[..], b""] {
            cases.push(Case {
                label: format!("{} bytes, then {label}", start.len()),
                bytes: [start, &end].concat(),
            });
        }
    }
    let whole = Tar::new().file("a", [b'x'; 600]).file("b", "y").finish();
    for length in (0..whole.len()).step_by(100) {
        cases.push(Case {
            label: format!("the first {length} bytes"),
            bytes: whole[..length].to_vec(),
        });
    }
    cases
}

/// Odd members in odd company.
fn random(random: &mut Random, changes: &[(String, Change)], number: usize) -> Case {
    let mut tar = Tar::new();
    for _ in 0..=random.below(3) {
        while random.one_in(3) {
            tar = match random.below(4) {
                0 => tar.extension(b'L', random.pick::<Vec<u8>>(&names())),
                1 => tar.extension(b'K', random.pick::<Vec<u8>>(&names())),
                _ => {
                    let mut records = Vec::new();
                    for _ in 0..=random.below(2) {
                        let key = *random.pick(&pax_keys());
                        records.extend(record(key, random.pick::<&[u8]>(PAX_VALUES)));
                    }
                    tar.extension(*random.pick(b"xxxg"), &records)
                }
            };
        }
        let magic = if random.one_in(6) {
            random.pick(MAGICS)
        } else {
            random.pick(&MAGICS[..3])
        };
        let mut header = member(*random.pick(b"0001255\x007346"), magic);
        let content = if header.typeflag == b'0' {
            *random.pick(&[0, 1, 511, 512, 513])
        } else {
            0
        };
        header.size = format!("{content:011o}\0").into_bytes();
        while random.one_in(2) {
            (random.pick(changes).1)(&mut header);
        }
        tar = tar.header(&header).content(&vec![b'c'; content]);
    }
    let bytes = match random.below(6) {
        0 => tar.0,
        1 => [tar.0, vec![0; 512]].concat(),
        _ => tar.finish(),
    };
    Case {
        label: format!("random {number}"),
        bytes,
    }
}

/// The tars in `directory`; of real programs, each changed `times` times.
fn mutations(random: &mut Random, directory: &Path, times: usize) -> Vec<Case> {
    let mut paths: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    let mut cases = Vec::new();
    for path in paths {
        let bytes = fs::read(&path).unwrap();
        let label = path.file_name().unwrap().to_string_lossy().into_owned();
        // Those with a digest for a name were changed by a fuzzer already.
        let is_real = !label.bytes().all(|byte| byte.is_ascii_hexdigit());
        for number in 0..if is_real { times } else { 1 } {
            let mut changed = bytes.clone();
            mutate(random, &mut changed);
            cases.push(Case {
                label: format!("{label} changed, {number}"),
                bytes: changed,
            });
        }
        cases.push(Case { label, bytes });
    }
    cases
}

/// Changes some bytes, mostly of headers, and makes their checksums right again.
fn mutate(random: &mut Random, bytes: &mut Vec<u8>) {
    for _ in 0..=random.below(4) {
        let blocks = bytes.len() / 512;
        if blocks == 0 {
            return;
        }
        let at = random.below(blocks) * 512;
        match random.below(8) {
            0 => {
                let copied = bytes[at..at + 512].to_vec();
                let to = random.below(blocks) * 512;
                bytes.splice(to..to, copied);
            }
            1 => {
                bytes.drain(at..at + 512);
            }
            _ => {
                let offset = match random.below(3) {
                    0 => random.below(512),
                    1 => 100 + random.below(165),
                    _ => random.below(20),
                };
                let byte = *random.pick(b"\0\x01 /0017.\x80\xffxLKgS25");
                bytes[at + offset] = byte;
            }
        }
    }
    if random.one_in(10) {
        return;
    }
    for block in bytes.chunks_exact_mut(512) {
        if block[148..154].iter().all(u8::is_ascii_digit) {
            seal(block, Checksum::Unsigned);
        }
    }
}

/// All cases, always the same ones in the same order. `seeds` are tars of real programs.
pub(crate) fn cases(seeds: &Path) -> Vec<Case> {
    let mut source = Random(1980);
    let mut cases = systematic();
    let changes = header_changes();
    cases.extend((0..6000).map(|number| random(&mut source, &changes, number)));
    cases.extend(mutations(&mut source, seeds, 30));
    cases
}
