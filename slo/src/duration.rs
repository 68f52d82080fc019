//! Durations as SLO files and alert labels write them: Prometheus' notation (`30d`, `1h30m`, `150ms`).
//! Values are nanoseconds, like every time in the workspace.

use model::Nanos;
use model::time::{DAY, HOUR, MILLISECOND, MINUTE, SECOND};

/// The units in the order in which they must follow each other. A week is 7 days and a year 365, as in Prometheus.
const UNITS: [(&str, Nanos); 7] =
    [("y", 365 * DAY), ("w", 7 * DAY), ("d", DAY), ("h", HOUR), ("m", MINUTE), ("s", SECOND), ("ms", MILLISECOND)];

/// What [`parse`] accepts, for error texts.
pub const ALLOWED: &str = "a duration such as 30d, 24h, 1h30m, 5m, 30s or 150ms";

/// Nanoseconds of a duration in Prometheus' notation, or `None` if it is not one.
///
/// Whole numbers with the units y, w, d, h, m, s, ms, largest first, each at most once; `0` alone is zero.
pub fn parse(text: &str) -> Option<Nanos> {
    if text == "0" {
        return Some(0);
    }
    let mut rest = text;
    let mut next_unit = 0;
    let mut total: Nanos = 0;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: Nanos = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters = rest.bytes().take_while(u8::is_ascii_lowercase).count();
        let (unit, tail) = rest.split_at(letters);
        let place = UNITS.iter().position(|(name, _)| *name == unit)?;
        if place < next_unit {
            return None;
        }
        next_unit = place + 1;
        total = total.checked_add(number.checked_mul(UNITS[place].1)?)?;
        rest = tail;
    }
    (!text.is_empty()).then_some(total)
}

/// The shortest text that [`parse`] reads back as the same duration, in units from days to milliseconds.
///
/// What is below a millisecond is cut off; a negative duration gets a leading minus, which `parse` does not read.
pub fn format(nanoseconds: Nanos) -> String {
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let mut rest = nanoseconds.unsigned_abs();
    let mut text = String::new();
    for (name, size) in &UNITS[2..] {
        let count = rest / size.unsigned_abs();
        rest %= size.unsigned_abs();
        if count > 0 {
            text.push_str(&count.to_string());
            text.push_str(name);
        }
    }
    if text.is_empty() { "0s".to_owned() } else { format!("{sign}{text}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_prometheus_durations() {
        let table = [
            ("0", Some(0)),
            ("30s", Some(30 * SECOND)),
            ("150ms", Some(150 * MILLISECOND)),
            ("1h30m", Some(HOUR + 30 * MINUTE)),
            ("30d", Some(30 * DAY)),
            ("4w", Some(28 * DAY)),
            ("1y", Some(365 * DAY)),
            ("2m30s500ms", Some(150 * SECOND + 500 * MILLISECOND)),
            ("", None),
            ("30", None),
            ("s", None),
            ("1.5h", None),
            ("-5m", None),
            ("30m1h", None),
            ("1h1h", None),
            ("5 m", None),
            ("5M", None),
            ("5min", None),
            ("1ü", None),
            ("99999999999y", None),
            ("99999999999999999999s", None),
        ];
        for (text, expected) in table {
            assert_eq!(parse(text), expected, "{text:?}");
        }
    }

    #[test]
    fn writes_what_it_reads() {
        let table = [
            (0, "0s"),
            (DAY, "1d"),
            (30 * DAY, "30d"),
            (90 * MINUTE, "1h30m"),
            (144 * MINUTE, "2h24m"),
            (500 * MILLISECOND, "500ms"),
            (-90 * SECOND, "-1m30s"),
            (Nanos::MIN, "-106751d23h47m16s854ms"),
        ];
        for (nanoseconds, text) in table {
            assert_eq!(format(nanoseconds), text);
            if nanoseconds >= 0 {
                assert_eq!(parse(text), Some(nanoseconds), "{text}");
            }
        }
    }
}
