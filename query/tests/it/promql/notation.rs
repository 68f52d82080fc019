//! Series as scripts write them: `name{label="value"} 1+2x3 _ stale {{count:3 buckets:[1 2]}}`.

use std::sync::Arc;

use query::promql::{Buckets, CUSTOM, Histogram, Labels, Millis, NAME, ResetHint, Value};

/// The bit pattern that ends a series in Prometheus.
pub(crate) const STALE: f64 = f64::from_bits(0x7ff0_0000_0000_0002);

/// A line of a block: labels, and a value for each step; `None` where there is none.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// `None` for a bare number, which is a scalar.
    pub(crate) labels: Option<Labels>,
    pub(crate) values: Vec<Option<Value>>,
}

/// A duration such as `1m30s`, or a number of seconds.
pub(crate) fn duration(text: &str) -> Millis {
    if let Ok(seconds) = text.trim().parse::<f64>() {
        return (seconds * 1e3).round() as Millis;
    }
    let mut total = 0;
    let mut rest = text.trim();
    while !rest.is_empty() {
        let digits = rest.find(|character: char| !character.is_ascii_digit()).unwrap_or(rest.len());
        let number: Millis = rest[..digits].parse().unwrap_or_else(|_| panic!("{text:?} is no duration"));
        rest = &rest[digits..];
        let length = rest.find(|character: char| character.is_ascii_digit()).unwrap_or(rest.len());
        total += number
            * match &rest[..length] {
                "ms" => 1,
                "s" => 1_000,
                "m" => 60_000,
                "h" => 3_600_000,
                "d" => 86_400_000,
                unit => panic!("{unit:?} is no unit"),
            };
        rest = &rest[length..];
    }
    total
}

pub(crate) fn entry(line: &str) -> Entry {
    let (labels, rest) = series(line);
    let mut values = Vec::new();
    items(rest, &mut values);
    Entry { labels, values }
}

/// The labels at the start of a line, and what follows them.
pub(crate) fn series(line: &str) -> (Option<Labels>, &str) {
    let name_length = line.find(|it: char| !(it.is_ascii_alphanumeric() || "_:.".contains(it))).unwrap_or(line.len());
    let (name, rest) = line.split_at(name_length);
    let is_number = rest.trim().is_empty() || name.is_empty() && !rest.starts_with('{');
    if is_number {
        return (None, line);
    }
    let mut pairs: Vec<(String, String)> = Vec::new();
    if !name.is_empty() {
        pairs.push((NAME.to_owned(), name.to_owned()));
    }
    let Some(mut rest) = rest.strip_prefix('{').filter(|rest| !rest.starts_with('{')) else {
        return (Some(Labels::new(pairs)), rest);
    };
    loop {
        rest = rest.trim_start_matches([' ', ',']);
        if let Some(after) = rest.strip_prefix('}') {
            return (Some(Labels::new(pairs)), after);
        }
        let (name, after) = match rest.starts_with('"') {
            true => quoted(rest),
            false => {
                let end = rest.find('=').unwrap();
                (rest[..end].trim().to_owned(), &rest[end..])
            }
        };
        let after = after.trim_start();
        match after.strip_prefix('=') {
            Some(value) => {
                let (value, after) = quoted(value.trim_start());
                pairs.push((name, value));
                rest = after;
            }
            None => {
                pairs.push((NAME.to_owned(), name));
                rest = after;
            }
        }
    }
}

fn quoted(text: &str) -> (String, &str) {
    let mut out = String::new();
    let mut characters = text.char_indices().skip(1);
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return (out, &text[at + 1..]),
            '\\' => out.push(characters.next().unwrap().1),
            other => out.push(other),
        }
    }
    panic!("unterminated string {text:?}")
}

fn items(mut rest: &str, out: &mut Vec<Option<Value>>) {
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            return;
        }
        if rest.starts_with("{{") {
            rest = histogram_item(rest, out);
            continue;
        }
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        number_item(&rest[..end], out);
        rest = &rest[end..];
    }
}

fn number_item(item: &str, out: &mut Vec<Option<Value>>) {
    if let Some(times) = item.strip_prefix('_') {
        let count = times.strip_prefix('x').map_or(1, |count| count.parse().unwrap());
        out.extend(std::iter::repeat_n(None, count));
        return;
    }
    if item == "stale" {
        out.push(Some(Value::Float(STALE)));
        return;
    }
    let (start, rest) = number(item);
    let (step, rest) = match rest.starts_with(['+', '-']) {
        true => number(rest),
        false => (0.0, rest),
    };
    let count: usize = rest.strip_prefix('x').map_or(0, |count| count.parse().unwrap_or_else(|_| panic!("{item:?}")));
    // Added up step by step, as Prometheus does, so that rounding is the same.
    let mut value = start;
    for _ in 0..=count {
        out.push(Some(Value::Float(value)));
        value += step;
    }
}

/// The number at the start of `text`, and what follows it.
fn number(text: &str) -> (f64, &str) {
    let bytes = text.as_bytes();
    let mut end = usize::from(text.starts_with(['+', '-']));
    for word in ["inf", "nan"] {
        if text[end..].to_ascii_lowercase().starts_with(word) {
            let rest = &text[end + 3..];
            return (text[..end + 3].parse().unwrap(), rest);
        }
    }
    while end < bytes.len() {
        let exponent_sign = matches!(bytes[end], b'+' | b'-') && bytes[end - 1].eq_ignore_ascii_case(&b'e');
        if !(bytes[end].is_ascii_digit() || matches!(bytes[end], b'.' | b'e' | b'E') || exponent_sign) {
            break;
        }
        end += 1;
    }
    (text[..end].parse().unwrap_or_else(|_| panic!("{text:?} is no number")), &text[end..])
}

fn histogram_item<'a>(text: &'a str, out: &mut Vec<Option<Value>>) -> &'a str {
    let (start, mut rest) = braced(text);
    let mut step = None;
    if rest.starts_with("+{{") || rest.starts_with("-{{") {
        let (amount, after) = braced(&rest[1..]);
        step = Some((rest.as_bytes()[0], amount));
        rest = after;
    }
    let mut count = 0;
    if let Some(times) = rest.strip_prefix('x') {
        let end = times.find(|it: char| !it.is_ascii_digit()).unwrap_or(times.len());
        count = times[..end].parse().unwrap();
        rest = &times[end..];
    }
    let mut value = start;
    for _ in 0..=count {
        out.push(Some(Value::Histogram(Arc::new(value.clone()))));
        if let Some((sign, amount)) = &step {
            let reset = value.reset;
            let combined = if *sign == b'+' { value.add(amount) } else { value.sub(amount) };
            combined.unwrap();
            value.reset = reset;
        }
    }
    rest
}

fn braced(text: &str) -> (Histogram, &str) {
    let end = text.find("}}").unwrap();
    (histogram(&text[2..end]), &text[end + 2..])
}

/// A histogram in braces: `schema:0 count:3 sum:4 buckets:[1 2] offset:1 …`.
fn histogram(text: &str) -> Histogram {
    let mut histogram = Histogram::default();
    let (mut positive, mut negative) = ((0, Vec::new()), (0, Vec::new()));
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (key, after) = rest.split_once(':').unwrap();
        let (value, after) = match after.strip_prefix('[') {
            Some(list) => list.split_once(']').unwrap(),
            None => after.split_once(' ').unwrap_or((after, "")),
        };
        let number = || value.parse::<f64>().unwrap_or_else(|_| panic!("{value:?} is no number"));
        let list = || value.split_whitespace().map(|it| it.parse().unwrap()).collect::<Vec<f64>>();
        match key.trim() {
            "schema" => histogram.schema = value.parse().unwrap(),
            "count" => histogram.count = number(),
            "sum" => histogram.sum = number(),
            "z_bucket" => histogram.zero_count = number(),
            "z_bucket_w" => histogram.zero_threshold = number(),
            "buckets" => positive.1 = list(),
            "offset" => positive.0 = value.parse().unwrap(),
            "n_buckets" => negative.1 = list(),
            "n_offset" => negative.0 = value.parse().unwrap(),
            "custom_values" => histogram.bounds = list().into(),
            "counter_reset_hint" => {
                histogram.reset = match value {
                    "unknown" => ResetHint::Unknown,
                    "reset" => ResetHint::Reset,
                    "not_reset" => ResetHint::NotReset,
                    "gauge" => ResetHint::Gauge,
                    other => panic!("unknown hint {other:?}"),
                }
            }
            other => panic!("unknown part of a histogram: {other:?}"),
        }
        rest = after.trim_start();
    }
    assert!(histogram.schema != CUSTOM || positive.0 >= 0);
    histogram.positive = Buckets::dense(positive.0, positive.1);
    histogram.negative = Buckets::dense(negative.0, negative.1);
    histogram
}
