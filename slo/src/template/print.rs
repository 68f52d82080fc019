//! Values as text, as Go's `fmt` writes them.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use model::Nanos;
use model::time::{HOUR, MICROSECOND, MILLISECOND, MINUTE, SECOND};

use super::MAX_OUTPUT;
use super::value::Value;
use crate::webhook::go_quote;

/// The widest field and the most digits of a format, as in Go.
const MAX_WIDTH: usize = 1000;

/// What an action writes.
pub(super) fn shown(value: &Value) -> String {
    if *value == Value::Nil { "<no value>".to_owned() } else { plain(value) }
}

/// `%v`.
fn plain(value: &Value) -> String {
    let list = |items: &mut dyn Iterator<Item = String>| items.collect::<Vec<_>>().join(" ");
    match value {
        Value::Nil => "<nil>".to_owned(),
        Value::Bool(it) => it.to_string(),
        Value::Int(it) => it.to_string(),
        Value::Float(it) => general(*it, None),
        Value::Text(it) => it.to_string(),
        Value::List(items) => format!("[{}]", list(&mut items.iter().map(plain))),
        Value::Map(map) => format!("map[{}]", list(&mut map.iter().map(|(key, it)| format!("{key}:{}", plain(it))))),
        Value::Labels(map) => format!("map[{}]", list(&mut map.iter().map(|(key, it)| format!("{key}:{it}")))),
        Value::Struct(fields) => format!("{{{}}}", list(&mut fields.iter().map(|(_, it)| plain(it)))),
        Value::Time(nanos) => time(*nanos),
        Value::Duration(nanos) => duration(*nanos),
    }
}

/// Spaces only between values of which neither is a text.
pub(super) fn print(args: &[Value]) -> String {
    let mut out = String::new();
    for (at, value) in args.iter().enumerate() {
        let is_text = |value: &Value| matches!(value, Value::Text(_));
        if at > 0 && !is_text(value) && !is_text(&args[at - 1]) {
            out.push(' ');
        }
        out.push_str(&plain(value));
    }
    out
}

pub(super) fn println(args: &[Value]) -> String {
    format!("{}\n", args.iter().map(plain).collect::<Vec<_>>().join(" "))
}

/// The digits of a finite number: without zeros at their end, and the power of ten of the first.
fn digits(value: f64, precision: Option<usize>) -> (String, i32) {
    let text = match precision {
        Some(precision) => format!("{:.*e}", precision.max(1) - 1, value.abs()),
        None => format!("{:e}", value.abs()),
    };
    let (mantissa, power) = text.split_once('e').unwrap_or((&text, "0"));
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    (digits.trim_end_matches('0').to_owned(), power.parse().unwrap_or_default())
}

/// `%g`, of so many digits or as few as tell it.
pub(super) fn general(value: f64, precision: Option<usize>) -> String {
    if !value.is_finite() {
        return infinite(value);
    }
    let (digits, power) = digits(value, precision);
    let (count, point) = (digits.len() as i32, power + 1);
    let mut limit = precision.map_or(0, |precision| precision.max(1) as i32);
    if limit > count && count >= point {
        limit = count;
    }
    // Go decides on the shortest form as if it had six digits.
    let limit = if precision.is_none() { 6 } else { limit };
    let sign = if value.is_sign_negative() { "-" } else { "" };
    let digits = if digits.is_empty() { "0".to_owned() } else { digits };
    if power < -4 || power >= limit {
        let (first, rest) = digits.split_at(1);
        let point = if rest.is_empty() { "" } else { "." };
        return format!("{sign}{first}{point}{rest}{}", exponent(power));
    }
    if power < 0 {
        return format!("{sign}0.{}{digits}", "0".repeat((-power - 1) as usize));
    }
    let whole = (power + 1) as usize;
    if digits.len() <= whole {
        return format!("{sign}{digits}{}", "0".repeat(whole - digits.len()));
    }
    format!("{sign}{}.{}", &digits[..whole], &digits[whole..])
}

fn infinite(value: f64) -> String {
    if value.is_nan() {
        "NaN"
    } else if value > 0.0 {
        "+Inf"
    } else {
        "-Inf"
    }
    .to_owned()
}

/// At least two digits, always a sign.
fn exponent(power: i32) -> String {
    format!("e{}{:02}", if power < 0 { '-' } else { '+' }, power.unsigned_abs())
}

/// `%e`.
fn scientific(value: f64, precision: usize) -> String {
    if !value.is_finite() {
        return infinite(value);
    }
    let text = format!("{value:.precision$e}");
    let (mantissa, power) = text.split_once('e').unwrap_or((&text, "0"));
    format!("{mantissa}{}", exponent(power.parse().unwrap_or_default()))
}

/// As Go prints a time in UTC.
pub(super) fn time(nanos: Nanos) -> String {
    let Ok(timestamp) = Timestamp::from_nanosecond(nanos.into()) else { return String::new() };
    let zoned = timestamp.to_zoned(TimeZone::UTC);
    let fraction = format!("{:09}", nanos.rem_euclid(SECOND));
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{}{point}{fraction} +0000 UTC", zoned.strftime("%Y-%m-%d %H:%M:%S"))
}

/// As Go prints a duration: `1h2m3.5s`, `1.5ms`.
fn duration(nanos: Nanos) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    let rest = nanos.saturating_abs();
    let fraction = |unit: Nanos| general(rest as f64 / unit as f64, None);
    if rest == 0 {
        return "0s".to_owned();
    }
    for (unit, name) in [(1, "ns"), (MICROSECOND, "µs"), (MILLISECOND, "ms")] {
        if rest < unit * 1000 {
            return format!("{sign}{}{name}", fraction(unit));
        }
    }
    let (hours, minutes) = (rest / HOUR, rest % HOUR / MINUTE);
    let seconds = general((rest % MINUTE) as f64 / SECOND as f64, None);
    match (hours, minutes) {
        (0, 0) => format!("{sign}{seconds}s"),
        (0, minutes) => format!("{sign}{minutes}m{seconds}s"),
        (hours, minutes) => format!("{sign}{hours}h{minutes}m{seconds}s"),
    }
}

/// One verb of a format.
#[derive(Default)]
struct Verb {
    minus: bool,
    plus: bool,
    sharp: bool,
    space: bool,
    zero: bool,
    width: usize,
    precision: Option<usize>,
}

pub(super) fn printf(format: &str, args: &[Value]) -> String {
    let mut out = String::new();
    let (mut characters, mut args) = (format.chars().peekable(), args.iter());
    while let Some(character) = characters.next() {
        if out.len() > MAX_OUTPUT {
            break;
        }
        if character != '%' {
            out.push(character);
            continue;
        }
        let mut verb = Verb::default();
        while let Some(flag) = characters.next_if(|it| "+-# 0".contains(*it)) {
            match flag {
                '+' => verb.plus = true,
                '-' => verb.minus = true,
                '#' => verb.sharp = true,
                ' ' => verb.space = true,
                _ => verb.zero = true,
            }
        }
        verb.width = whole(&mut characters).unwrap_or(0);
        if characters.next_if_eq(&'.').is_some() {
            verb.precision = Some(whole(&mut characters).unwrap_or(0));
        }
        match characters.next() {
            None => out.push_str("%!(NOVERB)"),
            Some('%') => out.push('%'),
            Some(name) => match args.next() {
                None => out.push_str(&format!("%!{name}(MISSING)")),
                Some(value) => out.push_str(&verb.format(name, value)),
            },
        }
    }
    let extra: Vec<String> = args.map(|value| format!("{}={}", value.type_name(), plain(value))).collect();
    if !extra.is_empty() {
        out.push_str(&format!("%!(EXTRA {})", extra.join(", ")));
    }
    out
}

/// The number that comes next, if one does.
fn whole(characters: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<usize> {
    let mut number = None;
    while let Some(digit) = characters.next_if(char::is_ascii_digit) {
        number = Some((number.unwrap_or(0) * 10 + (digit as usize - '0' as usize)).min(MAX_WIDTH));
    }
    number
}

impl Verb {
    fn format(&self, name: char, value: &Value) -> String {
        let (body, is_number) = match (name, value) {
            ('v', Value::Float(number)) => (general(*number, self.precision), true),
            ('v', Value::Int(_)) => (plain(value), true),
            ('v', _) | ('s', Value::Text(_) | Value::List(_) | Value::Map(_) | Value::Labels(_)) => {
                (self.cut(&plain(value)), false)
            }
            ('s', Value::Time(_) | Value::Duration(_)) => (plain(value), false),
            ('q', Value::Text(text)) => (go_quote(&self.cut(text)), false),
            ('d', Value::Int(number) | Value::Duration(number)) => (number.to_string(), true),
            ('x', Value::Int(number)) => (signed(*number, format!("{:x}", number.unsigned_abs())), true),
            ('X', Value::Int(number)) => (signed(*number, format!("{:X}", number.unsigned_abs())), true),
            ('o', Value::Int(number)) => (signed(*number, format!("{:o}", number.unsigned_abs())), true),
            ('b', Value::Int(number)) => (signed(*number, format!("{:b}", number.unsigned_abs())), true),
            ('c', Value::Int(number)) => {
                let character = u32::try_from(*number).ok().and_then(char::from_u32);
                (character.unwrap_or('\u{fffd}').to_string(), false)
            }
            ('U', Value::Int(number)) => (format!("U+{number:04X}"), false),
            ('x', Value::Text(text)) => (text.bytes().map(|byte| format!("{byte:02x}")).collect(), false),
            ('X', Value::Text(text)) => (text.bytes().map(|byte| format!("{byte:02X}")).collect(), false),
            ('f' | 'F', Value::Float(number)) if number.is_finite() => {
                (format!("{number:.*}", self.precision.unwrap_or(6)), true)
            }
            ('e', Value::Float(number)) => (scientific(*number, self.precision.unwrap_or(6)), true),
            ('E', Value::Float(number)) => (scientific(*number, self.precision.unwrap_or(6)).to_uppercase(), true),
            ('g', Value::Float(number)) => (general(*number, self.precision), true),
            ('G', Value::Float(number)) => (general(*number, self.precision).to_uppercase(), true),
            ('f' | 'F', Value::Float(number)) => (infinite(*number), true),
            ('t', Value::Bool(it)) => (it.to_string(), false),
            ('T', value) => (value.type_name().to_owned(), false),
            (_, Value::Nil) => return format!("%!{name}(<nil>)"),
            (_, value) => return format!("%!{name}({}={})", value.type_name(), plain(value)),
        };
        let body = if is_number { self.with_sign(body) } else { body };
        self.pad(body, is_number)
    }

    /// The first characters, of a text with a precision.
    fn cut(&self, text: &str) -> String {
        self.precision.map_or(text.to_owned(), |precision| text.chars().take(precision).collect())
    }

    fn with_sign(&self, body: String) -> String {
        match body.strip_prefix('+') {
            Some(rest) if !self.plus => {
                if rest == "Inf" && !self.space {
                    body
                } else {
                    format!(" {rest}")
                }
            }
            Some(_) => body,
            None if body.starts_with('-') => body,
            None if self.plus => format!("+{body}"),
            None if self.space => format!(" {body}"),
            None => body,
        }
    }

    fn pad(&self, body: String, is_number: bool) -> String {
        let missing = self.width.saturating_sub(body.chars().count());
        if self.minus {
            return format!("{body}{}", " ".repeat(missing));
        }
        let is_finite = body.ends_with(|it: char| it.is_ascii_hexdigit());
        if self.zero && is_number && is_finite {
            let signs = body.len() - body.trim_start_matches(['+', '-', ' ']).len();
            return format!("{}{}{}", &body[..signs], "0".repeat(missing), &body[signs..]);
        }
        format!("{}{body}", " ".repeat(missing))
    }
}

fn signed(number: i64, digits: String) -> String {
    if number < 0 { format!("-{digits}") } else { digits }
}
