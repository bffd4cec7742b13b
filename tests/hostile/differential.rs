//! What our reader accepts, GNU tar, bsdtar, Python and Go list in the same way: so an image has one
//! meaning, whoever looks at it.

use std::ffi::OsString;
use std::fmt;
use std::io::{Read, Seek, Write};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use nix_image_builder::tar::read::{MemberKind, ReadError, Reader};

use crate::generate::{self, Case};
use crate::sparse;
use crate::support::{command, judge, output, stdout};

/// A member as every judge tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    kind: char,
    /// Of regular files, else 0.
    size: u64,
    mode: u32,
    uid: u64,
    gid: u64,
    /// Of a directory, without slashes at the end.
    name: Vec<u8>,
    /// Of a link, else empty.
    link: Vec<u8>,
    /// The checksum (CRC-32) of the content of a regular file that is not too large to be read.
    sum: u32,
}

/// No content above this is read, in bytes; the judges know the same number.
const MAX_CONTENT: u64 = 1 << 20;

/// The members, or what is wrong.
type List = Result<Vec<Line>, String>;

impl Line {
    /// Leaves out what programs tell differently without meaning anything by it.
    fn plain(mut self) -> Self {
        if self.kind == 'd' {
            while self.name.ends_with(b"/") {
                self.name.pop();
            }
        }
        if self.kind != '-' {
            self.size = 0;
        }
        if !matches!(self.kind, 'l' | 'h') {
            self.link.clear();
        }
        self
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {} {:o} {}:{} {} -> {} {:08x}",
            self.kind,
            self.size,
            self.mode,
            self.uid,
            self.gid,
            self.name.escape_ascii(),
            self.link.escape_ascii(),
            self.sum
        )
    }
}

fn shown(list: &List) -> String {
    match list {
        Ok(lines) => lines.iter().map(|line| format!("    {line}\n")).collect(),
        Err(error) => format!("    refuses: {error}\n"),
    }
}

/// The bytes, without most of the NULs.
fn blocks(bytes: &[u8]) -> String {
    let texts = bytes.chunks(512).map(|block| {
        let parts = block
            .split(|byte| *byte == 0)
            .filter(|part| !part.is_empty());
        let parts: Vec<_> = parts.map(|part| part.escape_ascii().to_string()).collect();
        format!("    [{}]\n", parts.join(" "))
    });
    texts.collect()
}

/// What we read, and whether there are sparse files.
fn ours(bytes: &[u8]) -> Result<(Vec<Line>, bool), ReadError> {
    let mut reader = Reader::new(bytes);
    let mut lines = Vec::new();
    let mut has_sparse = false;
    while let Some(member) = reader.next_member()? {
        let kind = match member.kind {
            MemberKind::Regular => '-',
            MemberKind::HardLink => 'h',
            MemberKind::Symlink => 'l',
            MemberKind::CharDevice => 'c',
            MemberKind::BlockDevice => 'b',
            MemberKind::Directory => 'd',
            MemberKind::Fifo => 'p',
        };
        has_sparse |= member.sparse.is_some();
        let mut content = Vec::new();
        if kind == '-' && member.size <= MAX_CONTENT {
            let read = reader.content(&member).read_to_end(&mut content);
            // The rest of the tar is missing; the next member will say so.
            read.unwrap_or_default();
        }
        let line = Line {
            sum: crc(&content),
            kind,
            size: member.size,
            mode: member.mode,
            uid: member.uid,
            gid: member.gid,
            name: member.name,
            link: member.link,
        };
        lines.push(line.plain());
    }
    Ok((lines, has_sparse))
}

fn crc(content: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(content);
    crc.sum()
}

/// Runs a judge that lists many tars at once.
fn ask(judge: &mut Command, cases: &[&Case]) -> Vec<List> {
    let mut input = Vec::new();
    for case in cases {
        input.extend((case.bytes.len() as u64).to_le_bytes());
        input.extend(&case.bytes);
    }
    let printed = String::from_utf8(stdout(judge, &input)).unwrap();
    let mut lists = Vec::new();
    let mut list = Ok(Vec::new());
    for line in printed.lines() {
        if line == "." {
            lists.push(std::mem::replace(&mut list, Ok(Vec::new())));
        } else if let Some(error) = line.strip_prefix('!') {
            list = Err(error.to_owned());
        } else if let Ok(lines) = &mut list {
            lines.push(line_of_judge(line).plain());
        }
    }
    assert_eq!(lists.len(), cases.len(), "the judge answered for each tar");
    lists
}

fn line_of_judge(line: &str) -> Line {
    let fields: Vec<&str> = line.split(' ').collect();
    let [kind, size, mode, uid, gid, name, link, sum] = fields[..] else {
        panic!("no line of a judge: {line}");
    };
    Line {
        kind: kind.chars().next().unwrap(),
        // What is below zero equals nothing of ours.
        size: size.parse().unwrap_or(u64::MAX),
        mode: u32::from_str_radix(mode, 8).unwrap(),
        uid: uid.parse().unwrap_or(u64::MAX),
        gid: gid.parse().unwrap_or(u64::MAX),
        name: unhex(name),
        link: unhex(link),
        sum: sum.parse().unwrap(),
    }
}

fn unhex(text: &str) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).unwrap() as u8;
    let pairs = text.as_bytes().chunks_exact(2);
    pairs
        .map(|pair| digit(pair[0]) << 4 | digit(pair[1]))
        .collect()
}

/// GNU tar lists one tar at a time, so there is one process for each, and another one where there are sparse files:
/// a list says nothing of their content.
fn ask_gnu_tar(cases: &[&Case]) -> Vec<List> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let each = cases.len().div_ceil(threads).max(1);
    thread::scope(|scope| {
        let parts: Vec<_> = cases
            .chunks(each)
            .map(|part| {
                scope.spawn(|| {
                    part.iter()
                        .map(|case| ask_gnu_tar_once(&case.bytes))
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        let lists = parts.into_iter().flat_map(|part| part.join().unwrap());
        lists.collect()
    })
}

fn ask_gnu_tar_once(bytes: &[u8]) -> List {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file.rewind().unwrap();
    let mut tar = command("tar");
    tar.args(["--list", "--verbose", "--numeric-owner", "--full-time"])
        .args(["--quoting-style=c", "--absolute-names", "--file=-"])
        .env("TZ", "UTC")
        .stdin(file);
    let output = tar.output().unwrap();
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
    }
    let lines = output.stdout.split(|byte| *byte == b'\n');
    let lines = lines.filter(|line| !line.is_empty());
    let mut lines: Vec<Line> = lines.map(line_of_gnu_tar).collect::<Result<_, _>>()?;
    let (ours, has_sparse) = ours(bytes).unwrap_or((Vec::new(), true));
    if has_sparse && lines.iter().all(|line| line.size <= MAX_CONTENT) {
        unpack_with_gnu_tar(bytes, &mut lines)?;
        return Ok(lines);
    }
    for (line, ours) in lines.iter_mut().zip(ours) {
        line.sum = ours.sum;
    }
    Ok(lines)
}

/// Adds the checksums of the files that GNU tar unpacks.
fn unpack_with_gnu_tar(bytes: &[u8], lines: &mut [Line]) -> Result<(), String> {
    let directory = tempfile::tempdir().unwrap();
    let mut tar = command("tar");
    tar.args(["--extract", "--no-same-owner", "--file=-", "--directory"])
        .arg(directory.path());
    let output = output(&mut tar, bytes);
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
    }
    for line in lines.iter_mut().filter(|line| line.kind == '-') {
        let name = line.name.iter().copied().skip_while(|byte| *byte == b'/');
        let name = OsString::from_vec(name.collect());
        let content = std::fs::read(directory.path().join(name));
        line.sum = crc(&content.map_err(|error| error.to_string())?);
    }
    Ok(())
}

/// Reads `-rw-r--r-- 0/0 5 1970-01-01 00:00:00 "name"`, perhaps with `-> "target"` or
/// `link to "target"`.
fn line_of_gnu_tar(line: &[u8]) -> Result<Line, String> {
    let quote = line.iter().position(|byte| *byte == b'"');
    let (fields, names) = line.split_at(quote.ok_or("no name")?);
    let fields = std::str::from_utf8(fields).map_err(|error| error.to_string())?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let [mode, owner, size, ..] = fields[..] else {
        return Err(format!("no line of GNU tar: {fields:?}"));
    };
    let kind = match mode.chars().next() {
        Some('C') => '-',
        kind => kind.unwrap_or('?'),
    };
    let (uid, gid) = owner.split_once('/').unwrap_or((owner, ""));
    let (name, rest) = unquote(names);
    let link = match rest {
        b"" => Vec::new(),
        rest => {
            let quote = rest.iter().position(|byte| *byte == b'"');
            unquote(&rest[quote.ok_or_else(|| rest.escape_ascii().to_string())?..]).0
        }
    };
    let line = Line {
        kind,
        size: size.parse().unwrap_or(0),
        mode: mode_bits(mode),
        uid: uid.parse().unwrap_or(u64::MAX),
        gid: gid.parse().unwrap_or(u64::MAX),
        name,
        link,
        sum: 0,
    };
    Ok(line.plain())
}

/// The bits of `-rwsr-xr-t`.
fn mode_bits(text: &str) -> u32 {
    let bytes = text.as_bytes();
    let mut mode = 0;
    for (place, byte) in bytes[1..10].iter().enumerate() {
        if matches!(byte, b'r' | b'w' | b'x' | b's' | b't') {
            mode |= 0o400 >> place;
        }
        if matches!(byte.to_ascii_lowercase(), b's' | b't') {
            mode |= 0o4000 >> (place / 3);
        }
    }
    mode
}

/// Takes a quoted C string off.
fn unquote(text: &[u8]) -> (Vec<u8>, &[u8]) {
    let mut unquoted = Vec::new();
    let mut at = 1;
    while text[at] != b'"' {
        if text[at] != b'\\' {
            unquoted.push(text[at]);
            at += 1;
            continue;
        }
        let escaped = text[at + 1];
        at += 2;
        unquoted.push(match escaped {
            b'a' => 7,
            b'b' => 8,
            b't' => 9,
            b'n' => 10,
            b'v' => 11,
            b'f' => 12,
            b'r' => 13,
            b'0'..=b'7' => {
                let digits = &text[at - 1..at + 2];
                at += 2;
                digits.iter().fold(0, |value: u8, digit| {
                    value.wrapping_mul(8).wrapping_add(digit - b'0')
                })
            }
            other => other,
        });
    }
    (unquoted, &text[at + 1..])
}

/// `tests/judges/listtars.go`, built.
fn go() -> PathBuf {
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("listtars");
    let mut go = command("go");
    go.env("GO111MODULE", "off")
        .args(["build", "-o"])
        .arg(&program)
        .arg(judge("listtars.go"));
    stdout(&mut go, b"");
    program
}

fn python(library: &str) -> Command {
    let mut python = command("python3");
    python.arg(judge("list_tars.py")).arg(library);
    python
}

/// What the judges say of each case, in the same order.
fn ask_all(cases: &[&Case]) -> [(&'static str, Vec<List>); 4] {
    thread::scope(|scope| {
        let libarchive = scope.spawn(|| ask(&mut python("libarchive"), cases));
        let tarfile = scope.spawn(|| ask(&mut python("tarfile"), cases));
        let go = scope.spawn(|| ask(&mut Command::new(go()), cases));
        [
            ("GNU tar", ask_gnu_tar(cases)),
            ("bsdtar", libarchive.join().unwrap()),
            ("Python", tarfile.join().unwrap()),
            ("Go", go.join().unwrap()),
        ]
    })
}

/// Lists `cases`; those that we accept have to be listed alike by all. Says how many these are.
#[track_caller]
fn check(cases: &[Case]) -> usize {
    let (accepted, lists): (Vec<&Case>, Vec<List>) = cases
        .iter()
        .filter_map(|case| Some((case, Ok(ours(&case.bytes).ok()?.0))))
        .unzip();
    let judges = ask_all(&accepted);
    let mut differences = Vec::new();
    for (number, case) in accepted.iter().enumerate() {
        let others = judges.iter().map(|(name, said)| (*name, &said[number]));
        let differing: Vec<_> = others.filter(|(_, said)| **said != lists[number]).collect();
        if let Some((name, said)) = differing.first() {
            let also: Vec<&str> = differing.iter().map(|(name, _)| *name).collect();
            differences.push(format!(
                "{} ({}):\n{}  ours:\n{}  {name}:\n{}",
                case.label,
                also.join(", "),
                blocks(&case.bytes),
                shown(&lists[number]),
                shown(said)
            ));
        }
    }
    let count = differences.len();
    // Neighbours have much in common.
    let differences: Vec<_> = differences
        .into_iter()
        .step_by(count.div_ceil(SHOWN).max(1))
        .collect();
    assert!(
        count == 0,
        "{count} of {} tars that we accept are read differently:\n{}",
        accepted.len(),
        differences.join("\n")
    );
    accepted.len()
}

/// How many differences are worth reading at once.
const SHOWN: usize = 20;

#[test]
fn what_we_accept_gnu_tar_bsdtar_python_and_go_list_alike() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds/tar");
    let cases = generate::cases(&seeds);
    assert!(cases.len() >= 10_000, "{}", cases.len());
    let accepted = check(&cases);
    // Who refuses all agrees with everybody.
    assert!(accepted >= 2_500, "{accepted} of {}", cases.len());
}

#[test]
fn sparse_files_that_we_accept_have_the_same_content_for_all() {
    let cases = sparse::cases();
    assert!(cases.len() >= 1_500, "{}", cases.len());
    let accepted = check(&cases);
    assert!(accepted >= 500, "{accepted} of {}", cases.len());
}

#[test]
fn sparse_files_as_programs_write_them_are_accepted() {
    for case in sparse::good() {
        let read = ours(&case.bytes);
        assert!(read.is_ok_and(|(_, sparse)| sparse), "{}", case.label);
    }
}

/// The other direction: a base that all four read alike is not refused for nothing.
#[test]
fn few_odd_sparse_files_that_all_read_alike_are_refused() {
    let cases = sparse::cases();
    let refused: Vec<&Case> = cases
        .iter()
        .filter(|case| ours(&case.bytes).is_err())
        .collect();
    let judges = ask_all(&refused);
    let mut alike = Vec::new();
    for (number, case) in refused.iter().enumerate() {
        let first = &judges[0].1[number];
        if first.is_ok() && judges.iter().all(|(_, said)| said[number] == *first) {
            let error = ours(&case.bytes).unwrap_err();
            alike.push(format!("{}: {error}", case.label));
        }
    }
    assert!(
        // Records that are there twice, or that nobody knows; no program writes those.
        alike.len() * 15 < refused.len(),
        "{} of {}:\n{}",
        alike.len(),
        refused.len(),
        alike.join("\n")
    );
}
