//! Times as engines read them: RFC 3339, with what Go's `time.Time` takes beside it.

use serde_json::Value;

use super::{ALL, Engine, Objection, Refusal, cut, shown, since};

const KIND: &str = "created";

/// An offset of more than 23 hours is read, but cannot be written again.
const FAR_OFFSET: &[Refusal] = &[since(Engine::Podman, "5.4"), since(Engine::Skopeo, "1.18")];

/// Checks a time of a config. `subject` is what messages call the place that it stands in.
#[must_use]
pub fn check(subject: &str, value: &Value) -> Option<Objection> {
    let found = match value {
        // As good as not there.
        Value::Null => return None,
        Value::String(text) => format!("`{}`", cut(text)),
        other => shown(other),
    };
    let refused_by = match value.as_str().map(offset) {
        Some(Some(hours)) if hours < 24 => return None,
        Some(Some(_)) => FAR_OFFSET,
        _ => ALL,
    };
    Some(Objection {
        kind: KIND,
        text: format!(
            "{subject} is {found}, which is no time of RFC 3339; write it as `2024-01-31T12:00:00Z`"
        ),
        refused_by,
    })
}

/// Whether every engine reads `text`.
#[must_use]
pub fn is_readable(text: &str) -> bool {
    offset(text).is_some_and(|hours| hours < 24)
}

/// The hours between UTC and the zone of the time `text`; none if it is no time.
fn offset(text: &str) -> Option<u32> {
    let (year, rest) = number(text.as_bytes(), 4, 0..=9999)?;
    let (month, rest) = number(skip(rest, b"-")?, 2, 1..=12)?;
    let (_, rest) = number(skip(rest, b"-")?, 2, 1..=days(year, month))?;
    let rest = skip(rest, b"T")?;
    // Of all numbers, Go takes only the hour with one digit too.
    let (_, rest) = number(rest, 2, 0..=23).or_else(|| number(rest, 1, 0..=9))?;
    let (_, rest) = number(skip(rest, b":")?, 2, 0..=59)?;
    // There are no leap seconds.
    let (_, rest) = number(skip(rest, b":")?, 2, 0..=59)?;
    let rest = match skip(rest, b".,") {
        Some(fraction) => {
            let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit());
            let digits = digits.count();
            (digits > 0).then(|| &fraction[digits..])?
        }
        None => rest,
    };
    if rest == b"Z" {
        return Some(0);
    }
    let (hours, rest) = number(skip(rest, b"+-")?, 2, 0..=24)?;
    let (_, rest) = number(skip(rest, b":")?, 2, 0..=60)?;
    rest.is_empty().then_some(hours)
}

/// The number that the first `digits` of `text` are, and what follows.
fn number(
    text: &[u8],
    digits: usize,
    range: std::ops::RangeInclusive<u32>,
) -> Option<(u32, &[u8])> {
    let (number, rest) = text.split_at_checked(digits)?;
    if !number.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let value = number
        .iter()
        .fold(0, |value, digit| value * 10 + u32::from(digit - b'0'));
    range.contains(&value).then_some((value, rest))
}

/// What follows one of `bytes`.
fn skip<'a>(text: &'a [u8], bytes: &[u8]) -> Option<&'a [u8]> {
    let (first, rest) = text.split_first()?;
    bytes.contains(first).then_some(rest)
}

fn days(year: u32, month: u32) -> u32 {
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What engines said of each.
    #[test]
    fn times_are_read_as_go_reads_them() {
        for good in [
            "1970-01-01T00:00:01Z",
            "2024-02-29T23:59:59Z",
            "2024-01-15T10:15:00.123456789+01:00",
            "0000-01-01T00:00:00Z",
            "9999-12-31T23:59:59-23:59",
            "2000-02-29T00:00:00.1Z",
            "2024-01-15T1:20:30Z",
            "2024-01-15T10:20:30,5Z",
            "2024-01-15T10:20:30.123456789012Z",
            "2024-01-15T10:20:30+14:60",
            "2024-01-15T10:20:30-00:00",
        ] {
            assert!(is_readable(good), "{good}");
        }
        for wrong in [
            "",
            " ",
            "20240115",
            "20240115T102030Z",
            "@1700000000",
            "1700000000",
            "2024-01-15",
            "2024-01-15T10Z",
            "2024-01-15T10:15:00",
            "2024-01-15 10:15:00Z",
            "2024-01-15t10:15:00Z",
            "2024-01-15T10:15:00z",
            "2023-02-29T00:00:00Z",
            "1900-02-29T00:00:00Z",
            "2024-04-31T00:00:00Z",
            "2024-13-01T00:00:00Z",
            "2024-00-01T00:00:00Z",
            "2024-01-00T00:00:00Z",
            "2024-01-15T24:00:00Z",
            "2024-01-15T23:59:60Z",
            "2024-01-15T10:15:00.Z",
            "2024-01-15T10:15:00+0100",
            "2024-01-15T10:15:00+02",
            "2024-01-15T10:15:00+25:00",
            "2024-01-15T10:15:00+00:61",
            "10000-01-01T00:00:00Z",
            "2024-01-15T10:15Z",
            "2024-01-15T10:15:00Z ",
            "now",
            "-001-01-01T00:00:00Z",
            "+2024-01-15T10:20:30Z",
            "2024-1-5T1:2:3Z",
            "2024-01-15T10:20:30+02:00:00",
        ] {
            assert!(!is_readable(wrong), "{wrong}");
            assert_eq!(
                check("`it`", &wrong.into()).unwrap().refused_by,
                ALL,
                "{wrong}"
            );
        }
        let far = check("`it`", &"2024-01-15T10:15:00+24:00".into()).unwrap();
        assert_eq!(far.refused_by, FAR_OFFSET);
        assert_eq!(check("`it`", &Value::Null), None);
        assert_eq!(check("`it`", &1.into()).unwrap().refused_by, ALL);
    }
}
