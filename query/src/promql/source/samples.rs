//! Reads the samples of number series.

use model::time::MILLISECOND;
use model::{Nanos, SeriesId, TimeRange};
use store::{Samples, SamplesProgress, Snapshot};

use super::super::error::PromqlError;
use super::super::limits::Meter;
use super::super::value::SeriesData;
use super::points::Wanted;

/// The samples of what is wanted; series without any are left out. Each comes with the id of the stored series.
pub(super) fn read(
    snapshot: &Snapshot,
    wanted: Vec<Wanted>,
    range: TimeRange,
    meter: &Meter<'_>,
) -> Result<Vec<(SeriesId, SeriesData)>, PromqlError> {
    let ids: Vec<SeriesId> = wanted.iter().map(|it| it.id).collect();
    let found = snapshot.samples(&ids, range, |progress| match progress {
        SamplesProgress::Read(samples) => meter.charge(samples),
        SamplesProgress::Unreadable(error) => {
            super::report(&error, meter);
            Ok(())
        }
    })?;
    let with_any = wanted.into_iter().zip(found).filter(|(_, samples)| !samples.times.is_empty());
    Ok(with_any.map(|(wanted, samples)| (wanted.id, data(wanted, samples))).collect())
}

/// Times in milliseconds; of several samples in one the last.
fn data(wanted: Wanted, samples: Samples) -> SeriesData {
    let kind = wanted.sample_kind();
    let Samples { mut times, values: mut floats } = samples;
    let (mut is_sorted, mut before) = (true, Nanos::MIN);
    for time in &mut times {
        *time = time.div_euclid(MILLISECOND);
        is_sorted &= before < *time;
        before = *time;
    }
    if !is_sorted {
        let is_last: Vec<bool> = (0..times.len()).map(|at| times.get(at + 1) != Some(&times[at])).collect();
        let (mut of_times, mut of_floats) = (is_last.iter(), is_last.iter());
        times.retain(|_| of_times.next() == Some(&true));
        floats.retain(|_| of_floats.next() == Some(&true));
    }
    SeriesData { labels: wanted.labels, kind, times, floats, ..SeriesData::default() }
}

#[cfg(test)]
mod tests {
    use model::{MetricKind, Temporality};

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
        let data = data(wanted, samples);
        assert_eq!((data.times, data.floats), (vec![-1, 0, 1, 2], vec![1.0, 3.0, 4.0, 7.0]));
        assert_eq!(data.kind, SampleKind::Counter);
    }
}
