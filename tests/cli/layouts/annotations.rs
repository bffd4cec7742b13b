//! The annotations of manifests and layers.

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::{attrs, built, manifest};
use crate::errors::{check, tars};
use crate::sandbox::Sandbox;

const CREATED: &str = "org.opencontainers.image.created";

/// The manifest of an image with what `change` says of it.
fn annotated(change: impl FnOnce(&mut Value)) -> Value {
    let sandbox = Sandbox::new();
    let image = sandbox.file("image.tar", dated());
    let mut attrs = attrs(&sandbox, &image);
    change(&mut attrs["ociLayout"]["layout"]);
    manifest(&built(&sandbox, "oci-layout", &attrs, "layout"))
}

/// An image whose config says when it was made.
fn dated() -> Vec<u8> {
    let layer = tars::layer();
    let mut config = crate::verify::config(&[&layer]);
    config["created"] = json!("2024-01-31T12:00:00Z");
    crate::verify::docker_of(&config, &layer).archive()
}

#[test]
fn the_time_comes_from_the_config_and_the_rest_from_the_user() {
    let plain = annotated(|_| {});
    assert_eq!(
        plain["annotations"],
        json!({ CREATED: "2024-01-31T12:00:00Z" })
    );
    assert_eq!(plain["layers"][0].get("annotations"), None);

    let both = annotated(|said| {
        said["annotations"] = json!({ "org.example.b": "2", "org.example.a": "1" });
        said["layerAnnotations"] = json!({ "org.example.layer": "" , "org.example.kind": "app" });
    });
    let expected =
        json!({ "org.example.a": "1", "org.example.b": "2", CREATED: "2024-01-31T12:00:00Z" });
    assert_eq!(both["annotations"], expected);
    assert_eq!(
        both["layers"][0]["annotations"],
        json!({ "org.example.kind": "app" })
    );

    let without = annotated(|said| said["annotations"] = json!({ CREATED: "" }));
    assert_eq!(without.get("annotations"), None);
    let other = annotated(|said| said["annotations"] = json!({ CREATED: "2025-01-01T00:00:00Z" }));
    assert_eq!(
        other["annotations"],
        json!({ CREATED: "2025-01-01T00:00:00Z" })
    );
}

/// What a layout says of an image already stays, and a change of it is another manifest.
#[test]
fn annotations_of_a_layout_stay() {
    let sandbox = Sandbox::new();
    let image = sandbox.file("image.tar", dated());
    let mut first = attrs(&sandbox, &image);
    first["ociLayout"]["layout"]["annotations"] = json!({ "org.example.a": "1" });
    first["ociLayout"]["layout"]["layerAnnotations"] = json!({ "org.example.kind": "app" });
    let first = built(&sandbox, "oci-layout", &first, "first");
    let same = built(&sandbox, "oci-layout", &attrs(&sandbox, &first), "same");
    assert!(super::files(&same) == super::files(&first));
    let mut second = attrs(&sandbox, &first);
    second["ociLayout"]["layout"]["annotations"] = json!({ "org.example.b": "2" });
    let second = built(&sandbox, "oci-layout", &second, "second");
    let expected =
        json!({ "org.example.a": "1", "org.example.b": "2", CREATED: "2024-01-31T12:00:00Z" });
    let manifest = manifest(&second);
    assert_eq!(manifest["annotations"], expected);
    assert_eq!(
        manifest["layers"][0]["annotations"],
        json!({ "org.example.kind": "app" })
    );
}

#[track_caller]
fn check_annotation(key: &str, value: &Value, expected: Expect) {
    let sandbox = Sandbox::new();
    let image = sandbox.file("image.tar", dated());
    let mut attrs = attrs(&sandbox, &image);
    attrs["ociLayout"]["layout"]["annotations"] = json!({ key: value });
    check(&sandbox, "oci-layout", &attrs, &expected);
}

#[test]
fn annotations_that_mean_nothing_are_refused() {
    check_annotation(
        "org.opencontainers.image.licence",
        &json!("MIT"),
        expect![[r#"
            reading `/nix/store/[HASH]-image.tar`
            packing 1 layer
            error: the annotation `org.opencontainers.image.licence` is none that the image specification defines; `org.opencontainers.image.licenses` is meant
        "#]],
    );
    check_annotation(
        "org.opencontainers.image.ref.name",
        &json!("app:1"),
        expect![[r#"
            reading `/nix/store/[HASH]-image.tar`
            packing 1 layer
            error: the annotation `org.opencontainers.image.ref.name` is what a layout calls an image by; `name` and `tag` of the image decide it
        "#]],
    );
    check_annotation(
        CREATED,
        &json!("yesterday"),
        expect![[r#"
            reading `/nix/store/[HASH]-image.tar`
            packing 1 layer
            error: the annotation `org.opencontainers.image.created` is `yesterday`, which is no time; write it as `2024-01-31T12:00:00Z`
        "#]],
    );
    check_annotation(
        "org.opencontainers.image.base.digest",
        &json!("latest"),
        expect![[r#"
            reading `/nix/store/[HASH]-image.tar`
            packing 1 layer
            error: the annotation `org.opencontainers.image.base.digest` is `latest`, which is no digest; write it as `sha256:` and 64 digits
        "#]],
    );
    check_annotation(
        "",
        &json!("x"),
        expect![[r#"
            reading `/nix/store/[HASH]-image.tar`
            packing 1 layer
            error: the annotation `` has no name; write it as `org.example.name`
        "#]],
    );
    check_annotation(
        "org.example.number",
        &json!(1),
        expect![[r#"
        error: attribute `ociLayout` in `[TMP]/build/.attrs.json` is not what this version of `builder` expects
          caused by: invalid type: number, expected a string
    "#]],
    );
}

/// Registries take no larger manifests.
#[test]
fn a_manifest_that_is_too_large_is_refused() {
    let text = "x".repeat(4 << 20);
    check_annotation(
        "org.example.text",
        &json!(text),
        expect![[r#"
        reading `/nix/store/[HASH]-image.tar`
        packing 1 layer
        error: a manifest in `/nix/store/[HASH]-out` would have 4194801 bytes, and registries and engines take 4194304 at most; give it shorter or fewer annotations
    "#]],
    );
}
