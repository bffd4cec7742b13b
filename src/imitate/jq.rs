//! Prints JSON as jq 1.7 does: two blanks a level, keys in their order, numbers as they were
//! written (in the canonical form of the decNumber library), a newline at the end.

use std::fmt::Write;

use serde_json::{Number, Value};

use super::json::Style;

/// `value` as jq prints it.
#[must_use]
pub fn print(value: &Value) -> String {
    super::json::print::<Jq>(value)
}

struct Jq;

impl Style for Jq {
    const INDENT: usize = 2;
    const END: &str = "\n";

    fn push_character(out: &mut String, character: char) {
        if matches!(character, '\0'..='\u{1f}' | '\u{7f}') {
            let _ = write!(out, "\\u{:04x}", u32::from(character));
        } else {
            out.push(character);
        }
    }

    fn push_number(out: &mut String, number: &Number) {
        out.push_str(&canonical(number.as_str()));
    }
}

/// The decimal number `literal` as the General Decimal Arithmetic specification's
/// "to-scientific-string" has it: digits and exponent stay, only the notation changes.
fn canonical(literal: &str) -> String {
    let (mantissa, exponent) = literal.split_once(['e', 'E']).unwrap_or((literal, "0"));
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", mantissa),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let Ok(exponent) = exponent.parse::<i64>() else {
        // More digits of exponent than any number needs; such a literal stays as it is.
        return literal.to_owned();
    };
    let exponent = exponent - fraction.len() as i64;
    let digits = format!("{whole}{fraction}");
    let digits = match digits.trim_start_matches('0') {
        "" => "0",
        digits => digits,
    };

    let count = digits.len() as i64;
    let adjusted = exponent + count - 1;
    if exponent <= 0 && adjusted >= -6 {
        let point = count + exponent;
        return if exponent == 0 {
            format!("{sign}{digits}")
        } else if point > 0 {
            let (whole, fraction) = digits.split_at(point as usize);
            format!("{sign}{whole}.{fraction}")
        } else {
            format!("{sign}0.{}{digits}", "0".repeat(-point as usize))
        };
    }
    let (first, rest) = digits.split_at(1);
    let point = if rest.is_empty() { "" } else { "." };
    format!("{sign}{first}{point}{rest}E{adjusted:+}")
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
    fn members_stand_on_lines_of_their_own() {
        check(
            r#"{"b":[1,{}],"a":{"x":[]}}"#,
            "{\n  \"b\": [\n    1,\n    {}\n  ],\n  \"a\": {\n    \"x\": []\n  }\n}\n",
        );
    }

    #[test]
    fn control_characters_are_escaped_in_lower_case() {
        check(
            r#""\u001f\u007f\b\f\n\r\t\"\\/é""#,
            "\"\\u001f\\u007f\\b\\f\\n\\r\\t\\\"\\\\/é\"\n",
        );
    }

    #[test]
    fn numbers_keep_their_digits() {
        check("9007199254740993", "9007199254740993\n");
        check("10000000000.0", "10000000000.0\n");
        check("1e-07", "1E-7\n");
        check("1.50", "1.50\n");
        check("-0.000001", "-0.000001\n");
        check("12.5e10", "1.25E+11\n");
        check("1e3", "1E+3\n");
    }
}
