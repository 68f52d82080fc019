//! The time range of a page, from `from` and `to` in its address: the one parser of times that people type.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use model::time::{DAY, HOUR, MINUTE, SECOND};
use model::{Nanos, TimeRange};

use crate::page_url::PageUrl;

/// What a page shows when its address says nothing.
pub(crate) const DEFAULT_FROM: &str = "now-15m";
const DEFAULT_LENGTH: Nanos = 15 * MINUTE;
const NOW: &str = "now";

/// The ranges offered in the picker: `from` and its words.
pub(crate) const PRESETS: [(&str, &str); 9] = [
    ("now-5m", "Last 5 minutes"),
    ("now-15m", "Last 15 minutes"),
    ("now-30m", "Last 30 minutes"),
    ("now-1h", "Last hour"),
    ("now-3h", "Last 3 hours"),
    ("now-12h", "Last 12 hours"),
    ("now-24h", "Last 24 hours"),
    ("now-7d", "Last 7 days"),
    ("now-30d", "Last 30 days"),
];

/// The range a page is about: as the reader chose it, and as times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PageRange {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) times: TimeRange,
    /// Why the address was not understood; the default range is shown then.
    pub(crate) error: Option<String>,
}

/// A text that is no time.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NotATime(String);

impl fmt::Display for NotATime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not a time: write now-15m, now-1d/d, 2026-11-22T10:00:00+09:00, or a Unix time", self.0)
    }
}

impl PageRange {
    /// The range of `url` at `now`. `from` alone may hold both ends, as in `A — B`.
    pub(crate) fn of(url: &PageUrl, now: Nanos) -> Self {
        let (mut from, mut to) = (url.get("from"), url.get("to"));
        if to.is_empty()
            && let Some((start, end)) = both_ends(from, now)
        {
            (from, to) = (start, end);
        }
        let from = if from.is_empty() { DEFAULT_FROM } else { from };
        let to = if to.is_empty() { NOW } else { to };
        match parse_range(from, to, now) {
            Ok(times) => PageRange { from: from.to_owned(), to: to.to_owned(), times, error: None },
            Err(error) => PageRange {
                from: DEFAULT_FROM.to_owned(),
                to: NOW.to_owned(),
                times: TimeRange::new(now.saturating_sub(DEFAULT_LENGTH), now),
                error: Some(error),
            },
        }
    }

    pub(crate) fn is_default(&self) -> bool {
        self.from == DEFAULT_FROM && self.to == NOW
    }

    /// Whether the range moves with the clock.
    pub(crate) fn is_relative(&self) -> bool {
        self.to.starts_with(NOW)
    }

    /// The words of the preset that this is, if it is one.
    pub(crate) fn preset(&self) -> Option<&'static str> {
        let found = PRESETS.iter().find(|(from, _)| *from == self.from && self.to == NOW);
        found.map(|(_, words)| *words)
    }
}

fn parse_range(from: &str, to: &str, now: Nanos) -> Result<TimeRange, String> {
    let start = parse(from, now, Rounding::Down).map_err(|error| error.to_string())?;
    let end = parse(to, now, Rounding::Up).map_err(|error| error.to_string())?;
    if start >= end {
        return Err(format!("the range from {from} to {to} is empty: its start must be before its end"));
    }
    Ok(TimeRange::new(start, end))
}

/// The two times in one text that somebody pasted.
fn both_ends(text: &str, now: Nanos) -> Option<(&str, &str)> {
    [" — ", " – ", " - ", " to ", "—", "–", "/"].into_iter().find_map(|separator| {
        let (start, end) = text.split_once(separator)?;
        let (start, end) = (start.trim(), end.trim());
        parse(start, now, Rounding::Down).ok()?;
        parse(end, now, Rounding::Up).ok()?;
        Some((start, end))
    })
}

/// Which end of a rounded unit is meant: `now/d` is midnight before as a start, midnight after as an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rounding {
    Down,
    Up,
}

/// The time that `text` means at `now`.
///
/// `now`, `now-15m`, `now+1h`, `now-1d/d` (units s m h d w; rounding in UTC); RFC 3339; a date with or without a time,
/// read as UTC; Unix time in seconds (a fraction is allowed), milliseconds, microseconds or nanoseconds, told apart by
/// their size.
pub(crate) fn parse(text: &str, now: Nanos, rounding: Rounding) -> Result<Nanos, NotATime> {
    let text = text.trim();
    let error = || NotATime(text.chars().take(64).collect());
    if let Some(rest) = text.strip_prefix(NOW) {
        return relative(rest, now, rounding).ok_or_else(error);
    }
    if let Some(time) = unix(text) {
        return Ok(time);
    }
    let time = match text.parse::<Timestamp>() {
        Ok(time) => Some(time),
        Err(_) => text.parse::<DateTime>().ok().and_then(|time| TimeZone::UTC.to_timestamp(time).ok()),
    };
    time.and_then(|time| Nanos::try_from(time.as_nanosecond()).ok()).ok_or_else(error)
}

fn relative(rest: &str, now: Nanos, rounding: Rounding) -> Option<Nanos> {
    let (offset, unit) = match rest.split_once('/') {
        Some((offset, unit)) => (offset, Some(unit_of(unit)?)),
        None => (rest, None),
    };
    let mut time = now;
    if let Some(sign) = offset.chars().next() {
        let digits = offset.get(1..)?;
        let split = digits.find(|character: char| !character.is_ascii_digit())?;
        let length = digits[..split].parse::<i64>().ok()?.checked_mul(unit_of(&digits[split..])?)?;
        time = match sign {
            '-' => time.checked_sub(length)?,
            '+' => time.checked_add(length)?,
            _ => return None,
        };
    }
    match unit {
        None => Some(time),
        // Weeks of ISO 8601 begin on a Monday; the epoch was a Thursday.
        Some(unit) => {
            let phase = if unit == 7 * DAY { 4 * DAY } else { 0 };
            let start = time.checked_sub(phase)?.div_euclid(unit).checked_mul(unit)?.checked_add(phase)?;
            if rounding == Rounding::Down { Some(start) } else { start.checked_add(unit) }
        }
    }
}

fn unit_of(text: &str) -> Option<Nanos> {
    Some(match text {
        "s" => SECOND,
        "m" => MINUTE,
        "h" => HOUR,
        "d" => DAY,
        "w" => 7 * DAY,
        _ => return None,
    })
}

fn unix(text: &str) -> Option<Nanos> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if !digits.starts_with(|first: char| first.is_ascii_digit())
        || digits.contains(|c: char| !c.is_ascii_digit() && c != '.')
    {
        return None;
    }
    if let Ok(whole) = text.parse::<i64>() {
        // A year is four digits; Unix seconds of this century are ten, milliseconds thirteen, and so on.
        let scale = match digits.len() {
            ..=4 => return None,
            5..=11 => SECOND,
            12..=14 => SECOND / 1_000,
            15..=17 => 1_000,
            _ => 1,
        };
        return whole.checked_mul(scale);
    }
    let seconds = text.parse::<f64>().ok().filter(|seconds| seconds.abs() < 9e9)?;
    // Through microseconds: a double holds no more of today's date.
    Some((seconds * 1e6).round() as i64 * 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-22T16:04:05Z, a Sunday.
    const NOON: Nanos = 1_795_363_445 * SECOND;

    #[test]
    fn reads_the_times_that_people_type() {
        let midnight = 1_795_305_600 * SECOND;
        let table = [
            ("now", NOON),
            ("now-15m", NOON - 15 * MINUTE),
            ("now+1h", NOON + HOUR),
            ("now-2w", NOON - 14 * DAY),
            ("now/d", midnight),
            ("now-1d/d", midnight - DAY),
            ("now/w", midnight - 6 * DAY),
            ("now/h", midnight + 16 * HOUR),
            ("2026-11-22T16:04:05Z", NOON),
            ("2026-11-23T01:04:05+09:00", NOON),
            ("2026-11-22T16:04:05.000000001Z", NOON + 1),
            ("2026-11-22 16:04:05", NOON),
            ("2026-11-22T16:04", NOON - 5 * SECOND),
            ("2026-11-22", midnight),
            ("1795363445", NOON),
            ("1795363445.5", NOON + SECOND / 2),
            ("1795363445000", NOON),
            ("1795363445000000", NOON),
            ("1795363445000000001", NOON + 1),
        ];
        for (text, expected) in table {
            assert_eq!(parse(text, NOON, Rounding::Down), Ok(expected), "{text}");
        }
        assert_eq!(parse("now/d", NOON, Rounding::Up), Ok(midnight + DAY));
    }

    #[test]
    fn refuses_what_is_not_a_time() {
        let table = [
            "",
            "nowish",
            "now-",
            "now-5",
            "now-5y",
            "now-m",
            "now*5m",
            "now-99999999999999d",
            "now-9223372036854775807w",
            "yesterday",
            "2026",
            "2026-13-01",
            "99999-01-01",
            "1e5",
            "--5",
            "now-5m/y",
            "<script>",
            "now-٣m",
            "now-é",
        ];
        for text in table {
            assert!(parse(text, NOON, Rounding::Down).is_err(), "{text}");
        }
    }

    fn range(uri: &str) -> PageRange {
        PageRange::of(&PageUrl::of(&uri.parse().unwrap()), NOON)
    }

    #[test]
    fn a_page_without_a_range_shows_the_last_minutes() {
        let range = range("/");
        assert!(range.is_default() && range.is_relative());
        assert_eq!(range.times, TimeRange::new(NOON - DEFAULT_LENGTH, NOON));
        assert_eq!(range.preset(), Some("Last 15 minutes"));
    }

    #[test]
    fn both_ends_may_be_pasted_into_one_field() {
        let expected = TimeRange::new(NOON - HOUR, NOON);
        for text in [
            "2026-11-22T15:04:05Z — 2026-11-22T16:04:05Z",
            "2026-11-22T15:04:05Z/2026-11-22T16:04:05Z",
            "now-1h to now",
            "2026-11-22 15:04:05 - 2026-11-22 16:04:05",
        ] {
            let url = PageUrl::new("/").with("from", text);
            assert_eq!(PageRange::of(&url, NOON).times, expected, "{text}");
        }
    }

    #[test]
    fn says_why_a_range_is_not_shown() {
        for (uri, word) in
            [("/?from=tomorrow", "tomorrow"), ("/?from=now&to=now-1h", "empty"), ("/?to=x", "is not a time")]
        {
            let range = range(uri);
            assert!(range.error.as_ref().is_some_and(|error| error.contains(word)), "{range:?}");
            assert!(range.is_default());
        }
    }
}
