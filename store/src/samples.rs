//! Samples of number series, read for many series at once: what a PromQL query starts from.
//!
//! Nothing is made of rows that are not wanted, and of chunks no rows at all.

use std::ops::Range;
use std::sync::Arc;

use hashbrown::HashMap;
use model::{Nanos, SeriesId, TimeRange};

use crate::error::ReadError;
use crate::schema::Table;
use crate::segment::{PointColumns, SampleReader, Segment, Wanted};
use crate::snapshot::{MemoryChunk, Snapshot};

/// The samples of one series, in order of time. A point without a value is [`model::metric::STALE`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Samples {
    pub times: Vec<Nanos>,
    pub values: Vec<f64>,
}

/// What [`SampleScan::read`] tells on its way.
#[derive(Debug)]
pub enum SamplesProgress {
    /// So many samples more are in memory.
    Read(usize),
    /// A part of the data is damaged; the samples are those of the rest.
    Unreadable(ReadError),
}

/// Reads the samples of many series, part by part; several threads may at once.
pub struct SampleScan<'a> {
    /// In ascending order.
    series: Vec<SeriesId>,
    range: TimeRange,
    segments: Vec<&'a Arc<Segment>>,
    memory: MemoryRows<'a>,
}

impl Snapshot {
    /// What it takes to read the samples in `range` of each of `series`.
    pub fn samples(&self, mut series: Vec<SeriesId>, range: TimeRange) -> SampleScan<'_> {
        series.sort_unstable();
        series.dedup();
        let memory = self.memory[Table::Points as usize].iter();
        let memory = memory.filter(|chunk| range.overlaps(chunk.min_time, chunk.max_time));
        let memory = MemoryRows::of(memory, &series);
        SampleScan { series, range, segments: self.segments_as_stored(Table::Points), memory }
    }
}

impl SampleScan<'_> {
    /// All series, in the order of their ids: those next to each other lie together on the disk.
    pub fn series(&self) -> &[SeriesId] {
        &self.series
    }

    /// The samples of the series at `places` of [`SampleScan::series`]. Of several at one time the one that was stored last
    /// counts. Histograms and summaries have no samples.
    ///
    /// # Errors
    /// The first that `tell` gives; it ends the reading.
    pub fn read<E>(
        &self,
        places: Range<usize>,
        mut tell: impl FnMut(SamplesProgress) -> Result<(), E>,
    ) -> Result<Vec<Samples>, E> {
        let series = &self.series[places.clone()];
        let mut found = Found::new(series, self.range);
        for (samples, place) in found.samples.iter_mut().zip(places.clone()) {
            samples.reserve(self.memory.n_rows(place));
        }
        let wanted =
            Wanted { series: series.to_vec(), set: Arc::new(series.iter().copied().collect()), range: self.range };
        let mut reader = SampleReader::default();
        for segment in &self.segments {
            let parts = match segment.sample_parts(&wanted) {
                Ok(parts) => parts,
                Err(error) => {
                    tell(SamplesProgress::Unreadable(error))?;
                    continue;
                }
            };
            for part in parts {
                let push = |id: SeriesId, times: &[Nanos], values: &[f64]| found.push(id, times, values);
                let damage = segment.samples(&part, &wanted, &mut reader, push).unwrap_or_else(|error| vec![error]);
                for error in damage {
                    tell(SamplesProgress::Unreadable(error))?;
                }
                tell(SamplesProgress::Read(std::mem::take(&mut found.n_read)))?;
            }
        }
        let mut n_read = 0;
        for (samples, place) in found.samples.iter_mut().zip(places) {
            n_read += self.memory.push_to(samples, place, self.range);
            samples.put_in_order();
        }
        tell(SamplesProgress::Read(n_read))?;
        Ok(found.samples)
    }
}

/// Where the rows in memory of each series are.
struct MemoryRows<'a> {
    chunks: Vec<PointColumns<'a>>,
    /// Chunk and row, series by series, those of one in the order in which they were stored.
    rows: Vec<(u32, u32)>,
    /// Where those of each series begin in `rows`; in the end, where the last ones end.
    starts: Vec<u32>,
}

/// The place of a row of a series that is not wanted.
const UNWANTED: u32 = u32::MAX;

impl<'a> MemoryRows<'a> {
    fn of(chunks: impl Iterator<Item = &'a MemoryChunk>, series: &[SeriesId]) -> Self {
        let chunks: Vec<_> = chunks.filter_map(|chunk| PointColumns::of(&chunk.batch)).collect();
        let mut lookup = Lookup::new(series);
        let places: Vec<Vec<u32>> =
            chunks.iter().map(|chunk| chunk.series.iter().map(|id| lookup.place(id)).collect()).collect();
        let wanted = || places.iter().flatten().filter(|place| **place != UNWANTED);
        let mut starts = vec![0u32; series.len() + 1];
        wanted().for_each(|place| starts[*place as usize + 1] += 1);
        let mut total = 0;
        for start in &mut starts {
            total += *start;
            *start = total;
        }
        let mut next = starts.clone();
        let mut rows = vec![(0, 0); total as usize];
        for (chunk, places) in (0..).zip(&places) {
            for (row, place) in (0..).zip(places).filter(|(_, place)| **place != UNWANTED) {
                let next = &mut next[*place as usize];
                rows[*next as usize] = (chunk, row);
                *next += 1;
            }
        }
        MemoryRows { chunks, rows, starts }
    }

    fn n_rows(&self, place: usize) -> usize {
        (self.starts[place + 1] - self.starts[place]) as usize
    }

    /// Appends the samples in `range` of the series at `place`; gives how many.
    fn push_to(&self, samples: &mut Samples, place: usize, range: TimeRange) -> usize {
        let rows = &self.rows[self.starts[place] as usize..self.starts[place + 1] as usize];
        let before = samples.times.len();
        for (chunk, row) in rows {
            if let Some((time, value)) = self.chunks[*chunk as usize].sample(*row as usize, range) {
                samples.times.push(time);
                samples.values.push(value);
            }
        }
        samples.times.len() - before
    }
}

/// Finds the places of series among those that are wanted.
struct Lookup<'a> {
    series: &'a [SeriesId],
    places: HashMap<SeriesId, u32>,
    /// The place that came after each, and the last one. A sender has its series in the same order in every request.
    follows: Vec<u32>,
    last: usize,
}

impl<'a> Lookup<'a> {
    fn new(series: &'a [SeriesId]) -> Self {
        let places = series.iter().zip(0..).map(|(id, place)| (*id, place)).collect();
        Lookup { series, places, follows: vec![0; series.len()], last: 0 }
    }

    #[inline]
    fn place(&mut self, id: &[u8; 16]) -> u32 {
        let id = SeriesId(u128::from_be_bytes(*id));
        let Some(guess) = self.follows.get_mut(self.last) else { return UNWANTED };
        if self.series[*guess as usize] != id {
            let Some(place) = self.places.get(&id) else { return UNWANTED };
            *guess = *place;
        }
        self.last = *guess as usize;
        *guess
    }
}

/// The samples that are found, by series, in the order in which they were stored.
struct Found {
    places: HashMap<SeriesId, usize>,
    samples: Vec<Samples>,
    range: TimeRange,
    n_read: usize,
}

impl Found {
    fn new(series: &[SeriesId], range: TimeRange) -> Self {
        let places = series.iter().enumerate().map(|(place, id)| (*id, place)).collect();
        Found { places, samples: vec![Samples::default(); series.len()], range, n_read: 0 }
    }

    fn push(&mut self, id: SeriesId, times: &[Nanos], values: &[f64]) {
        if let Some(place) = self.places.get(&id) {
            let samples = &mut self.samples[*place];
            if samples.times.is_empty() {
                // What is in memory has its room already.
                samples.reserve(expected(times, self.range).max(samples.times.capacity() + times.len()));
            }
            samples.times.extend_from_slice(times);
            samples.values.extend_from_slice(values);
            self.n_read += times.len();
        }
    }
}

/// The most by which room is made for more samples than there are.
const MOST_EXPECTED: usize = 16;

/// How many samples a series will have in `range` if the rest of it is as dense as the first `times` are. Room for them made at
/// once is not moved; at most [`MOST_EXPECTED`] times what is there, since a series may end.
fn expected(times: &[Nanos], range: TimeRange) -> usize {
    let (Some(first), Some(last)) = (times.first(), times.last()) else { return 0 };
    let (covered, left) = (last.abs_diff(*first), range.end.saturating_sub(*last).max(0) as u64);
    let more = if covered == 0 { 0 } else { (times.len() as f64 * (left as f64 / covered as f64)).ceil() as usize };
    times.len() + more.min((MOST_EXPECTED - 1) * times.len())
}

impl Samples {
    fn reserve(&mut self, more: usize) {
        self.times.reserve_exact(more);
        self.values.reserve_exact(more);
    }

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
