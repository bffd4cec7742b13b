//! Collects warnings: what is built as it was asked for, though an engine refuses it, or a file of the
//! user is not in the image. Those of one kind are counted, and the first of them are shown in full.

use crate::console::capped::Capped;
use crate::console::progress::Progress;

/// How many warnings of one kind are shown in full.
const MAX_SHOWN: usize = 10;

/// Warnings by kind, each kind in the order of its first warning.
#[derive(Debug, Default)]
pub struct Warnings {
    kinds: Vec<(&'static str, Capped<String, MAX_SHOWN>)>,
}

impl Warnings {
    /// Adds one warning. `kind` says in the plural what such warnings are about, and `text` which path or
    /// value it is, who refuses it, and the way out, all on one line.
    pub fn add(&mut self, kind: &'static str, text: impl FnOnce() -> String) {
        let index = self.kinds.iter().position(|(known, _)| *known == kind);
        let index = index.unwrap_or_else(|| {
            self.kinds.push((kind, Capped::default()));
            self.kinds.len() - 1
        });
        self.kinds[index].1.add_with(text);
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.kinds.is_empty()
    }

    /// The lines that people see, kind by kind: `warning: TEXT`, and for each kind of which there are
    /// more than ten `warning: and 5 more KIND`.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (kind, warnings) in &self.kinds {
            lines.extend(warnings.told.iter().map(|text| format!("warning: {text}")));
            if warnings.more > 0 {
                lines.push(format!("warning: and {} more {kind}", warnings.more));
            }
        }
        lines
    }

    /// Prints [`Self::lines`].
    pub fn tell(&self, progress: Progress) {
        for line in self.lines() {
            progress.line(&line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_ten_of_a_kind_are_shown_and_the_rest_is_counted() {
        let mut warnings = Warnings::default();
        assert!(warnings.is_empty());
        for number in 1..=12 {
            warnings.add("hidden files", || format!("file {number} is hidden"));
            warnings.add(
                if number == 1 {
                    "odd tags"
                } else {
                    "hidden files"
                },
                || format!("{number} again"),
            );
        }
        let lines = warnings.lines();
        assert_eq!(lines[0], "warning: file 1 is hidden");
        assert_eq!(lines[1], "warning: file 2 is hidden");
        assert_eq!(lines[2], "warning: 2 again");
        assert_eq!(lines[10], "warning: and 13 more hidden files");
        assert_eq!(lines[11], "warning: 1 again");
        assert_eq!(lines.len(), 12);
    }
}
