//! Our tars against GNU tar's, byte for byte, and our reader against every writer at hand.

mod appended;
mod read;

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use expect_test::expect;
use nix_image_builder::tar::header::BLOCK;
use nix_image_builder::tar::owner::Owner;
use nix_image_builder::tar::plan::{DEFAULT_SOURCE_DATE_EPOCH, Entry, TarPlan};
use nix_image_builder::tar::read::{Member, Reader};
use nix_image_builder::tar::{gnu, write};
use nix_image_builder::tree::scan;
use proptest::prelude::*;
use proptest::sample::select;

use crate::support::{Verdict, cannot_start, command, for_all, output, stdout};
use crate::trees::{Tree, any_tree, make};

/// Owners with a name in Nix's sandbox and without one, around the numbers that octal can hold.
const OWNERS: [(u64, u64); 6] = [
    (0, 0),
    (1000, 100),
    (65534, 65534),
    (1234, 43210),
    (2_097_151, 2_097_152),
    (4_294_967_294, 3_000_000),
];

/// GNU tar as `mkPureLayer` runs it in Nix's sandbox, whose names are given here explicitly.
fn gnu_tar(owner: &Owner) -> Command {
    let name = |name: &str, id: u64| match name {
        "" => id.to_string(),
        name => format!("{name}:{id}"),
    };
    let mut tar = command("tar");
    tar.args(["--hard-dereference", "--sort=name"])
        .arg(format!("--mtime=@{DEFAULT_SOURCE_DATE_EPOCH}"))
        .arg(format!("--owner={}", name(&owner.uname, owner.uid)))
        .arg(format!("--group={}", name(&owner.gname, owner.gid)));
    tar
}

fn plan(root: &Path, owner: &Owner) -> TarPlan {
    let tree = scan::scan(root, 0).unwrap();
    TarPlan::of_tree(tree, &Arc::new(owner.clone()), DEFAULT_SOURCE_DATE_EPOCH)
}

fn bytes(plan: &TarPlan) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    write::write(plan, &mut bytes).map_err(|error| error.to_string())?;
    let (size, planned) = (bytes.len() as u64, plan.size());
    if size == planned {
        Ok(bytes)
    } else {
        Err(format!("{planned} bytes were planned and {size} written"))
    }
}

fn same(ours: &[u8], theirs: &[u8]) -> Verdict {
    let differs = ours.iter().zip(theirs).position(|(a, b)| a != b);
    let Some(at) = differs else {
        let (ours, theirs) = (ours.len(), theirs.len());
        return if ours == theirs {
            Ok(())
        } else {
            Err(format!("ours has {ours} bytes, theirs {theirs}"))
        };
    };
    let block = at - at % BLOCK as usize;
    let shown = |bytes: &[u8]| {
        let end = bytes.len().min(block + BLOCK as usize);
        bytes[block..end].escape_ascii().to_string()
    };
    Err(format!(
        "byte {at} differs;\n ours: {}\ntheirs: {}",
        shown(ours),
        shown(theirs)
    ))
}

/// Our tar of `root` is GNU tar's.
fn packs_like_gnu_tar(root: &Path, owner: &Owner) -> Verdict {
    let ours = bytes(&plan(root, owner))?;
    let theirs = stdout(
        gnu_tar(owner).arg("-C").arg(root).args(["-cf", "-", "."]),
        b"",
    );
    same(&ours, &theirs)
}

#[track_caller]
fn check(tree: &Tree) {
    let root = make(tree);
    if let Err(difference) = packs_like_gnu_tar(root.path(), &Owner::root()) {
        panic!("{difference}\n{tree}");
    }
}

#[test]
fn any_tree_packs_as_with_gnu_tar() {
    let owner = select(OWNERS.to_vec()).prop_map(|(uid, gid)| Owner::in_nix_sandbox(uid, gid));
    for_all(150, (any_tree(), owner), |(tree, owner)| {
        packs_like_gnu_tar(make(&tree).path(), &owner)
    });
}

#[test]
fn an_empty_tree_packs_as_with_gnu_tar() {
    check(&Tree::empty());
}

#[test]
fn names_around_the_end_of_their_field_pack_as_with_gnu_tar() {
    let mut tree = Tree::empty();
    // With `./` before a file, and a slash behind a directory.
    for length in (95..=104).chain([254, 255]) {
        let (file, directory) = ("f".repeat(length), "d".repeat(length));
        let lines = format!("{file} = x*1\n{directory}/\n{directory}/{file} -> {file}");
        tree.0.append(&mut Tree::parse(&lines).0);
    }
    check(&tree);
}

#[test]
fn targets_around_the_end_of_their_field_pack_as_with_gnu_tar() {
    let lines = [1, 99, 100, 101, 511, 512, 513, 4094, 4095]
        .map(|length| format!("{length}l -> {}\n", "t".repeat(length)));
    check(&Tree::parse(&lines.concat()));
}

#[test]
fn a_long_name_with_a_long_target_packs_as_with_gnu_tar() {
    check(&Tree::parse(&format!(
        "{} -> {}",
        "n".repeat(255),
        "t".repeat(300)
    )));
}

#[test]
fn paths_as_long_as_linux_takes_them_pack_as_with_gnu_tar() {
    let root = tempfile::tempdir().unwrap();
    // Linux counts the NUL too.
    let mut left = 4095 - root.path().as_os_str().len();
    let mut path = String::new();
    while left > 256 {
        path.push_str(&"d".repeat(255));
        path.push('/');
        left -= 256;
    }
    path.push_str(&"f".repeat(left - 1));
    Tree::parse(&format!("{path} = x*1")).make(root.path());
    packs_like_gnu_tar(root.path(), &Owner::root()).unwrap();
}

#[test]
fn names_that_look_like_options_and_whiteouts_pack_as_with_gnu_tar() {
    check(&Tree::parse(
        r"-rf = x*1
          --checkpoint-action=exec\=sh = x*1
          .wh.gone = x*0
          d/.wh..wh..opq = x*0
          \n = x*1
          \xff\xfe = x*1
          a\nb/c\x20d -> \xc3(",
    ));
}

#[test]
fn set_id_and_sticky_bits_pack_as_with_gnu_tar() {
    check(&Tree::parse(
        "4755 su = x*1
         2755 sg = x*1
         1777 tmp/
         7777 all/
         0 none/
         0 none/file = x*1",
    ));
}

#[test]
fn special_files_pack_as_with_gnu_tar() {
    check(&Tree::parse(
        "622 fifo fifo
         666 null char 1:3
         0 whiteout char 0:0
         600 big char 4095:1048575
         660 disk block 8:1",
    ));
}

#[test]
fn hard_links_pack_as_files_of_their_own() {
    check(&Tree::parse(
        "b = x*600
         a => b
         d/c => b
         l -> b
         m => l
         p fifo
         q => p",
    ));
}

#[test]
fn sockets_are_left_out_as_with_gnu_tar() {
    let root = make(&Tree::parse("a = x*1"));
    let _socket = UnixListener::bind(root.path().join("socket")).unwrap();
    packs_like_gnu_tar(root.path(), &Owner::root()).unwrap();
}

/// Takes bytes that have to be those of `R`.
struct Same<R> {
    theirs: R,
    buffer: Vec<u8>,
    size: u64,
}

impl<R: Read> Write for Same<R> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.resize(bytes.len(), 0);
        self.theirs.read_exact(&mut self.buffer)?;
        if self.buffer != bytes {
            let message = format!("other bytes behind byte {}", self.size);
            return Err(io::Error::other(message));
        }
        self.size += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_sparse_file_of_more_than_8_gib_packs_whole_as_with_gnu_tar() {
    const SIZE: u64 = (8 << 30) + 1;
    let root = make(&Tree::parse("z = x*513"));
    let sparse = File::create(root.path().join("sparse")).unwrap();
    sparse.set_len(SIZE).unwrap();

    let mut tar = gnu_tar(&Owner::root());
    tar.arg("-C").arg(root.path()).args(["-cf", "-", "."]);
    let tar = tar.stdout(Stdio::piped());
    let mut child = tar
        .spawn()
        .unwrap_or_else(|error| cannot_start(tar, &error));
    let mut sink = Same {
        theirs: child.stdout.take().unwrap(),
        buffer: Vec::new(),
        size: 0,
    };
    let plan = plan(root.path(), &Owner::root());
    write::write(&plan, &mut sink).unwrap();
    assert_eq!(sink.size, plan.size());
    assert_eq!(sink.theirs.read(&mut [0]).unwrap(), 0, "theirs goes on");
    assert!(child.wait().unwrap().success());
}

#[test]
fn the_sizes_of_huge_files_are_written_as_gnu_tar_writes_them() {
    for size in [(8 << 30) - 1, 8 << 30, (8 << 30) + 512, (1 << 40) + 1] {
        let root = make(&Tree::parse("755 /"));
        let huge = File::create(root.path().join("huge")).unwrap();
        huge.set_len(size).unwrap();

        let mut tar = gnu_tar(&Owner::root());
        tar.arg("-C").arg(root.path()).args(["-cf", "-", "huge"]);
        let tar = tar.stdout(Stdio::piped());
        let mut child = tar
            .spawn()
            .unwrap_or_else(|error| cannot_start(tar, &error));
        let mut theirs = [0; BLOCK as usize];
        // Only the header; tar then dies of the closed pipe.
        let mut pipe = child.stdout.take().unwrap();
        pipe.read_exact(&mut theirs).unwrap();
        drop(pipe);
        child.wait().unwrap();

        let node = scan::scan_node(&root.path().join("huge")).unwrap().unwrap();
        let owner = Arc::new(Owner::root());
        let entry = Entry::of_node(b"huge".to_vec(), node, &owner, DEFAULT_SOURCE_DATE_EPOCH);
        same(&gnu::headers(&entry, ["root", "root"]), &theirs).unwrap();
    }
}

#[test]
fn entries_with_extended_attributes_have_pax_headers_among_those_of_gnu_tar() {
    let owner = Arc::new(Owner {
        uid: 3_000_000,
        ..Owner::root()
    });
    let entry = |name: &str| Entry::inline(name, b"x".to_vec(), 0o755, &owner, 1);
    // A file capability of version 2: not UTF-8, and with NULs.
    let capability = b"\x01\0\0\x02\0\x20\0\0\0\0\0\0\xff\xff\xff\xff\0\0\0\0";
    let xattrs = vec![
        (b"security.capability".to_vec(), capability.to_vec()),
        (b"user.note".to_vec(), b"a=b\n".to_vec()),
    ];
    let long = "n".repeat(101);
    let plan = TarPlan {
        entries: vec![
            entry("a"),
            Entry {
                xattrs: xattrs.clone(),
                ..entry(&long)
            },
            entry(&format!("{long}z")),
        ],
        ..TarPlan::default()
    };
    let tar = bytes(&plan).unwrap();

    let mut reader = Reader::new(tar.as_slice());
    let members: Vec<Member> = std::iter::from_fn(|| reader.next_member().unwrap()).collect();
    let found: Vec<_> = members.into_iter().map(|member| member.xattrs).collect();
    assert_eq!(found, [vec![], xattrs, vec![]]);

    let mut list = command("tar");
    list.args(["--xattrs", "--numeric-owner", "--utc", "-tvvf", "-"]);
    let output = output(&mut list, &tar);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.success(), &*said), (true, ""));
    let listed = String::from_utf8_lossy(&output.stdout).replace(&long, "[LONG]");
    expect![[r#"
        -rwxr-xr-x  3000000/0         1 1970-01-01 00:00 a
        -rwxr-xr-x* 3000000/0         1 1970-01-01 00:00 [LONG]
        -rwxr-xr-x  3000000/0         1 1970-01-01 00:00 [LONG]z
    "#]]
    .assert_eq(&listed);
}
