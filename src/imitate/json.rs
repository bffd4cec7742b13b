//! JSON as the programs print it whose bytes we reproduce.

use serde_json::Number;

/// How one of the programs prints what differs between them.
pub(crate) trait Style {
    /// The blanks that one level adds.
    const INDENT: usize;

    /// What stands behind the document.
    const END: &str;

    /// Prints a character of a string that has no short escape.
    fn push_character(out: &mut String, character: char);

    fn push_number(out: &mut String, number: &Number);
}

/// Prints `value` with one member a line, and empty containers closed at once.
pub(crate) fn print<S: Style>(value: &serde_json::Value) -> String {
    let mut out = String::new();
    push_value::<S>(&mut out, value, 0);
    out.push_str(S::END);
    out
}

fn push_value<S: Style>(out: &mut String, value: &serde_json::Value, depth: usize) {
    use serde_json::Value;
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => S::push_number(out, number),
        Value::String(text) => push_string::<S>(out, text),
        Value::Array(items) => {
            let items = items.iter().map(|item| (None, item));
            push_members::<S>(out, ['[', ']'], items, depth);
        }
        Value::Object(members) => {
            let members = members
                .iter()
                .map(|(key, value)| (Some(key.as_str()), value));
            push_members::<S>(out, ['{', '}'], members, depth);
        }
    }
}

fn push_members<'a, S: Style>(
    out: &mut String,
    [open, close]: [char; 2],
    members: impl ExactSizeIterator<Item = (Option<&'a str>, &'a serde_json::Value)>,
    depth: usize,
) {
    out.push(open);
    let is_empty = members.len() == 0;
    for (index, (key, value)) in members.enumerate() {
        if index > 0 {
            out.push(',');
        }
        push_line(out, S::INDENT * (depth + 1));
        if let Some(key) = key {
            push_string::<S>(out, key);
            out.push_str(": ");
        }
        push_value::<S>(out, value, depth + 1);
    }
    if !is_empty {
        push_line(out, S::INDENT * depth);
    }
    out.push(close);
}

fn push_string<S: Style>(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match short_escape(character) {
            Some(escape) => out.push_str(escape),
            None => S::push_character(out, character),
        }
    }
    out.push('"');
}

fn push_line(out: &mut String, blanks: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n(' ', blanks));
}

/// The escape that all the programs write for `character`, if it has a short one.
fn short_escape(character: char) -> Option<&'static str> {
    Some(match character {
        '"' => "\\\"",
        '\\' => "\\\\",
        '\u{8}' => "\\b",
        '\u{c}' => "\\f",
        '\n' => "\\n",
        '\r' => "\\r",
        '\t' => "\\t",
        _ => return None,
    })
}
