//! Rows as text, every field of each: what two ways of decoding are compared by.

use std::fmt::Write;

use model::{Attrs, PointValue, Resource, Scope, SpanId, TraceId};
use store::{ExemplarChunk, LogChunk, PointChunk, RecordBatch, Rows, SeriesChunk, SpanChunk, Table};

const INFALLIBLE: &str = "writing to a String cannot fail";

/// Every field of every row, a line for each.
pub(crate) fn dump(rows: Rows) -> String {
    dump_batches(rows.finish())
}

pub(crate) fn dump_batches(batches: impl IntoIterator<Item = (Table, RecordBatch)>) -> String {
    let mut out = String::new();
    for (table, batch) in batches {
        match table {
            Table::Spans => dump_spans(&SpanChunk::from(batch), &mut out),
            Table::Logs => dump_logs(&LogChunk::from(batch), &mut out),
            Table::Points => dump_points(&PointChunk::from(batch), &mut out),
            Table::Exemplars => dump_exemplars(&ExemplarChunk::from(batch), &mut out),
            Table::Series => dump_series(&SeriesChunk::from(batch), &mut out),
        }
    }
    out
}

pub(crate) fn json(attrs: Attrs<'_>) -> String {
    let mut text = String::new();
    attrs.write_json(&mut text);
    text
}

fn id(trace_id: Option<TraceId>) -> String {
    trace_id.map(|id| id.to_string()).unwrap_or_default()
}

fn span_id(span_id: Option<SpanId>) -> String {
    span_id.map(|id| id.to_string()).unwrap_or_default()
}

fn owner(service: &str, resource: Resource<'_>, scope: Scope<'_>) -> String {
    format!(
        "service={service:?} resource={} url={:?} scope={:?} {:?} {} url={:?}",
        json(resource.attrs()),
        resource.schema_url(),
        scope.name(),
        scope.version(),
        json(scope.attrs()),
        scope.schema_url(),
    )
}

fn dump_spans(chunk: &SpanChunk, out: &mut String) {
    for row in 0..chunk.len() {
        let span = chunk.row(row);
        writeln!(
            out,
            "span {} {} parent={} state={:?} flags={:x} name={:?} {} start={} duration={} {} {:?} attrs={} dropped={},{},{} {}",
            span.trace_id,
            span.span_id,
            span_id(span.parent_span_id),
            span.trace_state,
            span.flags,
            span.name,
            span.kind.name(),
            span.start,
            span.duration,
            span.status.name(),
            span.status_message,
            json(span.attrs),
            span.dropped_attributes,
            span.dropped_events,
            span.dropped_links,
            owner(span.service, span.resource, span.scope),
        )
        .expect(INFALLIBLE);
        for event in span.events.iter() {
            writeln!(
                out,
                "  event {} {:?} {} dropped={}",
                event.time,
                event.name,
                json(event.attrs),
                event.dropped_attributes
            )
            .expect(INFALLIBLE);
        }
        for link in span.links.iter() {
            writeln!(
                out,
                "  link {} {} state={:?} flags={:x} {} dropped={}",
                id(link.trace_id),
                span_id(link.span_id),
                link.trace_state,
                link.flags,
                json(link.attrs),
                link.dropped_attributes,
            )
            .expect(INFALLIBLE);
        }
    }
}

fn dump_logs(chunk: &LogChunk, out: &mut String) {
    for row in 0..chunk.len() {
        let log = chunk.row(row);
        let mut body = String::new();
        log.body_value().write_json(&mut body);
        writeln!(
            out,
            "log time={} observed={} severity={} {:?} body={:?} value={body} event={:?} {} {} flags={:x} attrs={} dropped={} {}",
            log.time,
            log.observed_time,
            log.severity_number,
            log.severity_text,
            log.body,
            log.event_name,
            id(log.trace_id),
            span_id(log.span_id),
            log.flags,
            json(log.attrs),
            log.dropped_attributes,
            owner(log.service, log.resource, log.scope),
        )
        .expect(INFALLIBLE);
    }
}

fn dump_points(chunk: &PointChunk, out: &mut String) {
    for row in 0..chunk.len() {
        let point = chunk.row(row);
        let value = match point.value {
            PointValue::Distribution(bytes) => format!("{bytes:02x?}"),
            other => format!("{other:?}"),
        };
        writeln!(
            out,
            "point {:?} time={} start={} flags={} {value}",
            point.series, point.time, point.start_time, point.flags,
        )
        .expect(INFALLIBLE);
    }
}

fn dump_exemplars(chunk: &ExemplarChunk, out: &mut String) {
    for row in 0..chunk.len() {
        let exemplar = chunk.row(row);
        writeln!(
            out,
            "exemplar {:?} time={} value={:?} {} {} {}",
            exemplar.series,
            exemplar.time,
            exemplar.value,
            id(exemplar.trace_id),
            span_id(exemplar.span_id),
            json(exemplar.attrs),
        )
        .expect(INFALLIBLE);
    }
}

fn dump_series(chunk: &SeriesChunk, out: &mut String) {
    for row in 0..chunk.len() {
        let series = chunk.row(row).expect("rows that were just made can be read");
        let id = series.id();
        writeln!(
            out,
            "series {id:?} {:?} unit={:?} description={:?} {} {:?} monotonic={} {} {}",
            series.name,
            series.unit,
            series.description,
            series.kind.name(),
            series.temporality,
            series.monotonic,
            json(series.attrs),
            owner(series.service, series.resource, series.scope),
        )
        .expect(INFALLIBLE);
    }
}
