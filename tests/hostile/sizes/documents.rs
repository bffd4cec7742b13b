//! Documents that are long, wide, deep or named again and again.

use serde_json::json;

use super::LONG;
use crate::measured::{SOON, build, build_within, config_of, image_is_refused};
use crate::tars::Tar;

/// An image whose manifest and config are these texts.
fn image_with(manifest: &str, config: &str) -> Vec<u8> {
    Tar::new()
        .file("c.json", config)
        .file("manifest.json", manifest)
        .finish()
}

/// Two bytes of text make a value of many.
#[test]
fn documents_of_millions_of_values_are_refused() {
    let many = |value: &str| vec![value; 2_000_000].join(",");
    let config = config_of(&[]).to_string();
    for (member, text) in [
        ("Layers", many("\"\"")),
        ("RepoTags", many("\"\"")),
        ("x", many("0")),
        ("x", many("{}")),
    ] {
        let manifest = format!("[{{\"Config\":\"c.json\",\"{member}\":[{text}]}}]");
        let (_, ran) = build_within("image", &image_with(&manifest, &config), LONG);
        ran.refused("`manifest.json` in image archive");
        ran.refused("more than 310000 values");
    }
    let manifest = r#"[{"Config":"c.json","Layers":[]}]"#;
    let config = config.replacen('{', &format!("{{\"x\":[{}],", many("0")), 1);
    build_within("image", &image_with(manifest, &config), LONG)
        .1
        .refused("`c.json` in image archive");
}

#[test]
fn as_many_values_as_may_be_take_no_memory() {
    let many =
        |text: &dyn Fn(usize) -> String| (0..300_000).map(text).collect::<Vec<_>>().join(",");
    let config = config_of(&[]).to_string();
    let names = many(&|number| format!("\"n{number}:1\""));
    let manifest = format!("[{{\"Config\":\"c.json\",\"RepoTags\":[{names}]}}]");
    let image = image_with(&manifest, &config);
    build_within("image", &image, LONG).1.succeeded();
    let layers = many(&|_| "\"c\"".to_owned());
    let manifest = format!("[{{\"Config\":\"c.json\",\"Layers\":[{layers}]}}]");
    let image = image_with(&manifest, &config);
    build_within("image", &image, LONG)
        .1
        .refused("has 300000 layers; 1024 are allowed");
}

/// Each of the many would be taken for a value of a document that is written again.
#[test]
fn documents_of_many_objects_are_merged_in_little_memory() {
    let objects = |count| vec![r#"{"":0}"#; count].join(",");
    let config = config_of(&[]).to_string();
    let manifest = |count| format!(r#"[{{"Config":"c.json","x":[{}]}}]"#, objects(count));
    let (_, ran) = build_within("merge", &image_with(&manifest(100_000), &config), LONG);
    ran.refused("more than 77500 values");
    let repositories: Vec<String> = (0..37_000).map(|n| format!(r#""{n}":{{"":""}}"#)).collect();
    let image = Tar::new()
        .file("c.json", config)
        .file("manifest.json", manifest(37_000))
        .file("repositories", format!("{{{}}}", repositories.join(",")));
    let image = image.finish();
    build_within("merge", &image, LONG).1.succeeded();
    build_within("image", &image, LONG).1.succeeded();
}

/// A config is text until its parts are shown one by one.
#[test]
fn configs_of_as_much_as_may_be_are_shown_in_little_memory() {
    let manifest = r#"[{"Config":"c.json","Layers":[]}]"#;
    let objects = vec![json!({ "": 0 }); 150_000];
    let labels: serde_json::Map<_, _> = (0..300_000)
        .map(|number| (number.to_string(), json!("")))
        .collect();
    // Three times as long when a terminal can show it.
    let accents = "\u{301}".repeat(2_000_000);
    for (key, value) in [
        ("created", json!(objects)),
        ("history", json!([objects])),
        ("config", json!({ "Labels": labels })),
        ("config", json!({ "Labels": { &accents[..]: accents } })),
        ("config", json!({ "Env": [accents] })),
        ("history", json!([{ "created_by": accents }])),
    ] {
        let mut config = config_of(&[]);
        config[key] = value;
        build_within("image", &image_with(manifest, &config.to_string()), LONG)
            .1
            .succeeded();
    }
}

/// Each image below it would have the name.
#[test]
fn an_index_with_a_name_of_megabytes_is_refused() {
    let config = config_of(&[]).to_string();
    let hex = |text: &str| nix_image_builder::bytes::digest::Sha256::of(text.as_bytes()).hex();
    let blob = |kind: &str, text: &str| {
        let media_type = format!("application/vnd.oci.image.{kind}.v1+json");
        let digest = format!("sha256:{}", hex(text));
        json!({ "mediaType": media_type, "digest": digest, "size": text.len() })
    };
    let of = |key: &str, value: serde_json::Value| json!({ "schemaVersion": 2, key: value });
    let mut manifest = of("layers", json!([]));
    manifest["config"] = blob("config", &config);
    let manifest = manifest.to_string();
    let inner = of("manifests", json!(vec![blob("manifest", &manifest); 900])).to_string();
    let mut named = blob("index", &inner);
    let key = "org.opencontainers.image.ref.name";
    named["annotations"] = json!({ key: "x".repeat(7 << 20) });
    let mut layout = Tar::new()
        .file("oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#)
        .file("index.json", of("manifests", json!([named])).to_string());
    for text in [&config, &manifest, &inner] {
        let digest = hex(text);
        layout = layout.file(&format!("blobs/sha256/{digest}"), text);
    }
    build_within("image", &layout.finish(), LONG)
        .1
        .refused("a name of 7340032 bytes, where 1024 are allowed");
}

/// As many times as the image has names, the layer's name would be kept.
#[test]
fn many_names_and_a_long_name_of_a_layer_take_no_memory() {
    let layer = [0; 1024];
    let names: Vec<String> = (0..150_000).map(|number| format!("n{number}:1")).collect();
    let layers = [format!("{}layer.tar", "./".repeat(2000))];
    let manifest = json!([{ "Config": "c.json", "RepoTags": names, "Layers": layers }]);
    let image = Tar::new()
        .file("c.json", config_of(&[&layer]).to_string())
        .file("layer.tar", layer)
        .file("manifest.json", manifest.to_string());
    build_within("image", &image.finish(), LONG).1.succeeded();
}

#[test]
fn variables_without_number_are_refused() {
    let variables: Vec<String> = (0..200_000).map(|number| format!("V{number}=")).collect();
    let mut config = config_of(&[]);
    config["config"] = json!({ "Env": variables });
    let manifest = r#"[{"Config":"c.json","Layers":[]}]"#;
    build_within("image", &image_with(manifest, &config.to_string()), LONG)
        .1
        .refused("200000 variables; 10000 are allowed");
}

#[test]
fn images_without_number_are_refused() {
    let images = vec![r#"{"Config":"c.json"}"#; 1001].join(",");
    let image = image_with(&format!("[{images}]"), &config_of(&[]).to_string());
    build_within("image", &image, LONG)
        .1
        .refused("lists more than 1000 images");
}

/// Each image could be shown with the same long config.
#[test]
fn one_config_of_many_images_takes_no_time() {
    let images = vec![r#"{"Config":"c.json"}"#; 1000].join(",");
    let mut config = config_of(&[]);
    config["x"] = "x".repeat(900_000).into();
    let image = image_with(&format!("[{images}]"), &config.to_string());
    build("image", &image).1.succeeded();
}

/// An index that lists nothing disagrees with no `manifest.json`, which is compared with it all the same.
const EMPTY_INDEX: &str = r#"{"schemaVersion":2,"manifests":[]}"#;

/// Comparing them would read and hash it for each.
#[test]
fn one_config_of_many_images_is_compared_with_an_index_once() {
    let mut config = config_of(&[]);
    config["x"] = "x".repeat(900_000).into();
    let image = |names: &[String]| {
        let images: Vec<String> = names
            .iter()
            .map(|name| format!(r#"{{"Config":"{name}"}}"#))
            .collect();
        let links = names.iter().filter(|name| *name != "c.json");
        links
            .fold(Tar::new(), |tar, name| tar.link(b'2', name, "c.json"))
            .file("c.json", config.to_string())
            .file("manifest.json", format!("[{}]", images.join(",")))
            .file("oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#)
            .file("index.json", EMPTY_INDEX)
            .finish()
    };
    let same = vec!["c.json".to_owned(); 1000];
    build("image", &image(&same)).1.succeeded();
    // Links of any number of names lead to it.
    let links: Vec<String> = (0..99).map(|number| number.to_string()).collect();
    build("image", &image(&links)).1.succeeded();
}

/// A layout whose indexes name one manifest again and again, each time as another image: `direct` times
/// the one index, and once each of `indexes` others.
fn repeated_manifest(direct: usize, indexes: usize, layers: usize, padding: usize) -> Vec<u8> {
    let layer = Tar::new().finish();
    let diff_id = format!("sha256:{}", hex(&layer));
    let config = json!({ "rootfs": { "diff_ids": vec![diff_id; layers] } }).to_string();
    let blob = |kind: &str, bytes: &[u8]| {
        json!({
            "mediaType": format!("application/vnd.oci.image.{kind}"),
            "digest": format!("sha256:{}", hex(bytes)),
            "size": bytes.len(),
        })
    };
    let manifest = json!({
        "schemaVersion": 2,
        "config": blob("config.v1+json", config.as_bytes()),
        "layers": vec![blob("layer.v1.tar", &layer); layers],
        "x": "x".repeat(padding),
    });
    let manifest = manifest.to_string();
    let named = |number: usize| {
        let mut named = blob("manifest.v1+json", manifest.as_bytes());
        let name = format!("app:{number}");
        named["annotations"] = json!({ "org.opencontainers.image.ref.name": name });
        named
    };
    let index = |manifests: Vec<serde_json::Value>| {
        json!({ "schemaVersion": 2, "manifests": manifests }).to_string()
    };
    let inner: Vec<String> = (0..indexes)
        .map(|number| index(vec![named(1000 + number)]))
        .collect();
    let mut manifests: Vec<_> = (0..direct).map(named).collect();
    manifests.extend(
        inner
            .iter()
            .map(|text| blob("index.v1+json", text.as_bytes())),
    );
    let mut layout = Tar::new()
        .file("oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#)
        .file("index.json", index(manifests));
    let others = [config.as_bytes(), manifest.as_bytes(), &layer];
    for bytes in others.into_iter().chain(inner.iter().map(String::as_bytes)) {
        layout = layout.file(&format!("blobs/sha256/{}", hex(bytes)), bytes);
    }
    layout.finish()
}

fn hex(bytes: &[u8]) -> String {
    nix_image_builder::bytes::digest::Sha256::of(bytes).hex()
}

/// It would be read and parsed for each image.
#[test]
fn one_manifest_of_many_images_takes_no_time() {
    let image = repeated_manifest(200, 100, 0, 300_000);
    build("image", &image).1.succeeded();
}

/// Each image would have its own list of them.
#[test]
fn one_manifest_of_many_layers_and_images_takes_no_memory() {
    let image = repeated_manifest(999, 0, 1000, 0);
    build_within("image", &image, LONG).1.succeeded();
    build_within("merge", &image, LONG)
        .1
        .refused("more than 77500 layers together");
}

/// Which members stay would be asked of each layer for each.
#[test]
fn many_layers_that_are_links_are_merged_soon() {
    let layer = Tar::new().finish();
    let names: Vec<String> = (0..20_000).map(|number| format!("l/{number}")).collect();
    let config = config_of(&vec![layer.as_slice(); 1000]).to_string();
    let images: Vec<_> = names
        .chunks(1000)
        .map(|names| json!({ "Config": "c.json", "Layers": names }))
        .collect();
    let image = names
        .iter()
        .fold(Tar::new(), |tar, name| tar.link(b'2', name, "../layer.tar"))
        .file("layer.tar", layer)
        .file("c.json", config)
        .file("manifest.json", json!(images).to_string())
        .file("oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#)
        .file("index.json", EMPTY_INDEX)
        .finish();
    build_within("merge", &image, SOON).1.succeeded();
}

/// All lines would become as wide as the widest.
#[test]
fn one_wide_entry_of_history_takes_no_memory() {
    let mut config = config_of(&[]);
    let mut history = vec![json!({ "created": "x", "empty_layer": true }); 10_000];
    history.push(json!({ "created": "x".repeat(500_000), "empty_layer": true }));
    config["history"] = history.into();
    let manifest = r#"[{"Config":"c.json","Layers":[]}]"#;
    build("image", &image_with(manifest, &config.to_string()))
        .1
        .succeeded();
}

#[test]
fn a_manifest_of_a_hundred_megabytes_is_refused() {
    let manifest = vec![b' '; 100 << 20];
    let image = Tar::new().file("manifest.json", manifest).finish();
    build_within("image", &image, LONG).1.refused("8388608");
}

#[test]
fn json_that_is_nested_without_end_is_refused() {
    let manifest = format!("[{{\"x\":{}", "[".repeat(70_000));
    let archive = Tar::new().file("manifest.json", manifest).finish();
    image_is_refused(&archive, "recursion limit");
    build("merge", &archive).1.refused("recursion limit");
}

#[test]
fn huge_numbers_in_a_config_do_no_harm() {
    let mut config = config_of(&[]);
    config["config"] = json!({ "User": "99999999999999999999", "Env": null });
    let text = config
        .to_string()
        .replace("null", &format!("null, \"x\": 1{}", "0".repeat(1000)));
    let manifest = json!([{ "Config": "c.json", "Layers": [] }]);
    let image = Tar::new()
        .file("c.json", text)
        .file("manifest.json", manifest.to_string());
    build("image", &image.finish()).1.succeeded();
}
