//! Holds what ARCHITECTURE.md says of the folders below `src`, and that its diagram is what the `use` lines are.

mod rules;
mod sources;

use std::fs;
use std::path::Path;

use rules::{Complaint, complaints, diagram};
use sources::Sources;

/// What stands around the diagram in ARCHITECTURE.md.
const BEGIN: &str = "<!-- what tests/architecture prints -->\n```text\n";
const END: &str = "```\n";

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_sources_keep_the_rules() {
    let sources = Sources::read(&repository().join("src"));
    let found = complaints(&sources);
    assert!(found.is_empty(), "{}", lines(&found));
}

#[test]
fn the_diagram_of_architecture_md_is_that_of_the_sources() {
    let expected = diagram(&Sources::read(&repository().join("src")));
    let text = fs::read_to_string(repository().join("ARCHITECTURE.md")).unwrap();
    let begin = text.find(BEGIN).expect("it has a diagram") + BEGIN.len();
    let end = begin + text[begin..].find(END).expect("the diagram ends");
    assert!(
        text[begin..end] == expected,
        "ARCHITECTURE.md should have:\n{expected}"
    );
}

/// Each rule, with sources that break it and what is said of them.
#[test]
fn what_breaks_a_rule_is_told() {
    let tree = "//! A tree.\n//!\n//! Knows nothing.\n";
    let cases: &[(&[(&str, &str)], &str)] = &[
        (
            &[
                ("oci.rs", tree),
                ("oci/manifest.rs", "use crate::image::config;\n"),
            ],
            "oci/manifest.rs uses `image`, which stands below `oci` in lib.rs",
        ),
        (
            &[("foreign/blob.rs", "use crate::closure::files;\n")],
            "foreign/blob.rs uses `closure`; what reads foreign bytes knows no closure",
        ),
        (
            &[("commands/verify.rs", "use crate::commands::inspect;\n")],
            "commands/verify.rs uses the command `inspect`; no command knows another",
        ),
        (
            &[(
                "commands/verify/image.rs",
                "fn run() {\n    crate::commands::inspect::read();\n}\n",
            )],
            "commands/verify/image.rs uses the command `inspect`; no command knows another",
        ),
        (
            &[(
                "tar/read.rs",
                "fn run() {\n    std::env::var_os(\"A\");\n}\n",
            )],
            "tar/read.rs has `std::env`; only `cli` looks at environment, clock and terminal",
        ),
        (
            &[("commands/verify.rs", "use std::io::IsTerminal;\n")],
            "commands/verify.rs has `IsTerminal`; only `cli` looks at environment, clock and terminal",
        ),
        (
            &[("image/config.rs", "use std::net::TcpStream;\n")],
            "image/config.rs has `std::net`; only `registry` has a network",
        ),
        (
            &[(
                "rootfs/flatten.rs",
                "fn run() {\n    progress.phase(\"a\", \"b\");\n}\n",
            )],
            "rootfs/flatten.rs has `.phase(`; only `commands` and `vm` announce what is done",
        ),
        (
            &[("tree/scan.rs", "use crate::build::context::Context;\n")],
            "tree/scan.rs uses `build::context`; `tree` knows neither attributes nor the context",
        ),
        (
            &[
                ("bytes/a.rs", "use super::b::B;\n"),
                ("bytes/b.rs", "use crate::bytes::a::A;\n"),
            ],
            "bytes/a.rs, bytes/b.rs use each other in a circle",
        ),
        (
            &[("bytes.rs", "//! Bytes.\n")],
            "bytes.rs does not say what it knows nothing of",
        ),
        (
            &[(
                "bytes.rs",
                "//! Bytes.\n//!\n//! Knows nothing.\nfn code() {}\n",
            )],
            "bytes.rs has code; the file of a folder has its documentation and its modules",
        ),
        (
            &[("tar/long.rs", &"const A: u8 = 0;\n".repeat(501))],
            "tar/long.rs has 501 lines without its tests; 500 are enough",
        ),
        (
            &[(
                "tar/long.rs",
                &format!("fn long() {{\n{}}}\n", "    a();\n".repeat(60)),
            )],
            "tar/long.rs: `long` has 62 lines; 60 are enough",
        ),
    ];
    for (files, expected) in cases {
        let found = complaints(&Sources::of(files));
        assert!(
            found.iter().any(|complaint| complaint.0 == *expected),
            "`{expected}` is not said, but:\n{}",
            lines(&found)
        );
    }
}

fn lines(complaints: &[Complaint]) -> String {
    complaints
        .iter()
        .map(|complaint| format!("{}\n", complaint.0))
        .collect()
}
