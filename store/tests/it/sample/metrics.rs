//! Points of every kind, with the values that encodings like to lose, and exemplars.

use model::metric::NO_RECORDED_VALUE;
use model::wire::{put_bytes_field, put_fixed64_field, put_varint_field};
use model::{AttrsBuf, Exemplar, MetricKind, Nanos, Point, PointValue, Series, SeriesId, Temporality, Value};

use super::otlp::Export;
use super::{SECOND, Senders, span_id, trace_id};

/// Prometheus' stale marker: a NaN told by its bits.
const STALE: u64 = 0x7ff0_0000_0000_0002;

struct Metric {
    name: &'static str,
    unit: &'static str,
    kind: MetricKind,
    temporality: Temporality,
    monotonic: bool,
}

const fn metric(name: &'static str, unit: &'static str, kind: MetricKind, temporality: Temporality) -> Metric {
    Metric { name, unit, kind, temporality, monotonic: matches!(kind, MetricKind::Sum) }
}

const METRICS: [Metric; 8] = [
    metric("process.cpu.utilization", "1", MetricKind::Gauge, Temporality::Unspecified),
    metric("queue.length", "{item}", MetricKind::Gauge, Temporality::Unspecified),
    metric("http.server.requests", "{request}", MetricKind::Sum, Temporality::Cumulative),
    Metric {
        monotonic: false,
        ..metric("http.server.active_requests", "{request}", MetricKind::Sum, Temporality::Delta)
    },
    metric("http.server.request.duration", "s", MetricKind::Histogram, Temporality::Cumulative),
    metric("rpc.size", "By", MetricKind::Histogram, Temporality::Delta),
    metric("db.client.operation.duration", "s", MetricKind::ExponentialHistogram, Temporality::Cumulative),
    metric("gc.pause", "ms", MetricKind::Summary, Temporality::Cumulative),
];

/// One collection: a point of each series, 15 s after the last and off by some nanoseconds.
pub(crate) fn round(export: &mut Export, senders: &Senders, round: u64, at: Nanos) {
    let time = at + round as Nanos * 15 * SECOND + (round * 7919 % 1000) as Nanos;
    for (number, metric) in METRICS.iter().enumerate() {
        for (at, route) in ["/", "/orders/{id}", "/주문"].into_iter().enumerate() {
            if at > number % 3 {
                continue;
            }
            let mut attrs = AttrsBuf::new();
            attrs.push("http.route", Value::Str(route));
            attrs.push("pool.size", Value::Int(at as i64));
            let resource = senders.resource(number as u64 / 2);
            let series = Series {
                name: metric.name,
                unit: metric.unit,
                description: if number % 2 == 0 { "what it says" } else { "" },
                kind: metric.kind,
                temporality: metric.temporality,
                monotonic: metric.monotonic,
                attrs: attrs.as_attrs(),
                attr_bytes: attrs.as_bytes(),
                service: resource.service_name(),
                resource,
                scope: senders.scope(number as u64),
            };
            let bytes = distribution(metric.kind, round + at as u64);
            let missing = number == 1 && round % 5 == 4;
            let value = match metric.kind {
                MetricKind::Gauge if missing => PointValue::None,
                MetricKind::Gauge if number == 1 => PointValue::Int(round as i64 * 3 - 20),
                MetricKind::Gauge => PointValue::Double(double(round, at)),
                MetricKind::Sum => PointValue::Int((round * (at as u64 + 1) * 10) as i64),
                _ => PointValue::Distribution(&bytes),
            };
            let start_time = match metric.temporality {
                Temporality::Unspecified => 0,
                Temporality::Delta => time - 15 * SECOND,
                Temporality::Cumulative => super::START - SECOND,
            };
            let flags = if missing { NO_RECORDED_VALUE } else { 0 };
            let point = Point { series: SeriesId(0), time, start_time, flags, value };
            let mut dropped = AttrsBuf::new();
            dropped.push("user.id", Value::Str("u-17"));
            let exemplars = [
                exemplar(round, time - 5, &dropped),
                Exemplar { trace_id: None, span_id: None, ..exemplar(round + 1, time - 4, &dropped) },
            ];
            let sampled = matches!(number, 2 | 4 | 6) && at == 0 && round.is_multiple_of(3);
            export.point(&series, &point, if sampled { &exemplars } else { &[] });
        }
    }
}

fn exemplar(number: u64, time: Nanos, attrs: &AttrsBuf) -> Exemplar<'_> {
    Exemplar {
        series: SeriesId(0),
        time,
        value: number as f64 + 0.125,
        trace_id: Some(trace_id(number)),
        span_id: Some(span_id(number * 10)),
        attrs: attrs.as_attrs(),
        attr_bytes: attrs.as_bytes(),
    }
}

fn double(round: u64, at: usize) -> f64 {
    match (round, at) {
        (3, 0) => f64::NAN,
        (4, 0) => f64::INFINITY,
        (5, 0) => -0.0,
        (6, 0) => f64::from_bits(STALE),
        (7, 0) => f64::MIN_POSITIVE / 8.0,
        _ => (round as f64 * 0.1).sin().abs() + at as f64,
    }
}

/// The fields of a histogram, exponential histogram or summary that are its value.
fn distribution(kind: MetricKind, number: u64) -> Vec<u8> {
    let mut out = Vec::new();
    put_fixed64_field(&mut out, 4, number * 3 + 6);
    put_fixed64_field(&mut out, 5, (number as f64 * 1.5 + 0.25).to_bits());
    let packed = |values: &[u64]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
    match kind {
        MetricKind::Histogram => {
            put_bytes_field(&mut out, 6, &packed(&[number, number, number, 6]));
            put_bytes_field(&mut out, 7, &packed(&[0.005f64.to_bits(), 0.1f64.to_bits(), 2.5f64.to_bits()]));
            put_fixed64_field(&mut out, 11, 0.001f64.to_bits());
            put_fixed64_field(&mut out, 12, (3.0 + number as f64).to_bits());
        }
        MetricKind::ExponentialHistogram => {
            put_varint_field(&mut out, 6, 6); // scale 3 in zigzag
            put_fixed64_field(&mut out, 7, 6);
            let buckets = |offset: u64, counts: &[u8]| {
                let mut buckets = Vec::new();
                put_varint_field(&mut buckets, 1, offset);
                put_bytes_field(&mut buckets, 2, counts);
                buckets
            };
            put_bytes_field(&mut out, 8, &buckets(9, &[number as u8, number as u8])); // offset -5 in zigzag
            put_bytes_field(&mut out, 9, &buckets(0, &[number as u8]));
            put_fixed64_field(&mut out, 14, 1e-9f64.to_bits());
        }
        MetricKind::Summary => {
            for (quantile, value) in [(0.5, 1.0 + number as f64), (0.99, 17.5)] {
                let mut entry = Vec::new();
                put_fixed64_field(&mut entry, 1, f64::to_bits(quantile));
                put_fixed64_field(&mut entry, 2, value.to_bits());
                put_bytes_field(&mut out, 6, &entry);
            }
        }
        MetricKind::Gauge | MetricKind::Sum => out.clear(),
    }
    out
}
