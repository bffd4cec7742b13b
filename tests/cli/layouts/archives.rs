//! Layouts as one tar, which Docker reads too; and what images are called.

use std::fs;

use serde_json::{Value, json};

use super::{attrs, built, check_right, converted, document, files, manifest};
use crate::errors::tars;
use crate::sandbox::Sandbox;
use crate::verify::docker;

/// The members of the tar at `path`: names and contents, in their order.
fn members(path: &std::path::Path) -> Vec<(String, Vec<u8>)> {
    let mut archive = tar::Archive::new(fs::File::open(path).unwrap());
    let entries = archive.entries().unwrap();
    entries
        .map(|entry| {
            let mut entry = entry.unwrap();
            assert!(!entry.header().entry_type().is_symlink());
            let mut content = Vec::new();
            std::io::Read::read_to_end(&mut entry, &mut content).unwrap();
            (entry.path().unwrap().to_str().unwrap().to_owned(), content)
        })
        .collect()
}

#[test]
fn the_tar_has_the_files_of_the_layout_and_what_docker_reads() {
    let sandbox = Sandbox::new();
    let image = sandbox.file("image.tar", tars::gzip(&docker().archive()));
    let mut attrs = attrs(&sandbox, &image);
    let layout = built(&sandbox, "oci-layout", &attrs, "layout");
    attrs["ociLayout"]["layout"]["archive"] = json!(true);
    let archive = built(&sandbox, "oci-layout", &attrs, "layout.tar");
    check_right(&sandbox, &archive);

    let members = members(&archive);
    let names: Vec<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names[..5],
        [
            "oci-layout",
            "index.json",
            "manifest.json",
            "blobs",
            "blobs/sha256"
        ]
        .map(|name| {
            if name.starts_with("blobs") {
                format!("{name}/")
            } else {
                name.to_owned()
            }
        })
    );
    let mut expected = files(&layout);
    for (name, content) in &members {
        if name == "manifest.json" {
            let manifest: Value = serde_json::from_slice(content).unwrap();
            let [image] = manifest.as_array().unwrap().as_slice() else {
                panic!("{manifest}")
            };
            assert_eq!(image["RepoTags"], json!(["app:1"]));
            for part in image["Layers"]
                .as_array()
                .unwrap()
                .iter()
                .chain([&image["Config"]])
            {
                assert!(names.contains(&part.as_str().unwrap()), "{part} is missing");
            }
        } else if !name.ends_with('/') {
            assert_eq!(expected.remove(name).as_ref(), Some(content), "{name}");
        }
    }
    assert!(expected.is_empty(), "{:?}", expected.keys());
    // The layer comes last, behind all documents.
    let layer = manifest(&layout)["layers"][0]["digest"].clone();
    let path = format!("blobs/{}", layer.as_str().unwrap().replace(':', "/"));
    assert_eq!(names.last(), Some(&path.as_str()));

    let again = converted(&sandbox, &archive, "again", &[]);
    assert!(files(&again) == files(&layout));
}

/// The name of what is to be written decides what it is, unless `--to` does.
#[test]
fn convert_writes_what_the_name_says() {
    let sandbox = Sandbox::new();
    let image = sandbox.file("image.tar", docker().archive());
    assert!(converted(&sandbox, &image, "one", &[]).is_dir());
    assert!(converted(&sandbox, &image, "one.tar", &[]).is_file());
    assert!(converted(&sandbox, &image, "two", &["--to", "archive"]).is_file());
    assert!(converted(&sandbox, &image, "two.tar", &["--to", "layout"]).is_dir());
}

#[test]
fn every_reference_of_an_image_is_there_as_engines_read_it() {
    let sandbox = Sandbox::new();
    let image = docker().change("manifest.json", |manifest| {
        manifest[0]["RepoTags"] = json!([
            "app:1",
            "team/app:2",
            "host:5000/app:3",
            "docker.io/library/app:1"
        ]);
    });
    let image = sandbox.file("image.tar", image.archive());
    let layout = converted(&sandbox, &image, "layout", &[]);
    let index = document(&layout, "index.json");
    let names: Vec<&Value> = index["manifests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|image| &image["annotations"])
        .collect();
    let named = |whole: &str, short: &str| json!({ "io.containerd.image.name": whole, "org.opencontainers.image.ref.name": short });
    assert_eq!(
        names,
        [
            &named("docker.io/library/app:1", "app:1"),
            &named("docker.io/team/app:2", "team/app:2"),
            &named("host:5000/app:3", "host:5000/app:3"),
        ]
    );
    check_right(&sandbox, &layout);
}

#[test]
fn an_image_without_a_name_has_none() {
    let sandbox = Sandbox::new();
    let image = docker().change("manifest.json", |manifest| {
        manifest[0]["RepoTags"] = Value::Null;
    });
    let image = sandbox.file("image.tar", image.archive());
    let layout = converted(&sandbox, &image, "layout", &[]);
    let index = document(&layout, "index.json");
    assert_eq!(index["manifests"].as_array().map(Vec::len), Some(1));
    assert_eq!(index["manifests"][0].get("annotations"), None);
}
