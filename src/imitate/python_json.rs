//! Prints JSON as `json.dumps(value, indent=4)` of CPython 3.13 does after `json.loads`: four
//! blanks a level, keys in their order, ASCII only, and no newline at the end.

use std::fmt::Write;

use serde_json::{Number, Value};

use super::json::Style;

/// `value` as Python prints it.
#[must_use]
pub fn print(value: &Value) -> String {
    super::json::print::<Python>(value)
}

struct Python;

impl Style for Python {
    const INDENT: usize = 4;
    const END: &str = "";

    fn push_character(out: &mut String, character: char) {
        if matches!(character, ' '..='~') {
            out.push(character);
            return;
        }
        // Those of higher planes are two units.
        for unit in character.encode_utf16(&mut [0; 2]) {
            let _ = write!(out, "\\u{unit:04x}");
        }
    }

    fn push_number(out: &mut String, number: &Number) {
        let literal = number.as_str();
        match literal.parse() {
            // A number with a point or an exponent is a `float`, and any other a whole `int`.
            Ok(real) if literal.contains(['.', 'e', 'E']) => out.push_str(&repr(real)),
            _ if literal == "-0" => out.push('0'),
            _ => out.push_str(literal),
        }
    }
}

/// `repr` of a `float`: the fewest digits that tell it from its neighbours, with an exponent where
/// the point would be more than 3 zeros before or 16 digits behind the first of them.
fn repr(real: f64) -> String {
    if real.is_infinite() {
        let sign = if real < 0.0 { "-" } else { "" };
        return format!("{sign}Infinity");
    }
    let shortest = format!("{real:e}");
    let (digits, exponent) = split_exponent(&shortest);
    if (-4..16).contains(&exponent) {
        let shortest = format!("{real:?}");
        let closest = format!("{real:.*}", decimals(&shortest));
        return of_same_length(real, closest, shortest);
    }
    let closest = format!("{real:.*e}", decimals(digits));
    let number = of_same_length(real, closest, shortest);
    let (digits, exponent) = split_exponent(&number);
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

fn split_exponent(scientific: &str) -> (&str, i32) {
    let (digits, exponent) = scientific
        .split_once('e')
        .expect("`{:e}` prints an exponent");
    (digits, exponent.parse().expect("an exponent is a number"))
}

fn decimals(number: &str) -> usize {
    number
        .split_once('.')
        .map_or(0, |(_, decimals)| decimals.len())
}

/// Half way between two numbers of the fewest digits, Rust's shortest goes up, and Python's to the
/// even one, as `closest` does. Beside a power of two, that may be nearer to another `f64`.
fn of_same_length(real: f64, closest: String, shortest: String) -> String {
    if closest.parse() == Ok(real) {
        closest
    } else {
        shortest
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
    fn members_stand_on_lines_of_their_own() {
        check(
            r#"{"b":[1,{}],"a":{"x":[]}}"#,
            "{\n    \"b\": [\n        1,\n        {}\n    ],\n    \"a\": {\n        \"x\": []\n    }\n}",
        );
    }

    #[test]
    fn what_is_not_printable_ascii_is_escaped() {
        check(
            r#""\u001f\u007f\b\f\n\r\t\"\\/é\ud83d\ude00""#,
            r#""\u001f\u007f\b\f\n\r\t\"\\/\u00e9\ud83d\ude00""#,
        );
    }

    #[test]
    fn whole_numbers_keep_their_digits() {
        check(
            "123456789012345678901234567890",
            "123456789012345678901234567890",
        );
        check("-0", "0");
    }

    #[test]
    fn reals_are_shortened() {
        check("1.50", "1.5");
        check("1e-7", "1e-07");
        check("0.0001", "0.0001");
        check("1E-5", "1e-05");
        check("1e15", "1000000000000000.0");
        check("1e16", "1e+16");
        check("123456789012345678.5", "1.2345678901234568e+17");
        check("1e10", "10000000000.0");
        check("-0.0", "-0.0");
        check("1e400", "Infinity");
    }

    #[test]
    fn ties_go_to_the_even_digit() {
        check("964859239196471.25", "964859239196471.2");
        check("-870529177544370.25", "-870529177544370.2");
    }
}
