//! Samples of number series, read for many series at once: what a PromQL query starts from.
//!
//! Nothing is made of rows that are not wanted, and of chunks no rows at all.

use std::sync::Arc;

use arrow::array::RecordBatch;
use hashbrown::HashMap;
use model::{Nanos, SeriesId, TimeRange};

use crate::error::ReadError;
use crate::schema::Table;
use crate::segment::{SampleReader, Wanted, samples_of_rows, series_of_rows};
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
        let mut collector = Collector::new(series, range);
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
        let memory = self.memory[Table::Points as usize].iter();
        let memory: Vec<_> = memory.filter(|chunk| range.overlaps(chunk.min_time, chunk.max_time)).collect();
        // Counted first: rows of a series lie far apart here, and room that is made for them bit by bit is moved again and again.
        let places: Vec<Vec<u32>> = memory.iter().map(|chunk| collector.places_of_rows(&chunk.batch)).collect();
        collector.make_room(&places);
        for (chunk, places) in memory.iter().zip(&places) {
            let push = |row: usize, _, time, value| collector.push_at(places[row], time, value);
            samples_of_rows(&chunk.batch, range, |row, _| places[row] != UNWANTED, push);
            tell(SamplesProgress::Read(std::mem::take(&mut collector.n_read)))?;
        }
        collector.found.iter_mut().for_each(Samples::put_in_order);
        Ok(collector.found)
    }
}

/// The place of a row of a series that is not wanted.
const UNWANTED: u32 = u32::MAX;

/// Samples by series, in the order in which they were stored.
struct Collector {
    places: HashMap<SeriesId, usize>,
    found: Vec<Samples>,
    range: TimeRange,
    n_read: usize,
}

impl Collector {
    fn new(series: &[SeriesId], range: TimeRange) -> Self {
        let places = series.iter().enumerate().map(|(place, id)| (*id, place)).collect();
        Collector { places, found: vec![Samples::default(); series.len()], range, n_read: 0 }
    }

    /// The place in `found` of the series of each of `rows`, or [`UNWANTED`].
    fn places_of_rows(&self, rows: &RecordBatch) -> Vec<u32> {
        let ids = series_of_rows(rows).unwrap_or_default();
        let place = |id: &[u8; 16]| self.places.get(&SeriesId(u128::from_be_bytes(*id)));
        ids.iter().map(|id| place(id).map_or(UNWANTED, |place| *place as u32)).collect()
    }

    /// Makes room for a sample at each of `places`.
    fn make_room(&mut self, places: &[Vec<u32>]) {
        let mut counts = vec![0; self.found.len()];
        places.iter().flatten().filter(|place| **place != UNWANTED).for_each(|place| counts[*place as usize] += 1);
        for (samples, count) in self.found.iter_mut().zip(counts) {
            samples.times.reserve(count);
            samples.values.reserve(count);
        }
    }

    fn push_at(&mut self, place: u32, time: Nanos, value: f64) {
        let samples = &mut self.found[place as usize];
        samples.times.push(time);
        samples.values.push(value);
        self.n_read += 1;
    }

    fn push(&mut self, id: SeriesId, times: &[Nanos], values: &[f64]) {
        if let Some(place) = self.places.get(&id) {
            let samples = &mut self.found[*place];
            if samples.times.is_empty() {
                let room = expected(times, self.range);
                samples.times.reserve_exact(room);
                samples.values.reserve_exact(room);
            }
            samples.times.extend_from_slice(times);
            samples.values.extend_from_slice(values);
            self.n_read += times.len();
        }
    }
}

/// How many samples a series will have in `range` if the rest of it is as dense as the first `times` are. Room for them made at
/// once is not moved; at most four times what is there, since a series may end.
fn expected(times: &[Nanos], range: TimeRange) -> usize {
    let (Some(first), Some(last)) = (times.first(), times.last()) else { return 0 };
    let (covered, left) = (last.abs_diff(*first), range.end.saturating_sub(*last).max(0) as u64);
    let more = if covered == 0 { 0 } else { (times.len() as f64 * (left as f64 / covered as f64)).ceil() as usize };
    times.len() + more.min(3 * times.len())
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
