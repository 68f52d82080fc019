//! Values with a type: numbers, durations, amounts of bytes.

use std::cmp::Ordering;

use model::Nanos;
use model::time::{DAY, HOUR, MICROSECOND, MILLISECOND, MINUTE, SECOND};

/// A number as a query says it. Integers keep all their digits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    Int(i64),
    Double(f64),
}

impl Number {
    /// `42`, `-1.5`, `1e3`, or with a unit of bytes, `10KB` (powers of 1000) or `10KiB` (powers of 1024).
    pub(super) fn parse(text: &str) -> Option<Self> {
        if let Ok(int) = text.parse::<i64>() {
            return Some(Number::Int(int));
        }
        let digits = text.trim_end_matches(|it: char| it.is_ascii_alphabetic());
        let unit = match text[digits.len()..].to_ascii_lowercase().as_str() {
            "" => 1.0,
            "b" => 1.0,
            "kb" => 1e3,
            "mb" => 1e6,
            "gb" => 1e9,
            "tb" => 1e12,
            "kib" => 1024.0,
            "mib" => 1024.0 * 1024.0,
            "gib" => 1024.0 * 1024.0 * 1024.0,
            "tib" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
            _ => return None,
        };
        // The standard parser also reads `inf` and `nan`.
        let value =
            digits.parse::<f64>().ok().filter(|_| digits.ends_with(|it: char| it.is_ascii_digit() || it == '.'))?;
        let value = value * unit;
        value.is_finite().then_some(Number::Double(value))
    }

    pub(super) fn as_f64(self) -> f64 {
        match self {
            Number::Int(int) => int as f64,
            Number::Double(double) => double,
        }
    }

    /// How `int` compares with this number.
    pub(super) fn compare_int(self, int: i64) -> Option<Ordering> {
        match self {
            Number::Int(wanted) => Some(int.cmp(&wanted)),
            Number::Double(wanted) => (int as f64).partial_cmp(&wanted),
        }
    }

    /// The integer, if there is one, and the double that equal this number; `None` when more than one integer does.
    pub(super) fn equals(self) -> Option<(Option<i64>, f64)> {
        /// From here on, several integers compare as one double.
        const EXACT: f64 = (1u64 << 53) as f64;
        match self {
            Number::Int(int) => Some((Some(int), int as f64)),
            Number::Double(double) if double.abs() >= EXACT => None,
            Number::Double(double) => Some(((double.fract() == 0.0).then_some(double as i64), double)),
        }
    }

    /// How `double` compares with this number; `None` for NaN.
    pub(super) fn compare_double(self, double: f64) -> Option<Ordering> {
        match self {
            Number::Int(wanted) => double.partial_cmp(&(wanted as f64)),
            Number::Double(wanted) => double.partial_cmp(&wanted),
        }
    }
}

/// The nanoseconds of `500ms`, `1.5s`, `1h30m`; units ns, us, µs, ms, s, m, h, d. `0` needs none.
pub fn parse_duration(text: &str) -> Option<Nanos> {
    if text == "0" {
        return Some(0);
    }
    let mut rest = text;
    let mut total = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|it: char| !it.is_ascii_digit() && it != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let end = rest.find(|it: char| it.is_ascii_digit() || it == '.').unwrap_or(rest.len());
        let unit = match &rest[..end] {
            "ns" => 1,
            "us" | "µs" | "μs" => MICROSECOND,
            "ms" => MILLISECOND,
            "s" => SECOND,
            "m" => MINUTE,
            "h" => HOUR,
            "d" => DAY,
            _ => return None,
        };
        total += number * unit as f64;
        rest = &rest[end..];
    }
    (!text.is_empty() && total < Nanos::MAX as f64).then_some(total.round() as Nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_durations() {
        let table = [
            ("500ms", Some(500 * MILLISECOND)),
            ("1.5s", Some(1_500 * MILLISECOND)),
            ("1h30m", Some(90 * MINUTE)),
            ("2d", Some(2 * DAY)),
            ("10us", Some(10_000)),
            ("10µs", Some(10_000)),
            ("7ns", Some(7)),
            ("0", Some(0)),
            ("500", None),
            ("", None),
            ("ms", None),
            ("-1s", None),
            ("1x", None),
            ("1.2.3s", None),
            ("99999999999999d", None),
        ];
        for (text, expected) in table {
            assert_eq!(parse_duration(text), expected, "{text:?}");
        }
    }

    #[test]
    fn reads_numbers() {
        let table = [
            ("42", Some(Number::Int(42))),
            ("-7", Some(Number::Int(-7))),
            ("9007199254740993", Some(Number::Int(9_007_199_254_740_993))),
            ("1.5", Some(Number::Double(1.5))),
            ("1e3", Some(Number::Double(1_000.0))),
            ("2KB", Some(Number::Double(2_000.0))),
            ("2kib", Some(Number::Double(2_048.0))),
            ("inf", None),
            ("nan", None),
            ("NaN", None),
            ("kb", None),
            ("1.2.3", None),
            ("0x10", None),
            ("five", None),
            ("", None),
            ("1e999", None),
        ];
        for (text, expected) in table {
            assert_eq!(Number::parse(text), expected, "{text:?}");
        }
    }

    #[test]
    fn large_integers_compare_exactly() {
        let number = Number::Int(9_007_199_254_740_993);
        assert_eq!(number.compare_int(9_007_199_254_740_992), Some(Ordering::Less));
        assert_eq!(number.compare_double(f64::NAN), None);
    }
}
