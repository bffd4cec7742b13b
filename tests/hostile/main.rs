//! Hostile input of every kind that is known to have broken a program of this field.

#[expect(dead_code, reason = "the other test binary generates values too")]
#[path = "../cli/support.rs"]
mod support;

mod generate;
mod tars;

mod differential;
