//! Samples of number series, read for many series at once: what a PromQL query starts from.
//!
//! Nothing is made of rows that are not wanted, and of chunks no rows at all.

use std::sync::Arc;

use hashbrown::HashMap;
use model::{Nanos, SeriesId, TimeRange};

use crate::error::ReadError;
use crate::schema::Table;
use crate::segment::{SampleReader, Wanted, samples_of_rows};
use crate::snapshot::Snapshot;

/// The samples of one series, in order of time. A point without a value is [`model::metric::STALE`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Samples {
    pub times: Vec<Nanos>,
    pub values: Vec<f64>,
}

/// What [`Snapshot::samples`] tells on its way.
#[derive(Debug)]
pub enum SamplesProgress {
    /// So many samples more are in memory.
    Read(usize),
    /// A part of the data is damaged; the samples are those of the rest.
    Unreadable(ReadError),
}

impl Snapshot {
    /// The samples in `range` of each of `series`, of which none may come twice. Of several at one time the one that was
    /// stored last counts. Histograms and summaries have no samples.
    ///
    /// # Errors
    /// The first that `tell` gives; it ends the reading.
    pub fn samples<E>(
        &self,
        series: &[SeriesId],
        range: TimeRange,
        mut tell: impl FnMut(SamplesProgress) -> Result<(), E>,
    ) -> Result<Vec<Samples>, E> {
        let mut collector = Collector::new(series);
        let mut sorted = series.to_vec();
        sorted.sort_unstable();
        let wanted = Wanted { series: sorted, set: Arc::new(series.iter().copied().collect()), range };
        let mut reader = SampleReader::default();
        for segment in self.segments_as_stored(Table::Points) {
            let parts = match segment.sample_parts(&wanted) {
                Ok(parts) => parts,
                Err(error) => {
                    tell(SamplesProgress::Unreadable(error))?;
                    continue;
                }
            };
            for part in parts {
                let push = |id: SeriesId, times: &[Nanos], values: &[f64]| collector.push(id, times, values);
                let damage = segment.samples(&part, &wanted, &mut reader, push).unwrap_or_else(|error| vec![error]);
                for error in damage {
                    tell(SamplesProgress::Unreadable(error))?;
                }
                tell(SamplesProgress::Read(std::mem::take(&mut collector.n_read)))?;
            }
        }
        for chunk in &self.memory[Table::Points as usize] {
            if range.overlaps(chunk.min_time, chunk.max_time) {
                let mut push = |id: SeriesId, times: &[Nanos], values: &[f64]| collector.push(id, times, values);
                samples_of_rows(&chunk.batch, &wanted, &mut push);
                tell(SamplesProgress::Read(std::mem::take(&mut collector.n_read)))?;
            }
        }
        collector.found.iter_mut().for_each(Samples::put_in_order);
        Ok(collector.found)
    }
}

/// Samples by series, in the order in which they were stored.
struct Collector {
    places: HashMap<SeriesId, usize>,
    found: Vec<Samples>,
    n_read: usize,
}

impl Collector {
    fn new(series: &[SeriesId]) -> Self {
        let places = series.iter().enumerate().map(|(place, id)| (*id, place)).collect();
        Collector { places, found: vec![Samples::default(); series.len()], n_read: 0 }
    }

    fn push(&mut self, id: SeriesId, times: &[Nanos], values: &[f64]) {
        if let Some(place) = self.places.get(&id) {
            self.found[*place].times.extend_from_slice(times);
            self.found[*place].values.extend_from_slice(values);
            self.n_read += times.len();
        }
    }
}

impl Samples {
    /// Sorts samples, which are in the order of storing, by time; of several at one time the last stays.
    fn put_in_order(&mut self) {
        if self.times.is_sorted_by(|a, b| a < b) {
            return;
        }
        let mut samples: Vec<(Nanos, f64)> = self.times.drain(..).zip(self.values.drain(..)).collect();
        samples.reverse(); // the sort is stable, and dedup keeps the first of equals
        samples.sort_by_key(|(time, _)| *time);
        samples.dedup_by_key(|(time, _)| *time);
        (self.times, self.values) = samples.into_iter().unzip();
    }
}
