//! Numbers and times as words on a page.

use std::fmt;

use askama::filters::HtmlSafe;
use jiff::Timestamp;
use model::Nanos;
use model::time::{DAY, HOUR, MICROSECOND, MILLISECOND, MINUTE, SECOND};

/// A length of time with three significant digits and its unit: `48.2 ms`, `1 m 14 s`, `2 d 3 h`.
pub(crate) fn duration(nanos: Nanos) -> String {
    let (sign, size) = if nanos < 0 { ("−", nanos.saturating_neg()) } else { ("", nanos) };
    let words = if size < MICROSECOND {
        format!("{size} ns")
    } else if size < MILLISECOND {
        format!("{} µs", digits(size as f64 / MICROSECOND as f64))
    } else if size < SECOND {
        format!("{} ms", digits(size as f64 / MILLISECOND as f64))
    } else if size < MINUTE {
        format!("{} s", digits(size as f64 / SECOND as f64))
    } else if size < HOUR {
        two_units(size, MINUTE, "m", SECOND, "s")
    } else if size < DAY {
        two_units(size, HOUR, "h", MINUTE, "m")
    } else {
        two_units(size, DAY, "d", HOUR, "h")
    };
    format!("{sign}{words}")
}

fn two_units(size: Nanos, large: Nanos, large_name: &str, small: Nanos, small_name: &str) -> String {
    let (whole, rest) = (size / large, size % large / small);
    if rest == 0 { format!("{whole} {large_name}") } else { format!("{whole} {large_name} {rest} {small_name}") }
}

/// Three significant digits, without zeros at the end.
fn digits(value: f64) -> String {
    let places = if value.abs() >= 99.95 {
        0
    } else if value.abs() >= 9.995 {
        1
    } else {
        2
    };
    let text = format!("{value:.places$}");
    if places == 0 { text } else { text.trim_end_matches('0').trim_end_matches('.').to_owned() }
}

/// A whole number with its thousands apart: `48,211`.
pub(crate) fn count(value: u64) -> String {
    let plain = value.to_string();
    let mut out = String::with_capacity(plain.len() + plain.len() / 3);
    for (i, digit) in plain.chars().enumerate() {
        if i > 0 && (plain.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A number of any size in few characters: `0.0012`, `3.4`, `812`, `41.3k`, `2.1M`.
pub(crate) fn number(value: f64) -> String {
    if value.is_nan() {
        return "–".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "∞" } else { "−∞" }.to_owned();
    }
    let size = value.abs();
    if size == 0.0 {
        "0".to_owned()
    } else if size < 0.01 {
        format!("{value:.1e}")
    } else if size < 999.5 {
        digits(value)
    } else if size < 999_500.0 {
        format!("{}k", digits(value / 1e3))
    } else if size < 999_500_000.0 {
        format!("{}M", digits(value / 1e6))
    } else if size < 999_500_000_000.0 {
        format!("{}G", digits(value / 1e9))
    } else if size < 1e15 {
        format!("{}T", digits(value / 1e12))
    } else {
        format!("{value:.2e}")
    }
}

/// A share of one as percent: `0 %`, `0.04 %`, `3.1 %`, `100 %`. Never rounds a share below one up to 100 %.
pub(crate) fn percent(share: f64) -> String {
    if !share.is_finite() {
        return "–".to_owned();
    }
    let value = share * 100.0;
    if value > 99.0 && value < 100.0 {
        let places = if value >= 99.99 { 4 } else { 2 };
        let scale = 10f64.powi(places);
        let floor = (value * scale).floor() / scale;
        return format!("{floor} %");
    }
    if value != 0.0 && value.abs() < 0.01 {
        return if value > 0.0 { "<0.01 %".to_owned() } else { "−<0.01 %".to_owned() };
    }
    format!("{} %", digits(value))
}

/// So many per second, or per minute or hour when they are few: `41.2/s`, `2.1/min`, `0.5/h`.
pub(crate) fn rate(per_second: f64) -> String {
    let (scale, unit) = if per_second >= 0.1 || per_second == 0.0 {
        (1.0, "s")
    } else if per_second * 60.0 >= 0.1 {
        (60.0, "min")
    } else {
        (3600.0, "h")
    };
    format!("{}/{unit}", number(per_second * scale))
}

/// A number of bytes: `512 B`, `1.4 MiB`.
pub(crate) fn bytes(value: u64) -> String {
    bytes_of(value as f64)
}

/// As a metric may have it: below 0, in fractions, or more than any machine has.
fn bytes_of(value: f64) -> String {
    const UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let mut size = value;
    let mut unit = 0;
    while size.abs() >= 1023.5 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    let words = if size.abs() < 0.01 || size.abs() >= 1e4 { number(size) } else { digits(size) };
    format!("{words} {}", UNITS[unit])
}

/// A number with its unit, as UCUM writes units and `web/src/units.ts` shows them.
pub(crate) fn with_unit(value: f64, unit: &str) -> String {
    let nanos = |scale: f64| match value * scale {
        size if size != 0.0 && size.abs() < 1.0 => format!("{} ns", number(size)),
        // Beyond what 64 bits hold of nanoseconds, hours say nothing.
        size if size.abs() > 9e18 => format!("{} d", number(value / (DAY as f64 / scale))),
        size => duration(size.round() as Nanos),
    };
    if !value.is_finite() {
        return number(value);
    }
    match unit {
        "" | "1" => number(value),
        "s" => nanos(1e9),
        "ms" => nanos(1e6),
        "us" => nanos(1e3),
        "ns" => nanos(1.0),
        "By" => bytes_of(value),
        "By/s" => format!("{}/s", bytes_of(value)),
        _ if unit.starts_with('/') => format!("{}{}", number(value), clip(unit, 20)),
        _ => format!("{} {}", number(value), clip(unit.trim_start_matches('{'), 20).replacen('}', "", 1)),
    }
}

/// How long ago `then` was at `now`: `12 s ago`, `just now`; `in 3 m` for the future.
pub(crate) fn ago(then: Nanos, now: Nanos) -> String {
    let age = now.saturating_sub(then);
    if age.abs() < SECOND {
        "just now".to_owned()
    } else if age >= 0 {
        format!("{} ago", coarse(age))
    } else {
        format!("in {}", coarse(age.saturating_neg()))
    }
}

/// A length of time in one whole unit.
pub(crate) fn coarse(age: Nanos) -> String {
    let (unit, name) = if age < 2 * MINUTE {
        (SECOND, "s")
    } else if age < 2 * HOUR {
        (MINUTE, "m")
    } else if age < 2 * DAY {
        (HOUR, "h")
    } else {
        (DAY, "d")
    };
    format!("{} {name}", age / unit)
}

/// At most `limit` characters of `text`, with an ellipsis when some are left out.
pub(crate) fn clip(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// RFC 3339 in UTC with all nine digits; the number itself when it is outside the calendar.
pub(crate) fn rfc3339(time: Nanos) -> String {
    match Timestamp::from_nanosecond(time.into()) {
        Ok(stamp) => format!("{stamp:.9}"),
        Err(_) => time.to_string(),
    }
}

/// How much of a time is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Detail {
    /// `16:04:05`
    Clock,
    /// `16:04:05.123`
    Millis,
    /// `2026-11-22 16:04:05`
    Full,
}

/// A moment as a `<time>` element in UTC, which the shell script rewrites to the reader's zone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stamp(pub(crate) Nanos, pub(crate) Detail);

impl Stamp {
    pub(crate) fn clock(time: Nanos) -> Self {
        Stamp(time, Detail::Clock)
    }

    pub(crate) fn millis(time: Nanos) -> Self {
        Stamp(time, Detail::Millis)
    }

    pub(crate) fn full(time: Nanos) -> Self {
        Stamp(time, Detail::Full)
    }
}

impl HtmlSafe for Stamp {}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ok(stamp) = Timestamp::from_nanosecond(self.0.into()) else { return write!(f, "{}", self.0) };
        let (name, pattern) = match self.1 {
            Detail::Clock => ("clock", "%H:%M:%S"),
            Detail::Millis => ("millis", "%H:%M:%S%.3f"),
            Detail::Full => ("full", "%Y-%m-%d %H:%M:%S"),
        };
        let shown = stamp.strftime(pattern);
        write!(f, "<time datetime=\"{stamp:.9}\" data-shown=\"{name}\">{shown}</time>")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_three_digits_and_a_unit() {
        let table = [
            (0, "0 ns"),
            (999, "999 ns"),
            (1_000, "1 µs"),
            (48_210_000, "48.2 ms"),
            (999_960_000, "1000 ms"),
            (1_240_000_000, "1.24 s"),
            (74 * SECOND, "1 m 14 s"),
            (HOUR, "1 h"),
            (51 * HOUR, "2 d 3 h"),
            (-1_500_000, "−1.5 ms"),
        ];
        for (nanos, expected) in table {
            assert_eq!(duration(nanos), expected);
        }
        assert!(duration(Nanos::MIN).starts_with('−'));
    }

    #[test]
    fn numbers_stay_short() {
        let table = [
            (0.0, "0"),
            (0.0012, "1.2e-3"),
            (3.4, "3.4"),
            (812.0, "812"),
            (41_300.0, "41.3k"),
            (2.1e6, "2.1M"),
            (7.4e12, "7.4T"),
            (9.2e18, "9.20e18"),
            (f64::NAN, "–"),
        ];
        for (value, expected) in table {
            assert_eq!(number(value), expected);
        }
        assert_eq!((count(0), count(999), count(1_048_211)), ("0".into(), "999".into(), "1,048,211".into()));
        assert_eq!((bytes(512), bytes(1_468_006)), ("512 B".into(), "1.4 MiB".into()));
    }

    #[test]
    fn few_requests_are_counted_by_the_minute_or_hour() {
        for (value, expected) in [(0.0, "0/s"), (41.23, "41.2/s"), (0.035, "2.1/min"), (0.00014, "0.5/h")] {
            assert_eq!(rate(value), expected);
        }
    }

    #[test]
    fn units_are_those_of_the_charts() {
        let table = [
            (0.0482, "s", "48.2 ms"),
            (3.0, "{booking}/s", "3 booking/s"),
            (2048.0, "By", "2 KiB"),
            (5.0, "/s", "5/s"),
            (5.0, "1", "5"),
            (f64::INFINITY, "s", "∞"),
            (1e-12, "s", "1.0e-3 ns"),
            (5e-324, "ns", "4.9e-324 ns"),
            (1e19, "s", "116T d"),
            (1e308, "s", "1.16e303 d"),
            (-3072.0, "By", "-3 KiB"),
            (1.844_674_407_370_955_2e19, "By", "16 EiB"),
            (1e300, "By/s", "8.67e281 EiB/s"),
            (1e-9, "By", "1.0e-9 B"),
        ];
        for (value, unit, expected) in table {
            assert_eq!(with_unit(value, unit), expected);
        }
    }

    #[test]
    fn a_share_below_one_is_never_shown_as_all() {
        let table = [
            (0.0, "0 %"),
            (0.00001, "<0.01 %"),
            (0.031, "3.1 %"),
            (0.99999, "99.999 %"),
            (0.9951, "99.51 %"),
            (1.0, "100 %"),
            (-0.5, "-50 %"),
        ];
        for (share, expected) in table {
            assert_eq!(percent(share), expected);
        }
    }

    #[test]
    fn a_stamp_is_utc_and_machine_readable() {
        assert_eq!(
            Stamp::millis(1_795_363_445_123_456_789).to_string(),
            "<time datetime=\"2026-11-22T16:04:05.123456789Z\" data-shown=\"millis\">16:04:05.123</time>"
        );
        assert!(!Stamp::full(Nanos::MIN).to_string().is_empty());
    }

    #[test]
    fn clips_at_characters() {
        assert_eq!(clip("해치해치", 2), "해치…");
        assert_eq!(clip("abc", 3), "abc");
    }
}
