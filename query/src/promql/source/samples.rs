//! Reads the samples of number series, part by part, so that what is made of each part is made while it is in the caches, and on
//! several processors.

use std::num::NonZero;
use std::ops::Range;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{available_parallelism, scope};

use model::time::MILLISECOND;
use model::{Nanos, TimeRange};
use store::{SampleScan, Samples, SamplesProgress, Snapshot};

use super::super::error::PromqlError;
use super::super::limits::Meter;
use super::super::value::{Millis, SeriesData};
use super::Visited;
use super::points::Wanted;

/// Series that are read together: with an hour of samples at 15 seconds they take some megabytes.
const MOST_TOGETHER: usize = 1024;
/// Fewer are not worth a thread.
const FEWEST_TOGETHER: usize = 256;

/// What `visit` makes of the samples of what is wanted, each series with its place in `wanted`; series without any are left out.
/// `visit` is called with several series at a time, by several threads.
pub(super) fn each<R: Send>(
    snapshot: &Snapshot,
    wanted: Vec<Wanted>,
    range: TimeRange,
    meter: &Meter<'_>,
    visit: &(impl Fn(&mut dyn Iterator<Item = SeriesData>) -> Visited<R> + Sync),
) -> Result<Vec<(usize, R)>, PromqlError> {
    let scan = snapshot.samples(wanted.iter().map(|it| it.id).collect(), range);
    let mut by_id: Vec<(usize, &Wanted)> = wanted.iter().enumerate().collect();
    by_id.sort_unstable_by_key(|(_, it)| it.id);
    let processors = available_parallelism().map_or(1, NonZero::get);
    let together = by_id.len().div_ceil(4 * processors).clamp(FEWEST_TOGETHER, MOST_TOGETHER);
    let n_parts = by_id.len().div_ceil(together);
    let next = AtomicUsize::new(0);
    let work = || {
        let mut made = Vec::new();
        loop {
            let part = next.fetch_add(1, Ordering::Relaxed);
            if part >= n_parts {
                return Ok(made);
            }
            let places = part * together..by_id.len().min((part + 1) * together);
            if let Err(error) = read(&scan, &by_id[places.clone()], places, meter, visit, &mut made) {
                next.store(n_parts, Ordering::Relaxed); // the others need not go on
                return Err(error);
            }
        }
    };
    let mut made = if n_parts < 2 {
        work()?
    } else {
        scope(|scope| {
            let others: Vec<_> = (1..processors.min(n_parts)).map(|_| scope.spawn(work)).collect();
            let mut made = work();
            for other in others {
                let more = other.join().unwrap_or_else(|panic| resume_unwind(panic));
                if let Ok(made) = &mut made {
                    made.extend(more?);
                }
            }
            made
        })?
    };
    made.sort_unstable_by_key(|(place, _)| *place);
    Ok(made)
}

fn read<R>(
    scan: &SampleScan<'_>,
    wanted: &[(usize, &Wanted)],
    places: Range<usize>,
    meter: &Meter<'_>,
    visit: &impl Fn(&mut dyn Iterator<Item = SeriesData>) -> Visited<R>,
    made: &mut Vec<(usize, R)>,
) -> Result<(), PromqlError> {
    let found = scan.read(places, |progress| match progress {
        SamplesProgress::Read(samples) => meter.charge(samples),
        SamplesProgress::Unreadable(error) => {
            super::report(&error, meter);
            Ok(())
        }
    })?;
    let (mut places, mut clock) = (Vec::with_capacity(wanted.len()), Clock::default());
    let with_any = wanted.iter().zip(found).filter(|(_, samples)| !samples.times.is_empty());
    let mut series = with_any.map(|((place, wanted), samples)| {
        places.push(*place);
        clock.data(wanted, samples)
    });
    let visited = visit(&mut series)?;
    made.extend(places.into_iter().zip(visited).filter_map(|(place, it)| Some((place, it?))));
    Ok(())
}

/// Makes milliseconds of times. Series that are scraped together have the same ones, which are converted once.
#[derive(Default)]
struct Clock {
    nanos: Vec<Nanos>,
    millis: Vec<Millis>,
    /// No two are within a millisecond.
    is_sorted: bool,
}

impl Clock {
    /// Times in milliseconds; of several samples in one the last.
    fn data(&mut self, wanted: &Wanted, samples: Samples) -> SeriesData {
        let Samples { mut times, values: mut floats } = samples;
        if times != self.nanos {
            self.millis.clear();
            self.millis.extend(times.iter().map(|time| time.div_euclid(MILLISECOND)));
            self.is_sorted = self.millis.is_sorted_by(|a, b| a < b);
            self.nanos.clone_from(&times);
        }
        times.copy_from_slice(&self.millis);
        if !self.is_sorted {
            let is_last: Vec<bool> = (0..times.len()).map(|at| times.get(at + 1) != Some(&times[at])).collect();
            let (mut of_times, mut of_floats) = (is_last.iter(), is_last.iter());
            times.retain(|_| of_times.next() == Some(&true));
            floats.retain(|_| of_floats.next() == Some(&true));
        }
        SeriesData { labels: wanted.labels.clone(), kind: wanted.sample_kind(), times, floats, ..SeriesData::default() }
    }
}

#[cfg(test)]
mod tests {
    use model::{MetricKind, SeriesId, Temporality};

    use super::super::super::labels::Labels;
    use super::super::super::value::SampleKind;
    use super::super::spelling::Part;
    use super::*;

    #[test]
    fn of_samples_within_a_millisecond_the_last_stays() {
        let wanted = Wanted {
            id: SeriesId(1),
            part: Part::Value,
            labels: Labels::new([("a", "1")]),
            metric: MetricKind::Sum,
            temporality: Temporality::Cumulative,
            monotonic: true,
            metric_type: None,
        };
        let times = vec![-1, 0, 999_999, 1_000_000, 2_000_001, 2_000_002, 2_000_003];
        let samples = Samples { times, values: vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0] };
        let mut clock = Clock::default();
        for _ in 0..2 {
            let data = clock.data(&wanted, samples.clone());
            assert_eq!((data.times, data.floats), (vec![-1, 0, 1, 2], vec![1.0, 3.0, 4.0, 7.0]));
            assert_eq!(data.kind, SampleKind::Counter);
        }
        let data = clock.data(&wanted, Samples { times: vec![5_000_000], values: vec![1.0] });
        assert_eq!((data.times, data.floats), (vec![5], vec![1.0]));
    }
}
