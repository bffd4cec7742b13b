//! What layers and members are called.

use expect_test::expect;
use nix_image_builder::bytes::digest::Algorithm;
use serde_json::json;

use crate::errors::tars::{self, Tar};
use crate::verify::{Files, check, check_files, docker};

#[test]
fn a_layer_named_by_a_digest_that_is_not_its_own_is_told() {
    let name = format!("{}.tar", "0".repeat(64));
    check_files(
        &with_layer_called(&name),
        1,
        expect![[r#"
        /nix/store/[HASH]-image.tar is wrong: 1 problem
          0000000000000000000000000000000000000000000000000000000000000000.tar
            is named as sha256:0000000000000000000000000000000000000000000000000000000000000000, but that is neither its digest sha256:f7f344db76ccfd488322b464d7f4fc12a1b5627a0a94e79faf02f062bdd5e322 nor its DiffID sha256:f7f344db76ccfd488322b464d7f4fc12a1b5627a0a94e79faf02f062bdd5e322
    "#]],
    );
}

/// The archive of an image whose layer is called `name`, which skopeo takes from where it copies.
fn with_layer_called(name: &str) -> Files {
    docker()
        .without("a/layer.tar")
        .without("a/json")
        .without("a/VERSION")
        .without("repositories")
        .file(name, tars::layer())
        .change("manifest.json", |manifest| {
            manifest[0]["Layers"] = json!([name]);
        })
}

#[test]
fn a_layer_named_by_its_sha_512_is_right() {
    let name = format!("{}.tar", Algorithm::Sha512.digest(&tars::layer()).hex());
    check_files(
        &with_layer_called(&name),
        0,
        expect![[r#"
        /nix/store/[HASH]-image.tar is right: 1 image, 1 layer, 3 files
    "#]],
    );
}

#[test]
fn a_layer_named_by_a_sha_512_that_is_not_its_own_is_told() {
    let name = format!("{}.tar", "0".repeat(128));
    check_files(
        &with_layer_called(&name),
        1,
        expect![[r#"
        /nix/store/[HASH]-image.tar is wrong: 1 problem
          00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000.tar
            is named as sha512:00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000, but that is neither its digest sha512:b7b34309d7899a94695a54a1c5953608e9c7510900b003ccbaf3bad80f5ab8f7dcdb82eaf7eaa90ca235e6efdbaa2353b76c3c102c38842d10e9931f8ddf0423 nor its DiffID sha256:f7f344db76ccfd488322b464d7f4fc12a1b5627a0a94e79faf02f062bdd5e322
    "#]],
    );
}

#[test]
fn what_nothing_uses_is_noted() {
    check_files(
        &docker().file("extra", "x"),
        0,
        expect![[r#"
        /nix/store/[HASH]-image.tar is right: 1 image, 1 layer, 7 files
        note: extra is used by nothing
    "#]],
    );
}

#[test]
fn two_members_of_one_name_may_not_differ() {
    let twice = |content: &str| {
        let tar = Tar::new().file("extra", "x");
        let tar = tar.file("extra", content).unfinished();
        [tar, docker().archive()].concat()
    };
    check(
        &twice("x"),
        0,
        expect![[r#"
        /nix/store/[HASH]-image.tar is right: 1 image, 1 layer, 7 files
        note: extra is used by nothing
    "#]],
    );
    check(
        &twice("y"),
        1,
        expect![[r#"
        /nix/store/[HASH]-image.tar is wrong: 1 problem
          extra
            is there more than once, and not always the same; programs differ in which one they take
        note: extra is used by nothing
    "#]],
    );
}

#[test]
fn members_that_lead_out_are_told_and_the_rest_is_checked() {
    let tar = Tar::new()
        .file("../passwd", "x")
        .symlink("here", "../there");
    let archive = [tar.unfinished(), docker().without("a/VERSION").archive()].concat();
    check(
        &archive,
        1,
        expect![[r#"
        /nix/store/[HASH]-image.tar is wrong: 2 problems
          /nix/store/[HASH]-image.tar
            image archive `/nix/store/[HASH]-image.tar` names `../passwd`, which has a part `..`; names have to stay within the archive
          a/json
            has no `VERSION` beside it
        note: here is used by nothing
    "#]],
    );
}
