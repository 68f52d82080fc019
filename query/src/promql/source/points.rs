//! Reads stored points into series of samples: native histograms, and the parts of classic ones.

use std::sync::Arc;

use hashbrown::{HashMap, HashSet};
use model::metric::{NO_RECORDED_VALUE, distribution};
use model::prometheus::MetricType;
use model::time::MILLISECOND;
use model::{MetricKind, Point, PointValue, SeriesId, Temporality, TimeRange};
use store::{Order, Scan, Snapshot};

use super::super::error::PromqlError;
use super::super::histogram::{Histogram, ResetHint};
use super::super::labels::Labels;
use super::super::limits::Meter;
use super::super::matcher::Matcher;
use super::super::value::{Millis, STALE, SampleKind, SeriesData};
use super::spelling::{Part, accepts_split, split_value};

/// A virtual series to be filled from the points of a stored one.
pub(super) struct Wanted {
    pub(super) id: SeriesId,
    pub(super) part: Part,
    /// But for the part's own label.
    pub(super) labels: Labels,
    pub(super) metric: MetricKind,
    pub(super) temporality: Temporality,
    pub(super) monotonic: bool,
    /// Of a series that came with Prometheus' labels.
    pub(super) metric_type: Option<MetricType>,
}

impl Wanted {
    /// Whether the labels are those that the series came with.
    pub(super) fn as_written(&self) -> bool {
        self.metric_type.is_some()
    }

    /// Whether the series has numbers and nothing else.
    pub(super) fn is_number(&self) -> bool {
        matches!(self.metric, MetricKind::Gauge | MetricKind::Sum)
    }

    pub(super) fn sample_kind(&self) -> SampleKind {
        match (self.metric, self.part, self.temporality) {
            _ if self.metric_type == Some(MetricType::Unknown) => SampleKind::Unknown,
            (MetricKind::Gauge, _, _) | (MetricKind::Summary, Part::Quantiles, _) => SampleKind::Gauge,
            (_, _, Temporality::Delta) => SampleKind::Delta,
            (MetricKind::Sum, _, _) if !self.monotonic => SampleKind::Gauge,
            _ => SampleKind::Counter,
        }
    }
}

/// The times of points that are samples in `(after, until]`.
pub(super) fn time_range(after: Millis, until: Millis) -> TimeRange {
    let nanos = |millis: Millis| millis.saturating_add(1).saturating_mul(MILLISECOND);
    TimeRange::new(nanos(after), nanos(until))
}

const COLUMNS: &[&str] = &["series", "time", "flags", "double_value", "int_value", "distribution"];

/// The samples of what is wanted; series without any are left out. Each comes with the id of the stored series.
pub(super) fn read(
    snapshot: &Snapshot,
    wanted: Vec<Wanted>,
    range: TimeRange,
    matchers: &[Matcher],
    meter: &Meter<'_>,
) -> Result<Vec<(SeriesId, SeriesData)>, PromqlError> {
    let ids: HashSet<SeriesId> = wanted.iter().map(|it| it.id).collect();
    let mut by_id: HashMap<SeriesId, Vec<usize>> = HashMap::with_capacity(ids.len());
    for (index, it) in wanted.iter().enumerate() {
        by_id.entry(it.id).or_default().push(index);
    }
    let mut filled: Vec<Filled> = wanted.iter().map(|_| Filled::default()).collect();
    let scan = Scan::new(range).order(Order::OldestFirst).columns(COLUMNS).series(Arc::new(ids));
    for chunk in snapshot.points(scan) {
        let chunk = match chunk {
            Ok(chunk) => chunk,
            Err(error) => {
                super::report(&error, meter);
                continue;
            }
        };
        let mut n_samples = 0;
        for row in 0..chunk.len() {
            let Some(targets) = by_id.get(&chunk.series(row)) else { continue };
            let point = chunk.row(row);
            let content = targets.first().map_or(Content::None, |target| Content::of(wanted[*target].metric, &point));
            for target in targets {
                n_samples += filled[*target].push(&wanted[*target], point.time.div_euclid(MILLISECOND), &content);
            }
        }
        meter.charge(n_samples)?;
    }
    let mut series = Vec::with_capacity(wanted.len());
    for (wanted, filled) in wanted.iter().zip(filled) {
        series.extend(filled.finish(wanted, matchers).into_iter().map(|data| (wanted.id, data)));
    }
    Ok(series)
}

/// What a point holds.
enum Content {
    /// The series has ended, or has nothing to say at this time.
    None,
    Number(f64),
    Explicit(distribution::Histogram, ResetHint),
    Exponential(distribution::ExponentialHistogram, ResetHint),
    Summary(distribution::Summary),
}

impl Content {
    fn of(metric: MetricKind, point: &Point<'_>) -> Self {
        if point.flags & NO_RECORDED_VALUE != 0 {
            return Content::None;
        }
        match (point.value, metric) {
            (PointValue::Int(value), _) => Content::Number(value as f64),
            (PointValue::Double(value), _) => Content::Number(value),
            (PointValue::Distribution(bytes), MetricKind::Histogram) => {
                Content::Explicit(distribution::Histogram::decode(bytes), reset_hint(bytes))
            }
            (PointValue::Distribution(bytes), MetricKind::ExponentialHistogram) => {
                Content::Exponential(distribution::ExponentialHistogram::decode(bytes), reset_hint(bytes))
            }
            (PointValue::Distribution(bytes), MetricKind::Summary) => {
                Content::Summary(distribution::Summary::decode(bytes))
            }
            (PointValue::None | PointValue::Distribution(_), _) => Content::None,
        }
    }

    fn count(&self) -> Option<f64> {
        Some(match self {
            Content::Explicit(point, _) => point.count as f64,
            Content::Exponential(point, _) => point.count as f64,
            Content::Summary(point) => point.count as f64,
            Content::None | Content::Number(_) => return None,
        })
    }

    fn sum(&self) -> Option<f64> {
        match self {
            Content::Explicit(point, _) => point.sum,
            Content::Exponential(point, _) => point.sum,
            Content::Summary(point) => Some(point.sum),
            Content::None | Content::Number(_) => None,
        }
    }
}

fn reset_hint(bytes: &[u8]) -> ResetHint {
    match distribution::reset_hint(bytes) {
        distribution::RESET => ResetHint::Reset,
        distribution::GAUGE => ResetHint::Gauge,
        _ => ResetHint::Unknown,
    }
}

/// The samples of a virtual series as they come.
#[derive(Default)]
struct Filled {
    whole: Samples,
    /// Of split parts: the samples of each bound or quantile, and where the last point's were put.
    split: Vec<(f64, Samples)>,
    places: HashMap<u64, usize>,
}

#[derive(Default)]
struct Samples {
    floats: Vec<(Millis, f64)>,
    histograms: Vec<(Millis, Arc<Histogram>)>,
}

impl Filled {
    /// Takes what a point holds of the wanted part; returns the number of samples that makes.
    fn push(&mut self, wanted: &Wanted, time: Millis, content: &Content) -> usize {
        let before = self.whole.floats.len();
        match (wanted.part, content) {
            (_, Content::None) => {
                self.whole.floats.push((time, STALE));
                self.split.iter_mut().for_each(|(_, samples)| samples.floats.push((time, STALE)));
                return 1 + self.split.len();
            }
            (Part::Value, Content::Number(value)) => self.whole.floats.push((time, *value)),
            (Part::Value, Content::Explicit(point, reset)) => {
                let histogram = Histogram { reset: *reset, ..Histogram::of_explicit(point) };
                self.whole.histograms.push((time, Arc::new(histogram)));
                return 1 + point.bounds.len();
            }
            (Part::Value, Content::Exponential(point, reset)) => {
                let histogram = Histogram { reset: *reset, ..Histogram::of_exponential(point) };
                let size = histogram.positive.len() + histogram.negative.len();
                self.whole.histograms.push((time, Arc::new(histogram)));
                return 1 + size;
            }
            (Part::Count, content) => self.whole.floats.extend(content.count().map(|count| (time, count))),
            (Part::Sum, content) => self.whole.floats.extend(content.sum().map(|sum| (time, sum))),
            (Part::Buckets, Content::Explicit(point, _)) => {
                let mut cumulative = 0u64;
                for (bound, count) in point.bounds.iter().zip(&point.counts) {
                    cumulative = cumulative.saturating_add(*count);
                    self.push_split(*bound, time, cumulative as f64);
                }
                self.push_split(f64::INFINITY, time, point.count as f64);
                return 1 + point.bounds.len();
            }
            (Part::Quantiles, Content::Summary(point)) => {
                for (quantile, value) in &point.quantiles {
                    self.push_split(*quantile, time, *value);
                }
                return point.quantiles.len();
            }
            _ => {}
        }
        self.whole.floats.len() - before
    }

    fn push_split(&mut self, key: f64, time: Millis, value: f64) {
        let split = &mut self.split;
        let place = *self.places.entry(key.to_bits()).or_insert_with(|| {
            split.push((key, Samples::default()));
            split.len() - 1
        });
        split[place].1.floats.push((time, value));
    }

    fn finish(self, wanted: &Wanted, matchers: &[Matcher]) -> Vec<SeriesData> {
        let kind = wanted.sample_kind();
        let Some(label) = wanted.part.split_label() else {
            let data = self.whole.finish(wanted.labels.clone(), kind);
            return data.into_iter().collect();
        };
        let of_key = |(key, samples): (f64, Samples)| {
            let value = split_value(key);
            if !accepts_split(matchers, wanted.part, &value) {
                return None;
            }
            samples.finish(wanted.labels.with(label, &value), kind)
        };
        self.split.into_iter().filter_map(of_key).collect()
    }
}

impl Samples {
    fn finish(self, labels: Labels, kind: SampleKind) -> Option<SeriesData> {
        let (times, floats) = in_order(self.floats);
        let (histogram_times, histograms) = in_order(self.histograms);
        let data = SeriesData { labels, kind, times, floats, histogram_times, histograms };
        (data.n_samples() > 0).then_some(data)
    }
}

/// Sorted by time; of several at one time the one that came last.
fn in_order<T>(mut samples: Vec<(Millis, T)>) -> (Vec<Millis>, Vec<T>) {
    if !samples.is_sorted_by(|a, b| a.0 < b.0) {
        samples.reverse(); // the sort is stable, and dedup keeps the first of equals
        samples.sort_by_key(|(time, _)| *time);
        samples.dedup_by_key(|(time, _)| *time);
    }
    samples.into_iter().unzip()
}

/// The bounds or quantiles of the newest point of each series in `range`: what its split parts are called.
pub(super) fn layouts(
    snapshot: &Snapshot,
    mut metrics: HashMap<SeriesId, MetricKind>,
    range: TimeRange,
    meter: &Meter<'_>,
) -> Result<HashMap<SeriesId, Vec<f64>>, PromqlError> {
    let mut layouts: HashMap<SeriesId, (i64, Vec<f64>)> = HashMap::new();
    let ids: HashSet<SeriesId> = metrics.keys().copied().collect();
    let mut chunks = snapshot.points(Scan::new(range).columns(COLUMNS).series(Arc::new(ids)));
    while !metrics.is_empty() {
        let Some(chunk) = chunks.next() else { break };
        meter.check()?;
        let chunk = match chunk {
            Ok(chunk) => chunk,
            Err(error) => {
                super::report(&error, meter);
                continue;
            }
        };
        let mut seen = HashSet::new();
        for row in 0..chunk.len() {
            let id = chunk.series(row);
            let Some(metric) = metrics.get(&id) else { continue };
            let known = layouts.get(&id).map_or(i64::MIN, |(time, _)| *time);
            if chunk.time(row) < known {
                continue;
            }
            let keys = match Content::of(*metric, &chunk.row(row)) {
                Content::Explicit(point, _) => point.bounds.into_iter().chain([f64::INFINITY]).collect(),
                Content::Summary(point) => point.quantiles.into_iter().map(|(quantile, _)| quantile).collect(),
                _ => continue,
            };
            layouts.insert(id, (chunk.time(row), keys));
            seen.insert(id);
        }
        metrics.retain(|id, _| !seen.contains(id));
    }
    Ok(layouts.into_iter().map(|(id, (_, keys))| (id, keys)).collect())
}
