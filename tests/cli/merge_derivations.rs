//! `mergeDrvs` against `cp`, which nixpkgs runs, and against GNU tar.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use nix_image_builder::tree::scan;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::json;

use crate::sandbox::Sandbox;
use crate::support::{Verdict, command, for_all, output, same_text, stdout};
use crate::trees::{Kind, Tree, clashing_tree, plain_tree};

/// As nixpkgs copies an item. In a build it may not write to what earlier items made read only, so
/// items with a directory in common fail there; root may, and only has to be told not to write
/// through what is there.
const COPY: &str = r#"shopt -s nullglob; for item in "${@:2}"; do
    entries=("$item"/*)
    [ ${#entries[@]} = 0 ] || cp -drf --preserve=mode --remove-destination "${entries[@]}" "$1/" || exit
done"#;

/// The same without privileges, word for word as in nixpkgs.
const COPY_IN_A_BUILD: &str = r#"shopt -s nullglob; for item in "${@:2}"; do
    cp -drf --preserve=mode -f "$item"/* "$1/" || exit
done"#;

/// The user `nobody`, as whom a build runs here.
const NOBODY: &str = "65534";

/// What Nix keeps of the tree below `root`.
fn kept(root: &Path) -> String {
    let mut tree = Tree::of_directory(&scan::scan(root, 0).unwrap());
    for node in tree.0.values_mut() {
        node.mode = match node.kind {
            Kind::Regular { .. } if node.mode & 0o100 == 0 => 0o444,
            Kind::Symlink(_) => 0,
            _ => 0o555,
        };
    }
    tree.to_string()
}

/// A sandbox with items in it.
struct Ground {
    sandbox: Sandbox,
    items: Vec<PathBuf>,
}

impl Ground {
    fn new(trees: &[Tree]) -> Self {
        let sandbox = Sandbox::new();
        let make = |(number, tree): (usize, &Tree)| {
            let item = sandbox.store_path(&number.to_string());
            fs::create_dir(&item).unwrap();
            tree.make(&item);
            item
        };
        let items = trees.iter().enumerate().map(make).collect();
        Self { sandbox, items }
    }

    /// What `builder` makes of the items, or its message.
    fn ours(&self) -> Result<String, String> {
        let out = self.sandbox.out();
        self.sandbox.write_attrs(&json!({
            "outputs": { "out": out },
            "mergeDerivations": { "derivations": self.items, "onlyDeps": false },
        }));
        let mut builder = self.sandbox.builder(&["merge-derivations"]);
        let output = output(&mut builder, b"");
        if output.status.success() {
            Ok(kept(&out))
        } else {
            Err(self.sandbox.stderr(&output))
        }
    }

    /// What `script` makes of the items below its first argument, or its message.
    fn theirs(&self, mut shell: std::process::Command, script: &str) -> Result<String, String> {
        let into = self.sandbox.root().join("theirs");
        fs::create_dir(&into).unwrap();
        fs::set_permissions(&into, fs::Permissions::from_mode(0o777)).unwrap();
        shell
            .args(["-c", script, "bash"])
            .arg(&into)
            .args(&self.items);
        let output = output(&mut shell, b"");
        let made = kept(&into);
        fs::remove_dir_all(&into).unwrap();
        if output.status.success() {
            Ok(made)
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }

    fn by_cp(&self) -> Result<String, String> {
        self.theirs(command("bash"), COPY)
    }

    fn by_cp_in_a_build(&self) -> Result<String, String> {
        let mut shell = command("setpriv");
        shell.args([
            "--reuid",
            NOBODY,
            "--regid",
            NOBODY,
            "--clear-groups",
            "bash",
        ]);
        self.theirs(shell, COPY_IN_A_BUILD)
    }
}

/// Whether both made the same, or both nothing.
fn agree(ours: &Result<String, String>, theirs: &Result<String, String>) -> Verdict {
    match (ours, theirs) {
        (Err(_), Err(_)) => Ok(()),
        (Ok(ours), Ok(theirs)) => same_text(ours, theirs),
        (ours, theirs) => Err(format!("ours: {ours:?}\ntheirs: {theirs:?}")),
    }
}

#[test]
fn directories_merge_as_by_cp() {
    for_all(60, vec(clashing_tree(), 1..4), |trees| {
        let ground = Ground::new(&trees);
        agree(&ground.ours(), &ground.by_cp())
    });
}

#[test]
fn what_nixpkgs_can_merge_in_a_build_merges_alike() {
    let merged = std::cell::Cell::new(0);
    for_all(80, vec(clashing_tree(), 1..3), |trees| {
        let ground = Ground::new(&trees);
        let theirs = ground.by_cp_in_a_build();
        if theirs.is_err() {
            return Ok(());
        }
        merged.set(merged.get() + 1);
        agree(&ground.ours(), &theirs)
    });
    assert!(merged.get() > 10, "only {} could be compared", merged.get());
}

#[test]
fn names_at_the_top_that_begin_with_a_dot_stay_behind() {
    let ground = Ground::new(&[Tree::parse(".hidden = x*1\na/.hidden = x*1\n..a/b = x*1")]);
    let ours = ground.ours().unwrap();
    assert_eq!(ours, "555 /\n555 a/\n444 a/.hidden = x*1\n");
    assert_eq!(ours, ground.by_cp_in_a_build().unwrap());
}

#[test]
fn an_item_that_is_a_link_to_a_directory_is_merged_as_the_directory() {
    let mut ground = Ground::new(&[Tree::parse("a = x*1")]);
    let link = ground.sandbox.store_path("link");
    symlink(&ground.items[0], &link).unwrap();
    ground.items = vec![link];
    assert_eq!(ground.ours().unwrap(), "555 /\n444 a = x*1\n");
}

/// How GNU tar is told to write, and what its output is piped through.
fn packing() -> impl Strategy<Value = (&'static str, &'static str)> {
    let formats = select(vec!["gnu", "pax", "ustar", "v7", "oldgnu"]);
    (
        formats,
        select(vec!["cat", "gzip", "xz", "bzip2", "zstd -q"]),
    )
}

/// Puts tars of the items in their place.
fn pack(ground: &mut Ground, packings: &[(&str, &str)]) {
    for (item, (format, program)) in ground.items.iter_mut().zip(packings) {
        let tar = item.with_extension("tar");
        let script = r#"set -o pipefail; tar --format="$1" -C "$2" -c . | $3 > "$4""#;
        let mut shell = command("bash");
        shell.args(["-c", script, "bash", format]).arg(&*item);
        stdout(shell.arg(program).arg(&tar), b"");
        *item = tar;
    }
}

#[test]
fn archives_are_unpacked_as_by_gnu_tar() {
    const UNPACK: &str = r#"for item in "${@:2}"; do tar -C "$1" -xpf "$item" || exit; done"#;
    for_all(60, vec((plain_tree(), packing()), 1..3), |packed| {
        let (trees, packings): (Vec<_>, Vec<_>) = packed.into_iter().unzip();
        let mut ground = Ground::new(&trees);
        pack(&mut ground, &packings);
        match ground.ours() {
            // GNU tar lets a directory take the place of anything.
            Err(message) if message.contains("leave one of the two out") => Ok(()),
            ours => agree(&ours, &ground.theirs(command("bash"), UNPACK)),
        }
    });
}

#[test]
fn archives_and_directories_win_over_each_other() {
    let trees = [
        "a = x*1\nb = x*1\nd/e = x*1\nl -> a",
        "b = y*2\nd/e => b\nd/f = y*2\nl = y*2",
        "b = z*3\nd/g = z*3",
    ];
    let trees = trees.map(Tree::parse);
    let expected = "555 /\n444 a = x*1\n444 b = z*3\n555 d/\n444 d/e = y*2\n444 d/f = y*2\n444 d/g = z*3\n444 l = y*2\n";
    for packed in 0..8 {
        let mut ground = Ground::new(&trees);
        let mut tars = Ground::new(&trees);
        pack(&mut tars, &[("pax", "gzip"); 3]);
        for number in (0..3).filter(|number| packed >> number & 1 == 1) {
            ground.items[number] = tars.items[number].clone();
        }
        assert_eq!(ground.ours().unwrap(), expected);
    }
}

#[test]
fn the_paths_alone_are_written_as_by_echo() {
    let sandbox = Sandbox::new();
    sandbox.write_attrs(&json!({
        "outputs": { "out": sandbox.out() },
        "mergeDerivations": { "derivations": ["/nix/store/a", "/nix/store/b"], "onlyDeps": true },
    }));
    stdout(&mut sandbox.builder(&["merge-derivations"]), b"");
    let written = fs::read_to_string(sandbox.out()).unwrap();
    assert_eq!(written, "/nix/store/a /nix/store/b\n");
}
