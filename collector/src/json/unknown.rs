//! Keys that OTLP/JSON does not have. They are ignored, as the specification wants, and the sender is told: most are a real key
//! misspelt, and what they hold is lost.

use super::schema::{Field, Message};
use crate::otlp::Report;

/// Different keys of a body that are named; the others are counted together.
const MAX_KEYS: usize = 16;
/// Bytes of a key that are shown.
const MAX_SHOWN: usize = 64;

const OTHERS: &str = "further unknown keys were ignored";

/// Fields that OTLP once had, and what is sent in their place.
const REMOVED: [(&str, &str); 5] = [
    ("instrumentationLibrarySpans", "scopeSpans"),
    ("instrumentationLibraryMetrics", "scopeMetrics"),
    ("instrumentationLibraryLogs", "scopeLogs"),
    ("instrumentationLibrary", "scope"),
    ("labels", "attributes"),
];

/// The unknown keys of one body.
#[derive(Default)]
pub(super) struct UnknownKeys {
    named: Vec<Named>,
    others: Seen,
}

struct Named {
    message: &'static Message,
    key: String,
    seen: Seen,
}

/// How often, and the object in which it was first.
#[derive(Default)]
struct Seen {
    times: u64,
    first: String,
}

impl UnknownKeys {
    /// The number by which [`UnknownKeys::note`] knows the unknown `key` of an object that is a `message`.
    pub(super) fn number(&mut self, message: &'static Message, key: &str) -> usize {
        let known = self.named.iter().position(|it| std::ptr::eq(it.message, message) && it.key == key);
        known.unwrap_or_else(|| {
            if self.named.len() < MAX_KEYS {
                self.named.push(Named { message, key: key.to_owned(), seen: Seen::default() });
                self.named.len() - 1
            } else {
                MAX_KEYS
            }
        })
    }

    /// Counts a key with this number, in the object at `place`.
    pub(super) fn note(&mut self, number: usize, place: impl FnOnce() -> String) {
        let seen = self.named.get_mut(number).map_or(&mut self.others, |named| &mut named.seen);
        if seen.times == 0 {
            seen.first = place();
        }
        seen.times += 1;
    }

    pub(super) fn report(self, report: &mut Report) {
        for Named { message, key, seen } in self.named {
            report.warn_times(reason(message, &key), seen.times, seen.first);
        }
        if self.others.times > 0 {
            report.warn_times(OTHERS.to_owned(), self.others.times, self.others.first);
        }
    }
}

fn reason(message: &Message, key: &str) -> String {
    let has = |name: &&str| message.fields.iter().any(|field| field.name == *name);
    let replaced = REMOVED.iter().find(|(removed, _)| *removed == key).map(|(_, by)| *by).filter(has);
    let shown = &key[..key.floor_char_boundary(MAX_SHOWN)];
    let cut = if shown.len() < key.len() { "…" } else { "" };
    match (replaced, meant(message, key)) {
        (Some(by), _) => format!("the key {shown:?} was removed from OTLP and was ignored; {by:?} is in its place"),
        (None, Some(field)) => {
            format!("the key {shown:?}{cut} is unknown and was ignored; {:?} is probably meant", field.name)
        }
        (None, None) => format!("the key {shown:?}{cut} is unknown and was ignored"),
    }
}

/// The field that is probably meant by an unknown key: the same but for case and underscores, or for a letter or two.
fn meant(message: &Message, key: &str) -> Option<&'static Field> {
    let same = |field: &&Field| {
        let letters = |text: &str| text.bytes().filter(|it| *it != b'_').map(|it| it.to_ascii_lowercase()).collect();
        let (key, name): (Vec<u8>, Vec<u8>) = (letters(key), letters(field.name));
        key == name
    };
    let close = |field: &&Field| {
        let most = if field.name.len() < 8 { 1 } else { 2 };
        field.name.len() > 3 && key.len().abs_diff(field.name.len()) <= most && edits(key, field.name) <= most
    };
    let fields = message.fields;
    fields.iter().find(same).or_else(|| fields.iter().find(close))
}

/// How many letters to insert, remove or replace to make `b` of `a`: Levenshtein's distance, row by row.
fn edits(a: &str, b: &str) -> usize {
    let b = b.as_bytes();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, right) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(left != *right);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Signal;
    use crate::json::transcode;

    /// What is said of a log request with this text as its JSON.
    fn said(body: &str) -> String {
        transcode(Signal::Logs, body.as_bytes(), 1 << 20).unwrap().report.message(Signal::Logs)
    }

    fn record(fields: &str) -> String {
        format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{{fields}}}]}}]}}]}}"#)
    }

    #[test]
    fn unknown_keys_are_named_with_their_place_and_what_is_probably_meant() {
        let scope = |key: &str| format!(r#"{{"resourceLogs":[{{"{key}":[{{"logRecords":[]}}]}}]}}"#);
        let items = |key: &str| format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"{key}":[{{}}]}}]}}]}}"#);
        let in_record = "(once, first: resourceLogs[0].scopeLogs[0].logRecords[0])";
        let in_scope = "(once, first: resourceLogs[0].scopeLogs[0])";
        let in_resource = "(once, first: resourceLogs[0])";
        let cases = [
            (
                record(r#""Body":{}"#),
                format!(r#"the key "Body" is unknown and was ignored; "body" is probably meant {in_record}"#),
            ),
            (
                record(r#""BODY":1"#),
                format!(r#"the key "BODY" is unknown and was ignored; "body" is probably meant {in_record}"#),
            ),
            (
                record(r#""trace_id":"1""#),
                format!(r#"the key "trace_id" is unknown and was ignored; "traceId" is probably meant {in_record}"#),
            ),
            (
                record(r#""severtyText":"x""#),
                format!(
                    r#"the key "severtyText" is unknown and was ignored; "severityText" is probably meant {in_record}"#
                ),
            ),
            (record(r#""zebra":[{"a":1}]"#), format!(r#"the key "zebra" is unknown and was ignored {in_record}"#)),
            (
                items("logRecord"),
                format!(r#"the key "logRecord" is unknown and was ignored; "logRecords" is probably meant {in_scope}"#),
            ),
            (
                items("logrecords"),
                format!(
                    r#"the key "logrecords" is unknown and was ignored; "logRecords" is probably meant {in_scope}"#
                ),
            ),
            (
                scope("instrumentationLibraryLogs"),
                format!(
                    r#"the key "instrumentationLibraryLogs" was removed from OTLP and was ignored; "scopeLogs" is in its place {in_resource}"#
                ),
            ),
            (scope("scopeSpans"), format!(r#"the key "scopeSpans" is unknown and was ignored {in_resource}"#)),
        ];
        for (body, expected) in cases {
            assert_eq!(said(&body), format!("warning: {expected}"), "{body}");
        }
    }

    #[test]
    fn what_is_said_is_bounded_and_counts_every_key() {
        let keys: Vec<String> = (0..5000).map(|n| format!(r#""{n}{}":0"#, "ü\\n".repeat(200))).collect();
        let many = transcode(Signal::Logs, record(&keys.join(",")).as_bytes(), 8 << 20).unwrap().report;
        assert_eq!(many.findings().len(), MAX_KEYS + 1);
        assert_eq!(many.findings().iter().map(|finding| finding.count).sum::<u64>(), 5000);
        assert!(many.message(Signal::Logs).len() < 4096 && many.rejected() == 0, "{}", many.message(Signal::Logs));
        let same = format!(
            r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{}{{}}]}}]}}]}}"#,
            r#"{"level":1},"#.repeat(5000)
        );
        assert!(said(&same).contains(r#"the key "level" is unknown and was ignored (5000 times"#), "{}", said(&same));
    }

    #[test]
    fn edits_are_counted() {
        let cases = [("", "abc", 3), ("abc", "", 3), ("abc", "abc", 0), ("abd", "abc", 1), ("kitten", "sitting", 3)];
        for (a, b, expected) in cases {
            assert_eq!((edits(a, b), edits(b, a)), (expected, expected), "{a} {b}");
        }
    }
}
