//! The rows of a request as prost reads it: the same rules, written a second time over the derived types.

use std::collections::{BTreeMap, BTreeSet};

use model::metric::NO_RECORDED_VALUE;
use model::wire::put_varint_field;
use model::{
    AttrsBuf, MetricKind, Nanos, Point, PointValue, Resource, Scope, Series, SpanId, Temporality, TraceId, Value,
};
use opentelemetry_proto::tonic::metrics::v1 as otlp;
use prost::Message;
use store::Rows;

use super::prompb::{Exemplar, Histogram, Label, Request, Sample, WriteRequest};
use crate::testing::NOW;

/// A series of either version.
struct OneSeries {
    /// `None` when references are wrong.
    labels: Option<Vec<Label>>,
    metric_type: u64,
    help: String,
    unit: String,
    created: i64,
    samples: Vec<Sample>,
    histograms: Vec<Histogram>,
    exemplars: Vec<Option<Exemplar>>,
}

pub(super) fn v1(request: &WriteRequest) -> (Rows, u64) {
    let all = request.timeseries.iter().map(|it| OneSeries {
        labels: Some(it.labels.clone()),
        metric_type: 0,
        help: String::new(),
        unit: String::new(),
        created: 0,
        samples: it.samples.clone(),
        histograms: it.histograms.clone(),
        exemplars: it.exemplars.iter().cloned().map(Some).collect(),
    });
    let (mut rows, n_items) = rows(all.collect());
    let mut seen = BTreeSet::new();
    for about in &request.metadata {
        let known = (0..8).contains(&about.r#type);
        if about.metric_family_name.is_empty() {
            continue;
        }
        let scope = mark(16 + if known { about.r#type as u64 } else { 0 });
        let series = series(&about.metric_family_name, MetricKind::Gauge, &about.unit, &about.help, &[], &[], &scope);
        let series = rows.metrics.series(&series, NOW);
        if !seen.insert(series.0) {
            continue;
        }
        let point = Point { series, time: NOW, start_time: 0, flags: NO_RECORDED_VALUE, value: PointValue::None };
        rows.metrics.push(&point);
    }
    (rows, n_items)
}

pub(super) fn v2(request: &Request) -> (Rows, u64) {
    let symbol = |reference: u32| request.symbols.get(reference as usize).cloned();
    let labels = |refs: &[u32]| -> Option<Vec<Label>> {
        let (pairs, []) = refs.as_chunks::<2>() else { return None };
        pairs.iter().map(|[name, value]| Some(Label { name: symbol(*name)?, value: symbol(*value)? })).collect()
    };
    let series = request.timeseries.iter().map(|it| {
        let about = it.metadata.unwrap_or_default();
        OneSeries {
            labels: labels(&it.labels_refs),
            metric_type: if (0..8).contains(&about.r#type) { about.r#type as u64 } else { 0 },
            help: symbol(about.help_ref).unwrap_or_default(),
            unit: symbol(about.unit_ref).unwrap_or_default(),
            created: it.created_timestamp,
            samples: it.samples.clone(),
            histograms: it.histograms.clone(),
            exemplars: it
                .exemplars
                .iter()
                .map(|it| Some(Exemplar { labels: labels(&it.labels_refs)?, value: it.value, timestamp: it.timestamp }))
                .collect(),
        }
    });
    rows(series.collect())
}

fn mark(value: u64) -> Vec<u8> {
    let mut scope = Vec::new();
    put_varint_field(&mut scope, 14, value);
    scope
}

fn series<'a>(
    name: &'a str,
    kind: MetricKind,
    unit: &'a str,
    description: &'a str,
    attr_bytes: &'a [u8],
    resource: &'a [u8],
    scope: &'a [u8],
) -> Series<'a> {
    let (attrs, resource, scope) = (model::Attrs::new(attr_bytes), Resource::new(resource), Scope::new(scope));
    let counts = kind != MetricKind::Gauge;
    let temporality = if counts { Temporality::Cumulative } else { Temporality::Unspecified };
    let (monotonic, service) = (kind == MetricKind::Sum, resource.service_name());
    Series { name, unit, description, kind, temporality, monotonic, attrs, attr_bytes, service, resource, scope }
}

/// The labels by name; `None` when the series is rejected for them.
fn by_name(labels: &[Label]) -> Option<BTreeMap<&str, &str>> {
    let mut map = BTreeMap::new();
    for label in labels {
        if label.name.is_empty() {
            return None;
        }
        if !label.value.is_empty() && map.insert(label.name.as_str(), label.value.as_str()).is_some() {
            return None;
        }
    }
    map.contains_key("__name__").then_some(map)
}

fn time(millis: i64) -> Option<Nanos> {
    let time = millis.checked_mul(1_000_000)?;
    (time > 0 && time <= NOW + 86_400_000_000_000).then_some(time)
}

fn rows(all: Vec<OneSeries>) -> (Rows, u64) {
    let (mut rows, mut n_items) = (Rows::default(), 0);
    for it in all {
        n_items += (it.samples.len() + it.histograms.len()) as u64;
        let Some(labels) = it.labels.as_deref().and_then(by_name) else { continue };
        let (mut attributes, mut resource) = (AttrsBuf::new(), AttrsBuf::new());
        for (name, value) in labels.iter().filter(|(name, _)| !["__name__", "job", "instance"].contains(name)) {
            attributes.push(name, Value::Str(value));
        }
        for (label, key) in [("job", "service.name"), ("instance", "service.instance.id")] {
            labels.get(label).iter().for_each(|value| resource.push(key, Value::Str(value)));
        }
        let (name, scope) = (labels["__name__"], mark(it.metric_type));
        let of = |kind| series(name, kind, &it.unit, &it.help, attributes.as_bytes(), resource.as_bytes(), &scope);
        let is_part = ["_sum", "_count"].iter().any(|suffix| name.ends_with(suffix));
        let counts = match it.metric_type {
            1 => true,
            3 => is_part || name.ends_with("_bucket"),
            5 => is_part,
            _ => false,
        };
        let number = of(if counts { MetricKind::Sum } else { MetricKind::Gauge });
        let is_part = match it.metric_type {
            3 => is_part || name.ends_with("_bucket"),
            _ => ["_bucket", "_gcount", "_gsum"].iter().any(|suffix| name.ends_with(suffix)),
        };
        let of_exemplars = match it.histograms.first() {
            Some(first) if first.schema == -53 => of(MetricKind::Histogram),
            Some(_) => of(MetricKind::ExponentialHistogram),
            None if [3, 4].contains(&it.metric_type) && !is_part => of(MetricKind::ExponentialHistogram),
            None => number,
        };
        let start = |own: i64| time(if own == 0 { it.created } else { own }).unwrap_or_default();
        for sample in &it.samples {
            let Some(time) = time(sample.timestamp) else { continue };
            let series = rows.metrics.series(&number, time);
            let (flags, value) = match sample.value.to_bits() {
                0x7ff0_0000_0000_0002 => (NO_RECORDED_VALUE, PointValue::None),
                _ => (0, PointValue::Double(sample.value)),
            };
            rows.metrics.push(&Point { series, time, start_time: start(sample.start_timestamp), flags, value });
        }
        for histogram in &it.histograms {
            let (Some(time), Some(bytes)) = (time(histogram.timestamp), distribution(histogram)) else { continue };
            let exponential = histogram.schema != -53;
            let kind = if exponential { MetricKind::ExponentialHistogram } else { MetricKind::Histogram };
            let series = rows.metrics.series(&of(kind), time);
            let value = PointValue::Distribution(&bytes);
            let start_time = start(histogram.start_timestamp);
            rows.metrics.push(&Point { series, time, start_time, flags: 0, value });
        }
        for exemplar in it.exemplars.iter().flatten() {
            let Some(time) = time(exemplar.timestamp) else { continue };
            let series = rows.metrics.series(&of_exemplars, time);
            let mut others = AttrsBuf::new();
            let mut trace_id = None;
            for label in &exemplar.labels {
                let hex = label.value.len() == 32 && label.value.bytes().all(|byte| byte.is_ascii_hexdigit());
                if label.name == "trace_id" && hex && trace_id.is_none() {
                    trace_id = Some(TraceId(u128::from_str_radix(&label.value, 16).unwrap().to_be_bytes()));
                } else {
                    others.push(&label.name, Value::Str(&label.value));
                }
            }
            rows.exemplars.push(&model::Exemplar {
                series,
                time,
                value: exemplar.value,
                trace_id,
                span_id: None::<SpanId>,
                attrs: others.as_attrs(),
                attr_bytes: others.as_bytes(),
            });
        }
    }
    (rows, n_items)
}

/// The histogram as OTLP's encoder writes it, without what is not its value; `None` when it cannot be stored.
fn distribution(it: &Histogram) -> Option<Vec<u8>> {
    let whole = |count: f64| (count >= 0.0 && count.fract() == 0.0).then_some(count as u64);
    let count = it.count_float.map_or(it.count_int, whole).or(it.count_float.is_none().then_some(0))?;
    let zero_count =
        it.zero_count_float.map_or(it.zero_count_int, whole).or(it.zero_count_float.is_none().then_some(0))?;
    let positive = side(&it.positive_spans, &it.positive_deltas, &it.positive_counts)?;
    let negative = side(&it.negative_spans, &it.negative_deltas, &it.negative_counts)?;
    let mut out = match it.schema {
        -4..=8 => {
            let buckets = |side: BTreeMap<i64, u64>| {
                let (first, last) = (*side.first_key_value()?.0, *side.last_key_value()?.0);
                let bucket_counts = (first..=last).map(|index| side.get(&index).copied().unwrap_or_default()).collect();
                Some(otlp::exponential_histogram_data_point::Buckets { offset: first as i32 - 1, bucket_counts })
            };
            otlp::ExponentialHistogramDataPoint {
                count,
                sum: Some(it.sum),
                scale: it.schema,
                zero_count,
                zero_threshold: it.zero_threshold,
                positive: buckets(positive),
                negative: buckets(negative),
                ..Default::default()
            }
            .encode_to_vec()
        }
        -53 if it.negative_spans.is_empty() && zero_count == 0 => {
            let n = it.custom_values.len() as i64 + 1;
            if positive.keys().any(|index| !(0..n).contains(index)) {
                return None;
            }
            otlp::HistogramDataPoint {
                count,
                sum: Some(it.sum),
                bucket_counts: (0..n).map(|index| positive.get(&index).copied().unwrap_or_default()).collect(),
                explicit_bounds: it.custom_values.clone(),
                ..Default::default()
            }
            .encode_to_vec()
        }
        _ => return None,
    };
    if [1, 3].contains(&it.reset_hint) {
        put_varint_field(&mut out, 15, it.reset_hint as u64);
    }
    Some(out)
}

/// Counts by index.
fn side(spans: &[super::prompb::BucketSpan], deltas: &[i64], counts: &[f64]) -> Option<BTreeMap<i64, u64>> {
    let mut sum = 0;
    let absolute = deltas.iter().map(|delta| {
        sum += delta;
        sum as f64
    });
    let sent: Vec<f64> = absolute.chain(counts.iter().copied()).collect();
    let mut places = Vec::new();
    let mut index = 0;
    for (i, span) in spans.iter().enumerate() {
        if i > 0 && span.offset < 0 {
            return None;
        }
        index += i64::from(span.offset);
        places.extend(index..index + i64::from(span.length));
        index += i64::from(span.length);
    }
    let proper = sent.iter().all(|count| *count >= 0.0 && count.fract() == 0.0);
    (places.len() == sent.len() && proper)
        .then(|| places.into_iter().zip(sent.into_iter().map(|it| it as u64)).collect())
}
