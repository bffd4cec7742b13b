//! Shows what checking an image found, as text for people and as JSON for programs; the keys stand
//! in `docs/inspect.md`.

use serde_json::{Value, json};

use super::{Problem, Report, What};
use crate::console::capped::Capped;
use crate::console::text;

impl Report {
    /// The report as JSON or for people, with a newline at its end.
    #[must_use]
    pub fn print(&self, as_json: bool) -> String {
        match as_json {
            true => format!("{:#}\n", self.json()),
            false => self.text(),
        }
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_right(&self) -> bool {
        self.problems.count() == 0
    }

    /// How many problems there are, those included that are only counted.
    #[must_use]
    pub fn problem_count(&self) -> u64 {
        let told = self.problems.told.iter();
        told.map(|problem| problem.what.count()).sum::<u64>() + self.problems.more
    }

    /// Lines for people; `image` is what they call it.
    #[must_use]
    pub fn text(&self) -> String {
        let image = self.name.as_str();
        let mut text = if self.is_right() {
            let images = text::count(self.images as u64, "image");
            let layers = text::count(self.layers as u64, "layer");
            let files = text::count(self.files as u64, "file");
            format!("{image} is right: {images}, {layers}, {files}\n")
        } else {
            let problems = text::count(self.problem_count(), "problem");
            let verdict = match self.is_consistent {
                true => "is consistent, but not for every engine",
                false => "is wrong",
            };
            format!("{image} {verdict}: {problems}\n")
        };
        let mut last = None;
        for Problem { file, what } in &self.problems.told {
            if last != Some(file) {
                text += &format!("  {}\n", if file.is_empty() { image } else { file });
            }
            text += &format!("    {}\n", what.message());
            last = Some(file);
        }
        if self.problems.more > 0 {
            text += &format!("  and {}\n", more(self.problems.more, "problem"));
        }
        for Problem { file, what } in &self.notes.told {
            let colon = if matches!(what, What::Objection(_)) {
                ":"
            } else {
                ""
            };
            text += &format!("note: {file}{colon} {}\n", what.message());
        }
        if self.notes.more > 0 {
            text += &format!("and {}\n", more(self.notes.more, "note"));
        }
        text
    }

    /// The same for programs.
    #[must_use]
    pub fn json(&self) -> Value {
        let image = self.name.as_str();
        let list = |problems: &Capped<Problem>| -> Vec<Value> {
            let problems = problems.told.iter();
            problems
                .map(|Problem { file, what }| {
                    let mut problem =
                        json!({ "kind": what.kind(), "file": file, "message": what.message() });
                    if let Some(refused_by) = what.refused_by() {
                        problem["refusedBy"] = json!(refused_by);
                    }
                    problem
                })
                .collect()
        };
        json!({
            "path": image,
            "right": self.is_right(),
            "consistent": self.is_consistent,
            "refusedBy": self.refused_by,
            "images": self.images,
            "layers": self.layers,
            "files": self.files,
            "problems": list(&self.problems),
            "moreProblems": self.problems.more,
            "notes": list(&self.notes),
            "moreNotes": self.notes.more,
        })
    }
}

/// `1 more problem`, `2 more problems`.
fn more(count: u64, name: &str) -> String {
    text::count(count, &format!("more {name}"))
}
