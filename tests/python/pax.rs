//! Our pax headers, and tars with them, against those of Python's `tarfile`.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use nix_image_builder::imitate::python::path_order;
use nix_image_builder::tar::header;
use nix_image_builder::tar::header::BLOCK;
use nix_image_builder::tar::owner::Owner;
use nix_image_builder::tar::plan::Dialect;
use nix_image_builder::tar::plan::{
    Content, DEFAULT_SOURCE_DATE_EPOCH, Entry, Kind, TarPlan, Xattr,
};
use nix_image_builder::tar::read::Reader;
use nix_image_builder::tar::{pax, write};
use nix_image_builder::tree::SpecialKind;
use nix_image_builder::tree::scan;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use crate::python;
use crate::support::{Verdict, for_all, same_text, stdout};
use crate::trees::{Tree, any_tree, make, on_disk};

#[test]
fn any_headers_are_as_pythons() {
    for_all(16, vec(entry(), 200), |entries| same_headers(&entries));
}

#[test]
fn headers_around_the_lengths_of_their_fields_are_as_pythons() {
    let lengths = [0, 1, 31, 32, 33, 98, 99, 100, 101, 102, 255, 4095];
    let mut entries = Vec::new();
    for length in lengths {
        let text = "x".repeat(length);
        entries.push(file(&text, 0, Owner::root()));
        entries.push(link(&text));
        entries.push(file("owner", 0, named(&text, "")));
        entries.push(file("group", 0, named("", &text)));
        // The slash counts.
        entries.push(directory(&format!("{text}/")));
    }
    same_headers(&entries).unwrap();
}

#[test]
fn headers_that_do_not_hold_their_text_are_as_pythons() {
    // In characters and in bytes, below and above the lengths of the fields.
    let entries = [1, 15, 16, 17, 32, 33, 49, 50, 51, 99, 100, 101].map(|length| {
        let texts = ["é", "\u{1f600}", "\u{7f}", "a\n"].map(|text| text.repeat(length));
        texts.map(|text| [file(&text, 1, named(&text, "a")), link(&text)])
    });
    let entries: Vec<Entry> = entries.into_iter().flatten().flatten().collect();
    same_headers(&entries).unwrap();
}

#[test]
fn records_around_the_lengths_of_their_numbers_are_as_pythons() {
    // A record begins with its length, which counts its own digits: behind 99 comes 101.
    let lengths = (80..110).chain(980..1000).chain(480..530).chain(990..1010);
    let entries: Vec<Entry> = lengths
        .flat_map(|length| {
            let text = format!("{}é", "x".repeat(length - 2));
            [file(&text, 0, Owner::root()), link(&text)]
        })
        .collect();
    same_headers(&entries).unwrap();
}

#[test]
fn numbers_around_the_size_of_their_fields_are_as_pythons() {
    let mut entries = Vec::new();
    for id in [0, 2_097_151, 2_097_152, 4_294_967_294] {
        entries.push(file(
            "uid",
            0,
            Owner {
                uid: id,
                ..Owner::root()
            },
        ));
        entries.push(file(
            "gid",
            0,
            Owner {
                gid: id,
                ..Owner::root()
            },
        ));
    }
    for size in [0, 8_589_934_591, 8_589_934_592, 1 << 40] {
        entries.push(file("size", size, Owner::root()));
        entries.push(Entry {
            mtime: size,
            ..file("mtime", 0, Owner::root())
        });
    }
    same_headers(&entries).unwrap();
}

#[test]
fn any_headers_are_read_as_they_were_meant() {
    for_all(1000, entry(), |entry| {
        let headers = pax::headers(&entry);
        let member = Reader::new(headers.as_slice()).next_member();
        let member = member.map_err(|error| error.to_string())?;
        let member = member.ok_or("nothing is read")?;
        let owner = &entry.owner;
        same(&member.name, &entry.name)?;
        let (read, meant) = (&member.xattrs, &entry.xattrs);
        same_text(&format!("{read:?}"), &format!("{meant:?}"))?;
        same(&member.uname, owner.uname.as_bytes())?;
        same(&member.gname, owner.gname.as_bytes())?;
        let read = [member.uid, member.gid, member.size, member.mtime];
        let meant = [owner.uid, owner.gid, entry.content_size(), entry.mtime];
        same_text(&format!("{read:?}"), &format!("{meant:?}"))
    });
}

#[test]
fn times_that_we_have_no_form_for_are_read_as_near_ones() {
    for (time, read) in [(json!(1.75), 1), (json!(-1), 0), (json!(-1.5), 0)] {
        let fields = json!([{ "name": "61", "mtime": time }]).to_string();
        let headers = stdout(&mut python("pax_headers.py"), fields.as_bytes());
        let member = Reader::new(headers.as_slice()).next_member();
        assert_eq!(member.unwrap().unwrap().mtime, read, "{time}");
    }
}

/// Our headers of `entries` are Python's, and as long as we said.
fn same_headers(entries: &[Entry]) -> Verdict {
    let fields: Vec<Value> = entries.iter().map(fields).collect();
    let theirs = stdout(
        &mut python("pax_headers.py"),
        json!(fields).to_string().as_bytes(),
    );
    let mut rest = theirs.as_slice();
    for entry in entries {
        let ours = pax::headers(entry);
        let (theirs, behind) = rest.split_at(ours.len().min(rest.len()));
        same(&ours, theirs).map_err(|difference| format!("{entry:?}: {difference}"))?;
        assert_eq!(pax::headers_size(entry), ours.len() as u64);
        rest = behind;
    }
    same(b"", rest)
}

/// What Python has to know of `entry`.
fn fields(entry: &Entry) -> Value {
    let hex = |text: &[u8]| {
        text.iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    let target = match &entry.kind {
        Kind::Symlink { target } => target.as_slice(),
        _ => b"",
    };
    let (major, minor) = header::device(&entry.kind).unwrap_or_default();
    json!({
        "name": hex(&entry.name),
        "type": char::from(header::typeflag(&entry.kind)).to_string(),
        "linkname": hex(target),
        "mode": entry.mode,
        "uid": entry.owner.uid,
        "gid": entry.owner.gid,
        "uname": hex(entry.owner.uname.as_bytes()),
        "gname": hex(entry.owner.gname.as_bytes()),
        "size": entry.content_size(),
        "mtime": entry.mtime,
        "devmajor": major,
        "devminor": minor,
        "xattrs": entry.xattrs.iter().map(|(name, value)| [hex(name), hex(value)]).collect::<Vec<_>>(),
    })
}

fn same(ours: &[u8], theirs: &[u8]) -> Verdict {
    if ours == theirs {
        return Ok(());
    }
    let differs = ours.iter().zip(theirs).position(|(a, b)| a != b);
    let at = differs.unwrap_or(ours.len().min(theirs.len()));
    let block = at - at % BLOCK as usize;
    let shown = |bytes: &[u8]| {
        let end = bytes.len().min(block + BLOCK as usize);
        bytes[block..end].escape_ascii().to_string()
    };
    let (ours, theirs) = (shown(ours), shown(theirs));
    Err(format!(
        "byte {at} differs;\n ours: {ours}\ntheirs: {theirs}"
    ))
}

fn of_kind(name: &str, kind: Kind, owner: Owner) -> Entry {
    Entry {
        name: name.as_bytes().to_vec(),
        kind,
        mode: 0o644,
        owner: Arc::new(owner),
        mtime: DEFAULT_SOURCE_DATE_EPOCH,
        xattrs: Vec::new(),
    }
}

fn file(name: &str, size: u64, owner: Owner) -> Entry {
    of_kind(name, regular(size), owner)
}

/// A file that nobody reads.
fn regular(size: u64) -> Kind {
    let content = Content::Inline(Vec::new());
    Kind::Regular { size, content }
}

fn link(target: &str) -> Entry {
    let target = target.as_bytes().to_vec();
    of_kind("link", Kind::Symlink { target }, Owner::root())
}

fn directory(name: &str) -> Entry {
    of_kind(name, Kind::Directory, Owner::root())
}

fn named(uname: &str, gname: &str) -> Owner {
    Owner {
        uname: uname.to_owned(),
        gname: gname.to_owned(),
        ..Owner::root()
    }
}

/// Every kind of entry, with numbers of every size.
fn entry() -> impl Strategy<Value = Entry> {
    let name = vec(text(), 1..6).prop_map(|components| components.join(&b'/'));
    (name, kind(), 0_u32..0o10000, owner(), number(), xattrs()).prop_map(
        |(mut name, kind, mode, owner, mtime, xattrs)| {
            if matches!(kind, Kind::Directory) {
                name.push(b'/');
            }
            let owner = Arc::new(owner);
            Entry {
                name,
                kind,
                mode,
                owner,
                mtime,
                xattrs,
            }
        },
    )
}

/// Mostly none; their values are text, since `tarfile` calls all records binary when one is.
fn xattrs() -> impl Strategy<Value = Vec<Xattr>> {
    let xattrs = btree_map("user\\.[a-z]{1,20}", ".{0,20}", 1..4);
    let xattrs = xattrs.prop_map(|xattrs| {
        let bytes = |(name, value): (String, String)| (name.into_bytes(), value.into_bytes());
        xattrs.into_iter().map(bytes).collect()
    });
    prop_oneof![4 => Just(Vec::new()), 1 => xattrs]
}

fn kind() -> impl Strategy<Value = Kind> {
    let device =
        (0_u64..4096, 0_u64..1_048_576, any::<bool>()).prop_map(|(major, minor, block)| {
            Kind::Special(if block {
                SpecialKind::BlockDevice { major, minor }
            } else {
                SpecialKind::CharDevice { major, minor }
            })
        });
    prop_oneof![
        4 => number().prop_map(regular),
        4 => text().prop_map(|target| Kind::Symlink { target }),
        2 => Just(()).prop_map(|()| Kind::Directory),
        1 => Just(()).prop_map(|()| Kind::Special(SpecialKind::Fifo)),
        1 => device,
    ]
}

fn owner() -> impl Strategy<Value = Owner> {
    let name = || prop_oneof![4 => Just("root".to_owned()), 1 => ".{0,40}", 1 => "[a-z]{30,34}"];
    // Linux has no others, and our reader takes no others.
    let id = || number().prop_map(|id| id % u64::from(u32::MAX));
    (id(), id(), name(), name()).prop_map(|(uid, gid, uname, gname)| Owner {
        uid,
        gid,
        // A name from a file of users has no NUL.
        uname: uname.replace('\0', ""),
        gname: gname.replace('\0', ""),
    })
}

/// Numbers of every order.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![
        4 => select(vec![0, 1000, DEFAULT_SOURCE_DATE_EPOCH]),
        2 => (0_u32..63, any::<u64>()).prop_map(|(bits, number)| number & ((1 << bits) - 1)),
    ]
}

/// A name or target: of ASCII, of characters or of any bytes.
fn text() -> impl Strategy<Value = Vec<u8>> {
    let byte = (1_u8..=255).prop_filter("no slash", |byte| *byte != b'/');
    let character = any::<char>().prop_filter("no slash", |c| !matches!(c, '\0' | '/'));
    let characters = vec(character, 1..40).prop_map(|text| text.iter().collect::<String>());
    prop_oneof![
        6 => "[a-z]{1,20}".prop_map(String::into_bytes),
        1 => "[a-z]{90,110}".prop_map(String::into_bytes),
        2 => characters.prop_map(String::into_bytes),
        1 => vec(byte.clone(), 1..20),
        1 => vec(byte, 250..256),
    ]
}

#[test]
fn any_tree_packs_as_with_python() {
    for_all(
        100,
        (any_tree(), owner(), number()),
        |(tree, owner, mtime)| packs_like_python(make(&tree).path(), &owner, mtime),
    );
}

#[test]
fn files_around_a_block_pack_as_with_python() {
    let lines = [0, 1, 511, 512, 513, 8703, 8704, 9215, 9216, 9217, 10_240]
        .map(|size| format!("f{size} = x*{size}\n"));
    check(&Tree::parse(&lines.concat()));
}

#[test]
fn directories_pack_before_files_that_sort_lower_as_with_python() {
    check(&Tree::parse(
        r"a/b = x*1
          a-b = x*1
          a.b/c = x*1
          \xff = x*1
          \xef\xbf\xbf = x*1
          \xed\x9f\xbf = x*1
          \xf0\x90\x80\x80 = x*1",
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

#[track_caller]
fn check(tree: &Tree) {
    let root = make(tree);
    let packed = packs_like_python(root.path(), &Owner::root(), 1);
    packed.unwrap_or_else(|difference| panic!("{difference}\n{tree}"));
}

/// Our tar of `root`, with its absolute names, is Python's.
fn packs_like_python(root: &Path, owner: &Owner, mtime: u64) -> Verdict {
    let mut ours = Vec::new();
    let plan = plan(root, owner, mtime);
    write::write(&plan, &mut ours).map_err(|error| error.to_string())?;
    assert_eq!(plan.size(), ours.len() as u64);

    let mut pack = python("pax_layer.py");
    pack.arg(root);
    pack.args([mtime, owner.uid, owner.gid].map(|number| number.to_string()));
    pack.args([&owner.uname, &owner.gname]);
    same(&ours, &stdout(&mut pack, b""))
}

fn plan(root: &Path, owner: &Owner, mtime: u64) -> TarPlan {
    let mut paths = vec![root.as_os_str().as_bytes().to_vec()];
    push_paths(&mut paths, root);
    paths.sort_by(|a, b| path_order(a, b));
    let owner = Arc::new(owner.clone());
    let entries = paths.into_iter().map(|path| {
        let node = scan::scan_node(&on_disk(Path::new("/"), &path));
        let node = node.unwrap().expect("there are no sockets");
        Entry::of_node(path, node, &owner, mtime)
    });
    TarPlan {
        dialect: Dialect::Pax,
        entries: entries.collect(),
        ..TarPlan::default()
    }
}

/// Everything below `directory`, in no order.
fn push_paths(paths: &mut Vec<Vec<u8>>, directory: &Path) {
    for entry in directory.read_dir().unwrap() {
        let entry = entry.unwrap();
        paths.push(entry.path().as_os_str().as_bytes().to_vec());
        if entry.file_type().unwrap().is_dir() {
            push_paths(paths, &entry.path());
        }
    }
}
