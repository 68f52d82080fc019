//! What the tests of this crate share: readable dumps of rows, a collector over a store in a temporary directory,
//! sample requests.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use model::{Attrs, Nanos, PointValue, Resource, Scope, SpanId, TraceId};
use store::{ExemplarChunk, LogChunk, PointChunk, Rows, SeriesChunk, SpanChunk, Store, StoreConfig, Table};
use tempfile::TempDir;

use crate::otlp::Context;
use crate::{Collector, Limits, decode_for_replay};

/// 2025-01-01T00:00:00Z.
pub(crate) const NOW: Nanos = 1_735_689_600_000_000_000;

pub(crate) const KEEP_ALL: Context = Context { received_at: NOW, oldest_accepted: Nanos::MIN };

/// A collector over a new store that keeps everything, at [`NOW`].
pub(crate) fn collector(limits: Limits) -> (TempDir, Arc<Store>, Arc<Collector>) {
    collector_over(|dir| StoreConfig::new(dir), limits)
}

/// A collector over a new store of this configuration, at [`NOW`].
pub(crate) fn collector_over(
    config: impl FnOnce(&Path) -> StoreConfig,
    limits: Limits,
) -> (TempDir, Arc<Store>, Arc<Collector>) {
    let dir = TempDir::new().unwrap();
    let (store, _) = Store::open(config(dir.path()), Box::new(decode_for_replay)).unwrap();
    let collector = Collector::new(Arc::clone(&store), limits, || NOW);
    (dir, store, collector)
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Every field of every row, a line for each.
pub(crate) fn dump(rows: Rows) -> String {
    let mut out = String::new();
    for (table, batch) in rows.finish() {
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
        .unwrap();
        for event in span.events.iter() {
            writeln!(
                out,
                "  event {} {:?} {} dropped={}",
                event.time,
                event.name,
                json(event.attrs),
                event.dropped_attributes
            )
            .unwrap();
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
            .unwrap();
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
        .unwrap();
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
        .unwrap();
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
        .unwrap();
    }
}

fn dump_series(chunk: &SeriesChunk, out: &mut String) {
    for row in 0..chunk.len() {
        let series = chunk.row(row).unwrap();
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
        .unwrap();
    }
}

/// Requests of each signal with one item, built with the generated types.
pub(crate) mod sample {
    use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
    use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
    use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
    use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
    use opentelemetry_proto::tonic::metrics::v1::{
        Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, metric, number_data_point,
    };
    use opentelemetry_proto::tonic::resource::v1::Resource;
    use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
    use prost::Message;

    use super::NOW;
    use crate::Signal;

    pub(crate) fn text(value: &str) -> AnyValue {
        AnyValue { value: Some(any_value::Value::StringValue(value.to_owned())) }
    }

    pub(crate) fn attribute(key: &str, value: AnyValue) -> KeyValue {
        KeyValue { key: key.to_owned(), value: Some(value), ..Default::default() }
    }

    pub(crate) fn resource(service: &str) -> Resource {
        Resource { attributes: vec![attribute("service.name", text(service))], ..Default::default() }
    }

    pub(crate) fn scope() -> InstrumentationScope {
        InstrumentationScope { name: "tests".into(), version: "1".into(), ..Default::default() }
    }

    pub(crate) fn span(n: u8) -> Span {
        Span {
            trace_id: vec![n; 16],
            span_id: vec![n; 8],
            name: format!("span {n}"),
            kind: 2,
            start_time_unix_nano: NOW as u64,
            end_time_unix_nano: NOW as u64 + 5,
            attributes: vec![attribute("n", text("x"))],
            ..Default::default()
        }
    }

    pub(crate) fn traces(spans: Vec<Span>) -> ExportTraceServiceRequest {
        let scope_spans = vec![ScopeSpans { scope: Some(scope()), spans, schema_url: String::new() }];
        let resource_spans =
            vec![ResourceSpans { resource: Some(resource("shop")), scope_spans, schema_url: String::new() }];
        ExportTraceServiceRequest { resource_spans }
    }

    pub(crate) fn log(body: AnyValue) -> LogRecord {
        LogRecord { time_unix_nano: NOW as u64, severity_number: 9, body: Some(body), ..Default::default() }
    }

    pub(crate) fn logs(log_records: Vec<LogRecord>) -> ExportLogsServiceRequest {
        let scope_logs = vec![ScopeLogs { scope: Some(scope()), log_records, schema_url: String::new() }];
        let resource_logs =
            vec![ResourceLogs { resource: Some(resource("shop")), scope_logs, schema_url: String::new() }];
        ExportLogsServiceRequest { resource_logs }
    }

    pub(crate) fn number(value: i64) -> NumberDataPoint {
        NumberDataPoint {
            time_unix_nano: NOW as u64,
            attributes: vec![attribute("path", text("/"))],
            value: Some(number_data_point::Value::AsInt(value)),
            ..Default::default()
        }
    }

    pub(crate) fn metric(data: metric::Data) -> Metric {
        Metric { name: "requests".into(), unit: "{request}".into(), data: Some(data), ..Default::default() }
    }

    pub(crate) fn metrics(metrics: Vec<Metric>) -> ExportMetricsServiceRequest {
        let scope_metrics = vec![ScopeMetrics { scope: Some(scope()), metrics, schema_url: String::new() }];
        let resource_metrics =
            vec![ResourceMetrics { resource: Some(resource("shop")), scope_metrics, schema_url: String::new() }];
        ExportMetricsServiceRequest { resource_metrics }
    }

    /// A body of `signal` with one item.
    pub(crate) fn body(signal: Signal) -> Vec<u8> {
        match signal {
            Signal::Traces => traces(vec![span(1)]).encode_to_vec(),
            Signal::Logs => logs(vec![log(text("hello"))]).encode_to_vec(),
            Signal::Metrics => {
                let sum = Sum { data_points: vec![number(7)], aggregation_temporality: 2, is_monotonic: true };
                metrics(vec![metric(metric::Data::Sum(sum))]).encode_to_vec()
            }
        }
    }
}
