//! Good and total events of one SLO per bucket of time, for as many buckets as its window has.
//! Every window is a sum over buckets, so that a 30-day window costs as little as a 5-minute one; buckets can be counted
//! again when late spans arrive, and what has been counted at all is known apart from what was counted as zero.

mod codec;
mod pages;

use std::ops::Range;

use model::{Nanos, TimeRange};

pub use codec::DecodeError;
use pages::Pages;

/// How many events counted, and how many of those were good.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    pub good: u64,
    pub total: u64,
}

impl Count {
    /// The events that were not good.
    pub fn bad(self) -> u64 {
        self.total.saturating_sub(self.good)
    }

    /// The share of bad events, or `None` without events: no traffic is not the same as all good.
    pub fn error_ratio(self) -> Option<f64> {
        (self.total > 0).then(|| self.bad() as f64 / self.total as f64)
    }
}

impl std::ops::Add for Count {
    type Output = Count;

    fn add(self, other: Count) -> Count {
        Count { good: self.good + other.good, total: self.total + other.total }
    }
}

impl std::ops::Sub for Count {
    type Output = Count;

    fn sub(self, part: Count) -> Count {
        Count { good: self.good.saturating_sub(part.good), total: self.total.saturating_sub(part.total) }
    }
}

/// The events of a window, and how much of the window has been counted.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct WindowCount {
    pub count: Count,
    /// The counted share of the window, 0 to 1; below 1 for an SLO younger than the window.
    pub coverage: f64,
    /// The share of the window that is excluded, 0 to 1; its events are not among `count`.
    pub excluded: f64,
}

/// One stored bucket. 2^32 events within a minute are 70 million a second, beyond what one box takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Cell {
    good: u32,
    total: u32,
}

impl From<Count> for Cell {
    fn from(count: Count) -> Self {
        let total = u32::try_from(count.total).unwrap_or(u32::MAX);
        // Bad events are what decides, so a total that is cut off keeps them.
        let bad = u32::try_from(count.bad()).unwrap_or(u32::MAX).min(total);
        Cell { good: total - bad, total }
    }
}

impl From<Cell> for Count {
    fn from(cell: Cell) -> Self {
        Count { good: cell.good.into(), total: cell.total.into() }
    }
}

/// A ring of buckets over the latest `capacity` ones. Bucket `n` covers `[n × width, (n + 1) × width)`.
#[derive(Debug, Clone)]
pub struct Buckets {
    width: Nanos,
    /// What has been counted, without gaps; at most `cells.len()` buckets.
    covered: Range<i64>,
    /// Bucket `n` is in place `n mod capacity`; places outside `covered` are zero.
    cells: Pages,
}

impl Buckets {
    /// An empty ring of `capacity` buckets of `width` nanoseconds, both at least 1.
    pub fn new(width: Nanos, capacity: usize) -> Self {
        Self { width: width.max(1), covered: 0..0, cells: Pages::new(capacity.max(1)) }
    }

    /// A ring of the same size that covers the same buckets, without an event.
    pub fn emptied(&self) -> Self {
        Self { width: self.width, covered: self.covered.clone(), cells: Pages::new(self.cells.len()) }
    }

    /// Nanoseconds per bucket.
    pub fn width(&self) -> Nanos {
        self.width
    }

    /// The number of buckets kept.
    pub fn capacity(&self) -> usize {
        self.cells.len()
    }

    /// The bucket in which `time` lies.
    pub fn bucket_of(&self, time: Nanos) -> i64 {
        time.div_euclid(self.width)
    }

    /// The buckets that have been counted.
    pub fn covered(&self) -> Range<i64> {
        self.covered.clone()
    }

    /// The time of the counted buckets; empty at 0 if there are none.
    pub fn covered_time(&self) -> TimeRange {
        self.time_of(&self.covered)
    }

    /// The time that `buckets` cover.
    pub fn time_of(&self, buckets: &Range<i64>) -> TimeRange {
        TimeRange::new(buckets.start.saturating_mul(self.width), buckets.end.saturating_mul(self.width))
    }

    /// Takes `counts` as the truth of the buckets from `first` on, whatever was there.
    ///
    /// Counts that neither overlap nor touch what is covered leave a gap that nobody counted: later ones drop the older
    /// history, earlier ones are dropped themselves. What is older than the capacity is dropped too.
    pub fn replace(&mut self, first: i64, counts: &[Count]) {
        let last = first.saturating_add_unsigned(counts.len() as u64);
        if counts.is_empty() || (!self.covered.is_empty() && last < self.covered.start) {
            return;
        }
        if self.covered.is_empty() || first > self.covered.end {
            self.clear();
            self.covered = first..first;
        }
        let end = self.covered.end.max(last);
        let oldest = end.saturating_sub_unsigned(self.cells.len() as u64);
        self.forget_before(oldest);
        self.covered = self.covered.start.min(first).max(oldest)..end;
        for (bucket, count) in (first..last).zip(counts) {
            if bucket >= oldest {
                self.set(bucket, Cell::from(*count));
            }
        }
    }

    /// Covers everything up to `end`, new buckets without an event; from `start` on if nothing is covered that they could
    /// follow without a gap. What is older than the capacity is dropped.
    pub fn extend(&mut self, start: i64, end: i64) {
        if self.covered.is_empty() || start > self.covered.end {
            self.clear();
            self.covered = start..start;
        }
        let end = self.covered.end.max(end);
        let oldest = end.saturating_sub_unsigned(self.cells.len() as u64);
        self.forget_before(oldest);
        self.covered = self.covered.start.max(oldest)..end;
    }

    /// Counts more events of a bucket; those of one that is not covered are counted by whoever covers it.
    pub fn add(&mut self, bucket: i64, more: Count) {
        if self.covered.contains(&bucket) {
            self.set(bucket, Cell::from(Count::from(self.cell(bucket)) + more));
        }
    }

    /// The events of `buckets`, as far as they have been counted.
    pub fn sum(&self, buckets: Range<i64>) -> Count {
        let (start, end) = (buckets.start.max(self.covered.start), buckets.end.min(self.covered.end));
        if start >= end {
            return Count::default();
        }
        let (from, to) = (self.place(start), self.place(end - 1) + 1);
        if from < to {
            self.cells.range(from, to)
        } else {
            self.cells.range(from, self.cells.len()) + self.cells.range(0, to)
        }
    }

    /// The newest bucket with an event.
    pub fn last_event(&self) -> Option<i64> {
        // The sum from a bucket to the end only falls.
        let (mut low, mut high) = (self.covered.start, self.covered.end);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.sum(middle..self.covered.end).total > 0 {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        (low > self.covered.start).then(|| low - 1)
    }

    /// The buckets of the window of `length` that ends in the bucket of `now`, which still fills.
    pub fn window_buckets(&self, now: Nanos, length: Nanos) -> Range<i64> {
        let end = self.bucket_of(now).saturating_add(1);
        let buckets = length.max(1).saturating_add(self.width - 1) / self.width;
        end.saturating_sub(buckets)..end
    }

    /// The events of `wanted`, and how much of it has been counted.
    pub fn counted(&self, wanted: &Range<i64>) -> WindowCount {
        let counted = wanted.end.min(self.covered.end).saturating_sub(wanted.start.max(self.covered.start));
        let length = wanted.end.saturating_sub(wanted.start).max(1);
        let coverage = counted.max(0) as f64 / length as f64;
        WindowCount { count: self.sum(wanted.clone()), coverage, excluded: 0.0 }
    }

    fn place(&self, bucket: i64) -> usize {
        // The remainder lies in 0..capacity, which is a usize.
        bucket.rem_euclid(self.cells.len() as i64) as usize
    }

    fn set(&mut self, bucket: i64, cell: Cell) {
        self.cells.set(self.place(bucket), cell);
    }

    fn forget_before(&mut self, oldest: i64) {
        if oldest >= self.covered.end {
            self.clear();
            return;
        }
        for bucket in self.covered.start..oldest.max(self.covered.start) {
            self.set(bucket, Cell::default());
        }
    }

    fn clear(&mut self) {
        self.cells = Pages::new(self.cells.len());
    }

    fn cell(&self, bucket: i64) -> Cell {
        self.cells.get(self.place(bucket))
    }
}

#[cfg(test)]
mod tests;
