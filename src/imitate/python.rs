//! Text and paths as CPython 3.13 has them: nixpkgs' streamed images are written by a Python
//! script, and in their bytes are Python's order of paths and Python's `repr`.
//!
//! Bytes become text there with `os.fsdecode`, in every locale that Nix builds in: as UTF-8 with
//! the error handler `surrogateescape` (PEP 383).

use std::cmp::Ordering;
use std::fmt::Write;

/// The code points of `os.fsdecode(bytes)`: of text in UTF-8 those of its characters, and for every
/// byte that is part of no character the surrogate U+DC00 + byte.
pub fn decode(bytes: &[u8]) -> impl Iterator<Item = u32> + '_ {
    bytes.utf8_chunks().flat_map(|chunk| {
        let escaped = chunk
            .invalid()
            .iter()
            .map(|byte| SURROGATE | u32::from(*byte));
        chunk.valid().chars().map(u32::from).chain(escaped)
    })
}

const SURROGATE: u32 = 0xdc00;

/// The order of `pathlib.Path` objects, which compare as their lists of components do, so that
/// `a/b` comes before `a-b`. The paths are as `str(Path(path))` has them: without a slash at the
/// end, an empty component or a `.` within.
#[must_use]
pub fn path_order(a: &[u8], b: &[u8]) -> Ordering {
    let same = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    // What is alike in front decides nothing; a slash is where text may be cut.
    let cut = a[..same].iter().rposition(|byte| *byte == b'/');
    let (a, b) = (&a[cut.unwrap_or(0)..], &b[cut.unwrap_or(0)..]);
    decode(a).map(path_rank).cmp(decode(b).map(path_rank))
}

/// A component ends before any that goes on, so a slash counts less than every other character.
fn path_rank(code_point: u32) -> u32 {
    if code_point == u32::from('/') {
        return 0;
    }
    code_point
}

/// `repr(os.fsdecode(text))`: in single quotes, or in double ones when only single ones are within,
/// with every character escaped that Unicode calls a separator or other, except the blank.
///
/// What is printable is the Unicode version of the Rust compiler's to say. Characters that came
/// later than Unicode 15.1, which CPython 3.13 knows, are escaped by Python and perhaps not here.
#[must_use]
pub fn repr_str(text: &[u8]) -> String {
    let quote = if text.contains(&b'\'') && !text.contains(&b'"') {
        '"'
    } else {
        '\''
    };
    let mut repr = String::with_capacity(text.len() + 2);
    repr.push(quote);
    for code_point in decode(text) {
        push_escaped(&mut repr, code_point, quote);
    }
    repr.push(quote);
    repr
}

fn push_escaped(repr: &mut String, code_point: u32, quote: char) {
    match char::from_u32(code_point) {
        Some('\t') => repr.push_str("\\t"),
        Some('\n') => repr.push_str("\\n"),
        Some('\r') => repr.push_str("\\r"),
        Some(character) if character == '\\' || character == quote => {
            repr.extend(['\\', character]);
        }
        Some(character) if is_printable(character) => repr.push(character),
        _ => {
            let _ = match code_point {
                0..=0xff => write!(repr, "\\x{code_point:02x}"),
                0x100..=0xffff => write!(repr, "\\u{code_point:04x}"),
                _ => write!(repr, "\\U{code_point:08x}"),
            };
        }
    }
}

/// Whether `character` is in none of Unicode's categories C* and Z*, or is the blank. `Debug` of a
/// string asks the same, but for quotes, and for combining characters at its start.
fn is_printable(character: char) -> bool {
    if character.is_ascii() {
        return matches!(character, ' '..='~');
    }
    let mut text = [b'a', 0, 0, 0, 0];
    let length = 1 + character.encode_utf8(&mut text[1..]).len();
    let text = std::str::from_utf8(&text[..length]).expect("two characters are text");
    text.escape_debug().count() == 2
}

/// `repr` of a list of strings.
pub fn repr_list<T: AsRef<[u8]>>(items: impl IntoIterator<Item = T>) -> String {
    let items: Vec<String> = items
        .into_iter()
        .map(|item| repr_str(item.as_ref()))
        .collect();
    format!("[{}]", items.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_compare_by_component() {
        assert_eq!(path_order(b"/n/a/b", b"/n/a-b"), Ordering::Less);
        assert_eq!(path_order(b"/n/a", b"/n/a/b"), Ordering::Less);
        assert_eq!(path_order(b"/n/a.b", b"/n/a/b"), Ordering::Greater);
        assert_eq!(path_order(b"/n/a", b"/n/a"), Ordering::Equal);
    }

    #[test]
    fn bytes_that_are_no_text_stand_between_the_planes() {
        assert_eq!(
            path_order(b"\xff", "\u{d7ff}".as_bytes()),
            Ordering::Greater
        );
        assert_eq!(path_order(b"\xff", "\u{e000}".as_bytes()), Ordering::Less);
        assert_eq!(path_order(b"\xff", b"\xfe"), Ordering::Greater);
    }

    #[test]
    fn reprs_are_pythons() {
        assert_eq!(repr_str(b"a'b"), r#""a'b""#);
        assert_eq!(repr_str(b"a'\"b"), r#"'a\'"b'"#);
        assert_eq!(repr_str(b"\xff\\\n\x7f"), r"'\udcff\\\n\x7f'");
        assert_eq!(
            repr_str("é\u{a0}\u{200b}\u{e0001}".as_bytes()),
            r"'é\xa0\u200b\U000e0001'"
        );
        assert_eq!(repr_list(["/a", "/b"]), "['/a', '/b']");
        assert_eq!(repr_list::<&str>([]), "[]");
    }
}
