//! The layer of `buildImage`, with the closure behind what was in it: no path is there twice, whatever was.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;

use expect_test::{Expect, expect};
use nix_image_builder::bytes::skip::Skip;
use nix_image_builder::tar::names::path_of;
use nix_image_builder::tar::read::{MemberKind, Reader};
use proptest::array::uniform4;
use proptest::sample::select;
use serde_json::json;

use crate::errors::tars::Tar;
use crate::sandbox::Sandbox;
use crate::support::{Verdict, for_all};

/// What a layer has at one of the directories that lead to the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Has {
    Nothing,
    Directory,
    File,
    Symlink,
}

/// A layer with `has` at the store's directory, at those above it, and with `prefix` before its names.
fn layer(store: &str, has: &[Has], prefix: &str) -> Vec<u8> {
    let parts: Vec<&str> = store.split('/').filter(|part| !part.is_empty()).collect();
    let mut tar = Tar::new().directory("./").file("./other", "x");
    for (depth, has) in has.iter().enumerate() {
        // More than there are parts makes one of the store's own path.
        let path = format!("{prefix}{}", parts[..=depth].join("/"));
        tar = match has {
            Has::Nothing => break,
            Has::Directory => tar.directory(&format!("{path}/")),
            Has::File => tar.file(&path, "in the way"),
            Has::Symlink => tar.symlink(&path, "other"),
        };
        if *has != Has::Directory {
            break;
        }
        tar = tar.file(&format!("{path}/.keep"), "");
    }
    tar.finish()
}

/// The members of the new layer of the image that `layer` and a closure of two paths make, and the warnings.
fn build(sandbox: &Sandbox, tar: &[u8]) -> (Vec<(String, MemberKind)>, String) {
    let layer = sandbox.directory("layer", &[("json", "{}"), ("VERSION", "1.0")]);
    fs::write(layer.join("layer.tar"), tar).unwrap();
    let needed = sandbox.directory("needed", &[("file", "needed")]);
    let closure = format!("{}\n{}\n", layer.display(), needed.display());
    sandbox.write_attrs(&json!({
        "outputs": { "out": sandbox.out() },
        "image": {
            "name": "test",
            "tag": null,
            "baseJson": sandbox.file("base.json", r#"{"created":"1970-01-01T00:00:01Z"}"#),
            "layer": layer,
            "layerClosure": sandbox.file("closure", closure),
            "fromImage": null,
            "fromImageName": null,
            "fromImageTag": null,
            "compressor": "none",
        },
    }));
    let output = sandbox.builder(&["image"]).output().unwrap();
    let stderr = sandbox.stderr(&output);
    assert!(output.status.success(), "{stderr}");
    let warnings = stderr.lines().filter(|line| line.starts_with("warning: "));
    let warnings = warnings.map(|line| format!("{line}\n")).collect();
    (new_layer(&sandbox.out()), warnings)
}

fn new_layer(image: &Path) -> Vec<(String, MemberKind)> {
    struct Plain(File);
    impl std::io::Read for Plain {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            self.0.read(buffer)
        }
    }
    impl Skip for Plain {}

    let mut archive = Reader::new(Plain(File::open(image).unwrap()));
    while let Some(member) = archive.next_member().unwrap() {
        if !member.name.ends_with(b"/layer.tar") {
            continue;
        }
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut archive.content(&member), &mut bytes).unwrap();
        let mut layer = Reader::new(&*bytes);
        let mut members = Vec::new();
        while let Some(member) = layer.next_member().unwrap() {
            let name = String::from_utf8(member.name).unwrap();
            members.push((name, member.kind));
        }
        return members;
    }
    panic!("the image has no layer");
}

/// Every path is there once, and all that leads to the store is a directory.
fn is_in_order(store: &str, members: &[(String, MemberKind)]) -> Verdict {
    let mut kinds = BTreeMap::new();
    for (name, kind) in members {
        let path = String::from_utf8(path_of(name.as_bytes()).into_owned()).unwrap();
        if kinds.insert(path, *kind).is_some() {
            return Err(format!("`{name}` is there twice: {members:?}"));
        }
    }
    let ends = store.match_indices('/').map(|(at, _)| at).skip(1);
    for end in ends.chain([store.len()]) {
        let way = &store[1..end];
        let kind = kinds.get(way);
        let is_link = way.len() + 1 == store.len() && kind == Some(&MemberKind::Symlink);
        if kind != Some(&MemberKind::Directory) && !is_link {
            return Err(format!("`{way}` is {kind:?}: {members:?}"));
        }
    }
    Ok(())
}

/// The tests' store lies three or more directories deep, as a store of somebody else may.
#[test]
fn no_path_is_in_a_layer_twice_whatever_was_there() {
    let has = select(vec![
        Has::Nothing,
        Has::Directory,
        Has::Directory,
        Has::Directory,
        Has::File,
        Has::Symlink,
    ]);
    let prefix = select(vec!["./", "", "/", ".//", "././"]);
    for_all(40, (uniform4(has), prefix), |(has, prefix)| {
        let sandbox = Sandbox::new();
        let store = sandbox.root().join("store");
        let store = store.to_str().unwrap();
        let depth = store.matches('/').count().min(has.len());
        let tar = layer(store, &has[..depth], prefix);
        let (members, warnings) = build(&sandbox, &tar);
        is_in_order(store, &members)?;
        let reached = has[..depth].iter().find(|has| **has != Has::Directory);
        let is_odd = matches!(reached, Some(Has::File | Has::Symlink));
        if is_odd == warnings.is_empty() {
            return Err(format!("{has:?}: {warnings}"));
        }
        Ok(())
    });
}

#[track_caller]
fn check(has: &[Has], listing: Expect, warnings: Expect) {
    let sandbox = Sandbox::new();
    let store = sandbox.root().join("store");
    let tar = layer(store.to_str().unwrap(), has, "./");
    let (members, told) = build(&sandbox, &tar);
    let root = sandbox.root().to_str().unwrap().trim_start_matches('/');
    let root = |text: &str| text.replace(root, "tmp/[NAME]");
    let names = members.iter().map(|(name, _)| format!("{name}\n"));
    listing.assert_eq(&root(&names.collect::<String>()));
    warnings.assert_eq(&told.replace("[TMP]", "/tmp/[NAME]"));
}

#[test]
fn only_what_is_missing_is_added() {
    check(
        &[],
        expect![[r#"
        ./
        ./other
        ./tmp/
        ./tmp/[NAME]/
        ./tmp/[NAME]/store/
        tmp/[NAME]/store/00000000000000000000000000000000-needed/
        tmp/[NAME]/store/00000000000000000000000000000000-needed/file
    "#]],
        expect![[r#""#]],
    );
    check(
        &[Has::Directory],
        expect![[r#"
        ./
        ./other
        ./tmp/
        ./tmp/.keep
        ./tmp/[NAME]/
        ./tmp/[NAME]/store/
        tmp/[NAME]/store/00000000000000000000000000000000-needed/
        tmp/[NAME]/store/00000000000000000000000000000000-needed/file
    "#]],
        expect![[r#""#]],
    );
    check(
        &[Has::Directory; 2],
        expect![[r#"
        ./
        ./other
        ./tmp/
        ./tmp/.keep
        ./tmp/[NAME]/
        ./tmp/[NAME]/.keep
        ./tmp/[NAME]/store/
        tmp/[NAME]/store/00000000000000000000000000000000-needed/
        tmp/[NAME]/store/00000000000000000000000000000000-needed/file
    "#]],
        expect![[r#""#]],
    );
    check(
        &[Has::Directory; 3],
        expect![[r#"
        ./
        ./other
        ./tmp/
        ./tmp/.keep
        ./tmp/[NAME]/
        ./tmp/[NAME]/.keep
        ./tmp/[NAME]/store/
        ./tmp/[NAME]/store/.keep
        tmp/[NAME]/store/00000000000000000000000000000000-needed/
        tmp/[NAME]/store/00000000000000000000000000000000-needed/file
    "#]],
        expect![[r#""#]],
    );
}

#[test]
fn what_is_no_directory_makes_room_for_the_store() {
    check(
        &[Has::Symlink],
        expect![[r#"
        ./
        ./other
        ./tmp/
        ./tmp/[NAME]/
        ./tmp/[NAME]/store/
        tmp/[NAME]/store/00000000000000000000000000000000-needed/
        tmp/[NAME]/store/00000000000000000000000000000000-needed/file
    "#]],
        expect![[r#"
        warning: the symlink `/tmp` to `other` that was put into the layer is not in the image: there has to be a directory, with the store paths that the image needs; give it another name, or put what it is for into a directory `/tmp`
    "#]],
    );
    check(
        &[Has::Directory, Has::File],
        expect![[r#"
            ./
            ./other
            ./tmp/
            ./tmp/.keep
            ./tmp/[NAME]/
            ./tmp/[NAME]/store/
            tmp/[NAME]/store/00000000000000000000000000000000-needed/
            tmp/[NAME]/store/00000000000000000000000000000000-needed/file
        "#]],
        expect![[r#"
            warning: the file `/tmp/[NAME]` that was put into the layer is not in the image: there has to be a directory, with the store paths that the image needs; give it another name, or put what it is for into a directory `/tmp/[NAME]`
        "#]],
    );
    check(
        &[Has::Directory, Has::Directory, Has::File],
        expect![[r#"
            ./
            ./other
            ./tmp/
            ./tmp/.keep
            ./tmp/[NAME]/
            ./tmp/[NAME]/.keep
            ./tmp/[NAME]/store/
            tmp/[NAME]/store/00000000000000000000000000000000-needed/
            tmp/[NAME]/store/00000000000000000000000000000000-needed/file
        "#]],
        expect![[r#"
            warning: the file `/tmp/[NAME]/store` that was put into the layer is not in the image: there has to be a directory, with the store paths that the image needs; give it another name, or put what it is for into a directory `/tmp/[NAME]/store`
        "#]],
    );
}

#[test]
fn a_symlink_in_the_place_of_the_store_stays() {
    check(
        &[Has::Directory, Has::Directory, Has::Symlink],
        expect![[r#"
            ./
            ./other
            ./tmp/
            ./tmp/.keep
            ./tmp/[NAME]/
            ./tmp/[NAME]/.keep
            ./tmp/[NAME]/store
            tmp/[NAME]/store/00000000000000000000000000000000-needed/
            tmp/[NAME]/store/00000000000000000000000000000000-needed/file
        "#]],
        expect![[r#"
            warning: the symlink `/tmp/[NAME]/store` to `other` that was put into the layer stays in the image, and the store paths that the image needs go where it leads: Docker, podman and containerd cannot unpack them if that is no directory of this layer or one below; leave the symlink out, or mount the store when the container starts
        "#]],
    );
}
