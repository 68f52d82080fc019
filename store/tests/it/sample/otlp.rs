//! Requests of the sample: each item goes into the rows and, in OTLP's encoding, into the body that the log keeps.

use bytes::Bytes;
use model::metric::NO_RECORDED_VALUE;
use model::wire::{put_bytes_field, put_fixed32_field, put_fixed64_field, put_varint_field};
use model::{
    Attrs, AttrsBuf, Exemplar, LogRecord, MetricKind, Nanos, Point, PointValue, Resource, Scope, Series, Span, Value,
};
use store::{Request, Rows};

/// What the receiver calls the signals in the log.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Traces = 1,
    Metrics = 2,
    Logs = 3,
}

/// A request under construction: `Export{Trace,Metrics,Logs}ServiceRequest` with one resource for each item.
pub(crate) struct Export {
    kind: Kind,
    rows: Rows,
    body: Vec<u8>,
}

/// The rows of a body, and the body.
pub(crate) fn request(received_at: Nanos, kind: Kind, fill: impl Fn(&mut Export)) -> Request {
    let mut export = Export { kind, rows: Rows::default(), body: Vec::new() };
    fill(&mut export);
    Request { kind: kind as u8, received_at, body: Bytes::from(export.body), dedup: true, rows: export.rows }
}

/// `rows` with those of a body appended.
pub(crate) fn append(rows: Rows, kind: Kind, fill: impl Fn(&mut Export)) -> Rows {
    let mut export = Export { kind, rows, body: Vec::new() };
    fill(&mut export);
    export.rows
}

impl Export {
    pub(crate) fn span(&mut self, span: &Span<'_>) {
        self.rows.spans.push(span);
        let mut out = Vec::new();
        put_bytes_field(&mut out, 1, &span.trace_id.0);
        put_bytes_field(&mut out, 2, &span.span_id.0);
        put_bytes_field(&mut out, 3, span.trace_state.as_bytes());
        if let Some(parent) = span.parent_span_id {
            put_bytes_field(&mut out, 4, &parent.0);
        }
        put_bytes_field(&mut out, 5, span.name.as_bytes());
        put_varint_field(&mut out, 6, span.kind as u64);
        put_fixed64_field(&mut out, 7, span.start as u64);
        put_fixed64_field(&mut out, 8, span.end() as u64);
        put_attrs(&mut out, 9, span.attrs);
        put_varint_field(&mut out, 10, span.dropped_attributes.into());
        put_messages(&mut out, 11, span.events.as_bytes());
        put_varint_field(&mut out, 12, span.dropped_events.into());
        put_messages(&mut out, 13, span.links.as_bytes());
        put_varint_field(&mut out, 14, span.dropped_links.into());
        let mut status = Vec::new();
        put_bytes_field(&mut status, 2, span.status_message.as_bytes());
        put_varint_field(&mut status, 3, span.status as u64);
        put_bytes_field(&mut out, 15, &status);
        put_fixed32_field(&mut out, 16, span.flags);
        self.item(span.resource, span.scope, &out);
    }

    pub(crate) fn log(&mut self, log: &LogRecord<'_>) {
        self.rows.logs.push(log);
        let mut out = Vec::new();
        put_fixed64_field(&mut out, 1, log.time as u64);
        put_varint_field(&mut out, 2, log.severity_number.into());
        put_bytes_field(&mut out, 3, log.severity_text.as_bytes());
        match log.body_value {
            [] => put_bytes_field(&mut out, 5, &any(Value::Str(log.body))),
            value => put_bytes_field(&mut out, 5, value),
        }
        put_attrs(&mut out, 6, log.attrs);
        put_varint_field(&mut out, 7, log.dropped_attributes.into());
        put_fixed32_field(&mut out, 8, log.flags);
        if let Some(id) = log.trace_id {
            put_bytes_field(&mut out, 9, &id.0);
        }
        if let Some(id) = log.span_id {
            put_bytes_field(&mut out, 10, &id.0);
        }
        put_fixed64_field(&mut out, 11, log.observed_time as u64);
        put_bytes_field(&mut out, 12, log.event_name.as_bytes());
        self.item(log.resource, log.scope, &out);
    }

    /// A point of `series` with its exemplars, whose own `series` is not looked at.
    pub(crate) fn point(&mut self, series: &Series<'_>, point: &Point<'_>, exemplars: &[Exemplar<'_>]) {
        let id = self.rows.metrics.series(series, point.time);
        self.rows.metrics.push(&Point { series: id, ..*point });
        // (attributes, exemplars, flags) of the three kinds of data points.
        let fields = match series.kind {
            MetricKind::Gauge | MetricKind::Sum => (7, 5, 8),
            MetricKind::Histogram => (9, 8, 10),
            MetricKind::ExponentialHistogram => (1, 11, 10),
            MetricKind::Summary => (7, 0, 8),
        };
        let mut out = Vec::new();
        put_attrs(&mut out, fields.0, series.attrs);
        put_fixed64_field(&mut out, 2, point.start_time as u64);
        put_fixed64_field(&mut out, 3, point.time as u64);
        match point.value {
            PointValue::None => assert_eq!(point.flags & NO_RECORDED_VALUE, NO_RECORDED_VALUE),
            PointValue::Double(value) => put_fixed64_field(&mut out, 4, value.to_bits()),
            PointValue::Int(value) => put_fixed64_field(&mut out, 6, value as u64),
            PointValue::Distribution(bytes) => out.extend_from_slice(bytes),
        }
        for exemplar in exemplars {
            self.rows.exemplars.push(&Exemplar { series: id, ..*exemplar });
            put_bytes_field(&mut out, fields.1, &exemplar_message(exemplar));
        }
        put_varint_field(&mut out, fields.2, point.flags.into());

        let mut data = Vec::new();
        put_bytes_field(&mut data, 1, &out);
        put_varint_field(&mut data, 2, series.temporality as u64);
        if series.kind == MetricKind::Sum {
            put_varint_field(&mut data, 3, series.monotonic.into());
        }
        let mut metric = Vec::new();
        put_bytes_field(&mut metric, 1, series.name.as_bytes());
        put_bytes_field(&mut metric, 2, series.description.as_bytes());
        put_bytes_field(&mut metric, 3, series.unit.as_bytes());
        let number = match series.kind {
            MetricKind::Gauge => 5,
            MetricKind::Sum => 7,
            MetricKind::Histogram => 9,
            MetricKind::ExponentialHistogram => 10,
            MetricKind::Summary => 11,
        };
        put_bytes_field(&mut metric, number, &data);
        self.item(series.resource, series.scope, &metric);
    }

    /// Wraps an item in its resource and scope.
    fn item(&mut self, resource: Resource<'_>, scope: Scope<'_>, item: &[u8]) {
        let mut of_scope = Vec::new();
        put_bytes_field(&mut of_scope, 1, &without_schema_url(scope.as_bytes()));
        put_bytes_field(&mut of_scope, 2, item);
        put_bytes_field(&mut of_scope, 3, scope.schema_url().as_bytes());
        let mut of_resource = Vec::new();
        put_bytes_field(&mut of_resource, 1, &without_schema_url(resource.as_bytes()));
        put_bytes_field(&mut of_resource, 2, &of_scope);
        put_bytes_field(&mut of_resource, 3, resource.schema_url().as_bytes());
        put_bytes_field(&mut self.body, 1, &of_resource);
        debug_assert!(!self.rows.is_empty(), "{}", self.kind as u8);
    }
}

/// A resource or scope as it is sent: OTLP has the URL in the message around it.
fn without_schema_url(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut reader = model::wire::Reader::new(message);
    while let Ok(Some((number, raw))) = reader.next_field() {
        if let (model::wire::Raw::Bytes(bytes), true) = (raw, number != model::resource::SCHEMA_URL_FIELD) {
            put_bytes_field(&mut out, number, bytes);
        }
    }
    out
}

fn exemplar_message(exemplar: &Exemplar<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    put_fixed64_field(&mut out, 2, exemplar.time as u64);
    put_fixed64_field(&mut out, 3, exemplar.value.to_bits());
    if let Some(id) = exemplar.span_id {
        put_bytes_field(&mut out, 4, &id.0);
    }
    if let Some(id) = exemplar.trace_id {
        put_bytes_field(&mut out, 5, &id.0);
    }
    put_attrs(&mut out, 7, exemplar.attrs);
    out
}

/// Each attribute as a `KeyValue` in field `number`.
fn put_attrs(out: &mut Vec<u8>, number: u32, attrs: Attrs<'_>) {
    let mut list = Vec::new();
    attrs.copy_to(&mut list);
    put_messages(out, number, &list);
}

/// The messages in field 1 of `list`, in field `number`.
fn put_messages(out: &mut Vec<u8>, number: u32, list: &[u8]) {
    let mut reader = model::wire::Reader::new(list);
    while let Ok(Some((1, model::wire::Raw::Bytes(message)))) = reader.next_field() {
        put_bytes_field(out, number, message);
    }
}

/// An `AnyValue` message.
pub(crate) fn any(value: Value<'_>) -> Vec<u8> {
    let mut list = AttrsBuf::new();
    list.push("", value);
    let mut reader = model::wire::Reader::new(list.as_bytes());
    let Ok(Some((_, model::wire::Raw::Bytes(entry)))) = reader.next_field() else { return Vec::new() };
    let mut reader = model::wire::Reader::new(entry);
    while let Ok(Some((number, raw))) = reader.next_field() {
        if let (2, model::wire::Raw::Bytes(value)) = (number, raw) {
            return value.to_vec();
        }
    }
    Vec::new()
}
