//! What root layers find below them: the merged tree of an image on a disk. In virtual machines this is done
//! as root; here it is done alone in a process, so that the memory of the process is what it takes.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::sys::statvfs::statvfs;
use nix_image_builder::console::progress::Progress;
use nix_image_builder::foreign::base;
use nix_image_builder::foreign::images::selector::Selector;
use nix_image_builder::request::limits::Limits;
use nix_image_builder::rootfs::flatten;
use nix_image_builder::rootfs::unpack;
use serde_json::json;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

#[expect(
    dead_code,
    reason = "the other test binary makes more kinds of headers"
)]
#[path = "../hostile/tars.rs"]
mod tars;

use tars::{Header, Tar};

/// What nothing may take, in KiB: 64 MiB.
const MEMORY: u64 = 64 * 1024;

const ENTRIES: usize = 1_000_000;

/// How many names each file has: a name takes less time than a file.
const NAMES: usize = 10;

/// Where a million names take seconds and not minutes, if there is room.
const IN_MEMORY: &str = "/dev/shm";

/// Writes an image of a layer with so many entries, in a thousand directories.
fn write_image(path: &Path) -> io::Result<()> {
    let mut image = BufWriter::new(File::create(path)?);
    let size = 512 * ENTRIES + 1024;
    image.write_all(&Header::new(b"layer.tar", b'0', size).block())?;
    let mut sum = Sha256::new();
    let mut write = |block: &[u8]| {
        sum.update(block);
        image.write_all(block)
    };
    for number in 0..ENTRIES / NAMES {
        let file = format!("directory-{:03}/name-{number:013}", number % 1000);
        write(&Header::new(format!("{file}-0").as_bytes(), b'0', 0).block())?;
        for name in 1..NAMES {
            let mut link = Header::new(format!("{file}-{name}").as_bytes(), b'1', 0);
            link.link = format!("{file}-0").into_bytes();
            write(&link.block())?;
        }
    }
    write(&[0; 1024])?;
    let hex = |byte: &u8| format!("{byte:02x}");
    let diff_id: String = sum.finalize().iter().map(hex).collect();
    let config = json!({ "rootfs": { "diff_ids": [format!("sha256:{diff_id}")] } });
    let manifest = json!([{ "Config": "c.json", "Layers": ["layer.tar"] }]);
    let documents = Tar::new()
        .file("c.json", config.to_string())
        .file("manifest.json", manifest.to_string());
    image.write_all(&documents.finish())?;
    image.flush()
}

/// The most memory that this process has had, in KiB.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.and_then(|peak| peak.trim().strip_suffix(" kB"));
    peak.and_then(|peak| peak.parse().ok()).unwrap()
}

/// A new directory for a million files.
fn roomy() -> TempDir {
    let has_room = statvfs(IN_MEMORY).is_ok_and(|free| free.files_available() > 2 * ENTRIES as u64);
    if has_room {
        tempfile::tempdir_in(IN_MEMORY).unwrap()
    } else {
        tempfile::tempdir().unwrap()
    }
}

#[test]
fn a_million_entries_are_unpacked_in_little_memory() {
    let (directory, disk) = (tempfile::tempdir().unwrap(), roomy());
    let (path, root) = (directory.path().join("image"), disk.path().join("root"));
    write_image(&path).unwrap();

    let choice = Selector {
        name: None,
        tag: None,
        platform: None,
    };
    let image = base::read(&path, choice, (), &Limits::default(), Progress::Plain).unwrap();
    let flat = flatten::flatten(&image, directory.path()).unwrap();
    assert_eq!(flat.count(), 1 + 1000 + ENTRIES);
    unpack::unpack(&flat, &root).unwrap();

    let peak = peak();
    assert!(peak < MEMORY, "{peak} KiB");
    let name = |name| root.join(format!("directory-999/name-0000000099999-{name}"));
    let [first, last] = [0, NAMES - 1].map(|number| name(number).metadata().unwrap());
    assert_eq!((first.uid(), first.gid(), first.mtime()), (1, 2, 1));
    assert_eq!((first.ino(), first.nlink()), (last.ino(), NAMES as u64));
}
