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

/// The first bucket that anything of `slo` at `now` is read from: its window, or an alert window that reaches over the
/// beginning of a calendar window.
pub fn first_needed(slo: &Slo, buckets: &Buckets, now: Nanos) -> i64 {
    let longest = slo.alerting.tiers.iter().map(|tier| tier.long).max().unwrap_or(1);
    let alerts = buckets.window_buckets(now, longest);
    window_buckets(buckets, &slo.window, now).start.min(alerts.start)
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

    /// The same windows over other buckets of the same width: those of a group.
    pub fn over(&self, buckets: &'a Buckets) -> Self {
        Self { slo: self.slo, buckets, excluded: self.excluded.clone() }
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

#[cfg(test)]
mod tests {
    use model::time::{DAY, MINUTE};

    use super::*;
    use crate::buckets::Count;
    use crate::spec::parse;

    fn slo(more: &str) -> Slo {
        let text = format!("service: s\nindicator: availability\nobjective: 99.9\n{more}");
        parse("f.yaml", &text).unwrap_or_else(|errors| panic!("{errors}")).remove(0)
    }

    /// 1970-02-02T12:00Z is 32 days and a half after 1970-01-01.
    #[test]
    fn alert_windows_reach_over_the_beginning_of_a_calendar_window() {
        let now = 32 * DAY + DAY / 2;
        let buckets = Buckets::new(MINUTE, 10);
        let month = slo("window: {calendar: month}\n");
        assert_eq!(window_buckets(&buckets, &month.window, now), 31 * 1440..32 * 1440 + 721);
        // The slowest tier looks three days back.
        assert_eq!(first_needed(&month, &buckets, now), 32 * 1440 + 721 - 3 * 1440);
        let rolling = slo("window: 7d\nalerting: {enabled: false}\n");
        assert_eq!(first_needed(&rolling, &buckets, now), window_buckets(&buckets, &rolling.window, now).start);
    }

    /// Every window of an hour, against a count of each bucket by itself.
    #[test]
    fn a_window_is_the_sum_of_its_buckets_that_are_not_excluded() {
        let slo = slo(
            "exclusions: [{every: day, at: \"00:10\", for: 5m}, {from: 1970-01-01T00:13:30Z, to: 1970-01-01T00:20:30Z}, {from: 1970-01-01T00:40:00Z, to: 1970-01-01T00:41:00Z}]\n",
        );
        let mut buckets = Buckets::new(MINUTE, 60);
        let counts: Vec<Count> = (0..60).map(|minute| Count { good: minute, total: 2 * minute }).collect();
        buckets.replace(0, &counts);
        // Half minutes are excluded whole.
        let is_excluded = |minute: i64| (10..21).contains(&minute) || minute == 40;
        let windows = Windows::new(&slo, &buckets, TimeRange::new(0, 60 * MINUTE));
        for start in 0..60 {
            for end in start + 1..=60 {
                let kept = (start..end).filter(|minute| !is_excluded(*minute));
                let good: i64 = kept.clone().sum();
                let window = windows.count(start..end);
                assert_eq!(window.count, Count { good: good as u64, total: 2 * good as u64 }, "{start}..{end}");
                let excluded = 1.0 - kept.count() as f64 / (end - start) as f64;
                assert!((window.excluded - excluded).abs() < 1e-9 && window.coverage == 1.0, "{start}..{end}");
            }
        }
    }
}
