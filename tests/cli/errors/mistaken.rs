//! Messages about what is handed in as an image and is none, the same wherever one is taken.

use std::fs;
use std::path::{Path, PathBuf};

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::image_attrs;
use super::tars::{self, Tar};
use crate::sandbox::Sandbox;

/// The error of each function, and of `verify` and `inspect`, on what `make` makes, which has to be the same.
#[track_caller]
fn check(make: impl Fn(&Sandbox) -> PathBuf, expected: Expect) {
    let sandbox = Sandbox::new();
    let image = make(&sandbox);
    let mut errors: Vec<(&str, String)> = ["verify", "inspect"]
        .map(|subcommand| {
            let output = sandbox.builder(&[subcommand]).arg(&image).output().unwrap();
            assert_eq!(output.stdout, b"", "words on stdout");
            assert_eq!(output.status.code(), Some(2), "{subcommand}");
            (subcommand, error(&sandbox.stderr(&output)))
        })
        .to_vec();
    for (subcommand, attrs) in functions(&sandbox, &image) {
        sandbox.write_attrs(&attrs);
        let output = sandbox.builder(&[subcommand]).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{subcommand}");
        assert!(!sandbox.out().exists(), "the output is still there");
        errors.push((subcommand, error(&sandbox.stderr(&output))));
    }
    expected.assert_eq(&errors[0].1);
    for (subcommand, error) in &errors {
        assert_eq!(error, &errors[0].1, "{subcommand}");
    }
}

fn functions(sandbox: &Sandbox, image: &Path) -> [(&'static str, Value); 3] {
    let out = sandbox.out();
    let mut of_image = image_attrs(sandbox);
    of_image["image"]["fromImage"] = json!(image);
    let good = sandbox.file("good.tar", tars::image());
    let export = json!({ "fromImage": image, "fromImageName": null, "fromImageTag": null });
    [
        ("image", of_image),
        (
            "export",
            json!({ "outputs": { "out": out }, "export": export }),
        ),
        (
            "merge",
            json!({ "outputs": { "out": out }, "merge": { "images": [image, good] } }),
        ),
    ]
}

/// What is said from the error on.
fn error(stderr: &str) -> String {
    let at = stderr
        .find("error: ")
        .unwrap_or_else(|| panic!("no error: {stderr}"));
    stderr[at..].to_owned()
}

#[track_caller]
fn check_file(content: impl AsRef<[u8]>, expected: Expect) {
    check(|sandbox| sandbox.file("stream-app", &content), expected);
}

#[test]
fn the_program_of_a_streamed_image_is_called_so() {
    check_file(
        "#! /nix/store/x-bash/bin/bash -e\nexec \"/nix/store/x-stream\"  /nix/store/x-app-conf.json \"$@\" \n",
        expect![[r#"
            error: `/nix/store/[HASH]-stream-app` is the program of a streamed image, and no image: it writes one when it runs; use `buildLayeredImage` in the place of `streamLayeredImage`, or the archive that the program writes
        "#]],
    );
}

#[test]
fn nixpkgs_own_program_of_a_stream_too() {
    let program = format!(
        "#!/nix/store/x-python3/bin/python3.12\n\"\"\"\nThis script generates a Docker image from a set of store paths. Uses\n{}",
        "Docker Image Specification v1.2 as reference.\n".repeat(300)
    );
    check_file(
        program,
        expect![[r#"
        error: `/nix/store/[HASH]-stream-app` is the program of a streamed image, and no image: it writes one when it runs; use `buildLayeredImage` in the place of `streamLayeredImage`, or the archive that the program writes
    "#]],
    );
}

#[test]
fn a_packed_one_too() {
    check_file(
        tars::gzip(b"#!/bin/sh\nexec builder-1/bin/builder stream \"$@\"\n"),
        expect![[r#"
            error: `/nix/store/[HASH]-stream-app` is the program of a streamed image, and no image: it writes one when it runs; use `buildLayeredImage` in the place of `streamLayeredImage`, or the archive that the program writes
        "#]],
    );
}

#[test]
fn another_script_is_named_by_its_first_line() {
    check_file(
        "#!/bin/sh\necho \x1b[1mhello\n",
        expect![[r#"
        error: `/nix/store/[HASH]-stream-app` is a script, and no image archive; its first line is `#!/bin/sh`
    "#]],
    );
}

#[test]
fn a_program_is_no_image() {
    check_file(
        [&b"\x7fELF\x02\x01\x01"[..], &[0; 2000]].concat(),
        expect![[r#"
            error: `/nix/store/[HASH]-stream-app` is a program, and no image archive
        "#]],
    );
}

#[test]
fn a_document_is_no_image() {
    check_file(
        tars::manifest().to_string(),
        expect![[r#"
        error: `/nix/store/[HASH]-stream-app` is a JSON document, and no image; an image is an archive with its documents and layers, or the directory of an OCI layout
    "#]],
    );
}

#[test]
fn a_derivation_is_no_image_yet() {
    check_file(
        "Derive([(\"out\",\"/nix/store/x-image.tar.gz\",\"\",\"\")],[],[],\"x86_64-linux\")",
        expect![[r#"
            error: `/nix/store/[HASH]-stream-app` is a derivation that has yet to be built, and no image; name its output: in Nix the image itself and not its `drvPath`, in a shell what `nix-store --realise` prints
        "#]],
    );
}

#[test]
fn the_directory_of_a_layer_is_no_image() {
    check(
        |sandbox| {
            let files = [("layer.tar", ""), ("json", "{}"), ("VERSION", "1.0")];
            sandbox.directory("docker-layer-app", &files)
        },
        expect![[r#"
            error: `/nix/store/[HASH]-docker-layer-app` is the directory of a layer, with `layer.tar`, `json` and `VERSION`, and no image; what `buildImage` makes of it is one
        "#]],
    );
}

#[test]
fn a_directory_without_a_layout_says_what_is_missing() {
    check(
        |sandbox| sandbox.directory("app", &[("bin/app", "")]),
        expect![[r#"
            error: `/nix/store/[HASH]-app` is a directory, but not that of an OCI layout: it has no `index.json`, no `oci-layout` and no `blobs`; an image is such a directory, or an archive
        "#]],
    );
    check(
        |sandbox| {
            let path = sandbox.directory("layout", &[("oci-layout", "{}")]);
            fs::create_dir(path.join("blobs")).unwrap();
            path
        },
        expect![[r#"
            error: `/nix/store/[HASH]-layout` is a directory, but not that of an OCI layout: it has no `index.json`; an image is such a directory, or an archive
        "#]],
    );
}

/// Those of `exportImage` may have devices, which image archives have not.
#[test]
fn the_tar_of_a_file_system_is_no_image() {
    let tar = Tar::new()
        .directory("./")
        .directory("./bin/")
        .symlink("./bin/sh", "/nix/store/x-bash/bin/sh")
        .directory("./dev/")
        .header(&tars::header("./dev/null", b'3', 0, ""))
        .directory("./etc/");
    check_file(
        tar.clone().finish(),
        expect![[r#"
        error: `/nix/store/[HASH]-stream-app` is the tar of a file system, as `exportImage` writes it, and no image archive: it has no `manifest.json` and no `index.json`; `buildImage` with its content as `copyToRoot`, or `docker import`, makes an image of it
    "#]],
    );
    check_file(
        tars::gzip(&tar.finish()),
        expect![[r#"
        error: `/nix/store/[HASH]-stream-app` is the tar of a file system, as `exportImage` writes it, and no image archive: it has no `manifest.json` and no `index.json`; `buildImage` with its content as `copyToRoot`, or `docker import`, makes an image of it
    "#]],
    );
    let store = Tar::new()
        .directory("./nix/")
        .directory("./nix/store/")
        .directory("./nix/store/x-app/");
    check_file(
        store.finish(),
        expect![[r#"
        error: `/nix/store/[HASH]-stream-app` is the tar of a file system, as `exportImage` writes it, and no image archive: it has no `manifest.json` and no `index.json`; `buildImage` with its content as `copyToRoot`, or `docker import`, makes an image of it
    "#]],
    );
}
