//! Names of fields as JSON has them, for what a sender of JSON is told: the decoder behind speaks of fields in snake_case, as the
//! `.proto` files do.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::LazyLock;

use super::schema::{self, Kind, Message};
use crate::signal::Signal;

/// The keys of all messages.
static KEYS: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
    let mut keys = HashSet::new();
    let mut seen: Vec<&'static Message> = Vec::new();
    let mut rest: Vec<&'static Message> = Signal::ALL.map(schema::request).to_vec();
    while let Some(message) = rest.pop() {
        if seen.iter().any(|it| std::ptr::eq(*it, message)) {
            continue;
        }
        seen.push(message);
        for field in message.fields {
            keys.insert(field.name);
            if let Kind::Message(message) = field.kind {
                rest.push(message);
            }
        }
    }
    keys
});

/// `text` with each snake_case name of a field in lowerCamelCase; other words, such as `max_series`, stay.
pub(crate) fn in_camel_case(text: &str) -> Cow<'_, str> {
    if !text.contains('_') {
        return text.into();
    }
    let is_of_word = |it: char| it.is_ascii_alphanumeric() || it == '_';
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|it| !is_of_word(it)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        let spelt = camel_case(word);
        out.push_str(if KEYS.contains(spelt.as_str()) { &spelt } else { word });
        let next = after.find(is_of_word).unwrap_or(after.len());
        out.push_str(&after[..next]);
        rest = &after[next..];
    }
    out.into()
}

fn camel_case(word: &str) -> String {
    let mut parts = word.split('_');
    let mut name = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (first, rest) = part.split_at(part.ceil_char_boundary(1.min(part.len())));
        name.push_str(&first.to_ascii_uppercase());
        name.push_str(rest);
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_fields_are_spelt_as_in_json_and_nothing_else_is_changed() {
        for (text, expected) in [
            ("trace_id must be 16 bytes", "traceId must be 16 bytes"),
            ("resource_spans[0].scope_spans[2].spans[17]", "resourceSpans[0].scopeSpans[2].spans[17]"),
            ("metrics[0].exponential_histogram.data_points[3]", "metrics[0].exponentialHistogram.dataPoints[3]"),
            ("as_double nor as_int, (time_unix_nano)", "asDouble nor asInt, (timeUnixNano)"),
            ("as many as it takes (max_series)", "as many as it takes (max_series)"),
            ("__ _a a_ é_ü _", "__ _a a_ é_ü _"),
            ("", ""),
        ] {
            assert_eq!(in_camel_case(text), expected);
        }
    }
}
