//! Tests of what we write as Python does, against the real one. It has to be Python 3.9 or newer:
//! since then it writes the same.

#[path = "../cli/support.rs"]
mod support;
#[expect(dead_code, reason = "the other test binary generates other trees")]
#[path = "../cli/trees.rs"]
mod trees;

mod json;
mod pax;
mod text;

use std::process::Command;

use support::{command, judge};

/// The script `name` of `tests/judges`, run by Python as Nix's builders run it: with UTF-8.
fn python(name: &str) -> Command {
    let mut python = command("python3");
    python.arg(judge(name));
    python
}
