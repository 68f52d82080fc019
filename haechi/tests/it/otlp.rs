//! OTLP requests as an SDK would send them, made with the reference implementation's types.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Histogram, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum,
    metric, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status, span, status};
use prost::Message;

pub(crate) const SECOND: u64 = 1_000_000_000;

/// Now, for rows that must be inside the retention.
#[expect(clippy::disallowed_methods, reason = "the tests' own clock")]
pub(crate) fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64
}

pub(crate) fn text(key: &str, value: &str) -> KeyValue {
    let value = AnyValue { value: Some(any_value::Value::StringValue(value.to_owned())) };
    KeyValue { key: key.to_owned(), value: Some(value), ..Default::default() }
}

fn resource(service: &str) -> Option<Resource> {
    let attributes = vec![text("service.name", service), text("service.version", "1.2.3")];
    Some(Resource { attributes, ..Default::default() })
}

fn scope() -> Option<InstrumentationScope> {
    Some(InstrumentationScope { name: "it".to_owned(), ..Default::default() })
}

/// A span of the trace `trace`; `parent` 0 is a root.
pub(crate) fn span(trace: u128, id: u64, parent: u64, name: &str, start: u64, end: u64) -> Span {
    Span {
        trace_id: trace.to_be_bytes().to_vec(),
        span_id: id.to_be_bytes().to_vec(),
        parent_span_id: if parent == 0 { Vec::new() } else { parent.to_be_bytes().to_vec() },
        name: name.to_owned(),
        kind: span::SpanKind::Server as i32,
        start_time_unix_nano: start,
        end_time_unix_nano: end,
        attributes: vec![text("http.route", "/pay")],
        ..Default::default()
    }
}

pub(crate) fn failed(mut span: Span, message: &str) -> Span {
    span.status = Some(Status { code: status::StatusCode::Error as i32, message: message.to_owned() });
    span
}

pub(crate) fn traces(service: &str, spans: Vec<Span>) -> ExportTraceServiceRequest {
    let scope_spans = vec![ScopeSpans { scope: scope(), spans, ..Default::default() }];
    let resource_spans = vec![ResourceSpans { resource: resource(service), scope_spans, ..Default::default() }];
    ExportTraceServiceRequest { resource_spans }
}

pub(crate) fn log(trace: u128, span: u64, time: u64, body: &str) -> LogRecord {
    LogRecord {
        time_unix_nano: time,
        observed_time_unix_nano: time,
        severity_number: 17,
        severity_text: "ERROR".to_owned(),
        body: Some(AnyValue { value: Some(any_value::Value::StringValue(body.to_owned())) }),
        trace_id: trace.to_be_bytes().to_vec(),
        span_id: span.to_be_bytes().to_vec(),
        attributes: vec![text("customer", "c-42")],
        ..Default::default()
    }
}

pub(crate) fn logs(service: &str, log_records: Vec<LogRecord>) -> ExportLogsServiceRequest {
    let scope_logs = vec![ScopeLogs { scope: scope(), log_records, ..Default::default() }];
    let resource_logs = vec![ResourceLogs { resource: resource(service), scope_logs, ..Default::default() }];
    ExportLogsServiceRequest { resource_logs }
}

/// A monotonic cumulative sum, one point for each `(time, value)`.
pub(crate) fn counter(name: &str, points: &[(u64, i64)], attributes: Vec<KeyValue>) -> Metric {
    let start = points.first().map_or(0, |(time, _)| time - SECOND);
    let data_points = points.iter().map(|(time, value)| NumberDataPoint {
        attributes: attributes.clone(),
        start_time_unix_nano: start,
        time_unix_nano: *time,
        value: Some(number_data_point::Value::AsInt(*value)),
        ..Default::default()
    });
    let data = metric::Data::Sum(Sum {
        data_points: data_points.collect(),
        aggregation_temporality: AggregationTemporality::Cumulative as i32,
        is_monotonic: true,
    });
    Metric { name: name.to_owned(), unit: "{request}".to_owned(), data: Some(data), ..Default::default() }
}

/// A cumulative histogram in seconds with the bounds 0.1 and 1.
pub(crate) fn histogram(name: &str, points: &[(u64, [u64; 3])]) -> Metric {
    let start = points.first().map_or(0, |(time, _)| time - SECOND);
    let data_points = points.iter().map(|(time, counts)| HistogramDataPoint {
        start_time_unix_nano: start,
        time_unix_nano: *time,
        count: counts.iter().sum(),
        sum: Some(1.0),
        bucket_counts: counts.to_vec(),
        explicit_bounds: vec![0.1, 1.0],
        ..Default::default()
    });
    let data = metric::Data::Histogram(Histogram {
        data_points: data_points.collect(),
        aggregation_temporality: AggregationTemporality::Cumulative as i32,
    });
    Metric { name: name.to_owned(), unit: "s".to_owned(), data: Some(data), ..Default::default() }
}

pub(crate) fn metrics(service: &str, metrics: Vec<Metric>) -> ExportMetricsServiceRequest {
    let scope_metrics = vec![ScopeMetrics { scope: scope(), metrics, ..Default::default() }];
    let resource_metrics = vec![ResourceMetrics { resource: resource(service), scope_metrics, ..Default::default() }];
    ExportMetricsServiceRequest { resource_metrics }
}

/// Posts a request as protobuf; the status of the reply.
pub(crate) async fn post(base: &str, signal: &str, request: &impl Message) -> Result<u16, reqwest::Error> {
    post_bytes(base, signal, "application/x-protobuf", request.encode_to_vec()).await
}

pub(crate) async fn post_bytes(base: &str, signal: &str, content: &str, body: Vec<u8>) -> Result<u16, reqwest::Error> {
    let request = reqwest::Client::new().post(format!("{base}/v1/{signal}")).header("content-type", content).body(body);
    Ok(request.send().await?.status().as_u16())
}
