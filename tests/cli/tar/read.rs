//! What our reader finds in tars of ours and of other programs.

use std::io::Read;
use std::path::Path;
use std::process::Command;

use nix_image_builder::tar::owner::Owner;
use nix_image_builder::tar::read::{Member, MemberKind, Reader};
use proptest::prelude::*;
use proptest::sample::select;

use super::{OWNERS, bytes, plan};
use crate::support::{command, for_all, judge, same_text, stdout};
use crate::trees::{Content, Kind, Node, Tree, any_tree, make, plain_tree};

/// The tree that our reader finds in `tar`. `owner` is everyone's.
fn read(tar: &[u8], owner: (u64, u64)) -> Result<Tree, String> {
    let mut tree = Tree::empty();
    let mut reader = Reader::new(tar);
    while let Some(member) = reader.next_member().map_err(|error| error.to_string())? {
        let mut content = Vec::new();
        let read = reader.content(&member).read_to_end(&mut content);
        read.map_err(|error| error.to_string())?;
        if (member.uid, member.gid) != owner {
            return Err(format!("{member:?} has another owner than {owner:?}"));
        }
        let node = node(&member, &content, &tree)?;
        tree.0.insert(path(&member.name), node);
    }
    Ok(tree)
}

/// A name without `./` before it and `/` behind.
fn path(name: &[u8]) -> Vec<u8> {
    let name = name.strip_suffix(b"/").unwrap_or(name);
    match name.strip_prefix(b"./") {
        Some(rest) => rest.to_vec(),
        None if name == b"." => Vec::new(),
        None => name.to_vec(),
    }
}

fn node(member: &Member, content: &[u8], before: &Tree) -> Result<Node, String> {
    let (major, minor) = member.device;
    let kind = match member.kind {
        MemberKind::HardLink => {
            let other = before.0.get(&path(&member.link));
            return other
                .cloned()
                .ok_or_else(|| format!("{member:?} leads nowhere"));
        }
        MemberKind::Symlink => {
            return Ok(Node {
                mode: 0,
                kind: Kind::Symlink(member.link.clone()),
            });
        }
        MemberKind::Regular => Kind::Regular {
            content: Content::of(content),
            mtime: 0,
        },
        MemberKind::Directory => Kind::Directory,
        MemberKind::Fifo => Kind::Fifo,
        MemberKind::CharDevice => Kind::CharDevice(major, minor),
        MemberKind::BlockDevice => Kind::BlockDevice(major, minor),
    };
    Ok(Node {
        mode: member.mode,
        kind,
    })
}

#[test]
fn what_we_write_is_what_we_read() {
    for_all(
        100,
        (any_tree(), select(OWNERS.to_vec())),
        |(tree, owner)| {
            let root = make(&tree);
            let plan = plan(root.path(), &Owner::in_nix_sandbox(owner.0, owner.1));
            let found = read(&bytes(&plan)?, owner)?;
            same_text(&found.to_string(), &tree.as_packed().to_string())
        },
    );
}

/// A program that packs the tree at a path for an owner.
type Packer = fn(&Path, (u64, u64), &str) -> Command;

fn by_gnu_tar(root: &Path, (uid, gid): (u64, u64), format: &str) -> Command {
    let mut tar = command("tar");
    tar.arg(format!("--format={format}"))
        .arg(format!("--owner=x:{uid}"))
        .arg(format!("--group=x:{gid}"))
        .arg("-C")
        .arg(root)
        .args(["-cf", "-", "."]);
    tar
}

fn by_bsdtar(root: &Path, (uid, gid): (u64, u64), format: &str) -> Command {
    let mut tar = command("bsdtar");
    tar.arg(format!("--format={format}"))
        .arg(format!("--uid={uid}"))
        .arg(format!("--gid={gid}"))
        .arg("-C")
        .arg(root)
        .args(["-cf", "-", "."]);
    tar
}

fn by_python(root: &Path, (uid, gid): (u64, u64), format: &str) -> Command {
    let mut python = command("python3");
    python
        .arg(judge("pack.py"))
        .arg(format)
        .arg(uid.to_string())
        .arg(gid.to_string())
        .arg(root);
    python
}

#[track_caller]
fn check_reading(packer: Packer, format: &str, trees: impl Strategy<Value = Tree>) {
    // The old formats have only octal numbers.
    let owner = match format {
        "v7" | "ustar" => (1234, 43210),
        _ => (2_097_153, 2_100_000_000),
    };
    for_all(12, trees, |tree| {
        let root = make(&tree);
        let tar = stdout(&mut packer(root.path(), owner, format), b"");
        let found = read(&tar, owner)?;
        same_text(&found.to_string(), &tree.as_packed().to_string())
    });
}

#[test]
fn what_gnu_tar_writes_is_read() {
    check_reading(by_gnu_tar, "gnu", any_tree());
    check_reading(by_gnu_tar, "posix", any_tree());
    check_reading(by_gnu_tar, "oldgnu", any_tree());
    check_reading(by_gnu_tar, "ustar", plain_tree());
    check_reading(by_gnu_tar, "v7", plain_tree());
}

#[test]
fn what_bsdtar_writes_is_read() {
    check_reading(by_bsdtar, "gnutar", any_tree());
    check_reading(by_bsdtar, "pax", any_tree());
    check_reading(by_bsdtar, "ustar", plain_tree());
    check_reading(by_bsdtar, "v7", plain_tree());
}

#[test]
fn what_python_writes_is_read() {
    check_reading(by_python, "gnu", any_tree());
    check_reading(by_python, "pax", any_tree());
    check_reading(by_python, "ustar", plain_tree());
}

#[test]
fn a_name_in_two_fields_of_a_ustar_header_is_read() {
    let (directory, file) = ("d".repeat(60), "f".repeat(90));
    let tree = Tree::parse(&format!("{directory}/{directory}/{file} = x*7"));
    check_reading(by_gnu_tar, "ustar", Just(tree.clone()));
    check_reading(by_bsdtar, "ustar", Just(tree.clone()));
    check_reading(by_python, "ustar", Just(tree));
}

#[test]
fn a_newline_in_a_pax_record_is_read() {
    let name = "n".repeat(100);
    let tree = Tree::parse(&format!(r"{name}\n = x*7"));
    check_reading(by_gnu_tar, "posix", Just(tree.clone()));
    check_reading(by_bsdtar, "pax", Just(tree.clone()));
    check_reading(by_python, "pax", Just(tree));
}
