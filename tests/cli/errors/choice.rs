//! Which image of a layout is taken: by name, by tag, and by what it runs on.

use expect_test::expect;
use nix_image_builder::bytes::digest::Sha256;
use serde_json::{Value, json};

use super::check_image;
use super::layout::build;
use super::layouts::{self, INDEX, LAYER, Layout, MANIFEST};
use super::tars::Tar;
use crate::sandbox::Sandbox;

/// A layout with an image of `layer` under each of `names`.
fn named(names: &[&str]) -> Layout {
    let mut layout = Layout::new();
    let mut images = Vec::new();
    for name in names {
        let layer = Tar::new().file("./name", name).finish();
        let mut image = layout.image(&[(LAYER, &layer)], &[&layer]);
        image["annotations"] = json!({ "org.opencontainers.image.ref.name": name });
        images.push(image);
    }
    layout.index(&images)
}

#[test]
fn a_name_that_is_not_there_lists_those_that_are() {
    let layout = named(&[
        "latest",
        "registry.example:5000/app:2",
        "docker.io/library/app:3",
    ]);
    check_image(
        |sandbox, attrs| {
            let base = sandbox.file("base.tar", layout.archive().finish());
            attrs["image"]["fromImage"] = json!(base);
            attrs["image"]["fromImageName"] = json!("nginx");
        },
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            error: image archive `/nix/store/[HASH]-base.tar` has no image `nginx:<any tag>`; it has `latest`, `registry.example:5000/app:2`, `docker.io/library/app:3`
        "#]],
    );
}

/// The name that the base image has which `name` and `tag` choose.
#[track_caller]
fn check_chosen(names: &[&str], name: Option<&str>, tag: Option<&str>, expected: &str) {
    let sandbox = Sandbox::new();
    let base = json!(sandbox.file("base.tar", named(names).archive().finish()));
    let output = build(&sandbox, base, |attrs| {
        attrs["image"]["fromImageName"] = json!(name);
        attrs["image"]["fromImageTag"] = json!(tag);
    });
    assert!(output.status.success(), "{}", sandbox.stderr(&output));
    let layer = Tar::new().file("./name", expected).finish();
    let digest = format!("blobs/sha256/{}", Sha256::of(&layer).hex());
    let archive = std::fs::read(sandbox.out()).unwrap();
    let text = String::from_utf8_lossy(&archive);
    assert!(text.contains(&digest), "{expected} was not chosen");
}

#[test]
fn images_of_a_layout_are_chosen_by_name_and_tag() {
    let names = [
        "latest",
        "registry.example:5000/app:2",
        "docker.io/library/app:3",
        "app:4",
    ];
    check_chosen(&names, None, None, "latest");
    check_chosen(&names, None, Some("latest"), "latest");
    check_chosen(&names, Some("latest"), None, "latest");
    check_chosen(&names, None, Some("3"), "docker.io/library/app:3");
    check_chosen(
        &names,
        Some("registry.example:5000/app"),
        None,
        "registry.example:5000/app:2",
    );
    check_chosen(&names, Some("app"), None, "docker.io/library/app:3");
    check_chosen(&names, Some("app"), Some("4"), "app:4");
}

/// A layout of one image for each of `platforms`, below an index with the name `app:1`, and what
/// BuildKit attests.
fn for_platforms(platforms: &[Value]) -> Layout {
    let mut layout = Layout::new();
    let mut images = Vec::new();
    for platform in platforms {
        let layer = Tar::new().file("./platform", platform.to_string()).finish();
        let mut image = layout.image(&[(LAYER, &layer)], &[&layer]);
        image["platform"] = platform.clone();
        images.push(image);
    }
    let mut attestation = layout.blob(MANIFEST, "{}");
    attestation["platform"] = json!({ "os": "unknown", "architecture": "unknown" });
    images.insert(0, attestation);
    let mut index = layout.blob(INDEX, layouts::index_of(&images).to_string());
    index["annotations"] = json!({ "io.containerd.image.name": "docker.io/library/app:1" });
    layout.index(&[index])
}

fn for_architecture(sandbox: &Sandbox, attrs: &mut Value, architecture: &str) {
    let json =
        json!({ "created": "1970-01-01T00:00:01Z", "architecture": architecture, "os": "linux" });
    attrs["image"]["baseJson"] = json!(sandbox.file("platform.json", json.to_string()));
    attrs["image"]["fromImageName"] = json!("app");
}

#[test]
fn the_architecture_chooses_among_platforms() {
    let platforms = [
        json!({ "os": "windows", "architecture": "arm64" }),
        json!({ "os": "linux", "architecture": "amd64" }),
        json!({ "os": "linux", "architecture": "arm64", "variant": "v8" }),
    ];
    let sandbox = Sandbox::new();
    let base = json!(sandbox.file("base.tar", for_platforms(&platforms).archive().finish()));
    let output = build(&sandbox, base, |attrs| {
        for_architecture(&sandbox, attrs, "arm64");
    });
    assert!(output.status.success(), "{}", sandbox.stderr(&output));
    let archive = std::fs::read(sandbox.out()).unwrap();
    let chosen = platforms[2].to_string();
    let has = |text: &str| archive.windows(text.len()).any(|at| at == text.as_bytes());
    assert!(has(&chosen));
    assert!(!has(&platforms[0].to_string()) && !has(&platforms[1].to_string()));
    // Nothing is left that speaks of the layout.
    assert!(!has("oci-layout") && !has("index.json") && !has("schemaVersion"));
}

#[test]
fn an_architecture_that_is_not_there_lists_those_that_are() {
    check_image(
        |sandbox, attrs| {
            let layout = for_platforms(&[
                json!({ "os": "linux", "architecture": "amd64" }),
                json!({ "os": "linux", "architecture": "arm", "variant": "v7" }),
            ]);
            attrs["image"]["fromImage"] =
                json!(sandbox.file("base.tar", layout.archive().finish()));
            for_architecture(sandbox, attrs, "s390x");
        },
        expect![[r#"
            listing the layer's closure
            reading base image `/nix/store/[HASH]-base.tar`
            error: image archive `/nix/store/[HASH]-base.tar` has no image for linux/s390x; it has `linux/amd64`, `linux/arm/v7`
        "#]],
    );
}

/// containerd keeps the whole index, whatever platforms it has.
#[test]
fn an_image_that_is_there_goes_before_one_that_is_not() {
    let mut layout = Layout::new();
    let [here, elsewhere] = ["here", "elsewhere"].map(|name| Tar::new().file(name, "").finish());
    let elsewhere = Layout::new().image(&[(LAYER, &elsewhere)], &[&elsewhere]);
    let here = layout.image(&[(LAYER, &here)], &[&here]);
    let index = layouts::index_of(&[elsewhere, here]).to_string();
    let index = layout.blob(INDEX, index);
    let sandbox = Sandbox::new();
    let base = sandbox.file("base.tar", layout.index(&[index]).archive().finish());
    let output = build(&sandbox, json!(base), |_| {});
    assert!(output.status.success(), "{}", sandbox.stderr(&output));
}
