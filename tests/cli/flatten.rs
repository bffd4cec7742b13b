//! The tree that layers make together, against what the real umoci unpacks.
//!
//! A layer is written as lines like those of a tree, in the order of its tar; `---` begins the next
//! one. Each entry has an owner of its own, by its number: `7:7` is the seventh entry's.

use std::collections::HashMap;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;
use std::sync::Arc;

use expect_test::{Expect, expect};
use nix_image_builder::bytes::digest::Sha256;
use nix_image_builder::bytes::source::Range;
use nix_image_builder::bytes::source::RangeReader;
use nix_image_builder::bytes::source::Source;
use nix_image_builder::request::limits::Limits;
use nix_image_builder::rootfs::apply::Apply;
use nix_image_builder::rootfs::entry::{MergedKind, Metadata};
use nix_image_builder::rootfs::error::ApplyError;
use nix_image_builder::rootfs::merged::{MergedEntry, MergedTree, SharedFile, Step};
use nix_image_builder::rootfs::unpack;
use nix_image_builder::tar::read::{MemberKind, Reader};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{command, for_all, output, same_text};
use crate::trees::{Content, Kind, Node, escape, join, parse_line};

/// An entry of a layer.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    name: Vec<u8>,
    node: Node,
    /// User and group.
    owner: u64,
}

pub(crate) type Layer = Vec<Item>;

/// The layers that `text` describes.
pub(crate) fn parse(text: &str) -> Vec<Layer> {
    let layers = text.split("---").map(|layer| {
        let lines = layer.lines().map(str::trim).filter(|line| !line.is_empty());
        let items = lines.map(|line| {
            let (name, node) = parse_line(line).unwrap_or_else(|| panic!("what is `{line}`?"));
            Item {
                name,
                node,
                owner: 0,
            }
        });
        items.collect()
    });
    numbered(layers.collect())
}

fn numbered(mut layers: Vec<Layer>) -> Vec<Layer> {
    for (owner, item) in (1..).zip(layers.iter_mut().flatten()) {
        item.owner = owner;
    }
    layers
}

/// The tar of a layer.
pub(crate) fn tar(layer: &[Item]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for item in layer {
        let mut header = tar::Header::new_gnu();
        let (typeflag, target, content) = match &item.node.kind {
            Kind::Directory => (b'5', &b""[..], Vec::new()),
            Kind::Regular { content, .. } => (b'0', &b""[..], content.bytes()),
            Kind::Symlink(target) => (b'2', target.as_slice(), Vec::new()),
            Kind::HardLink(target) => (b'1', target.as_slice(), Vec::new()),
            Kind::Fifo => (b'6', &b""[..], Vec::new()),
            Kind::CharDevice(..) => (b'3', &b""[..], Vec::new()),
            Kind::BlockDevice(..) => (b'4', &b""[..], Vec::new()),
        };
        if let Kind::CharDevice(major, minor) | Kind::BlockDevice(major, minor) = item.node.kind {
            header.set_device_major(major as u32).unwrap();
            header.set_device_minor(minor as u32).unwrap();
        }
        let old = header.as_old_mut();
        old.name[..item.name.len()].copy_from_slice(&item.name);
        old.linkname[..target.len()].copy_from_slice(target);
        old.linkflag = [typeflag];
        header.set_mode(item.node.mode);
        header.set_uid(item.owner);
        header.set_gid(item.owner);
        header.set_mtime(1_000_000 + item.owner);
        header.set_size(content.len() as u64);
        header.set_cksum();
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(&content);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    }
    bytes.extend_from_slice(&[0; 1024]);
    bytes
}

/// What we make of the layers, or which entry, counted from 0, is refused and why.
fn ours(layers: &[Layer]) -> Result<MergedTree, (usize, ApplyError)> {
    let mut file = tempfile::tempfile().unwrap();
    let tars: Vec<_> = layers.iter().map(|layer| tar(layer)).collect();
    file.write_all(&tars.concat()).unwrap();
    let source = Arc::new(Source::file(Path::new("layers"), file));

    let mut placing = Apply::new(&std::env::temp_dir(), &Limits::default());
    let (mut number, mut start) = (0, 0);
    for tar in &tars {
        placing.begin_layer();
        let mut reader = Reader::new(tar.as_slice());
        while let Some(member) = reader.next_member().unwrap() {
            let content = (member.kind == MemberKind::Regular).then(|| Range {
                source: Arc::clone(&source),
                offset: start + member.content_at,
                size: member.size,
                sparse: None,
            });
            let placed = placing.place(&member, content);
            placed.map_err(|error| (number, error))?;
            number += 1;
        }
        start += tar.len() as u64;
    }
    Ok(placing.finish().unwrap())
}

/// What umoci makes of the layers, listed.
fn theirs(layers: &[Layer]) -> Result<String, String> {
    let root = unpacked(layers)?;
    let mut listing = Listing::default();
    listing.push_disk(b"", root.path());
    Ok(listing.text)
}

/// A directory with what umoci unpacks of the layers; else, what it says.
pub(crate) fn unpacked(layers: &[Layer]) -> Result<TempDir, String> {
    let directory = tempfile::tempdir().unwrap();
    let image = directory.path();
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(image.join("blobs/sha256")).unwrap();
    let blob = |media: &str, bytes: &[u8]| {
        let digest = Sha256::of(bytes);
        fs::write(image.join("blobs/sha256").join(digest.hex()), bytes).unwrap();
        let media = format!("application/vnd.oci.image.{media}");
        json!({ "mediaType": media, "digest": digest.to_string(), "size": bytes.len() })
    };
    let layers: Vec<Value> = layers
        .iter()
        .map(|layer| blob("layer.v1.tar", &tar(layer)))
        .collect();
    let diff_ids: Vec<&Value> = layers.iter().map(|layer| &layer["digest"]).collect();
    let config = json!({
        "architecture": "amd64", "os": "linux", "config": {},
        "rootfs": { "type": "layers", "diff_ids": diff_ids },
    });
    let config = blob("config.v1+json", config.to_string().as_bytes());
    let manifest = json!({ "schemaVersion": 2, "config": config, "layers": layers });
    let mut manifest = blob("manifest.v1+json", manifest.to_string().as_bytes());
    manifest["annotations"] = json!({ "org.opencontainers.image.ref.name": "latest" });
    let index = json!({ "schemaVersion": 2, "manifests": [manifest] });
    fs::write(image.join("index.json"), index.to_string()).unwrap();
    fs::write(
        image.join("oci-layout"),
        r#"{"imageLayoutVersion":"1.0.0"}"#,
    )
    .unwrap();

    let mut umoci = command("umoci");
    umoci
        .args(["raw", "unpack", "--image"])
        .arg(format!("{}:latest", image.display()))
        .arg(root.path());
    let output = output(&mut umoci, b"");
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    Ok(root)
}

/// A tree as lines, with owners.
#[derive(Default)]
struct Listing {
    text: String,
    /// The first path of each file, by what tells files from each other.
    first: HashMap<FileId, Vec<u8>>,
}

/// What tells a file from others.
#[derive(PartialEq, Eq, Hash)]
enum FileId {
    MergedTree(SharedFile),
    /// Device and inode.
    Disk(u64, u64),
}

impl Listing {
    fn push(&mut self, [mode, uid, gid]: [u32; 3], path: &[u8], what: &str) {
        let path = escape(path);
        self.text += &format!("{mode:03o} {uid}:{gid} {path}{what}\n");
    }

    /// Whether the file has been listed by another path; then it is listed as a link to that.
    fn is_link(&mut self, path: &[u8], file: FileId) -> bool {
        if let Some(first) = self.first.get(&file) {
            self.text += &format!("{} => {}\n", escape(path), escape(first));
            return true;
        }
        self.first.insert(file, path.to_vec());
        false
    }

    fn push_flat(&mut self, entry: MergedEntry) {
        let Metadata { mode, uid, gid, .. } = entry.about;
        let (about, path) = ([mode, uid, gid], entry.path);
        match entry.kind {
            MergedKind::Directory => self.push(about, &path, "/"),
            MergedKind::File(range) => {
                let shared = entry.shared.map(FileId::MergedTree);
                if shared.is_some_and(|file| self.is_link(&path, file)) {
                    return;
                }
                let mut bytes = Vec::new();
                let mut content = RangeReader::new(range);
                content.read_to_end(&mut bytes).unwrap();
                self.push(about, &path, &self::content(&bytes, entry.about.mtime));
            }
            MergedKind::Symlink { target } => {
                let what = format!(" -> {}", escape(&target));
                self.push([0o777, uid, gid], &path, &what);
            }
            MergedKind::Special(kind) => {
                let kind = match Kind::of_special(kind) {
                    Kind::CharDevice(major, minor) => format!(" char {major}:{minor}"),
                    Kind::BlockDevice(major, minor) => format!(" block {major}:{minor}"),
                    _ => " fifo".to_owned(),
                };
                self.push(about, &path, &kind);
            }
        }
    }

    fn push_disk(&mut self, path: &[u8], at: &Path) {
        let metadata = fs::symlink_metadata(at).unwrap();
        let about = [metadata.mode() & 0o7777, metadata.uid(), metadata.gid()];
        let kind = metadata.file_type();
        let device = || {
            let device = metadata.rdev();
            format!(
                "{}:{}",
                nix::sys::stat::major(device),
                nix::sys::stat::minor(device)
            )
        };
        if kind.is_dir() {
            self.push(about, path, "/");
            let mut names: Vec<_> = at
                .read_dir()
                .unwrap()
                .map(|entry| entry.unwrap().file_name())
                .collect();
            names.sort();
            for name in names {
                self.push_disk(&join(path, name.as_bytes()), &at.join(name));
            }
        } else if kind.is_file() {
            if !self.is_link(path, FileId::Disk(metadata.dev(), metadata.ino())) {
                let bytes = fs::read(at).unwrap();
                self.push(about, path, &content(&bytes, metadata.mtime() as u64));
            }
        } else if kind.is_symlink() {
            let target = fs::read_link(at).unwrap();
            self.push(
                about,
                path,
                &format!(" -> {}", escape(target.as_os_str().as_bytes())),
            );
        } else if kind.is_char_device() {
            self.push(about, path, &format!(" char {}", device()));
        } else if kind.is_block_device() {
            self.push(about, path, &format!(" block {}", device()));
        } else {
            self.push(about, path, " fifo");
        }
    }
}

fn content(bytes: &[u8], mtime: u64) -> String {
    let Content { first, size } = Content::of(bytes);
    format!(" = {}*{size} @{mtime}", escape(&[first]))
}

fn listed(flat: &MergedTree) -> String {
    let mut listing = Listing::default();
    for step in flat.walk() {
        if let Step::Entry(entry) = step.unwrap() {
            listing.push_flat(entry);
        }
    }
    listing.text
}

/// The layers make the tree `expected`, and umoci makes the same.
#[track_caller]
fn check(layers: &str, expected: Expect) {
    let layers = parse(layers);
    let ours = listed(&ours(&layers).unwrap());
    expected.assert_eq(&ours);
    same_text(&ours, &theirs(&layers).unwrap()).unwrap();
}

/// The last entry of the layers is refused, by umoci too.
#[track_caller]
fn check_refused(layers: &str, expected: Expect) {
    let layers = parse(layers);
    let (number, error) = ours(&layers).unwrap_err();
    assert_eq!(number, layers.concat().len() - 1, "{error}");
    expected.assert_eq(&error.to_string());
    theirs(&layers).unwrap_err();
}

#[test]
fn a_whiteout_hides_a_file_and_a_directory_of_the_layers_below() {
    check(
        "d/
         d/f = x*1
         g = x*1
         h = x*1
         ---
         .wh.d = -*0
         ./.wh.g = -*0
         /.wh.nothing = -*0
         no/.wh.thing = -*0",
        expect![[r#"
            755 0:0 /
            644 4:4 h = x*1 @1000004
        "#]],
    );
}

#[test]
fn a_whiteout_leaves_what_its_own_layer_has_wherever_it_stands() {
    check(
        "a/
         a/old = x*1
         b/
         b/old = x*1
         c = x*1
         ---
         .wh.a = -*0
         a/
         a/new = y*1
         b/
         b/new = y*1
         .wh.b = -*0
         c = y*1
         .wh.c = -*0",
        expect![[r#"
            755 0:0 /
            755 7:7 a/
            644 8:8 a/new = y*1 @1000008
            755 9:9 b/
            644 10:10 b/new = y*1 @1000010
            644 12:12 c = y*1 @1000012
        "#]],
    );
}

#[test]
fn an_opaque_directory_has_only_what_its_own_layer_has() {
    check(
        "a/
         a/old = x*1
         a/both/
         a/both/old = x*1
         b/
         b/old = x*1
         ---
         a/both/
         a/both/new = y*1
         a/.wh..wh..opq = -*0
         a/new = y*1
         b/.wh..wh..opq = -*0",
        expect![[r#"
            755 0:0 /
            755 1:1 a/
            755 7:7 a/both/
            644 8:8 a/both/new = y*1 @1000008
            644 10:10 a/new = y*1 @1000010
            755 5:5 b/
        "#]],
    );
}

#[test]
fn an_opaque_root_hides_all_layers_below() {
    check(
        "a = x*1
         d/
         d/e = x*1
         ---
         d/f = y*1
         .wh..wh..opq = -*0",
        expect![[r#"
            755 0:0 /
            755 2:2 d/
            644 4:4 d/f = y*1 @1000004
        "#]],
    );
}

#[test]
fn a_whiteout_of_a_whiteout_brings_nothing_back() {
    check(
        "a = x*1
         b = x*1
         ---
         .wh.a = -*0
         .wh.b = -*0
         ---
         .wh.a = -*0
         b = y*1",
        expect![[r#"
            755 0:0 /
            644 6:6 b = y*1 @1000006
        "#]],
    );
}

#[test]
fn everything_but_a_directory_over_a_directory_replaces_what_was_there() {
    check(
        "700 a/
         a/f = x*1
         b/
         b/f = x*1
         c = x*1
         d -> c
         e -> b
         ---
         755 a/
         a/g = y*1
         b = y*1
         c/
         c/f = y*1
         d = y*1
         e/
         e/f = y*1",
        expect![[r#"
            755 0:0 /
            755 8:8 a/
            644 2:2 a/f = x*1 @1000002
            644 9:9 a/g = y*1 @1000009
            644 10:10 b = y*1 @1000010
            755 11:11 c/
            644 12:12 c/f = y*1 @1000012
            644 13:13 d = y*1 @1000013
            755 14:14 e/
            644 15:15 e/f = y*1 @1000015
        "#]],
    );
}

#[test]
fn entries_whose_directories_are_not_listed_get_some() {
    check(
        "700 a/
         ---
         a/b/c = x*1
         d/e/ ",
        expect![[r#"
            755 0:0 /
            700 1:1 a/
            755 0:0 a/b/
            644 2:2 a/b/c = x*1 @1000002
            755 0:0 d/
            755 3:3 d/e/
        "#]],
    );
}

#[test]
fn hard_links_share_the_file_that_they_find() {
    check(
        "a = x*1
         b => a
         d/c => ./b
         ---
         e => /a
         a = y*1
         f => a
         s -> d
         g => s/c",
        expect![[r#"
            755 0:0 /
            644 5:5 a = y*1 @1000005
            644 1:1 b = x*1 @1000001
            755 0:0 d/
            d/c => b
            e => b
            f => a
            g => b
            777 7:7 s -> d
        "#]],
    );
}

#[test]
fn hard_links_to_symlinks_are_symlinks() {
    check(
        "a -> b
         c => a",
        expect![[r#"
            755 0:0 /
            777 1:1 a -> b
            777 1:1 c -> b
        "#]],
    );
}

#[test]
fn names_lead_through_symlinks_and_never_out_of_the_root() {
    check(
        "usr/lib/
         lib -> usr/lib
         up -> ../../../usr
         abs -> /usr/lib
         chain -> abs
         none -> not/there
         ---
         lib/a = x*1
         up/b = x*1
         abs/c = x*1
         chain/d = x*1
         none/e = x*1
         lib/.wh.a = -*0",
        expect![[r#"
            755 0:0 /
            777 4:4 abs -> /usr/lib
            777 5:5 chain -> abs
            777 2:2 lib -> usr/lib
            777 6:6 none -> not/there
            755 0:0 not/
            755 0:0 not/there/
            644 11:11 not/there/e = x*1 @1000011
            777 3:3 up -> ../../../usr
            755 0:0 usr/
            644 8:8 usr/b = x*1 @1000008
            755 1:1 usr/lib/
            644 7:7 usr/lib/a = x*1 @1000007
            644 9:9 usr/lib/c = x*1 @1000009
            644 10:10 usr/lib/d = x*1 @1000010
        "#]],
    );
}

#[test]
fn a_whiteout_hides_what_a_symlink_leads_to() {
    check(
        "usr/lib/
         usr/lib/a = x*1
         lib -> usr/lib
         ---
         lib/.wh.a = -*0",
        expect![[r#"
            755 0:0 /
            777 3:3 lib -> usr/lib
            755 0:0 usr/
            755 1:1 usr/lib/
        "#]],
    );
}

#[test]
fn names_may_begin_with_a_slash_or_a_dot() {
    check(
        "1750 ./
         ./a = x*1
         /b = x*1
         ././c//d/ ",
        expect![[r#"
            1750 1:1 /
            644 2:2 a = x*1 @1000002
            644 3:3 b = x*1 @1000003
            755 0:0 c/
            755 4:4 c/d/
        "#]],
    );
}

#[test]
fn special_files_stay_what_they_are() {
    check(
        "622 p fifo
         4711 su = x*1
         666 null char 1:3
         660 disk block 8:1
         ---
         600 null block 7:0",
        expect![[r#"
            755 0:0 /
            660 4:4 disk block 8:1
            600 5:5 null block 7:0
            622 1:1 p fifo
            4711 2:2 su = x*1 @1000002
        "#]],
    );
}

#[test]
fn an_entry_below_a_file_is_refused() {
    check_refused(
        "a = x*1\n---\na/b/c = x*1",
        expect!["it lies below `a`, which is no directory"],
    );
}

#[test]
fn a_symlink_that_leads_around_in_circles_is_refused() {
    check_refused(
        "a -> b\nb -> a\na/c = x*1",
        expect!["`a` leads through more than 40 symlinks, perhaps around in circles"],
    );
}

#[test]
fn a_root_that_is_no_directory_is_refused() {
    check_refused(
        "a/\n. -> a",
        expect!["the root of an image has to be a directory"],
    );
}

#[test]
fn hard_links_to_nothing_are_refused() {
    check_refused(
        "a => b",
        expect!["it is a hard link to `b`, which neither this layer so far nor one below has"],
    );
    check_refused(
        "a = x*1\na => a",
        expect!["it is a hard link to `a`, which neither this layer so far nor one below has"],
    );
    check_refused(
        "a = x*1\n---\n.wh.a = -*0\nb => a",
        expect!["it is a hard link to `a`, which neither this layer so far nor one below has"],
    );
}

#[test]
fn a_hard_link_to_a_directory_is_refused() {
    check_refused(
        "a/\nb => a",
        expect!["it is a hard link to the directory `a`"],
    );
}

#[test]
fn what_umoci_takes_for_something_else_is_refused() {
    for (line, expected) in [
        (
            "a/../b = x*1",
            expect!["it would lead out of the image: `a/../b` has a part `..`"],
        ),
        (
            "b => ../a",
            expect!["it would lead out of the image: `../a` has a part `..`"],
        ),
        (
            "d/.wh. = -*0",
            expect!["it is a whiteout and does not name what it hides"],
        ),
        (
            "d/.wh... = -*0",
            expect!["it is a whiteout and does not name what it hides"],
        ),
        (
            "a char 4096:0",
            expect!["it is the device 4096:0; Linux has numbers up to 4095:1048575"],
        ),
    ] {
        let (_, error) = ours(&parse(line)).unwrap_err();
        expected.assert_eq(&error.to_string());
    }
}

/// Layers in few places, so that entries meet often.
pub(crate) fn layers() -> impl Strategy<Value = Vec<Layer>> {
    let path = vec(select(vec!["a", "b", "c"]), 1..=4).prop_map(|parts| parts.join("/"));
    let targets = [
        "a", "b", "c", "a/b", "b/c", ".", "..", "../a", "../../b", "/a", "/b/a", "/", "nothing",
    ];
    let target = select(targets.to_vec()).prop_map(|target| target.as_bytes().to_vec());
    let regular = (b'x'..=b'z', 0_usize..600).prop_map(|(first, size)| Kind::Regular {
        content: Content::new(first, size),
        mtime: 0,
    });
    let kind = prop_oneof![
        5 => Just(Kind::Directory),
        4 => regular,
        3 => target.prop_map(Kind::Symlink),
        2 => path.clone().prop_map(|path| Kind::HardLink(path.into_bytes())),
        1 => Just(Kind::Fifo),
        1 => Just(Kind::CharDevice(1, 3)),
    ];
    let whiteout = Kind::Regular {
        content: Content::new(0, 0),
        mtime: 0,
    };
    // The kernel lets the group of a set-gid directory go on below, which no layer says.
    let mode = select(vec![0o755_u32, 0o644, 0o4755, 0o1777, 0o600, 0]);
    let prefix = select(vec!["", "", "./", "/"]);
    let item =
        (prefix, path, kind, mode, 0..10).prop_map(move |(prefix, path, kind, mode, dice)| {
            let (above, last) = path.rsplit_once('/').unwrap_or((".", &path));
            let (name, kind) = match dice {
                0 => (format!("{prefix}{path}/.wh..wh..opq"), whiteout.clone()),
                1 | 2 => (format!("{prefix}{above}/.wh.{last}"), whiteout.clone()),
                _ => (format!("{prefix}{path}"), kind),
            };
            let (name, owner) = (name.into_bytes(), 0);
            let node = Node { mode, kind };
            Item { name, node, owner }
        });
    vec(vec(item, 1..14), 1..=4).prop_map(numbered)
}

/// `layers` without the entry `number`, counted from 0.
fn without(layers: &[Layer], number: usize) -> Vec<Layer> {
    let owner = layers.concat()[number].owner;
    let kept = |layer: &Layer| {
        layer
            .iter()
            .filter(|item| item.owner != owner)
            .cloned()
            .collect()
    };
    layers.iter().map(kept).collect()
}

/// `layers` up to the entry `number`, which is the last.
fn up_to(layers: &[Layer], number: usize) -> Vec<Layer> {
    let owner = layers.concat()[number].owner;
    let kept = |layer: &Layer| {
        layer
            .iter()
            .filter(|item| item.owner <= owner)
            .cloned()
            .collect()
    };
    layers.iter().map(kept).collect()
}

/// What of `layers` we do not refuse, and what we make of it.
pub(crate) fn accepted(mut layers: Vec<Layer>) -> (Vec<Layer>, MergedTree) {
    loop {
        match ours(&layers) {
            Ok(flat) => return (layers, flat),
            Err((number, _)) => layers = without(&layers, number),
        }
    }
}

#[test]
fn any_layers_make_the_tree_that_umoci_unpacks() {
    for_all(200, layers(), |layers| {
        let (layers, flat) = accepted(layers);
        same_text(&listed(&flat), &theirs(&layers)?)
    });
}

#[test]
fn any_tree_is_unpacked_as_umoci_unpacks_it() {
    for_all(100, layers(), |layers| {
        let (layers, flat) = accepted(layers);
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("root");
        unpack::unpack(&flat, &root).map_err(|error| error.to_string())?;
        let mut ours = Listing::default();
        ours.push_disk(b"", &root);
        same_text(&ours.text, &theirs(&layers)?)
    });
}

#[test]
fn any_entry_that_we_refuse_umoci_refuses_too() {
    for_all(100, layers(), |layers| match ours(&layers) {
        Ok(_) => Ok(()),
        Err((number, error)) => match theirs(&up_to(&layers, number)) {
            Err(_) => Ok(()),
            Ok(tree) => Err(format!("umoci does not say `{error}` but makes\n{tree}")),
        },
    });
}
