//! Hostile input of every kind that is known to have broken a program of this field. `README.md` says
//! which test is for what.

#[expect(dead_code, reason = "the other test binary uses more of it")]
#[path = "../cli/sandbox.rs"]
mod sandbox;
#[expect(dead_code, reason = "the other test binary generates values too")]
#[path = "../cli/support.rs"]
mod support;

mod generate;
mod measured;
mod tars;
mod sparse;

mod cves;
mod entries;
mod headers;
mod packings;
mod rows;
mod sizes;
mod differential;
