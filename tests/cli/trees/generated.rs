//! Generated trees.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::{Content, Kind, Node, Tree, join};

/// The longest path that is generated, in bytes. Linux takes 4095, with the directory that the
/// tree lies in.
const MAX_PATH: usize = 3900;

/// What a generated entry is to be, and where: `parent` and `HardLink` count in what is there.
#[derive(Clone, Debug)]
struct Draft {
    parent: Index,
    name: Vec<u8>,
    mode: u32,
    kind: DraftKind,
}

#[derive(Clone, Debug)]
enum DraftKind {
    Plain(Kind),
    HardLink(Index),
}

/// Every kind of file, under names of any bytes.
pub(crate) fn any_tree() -> impl Strategy<Value = Tree> {
    let special = prop_oneof![
        Just(Kind::Fifo),
        (0_u64..4096, 0_u64..262_144).prop_map(|(major, minor)| Kind::CharDevice(major, minor)),
        (0_u64..4096, 0_u64..262_144).prop_map(|(major, minor)| Kind::BlockDevice(major, minor)),
    ];
    let kind = prop_oneof![
        4 => Just(Kind::Directory),
        4 => regular(),
        2 => target().prop_map(Kind::Symlink),
        1 => special,
    ];
    tree(name(), 0_u32..0o10000, kind)
}

/// What a Nix store may hold, and hard links, under names that every format of tar can hold.
pub(crate) fn plain_tree() -> impl Strategy<Value = Tree> {
    let name = "[a-z]{1,3}".prop_map(String::into_bytes);
    let kind = prop_oneof![
        2 => Just(Kind::Directory),
        2 => regular(),
        1 => name.clone().prop_map(Kind::Symlink),
    ];
    tree(name, select(vec![0o444_u32, 0o555, 0o755]), kind)
}

/// What a Nix store may hold, in few places, so that two trees clash often. Links lead to each
/// other, to themselves, to nothing, out of the tree, and to what `/decoy` stands for.
/// Directories are read only, as in a store: which of two modes a directory gets when rsync comes
/// to it by two ways is rsync's secret.
pub(crate) fn clashing_tree() -> impl Strategy<Value = Tree> {
    let name = select(vec!["a", "b", "c"]).prop_map(|name| name.as_bytes().to_vec());
    let targets = [
        "a",
        "b",
        "c",
        "a/b",
        "a/c",
        "b/a",
        "./c/",
        "c/../a",
        ".",
        "..",
        "../a",
        "../b",
        "../c",
        "../../a",
        "../1/a",
        "nothing",
        "/decoy/dir",
        "/decoy/dir/a",
        "/decoy/file",
        "/decoy/none",
    ];
    let target = select(targets.to_vec()).prop_map(|target| target.as_bytes().to_vec());
    let regular = (b'x'..=b'z', 3_usize..=4, 1_u64..=2).prop_map(|(first, size, mtime)| {
        let content = Content::new(first, size);
        Kind::Regular { content, mtime }
    });
    let kind = prop_oneof![
        4 => Just(Kind::Directory),
        2 => regular,
        3 => target.prop_map(Kind::Symlink),
    ];
    tree(name, select(vec![0o444_u32, 0o555]), kind).prop_map(|mut tree| {
        for node in tree.0.values_mut() {
            if node.kind == Kind::Directory {
                node.mode = 0o555;
            }
        }
        tree
    })
}

/// What a Nix store may hold, in few places, some of which lndir passes over.
pub(crate) fn revisioned_tree() -> impl Strategy<Value = Tree> {
    let names = [
        "a",
        "b",
        "c",
        "a~",
        "~",
        "BitKeeper",
        "RCS",
        "SCCS",
        "CVS",
        "CVS.adm",
        ".svn",
        ".git",
        ".hg",
        ".gitignore",
        "RCS~",
        " ",
        "\u{e9}\n",
    ];
    let name = prop_oneof![select(names[..3].to_vec()), select(names.to_vec())];
    let name = name.prop_map(|name| name.as_bytes().to_vec());
    let target = select(vec![
        "a", "b/c", ".", "..", "../a", "nothing", "/", "/nothing",
    ]);
    let target = target.prop_map(|target| target.as_bytes().to_vec());
    let content = Content::new(b'x', 1);
    let regular = Kind::Regular { content, mtime: 0 };
    let kind = prop_oneof![
        4 => Just(Kind::Directory),
        2 => Just(regular),
        2 => target.prop_map(Kind::Symlink),
    ];
    tree(name, select(vec![0o444_u32, 0o555, 0o755]), kind)
}

fn tree(
    name: impl Strategy<Value = Vec<u8>>,
    mode: impl Strategy<Value = u32>,
    kind: impl Strategy<Value = Kind>,
) -> impl Strategy<Value = Tree> {
    let kind = prop_oneof![
        12 => kind.prop_map(DraftKind::Plain),
        1 => any::<Index>().prop_map(DraftKind::HardLink),
    ];
    let draft = (any::<Index>(), name, mode, kind).prop_map(|(parent, name, mode, kind)| Draft {
        parent,
        name,
        mode,
        kind,
    });
    vec(draft, 0..16).prop_map(|drafts| {
        let mut tree = Tree::empty();
        let mut directories: Vec<Vec<u8>> = vec![Vec::new()];
        let mut files: Vec<Vec<u8>> = Vec::new();
        for draft in drafts {
            let parent = draft.parent.get(&directories);
            let path = join(parent, &draft.name);
            if path.len() > MAX_PATH || tree.0.contains_key(&path) {
                continue;
            }
            let node = match draft.kind {
                DraftKind::HardLink(_) if files.is_empty() => continue,
                DraftKind::HardLink(of) => Node {
                    mode: 0,
                    kind: Kind::HardLink(of.get(&files).clone()),
                },
                DraftKind::Plain(kind @ Kind::Symlink(_)) => Node { mode: 0, kind },
                DraftKind::Plain(kind) => Node {
                    mode: draft.mode,
                    kind,
                },
            };
            match node.kind {
                Kind::Directory => directories.push(path.clone()),
                Kind::HardLink(_) => {}
                _ => files.push(path.clone()),
            }
            tree.0.insert(path, node);
        }
        tree
    })
}

fn regular() -> impl Strategy<Value = Kind> {
    // Sizes around a block, a record and the pieces in which files are read.
    let size = prop_oneof![
        8 => 0_usize..20,
        4 => select(vec![511_usize, 512, 513, 1023, 1024, 1025]),
        2 => select(vec![8703_usize, 9215, 9216, 9217, 10240]),
        1 => select(vec![262_143_usize, 262_144, 262_145, 300_000]),
    ];
    (b'a'..=b'z', size).prop_map(|(first, size)| Kind::Regular {
        content: Content::new(first, size),
        mtime: 0,
    })
}

/// Any name that Linux takes.
fn name() -> impl Strategy<Value = Vec<u8>> {
    let byte = (1_u8..=255).prop_filter("no slash", |byte| *byte != b'/');
    let odd = [
        "-",
        "--",
        "-rf",
        "--help",
        "@x",
        ".wh.x",
        ".wh..wh..opq",
        "...",
        " ",
        "a b",
        "a\nb",
        "\n",
        "\r",
        "\t",
        "*",
        "[x]",
        "?",
        "'",
        "\"",
        "\\",
        "\\n",
        "\\056",
        "$(id)",
        "#",
        "~",
        "é",
        "\u{7f}",
    ];
    let odd: Vec<&[u8]> = odd.iter().map(|name| name.as_bytes()).collect();
    let odd = select(odd).prop_map(<[u8]>::to_vec);
    prop_oneof![
        6 => "[a-c]{1,2}".prop_map(String::into_bytes),
        4 => vec(byte.clone(), 1..8),
        2 => odd,
        1 => vec(byte.clone(), 90..104),
        1 => vec(byte, 250..256),
    ]
    .prop_filter("Linux's own", |name| name != b"." && name != b"..")
}

/// Any target that Linux takes.
fn target() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => vec(1_u8..=255, 1..20),
        2 => vec(1_u8..=255, 98..103),
        1 => vec(1_u8..=255, 4090..4096),
    ]
}
