//! Any text as `.attrs.json`, for every subcommand, and as the description of a streamed image. What an
//! unknown key is beside ours changes nothing; within ours it is refused.

#![no_main]

use std::fmt::Debug;
use std::path::Path;

use libfuzzer_sys::fuzz_target;
use nix_image_builder::closure::layering;
use nix_image_builder::commands::base_json::BaseJsonAttrs;
use nix_image_builder::commands::build_image::ImageAttrs;
use nix_image_builder::commands::build_layered_image::LayeredImageAttrs;
use nix_image_builder::commands::customisation_layer::CustomisationAttrs;
use nix_image_builder::commands::describe_layers::DescriptionAttrs;
use nix_image_builder::commands::merge_images::MergeAttrs;
use nix_image_builder::commands::pure_layer::LayerAttrs;
use nix_image_builder::image::description::Description;
use nix_image_builder::request::attrs::{self, Attrs, Section};
use nix_image_builder::request::time::Time;
use serde_json::{Value, json};

fn parse<T: Section>(text: &str) -> Option<Attrs<T>> {
    attrs::parse(text, Path::new("/build/.attrs.json")).ok()
}

fn check<T: Section + Debug>(text: &str) {
    let Some(parsed) = parse::<T>(text) else {
        return;
    };
    for (name, value) in &parsed.environment {
        assert!(!name.contains(['=', '\0']), "no shell has `{name}`");
        assert!(!value.contains('\0'), "no environment holds {value:?}");
    }
    let mut value: Value = serde_json::from_str(text).expect("it was read");
    value["anotherOfNixpkgs"] = json!({ "x": [1] });
    let more = parse::<T>(&value.to_string()).expect("only ours is strict");
    assert_eq!(format!("{:?}", more.ours), format!("{:?}", parsed.ours));
    value[T::KEY]["ofNoVersion"] = json!(1);
    assert!(parse::<T>(&value.to_string()).is_none(), "ours is strict");
}

fuzz_target!(|text: &str| {
    check::<LayerAttrs>(text);
    check::<ImageAttrs>(text);
    check::<MergeAttrs>(text);
    check::<BaseJsonAttrs>(text);
    check::<CustomisationAttrs>(text);
    check::<LayeredImageAttrs>(text);
    check::<DescriptionAttrs>(text);
    if let Some(attrs) = parse::<DescriptionAttrs>(text) {
        for time in [&attrs.ours.created, &attrs.ours.mtime] {
            if let Ok(time) = Time::parse("created", time) {
                let again = Time::parse("created", &time.to_string()).expect("we wrote it");
                assert_eq!(again.seconds(), time.seconds());
            }
        }
        // A string would be the path of a file.
        if let Some(steps @ Value::Array(_)) = &attrs.ours.layering_pipeline {
            let _ = layering::parse(steps);
        }
    }
    if let Ok(description) = serde_json::from_str::<Description>(text) {
        let printed = serde_json::to_string(&description).expect("all of it is JSON");
        let again: Description = serde_json::from_str(&printed).expect("we wrote it");
        assert_eq!(serde_json::to_string(&again).expect("as before"), printed);
    }
});
