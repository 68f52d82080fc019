//! Rate, errors and duration of a set of spans, over a range and in steps of it.

use model::Nanos;
use store::summary::{DurationCounts, Durations};

use crate::steps::Steps;

/// Seconds in a nanosecond count.
const NANOS_PER_SECOND: f64 = 1e9;

/// Rate, errors and duration of requests. Counts are exact; quantiles are off by 9 % at most.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Red {
    pub n_requests: u64,
    pub n_errors: u64,
    /// Per second of the range.
    pub rate: f64,
    /// Share of requests with status error, 0 to 1; 0 when there are none.
    pub error_ratio: f64,
    /// `None` when there are no requests.
    pub p50: Option<Nanos>,
    pub p90: Option<Nanos>,
    pub p95: Option<Nanos>,
    pub p99: Option<Nanos>,
    /// The sum of all durations.
    pub total_duration: Nanos,
    /// Equal steps of the range, oldest first.
    pub buckets: Vec<RedBucket>,
}

/// One step of a [`Red`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RedBucket {
    pub start: Nanos,
    pub n_requests: u64,
    pub n_errors: u64,
    pub rate: f64,
    pub p95: Option<Nanos>,
}

/// A [`Red`] while its spans come in.
#[derive(Clone, Debug, Default)]
pub(crate) struct RedCounter {
    steps: Vec<StepCounter>,
}

#[derive(Clone, Debug, Default)]
struct StepCounter {
    n_errors: u64,
    durations: Durations,
}

impl RedCounter {
    /// Adds spans of one step, all with status error or none.
    pub(crate) fn add(&mut self, step: usize, durations: &DurationCounts, are_errors: bool) {
        if step >= self.steps.len() {
            self.steps.resize(step + 1, StepCounter::default());
        }
        let step = &mut self.steps[step];
        step.durations.add(durations);
        step.n_errors += if are_errors { durations.n_total() } else { 0 };
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    pub(crate) fn finish(mut self, steps: &Steps) -> Red {
        self.steps.resize(steps.n_steps, StepCounter::default());
        let mut all = Durations::default();
        self.steps.iter().for_each(|step| all.merge(&step.durations));
        let n_requests = all.n_total();
        let n_errors = self.steps.iter().map(|step| step.n_errors).sum();
        let seconds = steps.range.length() as f64 / NANOS_PER_SECOND;
        let buckets = self.steps.iter().enumerate().map(|(step, counter)| {
            let start = steps.start_of(step);
            let width = steps.width.min(steps.range.end.saturating_sub(start));
            RedBucket {
                start,
                n_requests: counter.durations.n_total(),
                n_errors: counter.n_errors,
                rate: per_second(counter.durations.n_total(), width as f64 / NANOS_PER_SECOND),
                p95: counter.durations.quantile(0.95),
            }
        });
        Red {
            n_requests,
            n_errors,
            rate: per_second(n_requests, seconds),
            error_ratio: if n_requests == 0 { 0.0 } else { n_errors as f64 / n_requests as f64 },
            p50: all.quantile(0.50),
            p90: all.quantile(0.90),
            p95: all.quantile(0.95),
            p99: all.quantile(0.99),
            total_duration: Nanos::try_from(all.sum).unwrap_or(Nanos::MAX),
            buckets: buckets.collect(),
        }
    }
}

pub(super) fn per_second(count: u64, seconds: f64) -> f64 {
    if seconds > 0.0 { count as f64 / seconds } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use model::TimeRange;
    use model::time::SECOND;
    use store::summary::bucket_of;

    use super::*;

    #[test]
    fn counts_rate_errors_and_duration_per_step() {
        let steps = Steps::new(TimeRange::new(0, 20 * SECOND), 2);
        let of =
            |n: u64, duration| DurationCounts { sum: n * duration as u64, buckets: vec![(bucket_of(duration), n)] };
        let mut counter = RedCounter::default();
        counter.add(0, &of(5, 1_000), true);
        counter.add(0, &of(5, 1_000), false);
        counter.add(1, &of(1, 2_000), false);
        let red = counter.finish(&steps);
        assert_eq!((red.n_requests, red.n_errors, red.rate), (11, 5, 0.55));
        assert_eq!(red.buckets.iter().map(|it| it.n_requests).collect::<Vec<_>>(), [10, 1]);
        assert_eq!(red.buckets[0].rate, 1.0);
        assert_eq!(red.total_duration, 12_000);
        assert_eq!(RedCounter::default().finish(&steps).p95, None);
    }
}
