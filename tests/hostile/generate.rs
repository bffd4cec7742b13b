//! Makes thousands of odd tars, always the same ones: every odd value of every field by itself, all
//! of them in random company, and the tars of real programs with bytes changed.

mod mutations;
mod values;

use std::path::Path;

use self::mutations::mutations;
use self::values::{MAGICS, PAX_VALUES, TYPEFLAGS, malformed_records, names, numbers, pax_keys};
use crate::tars::{Checksum, GNU, Header, POSIX, Tar, V7, record};

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

/// All cases, always the same ones in the same order. `seeds` are tars of real programs.
pub(crate) fn cases(seeds: &Path) -> Vec<Case> {
    let mut source = Random(1980);
    let mut cases = systematic();
    let changes = header_changes();
    cases.extend((0..6000).map(|number| random(&mut source, &changes, number)));
    cases.extend(mutations(&mut source, seeds, 30));
    cases
}
