//! The row of a log record.

use crate::attrs::{Attrs, Value};
use crate::ids::{SpanId, TraceId};
use crate::resource::{Resource, Scope};
use crate::time::Nanos;

/// One log record. Borrowed, as [`crate::Span`] is.
#[derive(Clone, Copy)]
pub struct LogRecord<'a> {
    /// The event's time; the observed time or the time of receipt when the sender gave none.
    pub time: Nanos,
    /// 0 when the sender gave none.
    pub observed_time: Nanos,
    /// 0 (unspecified), or 1 to 24: TRACE, DEBUG, INFO, WARN, ERROR, FATAL in ranges of four.
    pub severity_number: u8,
    pub severity_text: &'a str,
    /// The body's string form, as [`Value`]'s `Display` gives it: what is searched and shown.
    pub body: &'a str,
    /// The body as an `AnyValue` message when it is not a string; empty when it is.
    pub body_value: &'a [u8],
    pub event_name: &'a str,
    /// `None` when the sender gave none or an invalid one: the record is then not correlated.
    pub trace_id: Option<TraceId>,
    pub span_id: Option<SpanId>,
    pub flags: u32,
    pub attrs: Attrs<'a>,
    pub dropped_attributes: u32,
    /// `service.name` of the resource.
    pub service: &'a str,
    pub resource: Resource<'a>,
    pub scope: Scope<'a>,
}

impl<'a> LogRecord<'a> {
    /// The body with its type.
    pub fn body_value(&self) -> Value<'a> {
        if self.body_value.is_empty() { Value::Str(self.body) } else { Value::parse(self.body_value) }
    }

    /// The sender's severity text, or the short name of the number's range.
    pub fn severity(&self) -> &'a str {
        if self.severity_text.is_empty() { severity_name(self.severity_number) } else { self.severity_text }
    }
}

/// The short name of a severity number's range (logs data model, "Displaying Severity"); empty for 0 and above 24.
pub fn severity_name(number: u8) -> &'static str {
    match number {
        1..=4 => "TRACE",
        5..=8 => "DEBUG",
        9..=12 => "INFO",
        13..=16 => "WARN",
        17..=20 => "ERROR",
        21..=24 => "FATAL",
        _ => "",
    }
}

/// The first severity number of a range named as in [`severity_name`], in any case; `warning` and `err` as well.
pub fn severity_number(name: &str) -> Option<u8> {
    let names: [(&str, u8); 8] = [
        ("trace", 1),
        ("debug", 5),
        ("info", 9),
        ("warn", 13),
        ("warning", 13),
        ("error", 17),
        ("err", 17),
        ("fatal", 21),
    ];
    names.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, number)| number)
}
