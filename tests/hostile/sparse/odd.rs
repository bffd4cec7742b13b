//! Sparse files that no program should write.

use std::ops::Range;

use super::{FORMS, File, old_of, with_records};
use crate::generate::{Case, Random, between};
use crate::tars::{GNU, POSIX, Tar, record};

/// Ways to write a number, most of them wrong.
const NUMBERS: &[&str] = &[
    "",
    "0",
    "1",
    "512",
    "1024",
    "00",
    "0512",
    "+512",
    "-1",
    " 512",
    "512 ",
    "5 12",
    "0x200",
    "512\0",
    "1_0",
    "1.0",
    "5e2",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551616",
    "00000000000000000000000512",
];

pub(super) fn changed_records(
    label: &str,
    good: &[(String, String)],
    content: &[u8],
    cases: &mut Vec<Case>,
) {
    let mut push = |what: String, records: &[(String, String)]| {
        let label = format!("{label}: {what}");
        cases.push(between(label, with_records(records, content)));
    };
    let text = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
    for (at, (key, value)) in good.iter().enumerate() {
        let mut fewer = good.to_vec();
        fewer.remove(at);
        push(format!("without {key}"), &fewer);
        for to in 0..good.len() {
            let mut moved = fewer.clone();
            moved.insert(to, good[at].clone());
            push(format!("{key} as number {to}"), &moved);
        }
        for other in NUMBERS
            .iter()
            .copied()
            .chain(["other", "dir/", "a,b", "0,512,", ",0,512"])
        {
            let mut changed = good.to_vec();
            changed[at].1 = other.to_owned();
            push(format!("{key}={other}"), &changed);
        }
        let mut twice = good.to_vec();
        twice.push((key.clone(), value.clone()));
        push(format!("{key} twice"), &twice);
    }
    for more in [
        ("major", "0"),
        ("major", "1"),
        ("minor", "1"),
        ("size", "4096"),
        ("realsize", "4096"),
        ("numblocks", "1"),
        ("numbytes", "512"),
        ("offset", "0"),
        ("map", "0,512"),
        ("name", "another"),
        ("other", "x"),
        (" path", "path"),
        (" path", "real"),
        (" size", "512"),
        (" size", "1024"),
        (" SCHILY.realsize", "1024"),
        (
            " comment",
            "20 GNU.sparse.offset=7\n22 GNU.sparse.numbytes=5\n",
        ),
        (" SCHILY.xattr.user.x", "a"),
        (" mtime", "5"),
        (" uid", "7"),
    ]
    .map(text)
    {
        for at in [0, good.len()] {
            let mut records = good.to_vec();
            records.insert(at, more.clone());
            push(format!("{}={} at {at}", more.0, more.1), &records);
        }
    }
    for (major, minor) in [
        ("0", "0"),
        ("0", "1"),
        ("0", "2"),
        ("1", "0"),
        ("1", "1"),
        ("2", "0"),
        ("01", "0"),
        ("", ""),
    ] {
        let mut records: Vec<_> = good.to_vec();
        records.retain(|(key, _)| key != "major" && key != "minor");
        records.splice(0..0, [text(("major", major)), text(("minor", minor))]);
        push(format!("version {major}.{minor}"), &records);
    }
}

/// Text in the place of the map of version 1.0.
pub(super) fn maps() -> Vec<Vec<u8>> {
    let mut maps: Vec<Vec<u8>> = [
        "",
        "\n",
        "0\n",
        "1\n",
        "2\n0\n512\n1024\n0",
        "2\n0\n512\n1024\n0\n",
        "3\n0\n512\n1024\n0\n",
        "1\n0\n512\n1024\n0\n",
        "2\n\n512\n1024\n0\n",
        "2 0 512 1024 0\n",
        "2\r\n0\r\n512\r\n1024\r\n0\r\n",
        "2\n0\n512\n1024\n0\nmore",
        "2\n0\n512\n1024\n0\n0\n",
        "-1\n",
        "99999999999\n0\n512\n",
        "9223372036854775807\n",
        "2\n0\n512\n1024\n0\0\n",
    ]
    .map(|map| map.as_bytes().to_vec())
    .to_vec();
    for number in NUMBERS {
        maps.push(format!("{number}\n0\n512\n1024\n0\n").into_bytes());
        maps.push(format!("2\n0\n{number}\n1024\n0\n").into_bytes());
        maps.push(format!("2\n0\n512\n{number}\n0\n").into_bytes());
    }
    maps
}

/// Odd places in a header of the type `S`.
pub(super) fn odd_places() -> Vec<(String, Tar)> {
    let place = |at: &str, size: &str| {
        let field = |text: &str| format!("{text:\0<12}");
        format!("{}{}", field(at), field(size))
    };
    let good = place("00000000000", "00000001000");
    let end = place("00000002000", "00000000000");
    let empty = place("", "");
    let mut cases: Vec<(String, Vec<String>)> = vec![
        (
            "an empty place first".into(),
            vec![empty.clone(), good.clone(), end.clone()],
        ),
        (
            "an empty place between".into(),
            vec![good.clone(), empty.clone(), end.clone()],
        ),
        (
            "empty places, then more blocks".into(),
            [vec![empty.clone(); 4], vec![good.clone(), end.clone()]].concat(),
        ),
        (
            "more blocks without a part".into(),
            vec![
                good.clone(),
                end.clone(),
                end.clone(),
                end.clone(),
                empty.clone(),
            ],
        ),
        (
            "a block with an empty place between".into(),
            vec![
                good.clone(),
                end.clone(),
                end.clone(),
                end.clone(),
                empty.clone(),
                end.clone(),
            ],
        ),
        (
            "the first part in another block".into(),
            [
                vec![place("00000000000", "00000000000"); 4],
                vec![good.clone(), end.clone()],
            ]
            .concat(),
        ),
    ];
    for number in [
        "",
        "0",
        "1000",
        " 1000",
        "1000 ",
        "+1000",
        "-1",
        "8",
        "x",
        "77777777777",
        "777777777777",
        "0000000100 ",
    ] {
        cases.push((
            format!("size {number:?}"),
            vec![place("00000000000", number), end.clone()],
        ));
        cases.push((
            format!("offset {number:?}"),
            vec![good.clone(), place(number, "00000000000")],
        ));
    }
    let cases = cases.into_iter();
    let content = File::new(&[(0, 512)], 0).content();
    cases
        .map(|(label, places)| (label, old_of(&places, 1024, &content)))
        .collect()
}

/// Changes in the header of each form.
pub(super) fn odd_headers() -> Vec<(String, Tar)> {
    let good = File::new(&[(0, 512), (1024, 0)], 1024);
    let mut cases = Vec::new();
    for (form, make) in FORMS {
        let tar = make(&good).0;
        // Behind the extension header, if there is one.
        let at = if form == "S" { 0 } else { 1024 };
        for typeflag in *b"01257SAgx\0L" {
            let mut changed = tar.clone();
            changed[at + 156] = typeflag;
            cases.push((format!("{form}, type {}", typeflag.escape_ascii()), changed));
        }
        for magic in [POSIX, GNU, b"\0\0\0\0\0\0\0\0", b"ustar\0\0\0"] {
            let mut changed = tar.clone();
            changed[at + 257..at + 265].copy_from_slice(magic);
            cases.push((format!("{form}, magic {}", magic.escape_ascii()), changed));
        }
        let places: [Range<usize>; 5] = [345..346, 357..358, 482..483, 484..486, 500..501];
        for place in places {
            for byte in *b"\x001\x01 \x80" {
                let mut changed = tar.clone();
                changed[at + place.start..at + place.end].fill(byte);
                cases.push((format!("{form}, {byte} at {}", place.start), changed));
            }
        }
        let extended = [
            Tar::new().extension(b'L', b"long\0"),
            Tar::new().extension(b'L', b"real\0"),
            Tar::new().extension(b'x', &record(b"path", b"path")),
            Tar::new().extension(b'x', &record(b"size", b"512")),
            Tar::new().extension(b'x', &record(b"mtime", b"3")),
            Tar::new().extension(b'g', &record(b"GNU.sparse.name", b"all")),
            Tar::new().extension(b'g', &record(b"comment", b"c")),
        ];
        for (number, before) in extended.into_iter().enumerate() {
            let both = [before.0, tar.clone()].concat();
            cases.push((format!("{form}, extended, {number}"), both));
        }
    }
    cases
        .into_iter()
        .map(|(label, mut bytes)| {
            for block in bytes.chunks_exact_mut(512) {
                if block[148..154].iter().all(u8::is_ascii_digit) {
                    crate::tars::seal(block, crate::tars::Checksum::Unsigned);
                }
            }
            (label, Tar(bytes))
        })
        .collect()
}

pub(super) fn random(random: &mut Random, number: usize) -> Case {
    let mut parts = Vec::new();
    let mut end = 0;
    for _ in 0..random.below(30) {
        end += *random.pick(&[0, 0, 1, 100, 512, 1024, 5000]);
        let size = *random.pick(&[0, 512, 512, 512, 1024, 1024, 512, 512, 512, 512, 3]);
        parts.push((end, size));
        end += size;
    }
    let end = end + *random.pick(&[0, 0, 7, 512]);
    if !random.one_in(6) {
        parts.push((end, 0));
    }
    let mut file = File::new(&parts, end);
    if random.one_in(10) {
        file.stored = Some(random.below(20_000));
    }
    let (form, make) = random.pick(&FORMS);
    between(format!("random {number}, {form}, {file:?}"), make(&file))
}
