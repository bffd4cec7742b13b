//! The entries of layers.

use expect_test::{Expect, expect};
use serde_json::json;

use super::{Files, check_files, config, docker_of, text};
use crate::errors::tars::Tar;
use crate::sandbox::Sandbox;

/// Verifies an image whose layers are `layers`, lowest first.
#[track_caller]
fn check_layers(layers: &[Tar], status: i32, expected: Expect) {
    let layers: Vec<Vec<u8>> = layers.iter().map(|layer| layer.clone().finish()).collect();
    let all: Vec<&[u8]> = layers.iter().map(Vec::as_slice).collect();
    let names: Vec<String> = (1..=layers.len()).map(|n| format!("{n}.tar")).collect();
    let files = docker_of(&config(&all), &[]).change("manifest.json", |manifest| {
        manifest[0]["Layers"] = names.clone().into();
    });
    let files = files.without("repositories").without("a/json");
    let files = files.without("a/layer.tar").without("a/VERSION");
    let layers = names.iter().zip(layers);
    let files = layers.fold(files, |files: Files, (name, layer)| files.file(name, layer));
    check_files(&files, status, expected);
}

#[test]
fn good_entries_are_right() {
    let below = Tar::new()
        .directory("./")
        .directory("a/")
        .file("a/x", "x")
        .symlink("s", "a");
    let above = Tar::new()
        .directory("/a/")
        .symlink("s", "a")
        .file("a/w", "w")
        .hard_link("a/y", "./a/w")
        .hard_link("a/z", "s/w")
        .file("a/.wh.x", "")
        .file("a/.wh..wh..opq", "")
        .directory(".wh..wh.plnk/");
    check_layers(
        &[below, above],
        0,
        expect![[r#"
        /nix/store/[HASH]-image.tar is right: 1 image, 2 layers, 4 files
    "#]],
    );
}

/// Engines refuse these, though they do not contradict themselves.
#[test]
fn directories_that_are_there_twice_are_told() {
    let layer = Tar::new()
        .directory("./")
        .directory("a/")
        .directory("/a")
        .directory(".");
    check_layers(
        &[layer],
        1,
        expect![[r#"
        /nix/store/[HASH]-image.tar is consistent, but not for every engine: 2 problems
          1.tar
            has the entry `/a`, which is a directory that is there twice; list it once; Docker, podman and crane refuse the image
            has the entry `.`, which is a directory that is there twice; list it once; Docker, podman and crane refuse the image
    "#]],
    );
}

#[test]
fn hard_links_into_lower_layers_are_told() {
    let below = Tar::new().directory("bin/").file("bin/tool", "tool");
    let above = Tar::new()
        .directory("bin/")
        .hard_link("bin/alias", "bin/tool");
    check_layers(
        &[below, above],
        1,
        expect![[r#"
        /nix/store/[HASH]-image.tar is consistent, but not for every engine: 1 problem
          2.tar
            has the entry `bin/alias`, which is a hard link to `bin/tool`, which its layer does not have before it, and engines unpack each layer by itself; put the file into the layer too; Docker, podman and containerd refuse the image
    "#]],
    );
}

#[test]
fn entries_that_lead_out_are_told() {
    let layer = Tar::new()
        .file("../x", "")
        .file("a/../../x", "")
        .symlink(".", "x")
        .hard_link("y", "../x");
    check_layers(
        &[layer],
        1,
        expect![[r#"
            /nix/store/[HASH]-image.tar is wrong: 4 problems
              1.tar
                has the entry `../x`, which leads out of the image: it has a part `..`
                has the entry `a/../../x`, which leads out of the image: it has a part `..`
                has the entry `.`, which is the root of the image, but no directory
                has the entry `y`, which is a hard link to `../x`, which has a part `..`
        "#]],
    );
}

#[test]
fn entries_that_are_there_twice_are_told() {
    let layer = Tar::new()
        .file("x", "")
        .file("./x", "")
        .symlink("x", "y")
        .directory("x/")
        .file("x/y", "")
        .directory("d/")
        .file("d", "");
    check_layers(
        &[layer],
        1,
        expect![[r#"
        /nix/store/[HASH]-image.tar is wrong: 5 problems
          1.tar
            has the entry `./x`, which is there twice
            has the entry `x`, which is there twice
            has the entry `x/`, which is also there as something else, and one of the two is a directory
            has the entry `x/y`, which lies below `x`, which is no directory
            has the entry `d`, which is also there as something else, and one of the two is a directory
    "#]],
    );
}

#[test]
fn whiteouts_hide_something() {
    let layer = Tar::new()
        .file(".wh.", "")
        .file("a/.wh..", "")
        .file("a/.wh...", "");
    check_layers(
        &[layer],
        1,
        expect![[r#"
        /nix/store/[HASH]-image.tar is wrong: 3 problems
          1.tar
            has the entry `.wh.`, which is a whiteout and does not name what it hides
            has the entry `a/.wh..`, which is a whiteout and does not name what it hides
            has the entry `a/.wh...`, which is a whiteout and does not name what it hides
    "#]],
    );
}

#[test]
fn a_file_that_is_taken_for_a_whiteout_is_noted() {
    check_layers(
        &[Tar::new().file(".wh.x", "content")],
        0,
        expect![[r#"
        /nix/store/[HASH]-image.tar is right: 1 image, 1 layer, 3 files
        note: 1.tar has the entry `.wh.x`, which is a whiteout to every engine, though it is no empty file, and will be lost
    "#]],
    );
}

#[test]
fn hard_links_lead_to_what_is_there() {
    let below = Tar::new().directory("d/").file("x", "");
    let above = Tar::new()
        .hard_link("to-directory", "d")
        .hard_link("to-later", "later")
        .file("later", "")
        .hard_link("to-itself", "to-itself")
        .hard_link("to-nothing", "x/y");
    check_layers(
        &[below, above],
        1,
        expect![[r#"
            /nix/store/[HASH]-image.tar is consistent, but not for every engine: 4 problems
              2.tar
                has the entry `to-directory`, which is a hard link to `d`, which its layer does not have before it, and engines unpack each layer by itself; put the file into the layer too; Docker, podman and containerd refuse the image
                has the entry `to-later`, which is a hard link to `later`, which its layer does not have before it, and engines unpack each layer by itself; put the file into the layer too; Docker, podman and containerd refuse the image
                has the entry `to-itself`, which is a hard link to `to-itself`, which its layer does not have before it, and engines unpack each layer by itself; put the file into the layer too; Docker, podman and containerd refuse the image
                has the entry `to-nothing`, which is a hard link to `x/y`, which its layer does not have before it, and engines unpack each layer by itself; put the file into the layer too; Docker, podman and containerd refuse the image
        "#]],
    );
}

#[test]
fn of_very_many_problems_only_some_are_told() {
    let layer = (0..103).fold(Tar::new(), |tar, _| tar.file(".wh.", "x"));
    let sandbox = crate::sandbox::Sandbox::new();
    let layer = layer.finish();
    let files = docker_of(&config(&[&layer]), &layer);
    let path = sandbox.file("image.tar", files.archive());
    let said = super::text(&sandbox, &["verify", path.to_str().unwrap()], b"", 1);
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), 103, "{said}");
    expect!["    has 105 more such entries"].assert_eq(lines[102]);
}

/// No more than a hundred are told of one layer, and as many as there are are counted.
#[test]
fn problems_beyond_telling_are_counted_one_by_one() {
    let layer = |first: usize| {
        let files = (first..first + 400).map(|number| format!("../{number}"));
        files
            .fold(Tar::new(), |tar, name| tar.file(&name, ""))
            .finish()
    };
    let layers: Vec<Vec<u8>> = (0..12).map(|number| layer(number * 400)).collect();
    let layers: Vec<&[u8]> = layers.iter().map(Vec::as_slice).collect();
    let names: Vec<String> = (0..12).map(|number| format!("{number}.tar")).collect();
    let manifest = json!([{ "Config": "c.json", "Layers": names }]);
    let mut files = Files::default()
        .file("c.json", config(&layers).to_string())
        .file("manifest.json", manifest.to_string());
    for (name, layer) in names.iter().zip(layers) {
        files = files.file(name, layer);
    }
    let sandbox = Sandbox::new();
    let path = sandbox.file("image.tar", files.archive());
    let said = text(&sandbox, &["verify", path.to_str().unwrap()], b"", 1);
    assert!(said.contains("is wrong: 4800 problems\n"), "{said}");
    assert!(said.contains("has 300 more such entries\n"), "{said}");
}
