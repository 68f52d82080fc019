//! Times and durations in parameters and answers.

use jiff::Timestamp;
use model::time::{HOUR, MILLISECOND, SECOND};
use model::{Nanos, TimeRange};

use super::error::ApiError;
use super::params::Params;

/// What a time may look like, for errors.
const FORMS: &str = "RFC 3339 or seconds since the epoch are expected";

/// The time in a parameter: RFC 3339, or seconds since the epoch with or without a fraction.
pub(super) fn parse(name: &str, text: &str) -> Result<Nanos, ApiError> {
    read(text).ok_or_else(|| ApiError::bad_parameter(name, format!("{FORMS}, not `{}`", shown(text))))
}

/// As [`parse`], and whole numbers too large for seconds are milli-, micro- or nanoseconds, as other tools send them:
/// a 12th digit of seconds comes in the year 5138, so that there is no doubt about which is meant.
pub(super) fn parse_any_unit(name: &str, text: &str) -> Result<Nanos, ApiError> {
    if text.bytes().all(|byte| byte.is_ascii_digit())
        && let Ok(number) = text.parse::<i64>()
    {
        let unit = match text.len() {
            ..=11 => SECOND,
            12..=14 => MILLISECOND,
            15..=17 => 1_000,
            _ => 1,
        };
        return Ok(number.saturating_mul(unit));
    }
    parse(name, text)
}

/// The range from `start` to `end`: to now when `end` is missing, of the hour before it when `start` is.
pub(super) fn range(params: &Params, now: Nanos) -> Result<TimeRange, ApiError> {
    let time = |name| params.get(name).map(|text| parse_any_unit(name, text)).transpose();
    // Ranges are half open; what has just been stored belongs to "until now".
    let end = time("end")?.unwrap_or(now.saturating_add(1));
    let start = time("start")?.unwrap_or(end.saturating_sub(HOUR));
    if start > end {
        return Err(ApiError::bad_parameter("end", "it is before start"));
    }
    Ok(TimeRange::new(start, end))
}

/// As [`parse`]; the error says what is allowed.
pub(crate) fn from_argument(text: &str) -> Result<Nanos, String> {
    read(text).ok_or_else(|| FORMS.to_owned())
}

fn read(text: &str) -> Option<Nanos> {
    rfc3339(text).or_else(|| seconds(text))
}

fn rfc3339(text: &str) -> Option<Nanos> {
    let time: Timestamp = text.parse().ok()?;
    i64::try_from(time.as_nanosecond()).ok()
}

/// Seconds in decimals. Whole seconds and fraction are read apart: a double cannot hold nanoseconds of this century.
fn seconds(text: &str) -> Option<Nanos> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    if plain(whole) && plain(fraction) && !whole.is_empty() {
        let nanos = format!("{fraction:0<9}");
        let whole: i64 = whole.parse().ok()?;
        let nanos: i64 = nanos.get(..9)?.parse().ok()?;
        return whole.checked_mul(SECOND)?.checked_add(nanos)?.checked_mul(sign);
    }
    // Exponents, as `1.7e9`.
    let number: f64 = text.parse().ok()?;
    let nanos = number * SECOND as f64;
    (nanos.is_finite() && nanos.abs() < i64::MAX as f64).then_some(nanos as i64)
}

/// A duration in a parameter of Prometheus' API: `15s`, `1h30m`, or seconds in decimals. Always above zero.
pub(super) fn duration(name: &str, text: &str) -> Result<Nanos, ApiError> {
    let length = seconds(text).or_else(|| query::lang::parse_duration(text));
    length.filter(|length| *length > 0).ok_or_else(|| {
        let reason = format!("seconds or a duration such as 15s above zero are expected, not `{}`", shown(text));
        ApiError::bad_parameter(name, reason)
    })
}

/// Input as it may be repeated in an error: not endless.
fn shown(text: &str) -> String {
    text.chars().take(50).collect()
}

/// RFC 3339 in UTC, with as many digits after the second as it needs.
pub(crate) fn format(time: Nanos) -> String {
    Timestamp::from_nanosecond(time.into()).map_or_else(|_| time.to_string(), |time| time.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_form() {
        let expected = 1_795_354_440_123_456_789;
        let cases = [
            ("2026-11-22T13:34:00.123456789Z", expected),
            ("2026-11-22T22:34:00.123456789+09:00", expected),
            ("1795354440.123456789", expected),
            ("1795354440.1234567891", expected),
            ("1795354440", 1_795_354_440_000_000_000),
            ("1.79535444e9", 1_795_354_440_000_000_000),
            ("-1.5", -1_500_000_000),
            ("4", 4_000_000_000),
        ];
        for (text, time) in cases {
            assert_eq!(parse("time", text), Ok(time), "{text}");
            assert_eq!(parse_any_unit("time", text), Ok(time), "{text}");
        }
        let units = [("1795354440123", MILLISECOND), ("1795354440123456", 1_000), ("1795354440123456789", 1)];
        for (text, unit) in units {
            assert_eq!(parse_any_unit("start", text), Ok(expected / unit * unit), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_time() {
        for text in ["", "x", "NaN", "inf", "1e300", "99999999999999999999", "2026-13-01T00:00:00Z", "1.2.3"] {
            assert!(parse("time", text).is_err(), "{text}");
            assert!(parse_any_unit("time", text).is_err() || text.is_empty(), "{text}");
        }
    }

    #[test]
    fn durations_are_above_zero() {
        let cases = [
            ("15", Some(15 * SECOND)),
            ("0.5", Some(SECOND / 2)),
            ("1h30m", Some(90 * 60 * SECOND)),
            ("0", None),
            ("-5", None),
            ("x", None),
        ];
        for (text, expected) in cases {
            assert_eq!(duration("step", text).ok(), expected, "{text}");
        }
    }

    #[test]
    fn writes_what_it_reads() {
        assert_eq!(format(1_795_354_440_123_456_789), "2026-11-22T13:34:00.123456789Z");
        assert_eq!(format(0), "1970-01-01T00:00:00Z");
    }
}
