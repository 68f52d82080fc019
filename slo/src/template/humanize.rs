//! Numbers for people, as Prometheus' templates write them: four digits that count, and a prefix.

use super::print::general;
use super::value::Value;
use super::{Result, TemplateError};
use model::time::SECOND;

/// The number that a function is given: a number, a text that is one, or a duration in seconds.
pub(super) fn number(value: &Value) -> Result<f64> {
    match value {
        Value::Float(number) => Ok(*number),
        Value::Int(number) => Ok(*number as f64),
        Value::Duration(nanos) => Ok(*nanos as f64 / SECOND as f64),
        Value::Text(text) => {
            let text = text.trim();
            let word = text.trim_start_matches(['+', '-']).to_ascii_lowercase();
            let is_number = word.starts_with(|it: char| it.is_ascii_digit() || it == '.')
                || ["inf", "infinity", "nan"].contains(&word.as_str());
            text.parse().ok().filter(|_| is_number).ok_or_else(|| TemplateError::new(format!("no number: {text:?}")))
        }
        other => Err(TemplateError::new(format!("can't convert {} to float64", other.type_name()))),
    }
}

fn four(value: f64) -> String {
    general(value, Some(4))
}

const SMALL: [&str; 8] = ["m", "u", "n", "p", "f", "a", "z", "y"];

/// `value`, which is below 1, with the prefix that makes it at least 1.
fn small(mut value: f64, unit: &str) -> String {
    let mut prefix = "";
    for next in SMALL {
        if value.abs() >= 1.0 {
            break;
        }
        prefix = next;
        value *= 1000.0;
    }
    format!("{}{prefix}{unit}", four(value))
}

fn large(mut value: f64, base: f64, prefixes: &[&str]) -> String {
    let mut prefix = "";
    for next in prefixes {
        if value.abs() < base {
            break;
        }
        prefix = next;
        value /= base;
    }
    format!("{}{prefix}", four(value))
}

/// With metric prefixes.
pub(super) fn decimal(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        four(value)
    } else if value.abs() >= 1.0 {
        large(value, 1000.0, &["k", "M", "G", "T", "P", "E", "Z", "Y"])
    } else {
        small(value, "")
    }
}

/// With binary prefixes.
pub(super) fn binary(value: f64) -> String {
    if value.abs() <= 1.0 || !value.is_finite() {
        return four(value);
    }
    large(value, 1024.0, &["ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"])
}

/// Seconds as days, hours, minutes and seconds, or with a prefix below one.
pub(super) fn duration(value: f64) -> String {
    if !value.is_finite() {
        return four(value);
    }
    if value == 0.0 {
        return format!("{}s", four(value));
    }
    if value.abs() < 1.0 {
        return small(value, "s");
    }
    let (sign, value) = if value < 0.0 { ("-", -value) } else { ("", value) };
    let whole = value as i64;
    let (seconds, minutes, hours, days) = (whole % 60, whole / 60 % 60, whole / 3600 % 24, whole / 86400);
    if days != 0 {
        format!("{sign}{days}d {hours}h {minutes}m {seconds}s")
    } else if hours != 0 {
        format!("{sign}{hours}h {minutes}m {seconds}s")
    } else if minutes != 0 {
        format!("{sign}{minutes}m {seconds}s")
    } else {
        format!("{sign}{}s", four(value))
    }
}
