//! The tree that layers make together, against what the real umoci unpacks.
//!
//! A layer is written as lines like those of a tree, in the order of its tar; `---` begins the next
//! one. Each entry has an owner of its own, by its number: `7:7` is the seventh entry's.

mod entries;
mod generated;
mod links;
mod whiteouts;

use std::collections::HashMap;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;
use std::sync::Arc;

use expect_test::Expect;
use nix_image_builder::bytes::digest::Sha256;
use nix_image_builder::bytes::source::Range;
use nix_image_builder::bytes::source::RangeReader;
use nix_image_builder::bytes::source::Source;
use nix_image_builder::request::limits::Limits;
use nix_image_builder::rootfs::apply::Apply;
use nix_image_builder::rootfs::entry::{MergedKind, Metadata};
use nix_image_builder::rootfs::error::ApplyError;
use nix_image_builder::rootfs::merged::{MergedEntry, MergedTree, SharedFile, Step};
use nix_image_builder::tar::read::{MemberKind, Reader};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{command, output, same_text};
use crate::trees::{Content, Kind, Node, escape, join, parse_line};

pub(crate) use self::generated::{accepted, layers};

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
