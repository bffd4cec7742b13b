//! A manifest and, behind a NUL, a config, in an archive that is otherwise good. Each is also taken for
//! the JSON that an image's Nix code wrote, and printed: printing again changes nothing.

#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use nix_image_builder::console::progress::Progress;
use nix_image_builder::foreign::base;
use nix_image_builder::foreign::images::selector::Selector;
use nix_image_builder::image::config::BaseJson;
use nix_image_builder::image::legacy;
use nix_image_builder::imitate::{jq, jshon, python_json};
use nix_image_builder::oci::strict_json::is_same_key;
use nix_image_builder::request::limits::Limits;
use nix_image_builder::tar::owner::Owner;
use nix_image_builder::tar::plan::{Entry, TarPlan};
use nix_image_builder::tar::write;
use nix_image_builder_fuzz::file_of;
use serde_json::Value;
use tempfile::NamedTempFile;

fn archive(manifest: &[u8], config: &[u8]) -> NamedTempFile {
    let layer = TarPlan::default();
    let mut layer_bytes = Vec::new();
    write::write(&layer, &mut layer_bytes).expect("it is in memory");
    let owner = Arc::new(Owner::root());
    let file = |name, bytes| Entry::inline(name, bytes, 0o444, &owner, 1);
    let plan = TarPlan {
        entries: vec![
            file("config.json", config.to_vec()),
            file("layer.tar", layer_bytes),
            file("manifest.json", manifest.to_vec()),
        ],
        ..TarPlan::default()
    };
    let mut bytes = Vec::new();
    write::write(&plan, &mut bytes).expect("it is in memory");
    file_of(&bytes)
}

fn read_base(manifest: &[u8], config: &[u8]) {
    let archive = archive(manifest, config);
    let named = Selector {
        name: Some("base"),
        tag: Some("1"),
        ..Selector::default()
    };
    let first = base::read(
        archive.path(),
        Selector::default(),
        (),
        &Limits::default(),
        Progress::Plain,
    );
    let _ = base::read(
        archive.path(),
        named,
        (),
        &Limits::default(),
        Progress::Plain,
    );
    if let Ok(base) = &first {
        // The variables of a config that is used are in it, and the rest of it is JSON too.
        let config = match serde_json::from_slice::<Value>(config) {
            Ok(config) => config,
            // A key by which `serde_json` knows its own numbers again.
            Err(error) if error.to_string().starts_with("invalid number") => return,
            Err(error) => panic!("it was read: {error}"),
        };
        for variable in &base.env {
            let env = member(member(&config, "config"), "Env");
            let env = env.as_array().expect("it was read");
            assert!(env.iter().any(|given| given == variable));
        }
    }
}

/// The value of `key`, in whatever case, in `object`, which has been read and so has one such key at most.
fn member<'a>(object: &'a Value, key: &str) -> &'a Value {
    let members = object.as_object().expect("it was read");
    let mut found = members.iter().filter(|(name, _)| is_same_key(name, key));
    let (_, value) = found.next().expect("it was read");
    assert!(found.next().is_none(), "two keys are `{key}`");
    value
}

/// Whether Nix can have such numbers: it has none that is too large for a double.
fn is_of_nix(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.as_f64().is_some_and(f64::is_finite),
        Value::Array(items) => items.iter().all(is_of_nix),
        Value::Object(members) => members.values().all(is_of_nix),
        _ => true,
    }
}

/// Prints what `text` holds, and that again.
fn check_prints(value: &Value) {
    for print in [jq::print, jshon::print, python_json::print] {
        let once = print(value);
        let again: Value = match serde_json::from_str(&once) {
            Ok(again) => again,
            Err(error) => panic!("{error}: {once}"),
        };
        assert_eq!(print(&again), once);
    }
}

fn write_documents(text: &[u8]) {
    let Ok(json) = BaseJson::parse(text) else {
        return;
    };
    let made = [
        json.clone().created_at("2026-01-01T00:00:00+00:00"),
        json.clone().layer_json("tarsum.v1+sha256:0"),
        legacy::legacy_layer(text, Some("parent"), 1).map_or("{}".to_owned(), |layer| layer.json),
        json.image_config(&["A=1".to_owned()], &[]),
    ];
    for text in made {
        BaseJson::parse(text.as_bytes()).expect("we wrote it");
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut parts = bytes.splitn(2, |byte| *byte == 0);
    let manifest = parts.next().unwrap_or_default();
    let config = parts.next().unwrap_or(b"{}");
    read_base(manifest, config);
    for text in [manifest, config] {
        let Ok(value) = serde_json::from_slice::<Value>(text) else {
            continue;
        };
        if is_of_nix(&value) {
            check_prints(&value);
            write_documents(text);
        }
    }
});
