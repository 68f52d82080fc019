//! The points of metrics in a manifest.

use opentelemetry::KeyValue;
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, ExponentialBucket, Metric, MetricData, ResourceMetrics};
use serde_json::{Map, Value as Json, json};

use crate::manifest::{double, nanos, scope, value};

/// Every point of `batch`.
pub fn points(batch: &ResourceMetrics, resource: &Json) -> Vec<Json> {
    let mut points = Vec::new();
    for group in batch.scope_metrics() {
        for metric in group.metrics() {
            let owner = json!({
                "name": metric.name(), "unit": metric.unit(), "description": metric.description(),
                "resource": resource, "scope": scope(group.scope()),
            });
            points.extend(of_metric(metric).into_iter().map(|point| merged(&owner, point)));
        }
    }
    points
}

fn of_metric(metric: &Metric) -> Vec<Json> {
    match metric.data() {
        AggregatedMetrics::F64(data) => of_data(data),
        AggregatedMetrics::I64(data) => of_data(data),
        AggregatedMetrics::U64(data) => of_data(data),
    }
}

/// A type of measurements.
trait Number: Copy {
    fn typed(self) -> Json;
    /// Totals of distributions are doubles.
    fn total(self) -> f64;
}

impl Number for f64 {
    fn typed(self) -> Json {
        double(self)
    }
    fn total(self) -> f64 {
        self
    }
}

impl Number for i64 {
    fn typed(self) -> Json {
        json!({ "int": self.to_string() })
    }
    fn total(self) -> f64 {
        self as f64
    }
}

impl Number for u64 {
    fn typed(self) -> Json {
        json!({ "int": self.to_string() })
    }
    fn total(self) -> f64 {
        self as f64
    }
}

fn of_data<T: Number>(data: &MetricData<T>) -> Vec<Json> {
    match data {
        MetricData::Gauge(gauge) => {
            let head = json!({
                "kind": "gauge", "temporality": "", "monotonic": false,
                "time": nanos(gauge.time()), "start_time": gauge.start_time().map(nanos),
            });
            let points = gauge.data_points().map(|it| {
                merged(&head, json!({ "attributes": attributes(it.attributes()), "value": it.value().typed() }))
            });
            points.collect()
        }
        MetricData::Sum(sum) => {
            let head = json!({
                "kind": "sum", "temporality": word(sum.temporality()), "monotonic": sum.is_monotonic(),
                "time": nanos(sum.time()), "start_time": nanos(sum.start_time()),
            });
            let points = sum.data_points().map(|it| {
                merged(&head, json!({ "attributes": attributes(it.attributes()), "value": it.value().typed() }))
            });
            points.collect()
        }
        MetricData::Histogram(histogram) => {
            let head = json!({
                "kind": "histogram", "temporality": word(histogram.temporality()), "monotonic": false,
                "time": nanos(histogram.time()), "start_time": nanos(histogram.start_time()),
            });
            let points = histogram.data_points().map(|it| {
                let (bounds, counts): (Vec<f64>, Vec<u64>) = (it.bounds().collect(), it.bucket_counts().collect());
                let point = json!({
                    "attributes": attributes(it.attributes()), "count": it.count(), "sum": it.sum().total(),
                    "min": it.min().map(T::total), "max": it.max().map(T::total),
                    "distribution": { "bounds": bounds, "counts": counts },
                });
                merged(&head, point)
            });
            points.collect()
        }
        MetricData::ExponentialHistogram(histogram) => {
            let head = json!({
                "kind": "exponential_histogram", "temporality": word(histogram.temporality()), "monotonic": false,
                "time": nanos(histogram.time()), "start_time": nanos(histogram.start_time()),
            });
            let points = histogram.data_points().map(|it| {
                let distribution = json!({
                    "scale": it.scale(), "zero_count": it.zero_count(), "zero_threshold": it.zero_threshold(),
                    "positive": buckets(it.positive_bucket()), "negative": buckets(it.negative_bucket()),
                });
                let point = json!({
                    "attributes": attributes(it.attributes()), "count": it.count(), "sum": it.sum().total(),
                    "min": it.min().map(T::total), "max": it.max().map(T::total), "distribution": distribution,
                });
                merged(&head, point)
            });
            points.collect()
        }
    }
}

fn buckets(it: &ExponentialBucket) -> Json {
    json!({ "offset": it.offset(), "counts": it.counts().collect::<Vec<_>>() })
}

fn word(temporality: Temporality) -> &'static str {
    if temporality == Temporality::Delta { "delta" } else { "cumulative" }
}

fn attributes<'a>(pairs: impl Iterator<Item = &'a KeyValue>) -> Json {
    Json::Object(pairs.map(|pair| (pair.key.to_string(), value(&pair.value))).collect())
}

fn merged(head: &Json, rest: Json) -> Json {
    let (Json::Object(head), Json::Object(rest)) = (head, rest) else { unreachable!("both are objects") };
    Json::Object(head.clone().into_iter().chain(rest).collect::<Map<_, _>>())
}
