//! Any bytes as an image that somebody looks at. What `verify` finds nothing wrong with can be built on and
//! shown, with the same layers; and so it is with an archive that comes by once.

#![no_main]

use std::io::Cursor;

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use nix_image_builder::commands::inspect;
use nix_image_builder::commands::verify::{self, Report, What};
use nix_image_builder::console::progress::Progress;
use nix_image_builder::foreign::base;
use nix_image_builder::foreign::images::selector::Selector;
use nix_image_builder::foreign::inventory::entries::Noting;
use nix_image_builder::foreign::inventory::{self, Input, Inventory};
use nix_image_builder::request::limits::Limits;
use nix_image_builder_fuzz::{file_of, mutate_tar};
use tempfile::NamedTempFile;

fn survey(input: Input, noting: Noting) -> Option<Inventory> {
    inventory::read(input, noting, &Limits::default(), Progress::Plain).ok()
}

fn of_file(file: &NamedTempFile, noting: Noting) -> Option<Inventory> {
    survey(Input::Path(file.path().to_owned()), noting)
}

/// The same bytes, coming by once.
fn of_stream(file: &NamedTempFile, bytes: &[u8]) -> Option<Inventory> {
    let input = Input::Stream {
        name: file.path().to_owned(),
        content: Box::new(Cursor::new(bytes.to_vec())),
    };
    survey(input, Noting::Problems)
}

/// What is shown of the image, and the DiffIDs of each image's layers.
fn shown(file: &NamedTempFile) -> Option<Vec<Vec<String>>> {
    let survey = of_file(file, Noting::StorePaths)?;
    let inspection = inspect::inspect(survey, Selector::default()).ok()?;
    inspection
        .write_text(&mut Vec::new())
        .expect("it is in memory");
    serde_json::to_vec(&inspection).expect("it is in memory");
    let images = inspection.images().map(|image| {
        let image = image.expect("it has been shown");
        let layers = image.layers.iter();
        layers.map(|layer| layer.diff_id.to_string()).collect()
    });
    Some(images.collect())
}

/// What must be the same of a file and of what comes by once. There, what is wrong may be told in other
/// words, and of a damaged archive less can be read.
fn facts(report: &Report) -> Option<[usize; 3]> {
    let counts = [report.images, report.layers, report.files];
    report.is_right().then_some(counts)
}

/// Whether a link by SHA-512 leads to what has come by without anyone having computed that.
fn is_unknown(report: &Report) -> bool {
    let mut problems = report.problems.told.iter();
    problems.any(|problem| matches!(problem.what, What::NotComputed { .. }))
}

fn check_right(report: &Report, file: &NamedTempFile, bytes: &[u8]) {
    // `serde_json` knows its own numbers by a key with this in it, which may not be shown then.
    let is_odd = bytes.windows(10).any(|at| at == b"serde_json");
    if report.images == 0 || is_odd {
        return;
    }
    let base = base::read(
        file.path(),
        Selector::default(),
        (),
        &Limits::default(),
        Progress::Plain,
    );
    let base = base.expect("nothing is wrong with it");
    let layers = base.layers.iter();
    let layers: Vec<String> = layers.map(|layer| layer.diff_id.to_string()).collect();
    let shown = shown(file).expect("nothing is wrong with it");
    assert!(
        shown.contains(&layers),
        "{layers:?} are not among {shown:?}"
    );
}

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutate_tar(data, size, max_size, seed)
});

fuzz_target!(|bytes: &[u8]| {
    let file = file_of(bytes);
    let report = of_file(&file, Noting::Problems).map(verify::verify);
    let piped = of_stream(&file, bytes).map(verify::verify);
    if !piped.as_ref().is_some_and(is_unknown) {
        assert_eq!(report.as_ref().map(facts), piped.as_ref().map(facts));
    }
    if let Some(report) = report {
        let _ = report.text();
        let _ = report.json();
        if report.is_right() {
            check_right(&report, &file, bytes);
        } else {
            shown(&file);
        }
    }
});
