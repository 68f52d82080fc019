//! The samples that a range function sees at one step, and how a series is cut into them.

use std::sync::Arc;

use super::histogram::Histogram;
use super::labels::Labels;
use super::value::{Millis, SampleKind, SeriesData, Value};

/// The samples of one series in `(start, end]`.
pub(super) struct Window<'a> {
    pub(super) times: &'a [Millis],
    pub(super) floats: &'a [f64],
    pub(super) histogram_times: &'a [Millis],
    pub(super) histograms: &'a [Arc<Histogram>],
    pub(super) kind: SampleKind,
    pub(super) start: Millis,
    pub(super) end: Millis,
    /// The step that the window belongs to, and its time; an offset makes that differ from the window's end.
    pub(super) step: usize,
    pub(super) step_time: Millis,
    labels: &'a Labels,
}

/// One sample of a window.
#[derive(Clone, Copy)]
pub(super) enum Sample<'a> {
    Float(f64),
    Histogram(&'a Arc<Histogram>),
}

impl Sample<'_> {
    pub(super) fn to_value(self) -> Value {
        match self {
            Sample::Float(float) => Value::Float(float),
            Sample::Histogram(histogram) => Value::Histogram(Arc::clone(histogram)),
        }
    }
}

impl<'a> Window<'a> {
    /// The metric's name, for notes.
    pub(super) fn metric(&self) -> String {
        self.labels.name().to_owned()
    }

    /// The length of the range.
    pub(super) fn seconds(&self) -> f64 {
        (self.end - self.start) as f64 / 1e3
    }

    fn float(&self, index: usize) -> Option<(Millis, Sample<'a>)> {
        Some((*self.times.get(index)?, Sample::Float(self.floats[index])))
    }

    fn histogram(&self, index: usize) -> Option<(Millis, Sample<'a>)> {
        Some((*self.histogram_times.get(index)?, Sample::Histogram(&self.histograms[index])))
    }

    pub(super) fn first(&self) -> Option<(Millis, Sample<'a>)> {
        self.float(0).into_iter().chain(self.histogram(0)).min_by_key(|(time, _)| *time)
    }

    pub(super) fn last(&self) -> Option<(Millis, Sample<'a>)> {
        let float = self.floats.len().checked_sub(1).and_then(|index| self.float(index));
        let histogram = self.histograms.len().checked_sub(1).and_then(|index| self.histogram(index));
        float.into_iter().chain(histogram).max_by_key(|(time, _)| *time)
    }

    /// Visits the samples of both kinds in order of time.
    pub(super) fn for_each(&self, mut visit: impl FnMut(Millis, Sample<'a>)) {
        let (mut i, mut j) = (0, 0);
        loop {
            let next = match (self.float(i), self.histogram(j)) {
                (Some(float), Some(histogram)) if float.0 <= histogram.0 => float,
                (Some(float), None) => float,
                (_, Some(histogram)) => histogram,
                (None, None) => return,
            };
            match next.1 {
                Sample::Float(_) => i += 1,
                Sample::Histogram(_) => j += 1,
            }
            visit(next.0, next.1);
        }
    }
}

/// The bounds of a window that moves forward over times in order.
#[derive(Clone, Copy, Default)]
pub(super) struct Cut {
    pub(super) from: usize,
    pub(super) to: usize,
}

impl Cut {
    /// Moves to the times in `(start, end]`; neither may go back between calls.
    #[inline]
    pub(super) fn advance(&mut self, times: &[Millis], start: Millis, end: Millis) {
        while self.to < times.len() && times[self.to] <= end {
            self.to += 1;
        }
        while self.from < self.to && times[self.from] <= start {
            self.from += 1;
        }
    }
}

/// Calls `visit` with the window of every step that has samples. `ends` are the ends of the windows, in order, and the
/// times of their steps.
pub(super) fn for_each_window(
    series: &SeriesData,
    range: Millis,
    ends: impl Iterator<Item = (Millis, Millis)>,
    mut visit: impl FnMut(&Window<'_>),
) {
    let (mut floats, mut histograms) = (Cut::default(), Cut::default());
    for (step, (end, step_time)) in ends.enumerate() {
        let start = end - range;
        floats.advance(&series.times, start, end);
        histograms.advance(&series.histogram_times, start, end);
        if floats.from == floats.to && histograms.from == histograms.to {
            continue;
        }
        visit(&Window {
            times: &series.times[floats.from..floats.to],
            floats: &series.floats[floats.from..floats.to],
            histogram_times: &series.histogram_times[histograms.from..histograms.to],
            histograms: &series.histograms[histograms.from..histograms.to],
            kind: series.kind,
            start,
            end,
            step,
            step_time,
            labels: &series.labels,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_open_on_the_left_and_closed_on_the_right() {
        let series = SeriesData { times: vec![0, 10, 20, 30], floats: vec![0.0, 1.0, 2.0, 3.0], ..Default::default() };
        let mut seen = Vec::new();
        let ends = [0, 20, 25, 50].map(|end| (end, end)).into_iter();
        for_each_window(&series, 10, ends, |window| seen.push((window.step, window.times.to_vec())));
        assert_eq!(seen, [(0, vec![0]), (1, vec![20]), (2, vec![20])]);
    }
}
