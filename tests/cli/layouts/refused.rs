//! What `convert` and `oci-layout` do not take, and outputs that cannot be made.

use std::fs;

use expect_test::expect;
use serde_json::json;

use super::{attrs, check_convert, convert};
use crate::errors::check;
use crate::sandbox::Sandbox;
use crate::verify::docker;

#[test]
fn an_output_that_is_there_is_not_replaced() {
    let sandbox = Sandbox::new();
    let image = sandbox.file("image.tar", docker().archive());
    for name in ["there", "there.tar"] {
        let out = sandbox.file(name, "precious");
        let output = convert(&sandbox, &image, &out, &[]).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let expected = format!(
            "error: cannot create `/nix/store/[HASH]-{name}`\n  caused by: File exists (os error 17)\n"
        );
        assert_eq!(sandbox.stderr(&output), expected);
        assert_eq!(fs::read(out).unwrap(), b"precious");
    }
}

#[test]
fn what_is_no_image_is_named() {
    let sandbox = Sandbox::new();
    check_convert(
        &sandbox,
        &sandbox.store_path("nothing"),
        &[],
        expect![[r#"
        error: cannot read `/nix/store/[HASH]-nothing`
          caused by: No such file or directory (os error 2)
    "#]],
    );
    check_convert(
        &sandbox,
        &sandbox.file("json", "{}"),
        &[],
        expect![[r#"
        error: `/nix/store/[HASH]-json` is not an image description of this version of `builder`
          caused by: missing field `architecture` at line 1 column 2
    "#]],
    );
    check_convert(
        &sandbox,
        &sandbox.directory("directory", &[]),
        &[],
        expect![[r#"
            error: `/nix/store/[HASH]-directory` is a directory, but not that of an OCI layout: it has no `index.json`, no `oci-layout` and no `blobs`; an image is such a directory, or an archive
        "#]],
    );
    let attrs = attrs(&sandbox, &sandbox.file("text", "no image"));
    check(
        &sandbox,
        "oci-layout",
        &attrs,
        &expect![[r#"
        reading `/nix/store/[HASH]-text`
        error: image archive `/nix/store/[HASH]-text` is damaged or no tar
          caused by: the tar ends at byte 8, within a header
    "#]],
    );
}

#[test]
fn options_are_checked() {
    let sandbox = Sandbox::new();
    let image = sandbox.file("image.tar", docker().archive());
    for (options, expected) in [
        (
            ["--platform", "linux"],
            "it has to be OS/ARCHITECTURE or OS/ARCHITECTURE/VARIANT",
        ),
        (
            ["--platform", "linux//v7"],
            "it has to be OS/ARCHITECTURE or OS/ARCHITECTURE/VARIANT",
        ),
        (["--compressor", "xz"], "possible values: gz, zstd, none"),
        (["--to", "dir"], "possible values: layout, archive"),
    ] {
        let output = convert(&sandbox, &image, &sandbox.out(), &options)
            .output()
            .unwrap();
        let said = sandbox.stderr(&output);
        assert!(said.contains(expected), "{said}");
        assert_eq!(output.status.code(), Some(2));
    }
}

/// The layer that an image has, but with a config that no layout can have.
#[test]
fn a_config_that_says_nonsense_is_refused() {
    let sandbox = Sandbox::new();
    let layer = crate::errors::tars::layer();
    let mut config = crate::verify::config(&[&layer]);
    config["os.features"] = json!("win32k");
    let image = crate::verify::docker_of(&config, &layer).archive();
    check_convert(
        &sandbox,
        &sandbox.file("image.tar", image),
        &[],
        expect![[r#"
            error: the config of image `app:1` is not what it should be
              caused by: invalid type: string "win32k", expected a sequence at line 1 column 245
        "#]],
    );
}
