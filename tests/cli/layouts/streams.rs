//! Layouts of streamed images, from their descriptions.

use std::fs;
use std::path::PathBuf;

use expect_test::{Expect, expect};
use serde_json::json;

use super::{attrs, blob, built, check_convert, check_right, converted, files, image, manifest};
use crate::errors::layered::{self, description_attrs};
use crate::errors::layouts;
use crate::errors::tars;
use crate::sandbox::Sandbox;

/// The description of an image on the base `base`, if any.
fn describe(sandbox: &Sandbox, base: Option<PathBuf>) -> PathBuf {
    let mut attrs = description_attrs(sandbox);
    attrs["description"]["fromImage"] = json!(base);
    built(sandbox, "description", &attrs, "conf.json")
}

/// What the archive has by DiffIDs, the layout has packed.
#[test]
fn a_layout_is_the_image_of_the_archive() {
    for base in [None, Some(tars::image()), Some(tars::gzip(&tars::image()))] {
        let sandbox = Sandbox::new();
        let base = base.map(|base| sandbox.file("base.tar", base));
        let conf = describe(&sandbox, base);
        let layout = built(&sandbox, "oci-layout", &attrs(&sandbox, &conf), "layout");
        check_right(&sandbox, &layout);
        let archive = sandbox
            .builder(&["stream", conf.to_str().unwrap()])
            .output()
            .unwrap();
        let archive = sandbox.file("image.tar", archive.stdout);
        let other = built(&sandbox, "oci-layout", &attrs(&sandbox, &archive), "other");
        assert!(files(&other) == files(&layout));
    }
}

/// The program that `streamLayeredImage` makes stands for its description.
#[test]
fn a_program_that_streams_is_read_and_not_run() {
    let sandbox = Sandbox::new();
    let conf = describe(&sandbox, None);
    let program = format!(
        "#!/bin/sh\nexec /nix/store/builder/bin/builder stream {} \"$@\"\n",
        conf.display()
    );
    let program = sandbox.file("stream", program);
    let layout = converted(&sandbox, &program, "layout", &[]);
    assert!(files(&layout) == files(&converted(&sandbox, &conf, "other", &[])));
    let other = sandbox.file("script", "#!/bin/sh\nexec rm -rf /nowhere\n");
    check_convert(
        &sandbox,
        &other,
        &[],
        expect![[r#"
        error: `/nix/store/[HASH]-script` is a script, and no image archive; its first line is `#!/bin/sh`
    "#]],
    );
}

/// Layers of the base that are packed keep their bytes, whatever packs the others.
#[test]
fn layers_of_the_base_stay_as_they_are() {
    const GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
    let layer = tars::layer();
    let packed = tars::gzip(&layer);
    let mut base = layouts::Layout::new();
    let image = image(&mut base, GZIP, &packed);
    let sandbox = Sandbox::new();
    let base = base.index(&[image]).directory(&sandbox);
    let conf = describe(&sandbox, Some(base));
    let layout = converted(&sandbox, &conf, "out", &["--compressor", "zstd"]);
    let layers = manifest(&layout)["layers"].clone();
    assert!(blob(&layout, &layers[0]) == packed);
    let media_types: Vec<_> = layers
        .as_array()
        .unwrap()
        .iter()
        .map(|layer| &layer["mediaType"])
        .collect();
    const ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";
    assert_eq!(media_types, [GZIP, ZSTD, ZSTD, ZSTD]);
    check_right(&sandbox, &layout);
}

#[test]
fn a_store_path_that_changed_is_named() {
    let sandbox = Sandbox::new();
    let conf = describe(&sandbox, None);
    let check_changed = |content: &str, expected: Expect| {
        fs::write(sandbox.store_path("leaf").join("file"), content).unwrap();
        sandbox.write_attrs(&attrs(&sandbox, &conf));
        let output = sandbox.builder(&["oci-layout"]).output().unwrap();
        layered::check(&sandbox, &output, 1, &expected);
    };
    check_changed(
        "lead",
        expect![[r#"
        reading `/nix/store/[HASH]-conf.json`
        packing 3 layers
        error: layer 1, of `/nix/store/[HASH]-leaf`, has other bytes than were recorded of it: DiffID sha256:[DIGEST] instead of sha256:[DIGEST]; a store path has changed, `nix-store --verify --check-contents` finds it
    "#]],
    );
    check_changed(
        &"x".repeat(20_000),
        expect![[r#"
        reading `/nix/store/[HASH]-conf.json`
        error: layer 1, of `/nix/store/[HASH]-leaf`, has 30720 bytes and had 10240 when the image was described; a store path has changed, `nix-store --verify --check-contents` finds it
    "#]],
    );
}
