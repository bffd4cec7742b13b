//! Our tars against GNU tar's, byte for byte, and our reader against every writer at hand.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use expect_test::expect;
use nix_image_builder::bytes::source::Range;
use nix_image_builder::bytes::source::Source;
use nix_image_builder::tar::header::BLOCK;
use nix_image_builder::tar::owner::Owner;
use nix_image_builder::tar::plan::{DEFAULT_SOURCE_DATE_EPOCH, Entry, TarPlan};
use nix_image_builder::tar::read::{Member, MemberKind, Reader};
use nix_image_builder::tar::{gnu, write};
use nix_image_builder::tree::scan;
use proptest::prelude::*;
use proptest::sample::select;

use crate::support::{Verdict, cannot_start, command, for_all, judge, output, same_text, stdout};
use crate::trees::{Content, Kind, Node, Tree, any_tree, make, on_disk, plain_tree};

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

/// Appending the files of `store` to the tar of `layer` gives what `tar -r` gives, run as
/// `buildImage` runs it: with a list of absolute names.
fn appends_like_gnu_tar(layer: &Tree, store: &Tree) -> Verdict {
    let (layer, root) = (make(layer), make(store));
    let work = tempfile::tempdir().unwrap();
    let tar = work.path().join("layer.tar");
    let owner = Owner::in_nix_sandbox(1000, 100);
    let mut create = gnu_tar(&owner);
    create
        .arg("-C")
        .arg(layer.path())
        .arg("-cf")
        .arg(&tar)
        .arg(".");
    stdout(&mut create, b"");
    let prefix = prefix(&tar);

    let owner = Arc::new(Owner::root());
    let mut list = Vec::new();
    let mut entries = Vec::new();
    // A newline ends a name in the list.
    for path in store.0.keys().filter(|path| !path.contains(&b'\n')) {
        let path = on_disk(root.path(), path);
        let name = path.as_os_str().as_bytes();
        let name = name.strip_suffix(b"/").unwrap_or(name);
        list.extend_from_slice(name);
        list.push(b'\n');
        let node = scan::scan_node(&path).unwrap().unwrap();
        entries.push(Entry::of_node(
            name[1..].to_vec(),
            node,
            &owner,
            DEFAULT_SOURCE_DATE_EPOCH,
        ));
    }
    let ours = bytes(&TarPlan {
        prefix: vec![prefix],
        entries,
        ..TarPlan::default()
    })?;

    fs::write(work.path().join("newFiles"), list).unwrap();
    let mut append = gnu_tar(&owner);
    append
        .current_dir(work.path())
        .args(["-rpf", "layer.tar", "--no-recursion"])
        // Without `--no-unquote`, nixpkgs' tar looks for other files than those with a backslash
        // in their names, and fails.
        .args(["--verbatim-files-from", "--no-unquote"])
        .args(["--files-from", "newFiles"]);
    stdout(&mut append, b"");
    same(&ours, &fs::read(&tar).unwrap())
}

/// The entries of `tar`, without its end marker.
fn prefix(tar: &Path) -> Range {
    let bytes = fs::read(tar).unwrap();
    let mut reader = Reader::new(bytes.as_slice());
    while reader.next_member().unwrap().is_some() {}
    Range {
        source: Arc::new(Source::file(tar, File::open(tar).unwrap())),
        offset: 0,
        size: reader.next_header_at(),
        sparse: None,
    }
}

#[test]
fn any_store_paths_are_appended_as_by_gnu_tar() {
    for_all(60, (plain_tree(), any_tree()), |(layer, store)| {
        appends_like_gnu_tar(&layer, &store)
    });
}

#[test]
fn appending_to_a_tar_that_fills_its_record_adds_a_record() {
    // Two headers and 17 blocks of content fill 19 blocks; with the end marker, that is a record
    // and one block. Around it, the end marker moves from one record to the next.
    for blocks in 14..=19 {
        let layer = Tree::parse(&format!("f = x*{}", blocks * BLOCK));
        appends_like_gnu_tar(&layer, &Tree::parse("g = x*1")).unwrap();
    }
}

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
