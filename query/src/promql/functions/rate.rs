//! `rate`, `increase` and `delta`: how much a series changed over a range, extrapolated to the whole of it.
//!
//! Cumulative counters extrapolate as Prometheus does (`extrapolatedRate`): from the first and the last sample to the
//! edges of the range if those are near, else by half a sampling interval, and never below zero. Deltas need none of
//! that: what was counted in the range is their sum.

use std::sync::Arc;

use super::super::annotations::Note;
use super::super::histogram::{Histogram, ResetHint};
use super::super::matrix::Cells;
use super::super::value::{Millis, SampleKind, SeriesData, Value};
use super::super::window::{Cut, Window};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Mode {
    Rate,
    Increase,
    Delta,
}

impl Mode {
    fn is_counter(self) -> bool {
        self != Mode::Delta
    }
}

pub(in super::super) fn change(window: &Window<'_>, mode: Mode, note: &dyn Fn(Note)) -> Option<Value> {
    if !window.floats.is_empty() && !window.histograms.is_empty() {
        note(Note::MixedFloatsHistograms { metric: window.metric() });
        return None;
    }
    if mode.is_counter() {
        check_is_counter(window.kind, !window.floats.is_empty(), &|| window.metric(), note);
        if window.kind == SampleKind::Delta {
            return sum_of_deltas(window, mode, note);
        }
    }
    if let [first, .., last] = window.floats {
        let lost = if mode.is_counter() { window.floats.windows(2).filter_map(lost_between).sum() } else { 0.0 };
        let increase = last - first + lost;
        let factor = Extent::of(window.times, (window.start, window.end))?.factor(mode, *first, increase);
        return Some(Value::Float(increase * factor));
    }
    if let [first, .., _] = window.histograms {
        let mut increase = histogram_change(window, mode, note)?;
        let extent = Extent::of(window.histogram_times, (window.start, window.end))?;
        let factor = extent.factor(mode, first.count, increase.count);
        increase.scale(factor);
        return Some(Value::Histogram(Arc::new(increase)));
    }
    None
}

/// [`change`] of every window of series of floats that are no deltas. Where resets are is found out once for a series, not in each
/// window that they are in; where windows are, once for all series with the same times, as those have that are scraped together.
pub(in super::super) struct Changes {
    mode: Mode,
    times: Vec<Millis>,
    windows: Vec<Span>,
    /// Whether there is a window with a sample in it.
    any: bool,
    resets: Vec<(usize, f64)>,
}

/// The samples of a window, two at least, and what a change between the first and the last of them is multiplied by.
struct Span {
    step: usize,
    from: usize,
    to: usize,
    extent: Extent,
    /// Of a change that does not come from zero within the window.
    factor: f64,
    /// A counter that is less than its increase times this comes from zero within the window, or nearly.
    near_zero: f64,
}

impl Changes {
    pub(in super::super) fn new(mode: Mode) -> Self {
        Changes { mode, times: Vec::new(), windows: Vec::new(), any: false, resets: Vec::new() }
    }

    /// Into `cells`. `range` and `ends`, the ends of the windows, are the same for each series.
    pub(in super::super) fn of(
        &mut self,
        series: &SeriesData,
        range: Millis,
        ends: impl Iterator<Item = Millis>,
        cells: &mut Cells,
        note: &dyn Fn(Note),
    ) {
        if self.times != series.times {
            self.times.clone_from(&series.times);
            self.find_windows(range, ends);
        }
        let floats = series.floats.as_slice();
        self.resets.clear();
        if self.mode.is_counter() {
            if self.any {
                check_is_counter(series.kind, true, &|| series.labels.name().to_owned(), note);
            }
            // Looked at without a branch first: most series have none.
            if floats.windows(2).fold(false, |any, pair| any | (pair[1] < pair[0])) {
                let pairs = floats.windows(2).zip(1..);
                self.resets.extend(pairs.filter_map(|(pair, at)| Some((at, lost_between(pair)?))));
            }
        }
        let mut passed = 0;
        for it in &self.windows {
            while self.resets.get(passed).is_some_and(|(at, _)| *at <= it.from) {
                passed += 1;
            }
            let lost: f64 = self.resets[passed..].iter().take_while(|(at, _)| *at < it.to).map(|(_, lost)| lost).sum();
            let first = floats[it.from];
            let increase = floats[it.to - 1] - first + lost;
            let may_come_from_zero = increase > 0.0 && first >= 0.0 && first <= increase * it.near_zero;
            let factor = if may_come_from_zero { it.extent.factor(self.mode, first, increase) } else { it.factor };
            cells.set_float(it.step, increase * factor);
        }
    }

    fn find_windows(&mut self, range: Millis, ends: impl Iterator<Item = Millis>) {
        self.windows.clear();
        self.any = false;
        let mut cut = Cut::default();
        for (step, end) in ends.enumerate() {
            cut.advance(&self.times, end - range, end);
            let Cut { from, to } = cut;
            self.any |= from < to;
            if let Some(extent) = Extent::of(&self.times[from..to], (end - range, end)) {
                // Of an increase of nothing, or from far above zero.
                let factor = extent.factor(self.mode, f64::INFINITY, 0.0);
                // What is rounded on the way is less than the last factor.
                let near_zero =
                    if self.mode.is_counter() { extent.to_start / extent.sampled * (1.0 + 1e-9) } else { -1.0 };
                self.windows.push(Span { step, from, to, extent, factor, near_zero });
            }
        }
    }
}

/// Whether [`Changes`] is for `series`.
pub(in super::super) fn is_plain(series: &SeriesData) -> bool {
    series.histograms.is_empty() && series.kind != SampleKind::Delta
}

/// What a counter had counted before a reset; a pair of samples tells of one by falling.
#[inline]
fn lost_between(pair: &[f64]) -> Option<f64> {
    (pair[1] < pair[0]).then_some(pair[0])
}

/// Where the samples of a window, two at least, are in it. In seconds.
struct Extent {
    /// From the first to the last.
    sampled: f64,
    /// How far the change goes on to the start of the window and to its end.
    to_start: f64,
    to_end: f64,
    /// The window.
    whole: f64,
}

impl Extent {
    fn of(times: &[Millis], (start, end): (Millis, Millis)) -> Option<Self> {
        let [first, .., last] = times else { return None };
        let sampled = (last - first) as f64 / 1e3;
        let average = sampled / (times.len() - 1) as f64;
        // Samples that are further from the edge than usual say that the series began or ended in between.
        let threshold = average * 1.1;
        let within = |distance: f64| if distance >= threshold { average / 2.0 } else { distance };
        let to_start = within((first - start) as f64 / 1e3);
        let to_end = within((end - last) as f64 / 1e3);
        Some(Extent { sampled, to_start, to_end, whole: (end - start) as f64 / 1e3 })
    }

    /// The factor from the change between the first and the last sample to that of the window, or per second of it.
    #[inline]
    fn factor(&self, mode: Mode, first: f64, increase: f64) -> f64 {
        let mut to_start = self.to_start;
        if mode.is_counter() && increase > 0.0 && first >= 0.0 {
            to_start = to_start.min(self.sampled * (first / increase));
        }
        let factor = (self.sampled + to_start + self.to_end) / self.sampled;
        if mode == Mode::Rate { factor / self.whole } else { factor }
    }
}

fn histogram_change(window: &Window<'_>, mode: Mode, note: &dyn Fn(Note)) -> Option<Histogram> {
    let points = window.histograms;
    let [first, .., last] = points else { return None };
    let metric = || window.metric();
    let is_gauge = |histogram: &Histogram| histogram.reset == ResetHint::Gauge;
    if mode.is_counter() && points.iter().any(|point| is_gauge(point)) {
        note(Note::HistogramNotCounter { metric: metric() });
    }
    let both_gauges = is_gauge(first) && is_gauge(last);
    if !mode.is_counter() && !both_gauges {
        note(Note::HistogramNotGauge { metric: metric() });
    }
    // After a reset between the first two samples the layout of the first one does not matter.
    let starts_anew = mode.is_counter() && points[1].is_reset_after(first);
    let skipped = usize::from(starts_anew);
    if points[skipped..].iter().any(|point| point.is_custom() != last.is_custom()) {
        note(Note::MixedSchemas { metric: metric() });
        return None;
    }
    let mut change = Histogram::clone(last);
    let mut reconciled = false;
    if !starts_anew {
        reconciled |= change.sub(first).ok()?.bounds_differed;
    }
    if mode.is_counter() {
        for pair in points.windows(2).skip(skipped) {
            if pair[1].is_reset_after(&pair[0]) {
                reconciled |= change.add(&pair[0]).ok()?.bounds_differed;
            }
        }
    }
    if reconciled {
        note(Note::MismatchedBounds { operation: "subtraction" });
    }
    change.reset = ResetHint::Gauge;
    Some(change)
}

fn sum_of_deltas(window: &Window<'_>, mode: Mode, note: &dyn Fn(Note)) -> Option<Value> {
    let factor = if mode == Mode::Rate { 1.0 / window.seconds() } else { 1.0 };
    if !window.floats.is_empty() {
        return Some(Value::Float(window.floats.iter().sum::<f64>() * factor));
    }
    let (first, others) = window.histograms.split_first()?;
    let mut sum = Histogram::clone(first);
    for other in others {
        if sum.add(other).is_err() {
            note(Note::MixedSchemas { metric: window.metric() });
            return None;
        }
    }
    sum.scale(factor);
    sum.reset = ResetHint::Gauge;
    Some(Value::Histogram(Arc::new(sum)))
}

fn check_is_counter(kind: SampleKind, has_floats: bool, metric: &dyn Fn() -> String, note: &dyn Fn(Note)) {
    match kind {
        SampleKind::Gauge => note(Note::GaugeAsCounter { metric: metric() }),
        SampleKind::Unknown if has_floats => {
            let metric = metric();
            let is_named = ["_total", "_sum", "_count", "_bucket"].iter().any(|suffix| metric.ends_with(suffix));
            if !is_named && !metric.is_empty() {
                note(Note::NotACounter { metric });
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::labels::{Labels, NAME};
    use super::super::super::matrix::Grid;
    use super::super::super::window::for_each_window;
    use super::*;

    #[test]
    fn windows_at_once_are_as_one_by_one() {
        let floats = [0.0, 1.0, 2.5, 3.0, 0.5, 3.0, 4.0, 4.0, 1.0, 0.0, 9.0, f64::NAN, 3.0, 8.0, 2.0];
        let times: Vec<Millis> = (0..floats.len() as Millis).map(|at| at * 15_000 + at * at % 7 * 900).collect();
        for kind in [SampleKind::Unknown, SampleKind::Gauge, SampleKind::Counter] {
            let labels = Labels::new([(NAME, "x")]);
            let series =
                SeriesData { labels, kind, times: times.clone(), floats: floats.to_vec(), ..SeriesData::default() };
            assert!(is_plain(&series));
            for (mode, range) in [(Mode::Rate, 31_000), (Mode::Increase, 90_000), (Mode::Delta, 60_000)] {
                let grid = Grid { start: -20_000, step: 7_000, len: 50 };
                let (one_by_one, at_once) = (std::cell::RefCell::default(), std::cell::RefCell::default());
                let note = |to: &std::cell::RefCell<Vec<Note>>, note: Note| {
                    let mut notes = to.borrow_mut();
                    if !notes.contains(&note) {
                        notes.push(note);
                    }
                };
                let (mut slow, mut quick) = (Cells::empty(grid.len), Cells::empty(grid.len));
                for_each_window(&series, range, grid.times().map(|time| (time, time)), |window| {
                    if let Some(value) = change(window, mode, &|it| note(&one_by_one, it)) {
                        slow.set(window.step, value);
                    }
                });
                let mut changes = Changes::new(mode);
                let other = SeriesData { times: times[1..].to_vec(), floats: floats[1..].to_vec(), ..series.clone() };
                for it in [&series, &other, &series, &series] {
                    let cells = &mut Cells::empty(grid.len);
                    changes.of(it, range, grid.times(), cells, &|it| note(&at_once, it));
                    quick = cells.clone();
                }
                for step in 0..grid.len {
                    let (slow, quick) = (slow.float(step), quick.float(step));
                    assert_eq!(slow.map(f64::to_bits), quick.map(f64::to_bits), "{kind:?} {mode:?} step {step}");
                }
                assert_eq!(one_by_one, at_once);
            }
        }
    }
}
