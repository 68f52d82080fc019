//! The `_over_time` family, `changes` and `resets`: what a range of samples amounts to.

use std::sync::Arc;

use super::super::annotations::Note;
use super::super::histogram::{Histogram, ResetHint};
use super::super::kahan::{Mean, Sum};
use super::super::value::{Millis, Value};
use super::super::window::{Sample, Window};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum OverTime {
    Avg,
    Changes,
    Count,
    First,
    Last,
    Mad,
    Max,
    Min,
    Present,
    /// The quantile is the first argument, the range the second.
    Quantile,
    Resets,
    Stddev,
    Stdvar,
    Sum,
    TimeOfFirst,
    TimeOfLast,
    TimeOfMax,
    TimeOfMin,
}

impl OverTime {
    pub(super) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "avg_over_time" => OverTime::Avg,
            "changes" => OverTime::Changes,
            "count_over_time" => OverTime::Count,
            "first_over_time" => OverTime::First,
            "last_over_time" => OverTime::Last,
            "mad_over_time" => OverTime::Mad,
            "max_over_time" => OverTime::Max,
            "min_over_time" => OverTime::Min,
            "present_over_time" => OverTime::Present,
            "quantile_over_time" => OverTime::Quantile,
            "resets" => OverTime::Resets,
            "stddev_over_time" => OverTime::Stddev,
            "stdvar_over_time" => OverTime::Stdvar,
            "sum_over_time" => OverTime::Sum,
            "ts_of_first_over_time" => OverTime::TimeOfFirst,
            "ts_of_last_over_time" => OverTime::TimeOfLast,
            "ts_of_max_over_time" => OverTime::TimeOfMax,
            "ts_of_min_over_time" => OverTime::TimeOfMin,
            _ => return None,
        })
    }

    /// Whether the result is one of the samples, and so keeps the metric's name.
    pub(in super::super) fn keeps_name(self) -> bool {
        matches!(self, OverTime::First | OverTime::Last)
    }

    /// The value of one window. `quantile` is of [`OverTime::Quantile`] only.
    pub(in super::super) fn of(self, window: &Window<'_>, quantile: f64, note: &dyn Fn(Note)) -> Option<Value> {
        let n_samples = (window.floats.len() + window.histograms.len()) as f64;
        let float = match self {
            OverTime::Sum | OverTime::Avg => return self.total(window, note),
            OverTime::First => return Some(window.first()?.1.to_value()),
            OverTime::Last => return Some(window.last()?.1.to_value()),
            OverTime::TimeOfFirst => seconds(window.first()?.0),
            OverTime::TimeOfLast => seconds(window.last()?.0),
            OverTime::Count => n_samples,
            OverTime::Present => 1.0,
            OverTime::Changes => count_pairs(window, |a, b| match (a, b) {
                (Sample::Float(a), Sample::Float(b)) => a != b && !(a.is_nan() && b.is_nan()),
                (Sample::Histogram(a), Sample::Histogram(b)) => !a.same(b),
                _ => true,
            }),
            OverTime::Resets => count_pairs(window, |a, b| match (a, b) {
                (Sample::Float(a), Sample::Float(b)) => b < a,
                (Sample::Histogram(a), Sample::Histogram(b)) => b.is_reset_after(a),
                _ => true,
            }),
            _ => {
                if window.floats.is_empty() {
                    return None;
                }
                if !window.histograms.is_empty() {
                    note(Note::HistogramsIgnoredInRange { metric: window.metric() });
                }
                self.of_floats(window, quantile)?
            }
        };
        Some(Value::Float(float))
    }

    fn of_floats(self, window: &Window<'_>, quantile: f64) -> Option<f64> {
        let floats = window.floats;
        Some(match self {
            OverTime::Min => floats[extreme(floats, |value, best| value < best)],
            OverTime::Max => floats[extreme(floats, |value, best| value > best)],
            OverTime::TimeOfMin => seconds(window.times[extreme(floats, |value, best| value <= best)]),
            OverTime::TimeOfMax => seconds(window.times[extreme(floats, |value, best| value >= best)]),
            OverTime::Stdvar => variance(floats),
            OverTime::Stddev => variance(floats).sqrt(),
            OverTime::Quantile => quantile_of(quantile, floats.to_vec()),
            OverTime::Mad => {
                if floats.iter().any(|value| value.is_nan()) {
                    return Some(f64::NAN);
                }
                let median = quantile_of(0.5, floats.to_vec());
                quantile_of(0.5, floats.iter().map(|value| (value - median).abs()).collect())
            }
            _ => return None,
        })
    }

    /// The sum or the average.
    fn total(self, window: &Window<'_>, note: &dyn Fn(Note)) -> Option<Value> {
        if !window.floats.is_empty() && !window.histograms.is_empty() {
            note(Note::MixedFloatsHistograms { metric: window.metric() });
            return None;
        }
        let is_average = self == OverTime::Avg;
        if !window.floats.is_empty() {
            let value = if is_average {
                let mut mean = Mean::default();
                window.floats.iter().for_each(|value| mean.add(*value));
                mean.value()
            } else {
                window.floats.iter().copied().collect::<Sum>().value()
            };
            return Some(Value::Float(value));
        }
        let (first, others) = window.histograms.split_first()?;
        let mut sum = Histogram::clone(first);
        for other in others {
            match sum.add(other) {
                Ok(combined) => {
                    if combined.bounds_differed {
                        note(Note::MismatchedBounds { operation: "aggregation" });
                    }
                    if combined.resets_conflict {
                        note(Note::ConflictingResets { operation: "aggregation" });
                    }
                }
                Err(_) => {
                    note(Note::MixedSchemas { metric: window.metric() });
                    return None;
                }
            }
        }
        if is_average {
            sum.scale(1.0 / window.histograms.len() as f64);
        }
        if sum.reset != ResetHint::Gauge {
            sum.reset = ResetHint::Unknown;
        }
        Some(Value::Histogram(Arc::new(sum)))
    }
}

fn seconds(time: Millis) -> f64 {
    time as f64 / 1e3
}

fn count_pairs(window: &Window<'_>, differs: impl Fn(Sample<'_>, Sample<'_>) -> bool) -> f64 {
    let mut count = 0.0;
    let mut before = None;
    window.for_each(|_, sample| {
        if before.is_some_and(|before| differs(before, sample)) {
            count += 1.0;
        }
        before = Some(sample);
    });
    count
}

/// The index of the best value; not-a-number only when there is nothing else. When `is_better` accepts equal values,
/// the last of them.
fn extreme(values: &[f64], is_better: impl Fn(f64, f64) -> bool) -> usize {
    let mut best = 0;
    for (index, value) in values.iter().enumerate() {
        if is_better(*value, values[best]) || values[best].is_nan() {
            best = index;
        }
    }
    best
}

fn variance(values: &[f64]) -> f64 {
    let (mut mean, mut squares) = (Sum::default(), Sum::default());
    for (i, value) in values.iter().enumerate() {
        let delta = value - (mean.sum + mean.compensation);
        mean.add(delta / (i + 1) as f64);
        squares.add(delta * (value - (mean.sum + mean.compensation)));
    }
    (squares.sum + squares.compensation) / values.len() as f64
}

/// The `quantile` of `values`, interpolated; not-a-number sorts first.
pub(in super::super) fn quantile_of(quantile: f64, mut values: Vec<f64>) -> f64 {
    if values.is_empty() || quantile.is_nan() {
        return f64::NAN;
    }
    if quantile < 0.0 {
        return f64::NEG_INFINITY;
    }
    if quantile > 1.0 {
        return f64::INFINITY;
    }
    values.sort_by(|a, b| b.is_nan().cmp(&a.is_nan()).then(a.total_cmp(b)));
    let rank = quantile * (values.len() - 1) as f64;
    let lower = rank.floor();
    let weight = rank - lower;
    let upper = (lower as usize + 1).min(values.len() - 1);
    values[lower as usize] * (1.0 - weight) + values[upper] * weight
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_interpolate_between_ranks() {
        let cases = [(0.0, 0.0), (0.5, 1.0), (0.75, 2.5), (1.0, 4.0), (-1.0, f64::NEG_INFINITY), (2.0, f64::INFINITY)];
        for (quantile, expected) in cases {
            assert_eq!(quantile_of(quantile, vec![4.0, 0.0, 1.0]), expected, "{quantile}");
        }
        assert_eq!(quantile_of(1.0, vec![f64::NAN, 1.0]), 1.0);
    }

    #[test]
    fn extremes_skip_nan() {
        assert_eq!(extreme(&[f64::NAN, 2.0, 1.0], |a, b| a < b), 2);
        assert_eq!(extreme(&[f64::NAN, f64::NAN], |a, b| a < b), 1);
        assert_eq!(extreme(&[1.0, 3.0, 3.0], |a, b| a >= b), 2);
    }
}
