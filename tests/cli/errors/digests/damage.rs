//! What has other bytes than its SHA-512 says.

use expect_test::expect;
use serde_json::json;

use super::plain;
use crate::errors::check_base;
use crate::errors::layout::check_layout;
use crate::errors::layouts::Layout;
use crate::errors::tars;

/// Where [`tars::layer`] has the content of its file, in bytes.
const CONTENT: usize = 1024;

/// `layout` with another bit in the byte `at` of the file `name`.
fn flipped(layout: Layout, name: &str, at: usize) -> Layout {
    let mut content = layout.content(name);
    content[at] ^= 1;
    layout.file(name, content)
}

#[test]
fn a_layer_with_another_bit_is_refused() {
    let (layout, [layer, _, _]) = plain();
    check_layout(
        &flipped(layout, &layer, CONTENT),
        expect![[r#"
        listing the layer's closure
        reading base image `/nix/store/[HASH]-base.tar`
        error: `blobs/sha512/b7b34309d7899a94695a54a1c5953608e9c7510900b003ccbaf3bad80f5ab8f7dcdb82eaf7eaa90ca235e6efdbaa2353b76c3c102c38842d10e9931f8ddf0423` in image archive `/nix/store/[HASH]-base.tar` has the digest sha512:e2fe7d495c2fa32b16c91bf746a1d79dc57880a3aaf448e204eeb5682f69acbcf2d4423d987036533d57fb6eb82a678ec05bbe2b8550d6faec6e2c8e0052182a, but it is named as sha512:b7b34309d7899a94695a54a1c5953608e9c7510900b003ccbaf3bad80f5ab8f7dcdb82eaf7eaa90ca235e6efdbaa2353b76c3c102c38842d10e9931f8ddf0423; it is damaged or was changed
    "#]],
    );
}

#[test]
fn a_config_with_another_bit_is_refused() {
    let (layout, [_, config, _]) = plain();
    check_layout(
        &flipped(layout, &config, 0),
        expect![[r#"
        listing the layer's closure
        reading base image `/nix/store/[HASH]-base.tar`
        error: `blobs/sha512/e7cba983f17bbf5137dc1defc7caea22c412ddfad687ed90844aaec14fcc6cb01dac92eda9a406c8aa58848117cbc76d8b0cf1fab085d89da2f2587c8958d747` in image archive `/nix/store/[HASH]-base.tar` has the digest sha512:e25666a8c3a1b6e021f5a854208ee2635468f2d7fd111e70018a09983ae8042bcc6c187d2ad201602aedb66c4caed517654ab2bf410426ccabc9d669c9a14c6d, but it is named as sha512:e7cba983f17bbf5137dc1defc7caea22c412ddfad687ed90844aaec14fcc6cb01dac92eda9a406c8aa58848117cbc76d8b0cf1fab085d89da2f2587c8958d747; it is damaged or was changed
    "#]],
    );
}

#[test]
fn a_manifest_with_another_bit_is_refused() {
    let (layout, [_, _, manifest]) = plain();
    check_layout(
        &flipped(layout, &manifest, 0),
        expect![[r#"
        listing the layer's closure
        reading base image `/nix/store/[HASH]-base.tar`
        error: `blobs/sha512/e74c582f87ad53a8b230184238d7062533a592a7c3509ca8d78f57e757b8a5db57775ac0d19f1b379a6c866c33cf52447fd379df79fc19fa1739cc45bc56fcdd` in image archive `/nix/store/[HASH]-base.tar` has the digest sha512:fef4ca1e005a93a307e3a8a19638c7e9766e2cebcec19d61753afd71dedb0289bd7872b0f5aa983556d2f3dd5e7d9aad8c31ba06ceeb05faf798f5ea90c79efd, but it is named as sha512:e74c582f87ad53a8b230184238d7062533a592a7c3509ca8d78f57e757b8a5db57775ac0d19f1b379a6c866c33cf52447fd379df79fc19fa1739cc45bc56fcdd; it is damaged or was changed
    "#]],
    );
}

#[test]
fn a_layer_of_a_packed_archive_with_another_bit_is_refused() {
    let (layout, [layer, _, _]) = plain();
    let archive = flipped(layout, &layer, CONTENT).archive().finish();
    check_base(
        &tars::gzip(&archive),
        expect![[r#"
        listing the layer's closure
        reading base image `/nix/store/[HASH]-base.tar`
        error: `blobs/sha512/b7b34309d7899a94695a54a1c5953608e9c7510900b003ccbaf3bad80f5ab8f7dcdb82eaf7eaa90ca235e6efdbaa2353b76c3c102c38842d10e9931f8ddf0423` in image archive `/nix/store/[HASH]-base.tar` has the digest sha512:e2fe7d495c2fa32b16c91bf746a1d79dc57880a3aaf448e204eeb5682f69acbcf2d4423d987036533d57fb6eb82a678ec05bbe2b8550d6faec6e2c8e0052182a, but it is named as sha512:b7b34309d7899a94695a54a1c5953608e9c7510900b003ccbaf3bad80f5ab8f7dcdb82eaf7eaa90ca235e6efdbaa2353b76c3c102c38842d10e9931f8ddf0423; it is damaged or was changed
    "#]],
    );
}

#[test]
fn a_layer_with_a_byte_behind_it_is_refused() {
    let (layout, [layer, _, _]) = plain();
    let content = [layout.content(&layer), vec![0]].concat();
    check_layout(
        &layout.file(&layer, content),
        expect![[r#"
        listing the layer's closure
        reading base image `/nix/store/[HASH]-base.tar`
        error: `blobs/sha512/b7b34309d7899a94695a54a1c5953608e9c7510900b003ccbaf3bad80f5ab8f7dcdb82eaf7eaa90ca235e6efdbaa2353b76c3c102c38842d10e9931f8ddf0423` in image archive `/nix/store/[HASH]-base.tar` has 2561 bytes, but what names it says 2560; it is damaged
    "#]],
    );
}

/// The archive of [`plain`] as `docker save` would write it, with another bit in the byte `at` of the
/// layer or the config.
fn saved(name: impl FnOnce([String; 3]) -> String, at: usize) -> Vec<u8> {
    let (layout, names) = plain();
    let [layer, config, _] = &names;
    let entry = json!([{ "Config": config, "RepoTags": ["base:1"], "Layers": [layer] }]);
    let layout = layout.file("manifest.json", entry.to_string());
    flipped(layout, &name(names), at).archive().finish()
}

#[test]
fn a_layer_that_manifest_json_calls_by_sha_512_is_compared() {
    let saved = saved(|[layer, _, _]| layer, CONTENT);
    check_base(
        &saved,
        expect![[r#"
        listing the layer's closure
        reading base image `/nix/store/[HASH]-base.tar`
        error: `blobs/sha512/b7b34309d7899a94695a54a1c5953608e9c7510900b003ccbaf3bad80f5ab8f7dcdb82eaf7eaa90ca235e6efdbaa2353b76c3c102c38842d10e9931f8ddf0423` in image archive `/nix/store/[HASH]-base.tar` has the digest sha512:e2fe7d495c2fa32b16c91bf746a1d79dc57880a3aaf448e204eeb5682f69acbcf2d4423d987036533d57fb6eb82a678ec05bbe2b8550d6faec6e2c8e0052182a, but it is named as sha512:b7b34309d7899a94695a54a1c5953608e9c7510900b003ccbaf3bad80f5ab8f7dcdb82eaf7eaa90ca235e6efdbaa2353b76c3c102c38842d10e9931f8ddf0423; it is damaged or was changed
    "#]],
    );
}

#[test]
fn a_config_that_manifest_json_calls_by_sha_512_is_compared() {
    let saved = saved(|[_, config, _]| config, 0);
    check_base(
        &saved,
        expect![[r#"
        listing the layer's closure
        reading base image `/nix/store/[HASH]-base.tar`
        error: `blobs/sha512/e7cba983f17bbf5137dc1defc7caea22c412ddfad687ed90844aaec14fcc6cb01dac92eda9a406c8aa58848117cbc76d8b0cf1fab085d89da2f2587c8958d747` in image archive `/nix/store/[HASH]-base.tar` has the digest sha512:e25666a8c3a1b6e021f5a854208ee2635468f2d7fd111e70018a09983ae8042bcc6c187d2ad201602aedb66c4caed517654ab2bf410426ccabc9d669c9a14c6d, but it is named as sha512:e7cba983f17bbf5137dc1defc7caea22c412ddfad687ed90844aaec14fcc6cb01dac92eda9a406c8aa58848117cbc76d8b0cf1fab085d89da2f2587c8958d747; it is damaged or was changed
    "#]],
    );
}
