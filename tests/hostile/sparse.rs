//! Makes tars of sparse files, good and bad ones, in each of the four forms that there are.

mod odd;

use self::odd::{changed_records, maps, odd_headers, odd_places, random};
use crate::generate::{Case, Random, between};
use crate::tars::{GNU, Header, POSIX, Tar, record};

/// The parts of a file, each with its offset and size, and the size of the whole.
#[derive(Debug, Clone)]
struct File {
    parts: Vec<(u64, u64)>,
    size: u64,
    /// How many bytes of content there are, if they are not those of the parts.
    stored: Option<usize>,
}

impl File {
    fn new(parts: &[(u64, u64)], size: u64) -> Self {
        Self {
            parts: parts.to_vec(),
            size,
            stored: None,
        }
    }

    fn content(&self) -> Vec<u8> {
        let sizes = self.parts.iter().map(|(_, size)| *size as usize);
        let stored = self.stored.unwrap_or_else(|| sizes.sum());
        (0..stored).map(|at| b'a' + (at / 7 % 26) as u8).collect()
    }
}

type Make = fn(&File) -> Tar;

/// The forms in which a tar can have a sparse file.
const FORMS: [(&str, Make); 4] = [("S", old), ("0.0", listed), ("0.1", mapped), ("1.0", whole)];

fn old(file: &File) -> Tar {
    let places = file
        .parts
        .iter()
        .map(|(at, size)| format!("{at:011o}\0{size:011o}\0"));
    old_of(&places.collect::<Vec<_>>(), file.size, &file.content())
}

/// A file of the type `S` with these places in its header, and in further blocks if need be.
fn old_of(places: &[String], size: u64, content: &[u8]) -> Tar {
    let (first, more) = places.split_at(places.len().min(4));
    let mut header = Header::new(b"odd", b'S', content.len());
    header.magic = GNU;
    header.prefix = vec![0; 41];
    header.prefix.extend(first.concat().into_bytes());
    header.prefix.resize(137, 0);
    header.prefix.push(u8::from(!more.is_empty()));
    header.prefix.extend(format!("{size:011o}\0").into_bytes());
    let mut tar = Tar::new().header(&header);
    let blocks: Vec<_> = more.chunks(21).collect();
    for (number, block) in blocks.iter().enumerate() {
        let mut bytes = block.concat().into_bytes();
        bytes.resize(504, 0);
        bytes.push(u8::from(number + 1 < blocks.len()));
        tar = tar.content(&bytes);
    }
    tar.content(content)
}

/// Version 0.0, with each part in records of its own.
fn listed(file: &File) -> Tar {
    let mut records = vec![
        ("size".to_owned(), file.size.to_string()),
        ("numblocks".to_owned(), file.parts.len().to_string()),
    ];
    for (at, size) in &file.parts {
        records.push(("offset".to_owned(), at.to_string()));
        records.push(("numbytes".to_owned(), size.to_string()));
    }
    with_records(&records, &file.content())
}

fn mapped(file: &File) -> Tar {
    with_records(&records_of_map(file), &file.content())
}

fn records_of_map(file: &File) -> Vec<(String, String)> {
    let map: Vec<String> = file
        .parts
        .iter()
        .map(|(at, size)| format!("{at},{size}"))
        .collect();
    [
        ("size", file.size.to_string()),
        ("numblocks", file.parts.len().to_string()),
        ("map", map.join(",")),
        ("name", "real".to_owned()),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .to_vec()
}

/// Version 1.0, with the map in front of the content.
fn whole(file: &File) -> Tar {
    let mut map = format!("{}\n", file.parts.len());
    for (at, size) in &file.parts {
        map += &format!("{at}\n{size}\n");
    }
    with_map(map.as_bytes(), file.size, &file.content())
}

fn records_of_whole(size: u64) -> Vec<(String, String)> {
    [
        ("major", "1"),
        ("minor", "0"),
        ("name", "real"),
        ("realsize", &size.to_string()),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .to_vec()
}

fn with_map(map: &[u8], size: u64, content: &[u8]) -> Tar {
    with_records(&records_of_whole(size), &in_front(map, content))
}

/// A map, and the content in the blocks behind it.
fn in_front(map: &[u8], content: &[u8]) -> Vec<u8> {
    let mut whole = map.to_vec();
    whole.resize(whole.len().next_multiple_of(512), 0);
    whole.extend(content);
    whole
}

/// A file with the records `GNU.sparse.KEY`, or `KEY` where that begins with a blank.
fn with_records(records: &[(String, String)], content: &[u8]) -> Tar {
    let records = records.iter().flat_map(|(key, value)| {
        let key = match key.strip_prefix(' ') {
            Some(other) => other.to_owned(),
            None => format!("GNU.sparse.{key}"),
        };
        record(key.as_bytes(), value.as_bytes())
    });
    Tar::new()
        .extension(b'x', &records.collect::<Vec<u8>>())
        .header(&header(content.len()))
        .content(content)
}

fn header(size: usize) -> Header {
    let mut header = Header::new(b"GNUSparseFile.0/odd", b'0', size);
    header.magic = POSIX;
    header
}

/// Maps as programs write them, and those next to them.
fn files() -> Vec<(String, File)> {
    let mut files: Vec<(String, File)> = [
        ("a hole", &[(0, 512), (2048, 3), (2051, 0)][..], 2051),
        ("a hole at the end", &[(0, 512), (4096, 0)], 4096),
        ("a hole at the beginning", &[(512, 512)], 1024),
        ("nothing but a hole", &[(4096, 0)], 4096),
        ("no hole", &[(0, 700)], 700),
        ("parts side by side", &[(0, 512), (512, 512)], 1024),
        ("an empty part at the beginning", &[(0, 0), (512, 5)], 517),
        (
            "an empty part between",
            &[(0, 512), (600, 0), (1024, 5)],
            1029,
        ),
        ("empty parts", &[(0, 0), (0, 0)], 0),
        ("an empty part of an empty file", &[(0, 0)], 0),
        ("no part", &[], 0),
        ("no part of a file", &[], 1000),
        ("a hole at the end that is not listed", &[(0, 512)], 4096),
        ("an offset within a block", &[(100, 512), (1000, 5)], 1005),
        ("a size within a block", &[(0, 100), (1024, 5)], 1029),
        ("a part behind the end", &[(0, 512), (1024, 512)], 1030),
        ("an empty part behind the end", &[(0, 512), (1025, 0)], 1024),
        ("an overlap", &[(0, 1024), (512, 512)], 1024),
        ("the wrong order", &[(1024, 512), (0, 512)], 1536),
        ("a part twice", &[(0, 512), (0, 512)], 512),
        ("an empty part within another", &[(0, 1024), (512, 0)], 1024),
    ]
    .map(|(label, parts, size)| (label.to_owned(), File::new(parts, size)))
    .to_vec();
    for count in [3, 4, 5, 24, 25, 26, 46, 47, 60] {
        let mut parts: Vec<_> = (0..count).map(|number| (number * 1024, 512)).collect();
        let size = count * 1024;
        parts.push((size, 0));
        files.push((format!("{count} parts"), File::new(&parts, size)));
    }
    for size in [1 << 33, 1 << 36, 1 << 40, i64::MAX as u64] {
        for parts in [&[(0, 512), (size, 0)][..], &[(0, 512), (size - 5, 5)]] {
            let label = format!("{} parts of {size} bytes", parts.len());
            files.push((label, File::new(parts, size)));
        }
    }
    for parts in [
        [(0, 512), (i64::MAX as u64, 1)],
        [(0, 512), (1024, i64::MAX as u64)],
        [(0, 512), (u64::MAX, 1)],
        [(0, 512), (1024, u64::MAX)],
    ] {
        let mut file = File::new(&parts, 4096);
        file.stored = Some(513);
        files.push((format!("{parts:?}"), file));
    }
    for stored in [0, 1, 511, 513, 514, 515, 1024, 1536] {
        let mut file = File::new(&[(0, 512), (1024, 2), (1026, 0)], 1026);
        file.stored = Some(stored);
        files.push((format!("{stored} bytes of 514"), file));
    }
    files
}

/// Files as GNU tar and bsdtar write them, in every form.
pub(crate) fn good() -> Vec<Case> {
    let files = files();
    let files = files.iter().take(6).chain(&files[21..30]);
    let cases = files.flat_map(|(label, file)| {
        FORMS.map(|(form, make)| between(format!("{label}, {form}"), make(file)))
    });
    cases.collect()
}

/// All cases, always the same ones in the same order.
pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (label, file) in files() {
        for (form, make) in FORMS {
            cases.push(between(format!("{label}, {form}"), make(&file)));
        }
    }
    let file = File::new(&[(0, 512), (1024, 0)], 1024);
    let content = file.content();
    changed_records("0.1", &records_of_map(&file), &content, &mut cases);
    let map = b"2\n0\n512\n1024\n0\n";
    let whole = in_front(map, &content);
    changed_records("1.0", &records_of_whole(1024), &whole, &mut cases);
    let listed: Vec<(String, String)> = [
        ("size", "1024"),
        ("numblocks", "2"),
        ("offset", "0"),
        ("numbytes", "512"),
        ("offset", "1024"),
        ("numbytes", "0"),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .to_vec();
    changed_records("0.0", &listed, &content, &mut cases);
    for map in maps() {
        let label = format!("map {}", map.escape_ascii());
        cases.push(between(label, with_map(&map, 1024, &content)));
    }
    let odd = odd_places().into_iter().chain(odd_headers());
    cases.extend(odd.map(|(label, tar)| between(label, tar)));
    let mut source = Random(1999);
    cases.extend((0..600).map(|number| random(&mut source, number)));
    cases
}
