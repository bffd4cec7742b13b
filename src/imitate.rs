//! Other programs' words: JSON as jq, jshon and Python print it, and lists and orders as Python has them.
//!
//! Knows nothing of what is said in them.

pub mod json;
pub mod jq;
pub mod jshon;
pub mod python;
pub mod python_json;
