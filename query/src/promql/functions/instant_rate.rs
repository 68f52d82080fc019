//! `irate` and `idelta`: the change between the last two samples.

use std::sync::Arc;

use super::super::annotations::Note;
use super::super::histogram::{Histogram, ResetHint};
use super::super::value::{Millis, SampleKind, Value};
use super::super::window::{Sample, Window};

pub(in super::super) fn last_change(window: &Window<'_>, per_second: bool, note: &dyn Fn(Note)) -> Option<Value> {
    let [(before, earlier), (time, last)] = last_two(window)?;
    let seconds = (time - before) as f64 / 1e3;
    match (earlier, last) {
        (Sample::Float(earlier), Sample::Float(last)) => {
            let change = match (per_second, window.kind) {
                (true, SampleKind::Delta) => last,
                // After a reset a counter counts from zero. Not-a-number is no reset.
                (true, _) if last < earlier => last,
                _ => last - earlier,
            };
            Some(Value::Float(if per_second { change / seconds } else { change }))
        }
        (Sample::Histogram(earlier), Sample::Histogram(last)) => {
            let change = histogram_change(window, per_second, earlier, last, note)?;
            Some(Value::Histogram(Arc::new(if per_second { divided(change, seconds) } else { change })))
        }
        _ => {
            note(Note::MixedFloatsHistograms { metric: window.metric() });
            None
        }
    }
}

fn divided(mut histogram: Histogram, divisor: f64) -> Histogram {
    histogram.divide(divisor);
    histogram
}

fn histogram_change(
    window: &Window<'_>,
    per_second: bool,
    earlier: &Histogram,
    last: &Histogram,
    note: &dyn Fn(Note),
) -> Option<Histogram> {
    let metric = || window.metric();
    let n_gauges = [earlier, last].iter().filter(|it| it.reset == ResetHint::Gauge).count();
    if per_second && n_gauges > 0 {
        note(Note::HistogramNotCounter { metric: metric() });
    }
    if !per_second && n_gauges < 2 {
        note(Note::HistogramNotGauge { metric: metric() });
    }
    let mut change = last.clone();
    let whole = per_second && (window.kind == SampleKind::Delta || last.is_reset_after(earlier));
    if !whole {
        match change.sub(earlier) {
            Ok(combined) if combined.bounds_differed => note(Note::MismatchedBounds { operation: "subtraction" }),
            Ok(_) => {}
            Err(_) => {
                note(Note::MixedSchemas { metric: metric() });
                return None;
            }
        }
    }
    change.reset = ResetHint::Gauge;
    Some(change)
}

/// The last two samples of either kind, in order of time.
fn last_two<'a>(window: &Window<'a>) -> Option<[(Millis, Sample<'a>); 2]> {
    let tail = |length: usize| length.saturating_sub(2);
    let floats = tail(window.floats.len())..window.floats.len();
    let histograms = tail(window.histograms.len())..window.histograms.len();
    let mut last: Vec<(Millis, Sample<'a>)> =
        floats.map(|i| (window.times[i], Sample::Float(window.floats[i]))).collect();
    last.extend(histograms.map(|i| (window.histogram_times[i], Sample::Histogram(&window.histograms[i]))));
    last.sort_by_key(|(time, _)| *time);
    last.last_chunk::<2>().copied()
}
