//! Runs `builder` on hostile input, and holds what every run has to hold: it ends by itself, soon, by a
//! result or an error; its memory stays small; and it writes nowhere but to its output.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use nix_image_builder::bytes::digest::Sha256;
use serde_json::{Value, json};

use crate::sandbox::Sandbox;
use crate::support::judge;
use crate::tars::Tar;

/// What no run may take, in KiB: 64 MiB.
const MEMORY: u64 = 64 * 1024;

/// The processor time that a small input may take.
pub(crate) const SOON: Duration = Duration::from_secs(1);

/// When a run has gone astray, in seconds of the clock. The machine may have other work.
const ASTRAY: u32 = 300;

/// The largest input that counts as small, in bytes.
const SMALL: usize = 1 << 20;

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) succeeded: bool,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// It ended with an error that says `expected`.
    #[track_caller]
    pub(crate) fn refused(&self, expected: &str) {
        assert!(!self.succeeded, "it succeeded");
        assert!(self.stderr.contains(expected), "{}", self.stderr);
        let errors = self.stderr.matches("error: ").count();
        assert_eq!(errors, 1, "{}", self.stderr);
    }

    #[track_caller]
    pub(crate) fn succeeded(&self) {
        assert!(self.succeeded, "{}", self.stderr);
    }
}

/// Every file below `directory`, with its size.
fn listing(directory: &Path) -> BTreeMap<PathBuf, u64> {
    let mut found = BTreeMap::new();
    let mut left = vec![directory.to_owned()];
    while let Some(directory) = left.pop() {
        for entry in fs::read_dir(&directory).unwrap() {
            let entry = entry.unwrap();
            let metadata = entry.path().symlink_metadata().unwrap();
            if metadata.is_dir() {
                left.push(entry.path());
            } else {
                found.insert(entry.path(), metadata.len());
            }
        }
    }
    found
}

/// Runs `builder` with `arguments`; `size` is that of its input in bytes.
#[track_caller]
pub(crate) fn run(
    sandbox: &Sandbox,
    arguments: &[&str],
    input: Option<&Path>,
    size: usize,
    time: Duration,
) -> Ran {
    let temporary = sandbox.root().join("temporary");
    fs::create_dir_all(&temporary).unwrap();
    let measured = tempfile::NamedTempFile::new().unwrap();
    let before = listing(sandbox.root());

    let mut command: Command = sandbox.command("python3", &[]);
    command
        .arg(judge("measure.py"))
        .arg(measured.path())
        .arg(ASTRAY.to_string())
        .arg(env!("CARGO_BIN_EXE_builder"))
        .args(arguments)
        .env("TMPDIR", &temporary)
        .stdin(input.map_or_else(std::process::Stdio::null, |path| {
            File::open(path).unwrap().into()
        }));
    let output = command.output().unwrap();
    let stderr = sandbox.stderr(&output);
    let stdout = sandbox.shown(&output.stdout);

    let measured = fs::read_to_string(measured.path()).unwrap();
    let fields: Vec<f64> = measured
        .split_whitespace()
        .map(|field| field.parse().unwrap())
        .collect();
    let [status, seconds, peak] = fields[..] else {
        panic!("no measurement: {measured}{stderr}");
    };
    let after = listing(sandbox.root());
    let out = sandbox.out();
    let written = |path: &&PathBuf| !path.starts_with(&out) && !before.contains_key(*path);
    let strays: Vec<_> = after.keys().filter(written).collect();
    assert!(strays.is_empty(), "written beside the output: {strays:?}");
    let changed = before
        .iter()
        .find(|(path, size)| after.get(*path) != Some(size));
    assert_eq!(changed, None, "changed or gone");

    let succeeded = status == 0.0;
    // By 2, `verify` and `inspect` say that there is nothing to read.
    let may_be_2 = matches!(arguments[0], "verify" | "inspect");
    assert!(
        succeeded || status == 1.0 || may_be_2 && status == 2.0,
        "status {status}: {stderr}"
    );
    assert!(succeeded || !out.exists(), "half an output: {stderr}");
    assert!(
        peak < MEMORY as f64,
        "{peak} KiB of memory for {size} bytes"
    );
    assert!(
        seconds < time.as_secs_f64(),
        "{seconds} s for {size} bytes: {stderr}"
    );
    Ran {
        succeeded,
        stdout,
        stderr,
    }
}

/// The JSON of `section` that builds on the file or directory `base`.
fn attrs(sandbox: &Sandbox, section: &str, base: &Path) -> Value {
    let ours = match section {
        "merge" => json!({ "images": [base] }),
        "ociLayout" => json!({
            "image": base,
            "layout": {
                "compressor": null,
                "archive": false,
                "annotations": {},
                "layerAnnotations": {},
            },
        }),
        "imageIndex" => json!({
            "name": "test",
            "tag": "1",
            "images": [base],
            "archive": true,
            "annotations": {},
            "platform": null,
        }),
        "export" => {
            json!({ "fromImage": base, "fromImageName": null, "fromImageTag": null })
        }
        _ => {
            let layer = sandbox.directory("layer", &[("json", "{}"), ("VERSION", "1.0")]);
            fs::write(layer.join("layer.tar"), Tar::new().directory("./").finish()).unwrap();
            json!({
                "name": "test",
                "tag": null,
                "baseJson": sandbox.file("base.json", r#"{"created":"1970-01-01T00:00:01Z"}"#),
                "layer": layer,
                "layerClosure": sandbox.file("closure", format!("{}\n", layer.display())),
                "fromImage": base,
                "fromImageName": null,
                "fromImageTag": null,
                "compressor": "none",
            })
        }
    };
    json!({ "outputs": { "out": sandbox.out() }, section: ours })
}

/// Runs the subcommand `section` on the image in the file `base`, within `time`, and looks at it.
#[track_caller]
pub(crate) fn build_within(section: &str, base: &[u8], time: Duration) -> (Sandbox, Ran) {
    let sandbox = Sandbox::new();
    let path = sandbox.file("base.tar", base);
    // Once for each image.
    let looks_right = section == "image" && look_at(&sandbox, &path, base.len(), time);
    sandbox.write_attrs(&attrs(&sandbox, section, &path));
    let ran = run(&sandbox, &[section], None, base.len(), time);
    assert!(
        ran.succeeded || !looks_right,
        "`verify` finds it right: {}",
        ran.stderr
    );
    if section == "image" {
        merge_alike(base, time, &ran, looks_right);
        lay_out(base, time, looks_right);
    }
    (sandbox, ran)
}

/// What an image may have too much of only where it is merged.
const TOO_MUCH_TO_MERGE: [&str; 2] = ["more than 77500 values", "more than 77500 layers together"];

/// Merges the image `base` with none. What cannot be built on is refused, and what can be is merged; if it
/// `looks_right`, so does the result.
#[track_caller]
fn merge_alike(base: &[u8], time: Duration, built: &Ran, looks_right: bool) {
    let sandbox = Sandbox::new();
    sandbox.write_attrs(&attrs(&sandbox, "merge", &sandbox.file("base.tar", base)));
    let merged = run(&sandbox, &["merge"], None, base.len(), time);
    let is_too_much = |text: &&str| merged.stderr.contains(text);
    if !TOO_MUCH_TO_MERGE.iter().any(is_too_much) {
        let said = format!("{}{}", built.stderr, merged.stderr);
        assert_eq!(built.succeeded, merged.succeeded, "{said}");
    }
    if merged.succeeded && looks_right && base.len() <= SMALL {
        let out = sandbox.out();
        let arguments = ["verify", out.to_str().unwrap()];
        let verified = run(&sandbox, &arguments, None, base.len(), time);
        assert!(verified.succeeded, "{}", verified.stdout);
    }
}

/// Makes a layout and an index of the image `base`, each of which is right if that `looks_right`.
#[track_caller]
fn lay_out(base: &[u8], time: Duration, looks_right: bool) {
    // An index is made of layouts alone.
    let is_layout = base.windows(10).any(|name| name == b"index.json");
    let subcommands = [("oci-layout", "ociLayout"), ("image-index", "imageIndex")];
    for (subcommand, section) in subcommands.into_iter().take(1 + usize::from(is_layout)) {
        let sandbox = Sandbox::new();
        sandbox.write_attrs(&attrs(&sandbox, section, &sandbox.file("base.tar", base)));
        let made = run(&sandbox, &[subcommand], None, base.len(), time);
        if !made.succeeded {
            made.refused("");
        } else if looks_right && base.len() <= SMALL {
            let out = sandbox.out();
            let arguments = ["verify", out.to_str().unwrap()];
            let verified = run(&sandbox, &arguments, None, base.len(), time);
            assert!(verified.succeeded, "{}", verified.stdout);
        }
    }
}

/// Has an image verified and inspected, which people do with those of strangers. Each ends with a
/// result or one error. Gives whether nothing is wrong with it.
#[track_caller]
fn look_at(sandbox: &Sandbox, image: &Path, size: usize, time: Duration) -> bool {
    let image_name = image.to_str().unwrap();
    let verified = run(sandbox, &["verify", image_name], None, size, time);
    if verified.stderr.is_empty() {
        let said = if verified.succeeded {
            " is right: "
        } else {
            " is wrong: "
        };
        assert!(verified.stdout.contains(said), "{}", verified.stdout);
    } else {
        verified.refused("");
    }
    if size <= SMALL {
        let piped = run(sandbox, &["verify", "-"], Some(image), size, time);
        assert_eq!(piped.succeeded, verified.succeeded, "{}", piped.stdout);
    }
    for options in [
        &["inspect", image_name][..],
        &["inspect", image_name, "--json"],
    ] {
        let inspected = run(sandbox, options, None, size, time);
        if inspected.succeeded {
            assert_eq!(inspected.stderr, "");
        } else {
            inspected.refused("");
            assert!(!verified.succeeded, "{}", inspected.stderr);
        }
    }
    verified.succeeded
}

#[track_caller]
pub(crate) fn build(section: &str, base: &[u8]) -> (Sandbox, Ran) {
    assert!(base.len() <= SMALL, "{} bytes are not small", base.len());
    build_within(section, base, SOON)
}

/// Both what reads names only and what reads everything refuse the image `base`.
#[track_caller]
pub(crate) fn image_is_refused(base: &[u8], expected: &str) {
    build("image", base).1.refused(expected);
    build("export", base).1.refused(expected);
}

/// Whatever reads image archives refuses `archive`.
#[track_caller]
pub(crate) fn archive_is_refused(archive: &[u8], expected: &str) {
    image_is_refused(archive, expected);
    build("merge", archive).1.refused(expected);
}

/// The config of an image with such layers, none of which is packed.
pub(crate) fn config_of(layers: &[&[u8]]) -> Value {
    let diff_id = |layer: &&[u8]| format!("sha256:{}", Sha256::of(layer).hex());
    let diff_ids: Vec<_> = layers.iter().map(diff_id).collect();
    json!({ "rootfs": { "type": "layers", "diff_ids": diff_ids } })
}

/// An image whose layers, lowest first, are `layers`.
pub(crate) fn image_of(layers: &[&[u8]]) -> Vec<u8> {
    let names: Vec<String> = (0..layers.len())
        .map(|n| format!("{n}/layer.tar"))
        .collect();
    let mut archive = Tar::new().file("config.json", config_of(layers).to_string());
    for (name, layer) in names.iter().zip(layers) {
        archive = archive.file(name, layer);
    }
    let manifest = json!([{ "Config": "config.json", "RepoTags": ["base:1"], "Layers": names }]);
    archive.file("manifest.json", manifest.to_string()).finish()
}

/// No image can have the layer `layer`.
#[track_caller]
pub(crate) fn layer_is_refused(layer: &[u8], expected: &str) {
    image_is_refused(&image_of(&[layer]), expected);
    let sandbox = Sandbox::new();
    let path = sandbox.file("layer.tar", layer);
    run(&sandbox, &["tarsum"], Some(&path), layer.len(), SOON).refused(expected);
}

/// The layers make no tree, though each is a good tar.
#[track_caller]
pub(crate) fn tree_is_refused(layers: &[&[u8]], expected: &str) {
    let image = image_of(layers);
    build("image", &image).1.succeeded();
    build("export", &image).1.refused(expected);
}

/// What the layers make together, as GNU tar lists it: `NAME`, or `NAME -> TARGET`.
#[track_caller]
pub(crate) fn exported(layers: &[&[u8]]) -> Vec<String> {
    let image = image_of(layers);
    build("image", &image).1.succeeded();
    let (sandbox, ran) = build("export", &image);
    ran.succeeded();
    let mut tar = crate::support::command("tar");
    tar.args(["--list", "--verbose", "--numeric-owner", "--file"])
        .arg(sandbox.out())
        .env("TZ", "UTC");
    let listed = String::from_utf8(crate::support::stdout(&mut tar, b"")).unwrap();
    // Mode, owner, size, date and time stand before the name.
    let name = |line: &str| {
        line.split_whitespace()
            .skip(5)
            .collect::<Vec<_>>()
            .join(" ")
    };
    listed.lines().map(name).collect()
}
