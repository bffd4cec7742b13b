//! Makes tars member by member, good ones and bad ones, and image archives of them.

use std::io::Write;
use std::process::{Command, Stdio};
use std::thread;

use nix_image_builder::bytes::digest::Sha256;
use serde_json::{Value, json};

/// How long names in headers may be, in bytes.
const SHORT: usize = 100;

/// A tar that grows.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tar {
    bytes: Vec<u8>,
}

impl Tar {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        let content = content.as_ref();
        self.member(name, b'0', content.len() as u64, "")
            .content(content)
    }

    pub(crate) fn directory(self, name: &str) -> Self {
        self.member(name, b'5', 0, "")
    }

    pub(crate) fn symlink(self, name: &str, target: &str) -> Self {
        self.member(name, b'2', 0, target)
    }

    pub(crate) fn hard_link(self, name: &str, target: &str) -> Self {
        self.member(name, b'1', 0, target)
    }

    /// The header of a member, and before it what does not fit there.
    fn member(self, name: &str, typeflag: u8, size: u64, link: &str) -> Self {
        let mut records = vec![("path", name), ("linkpath", link)];
        records.retain(|(_, text)| text.len() > SHORT);
        let tar = match records.is_empty() {
            true => self,
            false => self.pax(&records),
        };
        let [name, link] = [name, link].map(|text| &text[..text.len().min(SHORT)]);
        tar.header(&header(name, typeflag, size, link))
    }

    /// A pax header with `records`: key and value of each.
    pub(crate) fn pax(self, records: &[(&str, &str)]) -> Self {
        self.extension(b'x', &pax_records(records))
    }

    /// An extension header of the type `typeflag`.
    pub(crate) fn extension(self, typeflag: u8, content: &[u8]) -> Self {
        self.header(&header("extension", typeflag, content.len() as u64, ""))
            .content(content)
    }

    pub(crate) fn header(mut self, header: &tar::Header) -> Self {
        self.bytes.extend_from_slice(header.as_bytes());
        self
    }

    /// Some bytes, and zeros up to a whole block.
    pub(crate) fn content(mut self, content: &[u8]) -> Self {
        self.bytes.extend_from_slice(content);
        let padded = self.bytes.len().next_multiple_of(512);
        self.bytes.resize(padded, 0);
        self
    }

    /// The bytes so far.
    pub(crate) fn unfinished(self) -> Vec<u8> {
        self.bytes
    }

    /// The bytes with an end marker.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.bytes.extend_from_slice(&[0; 1024]);
        self.bytes
    }
}

/// A header with a good checksum.
pub(crate) fn header(name: &str, typeflag: u8, size: u64, link: &str) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    let old = header.as_old_mut();
    old.name[..name.len()].copy_from_slice(name.as_bytes());
    old.linkname[..link.len()].copy_from_slice(link.as_bytes());
    old.linkflag = [typeflag];
    header.set_mode(0o755);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(size);
    header.set_cksum();
    header
}

/// `header` with `bytes` at `offset`, and a good checksum again.
pub(crate) fn patched(mut header: tar::Header, offset: usize, bytes: &[u8]) -> tar::Header {
    header.as_mut_bytes()[offset..offset + bytes.len()].copy_from_slice(bytes);
    header.set_cksum();
    header
}

pub(crate) fn pax_records(records: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (key, value) in records {
        let rest = format!(" {key}={value}\n");
        let length = (1..)
            .find(|length| length.to_string().len() + rest.len() == *length)
            .unwrap();
        bytes.extend_from_slice(format!("{length}{rest}").as_bytes());
    }
    bytes
}

/// The `manifest.json` of [`image`].
pub(crate) fn manifest() -> Value {
    json!([{ "Config": "config.json", "RepoTags": ["base:1"], "Layers": ["a/layer.tar"] }])
}

/// An image archive with one layer.
pub(crate) fn image() -> Vec<u8> {
    image_with(&manifest())
}

/// The same with another manifest.
pub(crate) fn image_with(manifest: &Value) -> Vec<u8> {
    members()
        .file("manifest.json", manifest.to_string())
        .finish()
}

/// The members of [`image`], without its manifest.
pub(crate) fn members() -> Tar {
    Tar::new()
        .file("config.json", config_of(&[&layer()]))
        .directory("a/")
        .file("a/layer.tar", layer())
}

/// The config of an image whose layers are `layers`, not packed.
pub(crate) fn config_of(layers: &[&[u8]]) -> String {
    let diff_ids = layers.iter().map(|layer| Sha256::of(layer).to_string());
    json!({
        "config": { "Env": ["A=1"] },
        "rootfs": { "type": "layers", "diff_ids": diff_ids.collect::<Vec<_>>() },
    })
    .to_string()
}

/// The layer of [`image`].
pub(crate) fn layer() -> Vec<u8> {
    Tar::new().directory("./").file("./hello", "hello").finish()
}

/// An image archive whose layer is `layer`.
pub(crate) fn image_of_layer(layer: &[u8]) -> Vec<u8> {
    Tar::new()
        .file("config.json", config_of(&[layer]))
        .file("a/layer.tar", layer)
        .file("manifest.json", manifest().to_string())
        .finish()
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    pack("gzip", &["-n"], bytes)
}

pub(crate) fn zstd(bytes: &[u8]) -> Vec<u8> {
    pack("zstd", &["-q", "--check"], bytes)
}

pub(crate) fn bzip2(bytes: &[u8]) -> Vec<u8> {
    pack("bzip2", &[], bytes)
}

pub(crate) fn xz(bytes: &[u8]) -> Vec<u8> {
    pack("xz", &[], bytes)
}

pub(crate) fn pack(program: &str, arguments: &[&str], bytes: &[u8]) -> Vec<u8> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("cannot start {program}: {error}"));
    let mut stdin = child.stdin.take().unwrap();
    let output = thread::scope(|scope| {
        // Both pipes may be full.
        scope.spawn(move || stdin.write_all(bytes).unwrap());
        child.wait_with_output().unwrap()
    });
    assert!(output.status.success(), "{program} failed");
    output.stdout
}
