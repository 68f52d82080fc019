//! Readings as an `ExportMetricsServiceRequest`, so that they take the way of all metrics.
//!
//! A name loses what PromQL's names get back from unit and kind: `haechi_request_bytes_total` is the monotonic sum
//! `haechi_request` in bytes. Source: opentelemetry-proto, `metrics/v1/metrics.proto`.

use model::wire::{put_bytes_field, put_fixed64_field, put_varint_field};
use model::{AttrsBuf, Nanos, Temporality, Value};

use super::readings::Metric;

/// The request in protobuf. Counters are cumulative since `since`.
pub(crate) fn request(metrics: &[Metric], since: Nanos, now: Nanos) -> Vec<u8> {
    let mut owner = AttrsBuf::new();
    owner.push("service.name", Value::Str("haechi"));
    owner.push("service.version", Value::Str(env!("CARGO_PKG_VERSION")));
    let mut scope_metrics = message(1, &message(1, b"haechi"));
    for metric in metrics {
        put_bytes_field(&mut scope_metrics, 2, &one(metric, since, now));
    }
    let mut resource_metrics = Vec::new();
    put_bytes_field(&mut resource_metrics, 1, owner.as_bytes());
    put_bytes_field(&mut resource_metrics, 2, &scope_metrics);
    message(1, &resource_metrics)
}

/// A message with one field.
fn message(number: u32, field: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    put_bytes_field(&mut out, number, field);
    out
}

const GAUGE: u32 = 5;
const SUM: u32 = 7;

/// A `Metric` message.
fn one(metric: &Metric, since: Nanos, now: Nanos) -> Vec<u8> {
    let (name, unit) = name_and_unit(metric.name);
    let mut data = Vec::new();
    for (word, value) in &metric.samples {
        let mut point = Vec::new();
        if metric.is_counter() {
            put_fixed64_field(&mut point, 2, since as u64);
        }
        put_fixed64_field(&mut point, 3, now as u64);
        put_fixed64_field(&mut point, 4, value.to_bits());
        if !metric.label.is_empty() {
            let mut attribute = Vec::new();
            put_bytes_field(&mut attribute, 1, metric.label.as_bytes());
            let text = message(1, word.as_bytes());
            put_bytes_field(&mut attribute, 2, &text);
            put_bytes_field(&mut point, 7, &attribute);
        }
        put_bytes_field(&mut data, 1, &point);
    }
    if metric.is_counter() {
        put_varint_field(&mut data, 2, Temporality::Cumulative as u64);
        put_varint_field(&mut data, 3, 1);
    }
    let mut out = Vec::new();
    put_bytes_field(&mut out, 1, name.as_bytes());
    put_bytes_field(&mut out, 2, metric.help.as_bytes());
    put_bytes_field(&mut out, 3, unit.as_bytes());
    put_bytes_field(&mut out, if metric.is_counter() { SUM } else { GAUGE }, &data);
    out
}

/// Name and unit in OpenTelemetry of a name in Prometheus.
fn name_and_unit(name: &str) -> (&str, &'static str) {
    let name = name.strip_suffix("_total").unwrap_or(name);
    for (suffix, unit) in [("_bytes", "By"), ("_seconds", "s")] {
        if let Some(name) = name.strip_suffix(suffix) {
            return (name, unit);
        }
    }
    (name, "")
}
