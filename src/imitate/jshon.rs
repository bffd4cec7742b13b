//! Prints JSON as jshon does through the jansson library: one blank a level, keys in their order,
//! `/` escaped, a newline at the end.

use std::fmt::Write;

use serde_json::{Number, Value};

use super::json::Style;

/// `value` as jshon prints it.
#[must_use]
pub fn print(value: &Value) -> String {
    super::json::print::<Jshon>(value)
}

struct Jshon;

impl Style for Jshon {
    const INDENT: usize = 1;
    const END: &str = "\n";

    fn push_character(out: &mut String, character: char) {
        match character {
            '/' => out.push_str("\\/"),
            '\0'..='\u{1f}' => {
                let _ = write!(out, "\\u{:04X}", u32::from(character));
            }
            _ => out.push(character),
        }
    }

    fn push_number(out: &mut String, number: &Number) {
        let literal = number.as_str();
        match number.as_f64() {
            // jansson reads a number with a point or an exponent as a C double.
            Some(real) if literal.contains(['.', 'e', 'E']) => out.push_str(&print_real(real)),
            // And one without as an integer, which has no zero below zero.
            _ if literal == "-0" => out.push('0'),
            _ => out.push_str(literal),
        }
    }
}

/// `real` as C's `%.17g` prints it, with jansson's amends: always a point or an exponent, and no
/// `+` and no leading zeros in the exponent.
fn print_real(real: f64) -> String {
    const PRECISION: i32 = 17;
    let scientific = format!("{real:.*e}", PRECISION as usize - 1);
    let (mantissa, exponent) = scientific
        .split_once('e')
        .expect("`{:e}` prints an exponent");
    let exponent: i32 = exponent.parse().expect("`{:e}` prints a decimal exponent");
    if !(-4..PRECISION).contains(&exponent) {
        return format!("{}e{exponent}", without_trailing_zeros(mantissa));
    }
    let decimals = (PRECISION - 1 - exponent) as usize;
    let plain = format!("{real:.decimals$}");
    let plain = without_trailing_zeros(&plain);
    if plain.contains('.') {
        plain.to_owned()
    } else {
        format!("{plain}.0")
    }
}

fn without_trailing_zeros(number: &str) -> &str {
    if number.contains('.') {
        number.trim_end_matches('0').trim_end_matches('.')
    } else {
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(input: &str, expected: &str) {
        let value: Value = serde_json::from_str(input).unwrap();
        assert_eq!(print(&value), expected);
    }

    #[test]
    fn slashes_are_escaped_and_members_stand_on_lines_of_their_own() {
        check(
            r#"{"b":["/bin/sh",{}],"a":[]}"#,
            "{\n \"b\": [\n  \"\\/bin\\/sh\",\n  {}\n ],\n \"a\": []\n}\n",
        );
    }

    #[test]
    fn control_characters_are_escaped_in_upper_case() {
        check("\"\\u001f\u{7f}é\"", "\"\\u001F\u{7f}é\"\n");
    }

    #[test]
    fn numbers_are_c_doubles_unless_they_are_integers() {
        check("9007199254740993", "9007199254740993\n");
        check("1.5", "1.5\n");
        check("0.1", "0.10000000000000001\n");
        check("10000000000.0", "10000000000.0\n");
        check("1e-07", "9.9999999999999995e-8\n");
        check("1e100", "1e100\n");
        check("0.0", "0.0\n");
    }
}
