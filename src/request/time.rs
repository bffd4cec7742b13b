//! Times as users write them and as images hold them.

use std::fmt;
use std::time::SystemTime;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use thiserror::Error;

/// A point in time, to the second. It prints as GNU date does with `--iso-8601=seconds` in UTC:
/// `1970-01-01T00:00:01+00:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time {
    /// Since 1970.
    seconds: i64,
}

/// A time that cannot be read.
#[derive(Debug, Error, PartialEq, Eq)]
#[error(
    "`{argument}` is `{value}`, which is no time; write it as `2024-01-31T12:00:00Z`, `@` and seconds since 1970, or `now`"
)]
pub struct TimeError {
    argument: &'static str,
    value: String,
}

impl Time {
    /// The second that `time` lies in.
    #[must_use]
    pub fn new(time: SystemTime) -> Self {
        let seconds = Timestamp::try_from(time).map_or(0, Timestamp::as_second);
        Self { seconds }
    }

    /// Reads the value of `argument`: an RFC 3339 time, a date, a date with a time (both in UTC), the
    /// same in 14 digits, as flakes have it (`self.lastModifiedDate`), or `@` and seconds since 1970.
    ///
    /// # Errors
    /// When it is none of these.
    pub fn parse(argument: &'static str, value: &str) -> Result<Self, TimeError> {
        let since_epoch = || value.strip_prefix('@')?.parse().ok();
        let in_utc = || {
            let civil: DateTime = match in_digits(value) {
                Some((date, time)) => format!("{date}T{time}").parse().ok()?,
                None => value.parse().ok()?,
            };
            let zoned = civil.to_zoned(TimeZone::UTC).ok()?;
            Some(zoned.timestamp().as_second())
        };
        value
            .parse::<Timestamp>()
            .ok()
            .map(Timestamp::as_second)
            .or_else(since_epoch)
            .or_else(in_utc)
            .filter(|seconds| Timestamp::from_second(*seconds).is_ok())
            .map(|seconds| Self { seconds })
            .ok_or_else(|| TimeError {
                argument,
                value: value.to_owned(),
            })
    }

    /// Seconds since 1970, as a tar holds them; 0 for what was before.
    #[must_use]
    pub fn seconds(self) -> u64 {
        u64::try_from(self.seconds).unwrap_or(0)
    }
}

/// The date and the time of day in 14 digits.
fn in_digits(value: &str) -> Option<(&str, &str)> {
    let is_it = value.len() == 14 && value.bytes().all(|byte| byte.is_ascii_digit());
    is_it.then(|| value.split_at(8))
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let timestamp = Timestamp::from_second(self.seconds).unwrap_or(Timestamp::UNIX_EPOCH);
        write!(f, "{}", timestamp.strftime("%Y-%m-%dT%H:%M:%S+00:00"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: &str, expected: &str) {
        assert_eq!(Time::parse("created", value).unwrap().to_string(), expected);
    }

    #[test]
    fn times_are_read_as_users_write_them() {
        check("1970-01-01T00:00:01Z", "1970-01-01T00:00:01+00:00");
        check("2024-01-02T03:04:05+02:00", "2024-01-02T01:04:05+00:00");
        check("2024-01-02", "2024-01-02T00:00:00+00:00");
        check("2024-01-02 03:04:05", "2024-01-02T03:04:05+00:00");
        check("@315532800", "1980-01-01T00:00:00+00:00");
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for value in ["yesterday", "", "@", "@99999999999999999"] {
            let error = Time::parse("mtime", value).unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("`mtime` is `{value}`")),
                "{error}"
            );
        }
    }
}
