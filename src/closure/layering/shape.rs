//! What a step of a pipeline works on: one part, several, or several by name.

use std::fmt;

/// What a function works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    Graph,
    List,
    ListOrParts,
    Parts,
}

/// The names in backticks, with commas between them.
pub(super) fn names<T: AsRef<str>>(names: impl Iterator<Item = T>) -> String {
    let quoted: Vec<_> = names.map(|name| format!("`{}`", name.as_ref())).collect();
    quoted.join(", ")
}

/// What kind of data a step was given, for messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    Graph {
        paths: usize,
    },
    List {
        length: usize,
        /// What the first item is; the others are of the same kind.
        of: Option<Box<Shape>>,
    },
    Parts {
        names: Vec<&'static str>,
    },
}

impl Shape {
    /// What to do so that a step gets what it works on.
    pub(super) fn way_to(&self, wanted: Wanted) -> &'static str {
        match (self, wanted) {
            (Self::Graph { .. }, Wanted::Parts) => {
                "put a step before it that makes parts, such as `split_paths`"
            }
            (Self::Graph { .. }, _) => {
                "put a step before it that makes a list, such as `[ \"popularity_contest\" ]` or `[ \"split_every\" 10 ]`"
            }
            (Self::List { .. }, Wanted::Graph) => "use `map` to run it on each graph of the list",
            (Self::Parts { .. }, Wanted::Graph) => "use `over` to run it on one of the parts",
            (Self::Parts { .. }, _) => "put `[ \"flatten\" ]` before it",
            (Self::List { .. }, _) => "put it before the step that makes the list",
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Graph { paths: 1 } => f.write_str("one graph of 1 path"),
            Self::Graph { paths } => write!(f, "one graph of {paths} paths"),
            Self::List { of: None, .. } => f.write_str("an empty list"),
            Self::List {
                length,
                of: Some(of),
            } => {
                let (one, several) = match **of {
                    Self::Graph { .. } => ("graph", "graphs"),
                    Self::List { .. } => ("list", "lists"),
                    Self::Parts { .. } => ("set of parts", "sets of parts"),
                };
                let of = if *length == 1 { one } else { several };
                write!(f, "a list of {length} {of}")
            }
            Self::Parts { names: parts } => write!(f, "the parts {}", names(parts.iter())),
        }
    }
}
