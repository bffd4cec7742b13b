//! How many layers an image may have.

use super::{Engine, Objection, Refusal, always};

const KIND: &str = "layerCount";

/// The limits of engines, the lowest first.
const LIMITS: &[(usize, &[Refusal])] = &[(125, &[always(Engine::Docker)])];

/// Checks the number of layers. `way_out` says what to do about it.
#[must_use]
pub fn check(count: usize, way_out: &str) -> Option<Objection> {
    let (max, refused_by) = LIMITS.iter().rev().find(|(max, _)| count > *max)?;
    Some(Objection {
        kind: KIND,
        text: format!(
            "the image has {count} layers, and {max} is the most that every engine takes; {way_out}"
        ),
        refused_by,
    })
}
