//! Says for each layer what is in it and why, for `debug = true`.

use std::fmt;

use super::layer::{Layer, Origin, Reason};
use crate::console::text;

/// A few lines for each layer: its number, how much is in it, why, and its paths.
#[must_use]
pub fn explain(layers: &[Layer]) -> String {
    let of = layers.len();
    let numbered = layers.iter().zip(1..);
    numbered
        .map(|(layer, number)| explain_layer(layer, number, of))
        .collect()
}

fn explain_layer(layer: &Layer, number: usize, of: usize) -> String {
    let count = text::count(layer.paths.len(), "path");
    let size = text::count(layer.nar_size, "byte");
    let paths = layer.paths.iter();
    let paths = paths.map(|path| format!("  {}\n", path.as_path().display()));
    format!(
        "layer {number} of {of}: {count}, {size}: {}\n{}",
        layer.reason,
        paths.collect::<String>()
    )
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UsedBy(users) if users.is_empty() => {
                f.write_str("what none of the largest paths needs")
            }
            Self::UsedBy(users) => {
                let users = users
                    .iter()
                    .map(|user| user.as_path().display().to_string());
                let users: Vec<_> = users.collect();
                let needs = match users.len() {
                    1 => "and what only it needs",
                    _ => "together need it",
                };
                write!(f, "{} {needs}", users.join(" and "))
            }
            Self::Steps(origins) if origins.is_empty() => f.write_str("the whole closure"),
            Self::Steps(origins) => {
                let origins: Vec<_> = origins.iter().map(ToString::to_string).collect();
                f.write_str(&origins.join(", then "))
            }
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Part(name) => write!(f, "part `{name}`"),
            Self::Kept => f.write_str("what `remove_paths` left"),
            Self::Piece { number, of } => write!(f, "piece {number} of {of}"),
            Self::Popularity { number, of } => write!(f, "number {number} of {of} by popularity"),
            Self::Merged { graphs } => write!(f, "{graphs} graphs beyond the limit"),
        }
    }
}
