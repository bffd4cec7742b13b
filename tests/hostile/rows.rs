//! `README.md` names a test for every kind of hostile input, and that test is there.

use std::fs;
use std::path::{Path, PathBuf};

/// What has been published about programs that read tars and images.
const PUBLISHED: &str = "CVE-2025-62518 RUSTSEC-2025-0111 CVE-2026-33055 RUSTSEC-2026-0068 \
    CVE-2026-33056 RUSTSEC-2026-0067 RUSTSEC-2026-0113 GHSA-3wgq-wrwc-vqmv RUSTSEC-2018-0002 \
    CVE-2021-38511 RUSTSEC-2021-0080 CVE-2025-58183 CVE-2022-2879 CVE-2025-45582 CVE-2026-23745 \
    CVE-2021-32803 CVE-2021-29136 CVE-2021-41190 CVE-2024-3727 CVE-2024-9676 CVE-2024-9675 \
    CVE-2024-1753 CVE-2024-40635 CVE-2025-47290 CVE-2024-24557 CVE-2024-21626 CVE-2024-23650 \
    CVE-2024-23651 CVE-2024-23652 CVE-2024-23653 CVE-2014-8178 CVE-2014-8179 CVE-2024-45593";

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The source of all tests.
fn sources() -> String {
    let mut left: Vec<PathBuf> = vec![repository().join("tests"), repository().join("src")];
    let mut sources = String::new();
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(
                fs::read_dir(&path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sources.push_str(&fs::read_to_string(&path).unwrap());
        }
    }
    sources
}

/// The input and the test of each row.
fn rows() -> Vec<(String, String)> {
    let text = fs::read_to_string(repository().join("tests/hostile/README.md")).unwrap();
    let cells = |line: &str| {
        let (input, test) = line.trim_matches('|').split_once(" | ")?;
        Some((input.trim().to_owned(), test.trim().to_owned()))
    };
    let rows = text.lines().filter(|line| line.starts_with("| "));
    let rows = rows.map(|line| cells(line).unwrap_or_else(|| panic!("no row: {line}")));
    rows.filter(|(_, test)| test != "test").collect()
}

#[test]
fn every_row_has_a_test_or_a_reason() {
    let (sources, rows) = (sources(), rows());
    assert!(rows.len() > 60, "{}", rows.len());
    for (input, test) in rows {
        if test.starts_with("out of scope: ") {
            continue;
        }
        let names: Vec<&str> = test.split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty(), "{input}: no test");
        for name in names {
            let is_there = if name.contains('/') {
                repository().join(name).exists()
            } else {
                sources.contains(&format!("fn {name}("))
            };
            assert!(is_there, "{input}: there is no test `{name}`");
        }
    }
}

#[test]
fn every_published_weakness_is_in_the_name_of_its_test() {
    let rows = rows();
    for id in PUBLISHED.split_whitespace() {
        let row = rows
            .iter()
            .find(|(ids, _)| ids.split(", ").any(|listed| listed == id));
        let (_, test) = row.unwrap_or_else(|| panic!("{id} has no row"));
        let name = id.to_lowercase().replace('-', "_");
        assert!(
            test.starts_with("out of scope: ") || test.contains(&name),
            "{id}: {test}"
        );
    }
}
