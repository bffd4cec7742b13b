//! Texts as people read them: numbers with their words, and names that cannot play with the terminal.

use std::fmt::Display;
use std::path::Path;

/// How much of a name a message shows, in bytes. A document may have some of many megabytes.
const MAX_SHOWN: usize = 500;

/// A name as a message shows it, so that it cannot play with the terminal.
pub(crate) fn shown(name: &[u8]) -> String {
    match name.get(..MAX_SHOWN) {
        Some(start) if name.len() > MAX_SHOWN => format!("{}...", start.escape_ascii()),
        _ => name.escape_ascii().to_string(),
    }
}

/// `bytes` for people: `23.4 MB`.
#[must_use]
pub fn size(bytes: u64) -> String {
    indicatif::DecimalBytes(bytes).to_string()
}

/// `count` things with their name, which takes an `s` for several: `1 file`, `2 files`.
#[must_use]
pub fn count<N: Display + PartialEq + From<u8>>(count: N, name: &str) -> String {
    let plural = if count == N::from(1) { "" } else { "s" };
    format!("{count} {name}{plural}")
}

/// `text` as it is, but without anything that could play with the terminal.
#[must_use]
pub fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '"' | '\'' | '\\' => printable.push(character),
            _ => printable.extend(character.escape_debug()),
        }
    }
    printable
}

/// `path` in one line of a message, whatever bytes it has.
#[must_use]
pub fn printable_path(path: &Path) -> String {
    printable(&path.to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thing_is_singular() {
        let counts = [0, 1, 2].map(|number| count(number, "file"));
        assert_eq!(counts, ["0 files", "1 file", "2 files"]);
    }

    #[test]
    fn nothing_plays_with_the_terminal() {
        assert_eq!(
            printable("\u{1b}[2J\n\u{202e}é\"\\"),
            r#"\u{1b}[2J\n\u{202e}é"\"#
        );
    }
}
