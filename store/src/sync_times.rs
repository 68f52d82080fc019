//! How long groups of requests take to be written to the log and synced: a histogram of the last minutes, of fixed size.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Buckets to a doubling: a quantile is off by a tenth at most.
const STEPS: u32 = 4;
/// From a microsecond up to more than a day.
const N_BUCKETS: usize = 148;
/// After this the older half of what is counted is forgotten.
const HALF: Duration = Duration::from_secs(300);

/// Syncs of the last five to ten minutes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SyncStats {
    pub count: u64,
    /// The median and the 99th percentile, of writing a group of requests and syncing it; zero when there was none.
    pub p50: Duration,
    pub p99: Duration,
    pub max: Duration,
}

#[derive(Clone, Copy)]
struct Half {
    buckets: [u64; N_BUCKETS],
    max: Duration,
}

impl Default for Half {
    fn default() -> Self {
        Half { buckets: [0; N_BUCKETS], max: Duration::ZERO }
    }
}

#[derive(Default)]
struct Halves {
    current: Half,
    before: Half,
    since: Option<Instant>,
}

impl Halves {
    fn turn(&mut self, now: Instant) {
        let age = self.since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        if age >= HALF {
            let current = std::mem::take(&mut self.current);
            self.before = if age >= 2 * HALF { Half::default() } else { current };
            self.since = None;
        }
        self.since.get_or_insert(now);
    }
}

/// The durations of the last minutes.
#[derive(Default)]
pub(crate) struct SyncTimes(Mutex<Halves>);

impl SyncTimes {
    /// Counts a sync that ended `now`.
    pub(crate) fn note(&self, took: Duration, now: Instant) {
        let mut halves = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        halves.turn(now);
        halves.current.buckets[bucket_of(took)] += 1;
        halves.current.max = halves.current.max.max(took);
    }

    pub(crate) fn stats(&self, now: Instant) -> SyncStats {
        let mut halves = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        halves.turn(now);
        let Halves { current, before, .. } = &*halves;
        let buckets: Vec<u64> = current.buckets.iter().zip(&before.buckets).map(|(a, b)| a + b).collect();
        let (count, max) = (buckets.iter().sum(), current.max.max(before.max));
        let quantile = |share: f64| quantile(&buckets, (count as f64 * share).ceil() as u64).min(max);
        SyncStats { count, p50: quantile(0.5), p99: quantile(0.99), max }
    }
}

fn bucket_of(took: Duration) -> usize {
    let micros = took.as_micros().max(1) as f64;
    ((micros.log2() * f64::from(STEPS)) as usize).min(N_BUCKETS - 1)
}

/// The upper end of the bucket that holds the value of this rank.
fn quantile(buckets: &[u64], rank: u64) -> Duration {
    let mut below = 0;
    for (number, count) in buckets.iter().enumerate() {
        below += count;
        if below >= rank && rank > 0 {
            return Duration::from_secs_f64(2f64.powf((number + 1) as f64 / f64::from(STEPS)) / 1e6);
        }
    }
    Duration::ZERO
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_close_and_never_above_the_maximum() {
        let times = SyncTimes::default();
        let now = Instant::now();
        (1..=1000).for_each(|n| times.note(Duration::from_micros(n * 10), now));
        let stats = times.stats(now);
        let close = |a: Duration, micros: f64| (a.as_secs_f64() * 1e6 / micros - 1.0).abs() < 0.2;
        assert!(close(stats.p50, 5_000.0) && close(stats.p99, 9_900.0), "{stats:?}");
        assert_eq!((stats.count, stats.max), (1000, Duration::from_millis(10)));
        let long = SyncTimes::default();
        long.note(Duration::from_secs(1 << 40), now);
        assert!(long.stats(now).p50 > Duration::from_secs(100_000));
        assert_eq!(SyncTimes::default().stats(now), SyncStats::default());
    }

    #[test]
    fn what_is_older_than_ten_minutes_is_forgotten() {
        let times = SyncTimes::default();
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        times.note(Duration::from_millis(1), at(0));
        assert_eq!(times.stats(at(301)).count, 1);
        times.note(Duration::from_millis(2), at(302));
        assert_eq!(times.stats(at(590)).count, 2);
        assert_eq!(times.stats(at(610)).count, 1);
        assert_eq!(times.stats(at(5000)).count, 0);
    }
}
