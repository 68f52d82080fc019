//! The rows that the tests ask for: ten traces of two services, ten log records, one counter of ten points.

use model::wire::{put_bytes_field, put_fixed64_field};

use super::*;

pub(super) fn trace(number: u64) -> TraceId {
    TraceId((0xabc_u128 << 64 | u128::from(number + 1)).to_be_bytes())
}

pub(super) fn rows() -> Rows {
    let mut rows = Rows::default();
    for number in 0..10u64 {
        let time = NOW - (600 - number as Nanos * 60) * SECOND;
        let resource = resource("shop");
        span(&mut rows, number, time, "shop", None);
        span(&mut rows, number, time, "payment", Some(SpanId((number * 10 + 1).to_be_bytes())));
        let mut attrs = AttrsBuf::new();
        attrs.push("order", Attribute::Int(number as i64));
        rows.logs.push(&LogRecord {
            time,
            observed_time: 0,
            severity_number: if number == 7 { 17 } else { 9 },
            severity_text: "",
            body: &format!("order {number} accepted"),
            body_value: &[],
            event_name: "",
            trace_id: Some(trace(number)),
            span_id: None,
            flags: 0,
            attrs: attrs.as_attrs(),
            dropped_attributes: 0,
            service: "shop",
            resource: Resource::new(resource.as_bytes()),
            scope: Scope::default(),
        });
        let series = Series {
            name: "orders",
            unit: "{order}",
            description: "orders that came",
            kind: MetricKind::Sum,
            temporality: Temporality::Cumulative,
            monotonic: true,
            attrs: Attrs::default(),
            attr_bytes: &[],
            service: "shop",
            resource: Resource::new(resource.as_bytes()),
            scope: Scope::default(),
        };
        let id = rows.metrics.series(&series, time);
        let value = PointValue::Int(number as i64 * 60);
        if number < 3 {
            rows.exemplars.push(&model::Exemplar {
                series: id,
                time,
                value: 6.5,
                trace_id: Some(trace(number)),
                span_id: Some(SpanId((number * 10 + 1).to_be_bytes())),
                attrs: attrs.as_attrs(),
                attr_bytes: attrs.as_bytes(),
            });
        }
        rows.metrics.push(&Point { series: id, time, start_time: NOW - 3600 * SECOND, flags: 0, value });
    }
    rows
}

fn resource(service: &str) -> AttrsBuf {
    let mut resource = AttrsBuf::new();
    resource.push("service.name", Attribute::Str(service));
    resource
}

fn span(rows: &mut Rows, number: u64, start: Nanos, service: &str, parent: Option<SpanId>) {
    let resource = resource(service);
    let mut attrs = AttrsBuf::new();
    attrs.push("http.route", Attribute::Str("/orders"));
    let offset = if parent.is_some() { 2 } else { 1 };
    // The failed one tells why, and its parent is linked with another trace.
    let (mut events, mut links) = (Vec::new(), Vec::new());
    if number == 7 && parent.is_some() {
        events = event(start, "exception", "exception.type", "Declined");
    } else if number == 7 {
        links = link(trace(3));
    }
    rows.spans.push(&Span {
        trace_id: trace(number),
        span_id: SpanId((number * 10 + offset).to_be_bytes()),
        parent_span_id: parent,
        trace_state: "",
        flags: 1,
        name: if parent.is_some() { "charge" } else { "POST /orders" },
        kind: SpanKind::Server,
        start,
        duration: (number as Nanos + 1) * 100_000_000,
        status: if number == 7 { SpanStatus::Error } else { SpanStatus::Unset },
        status_message: "",
        attrs: attrs.as_attrs(),
        events: Events::new(&events),
        links: Links::new(&links),
        dropped_attributes: 0,
        dropped_events: 0,
        dropped_links: 0,
        service,
        resource: Resource::new(resource.as_bytes()),
        scope: Scope::default(),
    });
}

/// One event with an attribute, in wire encoding.
fn event(time: Nanos, name: &str, key: &str, value: &str) -> Vec<u8> {
    let mut attrs = AttrsBuf::new();
    attrs.push(key, Attribute::Str(value));
    let mut event = Vec::new();
    put_fixed64_field(&mut event, 1, time as u64);
    put_bytes_field(&mut event, 2, name.as_bytes());
    attrs.as_attrs().copy_to_field(&mut event, 3);
    let mut events = Vec::new();
    put_bytes_field(&mut events, 1, &event);
    events
}

/// One link with the attribute `batch`, in wire encoding.
fn link(to: TraceId) -> Vec<u8> {
    let mut attrs = AttrsBuf::new();
    attrs.push("batch", Attribute::Int(4));
    let mut link = Vec::new();
    put_bytes_field(&mut link, 1, &to.0);
    put_bytes_field(&mut link, 2, &1u64.to_be_bytes());
    attrs.as_attrs().copy_to_field(&mut link, 4);
    let mut links = Vec::new();
    put_bytes_field(&mut links, 1, &link);
    links
}
