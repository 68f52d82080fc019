//! Exemplars, whose trace and span are labels among others.

use model::attrs::{AttrsBuf, Value};
use model::{Nanos, SeriesId, SpanId, TraceId};

use super::labels::{MAX_BYTES, MAX_LABELS, MAX_VALUE};
use crate::otlp::Decoded;

const LARGE: &str = "it has more than 256 labels, a label of more than 32768 bytes, or more than 64 KiB of labels";

/// One exemplar of a series.
#[derive(Default)]
pub(super) struct Exemplar<'a> {
    pub(super) labels: Vec<(&'a str, &'a str)>,
    /// Of `labels`.
    pub(super) n_bytes: usize,
    pub(super) value: f64,
    /// In milliseconds.
    pub(super) time: i64,
    /// Why it cannot be stored.
    pub(super) problem: Option<&'static str>,
}

impl<'a> Exemplar<'a> {
    pub(super) fn push(&mut self, (name, value): (&'a str, &'a str)) {
        let n_bytes = self.n_bytes + name.len() + value.len();
        if self.labels.len() == MAX_LABELS || name.len().max(value.len()) > MAX_VALUE || n_bytes > MAX_BYTES {
            self.refuse(LARGE);
        } else {
            self.n_bytes = n_bytes;
            self.labels.push((name, value));
        }
    }

    /// It cannot be stored for this reason, unless there was one before.
    pub(super) fn refuse(&mut self, problem: &'static str) {
        self.problem.get_or_insert(problem);
    }

    /// The labels that name a trace and a span go where those of OTLP are; `traceID` is what clients sent before Prometheus
    /// settled on `trace_id`. Those that are no ids stay labels, as all others do.
    pub(super) fn push_row(&self, series: SeriesId, time: Nanos, decoded: &mut Decoded) {
        let (mut trace_id, mut span_id) = (None, None);
        let mut attributes = AttrsBuf::new();
        for (name, value) in &self.labels {
            match *name {
                "trace_id" | "traceID" if trace_id.is_none() => trace_id = full(value, 32).and_then(TraceId::parse),
                "span_id" | "spanID" if span_id.is_none() => span_id = full(value, 16).and_then(SpanId::parse),
                _ => {
                    attributes.push(name, Value::Str(value));
                    continue;
                }
            }
            let is_id = if name.starts_with("trace") { trace_id.is_some() } else { span_id.is_some() };
            if !is_id {
                attributes.push(name, Value::Str(value));
            }
        }
        decoded.rows.exemplars.push(&model::Exemplar {
            series,
            time,
            value: self.value,
            trace_id,
            span_id,
            attrs: attributes.as_attrs(),
            attr_bytes: attributes.as_bytes(),
        });
    }
}

/// `value` if it has all its digits: what is shorter may be an id of another kind.
fn full(value: &str, digits: usize) -> Option<&str> {
    (value.len() == digits).then_some(value)
}
