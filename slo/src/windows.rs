//! The counted events of windows, without what is excluded. Every window is a sum over buckets, less the sums of the
//! excluded buckets within it.

use std::ops::Range;

use model::{Nanos, TimeRange};

use crate::buckets::{Buckets, WindowCount};
use crate::spec::{Slo, Window, excluded};

/// The buckets of an SLO with its exclusions worked out for a stretch of time.
#[derive(Debug)]
pub struct Windows<'a> {
    slo: &'a Slo,
    buckets: &'a Buckets,
    /// In order, apart from each other.
    excluded: Vec<Range<i64>>,
}

/// The buckets of `window` at `now`: up to the one of `now`, which still fills, though a calendar window goes on.
pub fn window_buckets(buckets: &Buckets, window: &Window, now: Nanos) -> Range<i64> {
    match window {
        Window::Rolling(length) => buckets.window_buckets(now, *length),
        Window::Calendar(calendar) => {
            buckets.bucket_of(calendar.range(now).start)..buckets.bucket_of(now).saturating_add(1)
        }
    }
}

impl<'a> Windows<'a> {
    /// Windows that lie within `range`. A bucket is excluded if any of its time is: with exclusions that begin and end at
    /// whole minutes no bucket lies on both sides.
    pub fn new(slo: &'a Slo, buckets: &'a Buckets, range: TimeRange) -> Self {
        let whole = |time: &TimeRange| buckets.bucket_of(time.start)..buckets.bucket_of(time.end - 1) + 1;
        let mut ranges: Vec<Range<i64>> = Vec::new();
        for next in excluded(&slo.exclusions, range).iter().map(whole) {
            match ranges.last_mut() {
                Some(last) if next.start <= last.end => last.end = last.end.max(next.end),
                _ => ranges.push(next),
            }
        }
        Self { slo, buckets, excluded: ranges }
    }

    /// All that is asked of an SLO at `now`: its alert windows and its own to the end.
    pub fn at(slo: &'a Slo, buckets: &'a Buckets, now: Nanos) -> Self {
        let longest = slo.alerting.tiers.iter().map(|tier| tier.long).max().unwrap_or_default();
        let window = slo.window.range(now);
        let width = buckets.width();
        let start = window.start.min(now.saturating_sub(longest)).saturating_sub(width);
        Self::new(slo, buckets, TimeRange::new(start, window.end.max(now).saturating_add(width)))
    }

    pub fn slo(&self) -> &'a Slo {
        self.slo
    }

    pub fn buckets(&self) -> &'a Buckets {
        self.buckets
    }

    /// The events in the window of `length` that ends at `now`, in whole buckets.
    pub fn last(&self, now: Nanos, length: Nanos) -> WindowCount {
        self.count(self.buckets.window_buckets(now, length))
    }

    /// The events of the window of the SLO until `now`.
    pub fn of_slo(&self, now: Nanos) -> WindowCount {
        self.count(window_buckets(self.buckets, &self.slo.window, now))
    }

    /// The events of `wanted`.
    pub fn count(&self, wanted: Range<i64>) -> WindowCount {
        let mut window = self.buckets.counted(&wanted);
        for part in self.excluded_of(&wanted) {
            window.count = window.count - self.buckets.sum(part);
        }
        let length = wanted.end.saturating_sub(wanted.start).max(1);
        window.excluded = self.excluded_buckets(&wanted) as f64 / length as f64;
        window
    }

    /// How many of `wanted` are excluded.
    pub fn excluded_buckets(&self, wanted: &Range<i64>) -> i64 {
        self.excluded_of(wanted).map(|part| part.end - part.start).sum()
    }

    /// The excluded parts of `wanted`.
    fn excluded_of(&self, wanted: &Range<i64>) -> impl Iterator<Item = Range<i64>> {
        let (start, end) = (wanted.start, wanted.end);
        let first = self.excluded.partition_point(|part| part.end <= start);
        let parts = self.excluded[first..].iter().take_while(move |part| part.start < end);
        parts.map(move |part| part.start.max(start)..part.end.min(end))
    }
}
