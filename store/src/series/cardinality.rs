//! Which metrics and which labels make the series: read off the index, without a look at a series or a point.

use std::ops::Bound;
use std::sync::Arc;

use super::SeriesIndex;

/// Names or keys that are looked at while the index is locked.
const STEP: usize = 1024;

/// Where the series of the index come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cardinality {
    /// Metrics as sent, and their series: those that have points within the retention.
    pub n_metrics: usize,
    /// Those with the most series first.
    pub metrics: Vec<MetricCardinality>,
    pub n_labels: usize,
    /// The attributes of points with the most different values first.
    pub labels: Vec<LabelCardinality>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricCardinality {
    pub name: Arc<str>,
    pub series: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelCardinality {
    pub key: Arc<str>,
    /// Different values. Those of more than 256 bytes count as one.
    pub values: u64,
    /// Series that have the attribute.
    pub series: u64,
}

impl SeriesIndex {
    /// The `most` metrics and labels with the most series and values. Takes time by the number of metrics and keys, not of series.
    pub fn cardinality(&self, most: usize) -> Cardinality {
        let mut found = Cardinality::default();
        let mut after: Option<Arc<str>> = None;
        loop {
            let inner = self.read();
            let from = after.as_ref().map_or(Bound::Unbounded, |name| Bound::Excluded(name.as_ref()));
            let step = inner.names.range::<str, _>((from, Bound::Unbounded)).take(STEP);
            let before = found.metrics.len();
            found.metrics.extend(
                step.map(|(name, posting)| MetricCardinality { name: Arc::clone(name), series: posting.len() }),
            );
            let Some(last) = found.metrics[before..].last() else { break };
            after = Some(Arc::clone(&last.name));
        }
        found.n_metrics = found.metrics.len();
        found.metrics.sort_by(|a, b| b.series.cmp(&a.series).then_with(|| a.name.cmp(&b.name)));
        found.metrics.truncate(most);
        let mut after: Option<Arc<str>> = None;
        loop {
            let inner = self.read();
            let from = after.as_ref().map_or(Bound::Unbounded, |key| Bound::Excluded(key.as_ref()));
            let step = inner.attributes.range::<str, _>((from, Bound::Unbounded)).take(STEP);
            let before = found.labels.len();
            found.labels.extend(step.map(|(key, values)| LabelCardinality {
                key: Arc::clone(key),
                values: values.listed.len() as u64 + u64::from(!values.others.is_empty()),
                series: values.n_series,
            }));
            let Some(last) = found.labels[before..].last() else { break };
            after = Some(Arc::clone(&last.key));
        }
        found.n_labels = found.labels.len();
        found.labels.sort_by(|a, b| (b.values, b.series).cmp(&(a.values, a.series)).then_with(|| a.key.cmp(&b.key)));
        found.labels.truncate(most);
        found
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use model::{AttrsBuf, MetricKind, Resource, Scope, Series, SeriesId, Temporality, Value};

    use super::*;

    fn insert(index: &SeriesIndex, n: u64, name: &str, labels: &[(&str, &str)], time: i64) {
        let mut attrs = AttrsBuf::new();
        labels.iter().for_each(|(key, value)| attrs.push(key, Value::Str(value)));
        let series = Series {
            name,
            unit: "",
            description: "",
            kind: MetricKind::Gauge,
            temporality: Temporality::Unspecified,
            monotonic: false,
            attrs: attrs.as_attrs(),
            attr_bytes: attrs.as_bytes(),
            service: "",
            resource: Resource::default(),
            scope: Scope::default(),
        };
        index.insert(SeriesId(n.into()), &series, time, time);
    }

    #[test]
    fn counts_series_by_metric_and_values_by_label_and_follows_what_is_forgotten() {
        let index = SeriesIndex::default();
        for n in 0..30 {
            let user = format!("u{n}");
            insert(
                &index,
                n,
                "requests",
                &[("user", &user), ("method", if n % 2 == 0 { "GET" } else { "PUT" })],
                10 + n as i64,
            );
        }
        insert(&index, 100, "memory", &[("method", &"x".repeat(300))], 100);
        let found = index.cardinality(10);
        let metrics: Vec<_> = found.metrics.iter().map(|it| (it.name.as_ref(), it.series)).collect();
        let labels: Vec<_> = found.labels.iter().map(|it| (it.key.as_ref(), it.values, it.series)).collect();
        assert_eq!(metrics, [("requests", 30), ("memory", 1)]);
        assert_eq!(labels, [("user", 30, 30), ("method", 3, 31)]);
        index.forget_before(30);
        let found = index.cardinality(1);
        assert_eq!((found.n_metrics, found.n_labels, found.metrics[0].series), (2, 2, 10));
        assert_eq!((found.labels[0].values, found.labels[0].series), (10, 10));
    }

    #[test]
    fn two_hundred_thousand_series_take_milliseconds() {
        let index = SeriesIndex::default();
        for n in 0..200_000 {
            let (name, user, path) = (format!("metric {}", n % 500), format!("user {n}"), format!("/{}", n % 50));
            insert(&index, n, &name, &[("user", &user), ("path", &path)], 1);
        }
        let fastest = (0..5).map(|_| {
            let start = Instant::now();
            let found = index.cardinality(20);
            assert_eq!((found.n_metrics, found.metrics[0].series, found.labels[0].values), (500, 400, 200_000));
            start.elapsed()
        });
        let fastest = fastest.min().unwrap();
        assert!(fastest < Duration::from_millis(200), "{fastest:?}");
        println!("200,000 series: {fastest:?}");
    }
}
