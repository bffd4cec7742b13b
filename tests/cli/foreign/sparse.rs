//! Sparse files, as programs write them.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use nix_image_builder::bytes::source::Range;
use nix_image_builder::bytes::source::Source;
use nix_image_builder::tar::read::Reader;
use proptest::sample::select;
use serde_json::json;

use super::{file, files, image, is_taken, succeeds};
use crate::errors::image_attrs;
use crate::errors::tars::{Tar, bzip2, gzip, header, image_of_layer, pax_records};
use crate::sandbox::Sandbox;
use crate::support::{command, for_all, stdout};

/// A directory with sparse files of every kind, of 1 MiB or less.
fn sparse_tree(root: &Path) {
    let long = "n".repeat(120);
    let deep = "d".repeat(90);
    fs::create_dir_all(root.join("var").join(&deep)).unwrap();
    let make = |name: &str, size: u64, parts: &[(u64, &[u8])]| {
        let file = File::create(root.join("var").join(name)).unwrap();
        for (at, bytes) in parts {
            file.write_all_at(bytes, *at).unwrap();
        }
        file.set_len(size).unwrap();
    };
    let page = vec![b'p'; 4096];
    make("log", (512 << 10) + 4, &[(512 << 10, b"end\n")]);
    make("beginning", 4096, &[(0, &page)]);
    make("hole-at-the-end", 1 << 20, &[(0, &page)]);
    make(
        "between",
        1 << 20,
        &[(0, &page), (1 << 19, &page), ((1 << 20) - 3, b"abc")],
    );
    make("nothing-but-a-hole", 1 << 20, &[]);
    make("empty", 0, &[]);
    make("dense", 9, &[(0, b"no holes\n")]);
    make(&long, 64 << 10, &[(32 << 10, &page)]);
    make(&format!("{deep}/{long}"), 64 << 10, &[(32 << 10, &page)]);
    make("Grüße", 64 << 10, &[(32 << 10, &page)]);
    let pieces: Vec<(u64, &[u8])> = (0..60).map(|number| (number * 16384, &*page)).collect();
    make("pieces", 60 * 16384 + 1, &pieces);
    // A second name is a link in the tar.
    fs::hard_link(root.join("var/log"), root.join("var/other-name")).unwrap();
}

/// The programs that write sparse files, each in each of its ways.
fn packed_sparsely(root: &Path) -> Vec<(String, Vec<u8>)> {
    let ways: [&[&str]; 5] = [
        &["tar", "--sparse", "--format=gnu"],
        &["tar", "--sparse", "--format=posix", "--sparse-version=0.0"],
        &["tar", "--sparse", "--format=posix", "--sparse-version=0.1"],
        &["tar", "--sparse", "--format=posix", "--sparse-version=1.0"],
        &["bsdtar", "--format=pax"],
    ];
    let pack = |way: &&[&str]| {
        let mut tar: Command = command(way[0]);
        tar.args(&way[1..])
            .args(["-C"])
            .arg(root)
            .args(["-cf", "-", "var"]);
        (way.join(" "), stdout(&mut tar, b""))
    };
    ways.iter().map(pack).collect()
}

/// The files below `root`, as [`files`] has those of a tar.
fn files_on_disk(root: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut left = vec![root.to_owned()];
    while let Some(directory) = left.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                left.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap();
                found.push((name.to_owned(), fs::read(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

#[track_caller]
fn same_files(found: &[(String, Vec<u8>)], expected: &[(String, Vec<u8>)], label: &str) {
    let names = |files: &[(String, Vec<u8>)]| -> Vec<String> {
        files
            .iter()
            .map(|(name, content)| format!("{name} {}", content.len()))
            .collect()
    };
    assert_eq!(names(found), names(expected), "{label}");
    assert!(found == expected, "{label}: other contents");
}

#[test]
fn sparse_files_of_real_programs_are_expanded() {
    let tree = tempfile::tempdir().unwrap();
    sparse_tree(tree.path());
    let expected = files_on_disk(tree.path());
    for (label, layer) in packed_sparsely(tree.path()) {
        let has_sparse = {
            let mut reader = Reader::new(&*layer);
            let mut found = 0;
            while let Some(member) = reader.next_member().unwrap() {
                found += usize::from(member.sparse.is_some());
            }
            found
        };
        assert!(has_sparse >= 6, "{label}: {has_sparse}");

        let sandbox = Sandbox::new();
        let item = sandbox.file("item.tar", &layer);
        let attrs = json!({
            "outputs": { "out": sandbox.out() },
            "mergeDerivations": { "derivations": [item], "onlyDeps": false },
        });
        succeeds(&sandbox, "merge-derivations", &attrs);
        same_files(&files_on_disk(&sandbox.out()), &expected, &label);

        for stored in [layer.clone(), gzip(&layer)] {
            let (built, exported) = is_taken(&image(&[(&layer, &stored)]));
            same_files(&files(&exported), &expected, &label);
            // The base layer keeps its bytes.
            assert!(files(&built).contains(&file("0.tar", &stored)), "{label}");
        }
    }
}

/// bsdtar finds the holes of an unpacked image by itself.
#[test]
fn an_archive_whose_layers_are_sparse_files_is_taken() {
    let tree = tempfile::tempdir().unwrap();
    let zeros = vec![0; 300 << 10];
    let layer = Tar::new()
        .file("a", [&zeros[..], b"end"].concat())
        .file("b", "b")
        .finish();
    let whole = image(&[(&layer, &layer)]);
    let expected = files(&layer);
    let var = tree.path().join("var");
    fs::create_dir(&var).unwrap();
    for (name, content) in files(&whole) {
        fs::write(var.join(&name), &content).unwrap();
        // Holes in the place of zeros.
        let mut dig = command("fallocate");
        stdout(dig.arg("--dig-holes").arg(var.join(&name)), b"");
    }
    let ways: [&[&str]; 3] = [
        &["tar", "--sparse", "--format=gnu"],
        &["tar", "--sparse", "--format=posix"],
        &["bsdtar", "--format=pax"],
    ];
    for way in ways {
        let mut tar = command(way[0]);
        tar.args(&way[1..]).arg("-C").arg(&var).args(["-cf", "-"]);
        tar.args(["0.tar", "config.json", "manifest.json"]);
        let archive = stdout(&mut tar, b"");
        assert!(archive.len() < layer.len(), "{way:?} wrote no holes");
        for archive in [archive.clone(), gzip(&archive), bzip2(&archive)] {
            let (built, exported) = is_taken(&archive);
            same_files(&files(&exported), &expected, way[0]);
            assert!(files(&built).contains(&file("0.tar", &layer)), "{way:?}");
        }
    }
}

/// A file of pax version 1.0 with `parts`.
pub(super) fn sparse(parts: &[(u64, u64)], size: u64) -> Tar {
    let mut content = format!("{}\n", parts.len());
    for (at, count) in parts {
        content += &format!("{at}\n{count}\n");
    }
    let mut content = content.into_bytes();
    content.resize(content.len().next_multiple_of(512), 0);
    let stored: u64 = parts.iter().map(|(_, count)| count).sum();
    content.extend((0..stored).map(|at| (at % 251) as u8));
    let records = [
        ("GNU.sparse.major", "1"),
        ("GNU.sparse.minor", "0"),
        ("GNU.sparse.name", "sparse"),
        ("GNU.sparse.realsize", &size.to_string()),
    ];
    let records = pax_records(&records);
    let posix = |typeflag, size: usize| {
        let mut header = header("header", typeflag, size as u64, "");
        header.as_mut_bytes()[257..265].copy_from_slice(b"ustar\x0000");
        header.set_cksum();
        header
    };
    Tar::new()
        .header(&posix(b'x', records.len()))
        .content(&records)
        .header(&posix(b'0', content.len()))
        .content(&content)
}

#[test]
fn a_sparse_file_reads_alike_from_any_place() {
    let part = (
        select(vec![0_u64, 1, 512, 700, 5000]),
        select(vec![512_u64, 1024]),
    );
    let parts = proptest::collection::vec(part, 0..12);
    for_all(
        200,
        (parts, 1_usize..2000, 0_u64..600),
        |(gaps, step, tail)| {
            let mut end = 0;
            let mut parts = Vec::new();
            for (gap, count) in gaps {
                parts.push((end + gap, count));
                end += gap + count;
            }
            let size = end + tail;
            parts.push((size, 0));
            let tar = sparse(&parts, size).finish();
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("tar");
            fs::write(&path, &tar).unwrap();

            let mut reader = Reader::new(&*tar);
            let member = reader.next_member().unwrap().unwrap();
            let mut content = Vec::new();
            std::io::Read::read_to_end(&mut reader.content(&member), &mut content).unwrap();
            let range = Range {
                source: Arc::new(Source::file(&path, File::open(&path).unwrap())),
                offset: member.content_at,
                size: member.size,
                sparse: member.sparse.clone(),
            };
            let mut expected = vec![0; size as usize];
            let mut stored = 0_u64;
            for (at, count) in parts {
                for byte in &mut expected[at as usize..][..count as usize] {
                    *byte = (stored % 251) as u8;
                    stored += 1;
                }
            }
            prop_assert(content == expected, "as a stream")?;
            // Backwards, in pieces of any size.
            let mut buffer = vec![1; step];
            for start in (0..=expected.len()).rev().step_by(step) {
                let got = range.read_at(&mut buffer, start as u64).unwrap();
                let rest = &expected[start..];
                prop_assert(got > 0 || rest.is_empty(), "an end too early")?;
                prop_assert(buffer[..got] == rest[..got], "from a place")?;
            }
            prop_assert(reader.next_member().unwrap().is_none(), "a member too many")
        },
    );
}

fn prop_assert(holds: bool, what: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what.to_owned()) }
}

/// One that claims to have a terabyte is no trouble as long as nobody wants its content.
#[test]
fn a_huge_hole_stays_in_a_base_as_it_is() {
    let layer = sparse(&[(0, 512), (1 << 40, 0)], 1 << 40).finish();
    let sandbox = Sandbox::new();
    let path = sandbox.file("base.tar", image_of_layer(&layer));
    let mut attrs = image_attrs(&sandbox);
    attrs["image"]["fromImage"] = json!(path);
    succeeds(&sandbox, "image", &attrs);
}
