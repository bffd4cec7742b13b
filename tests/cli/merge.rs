//! Our merge of items against rsync's, run as nixpkgs runs it: once per item, without privileges.

mod warnings;

use std::collections::HashSet;
use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use nix_image_builder::console::warnings::Warnings;
use nix_image_builder::request::limits::Limits;
use nix_image_builder::tree::merge::{self, Dirlinks, MergeError};
use nix_image_builder::tree::scan;
use nix_image_builder::tree::{Directory, Node};
use proptest::collection::vec;

use crate::support::{Verdict, command, for_all, judge, output, same_text, stdout};
use crate::trees::{Kind, Tree, clashing_tree};

/// The user `nobody`, who owns nothing but the directory of the build.
const NOBODY: u32 = 65534;

/// How many entries one item may have with its links followed. A link to a directory above itself
/// makes many, two make more than fit a disk.
const MAX_ENTRIES: usize = 400;

/// How many symlinks may be on the way to an entry. From 21 on it depends on the state of the
/// kernel's caches how far rsync comes, see [`scan`].
const MAX_LINKS: usize = 20;

/// The rsync to compare with; `tests/judges/rsync.sh` says which one, and why.
fn rsync() -> &'static Path {
    static RSYNC: OnceLock<PathBuf> = OnceLock::new();
    RSYNC.get_or_init(|| {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("rsync");
        let rsync = directory.join("usr/bin/rsync");
        if !rsync.exists() {
            stdout(command("sh").arg(judge("rsync.sh")).arg(&directory), b"");
        }
        rsync
    })
}

/// A temporary directory with what a build finds around it.
///
/// ```text
/// build/layer/    empty
/// items/0/        the first item, read only as a store path is
/// decoy/          what absolute links lead to: dir/, file, and nothing else
/// ```
struct Ground {
    root: tempfile::TempDir,
    items: Vec<PathBuf>,
}

impl Ground {
    fn new(items: &[Tree]) -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::set_permissions(root.path(), Permissions::from_mode(0o755)).unwrap();
        let decoy = root.path().join("decoy");
        fs::create_dir(&decoy).unwrap();
        Tree::parse("555 dir/a/\n444 dir/b = d*3 @1\n444 file = d*3 @1\n555 /").make(&decoy);
        let layer = root.path().join("build/layer");
        fs::create_dir_all(&layer).unwrap();
        for directory in [&root.path().join("build"), &layer] {
            chown(directory, Some(NOBODY), Some(NOBODY)).unwrap();
        }
        let make = |(index, item): (usize, &Tree)| {
            let path = root.path().join(format!("items/{index}"));
            fs::create_dir_all(&path).unwrap();
            with_decoy(item, &decoy).make(&path);
            path
        };
        let items = items.iter().enumerate().map(make).collect();
        Self { root, items }
    }

    fn layer(&self) -> PathBuf {
        self.root.path().join("build/layer")
    }

    fn decoy(&self) -> String {
        let tree = scan::scan(&self.root.path().join("decoy"), 0).unwrap();
        Tree::of_directory(&tree).to_string()
    }

    /// Whether no item grows beyond measure when links are followed.
    fn is_small(&self) -> bool {
        self.items
            .iter()
            .all(|item| count(item, MAX_LINKS, &mut MAX_ENTRIES.clone()))
    }

    /// The layer that rsync makes, or its complaint. Nothing when that is a matter of luck.
    fn by_rsync(&self, dirlinks: Dirlinks) -> Option<Result<Tree, String>> {
        for item in &self.items {
            let mut setpriv = command("setpriv");
            let nobody = NOBODY.to_string();
            setpriv
                .args(["--reuid", &nobody, "--regid", &nobody, "--clear-groups"])
                .arg(rsync())
                .arg("--chown=0:0")
                .arg(match dirlinks {
                    Dirlinks::Copy => "-ak",
                    Dirlinks::Keep => "-aK",
                })
                .arg(item.join(""))
                .arg("layer/")
                .current_dir(self.root.path().join("build"));
            let output = output(&mut setpriv, b"");
            if dirlinks == Dirlinks::Keep && self.has_two_ways(item) {
                return None;
            }
            if !output.status.success() {
                let message = String::from_utf8_lossy(&output.stderr);
                assert_eq!(output.status.code(), Some(23), "{message}");
                return Some(Err(message.into_owned()));
            }
        }
        let layer = scan::scan(&self.layer(), 0).unwrap();
        Some(Ok(Tree::of_directory(&layer)))
    }

    /// Whether two directories of `item` are one in the layer, by a symlink that was kept there.
    /// rsync's processes then get in each other's way: one makes a directory read only, or a
    /// symlink, before the other one is done with it.
    fn has_two_ways(&self, item: &Path) -> bool {
        let mut places = HashSet::new();
        let mut ways = vec![PathBuf::new()];
        while let Some(way) = ways.pop() {
            let place = fs::canonicalize(self.layer().join(&way));
            if place.is_ok_and(|place| !places.insert(place)) {
                return true;
            }
            for entry in fs::read_dir(item.join(&way)).unwrap() {
                let entry = entry.unwrap();
                if entry.file_type().unwrap().is_dir() {
                    ways.push(way.join(entry.file_name()));
                }
            }
        }
        false
    }
}

/// Our merge of `items`, whatever is warned of.
fn merge(items: &[PathBuf], dirlinks: Dirlinks) -> Result<Directory, MergeError> {
    merge::merge(
        items,
        dirlinks,
        &Limits::default(),
        &mut Warnings::default(),
    )
}

/// The same with links that lead behind `/decoy` leading to the real one.
fn with_decoy(tree: &Tree, decoy: &Path) -> Tree {
    let mut tree = tree.clone();
    for node in tree.0.values_mut() {
        if let Kind::Symlink(target) = &mut node.kind
            && let Some(rest) = target.strip_prefix(b"/decoy")
        {
            *target = [decoy.as_os_str().as_bytes(), rest].concat();
        }
    }
    tree
}

/// Counts the entries of `directory` down from `left`, and the links that are followed down from
/// `links`; false when there are more.
fn count(directory: &Path, links: usize, left: &mut usize) -> bool {
    // A link may lead through others, of which there may be too many for the kernel.
    let Ok(mut entries) = fs::read_dir(directory) else {
        return false;
    };
    entries.all(|entry| {
        let path = entry.unwrap().path();
        let links = links.checked_sub(usize::from(path.is_symlink()));
        let (Some(links), Some(fewer)) = (links, left.checked_sub(1)) else {
            return false;
        };
        *left = fewer;
        !path.is_dir() || count(&path, links, left)
    })
}

/// Our merge of `items` is rsync's, and fails where rsync fails.
fn merges_like_rsync(items: &[Tree], dirlinks: Dirlinks) -> Verdict {
    let ground = Ground::new(items);
    if dirlinks == Dirlinks::Copy && !ground.is_small() {
        return Ok(());
    }
    let decoy = ground.decoy();
    let ours = merge(&ground.items, dirlinks);
    let theirs = ground.by_rsync(dirlinks);
    assert_eq!(ground.decoy(), decoy);
    match (ours, theirs) {
        (_, None) | (Err(_), Some(Err(_))) => Ok(()),
        // What rsync does there depends on what it meets and may change.
        (Err(MergeError::LeavesLayer { target, .. }), _)
            if ground.layer().join(&target).is_dir() =>
        {
            Ok(())
        }
        (Ok(ours), Some(Ok(theirs))) => {
            same_text(&Tree::of_directory(&ours).to_string(), &theirs.to_string())
        }
        (Ok(_), Some(Err(message))) => Err(format!("only rsync fails: {message}")),
        (Err(error), Some(Ok(theirs))) => Err(format!("{error:?}, but rsync makes\n{theirs}")),
    }
}

/// Merges `items` as rsync does with and without `keepContentsDirlinks`.
#[track_caller]
fn check(items: &[&str]) {
    let items: Vec<Tree> = items.iter().map(|item| Tree::parse(item)).collect();
    for dirlinks in [Dirlinks::Copy, Dirlinks::Keep] {
        if let Err(difference) = merges_like_rsync(&items, dirlinks) {
            panic!("{dirlinks:?}: {difference}\n{items:?}");
        }
    }
}

#[test]
fn a_later_file_wins_unless_size_and_time_are_the_same() {
    check(&["a = x*3 @1", "a = y*3 @1"]);
    check(&["a = x*3 @1", "a = y*3 @2"]);
    check(&["a = x*3 @1", "a = y*4 @1"]);
    check(&["444 a = x*3 @1", "555 a = y*3 @1"]);
    check(&["a = x*3 @1", "a = y*4 @2", "a = z*4 @2"]);
}

#[test]
fn the_mode_of_a_directory_is_that_of_the_last_item() {
    check(&["755 /\n555 d/", "555 /\n755 d/"]);
    check(&["555 /\n555 d/", "755 /\n755 d/"]);
}

#[test]
fn what_is_no_directory_takes_the_place_of_an_empty_one_only() {
    check(&["d/", "d = x*1"]);
    check(&["d/", "d -> nowhere"]);
    check(&["d/f = x*1", "d = x*1"]);
    check(&["d/f = x*1", "d -> nowhere"]);
    check(&["d/e/", "d = x*1"]);
}

#[test]
fn a_directory_takes_the_place_of_anything() {
    check(&["d = x*1", "d/f = x*1"]);
    check(&["d -> nowhere", "d/f = x*1"]);
    check(&["d -> d", "d/f = x*1"]);
    check(&["e = x*1\nd -> e", "d/f = x*1"]);
}

#[test]
fn a_directory_goes_behind_a_link_to_a_directory_or_replaces_it() {
    check(&["e/\nd -> e", "d/f = x*1"]);
    check(&["e/\nd -> c\nc -> ./e/", "d/f = x*1"]);
    check(&["d -> e", "e/\nd/f = x*1"]);
    check(&["d -> e", "e/", "d/f = x*1"]);
    check(&["e/f = x*1\nd -> e", "d -> e", "d/f/g = x*1"]);
    check(&[
        "usr/lib/\nlib -> usr/lib",
        "lib/ld.so = x*1",
        "usr/lib/libc.so = y*1",
    ]);
}

#[test]
fn a_link_and_a_directory_of_an_earlier_item_clash_as_in_golden_case_x04() {
    check(&["d/f = x*1", "e/\nd -> e"]);
}

#[test]
fn hard_links_merge_as_files_of_their_own() {
    check(&["a = x*3\nb => a", "a = y*4"]);
}

#[test]
fn a_link_that_climbs_out_of_the_layer_to_nothing_is_replaced() {
    check(&["lib -> ../usr/lib", "lib/f = x*1"]);
    check(&["d/lib -> ../../usr/lib", "d/lib/f = x*1"]);
    check(&["lib -> ../../nowhere/lib", "lib/f = x*1"]);
}

#[test]
fn an_item_that_comes_to_a_directory_by_two_ways_is_no_panic() {
    check(&["a/a -> .", "a/a/c -> a\na/c/a/"]);
}

#[test]
fn an_item_that_is_a_link_to_a_directory_merges_as_the_directory() {
    for dirlinks in [Dirlinks::Copy, Dirlinks::Keep] {
        let mut ground = Ground::new(&[Tree::parse("a/f = x*1\nb -> a")]);
        let link = ground.root.path().join("link");
        symlink(&ground.items[0], &link).unwrap();
        ground.items = vec![link];
        let ours = Tree::of_directory(&merge(&ground.items, dirlinks).unwrap());
        let theirs = ground.by_rsync(dirlinks).expect("nothing clashes").unwrap();
        same_text(&ours.to_string(), &theirs.to_string()).unwrap();
    }
}

/// Merging with kept dirlinks fails because `path` of the first item leads outside, and writes
/// nothing there.
#[track_caller]
fn check_leaving(items: [&str; 2], link: &str) {
    let ground = Ground::new(&items.map(Tree::parse));
    let decoy = ground.decoy();
    match merge(&ground.items, Dirlinks::Keep) {
        Err(MergeError::LeavesLayer {
            path,
            earlier,
            later,
            ..
        }) => {
            assert_eq!(path, Path::new(link));
            assert_eq!([earlier, later], ground.items[..]);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(ground.decoy(), decoy);
}

#[test]
fn nothing_is_merged_behind_a_link_that_leaves_the_layer() {
    check_leaving(["d -> /decoy/dir", "d/f = x*1"], "/d");
    check_leaving(["d -> c\nc -> /decoy/dir", "d/f = x*1"], "/d");
    check_leaving(["d/e -> /decoy/dir", "d/e/"], "/d/e");
    check_leaving(["d -> ..", "d/f = x*1"], "/d");
    check_leaving(["d -> ../../etc", "d/f = x*1"], "/d");
    check_leaving(["e/\nd -> ../layer/e", "d/f = x*1"], "/d");
}

#[test]
fn any_items_merge_as_with_copied_dirlinks() {
    for_all(100, vec(clashing_tree(), 1..=4), |items| {
        merges_like_rsync(&items, Dirlinks::Copy)
    });
}

#[test]
fn any_items_merge_as_with_kept_dirlinks() {
    for_all(100, vec(clashing_tree(), 1..=4), |items| {
        merges_like_rsync(&items, Dirlinks::Keep)
    });
}

#[test]
fn a_link_to_its_own_directory_is_copied_40_levels_deep() {
    let ground = Ground::new(&[Tree::parse("posix -> .\nUTC = x*3")]);
    let mut directory = &merge(&ground.items, Dirlinks::Copy).unwrap();
    let mut levels = 0;
    while let Node::Directory(next) = &directory.entries[b"posix".as_slice()] {
        assert!(directory.entries.contains_key(b"UTC".as_slice()));
        directory = next;
        levels += 1;
    }
    assert_eq!(levels, 40);
}
