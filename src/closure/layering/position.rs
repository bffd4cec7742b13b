//! Names a step of a pipeline for messages.

use std::fmt;

/// Where a step stands: the steps around it, outermost first, and itself. None is the pipeline.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Part {
    /// In a list of steps, from 1 on. `over` and `map` take a step that is in no list.
    number: Option<usize>,
    /// Unknown for what is not a step.
    name: Option<String>,
}

impl Place {
    /// How many steps are around it, itself included.
    pub(super) fn depth(&self) -> usize {
        self.0.len()
    }

    /// The step of the pipeline's own list.
    pub(super) fn outermost(mut self) -> Self {
        self.0.truncate(1);
        self
    }

    pub(super) fn inside(&self, number: Option<usize>) -> Self {
        let mut place = self.clone();
        place.0.push(Part { number, name: None });
        place
    }

    pub(super) fn named(mut self, name: &str) -> Self {
        if let Some(part) = self.0.last_mut() {
            part.name = Some(name.to_owned());
        }
        self
    }
}

impl fmt::Display for Place {
    /// `step 2 of the layering pipeline, over > pipe > step 1 limit_layers,` with backticks.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((first, inner)) = self.0.split_first() else {
            return f.write_str("the layering pipeline");
        };
        match first.number {
            Some(number) => write!(f, "step {number} of the layering pipeline")?,
            None => f.write_str("a step of the layering pipeline")?,
        }
        let mut named = first.name.is_some();
        if let Some(name) = &first.name {
            write!(f, ", `{name}`")?;
        }
        for part in inner {
            f.write_str(if named { " > " } else { ", " })?;
            named = true;
            match (part.number, &part.name) {
                (Some(number), Some(name)) => write!(f, "step {number} `{name}`")?,
                (Some(number), None) => write!(f, "step {number}")?,
                (None, Some(name)) => write!(f, "`{name}`")?,
                (None, None) => f.write_str("its step")?,
            }
        }
        f.write_str(if named { "," } else { "" })
    }
}
