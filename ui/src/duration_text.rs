//! Durations as people type them into a form: `250ms`, `1.5s`, `2m`.

use model::Nanos;
use model::time::{HOUR, MICROSECOND, MILLISECOND, MINUTE, SECOND};

/// The nanoseconds that `text` means; `None` for an empty text. A number without a unit counts milliseconds.
pub(crate) fn parse(text: &str) -> Result<Option<Nanos>, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let split = text.find(|character: char| !character.is_ascii_digit() && character != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let unit = match unit.trim() {
        "ns" => 1,
        "us" | "µs" | "μs" => MICROSECOND,
        "" | "ms" => MILLISECOND,
        "s" => SECOND,
        "m" => MINUTE,
        "h" => HOUR,
        _ => return Err(not_a_duration(text)),
    };
    let nanos = number.parse::<f64>().map_err(|_| not_a_duration(text))? * unit as f64;
    if nanos < Nanos::MAX as f64 { Ok(Some(nanos.round() as Nanos)) } else { Err(not_a_duration(text)) }
}

fn not_a_duration(text: &str) -> String {
    format!(
        "{:?} is not a duration: write 250ms, 1.5s or 2m (units ns, us, ms, s, m, h)",
        crate::format::clip(text, 40)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_numbers_with_units() {
        let table = [
            ("", None),
            ("250ms", Some(250 * MILLISECOND)),
            ("1.5s", Some(1_500 * MILLISECOND)),
            (" 2 m ", Some(2 * MINUTE)),
            ("40", Some(40 * MILLISECOND)),
            ("3µs", Some(3_000)),
        ];
        for (text, expected) in table {
            assert_eq!(parse(text), Ok(expected), "{text}");
        }
        for text in ["x", "1y", "-1s", "ms", "1.2.3s", "99999999999999h", "<b>"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
