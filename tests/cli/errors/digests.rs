//! Images whose blobs are called by SHA-512, which the OCI image specification registers beside SHA-256:
//! what is built on them has the same layers, and what is wrong with them is told.

mod damage;

use std::path::{Path, PathBuf};

use expect_test::{Expect, expect};
use nix_image_builder::bytes::digest::Algorithm::{self, Sha256, Sha512};
use nix_image_builder::oci::descriptor;
use serde_json::{Value, json};

use super::layered::description_attrs;
use super::layout::check_layout;
use super::layouts::{CONFIG, INDEX, LAYER, Layout, MANIFEST, index_of};
use super::tars::{self, Tar};
use super::{check_base, image_attrs};
use crate::sandbox::Sandbox;
use crate::verify::text;

/// The algorithm by which an index calls the images, an image the config, and an image the layers.
type Algorithms = [Algorithm; 4];

const ALL_SHA256: Algorithms = [Sha256; 4];

/// A layer for each way to pack one, and the first of them again.
fn layers() -> Vec<(String, Vec<u8>, Vec<u8>)> {
    let tar = |name: &str| Tar::new().file(name, name).finish();
    let packed = |kind: &str, tar: Vec<u8>, packed: fn(&[u8]) -> Vec<u8>| {
        (format!("{LAYER}{kind}"), packed(&tar), tar)
    };
    vec![
        packed("+gzip", tar("gzip"), tars::gzip),
        packed("", tar("plain"), <[u8]>::to_vec),
        packed("+zstd", tar("zstd"), tars::zstd),
        packed("+gzip", tar("gzip"), tars::gzip),
    ]
}

/// A layout of one image for this platform and one for another, which an index in the index names, and
/// the element of `manifest.json` for the first.
fn layout([index, manifest, config, layer]: Algorithms) -> (Layout, Value) {
    let mut layout = Layout::new();
    let mut images = Vec::new();
    let mut entries = Vec::new();
    for architecture in ["s390x", "amd64"] {
        let layers = layers();
        let tars: Vec<&[u8]> = layers.iter().map(|(_, _, tar)| tar.as_slice()).collect();
        layout.call_by(config);
        let config = layout.blob(CONFIG, config_for(architecture, &tars));
        layout.call_by(layer);
        let layers = layers
            .iter()
            .map(|(kind, packed, _)| layout.blob(kind, packed));
        let layers: Vec<Value> = layers.collect();
        layout.call_by(manifest);
        images.push(layout.manifest(&config, &layers));
        entries.push(json!({
            "Config": path(&config),
            "RepoTags": ["base:1"],
            "Layers": layers.iter().map(path).collect::<Vec<_>>(),
        }));
    }
    layout.call_by(index);
    let mut index = layout.blob(INDEX, index_of(&images).to_string());
    index["annotations"] = json!({ "io.containerd.image.name": "docker.io/library/base:1" });
    (layout.index(&[index]), entries.remove(1))
}

/// The config of an image of `layers`.
fn config_for(architecture: &str, layers: &[&[u8]]) -> String {
    let mut config: Value = serde_json::from_str(&tars::config_of(layers)).unwrap();
    config["architecture"] = json!(architecture);
    config["os"] = json!("linux");
    config.to_string()
}

/// Where the blob of `descriptor` is.
fn path(descriptor: &Value) -> String {
    format!(
        "blobs/{}",
        descriptor["digest"].as_str().unwrap().replace(':', "/")
    )
}

/// The archive of `layout` as GNU tar packs a directory.
fn with_directories(layout: &Layout) -> Vec<u8> {
    let directories = ["./", "./blobs/", "./blobs/sha256/", "./blobs/sha512/"];
    let tar = directories.iter().fold(Tar::new(), |tar, name| {
        let is_needed = |(other, _): &(String, Vec<u8>)| format!("./{other}").starts_with(name);
        match layout.files().iter().any(is_needed) {
            true => tar.directory(name),
            false => tar,
        }
    });
    let files = layout.files().iter();
    files
        .fold(tar, |tar, (name, content)| {
            tar.file(&format!("./{name}"), content)
        })
        .finish()
}

/// Everything that builds on an image.
struct Functions {
    sandbox: Sandbox,
    image: Value,
    description: Value,
    /// An image that is not packed, as what is merged with it is not then.
    other: PathBuf,
}

impl Functions {
    fn new() -> Self {
        let sandbox = Sandbox::new();
        let mut image = image_attrs(&sandbox);
        let platform =
            json!({ "created": "1970-01-01T00:00:01Z", "architecture": "amd64", "os": "linux" });
        image["image"]["baseJson"] = json!(sandbox.file("platform.json", platform.to_string()));
        let layer = tars::layer();
        let mut manifest = tars::manifest();
        manifest[0]["RepoTags"] = json!(["other:1"]);
        let other = Tar::new()
            .file("a/layer.tar", &layer)
            .file("config.json", config_for("amd64", &[&layer]))
            .file("manifest.json", manifest.to_string());
        Self {
            image,
            description: description_attrs(&sandbox),
            other: sandbox.file("other.tar", other.finish()),
            sandbox,
        }
    }

    #[track_caller]
    fn run(&self, arguments: &[&str], attrs: &Value) -> Vec<u8> {
        self.sandbox.write_attrs(attrs);
        let output = self.sandbox.builder(arguments).output().unwrap();
        assert!(output.status.success(), "{}", self.sandbox.stderr(&output));
        output.stdout
    }

    #[track_caller]
    fn build(&self, subcommand: &str, attrs: &Value) -> Vec<u8> {
        self.run(&[subcommand], attrs);
        let out = self.sandbox.out();
        let built = std::fs::read(&out).unwrap();
        std::fs::remove_file(out).unwrap();
        built
    }

    /// What each of them builds on `base`.
    #[track_caller]
    fn build_on(&self, base: &Path) -> [(&'static str, Vec<u8>); 4] {
        let mut image = self.image.clone();
        image["image"]["fromImage"] = json!(base);
        let mut description = self.description.clone();
        description["description"]["fromImage"] = json!(base);
        let out = json!({ "out": self.sandbox.out() });
        let platform = json!({ "os": "linux", "architecture": "amd64" });
        let export = json!({
            "outputs": out,
            "export": {
                "fromImage": base,
                "fromImageName": null,
                "fromImageTag": null,
                "platform": platform,
            },
        });
        let merge = json!({
            "outputs": out,
            "merge": { "images": [base, self.other], "platform": platform },
        });
        let conf = self.build("description", &description);
        let conf = self.sandbox.file("conf.json", conf);
        let stream = ["stream", conf.to_str().unwrap()];
        [
            ("image", self.build("image", &image)),
            ("stream", self.run(&stream, &Value::Null)),
            ("merge", self.build("merge", &merge)),
            ("export", self.build("export", &export)),
        ]
    }

    /// Whatever is built on `base` is right and has the layers of what is built on `expected`, and the
    /// files.
    #[track_caller]
    fn check_same(&self, base: &Path, expected: &Path) {
        let built = self.build_on(base);
        for ((what, built), (_, expected)) in built.into_iter().zip(self.build_on(expected)) {
            let [layers, expected] = match what {
                "export" => [built, expected]
                    .map(|tar| vec![json!(descriptor::blob_path(Sha256.digest(&tar)))]),
                _ => [built, expected].map(|image| self.diff_ids(image)),
            };
            assert_eq!(layers, expected, "{what} on {}", base.display());
        }
    }

    /// The DiffIDs of all images in `archive`.
    #[track_caller]
    fn diff_ids(&self, archive: Vec<u8>) -> Vec<Value> {
        let path = self.sandbox.file("built.tar", archive);
        let path = path.to_str().unwrap();
        text(&self.sandbox, &["verify", path], b"", 0);
        let inspected = self.run(&["inspect", "--json", path], &Value::Null);
        let inspected: Value = serde_json::from_slice(&inspected).unwrap();
        let images = inspected["images"].as_array().unwrap().iter();
        let layers = images.flat_map(|image| image["layers"].as_array().unwrap());
        layers.map(|layer| layer["diffId"].clone()).collect()
    }
}

#[test]
fn a_base_by_sha_512_gives_the_layers_of_one_by_sha_256() {
    let functions = Functions::new();
    let bases = |algorithms: Algorithms| {
        let (layout, entry) = layout(algorithms);
        let archive = layout.archive().finish();
        let manifest = json!([entry]).to_string();
        let saved = layout
            .clone()
            .file("manifest.json", manifest)
            .archive()
            .finish();
        let packed = [tars::gzip, tars::zstd, tars::xz].map(|pack| pack(&archive));
        let [gzip, zstd, xz] = packed;
        let packed_saved = tars::gzip(&saved);
        let with_directories = with_directories(&layout);
        let files = [
            archive,
            with_directories,
            gzip,
            zstd,
            xz,
            saved,
            packed_saved,
        ];
        let name = format!("{algorithms:?}").replace(['[', ']', ' '], "");
        let files = files.into_iter().zip(1..).map(|(content, number)| {
            functions
                .sandbox
                .file(&format!("{name}-{number}.tar"), content)
        });
        let mut files: Vec<PathBuf> = files.collect();
        let directory = functions.sandbox.store_path(&format!("{name}-layout"));
        std::fs::rename(layout.directory(&functions.sandbox), &directory).unwrap();
        files.push(directory);
        files
    };
    let expected = bases(ALL_SHA256);
    for algorithms in [
        [Sha512; 4],
        [Sha256, Sha256, Sha512, Sha512],
        [Sha256, Sha512, Sha256, Sha256],
        [Sha256, Sha256, Sha256, Sha512],
    ] {
        for (base, expected) in bases(algorithms).iter().zip(&expected) {
            functions.check_same(base, expected);
        }
    }
}

/// A layout of one image with one plain layer, all by SHA-512; and the names of its layer, config and
/// manifest.
fn plain() -> (Layout, [String; 3]) {
    let mut layout = Layout::new();
    layout.call_by(Sha512);
    let layer = tars::layer();
    let config = layout.blob(CONFIG, tars::config_of(&[&layer]));
    let layer = layout.blob(LAYER, layer);
    let image = layout.manifest(&config, std::slice::from_ref(&layer));
    let names = [&layer, &config, &image].map(path);
    (layout.index(&[image]), names)
}

/// The digest of an index's only image is `text`.
#[track_caller]
fn check_digest(text: &str, expected: Expect) {
    let image = json!({ "mediaType": MANIFEST, "digest": text, "size": 3 });
    let layout = Layout::new().index(&[image]);
    check_base(&layout.archive().finish(), expected);
}

#[test]
fn other_algorithms_are_refused_by_name() {
    check_digest(
        &format!("blake3:{}", "0".repeat(64)),
        expect![[r#"
        listing the layer's closure
        reading base image `/nix/store/[HASH]-base.tar`
        error: `index.json` of image archive `/nix/store/[HASH]-base.tar` is not what it should be
          caused by: it has a digest of the algorithm `blake3`; only `sha256` and `sha512`, which tools write, are read at line 1 column 226
    "#]],
    );
}

#[test]
fn a_digest_of_another_length_is_refused() {
    check_digest(
        &format!("sha512:{}", "0".repeat(64)),
        expect![[r#"
        listing the layer's closure
        reading base image `/nix/store/[HASH]-base.tar`
        error: `index.json` of image archive `/nix/store/[HASH]-base.tar` is not what it should be
          caused by: `sha512:0000000000000000000000000000000000000000000000000000000000000000` is no digest, which is `sha256:` and 64 or `sha512:` and 128 lower-case hexadecimal digits at line 1 column 226
    "#]],
    );
}

#[test]
fn cve_2024_3727_a_digest_by_sha_512_that_leads_out_is_refused() {
    let text = format!("sha512:../../../../etc/shadow{}", "0".repeat(102));
    check_digest(
        &text,
        expect![[r#"
        listing the layer's closure
        reading base image `/nix/store/[HASH]-base.tar`
        error: `index.json` of image archive `/nix/store/[HASH]-base.tar` is not what it should be
          caused by: `sha512:../../../../etc/shadow000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000` is no digest, which is `sha256:` and 64 or `sha512:` and 128 lower-case hexadecimal digits at line 1 column 286
    "#]],
    );
}

/// Engines compute the SHA-256 of a layer, and compare it with this.
#[test]
fn diff_ids_by_sha_512_are_refused_by_name() {
    let mut layout = Layout::new();
    let layer = tars::layer();
    let diff_id = Sha512.digest(&layer).to_string();
    let config = json!({ "rootfs": { "type": "layers", "diff_ids": [diff_id] } });
    let config = layout.blob(CONFIG, config.to_string());
    let layer = layout.blob(LAYER, layer);
    let image = layout.manifest(&config, &[layer]);
    check_layout(
        &layout.index(&[image]),
        expect![[r#"
        listing the layer's closure
        reading base image `/nix/store/[HASH]-base.tar`
        error: `blobs/sha256/5718d7aa4a3bcd8d6a89f99b515584c5f99216dcf51817235dbd2ca81dcf5012` of image archive `/nix/store/[HASH]-base.tar` is not what it should be
          caused by: it has a DiffID of the algorithm `sha512`; engines compute only the `sha256` of a layer, and none runs such an image at line 1 column 177
    "#]],
    );
}

/// A layer may be in an image by two digests, each a file or a link to the other.
#[test]
fn a_layer_may_have_two_digests() {
    let layer = tars::layer();
    let mut layout = Layout::new();
    let by_sha256 = layout.blob(LAYER, &layer);
    layout.call_by(Sha512);
    let by_sha512 = layout.blob(LAYER, &layer);
    let config = layout.blob(CONFIG, config_for("amd64", &[layer.as_slice(); 3]));
    let layers = [by_sha512.clone(), by_sha256.clone(), by_sha512.clone()];
    let image = layout.manifest(&config, &layers);
    let layout = layout.index(&[image]);
    let names = [&by_sha256, &by_sha512].map(path);

    let mut same = Layout::new();
    let layers = vec![same.blob(LAYER, &layer); 3];
    let config = same.blob(CONFIG, config_for("amd64", &[layer.as_slice(); 3]));
    let image = same.manifest(&config, &layers);
    let same = same.index(&[image]).archive().finish();

    let functions = Functions::new();
    let expected = functions.sandbox.file("expected.tar", same);
    let check = |archive: Tar| {
        let archive = archive.finish();
        let packed = tars::gzip(&archive);
        for archive in [archive, packed] {
            let base = functions.sandbox.file("base.tar", archive);
            functions.check_same(&base, &expected);
        }
    };
    check(layout.archive());
    let [sha256, sha512] = &names;
    check(
        layout
            .clone()
            .without(sha512)
            .archive()
            .hard_link(sha512, sha256),
    );
    check(
        layout
            .clone()
            .without(sha256)
            .archive()
            .hard_link(sha256, sha512),
    );
    let up = |name: &str| format!("../../{name}");
    check(
        layout
            .clone()
            .without(sha512)
            .archive()
            .symlink(sha512, &up(sha256)),
    );
}

/// skopeo calls the layers of a docker-archive by the digests that its source had.
#[test]
fn files_of_a_docker_archive_that_are_called_by_sha_512_keep_their_names() {
    let layer = tars::layer();
    let name = format!("{}.tar", Sha512.digest(&layer).hex());
    let manifest = json!([{ "Config": "c.json", "Layers": [name] }]);
    let archive = Tar::new()
        .file(&name, &layer)
        .file("c.json", tars::config_of(&[&layer]))
        .file("manifest.json", manifest.to_string());
    let functions = Functions::new();
    let base = functions.sandbox.file("base.tar", archive.finish());
    for (what, built) in functions.build_on(&base) {
        let has_name = built
            .windows(name.len())
            .any(|text| text == name.as_bytes());
        assert_eq!(has_name, what != "export", "{what}");
    }
}
