//! Layouts whose digests are of another algorithm.

use expect_test::expect;
use serde_json::json;

use super::check_base;
use super::layouts::{Layout, MANIFEST};

/// The OCI image specification registers it beside SHA-256.
#[test]
fn sha_512_is_refused_by_name() {
    let image = json!({
        "mediaType": MANIFEST,
        "digest": format!("sha512:{}", "0".repeat(128)),
        "size": 3,
    });
    let layout = Layout::new().index(&[image]);
    check_base(
        &layout.archive().finish(),
        expect![[r#"
        listing the layer's closure
        reading base image `/nix/store/[HASH]-base.tar`
        error: `index.json` of image archive `/nix/store/[HASH]-base.tar` is not what it should be
          caused by: it has a digest of the algorithm `sha512`; only `sha256`, which engines and registries use, is read at line 1 column 290
    "#]],
    );
}
