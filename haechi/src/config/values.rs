//! Values of settings as people write them: durations, sizes, numbers.

use model::Nanos;
use model::time::{DAY, HOUR, MINUTE, SECOND};

/// Nanoseconds of `90s`, `30m`, `12h`, `15d`, `4w` or `0`.
pub(super) fn duration(text: &str) -> Option<Nanos> {
    if text == "0" {
        return Some(0);
    }
    let unit = match text.as_bytes().last()? {
        b's' => SECOND,
        b'm' => MINUTE,
        b'h' => HOUR,
        b'd' => DAY,
        b'w' => 7 * DAY,
        _ => return None,
    };
    let number: Nanos = text[..text.len() - 1].parse().ok().filter(|number| *number > 0)?;
    number.checked_mul(unit)
}

/// Bytes of `768MiB`, `50GB` or `0`; a number needs its unit.
pub(super) fn bytes(text: &str) -> Option<u64> {
    if text == "0" {
        return Some(0);
    }
    const UNITS: [(&str, u64); 8] = [
        ("KiB", 1 << 10),
        ("MiB", 1 << 20),
        ("GiB", 1 << 30),
        ("TiB", 1 << 40),
        ("KB", 1_000),
        ("MB", 1_000_000),
        ("GB", 1_000_000_000),
        ("TB", 1_000_000_000_000),
    ];
    let (number, unit) = UNITS.iter().find_map(|(name, unit)| Some((text.strip_suffix(name)?.trim_end(), unit)))?;
    number.parse::<u64>().ok().filter(|number| *number > 0)?.checked_mul(*unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_numbers_with_a_unit() {
        let table = [
            ("0", Some(0)),
            ("90s", Some(90 * SECOND)),
            ("2w", Some(14 * DAY)),
            ("0d", None),
            ("d", None),
            ("-1d", None),
            ("1", None),
            ("", None),
            ("99999999w", None),
        ];
        for (text, expected) in table {
            assert_eq!(duration(text), expected, "{text}");
        }
    }

    #[test]
    fn sizes_are_numbers_with_a_unit() {
        let table = [
            ("0", Some(0)),
            ("768MiB", Some(768 << 20)),
            ("50 GB", Some(50_000_000_000)),
            ("1TiB", Some(1 << 40)),
            ("1024", None),
            ("1.5GiB", None),
            ("0GiB", None),
            ("-1GB", None),
            ("GB", None),
            ("", None),
            ("99999999999TiB", None),
        ];
        for (text, expected) in table {
            assert_eq!(bytes(text), expected, "{text}");
        }
    }
}
