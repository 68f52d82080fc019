//! Points that scripts load through a store, as the receiver would have stored them.
//!
//! `load_otlp 15s sum delta monotonic unit=s` and lines such as `http.requests{"http.method"="GET", "resource.service.name"="a"} 1 2 3`:
//! labels that begin with `resource.` and `scope.` are of the resource and the scope, the others of the points. Native
//! histograms with custom buckets become explicit ones, others exponential ones; `stale` is a point without a value.

use std::sync::Arc;

use bytes::Bytes;
use model::metric::NO_RECORDED_VALUE;
use model::time::MILLISECOND;
use model::wire::{put_bytes_field, put_fixed64_field, put_varint_field};
use model::{AttrsBuf, MetricKind, Nanos, Point, PointValue, Resource, Scope, Series, Temporality, Value as Attribute};
use query::promql::{Histogram, Millis, Value};
use store::{Request, Rows, Snapshot, Store, StoreConfig};
use tempfile::TempDir;

use super::notation::{Entry, duration, entry};

pub(crate) struct OtlpLoad {
    interval: Millis,
    kind: MetricKind,
    temporality: Temporality,
    monotonic: bool,
    unit: String,
    description: String,
    entries: Vec<Entry>,
}

impl OtlpLoad {
    pub(crate) fn parse(head: &str, block: &[&str]) -> Self {
        let mut words = head.split_whitespace();
        let mut load = OtlpLoad {
            interval: duration(words.next().unwrap()),
            kind: match words.next().unwrap() {
                "gauge" => MetricKind::Gauge,
                "sum" => MetricKind::Sum,
                "histogram" => MetricKind::Histogram,
                "exponential_histogram" => MetricKind::ExponentialHistogram,
                "summary" => MetricKind::Summary,
                other => panic!("unknown kind {other:?}"),
            },
            temporality: Temporality::Unspecified,
            monotonic: false,
            unit: String::new(),
            description: "made up".into(),
            entries: block.iter().map(|line| entry(line)).collect(),
        };
        for word in words {
            match word {
                "delta" => load.temporality = Temporality::Delta,
                "cumulative" => load.temporality = Temporality::Cumulative,
                "monotonic" => load.monotonic = true,
                other => load.unit = other.strip_prefix("unit=").unwrap().to_owned(),
            }
        }
        load
    }
}

pub(crate) struct OtlpStore {
    store: Arc<Store>,
    n_requests: u64,
    dir: TempDir,
}

impl OtlpStore {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        OtlpStore { store: open(dir.path()), n_requests: 0, dir }
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// The store ends, and another one begins on the same directory.
    pub(crate) fn reopen(&mut self) {
        self.store.close();
        self.store = open(self.dir.path());
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        self.store.snapshot()
    }

    /// Stores the first half of the points in a segment, the others in memory, so that both are read.
    pub(crate) fn load(&mut self, load: &OtlpLoad) {
        let longest = load.entries.iter().map(|entry| entry.values.len()).max().unwrap_or_default();
        self.append(load, 0..longest / 2);
        self.store.flush().unwrap();
        self.append(load, longest / 2..longest);
    }

    /// Stores the points of these steps in memory.
    pub(crate) fn append(&mut self, load: &OtlpLoad, steps: std::ops::Range<usize>) {
        let mut rows = Rows::default();
        for entry in &load.entries {
            push(&mut rows, load, entry, steps.clone());
        }
        if rows.is_empty() {
            return;
        }
        self.n_requests += 1;
        let body = Bytes::copy_from_slice(&self.n_requests.to_be_bytes());
        self.store.append_blocking(Request { kind: 0, received_at: 0, body, dedup: false, rows }).unwrap();
    }
}

fn open(dir: &std::path::Path) -> Arc<Store> {
    let decode = Box::new(|rows: Rows, _: u8, _: &[u8], _: Nanos| Ok(rows));
    Store::open(StoreConfig::new(dir), decode).unwrap().0
}

impl Drop for OtlpStore {
    fn drop(&mut self) {
        self.store.close();
    }
}

fn push(rows: &mut Rows, load: &OtlpLoad, entry: &Entry, steps: std::ops::Range<usize>) {
    let labels = entry.labels.as_ref().unwrap();
    let (mut attrs, mut resource, mut scope) = (AttrsBuf::new(), AttrsBuf::new(), Vec::new());
    for (name, value) in labels.iter().filter(|(name, _)| *name != "__name__") {
        if let Some(key) = name.strip_prefix("resource.") {
            resource.push(key, Attribute::Str(value));
        } else if name == "scope.name" {
            put_bytes_field(&mut scope, 1, value.as_bytes());
        } else if name == "scope.version" {
            put_bytes_field(&mut scope, 2, value.as_bytes());
        } else {
            attrs.push(name, Attribute::Str(value));
        }
    }
    let resource = Resource::new(resource.as_bytes());
    let series = Series {
        name: labels.name(),
        unit: &load.unit,
        description: &load.description,
        kind: load.kind,
        temporality: load.temporality,
        monotonic: load.monotonic,
        attrs: attrs.as_attrs(),
        attr_bytes: attrs.as_bytes(),
        service: resource.service_name(),
        resource,
        scope: Scope::new(&scope),
    };
    for step in steps {
        let Some(Some(value)) = entry.values.get(step) else { continue };
        let time = load.interval * step as i64 * MILLISECOND;
        let bytes = distribution(load.kind, value);
        let (flags, value) = match (value, &bytes) {
            (Value::Float(float), _) if float.to_bits() == super::notation::STALE.to_bits() => {
                (NO_RECORDED_VALUE, PointValue::None)
            }
            (_, Some(bytes)) => (0, PointValue::Distribution(bytes)),
            (Value::Float(float), None) if float.fract() == 0.0 => (0, PointValue::Int(*float as i64)),
            (Value::Float(float), None) => (0, PointValue::Double(*float)),
            (Value::Histogram(_), None) => panic!("{:?} has no histograms", load.kind),
        };
        let series = rows.metrics.series(&series, time);
        rows.metrics.push(&Point { series, time, start_time: 0, flags, value });
    }
}

/// The fields of a data point of OTLP.
fn distribution(kind: MetricKind, value: &Value) -> Option<Vec<u8>> {
    let Value::Histogram(it) = value else { return None };
    let mut out = Vec::new();
    put_fixed64_field(&mut out, 4, it.count as u64);
    put_fixed64_field(&mut out, 5, it.sum.to_bits());
    match kind {
        MetricKind::Histogram => explicit(it, &mut out),
        MetricKind::ExponentialHistogram => exponential(it, &mut out),
        MetricKind::Summary => {
            // Its quantiles are the bounds, and their values the counts.
            for (i, quantile) in it.bounds.iter().enumerate() {
                let value = it.positive.iter().find(|(index, _)| *index as usize == i).map_or(0.0, |(_, count)| count);
                let mut pair = Vec::new();
                put_fixed64_field(&mut pair, 1, quantile.to_bits());
                put_fixed64_field(&mut pair, 2, value.to_bits());
                put_bytes_field(&mut out, 6, &pair);
            }
        }
        MetricKind::Gauge | MetricKind::Sum => return None,
    }
    Some(out)
}

fn explicit(it: &Histogram, out: &mut Vec<u8>) {
    let mut counts = vec![0u64; it.bounds.len() + 1];
    it.positive.iter().for_each(|(index, count)| counts[index as usize] = count as u64);
    put_bytes_field(out, 6, &counts.iter().flat_map(|count| count.to_le_bytes()).collect::<Vec<u8>>());
    put_bytes_field(out, 7, &it.bounds.iter().flat_map(|bound| bound.to_bits().to_le_bytes()).collect::<Vec<u8>>());
}

fn exponential(it: &Histogram, out: &mut Vec<u8>) {
    let zigzag = |value: i32| ((value << 1) ^ (value >> 31)) as u32;
    put_varint_field(out, 6, zigzag(it.schema).into());
    put_fixed64_field(out, 7, it.zero_count as u64);
    for (field, side) in [(8, &it.positive), (9, &it.negative)] {
        let Some((first, _)) = side.iter().next() else { continue };
        let mut buckets = Vec::new();
        put_varint_field(&mut buckets, 1, zigzag(first - 1).into());
        let mut index = first;
        for (at, count) in side.iter() {
            while index < at {
                put_varint_field(&mut buckets, 2, 0);
                index += 1;
            }
            put_varint_field(&mut buckets, 2, count as u64);
            index += 1;
        }
        put_bytes_field(out, field, &buckets);
    }
    put_fixed64_field(out, 14, it.zero_threshold.to_bits());
}
