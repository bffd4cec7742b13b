//! Shows what checking an image found, as text for people and as JSON for programs; the keys stand
//! in `docs/inspect.md`.

use serde_json::{Value, json};

use super::{Problem, Report};
use crate::progress;

impl Report {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_right(&self) -> bool {
        self.problems.is_empty()
    }

    /// Lines for people; `image` is what they call it.
    #[must_use]
    pub fn text(&self, image: &str) -> String {
        let mut text = if self.is_right() {
            let images = progress::count(self.images as u64, "image");
            let layers = progress::count(self.layers as u64, "layer");
            let files = progress::count(self.files as u64, "file");
            format!("{image} is right: {images}, {layers}, {files}\n")
        } else {
            let problems = progress::count(self.problems.len() as u64, "problem");
            format!("{image} is wrong: {problems}\n")
        };
        let mut last = None;
        for Problem { file, what } in &self.problems {
            if last != Some(file) {
                text += &format!("  {}\n", if file.is_empty() { image } else { file });
            }
            text += &format!("    {}\n", what.message());
            last = Some(file);
        }
        for Problem { file, what } in &self.notes {
            text += &format!("note: {file} {}\n", what.message());
        }
        text
    }

    /// The same for programs.
    #[must_use]
    pub fn json(&self, image: &str) -> Value {
        let list = |problems: &[Problem]| -> Vec<Value> {
            let problems = problems.iter();
            problems
                .map(|Problem { file, what }| {
                    json!({ "kind": what.kind(), "file": file, "message": what.message() })
                })
                .collect()
        };
        json!({
            "path": image,
            "right": self.is_right(),
            "images": self.images,
            "layers": self.layers,
            "files": self.files,
            "problems": list(&self.problems),
            "notes": list(&self.notes),
        })
    }
}
