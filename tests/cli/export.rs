//! The flat tars of `builder export`, against GNU tar's of what umoci unpacks, and how they come
//! about: from whatever packing, the same each time, in little memory.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use nix_image_builder::commands::export_image;
use nix_image_builder::rootfs::merged::MergedTree;
use nix_image_builder::rootfs::tar_entries;
use nix_image_builder::tar::owner::Owner;
use nix_image_builder::tar::plan::Dialect;
use nix_image_builder::tar::plan::{DEFAULT_SOURCE_DATE_EPOCH, Entry};
use nix_image_builder::tar::read::{Member, Reader};
use nix_image_builder::tar::write;
use serde::Serialize;
use serde_json::{Value, json};

use crate::errors::tars::{Tar, config_of, gzip, header, xz, zstd};
use crate::flatten::{self, parse};
use crate::sandbox::Sandbox;
use crate::support::{Verdict, command, for_all, stdout};

/// Layers with what merging has to get right.
const LAYERS: &str = "
    ./
    a/
    a/old = x*3000
    600 a/keep = y*1
    gone = x*513
    lib -> a
    ---
    lib/new = z*600
    b => a/keep
    .wh.gone = -*0
    ---
    a/.wh..wh..opq = -*0
    a/newer = w*10
    null char 1:3";

/// An image archive of `layers`, the upper ones first; `pack` packs each.
fn image(layers: &[Vec<u8>], pack: fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let name = |number: usize| format!("{}/layer.tar", layers.len() - number);
    let mut archive = Tar::new();
    for (number, layer) in layers.iter().enumerate().rev() {
        archive = archive.file(&name(number), pack(layer));
    }
    let names: Vec<_> = (0..layers.len()).map(name).collect();
    let layers: Vec<_> = layers.iter().map(Vec::as_slice).collect();
    archive
        .file("config.json", config_of(&layers))
        .file("manifest.json", manifest(&names).to_string())
        .finish()
}

fn manifest<T: Serialize>(layers: &[T]) -> Value {
    json!([{ "Config": "config.json", "RepoTags": ["image:1"], "Layers": layers }])
}

fn tars(layers: &str) -> Vec<Vec<u8>> {
    parse(layers)
        .iter()
        .map(|layer| flatten::tar(layer))
        .collect()
}

fn attrs(sandbox: &Sandbox, image: &Path) -> Value {
    json!({
        "outputs": { "out": sandbox.out() },
        "export": { "fromImage": image, "fromImageName": "image", "fromImageTag": "1" },
    })
}

/// The flat tar of the archive `image`.
#[track_caller]
fn exported(image: &[u8], threads: &str) -> Vec<u8> {
    let sandbox = Sandbox::new();
    sandbox.write_attrs(&attrs(&sandbox, &sandbox.file("image", image)));
    let mut builder = sandbox.builder(&["export"]);
    let output = builder.env("NIX_BUILD_CORES", threads).output().unwrap();
    assert!(output.status.success(), "{}", sandbox.stderr(&output));
    fs::read(sandbox.out()).unwrap()
}

#[test]
fn any_layers_export_as_gnu_tar_packs_what_umoci_unpacks() {
    for_all(100, flatten::layers(), |layers| {
        let (layers, flat) = flatten::accepted(layers);
        same_as_gnu_tar(&flat, flatten::unpacked(&layers)?.path())
    });
}

/// The tar of `flat` is GNU tar's of the directory `root`, apart from the names of owners: those of
/// nixpkgs' virtual machine are not the ones here. The golden cases have them.
fn same_as_gnu_tar(flat: &MergedTree, root: &Path) -> Verdict {
    assert_eq!(export_image::DIALECT, Dialect::GnuWithoutGroups);
    let entries = tar_entries::entries(flat, DEFAULT_SOURCE_DATE_EPOCH).map(|entry| {
        let entry = entry.map_err(|error| error.to_string())?;
        let Owner { uid, gid, .. } = *entry.owner;
        let owner = Arc::new(Owner::numeric(uid, gid));
        Ok(Entry { owner, ..entry })
    });
    let (dialect, mut ours) = (Dialect::GnuNumericOwner, Vec::new());
    write::write_entries(dialect, entries, &mut ours, |error| error.to_string())?;

    fs::set_permissions(root, fs::Permissions::from_mode(0o755)).unwrap();
    let mut tar = command("tar");
    tar.args(["--hard-dereference", "--sort=name", "--numeric-owner"])
        .arg(format!("--mtime=@{DEFAULT_SOURCE_DATE_EPOCH}"))
        .arg("-C")
        .arg(root)
        .args(["-cf", "-", "."]);
    let theirs = stdout(&mut tar, b"");
    if ours == theirs {
        Ok(())
    } else {
        Err(format!(
            "ours:\n{}\ntheirs:\n{}",
            names(&ours),
            names(&theirs)
        ))
    }
}

fn members(tar: &[u8]) -> Vec<Member> {
    let mut reader = Reader::new(tar);
    std::iter::from_fn(|| reader.next_member().unwrap()).collect()
}

fn names(tar: &[u8]) -> String {
    let names = members(tar)
        .into_iter()
        .map(|member| format!("{member:?}\n"));
    names.collect()
}

#[test]
fn an_export_does_not_depend_on_packing_threads_or_chance() {
    let layers = tars(LAYERS);
    let plain = image(&layers, <[u8]>::to_vec);
    let expected = exported(&plain, "1");
    assert_eq!(members(&expected).len(), 6, "{}", names(&expected));
    for threads in ["1", "2", "16"] {
        assert!(exported(&plain, threads) == expected, "{threads} threads");
    }
    for (pack, name) in [(gzip as fn(&[u8]) -> _, "gzip"), (zstd, "zstd"), (xz, "xz")] {
        assert!(
            exported(&pack(&plain), "2") == expected,
            "an archive packed with {name}"
        );
        let packed = image(&layers, pack);
        assert!(
            exported(&packed, "2") == expected,
            "layers packed with {name}"
        );
        assert!(
            exported(&gzip(&packed), "2") == expected,
            "both, with {name}"
        );
    }
}

#[test]
fn a_layer_that_occurs_twice_counts_at_its_last_place() {
    let mut layers = tars("a = x*1\nl -> b\n---\na = y*2\nc/\nl/f = z*1\n.wh.b = -*0");
    layers.push(layers[0].clone());
    let tar = exported(&image(&layers, <[u8]>::to_vec), "2");
    let found: Vec<_> = members(&tar)
        .into_iter()
        .map(|member| (member.name, member.size))
        .collect();
    // The link is not there when `l/f` is placed, and so there is no `b/f`.
    let expected = [("./", 0), ("./a", 1), ("./c/", 0), ("./l", 0)];
    assert_eq!(
        found,
        expected.map(|(name, size)| (name.as_bytes().to_vec(), size))
    );
}

#[test]
fn extended_attributes_are_kept_but_those_of_overlayfs() {
    let layer = Tar::new()
        .pax(&[
            ("SCHILY.xattr.user.b", "2"),
            ("SCHILY.xattr.trusted.overlay.opaque", "y"),
            ("SCHILY.xattr.security.capability", "\u{1}\0\0\u{2}"),
            ("SCHILY.xattr.user.b", "3"),
        ])
        .file("f", "x");
    let tar = exported(&image(&[layer.finish()], <[u8]>::to_vec), "2");
    let xattrs = |name: &str, value: &[u8]| (name.as_bytes().to_vec(), value.to_vec());
    assert_eq!(
        members(&tar).pop().unwrap().xattrs,
        [
            xattrs("security.capability", b"\x01\0\0\x02"),
            xattrs("user.b", b"3")
        ]
    );
}

/// Runs a program and prints the most memory that it took, in KiB.
const MEASURE: &str = "
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
";

#[test]
fn a_huge_file_is_exported_in_little_memory() {
    const SIZE: u64 = 128 << 20;
    const MAX_KIB: u64 = 64 * 1024;
    let sandbox = Sandbox::new();
    let layer = Tar::new().header(&header("huge", b'0', SIZE, ""));
    let layer = sandbox.file("layer", layer.unfinished());
    let layer_size = lengthen(&layer, SIZE + 1024);
    let sum = stdout(command("sha256sum").arg(&layer), b"");
    let digest = format!("sha256:{}", String::from_utf8_lossy(&sum[..64]));
    let before = Tar::new()
        .file(
            "config.json",
            json!({ "rootfs": { "diff_ids": [digest] } }).to_string(),
        )
        .file("manifest.json", manifest(&["layer.tar"]).to_string())
        .header(&header("layer.tar", b'0', layer_size, ""))
        .header(&header("huge", b'0', SIZE, ""));
    let image = sandbox.file("image", before.unfinished());
    lengthen(&image, SIZE + 2 * 1024);

    let packed = sandbox.store_path("image.zst");
    let mut zstd = command("zstd");
    stdout(
        zstd.args(["-q", "-1"]).arg(&image).arg("-o").arg(&packed),
        b"",
    );
    for image in [image, packed] {
        sandbox.write_attrs(&attrs(&sandbox, &image));
        let arguments = ["-c", MEASURE, env!("CARGO_BIN_EXE_builder"), "export"];
        let output = sandbox.command("python3", &arguments).output().unwrap();
        assert!(output.status.success(), "{}", sandbox.stderr(&output));
        assert!(fs::metadata(sandbox.out()).unwrap().len() > SIZE);
        fs::remove_file(sandbox.out()).unwrap();
        let memory: u64 = String::from_utf8(output.stdout)
            .unwrap()
            .trim()
            .parse()
            .unwrap();
        assert!(memory < MAX_KIB, "{}: {memory} KiB", image.display());
    }
}

/// Appends `count` zeros that take no space, and says how long the file is then.
fn lengthen(path: &Path, count: u64) -> u64 {
    let file = File::options().write(true).open(path).unwrap();
    let size = file.metadata().unwrap().len() + count;
    file.set_len(size).unwrap();
    size
}
