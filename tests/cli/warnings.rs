//! Every warning about what a user has asked for and does not get, whole; and that nothing is said where nothing is
//! lost.

use std::fs;
use std::path::{Path, PathBuf};

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use crate::errors::tars::Tar;
use crate::sandbox::Sandbox;
use crate::trees::Tree;

/// Which command puts items together.
#[derive(Debug, Clone, Copy)]
enum Command {
    /// `contents` of `buildLayeredImage`.
    Contents,
    /// `copyToRoot` of `buildImage`, with `keepContentsDirlinks` or without.
    CopyToRoot { keep: bool },
    /// `mergeDrvs`.
    MergeDerivations,
}

const COPY: Command = Command::CopyToRoot { keep: false };
const KEEP: Command = Command::CopyToRoot { keep: true };

/// The attributes for `command` with `items`.
fn attrs(sandbox: &Sandbox, command: Command, items: &[PathBuf]) -> (&'static str, Value) {
    let out = json!({ "out": sandbox.out() });
    match command {
        Command::Contents => (
            "customisation-layer",
            json!({ "outputs": out, "customisation": {
                "name": "test",
                "contents": items,
                "extraCommands": "",
                "fakeRootCommands": "",
                "enableFakechroot": false,
                "storeDir": "/nix/store",
                "shell": null,
                "fakeroot": null,
                "proot": null,
            } }),
        ),
        Command::CopyToRoot { keep } => (
            "pure-layer",
            json!({ "outputs": out, "layer": {
                "name": "test",
                "baseJson": sandbox.file("base.json", r#"{"created":"1970-01-01T00:00:01Z"}"#),
                "copyToRoot": items,
                "keepContentsDirlinks": keep,
                "extraCommands": "",
                "uid": 0,
                "gid": 0,
                "shell": null,
            } }),
        ),
        Command::MergeDerivations => (
            "merge-derivations",
            json!({ "outputs": out, "mergeDerivations": { "derivations": items, "onlyDeps": false } }),
        ),
    }
}

/// Makes the items that `texts` describe, called `first`, `second` and so on: a tree, or `file` for a file that is
/// no directory. `STORE` stands there for the store.
fn make(sandbox: &Sandbox, texts: &[&str]) -> Vec<PathBuf> {
    let names = ["first", "second", "third"];
    let items = names.iter().zip(texts).map(|(name, text)| {
        if *text == "file" {
            return sandbox.file(name, "echo hello");
        }
        let path = sandbox.store_path(name);
        fs::create_dir(&path).unwrap();
        let store = sandbox.store_path("");
        let store = store.to_str().unwrap();
        Tree::parse(&text.replace("STORE/", store)).make(&path);
        path
    });
    items.collect()
}

/// The warnings of `command` on `items`, which has to succeed.
fn told(sandbox: &Sandbox, command: Command, items: &[PathBuf]) -> String {
    let (subcommand, attrs) = attrs(sandbox, command, items);
    sandbox.write_attrs(&attrs);
    let output = sandbox.builder(&[subcommand]).output().unwrap();
    let stderr = sandbox.stderr(&output);
    assert!(output.status.success(), "{stderr}");
    let warnings = stderr.lines().filter(|line| line.starts_with("warning: "));
    warnings.map(|line| format!("{line}\n")).collect()
}

#[track_caller]
fn check(command: Command, texts: &[&str], expected: Expect) {
    let sandbox = Sandbox::new();
    let items = make(&sandbox, texts);
    expected.assert_eq(&told(&sandbox, command, &items));
}

#[test]
fn a_package_that_is_a_file_is_not_in_the_image() {
    check(
        Command::Contents,
        &["a/b = x*3", "file"],
        expect![[r#"
        warning: `/nix/store/[HASH]-second` of `contents` is no directory, so it is not in the image; put the file into one, for example with `writeTextDir`, `writeShellScriptBin` or `runCommand`
    "#]],
    );
}

#[test]
fn the_file_of_the_first_package_hides_that_of_the_second() {
    check(
        Command::Contents,
        &["bin/x = a*3", "bin/x = b*3\nbin/y = b*3"],
        expect![[r#"
            warning: the file `/nix/store/[HASH]-second/bin/x` is not in the image: `/bin/x` there is the file `/nix/store/[HASH]-first/bin/x`, since the first package of `contents` wins; change their order, or put a `buildEnv` of both in their place, which merges directories, and where `lib.hiPrio` says which file wins
        "#]],
    );
}

#[test]
fn a_directory_hides_a_symlink_to_another_one() {
    check(
        Command::Contents,
        &[
            "bin/tool = a*3",
            "lib/jdk/bin/java = b*3\nbin -> lib/jdk/bin",
        ],
        expect![[r#"
            warning: the symlink `/nix/store/[HASH]-second/bin` to `lib/jdk/bin`, which leads to 1 file, is not in the image: `/bin` there is the directory `/nix/store/[HASH]-first/bin`, since the first package of `contents` wins; change their order, or put a `buildEnv` of both in their place, which merges directories, and where `lib.hiPrio` says which file wins
        "#]],
    );
}

#[test]
fn a_symlink_hides_a_directory() {
    check(
        Command::Contents,
        &[
            "lib/jdk/bin/java = b*3\nbin -> lib/jdk/bin",
            "bin/tool = a*3\nbin/more = a*3",
        ],
        expect![[r#"
            warning: 2 files in the directory `/nix/store/[HASH]-second/bin` are not in the image: `/bin` there is the symlink `/nix/store/[HASH]-first/bin` to `lib/jdk/bin`, since the first package of `contents` wins; change their order, or put a `buildEnv` of both in their place, which merges directories, and where `lib.hiPrio` says which file wins
        "#]],
    );
    check(
        Command::Contents,
        &[
            "bin/one = a*3\nsbin -> bin",
            "bin/tool = b*3\nsbin/adm = b*3\nsbin/tool = b*3",
        ],
        expect![[r#"
            warning: 1 file in the directory `/nix/store/[HASH]-second/sbin` is not in the image: `/sbin` there is the symlink `/nix/store/[HASH]-first/sbin` to `bin`, since the first package of `contents` wins; change their order, or put a `buildEnv` of both in their place, which merges directories, and where `lib.hiPrio` says which file wins
        "#]],
    );
}

#[test]
fn a_file_hides_a_directory_and_a_directory_a_file() {
    check(
        Command::Contents,
        &["a = a*3\nb/c = a*3", "a/b/c = b*3\nb = b*3"],
        expect![[r#"
            warning: 1 file in the directory `/nix/store/[HASH]-second/a` is not in the image: `/a` there is the file `/nix/store/[HASH]-first/a`, since the first package of `contents` wins; change their order, or put a `buildEnv` of both in their place, which merges directories, and where `lib.hiPrio` says which file wins
            warning: the file `/nix/store/[HASH]-second/b` is not in the image: `/b` there is the directory `/nix/store/[HASH]-first/b`, since the first package of `contents` wins; change their order, or put a `buildEnv` of both in their place, which merges directories, and where `lib.hiPrio` says which file wins
        "#]],
    );
}

#[test]
fn a_symlink_hides_a_symlink() {
    check(
        Command::Contents,
        &["a -> none\nb -> none", "a -> nothing\nb = x*1"],
        expect![[r#"
            warning: the symlink `/nix/store/[HASH]-second/a` to `nothing` is not in the image: `/a` there is the symlink `/nix/store/[HASH]-first/a` to `none`, since the first package of `contents` wins; change their order, or put a `buildEnv` of both in their place, which merges directories, and where `lib.hiPrio` says which file wins
            warning: the file `/nix/store/[HASH]-second/b` is not in the image: `/b` there is the symlink `/nix/store/[HASH]-first/b` to `none`, since the first package of `contents` wins; change their order, or put a `buildEnv` of both in their place, which merges directories, and where `lib.hiPrio` says which file wins
        "#]],
    );
}

#[test]
fn names_that_lndir_passes_over_are_told() {
    check(
        Command::Contents,
        &["etc/conf = a*3\netc/conf~ = b*3\nsrc/.git/a/b = c*3\nsrc/.git/c = c*3"],
        expect![[r#"
            warning: the file `/nix/store/[HASH]-first/etc/conf~` is not in the image, since `contents` are joined without names that end in `~` and without directories of version control; rename it, or copy it in `extraCommands`
            warning: 2 files in the directory `/nix/store/[HASH]-first/src/.git` are not in the image, since `contents` are joined without names that end in `~` and without directories of version control; rename it, or copy it in `extraCommands`
        "#]],
    );
}

#[test]
fn beyond_ten_they_are_counted() {
    let [first, second] = ["a", "b"].map(|first| {
        let lines = (10..25).map(|number| format!("f{number} = {first}*3"));
        lines.collect::<Vec<_>>().join("\n")
    });
    let sandbox = Sandbox::new();
    let items = make(&sandbox, &[&first, &second]);
    let told = told(&sandbox, Command::Contents, &items);
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines.len(), 11);
    expect!["warning: and 5 more files of `contents` that are not in the image because others have their places"].assert_eq(lines[10]);
}

#[test]
fn the_later_item_of_copy_to_root_hides_the_earlier_one() {
    check(
        COPY,
        &["etc/conf = a*3 @1", "etc/conf = b*4 @1"],
        expect![[r#"
            warning: the file `/nix/store/[HASH]-first/etc/conf` is not in the image: `/etc/conf` there is the file `/nix/store/[HASH]-second/etc/conf`, since the later item of `copyToRoot` wins; change their order, or put a `buildEnv` of both in their place, where `lib.hiPrio` says which file wins
        "#]],
    );
    check(
        COPY,
        &[
            "a -> none\nb = x*1 @1\nc/\nd -> none",
            "a = x*1 @1\nb -> nothing\nc = x*1 @1\nd/e = x*1 @1",
        ],
        expect![[r#"
            warning: the symlink `/nix/store/[HASH]-first/a` to `none` is not in the image: `/a` there is the file `/nix/store/[HASH]-second/a`, since the later item of `copyToRoot` wins; change their order, or put a `buildEnv` of both in their place, where `lib.hiPrio` says which file wins
            warning: the file `/nix/store/[HASH]-first/b` is not in the image: `/b` there is the symlink `/nix/store/[HASH]-second/b` to `nothing`, since the later item of `copyToRoot` wins; change their order, or put a `buildEnv` of both in their place, where `lib.hiPrio` says which file wins
            warning: the directory `/nix/store/[HASH]-first/c` is not in the image: `/c` there is the file `/nix/store/[HASH]-second/c`, since the later item of `copyToRoot` wins; change their order, or put a `buildEnv` of both in their place, where `lib.hiPrio` says which file wins
            warning: the symlink `/nix/store/[HASH]-first/d` to `none` is not in the image: `/d` there is the directory `/nix/store/[HASH]-second/d`, since the later item of `copyToRoot` wins; change their order, or put a `buildEnv` of both in their place, where `lib.hiPrio` says which file wins
        "#]],
    );
}

#[test]
fn the_earlier_file_of_equal_size_stays_and_is_told() {
    check(
        COPY,
        &["etc/conf = a*20 @1", "etc/conf = b*20 @1"],
        expect![[r#"
            warning: the file `/nix/store/[HASH]-second/etc/conf` is not in the image: `/etc/conf` there is the file `/nix/store/[HASH]-first/etc/conf` of an earlier item, since both have 20 bytes and the same time, so that rsync takes them for equal and keeps the earlier one; leave that one out, or put a `buildEnv` of both in their place, where `lib.hiPrio` says which file wins
        "#]],
    );
    check(
        KEEP,
        &["etc/conf = a*1 @1", "etc/conf = b*1 @1"],
        expect![[r#"
            warning: the file `/nix/store/[HASH]-second/etc/conf` is not in the image: `/etc/conf` there is the file `/nix/store/[HASH]-first/etc/conf` of an earlier item, since both have 1 byte and the same time, so that rsync takes them for equal and keeps the earlier one; leave that one out, or put a `buildEnv` of both in their place, where `lib.hiPrio` says which file wins
        "#]],
    );
}

/// With `keepContentsDirlinks`, the item has the file at another path than the layer.
#[test]
fn a_file_behind_a_symlink_is_told_by_its_paths_in_the_items() {
    check(
        KEEP,
        &[
            "usr/lib/x = a*3 @1\nlib -> usr/lib",
            "lib/x = b*4 @1",
            "usr/lib/x = c*5 @1",
        ],
        expect![[r#"
            warning: the file `/nix/store/[HASH]-first/usr/lib/x` is not in the image: `/usr/lib/x` there is the file `/nix/store/[HASH]-second/lib/x`, since the later item of `copyToRoot` wins; change their order, or put a `buildEnv` of both in their place, where `lib.hiPrio` says which file wins
            warning: the file `/nix/store/[HASH]-second/lib/x` is not in the image: `/usr/lib/x` there is the file `/nix/store/[HASH]-third/usr/lib/x`, since the later item of `copyToRoot` wins; change their order, or put a `buildEnv` of both in their place, where `lib.hiPrio` says which file wins
        "#]],
    );
}

#[test]
fn a_symlink_that_leads_back_is_told_with_what_it_made() {
    check(
        COPY,
        &["zoneinfo/posix -> .\nzoneinfo/UTC = x*3 @1"],
        expect![[r#"
            warning: the symlink `/nix/store/[HASH]-first/zoneinfo/posix` leads back to the directory `/nix/store/[HASH]-first/zoneinfo`, through which it was reached: as every symlink to a directory it became that directory, again and again until 40 symlinks lay behind each other, and that made 80 more files and directories; take the symlink out, or keep symlinks with `keepContentsDirlinks = true`
        "#]],
    );
    check(
        KEEP,
        &["zoneinfo/posix -> .\nzoneinfo/UTC = x*3 @1"],
        expect![[r#""#]],
    );
}

#[test]
fn the_later_derivation_hides_the_earlier_one() {
    check(
        Command::MergeDerivations,
        &[
            "bin/x = a*3\nl -> none\nf = a*3",
            "bin/x = b*3\nl -> nothing",
            "f -> none",
        ],
        expect![[r#"
            warning: `/nix/store/[HASH]-first/bin/x` is not in the output: `bin/x` there is `/nix/store/[HASH]-second/bin/x`, since the later of `derivations` wins; change their order, or leave one of the two out
            warning: `/nix/store/[HASH]-first/l` is not in the output: `l` there is `/nix/store/[HASH]-second/l`, since the later of `derivations` wins; change their order, or leave one of the two out
            warning: `/nix/store/[HASH]-first/f` is not in the output: `f` there is `/nix/store/[HASH]-third/f`, since the later of `derivations` wins; change their order, or leave one of the two out
        "#]],
    );
}

#[test]
fn names_that_begin_with_a_dot_are_told() {
    check(
        Command::MergeDerivations,
        &["a/.b = a*3\n.c = a*3\n.d/e = a*3"],
        expect![[r#"
            warning: the file `/nix/store/[HASH]-first/.c` is not in the output, since `mergeDrvs` passes over names that begin with a dot at the top of a directory; rename it, or copy it with `runCommand`
            warning: the directory `/nix/store/[HASH]-first/.d` is not in the output, since `mergeDrvs` passes over names that begin with a dot at the top of a directory; rename it, or copy it with `runCommand`
        "#]],
    );
}

#[test]
fn a_file_of_a_tar_is_told_with_its_tar() {
    let sandbox = Sandbox::new();
    let mut items = make(&sandbox, &["a = a*3\nb = a*3"]);
    for (name, content) in [("one.tar", "one"), ("two.tar", "two")] {
        let tar = Tar::new().file("a", content).file("same", "same");
        items.push(sandbox.file(name, tar.hard_link("b", "a").finish()));
    }
    expect![[r#"
        warning: `/nix/store/[HASH]-first/a` is not in the output: `a` there is `a` of `/nix/store/[HASH]-one.tar`, since the later of `derivations` wins; change their order, or leave one of the two out
        warning: `/nix/store/[HASH]-first/b` is not in the output: `b` there is `b` of `/nix/store/[HASH]-one.tar`, since the later of `derivations` wins; change their order, or leave one of the two out
        warning: `a` of `/nix/store/[HASH]-one.tar` is not in the output: `a` there is `a` of `/nix/store/[HASH]-two.tar`, since the later of `derivations` wins; change their order, or leave one of the two out
        warning: `b` of `/nix/store/[HASH]-one.tar` is not in the output: `b` there is `b` of `/nix/store/[HASH]-two.tar`, since the later of `derivations` wins; change their order, or leave one of the two out
    "#]].assert_eq(&told(&sandbox, Command::MergeDerivations, &items));
}

/// Whoever looks into the result finds all that the items have.
#[test]
fn nothing_is_said_where_nothing_is_lost() {
    let pairs: &[&[&str]] = &[
        // The same files, links and directories.
        &["a/b = x*3 @1\nl -> a", "a/b = x*3 @1\nl -> a"],
        &["a/b = x*3 @1\nc/", "a/c = x*3 @1\nc/"],
        &["l -> none", "l -> none"],
        &["444 a = x*3 @1", "555 a = x*3 @1"],
        &["a = x*3 @1", "a = x*3 @2"],
        // The same file, once as a link.
        &["bin/x = x*3 @1", "bin/x -> STORE/first/bin/x"],
        &["bin/x -> STORE/second/bin/x", "bin/x = x*3 @1"],
        &["a = x*0 @1", "a = x*0 @1"],
    ];
    for items in pairs {
        for command in [Command::Contents, COPY, KEEP, Command::MergeDerivations] {
            let sandbox = Sandbox::new();
            let items = make(&sandbox, items);
            assert_eq!(told(&sandbox, command, &items), "", "{command:?} {items:?}");
        }
    }
    // A link to a directory, all of which is there.
    for items in [
        ["bin -> STORE/second/bin", "bin/x = x*3"],
        ["bin/x = x*3", "bin -> STORE/first/bin"],
        ["bin -> ./d\nd/x = x*3", "bin -> d\nd/x = x*3"],
        ["bin/x = x*3\nsbin -> bin", "bin/y = x*3\nsbin/y = x*3"],
    ] {
        let sandbox = Sandbox::new();
        let items = make(&sandbox, &items);
        assert_eq!(told(&sandbox, Command::Contents, &items), "", "{items:?}");
    }
    for command in [Command::Contents, COPY, KEEP, Command::MergeDerivations] {
        let sandbox = Sandbox::new();
        let item = make(&sandbox, &["a/b = x*3\nl -> a\nm -> none"]).remove(0);
        assert_eq!(
            told(&sandbox, command, &[item.clone(), item]),
            "",
            "{command:?}"
        );
    }
}

/// A name may have a newline, which would make two lines of a warning.
#[test]
fn a_warning_is_one_line() {
    for command in [Command::Contents, COPY, Command::MergeDerivations] {
        let sandbox = Sandbox::new();
        let items = make(&sandbox, &["a\\n\\x1bb = a*3 @1", "a\\n\\x1bb = b*4 @1"]);
        let told = told(&sandbox, command, &items);
        assert_eq!(told.lines().count(), 1, "{told}");
        assert!(told.contains(r"a\n\u{1b}b"), "{told}");
    }
}

#[test]
fn what_hides_the_store_in_a_layered_image_is_told() {
    check(
        Command::Contents,
        &["nix -> data\ndata/"],
        expect![[r#"
        warning: `/nix` is a symlink in what `contents` and the scripts made, which lies above the layers of the store paths: containers see none of these then; give it another name
    "#]],
    );
    check(
        Command::Contents,
        &["nix/store = a*3"],
        expect![[r#"
        warning: `/nix/store` is a symlink in what `contents` and the scripts made, which lies above the layers of the store paths: containers see none of these then; give it another name
    "#]],
    );
    check(Command::Contents, &["nix/store/a = a*3"], expect![[r#""#]]);
}

/// Two links make 2^40 paths.
#[test]
fn symlinks_that_multiply_are_an_error() {
    let sandbox = Sandbox::new();
    let items = make(
        &sandbox,
        &["zoneinfo/posix -> .\nzoneinfo/right -> .\nzoneinfo/UTC = x*3"],
    );
    let failed = |limits: Value| {
        let (subcommand, mut attrs) = attrs(&sandbox, COPY, &items);
        attrs["limits"] = limits;
        sandbox.write_attrs(&attrs);
        let output = sandbox.builder(&[subcommand]).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(!sandbox.out().exists());
        // Which of the links is met first is the file system's choice.
        sandbox.stderr(&output).replace("/right`", "/posix`")
    };
    expect![[r#"
        copying `/nix/store/[HASH]-first` to the root of the layer
        error: cannot follow the symlink `/nix/store/[HASH]-first/zoneinfo/posix` to the directory `/nix/store/[HASH]-first/zoneinfo` once more: such symlinks have made 75000 copies of files and directories that the layer has already; take the symlink out, or keep symlinks with `keepContentsDirlinks = true`, or allow more copies by `dockerToolsLimits.maxLinkCopies`
    "#]].assert_eq(&failed(json!({})));
    expect![[r#"
        copying `/nix/store/[HASH]-first` to the root of the layer
        error: cannot follow the symlink `/nix/store/[HASH]-first/zoneinfo/posix` to the directory `/nix/store/[HASH]-first/zoneinfo` once more: such symlinks have made 100 copies of files and directories that the layer has already; take the symlink out, or keep symlinks with `keepContentsDirlinks = true`, or allow more copies by `dockerToolsLimits.maxLinkCopies`
    "#]].assert_eq(&failed(json!({ "maxLinkCopies": 100 })));
}

#[test]
fn paths_that_nobody_can_open_are_an_error() {
    let sandbox = Sandbox::new();
    let long = "n".repeat(200);
    let items = make(&sandbox, &[&format!("{long}/back -> ..")]);
    let (subcommand, attrs) = attrs(&sandbox, COPY, &items);
    sandbox.write_attrs(&attrs);
    let output = sandbox.builder(&[subcommand]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let stderr = sandbox.stderr(&output).replace(&long, "[200 BYTES]");
    expect![[r#"
        copying `/nix/store/[HASH]-first` to the root of the layer
        error: cannot follow the symlink `/nix/store/[HASH]-first/[200 BYTES]/back` to the directory `/nix/store/[HASH]-first` once more: what is in it would have a path of more than 4094 bytes in the layer, which no system can open; take the symlink out, or keep symlinks with `keepContentsDirlinks = true`
    "#]].assert_eq(&stderr);
    assert!(!Path::new(&sandbox.out()).exists());
}
