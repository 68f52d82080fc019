//! How much the store held, each minute of the last hour: what growth and forecasts are told from.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use store::{Cardinality, Store, StoreStats, Table};
use tokio::time::MissedTickBehavior;

const EVERY: Duration = Duration::from_secs(60);
/// An hour, and the reading it began with.
const N_READINGS: usize = 61;
/// Metrics of which each reading keeps the number of series.
pub(super) const N_METRICS: usize = 100;

/// What was held at one moment.
pub(super) struct Reading {
    pub(super) at: Instant,
    /// Bytes of segments of traces, metrics and logs.
    pub(super) bytes: [u64; 3],
    pub(super) series: u64,
    metrics: Vec<(Arc<str>, u64)>,
}

impl Reading {
    fn of(store: &StoreStats, cardinality: &Cardinality) -> Self {
        let metrics = cardinality.metrics.iter().map(|it| (Arc::clone(&it.name), it.series)).collect();
        let (bytes, series) = (bytes_by_signal(store), store.series as u64);
        Reading { at: Instant::now(), bytes, series, metrics }
    }

    /// The series that `metric` had; `None` when others had more and it was not kept.
    pub(super) fn series_of(&self, metric: &str) -> Option<u64> {
        let kept = self.metrics.iter().find(|(name, _)| name.as_ref() == metric).map(|(_, series)| *series);
        // Where all are kept, one that is not there had none.
        kept.or((self.metrics.len() < N_METRICS).then_some(0))
    }
}

/// Bytes of the segments of traces, metrics and logs.
pub(super) fn bytes_by_signal(store: &StoreStats) -> [u64; 3] {
    let mut bytes = [0; 3];
    for table in &store.tables {
        let signal = match table.table {
            Table::Spans => 0,
            Table::Points | Table::Exemplars | Table::Series => 1,
            Table::Logs => 2,
        };
        bytes[signal] += table.bytes;
    }
    bytes
}

/// The readings of the last hour.
#[derive(Default)]
pub(in crate::serve) struct History(Mutex<VecDeque<Reading>>);

impl History {
    /// Takes a reading of `store` at once and then each minute, until `shutdown`.
    pub(in crate::serve) async fn record(self: Arc<Self>, store: Arc<Store>, shutdown: impl Future<Output = ()>) {
        tokio::pin!(shutdown);
        let mut rounds = tokio::time::interval(EVERY);
        rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = &mut shutdown => return,
                _ = rounds.tick() => {}
            }
            let cardinality = store.snapshot().series().cardinality(N_METRICS);
            self.note(Reading::of(&store.stats(), &cardinality));
        }
    }

    fn note(&self, reading: Reading) {
        let mut readings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if readings.len() == N_READINGS {
            readings.pop_front();
        }
        readings.push_back(reading);
    }

    /// What `tell` makes of the oldest reading, of an hour ago or of the start.
    pub(super) fn oldest<T>(&self, tell: impl FnOnce(&Reading) -> T) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).front().map(tell)
    }
}

#[cfg(test)]
mod tests {
    use store::MetricCardinality;

    use super::*;

    #[test]
    fn a_metric_that_was_not_there_had_no_series_unless_others_had_more() {
        for (n, expected) in [(1, Some(0)), (N_METRICS - 1, Some(0)), (N_METRICS, None)] {
            let metric = |i: usize| MetricCardinality { name: format!("m{i}").into(), series: 7 };
            let cardinality = Cardinality { metrics: (0..n).map(metric).collect(), ..Cardinality::default() };
            let reading = Reading::of(&StoreStats::default(), &cardinality);
            assert_eq!((reading.series_of("m0"), reading.series_of("new")), (Some(7), expected), "{n}");
        }
    }

    #[test]
    fn an_hour_of_readings_is_kept() {
        let history = History::default();
        for series in 0..500 {
            let cardinality = Cardinality::default();
            history.note(Reading::of(&StoreStats { series, ..StoreStats::default() }, &cardinality));
        }
        assert_eq!(history.oldest(|it| it.series), Some(500 - 61));
        assert_eq!(History::default().oldest(|it| it.series), None);
    }
}
