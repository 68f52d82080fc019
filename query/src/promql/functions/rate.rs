//! `rate`, `increase` and `delta`: how much a series changed over a range, extrapolated to the whole of it.
//!
//! Cumulative counters extrapolate as Prometheus does (`extrapolatedRate`): from the first and the last sample to the
//! edges of the range if those are near, else by half a sampling interval, and never below zero. Deltas need none of
//! that: what was counted in the range is their sum.

use std::sync::Arc;

use super::super::annotations::Note;
use super::super::histogram::{Histogram, ResetHint};
use super::super::value::{SampleKind, Value};
use super::super::window::Window;

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
        check_is_counter(window, note);
        if window.kind == SampleKind::Delta {
            return sum_of_deltas(window, mode, note);
        }
    }
    if let [first, .., _] = window.floats {
        let increase = if mode.is_counter() { counted(window.floats) } else { window.floats.last()? - first };
        let factor = extrapolation(window, window.times, mode, *first, increase)?;
        return Some(Value::Float(increase * factor));
    }
    if let [first, .., _] = window.histograms {
        let mut increase = histogram_change(window, mode, note)?;
        let factor = extrapolation(window, window.histogram_times, mode, first.count, increase.count)?;
        increase.scale(factor);
        return Some(Value::Histogram(Arc::new(increase)));
    }
    None
}

/// What a counter counted: its rise, and after a reset all of its new value.
fn counted(values: &[f64]) -> f64 {
    let (Some(first), Some(last)) = (values.first(), values.last()) else { return 0.0 };
    let lost: f64 = values.windows(2).filter(|pair| pair[1] < pair[0]).map(|pair| pair[0]).sum();
    last - first + lost
}

/// The factor from the change between the first and the last sample to that of the range, or per second of it.
fn extrapolation(window: &Window<'_>, times: &[i64], mode: Mode, first: f64, increase: f64) -> Option<f64> {
    let (first_time, last_time) = (times.first()?, times.last()?);
    let sampled = (last_time - first_time) as f64 / 1e3;
    let average = sampled / (times.len() - 1) as f64;
    // Samples that are further from the edge than usual say that the series began or ended in between.
    let threshold = average * 1.1;
    let mut to_start = (first_time - window.start) as f64 / 1e3;
    let mut to_end = (window.end - last_time) as f64 / 1e3;
    if to_start >= threshold {
        to_start = average / 2.0;
    }
    if mode.is_counter() && increase > 0.0 && first >= 0.0 {
        to_start = to_start.min(sampled * (first / increase));
    }
    if to_end >= threshold {
        to_end = average / 2.0;
    }
    let factor = (sampled + to_start + to_end) / sampled;
    Some(if mode == Mode::Rate { factor / window.seconds() } else { factor })
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

fn check_is_counter(window: &Window<'_>, note: &dyn Fn(Note)) {
    match window.kind {
        SampleKind::Gauge => note(Note::GaugeAsCounter { metric: window.metric() }),
        SampleKind::Unknown if !window.floats.is_empty() => {
            let metric = window.metric();
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
    use super::*;

    #[test]
    fn resets_count_from_zero() {
        assert_eq!(counted(&[0.0, 1.0, 2.0, 3.0, 2.0, 3.0, 4.0]), 7.0);
        assert_eq!(counted(&[5.0]), 0.0);
        assert_eq!(counted(&[]), 0.0);
    }
}
