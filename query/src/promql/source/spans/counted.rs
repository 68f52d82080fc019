//! What a series counts, minute by minute, and the samples that it makes.

use std::sync::Arc;

use store::summary::{DurationCounts, Durations, MAX_BUCKETS, SCHEMA, exponent_of, upper_bound};

use super::super::super::error::PromqlError;
use super::super::super::histogram::{Buckets, Histogram, ResetHint};
use super::super::super::labels::Labels;
use super::super::super::limits::Meter;
use super::super::super::matcher::Matcher;
use super::super::super::value::{Millis, SampleKind, SeriesData};
use super::super::spelling::{Part, accepts_split, split_value};
use super::{Asked, MINUTE_MILLIS, Minutes, What};

const NANOS_PER_MILLI: u64 = 1_000_000;
const NANOS_PER_SECOND: f64 = 1e9;
/// The magnitude up to which native histograms count durations as zero: the first bound of summaries, `2^-20` seconds.
const ZERO_THRESHOLD: f64 = 1.0 / 1_048_576.0;

/// What is counted in minutes: a counter, those of the buckets of a classic histogram, or a native histogram.
pub(super) struct Counted {
    /// Counters of a minute; of a native histogram none.
    width: usize,
    /// In the order in which they came; a minute may come more than once.
    slots: Vec<i64>,
    counters: Vec<u64>,
    natives: Vec<Durations>,
}

/// What a minute adds.
#[derive(Default)]
struct Cell {
    counters: Vec<u64>,
    native: Durations,
}

impl Counted {
    pub(super) fn new(asked: Asked) -> Self {
        let width = match asked.part {
            Part::Buckets => asked.family.what.bounds().len() + 1,
            Part::Value if asked.family.what.is_histogram() => 0,
            _ => 1,
        };
        Counted { width, slots: Vec::new(), counters: Vec::new(), natives: Vec::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Adds to the counter of a minute; returns how many counters were made for that.
    pub(super) fn add(&mut self, slot: i64, more: u64) -> usize {
        let n = self.make_room(slot);
        if let Some(counter) = self.counters.last_mut() {
            *counter = counter.saturating_add(more);
        }
        n
    }

    /// As [`Counted::add`], the part of durations that is asked for.
    pub(super) fn add_durations(
        &mut self,
        slot: i64,
        Asked { family, part }: Asked,
        durations: &DurationCounts,
    ) -> usize {
        match part {
            Part::Sum => self.add(slot, durations.sum),
            Part::Buckets => {
                let n = self.make_room(slot);
                let start = self.counters.len() - self.width;
                let (bounds, counters) = (family.what.bounds(), &mut self.counters[start..]);
                for (bucket, count) in &durations.buckets {
                    // Cumulative: of each bound from that of the bucket on, and at last of infinity.
                    let first = bounds.partition_point(|bound| bound * NANOS_PER_MILLI < upper_bound(*bucket));
                    counters[first..].iter_mut().for_each(|counter| *counter += count);
                }
                n
            }
            Part::Value if family.what.is_histogram() => {
                let n = self.make_room(slot);
                if let Some(native) = self.natives.last_mut() {
                    native.add(durations);
                }
                n + durations.buckets.len()
            }
            _ => self.add(slot, durations.n_total()),
        }
    }

    fn make_room(&mut self, slot: i64) -> usize {
        if self.slots.last() == Some(&slot) {
            return 0;
        }
        self.slots.push(slot);
        self.counters.resize(self.counters.len() + self.width, 0);
        if self.width == 0 {
            self.natives.push(Durations::default());
        }
        self.width.max(1)
    }

    /// The minutes in their order.
    fn in_order(mut self) -> Vec<(i64, Cell)> {
        let mut order: Vec<usize> = (0..self.slots.len()).collect();
        order.sort_by_key(|at| self.slots[*at]);
        let mut merged: Vec<(i64, Cell)> = Vec::with_capacity(order.len());
        for at in order {
            let counters = &self.counters[at * self.width..(at + 1) * self.width];
            let native = self.natives.get_mut(at).map(std::mem::take).unwrap_or_default();
            match merged.last_mut().filter(|(slot, _)| *slot == self.slots[at]) {
                Some((_, known)) => {
                    known.counters.iter_mut().zip(counters).for_each(|(known, more)| *known += more);
                    known.native.merge(&native);
                }
                None => merged.push((self.slots[at], Cell { counters: counters.to_vec(), native })),
            }
        }
        merged
    }

    /// The series of `labels`: of a classic histogram one for each bound that `matchers` accept.
    pub(super) fn into_series(
        self,
        asked: Asked,
        labels: Labels,
        matchers: &[Matcher],
        minutes: &Minutes,
        meter: &Meter<'_>,
    ) -> Result<Vec<SeriesData>, PromqlError> {
        let width = self.width;
        let cells = self.in_order();
        let Some((first, _)) = cells.first() else { return Ok(Vec::new()) };
        let n_times = 2 * usize::try_from(minutes.end - first).unwrap_or(usize::MAX / 4) + 1;
        meter.charge(n_times.saturating_mul(width.max(1)))?;
        if width == 0 {
            return Ok(native(&cells, labels, minutes, meter)?.into_iter().collect());
        }
        let scale = if asked.part == Part::Sum { NANOS_PER_SECOND } else { 1.0 };
        let values = if asked.part == Part::Buckets { bounds(asked.family.what) } else { vec![String::new()] };
        let mut series = Vec::with_capacity(width);
        for (counter, value) in values.iter().enumerate() {
            let labels = match asked.part.split_label() {
                Some(_) if !accepts_split(matchers, asked.part, value) => continue,
                Some(label) => labels.with(label, value),
                None => labels.clone(),
            };
            let mut data = SeriesData { labels, kind: SampleKind::Counter, ..SeriesData::default() };
            let mut total = 0u64;
            rise(&cells, minutes, |time, cell, share| {
                let more = cell.map_or(0, |cell| share.of(cell.counters[counter]));
                if minutes.has(time) {
                    data.times.push(time);
                    data.floats.push(total.saturating_add(more) as f64 / scale);
                }
                if share.is_whole() {
                    total = total.saturating_add(more);
                }
            });
            if !data.times.is_empty() {
                series.push(data);
            }
        }
        Ok(series)
    }
}

/// The part of what a minute adds that there is at a sample: so many milliseconds of so many.
#[derive(Clone, Copy)]
struct Share(u64, u64);

impl Share {
    const WHOLE: Self = Share(1, 1);

    fn is_whole(self) -> bool {
        self.0 == self.1
    }

    fn of(self, count: u64) -> u64 {
        if self.is_whole() { count } else { (u128::from(count) * u128::from(self.0) / u128::from(self.1)) as u64 }
    }
}

/// Calls `sample` with the time of each sample, what its minute adds and how much of that is there: nothing where the series
/// begins, then twice for each minute.
fn rise<'a>(cells: &'a [(i64, Cell)], minutes: &Minutes, mut sample: impl FnMut(Millis, Option<&'a Cell>, Share)) {
    let Some((first, _)) = cells.first() else { return };
    let mut cells = cells.iter().peekable();
    sample(first * MINUTE_MILLIS, None, Share::WHOLE);
    for slot in *first..minutes.end {
        let cell = cells.next_if(|(at, _)| *at == slot).map(|(_, cell)| cell);
        let start = slot * MINUTE_MILLIS;
        let half = MINUTE_MILLIS / 2;
        // Never whole: what is whole is added for good.
        let elapsed = minutes.elapsed(start).max(half as u64 + 1);
        sample(start + half, cell, Share(half as u64, elapsed));
        sample(start + MINUTE_MILLIS, cell, Share::WHOLE);
    }
}

fn native(
    cells: &[(i64, Cell)],
    labels: Labels,
    minutes: &Minutes,
    meter: &Meter<'_>,
) -> Result<Option<SeriesData>, PromqlError> {
    let mut data = SeriesData { labels, kind: SampleKind::Counter, ..SeriesData::default() };
    let mut total = Total::default();
    let mut last = Arc::new(total.histogram());
    let mut n_buckets = 0;
    rise(cells, minutes, |time, cell, share| {
        if let Some(Cell { native, .. }) = cell {
            last = if share.is_whole() {
                total.add(native, share);
                Arc::new(total.histogram())
            } else {
                let mut part = total.clone();
                part.add(native, share);
                Arc::new(part.histogram())
            };
            n_buckets += last.positive.len();
        }
        if minutes.has(time) {
            data.histogram_times.push(time);
            data.histograms.push(Arc::clone(&last));
        }
    });
    meter.charge(n_buckets)?;
    Ok((!data.histogram_times.is_empty()).then_some(data))
}

/// A native histogram as it rises.
#[derive(Clone)]
struct Total {
    zero: u64,
    /// Of the exponents from [`FIRST_EXPONENT`] on.
    counts: Vec<u64>,
    /// In nanoseconds.
    sum: u64,
}

/// The exponent of the first bound of summaries.
const FIRST_EXPONENT: i32 = -160;

impl Default for Total {
    fn default() -> Self {
        Total { zero: 0, counts: vec![0; MAX_BUCKETS], sum: 0 }
    }
}

impl Total {
    /// Adds a share of durations, of each count rounded down.
    fn add(&mut self, durations: &Durations, share: Share) {
        // A native bucket may be several of a summary.
        let mut run: (Option<i32>, u64) = (None, 0);
        for (bucket, count) in durations.buckets() {
            let exponent = exponent_of(bucket);
            if exponent != run.0 {
                self.put(run, share);
                run = (exponent, 0);
            }
            run.1 += count;
        }
        self.put(run, share);
        self.sum = self.sum.saturating_add(share.of(durations.sum));
    }

    fn put(&mut self, (exponent, count): (Option<i32>, u64), share: Share) {
        let counter = match exponent {
            None => Some(&mut self.zero),
            Some(exponent) => usize::try_from(exponent - FIRST_EXPONENT).ok().and_then(|at| self.counts.get_mut(at)),
        };
        if let Some(counter) = counter {
            *counter = counter.saturating_add(share.of(count));
        }
    }

    fn histogram(&self) -> Histogram {
        let first = self.counts.iter().position(|count| *count > 0);
        let last = self.counts.iter().rposition(|count| *count > 0);
        let positive = match (first, last) {
            (Some(first), Some(last)) => {
                let counts = self.counts[first..=last].iter().map(|count| *count as f64);
                Buckets::dense(FIRST_EXPONENT + first as i32, counts)
            }
            _ => Buckets::default(),
        };
        let count = self.zero + self.counts.iter().sum::<u64>();
        Histogram {
            schema: SCHEMA,
            reset: ResetHint::Unknown,
            zero_threshold: ZERO_THRESHOLD,
            zero_count: self.zero as f64,
            count: count as f64,
            sum: self.sum as f64 / NANOS_PER_SECOND,
            positive,
            ..Histogram::default()
        }
    }
}

/// The values of `le`, in seconds.
pub(super) fn bounds(what: What) -> Vec<String> {
    let bounds = what.bounds().iter().map(|millis| split_value(*millis as f64 / 1000.0));
    bounds.chain([split_value(f64::INFINITY)]).collect()
}
