//! What the tests of this crate share: a collector over a store in a temporary directory, sample requests.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use store::{Store, StoreConfig};
use tempfile::TempDir;

pub(crate) use crate::fuzzing::dump::{dump, dump_batches};
pub(crate) use crate::fuzzing::{KEEP_ALL, NOW};
use crate::{Collector, Limits, decode_for_replay};

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
