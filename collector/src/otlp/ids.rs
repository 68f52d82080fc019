//! What is told of an id that is none.

use super::Report;

/// What the id of OTLP/JSON becomes that is not made of hex digits. No id has one byte, so that its item alone is told of.
pub(crate) const NOT_HEX: &[u8] = &[0xff];
/// The same of one that is the base64 of a trace or span id, which protobuf's own JSON mapping would have.
pub(crate) const BASE64: &[u8] = &[0xfe];

pub(crate) const TRACE_ID_BYTES: usize = 16;
pub(crate) const SPAN_ID_BYTES: usize = 8;

/// What is told of one field.
pub(super) struct Words {
    length: &'static str,
    base64: &'static str,
}

macro_rules! words {
    ($id:literal, $rule:literal, $digits:literal, $then:literal) => {
        Words {
            length: concat!($id, " must be ", $rule, " (", $digits, " hex digits in JSON)", $then),
            base64: concat!($id, " looks like base64; in OTLP/JSON it is ", $digits, " hex digits", $then),
        }
    };
}

pub(super) const TRACE: Words = words!("trace_id", "16 bytes and not all zero", "32", "");
pub(super) const SPAN: Words = words!("span_id", "8 bytes and not all zero", "16", "");
pub(super) const PARENT: Words = words!("parent_span_id", "empty or 8 bytes", "16", "");

impl Words {
    /// Of the id `sent`, which is none.
    pub(super) fn of(&self, sent: &[u8]) -> &'static str {
        if sent == BASE64 { self.base64 } else { self.length }
    }
}

/// The ids of a trace and a span that an item is stored without where they are none.
pub(super) struct Optional {
    trace: Words,
    span: Words,
}

macro_rules! optional {
    ($trace:literal, $span:literal, $then:literal) => {
        Optional {
            trace: words!($trace, "empty or 16 bytes", "32", $then),
            span: words!($span, "empty or 8 bytes", "16", $then),
        }
    };
}

pub(super) const OF_LOG: Optional = optional!("trace_id", "span_id", "; the log record was stored without it");
pub(super) const OF_LINK: Optional =
    optional!("trace_id of a link", "span_id of a link", "; the link was stored without it");
pub(super) const OF_EXEMPLAR: Optional =
    optional!("trace_id of an exemplar", "span_id of an exemplar", "; the exemplar was stored without it");

impl Optional {
    /// Warns of ids that are none. Zeros of the right length are no mistake: many senders write no id like that.
    #[inline]
    pub(super) fn check(&self, trace_id: &[u8], span_id: &[u8], report: &mut Report, place: impl Fn() -> String) {
        let is_odd = |id: &[u8], length| !id.is_empty() && id.len() != length;
        if is_odd(trace_id, TRACE_ID_BYTES) {
            report.warn(self.trace.of(trace_id), &place);
        }
        if is_odd(span_id, SPAN_ID_BYTES) {
            report.warn(self.span.of(span_id), &place);
        }
    }
}
