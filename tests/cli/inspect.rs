//! What `builder inspect` shows of images.

use expect_test::{Expect, expect};
use nix_image_builder::bytes::digest::Algorithm;
use serde_json::{Value, json};

use crate::errors::layouts::{CONFIG, LAYER, Layout};
use crate::errors::tars::{self, Tar};
use crate::sandbox::Sandbox;
use crate::verify::{Files, config, docker, docker_of, run, text};

const HASH: &str = "00000000000000000000000000000000";

/// A layer with two store paths, and what only looks like one.
fn layer() -> Vec<u8> {
    Tar::new()
        .directory("/nix/store/")
        .file(&format!("/nix/store/{HASH}-one"), "1")
        .directory(&format!("nix/store/{HASH}-two/"))
        .file(&format!("nix/store/{HASH}-two/file"), "2")
        .file("nix/store/other", "3")
        .finish()
}

/// An image that says all that one can say.
fn image() -> Files {
    let layer = layer();
    let mut config = config(&[&layer]);
    config["created"] = json!("1970-01-01T00:00:01Z");
    config["author"] = json!("\u{1b}[2Jnobody");
    config["history"] = json!([
        { "created": "1970-01-01T00:00:01Z", "created_by": "builder", "comment": "a\nb" },
        { "empty_layer": true },
    ]);
    config["config"] = json!({
        "Cmd": ["sh", "-c", "echo \"é\""],
        "Entrypoint": null,
        "Env": ["A=1", "B=2"],
        "ExposedPorts": { "80/tcp": {} },
        "Labels": { "one": "1", "two": "2" },
        "User": "",
        "Volumes": { "/data": {} },
        "WorkingDir": "/data",
    });
    docker_of(&config, &tars::gzip(&layer))
}

#[track_caller]
fn check(arguments: &[&str], archive: &[u8], expected: Expect) {
    let sandbox = Sandbox::new();
    let path = sandbox.file("image.tar", archive);
    let arguments = [&["inspect", path.to_str().unwrap()], arguments].concat();
    expected.assert_eq(&text(&sandbox, &arguments, b"", 0));
}

#[track_caller]
fn check_error(arguments: &[&str], archive: &[u8], expected: Expect) {
    let sandbox = Sandbox::new();
    let path = sandbox.file("image.tar", archive);
    let arguments = [&["inspect", path.to_str().unwrap()], arguments].concat();
    let output = run(&sandbox, &arguments, b"");
    expected.assert_eq(&sandbox.stderr(&output));
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(output.stdout, b"");
}

#[test]
fn an_image_is_shown_whole() {
    check(
        &[],
        &image().archive(),
        expect![[r#"
            /nix/store/[HASH]-image.tar: image archive, not packed, 1 image

            app:1
              id           sha256:85f0aa0e1c5750db5f1cba9fac2f808e498b7b06b061be323b3b551f334f8491
              platform     linux/amd64
              created      1970-01-01T00:00:01Z
              author       \u{1b}[2Jnobody
              command      ["sh","-c","echo \"é\""]
              directory    /data
              environment  A=1
                           B=2
              ports        80/tcp
              volumes      /data
              labels       one=1
                           two=2

              layer     size  packed        files  store paths  DiffID
                  1  5.12 kB   185 B  gzip      5            2  sha256:8f786b9c3a323f3d1c48d2800856f8f548c1553cbda5cb4138dfbf6f81355b9d

              layer  digest of the packed layer
                  1  sha256:bfe87e908791e7a82ef4dafcc8acce1a7ff520300890361cb1a477c11e6155c1

              layer  store path
                  1  /nix/store/00000000000000000000000000000000-one
                  1  /nix/store/00000000000000000000000000000000-two

              created               history
              1970-01-01T00:00:01Z  builder a\nb
                                    (no layer)
        "#]],
    );
}

#[test]
fn programs_get_the_same_as_json() {
    check(
        &["--json"],
        &image().archive(),
        expect![[r#"
            {
              "path": "/nix/store/[HASH]-image.tar",
              "format": "docker",
              "packing": "plain",
              "images": [
                {
                  "names": [
                    "app:1"
                  ],
                  "id": "sha256:85f0aa0e1c5750db5f1cba9fac2f808e498b7b06b061be323b3b551f334f8491",
                  "manifest": null,
                  "annotations": {},
                  "platform": {
                    "os": "linux",
                    "architecture": "amd64",
                    "variant": null
                  },
                  "created": "1970-01-01T00:00:01Z",
                  "config": {
                    "Cmd": [
                      "sh",
                      "-c",
                      "echo \"é\""
                    ],
                    "Entrypoint": null,
                    "Env": [
                      "A=1",
                      "B=2"
                    ],
                    "ExposedPorts": {
                      "80/tcp": {}
                    },
                    "Labels": {
                      "one": "1",
                      "two": "2"
                    },
                    "User": "",
                    "Volumes": {
                      "/data": {}
                    },
                    "WorkingDir": "/data"
                  },
                  "layers": [
                    {
                      "file": "a/layer.tar",
                      "packing": "gzip",
                      "digest": "sha256:bfe87e908791e7a82ef4dafcc8acce1a7ff520300890361cb1a477c11e6155c1",
                      "packedSize": 185,
                      "diffId": "sha256:8f786b9c3a323f3d1c48d2800856f8f548c1553cbda5cb4138dfbf6f81355b9d",
                      "size": 5120,
                      "files": 5,
                      "storePaths": [
                        "/nix/store/00000000000000000000000000000000-one",
                        "/nix/store/00000000000000000000000000000000-two"
                      ]
                    }
                  ],
                  "history": [
                    {
                      "created": "1970-01-01T00:00:01Z",
                      "created_by": "builder",
                      "comment": "a\nb"
                    },
                    {
                      "empty_layer": true
                    }
                  ]
                }
              ]
            }
        "#]],
    );
}

#[test]
fn an_image_on_standard_input_is_shown() {
    let sandbox = Sandbox::new();
    let packed = tars::gzip(&docker().archive());
    expect![[r#"
        standard input: image archive, packed with gzip, 1 image

        app:1
          id           sha256:37368e3e0cff2b545f56187becbaa82ef79b75c02d5844c07c02d698832041cb
          platform     linux/amd64
          environment  A=1

          layer     size  packed    files  store paths  DiffID
              1  2.56 kB                2            0  sha256:f7f344db76ccfd488322b464d7f4fc12a1b5627a0a94e79faf02f062bdd5e322

          created               history
          1970-01-01T00:00:01Z
    "#]].assert_eq(&text(&sandbox, &["inspect", "-"], &packed, 0));
}

#[test]
fn one_of_several_images_can_be_chosen() {
    let files = docker().file("other.json", config(&[]).to_string());
    let files = files.change("manifest.json", |manifest| {
        let other = json!({ "Config": "other.json", "RepoTags": ["other:2"], "Layers": [] });
        manifest.as_array_mut().unwrap().push(other);
    });
    check(
        &[],
        &files.archive(),
        expect![[r#"
            /nix/store/[HASH]-image.tar: image archive, not packed, 2 images

            app:1
              id           sha256:37368e3e0cff2b545f56187becbaa82ef79b75c02d5844c07c02d698832041cb
              platform     linux/amd64
              environment  A=1

              layer     size  packed    files  store paths  DiffID
                  1  2.56 kB                2            0  sha256:f7f344db76ccfd488322b464d7f4fc12a1b5627a0a94e79faf02f062bdd5e322

              created               history
              1970-01-01T00:00:01Z

            other:2
              id           sha256:44babcbdb630dc940e20ece302bbe1a2a4d2ad068b23f1041adb0d45d5decdcf
              platform     linux/amd64
              environment  A=1
        "#]],
    );
    check(
        &["--image", "other:2"],
        &files.archive(),
        expect![[r#"
        /nix/store/[HASH]-image.tar: image archive, not packed, 1 image

        other:2
          id           sha256:44babcbdb630dc940e20ece302bbe1a2a4d2ad068b23f1041adb0d45d5decdcf
          platform     linux/amd64
          environment  A=1
    "#]],
    );
    check_error(
        &["--image", "app:2"],
        &files.archive(),
        expect![[r#"
        error: image archive `/nix/store/[HASH]-image.tar` has no image `app:2`; it has `app:1`, `other:2`
    "#]],
    );
}

#[test]
fn a_layout_shows_the_images_of_all_platforms() {
    let sandbox = Sandbox::new();
    let mut layout = Layout::new();
    let images = ["amd64", "arm64"].map(|architecture| {
        let mut config = config(&[]);
        config["architecture"] = json!(architecture);
        let config = layout.blob(CONFIG, config.to_string());
        let mut image = layout.manifest(&config, &[]);
        image["annotations"] = json!({ "org.opencontainers.image.ref.name": "app:1" });
        image
    });
    let path = layout.index(&images).directory(&sandbox);
    let said = text(&sandbox, &["inspect", path.to_str().unwrap()], b"", 0);
    expect![[r#"
        /nix/store/[HASH]-layout: OCI layout, in a directory, 2 images

        app:1
          id           sha256:44babcbdb630dc940e20ece302bbe1a2a4d2ad068b23f1041adb0d45d5decdcf
          manifest     sha256:133b99f71cc5ac50df136c6d690932cd5041d3c35639794ecacd4db80758ab38
          platform     linux/amd64
          environment  A=1

        app:1
          id           sha256:1d886f6898ffd869b1537d84fc7996624cd1253c4f68f65137c8d98c4fc5175a
          manifest     sha256:313236b9b655cbdaf5e838a807b6414a196ba5ed0a93753a19cc705b3d391610
          platform     linux/arm64
          environment  A=1
    "#]]
    .assert_eq(&said);
}

/// The image is called as Docker would call it, and its layers as the image does.
#[test]
fn an_image_by_sha_512_is_shown() {
    let sandbox = Sandbox::new();
    let mut layout = Layout::new();
    layout.call_by(Algorithm::Sha512);
    let layer = tars::layer();
    let config = layout.blob(CONFIG, config(&[&layer]).to_string());
    let layer = layout.blob(LAYER, layer);
    let image = layout.manifest(&config, &[layer]);
    let path = layout.index(&[image]).directory(&sandbox);
    let path = path.to_str().unwrap();
    let said = text(&sandbox, &["inspect", path], b"", 0);
    expect![[r#"
        /nix/store/[HASH]-layout: OCI layout, in a directory, 1 image

        (no name)
          id           sha256:37368e3e0cff2b545f56187becbaa82ef79b75c02d5844c07c02d698832041cb
          manifest     sha512:d04be2134c3467028c21d03403eded334dd10fcc70df169376a87acfeefb833829de2de834c7885419c551cfc08cadbfa4a9152f6df28a81aa5ac794edeba159
          platform     linux/amd64
          environment  A=1

          layer     size  packed    files  store paths  DiffID
              1  2.56 kB                2            0  sha256:f7f344db76ccfd488322b464d7f4fc12a1b5627a0a94e79faf02f062bdd5e322

          created               history
          1970-01-01T00:00:01Z
    "#]].assert_eq(&said);
    let said = text(&sandbox, &["inspect", "--json", path], b"", 0);
    let said: Value = serde_json::from_str(&said).unwrap();
    let layer = said["images"][0]["layers"][0].as_object().unwrap();
    let names: Vec<&Value> = ["file", "digest", "diffId"].map(|key| &layer[key]).into();
    expect![[r#"
        [
            String("blobs/sha512/b7b34309d7899a94695a54a1c5953608e9c7510900b003ccbaf3bad80f5ab8f7dcdb82eaf7eaa90ca235e6efdbaa2353b76c3c102c38842d10e9931f8ddf0423"),
            String("sha512:b7b34309d7899a94695a54a1c5953608e9c7510900b003ccbaf3bad80f5ab8f7dcdb82eaf7eaa90ca235e6efdbaa2353b76c3c102c38842d10e9931f8ddf0423"),
            String("sha256:f7f344db76ccfd488322b464d7f4fc12a1b5627a0a94e79faf02f062bdd5e322"),
        ]
    "#]].assert_debug_eq(&names);
}

#[test]
fn what_is_damaged_is_not_shown() {
    let damaged = docker().file("a/layer.tar", "no tar".repeat(200));
    check_error(
        &[],
        &damaged.archive(),
        expect![[r#"
        error: layer `a/layer.tar` of image `/nix/store/[HASH]-image.tar` cannot be read; `builder verify` tells all that is wrong
          caused by: is damaged or no tar
          caused by: no tar header at byte 0: its checksum is wrong
    "#]],
    );
    let archive = docker().archive();
    check_error(
        &[],
        &archive[..1000],
        expect![[r#"
        error: image archive `/nix/store/[HASH]-image.tar` is damaged or no tar
          caused by: the tar ends at byte 1000, within the content of a member
    "#]],
    );
    check_error(
        &[],
        &tars::layer(),
        expect![[r#"
        error: `/nix/store/[HASH]-image.tar` is no image archive and no OCI layout: it has no file `manifest.json` and no `index.json`
    "#]],
    );
    let missing = docker().without("a/layer.tar");
    check_error(
        &[],
        &missing.archive(),
        expect![[r#"
        error: image archive `/nix/store/[HASH]-image.tar` has no file `a/layer.tar`, which its manifest names as a layer
    "#]],
    );
}

#[test]
fn many_images_with_one_long_config_are_shown_one_by_one() {
    let files = image();
    let manifest = files.json("manifest.json");
    let images = vec![manifest[0].clone(); 3];
    let archive = files
        .file("manifest.json", json!(images).to_string())
        .archive();
    check_error(
        &["--limit", "maxJson=1500"],
        &archive,
        expect![[r#"
            error: the configs and store paths of all images in `/nix/store/[HASH]-image.tar` have more than 1500 bytes; show one of them (`--image`), or all with `--limit maxJson=...`
        "#]],
    );
}
