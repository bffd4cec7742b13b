//! Every number that a user can write, at its extremes: `builder` takes it or says in words what it has
//! to be, and never panics.

use std::process::{Command, Output};

use expect_test::{Expect, expect};
use nix_image_builder::bytes::digest::Sha256;
use serde_json::{Value, json};

use super::script::{SETUP, bash};
use super::tars;
use super::{image_attrs, layer_attrs};
use crate::sandbox::Sandbox;

/// Numbers as JSON has them, and things in their place.
fn oddities() -> Vec<Value> {
    let texts = [
        "0",
        "1",
        "-1",
        "2147483647",
        "2147483648",
        "4294967294",
        "4294967295",
        "4294967296",
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775808",
        "18446744073709551615",
        "18446744073709551616",
        "-9223372036854775809",
        "1.5",
        "1e300",
        "-0",
        "-0.0",
        "\"\"",
        "\"1\"",
        "\"-1\"",
        "\"18446744073709551616\"",
        "\"x\"",
        "null",
        "true",
        "[]",
        "{}",
    ];
    let values = texts.iter().map(|text| serde_json::from_str(text).unwrap());
    values.collect()
}

/// Fails when `builder` has panicked, or has failed without a word.
#[track_caller]
fn check_words(sandbox: &Sandbox, command: &mut Command, what: &str) -> Output {
    let output = command.output().unwrap();
    let stderr = sandbox.stderr(&output);
    let status = output.status.code();
    assert!(
        [Some(0), Some(1), Some(2)].contains(&status) && !stderr.contains("panicked"),
        "{what}: {:?}\n{stderr}",
        output.status
    );
    assert!(
        status == Some(0) || stderr.contains("error: "),
        "{what}: {stderr}"
    );
    output
}

/// Builds what `attrs` say with each oddity at `pointer`; a failure has to name `name`.
#[track_caller]
fn check_attribute(subcommand: &str, pointer: &str, name: &str, attrs: fn(&Sandbox) -> Value) {
    for value in oddities() {
        let sandbox = Sandbox::new();
        let mut attrs = attrs(&sandbox);
        *attrs.pointer_mut(pointer).unwrap() = value.clone();
        sandbox.write_attrs(&attrs);
        let what = format!("{name} = {value}");
        let output = check_words(&sandbox, &mut sandbox.builder(&[subcommand]), &what);
        if !output.status.success() {
            let stderr = sandbox.stderr(&output);
            assert!(stderr.contains(name), "{what}: {stderr}");
            assert!(!sandbox.out().exists(), "{what}");
        }
    }
}

fn scripted_layer(sandbox: &Sandbox) -> Value {
    let mut attrs = layer_attrs(sandbox);
    attrs["stdenv"] = json!(sandbox.directory("stdenv", &[("setup", SETUP)]));
    attrs["extraCommands"] = json!("touch file");
    attrs["layer"]["extraCommands"] = json!("touch file");
    attrs["layer"]["copyToRoot"] = json!([sandbox.directory("item", &[("conf", "1")])]);
    attrs["layer"]["shell"] = json!(bash());
    attrs
}

#[test]
fn owners_of_layers() {
    for name in ["uid", "gid"] {
        check_attribute("pure-layer", &format!("/layer/{name}"), name, layer_attrs);
    }
}

fn description(sandbox: &Sandbox) -> Value {
    let layer = sandbox.directory("layer", &[]);
    let tar = tars::Tar::new().finish();
    std::fs::write(layer.join("checksum"), Sha256::of(&tar).hex()).unwrap();
    std::fs::write(layer.join("layer.tar"), tar).unwrap();
    json!({
        "outputs": { "out": sandbox.out() },
        "description": {
            "name": "image", "tag": "1", "created": "@0", "mtime": "@0", "uid": 0, "gid": 0,
            "uname": "root", "gname": "root", "maxLayers": 100, "layeringPipeline": null,
            "includeStorePaths": false, "debug": false, "storeDir": "/nix/store", "fromImage": null,
            "baseJson": sandbox.file("base.json", r#"{"architecture":"amd64","config":{},"os":"linux"}"#),
            "customisationLayer": layer,
        },
    })
}

#[test]
fn numbers_of_streamed_images() {
    for name in ["uid", "gid", "maxLayers"] {
        check_attribute(
            "description",
            &format!("/description/{name}"),
            name,
            description,
        );
    }
}

#[test]
fn times_of_streamed_images() {
    for name in ["created", "mtime"] {
        for value in [
            "@-1",
            "@0",
            "@-9223372036854775808",
            "@9223372036854775807",
            "@9223372036854775808",
            "@253402207200",
            "@253402300799",
            "@-377705023201",
            "0000-01-01T00:00:00Z",
            "9999-12-31T23:59:59Z",
            "-009999-01-01T00:00:00Z",
            "10000-01-01T00:00:00Z",
            "@1.5",
            "@1e9",
            "@ 1",
            "2024-02-30",
            "2024-01-01T00:00:60Z",
        ] {
            let sandbox = Sandbox::new();
            let mut attrs = description(&sandbox);
            attrs["description"][name] = json!(value);
            sandbox.write_attrs(&attrs);
            let what = format!("{name} = {value}");
            let output = check_words(&sandbox, &mut sandbox.builder(&["description"]), &what);
            if output.status.success() {
                // What was taken can be written.
                let conf = sandbox.out().display().to_string();
                let script = "\"$0\" stream \"$1\" | cat > /dev/null";
                check_words(&sandbox, &mut sandbox.shell(script, &[&conf]), &what);
            } else {
                let stderr = sandbox.stderr(&output);
                assert!(
                    stderr.contains(&format!("`{name}` is `{value}`")),
                    "{what}: {stderr}"
                );
            }
        }
    }
}

#[test]
fn limits_of_images() {
    let names = [
        "maxJson",
        "maxMembers",
        "maxNames",
        "maxLayers",
        "maxManifests",
        "maxNesting",
        "maxUnpacked",
        "maxRatio",
        "maxZstdWindow",
        "maxXzMemory",
        "maxEntries",
        "maxDepth",
        "maxMetadata",
        "maxValues",
        "maxSeconds",
        "maxEnv",
    ];
    let image = zstd::encode_all(&*tars::image(), 1).unwrap();
    let sandbox = Sandbox::new();
    let image = sandbox.file("image.tar.zst", image);
    let export = json!({ "fromImage": image, "fromImageName": null, "fromImageTag": null });
    for name in names {
        for value in [
            "0",
            "1",
            "4294967296",
            "18446744073709551615",
            "18446744073709551616",
            "-1",
            "1.5",
            "\"1\"",
        ] {
            let value: Value = serde_json::from_str(value).unwrap();
            let what = format!("{name} = {value}");
            sandbox.write_attrs(&json!({
                "outputs": { "out": sandbox.out() }, "export": export, "limits": { name: value },
            }));
            let output = check_words(&sandbox, &mut sandbox.builder(&["export"]), &what);
            if output.status.success() {
                std::fs::remove_file(sandbox.out()).unwrap();
            } else {
                let stderr = sandbox.stderr(&output);
                assert!(stderr.contains(name), "{what}: {stderr}");
            }
        }
    }
}

/// A machine that is not there: what is wrong with its sizes is said before.
fn machine(sandbox: &Sandbox) -> Value {
    json!({
        "outputs": { "out": sandbox.out() },
        "rootLayer": json!({
            "name": "layer", "baseJson": "/gone", "copyToRoot": [], "keepContentsDirlinks": false,
            "runAsRoot": "/gone", "extraCommands": null,
            "overlay": {
                "device": "/gone", "mkfs": "/gone", "diskSize": 1, "memorySize": 1, "fromImage": null,
                "fromImageName": null, "fromImageTag": null, "limits": {}, "storeDir": "/nix/store",
            },
        }).to_string(),
    })
}

/// `builder` does not run outside a machine, so the attributes are parsed here.
#[test]
fn sizes_of_virtual_machines() {
    use nix_image_builder::commands::root_layer::RootLayerAttrs;
    use nix_image_builder::request::attrs::{self, Attrs};

    let sandbox = Sandbox::new();
    for (key, name) in [
        ("diskSize", "diskSize"),
        ("memorySize", "buildVMMemorySize"),
    ] {
        for value in oddities() {
            let mut attrs = machine(&sandbox);
            let mut section: Value =
                serde_json::from_str(attrs["rootLayer"].as_str().unwrap()).unwrap();
            section["overlay"][key] = value.clone();
            attrs["rootLayer"] = json!(section.to_string());
            let parsed: Result<Attrs<RootLayerAttrs>, _> =
                attrs::parse(&attrs.to_string(), sandbox.root());
            let taken = value.as_u64().is_some();
            assert_eq!(parsed.is_ok(), taken, "{name} = {value}");
            if let Err(error) = parsed {
                let source = std::error::Error::source(&error).unwrap().to_string();
                let expected = format!("`{name}` is {value}; it has to be a whole number of MiB");
                assert!(source.starts_with(&expected), "{source}");
            }
        }
    }
}

#[test]
fn numbers_of_the_environment() {
    for name in ["NIX_BUILD_CORES", "SOURCE_DATE_EPOCH"] {
        for value in oddities() {
            let value = value.to_string();
            let value = value.trim_matches('"');
            let sandbox = Sandbox::new();
            sandbox.write_attrs(&scripted_layer(&sandbox));
            let what = format!("{name}={value}");
            let mut builder = sandbox.builder(&["pure-layer"]);
            let output = check_words(&sandbox, builder.env(name, value), &what);
            if !output.status.success() {
                let stderr = sandbox.stderr(&output);
                assert!(
                    stderr.contains(&format!("`{name}` is `{value}`")),
                    "{what}: {stderr}"
                );
            }
        }
    }
}

/// Whether the image is then written with such a time of its files.
#[test]
fn the_latest_time_of_all_makes_an_image() {
    let sandbox = Sandbox::new();
    sandbox.write_attrs(&image_attrs(&sandbox));
    let mut builder = sandbox.builder(&["image"]);
    builder.env("SOURCE_DATE_EPOCH", i64::MAX.to_string());
    let output = check_words(&sandbox, &mut builder, "the latest time");
    assert!(output.status.success(), "{}", sandbox.stderr(&output));
}

#[track_caller]
fn check_boot(seconds: &str, status: i32, expected: Expect) {
    let sandbox = Sandbox::new();
    let output = sandbox
        .builder(&["watch-vm", &format!("--boot={seconds}"), "true"])
        .output()
        .unwrap();
    expected.assert_eq(&sandbox.stderr(&output));
    assert_eq!(output.status.code(), Some(status));
}

#[test]
fn a_machine_has_a_second_to_a_week_to_boot() {
    for taken in ["1", "600", "604800"] {
        check_boot(taken, 0, expect![""]);
    }
    check_boot(
        "18446744073709551615",
        2,
        expect![[r#"
            error: invalid value '18446744073709551615' for '--boot <SECONDS>': it has to be a whole number of seconds from 1 to 604800

            For more information, try '--help'.
        "#]],
    );
    check_boot(
        "0",
        2,
        expect![[r#"
            error: invalid value '0' for '--boot <SECONDS>': it has to be a whole number of seconds from 1 to 604800

            For more information, try '--help'.
        "#]],
    );
    check_boot(
        "18446744073709551616",
        2,
        expect![[r#"
            error: invalid value '18446744073709551616' for '--boot <SECONDS>': it has to be a whole number of seconds from 1 to 604800

            For more information, try '--help'.
        "#]],
    );
    check_boot(
        "-1",
        2,
        expect![[r#"
            error: invalid value '-1' for '--boot <SECONDS>': it has to be a whole number of seconds from 1 to 604800

            For more information, try '--help'.
        "#]],
    );
    check_boot(
        "1.5",
        2,
        expect![[r#"
            error: invalid value '1.5' for '--boot <SECONDS>': it has to be a whole number of seconds from 1 to 604800

            For more information, try '--help'.
        "#]],
    );
}

#[track_caller]
fn check_limit(limit: &str, expected: Expect) {
    let sandbox = Sandbox::new();
    let output = sandbox
        .builder(&["verify", "--limit", limit, "/dev/null"])
        .output()
        .unwrap();
    expected.assert_eq(&sandbox.stderr(&output));
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_limit_that_is_no_such_number_is_named() {
    check_limit(
        "maxEntries=4294967296",
        expect![[r#"
        error: cannot use `--limit`
          caused by: `maxEntries` is 4294967296; it has to be a whole number from 0 to 4294967295
    "#]],
    );
    check_limit(
        "maxRatio=-1",
        expect![[r#"
            error: invalid value 'maxRatio=-1' for '--limit <NAME=NUMBER>': it has no whole number from 0 to 18446744073709551615

            For more information, try '--help'.
        "#]],
    );
    check_limit(
        "maxRatio=18446744073709551616",
        expect![[r#"
            error: invalid value 'maxRatio=18446744073709551616' for '--limit <NAME=NUMBER>': it has no whole number from 0 to 18446744073709551615

            For more information, try '--help'.
        "#]],
    );
    check_limit(
        "maxRatio",
        expect![[r#"
        error: invalid value 'maxRatio' for '--limit <NAME=NUMBER>': it has to be NAME=NUMBER

        For more information, try '--help'.
    "#]],
    );
}

#[test]
fn a_limit_of_the_package_set_that_is_no_such_number_is_named() {
    let sandbox = Sandbox::new();
    let mut attrs = image_attrs(&sandbox);
    attrs["limits"] = json!({ "maxRatio": -1 });
    sandbox.write_attrs(&attrs);
    let output = sandbox.builder(&["image"]).output().unwrap();
    expect![[r#"
        error: attribute `limits` in `[TMP]/build/.attrs.json` is not what this version of `builder` expects
          caused by: `maxRatio` is -1; it has to be a whole number from 0 to 18446744073709551615
    "#]].assert_eq(&sandbox.stderr(&output));
}
