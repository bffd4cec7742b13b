//! Symlinks of a base image that a directory of the new layer takes the place of: each is warned of, by `buildImage` and
//! by layered images alike, and nothing else is.

use std::fs;

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use crate::errors::layered::description_attrs;
use crate::errors::tars::{Tar, config_of};
use crate::sandbox::Sandbox;

/// A base image of `layers`, lowest first.
fn base(layers: &[Tar]) -> Vec<u8> {
    let layers: Vec<Vec<u8>> = layers.iter().map(|layer| layer.clone().finish()).collect();
    let names: Vec<String> = (0..layers.len())
        .map(|number| format!("{number}.tar"))
        .collect();
    let contents: Vec<&[u8]> = layers.iter().map(Vec::as_slice).collect();
    let manifest = json!([{ "Config": "config.json", "RepoTags": ["base:1"], "Layers": names }]);
    let mut archive = Tar::new()
        .file("manifest.json", manifest.to_string())
        .file("config.json", config_of(&contents));
    for (name, layer) in names.iter().zip(&layers) {
        archive = archive.file(name, layer);
    }
    archive.finish()
}

fn image_attrs(sandbox: &Sandbox, own: &Tar, base: &Value) -> Value {
    let layer = sandbox.directory("layer", &[("json", "{}"), ("VERSION", "1.0")]);
    fs::write(layer.join("layer.tar"), own.clone().finish()).unwrap();
    json!({
        "outputs": { "out": sandbox.out() },
        "image": {
            "name": "test",
            "tag": null,
            "baseJson": sandbox.file("image.json", r#"{"created":"1970-01-01T00:00:01Z"}"#),
            "layer": layer,
            "layerClosure": sandbox.file("closure", format!("{}\n", layer.display())),
            "fromImage": base,
            "fromImageName": null,
            "fromImageTag": null,
            "compressor": "none",
        },
    })
}

fn layered_attrs(sandbox: &Sandbox, own: &Tar, base: &Value) -> Value {
    let mut attrs = description_attrs(sandbox);
    let customisation = sandbox.store_path("customisation");
    fs::write(customisation.join("layer.tar"), own.clone().finish()).unwrap();
    attrs["description"]["fromImage"] = base.clone();
    attrs
}

/// What is warned of where a layer `own` comes on a base of `layers`.
#[track_caller]
fn check(layers: &[Tar], own: &Tar, expected: &Expect) {
    let commands = [
        ("image", image_attrs as fn(&Sandbox, &Tar, &Value) -> Value),
        ("description", layered_attrs),
    ];
    let warnings = commands.map(|(command, attrs_of)| {
        let sandbox = Sandbox::new();
        let base = json!(sandbox.file("base.tar", base(layers)));
        sandbox.write_attrs(&attrs_of(&sandbox, own, &base));
        let output = sandbox.builder(&[command]).output().unwrap();
        let stderr = sandbox.stderr(&output);
        assert!(output.status.success(), "{command}: {stderr}");
        let warnings = stderr
            .lines()
            .filter(|line| line.starts_with("warning: the directory"));
        warnings.map(|line| format!("{line}\n")).collect::<String>()
    });
    assert_eq!(warnings[0], warnings[1]);
    expected.assert_eq(&warnings[0]);
}

fn merged_usr() -> Tar {
    let base = Tar::new()
        .directory("usr/")
        .directory("usr/bin/")
        .file("usr/bin/env", "#!");
    base.symlink("bin", "usr/bin")
}

fn own() -> Tar {
    Tar::new()
        .directory("./")
        .directory("./bin/")
        .file("./bin/app", "app")
}

#[test]
fn a_directory_in_the_place_of_a_symlink_is_told() {
    check(
        &[merged_usr()],
        &own(),
        &expect![[r#"
        warning: the directory `/bin` of the image takes the place of the symlink `/bin` to `usr/bin` in base image `/nix/store/[HASH]-base.tar`, so that nothing of what it leads to is found in `/bin`; put the files into `/usr/bin`
    "#]],
    );
    // However the names begin, and wherever the link leads.
    let deep = Tar::new()
        .directory("./usr/")
        .symlink("./usr/lib64", "../lib");
    let own = Tar::new().directory("usr/").directory("usr/lib64/");
    check(
        &[deep],
        &own,
        &expect![[r#"
        warning: the directory `/usr/lib64` of the image takes the place of the symlink `/usr/lib64` to `../lib` in base image `/nix/store/[HASH]-base.tar`, so that nothing of what it leads to is found in `/usr/lib64`; put the files into `/lib`
    "#]],
    );
}

#[test]
fn only_what_is_a_symlink_in_the_end_is_told() {
    let nothing = expect![[""]];
    check(
        &[Tar::new().directory("bin/").file("bin/sh", "sh")],
        &own(),
        &nothing,
    );
    check(
        &[merged_usr()],
        &Tar::new().directory("./").directory("./opt/"),
        &nothing,
    );
    check(
        &[merged_usr()],
        &Tar::new().directory("./").symlink("./bin", "usr/bin"),
        &nothing,
    );
    check(
        &[merged_usr(), Tar::new().directory("bin/")],
        &own(),
        &nothing,
    );
    check(
        &[merged_usr(), Tar::new().file(".wh.bin", "")],
        &own(),
        &nothing,
    );
    check(
        &[merged_usr(), Tar::new().file(".wh..wh..opq", "")],
        &own(),
        &nothing,
    );
    check(
        &[Tar::new().directory("bin/"), merged_usr()],
        &own(),
        &expect![[r#"
            warning: the directory `/bin` of the image takes the place of the symlink `/bin` to `usr/bin` in base image `/nix/store/[HASH]-base.tar`, so that nothing of what it leads to is found in `/bin`; put the files into `/usr/bin`
        "#]],
    );
}
