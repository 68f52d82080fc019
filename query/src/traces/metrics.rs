//! Metrics of spans, computed from the spans themselves: TraceQL's `rate()`, `quantile_over_time()`, `compare()` and others.

use model::{Nanos, TimeRange, TraceId};
use store::Snapshot;

use crate::lang::{FieldValue, Metric, compile_metrics};
use crate::steps::Steps;
use crate::{Budget, QueryError, Warnings};

mod compare;
mod examples;
mod functions;
mod join;
mod rows;
mod sketch;
#[cfg(test)]
mod tests;

/// Points of one series are at most so many.
const MAX_STEPS: usize = 11_000;
/// Exemplars of a series.
const MAX_EXEMPLARS: usize = 1_000;

/// What to compute of the spans that start in a range.
#[derive(Clone, Debug)]
pub struct MetricsQuery {
    /// In TraceQL, with a function at its end.
    pub query: String,
    pub range: TimeRange,
    /// Nanoseconds of each step; the length of the range or more for one value.
    pub step: Nanos,
    /// Spans that each series shows as examples, at most.
    pub exemplars: usize,
}

/// Series over the steps of a range.
#[derive(Clone, Debug, Default)]
pub struct SpanMetrics {
    /// Sorted by their labels' texts.
    pub series: Vec<SpanSeries>,
    /// Where each step starts.
    pub starts: Vec<Nanos>,
    /// Spans looked at, after what the scan compares by itself.
    pub n_scanned: u64,
    /// Not all spans were counted, or not all series are here.
    pub truncated: bool,
    pub warnings: Vec<String>,
}

/// One series. Durations are in seconds, rates per second.
#[derive(Clone, Debug, PartialEq)]
pub struct SpanSeries {
    /// By the names as written; `p` of quantiles, `__bucket` of histograms, `__meta_type` of comparisons besides.
    pub labels: Vec<(String, FieldValue<'static>)>,
    /// One for each step; NaN where there is none.
    pub values: Vec<f64>,
    /// Spans that it was computed from, by time.
    pub exemplars: Vec<SpanExemplar>,
}

/// A span that stands for others of its step: of those that were measured, the one with the largest number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SpanExemplar {
    pub trace_id: TraceId,
    pub time: Nanos,
    /// What was measured of the span; of counts and rates the value of the series.
    pub value: f64,
}

/// The series that `wanted.query` describes.
pub fn metrics(snapshot: &Snapshot, budget: &Budget, wanted: &MetricsQuery) -> Result<SpanMetrics, QueryError> {
    let (metric, notes) = compile_metrics(&wanted.query)?;
    let steps = Steps::of_width(wanted.range, wanted.step);
    if steps.n_steps > MAX_STEPS {
        let message = format!("the range has {} steps; at most {MAX_STEPS} are allowed", steps.n_steps);
        return Err(QueryError::BadParameter(message));
    }
    let exemplars = wanted.exemplars.min(MAX_EXEMPLARS);
    let mut context =
        Context { snapshot, budget, steps, warnings: Warnings::of(&notes), n_scanned: 0, truncated: false, exemplars };
    let mut series = match evaluate(&mut context, &metric)? {
        Evaluated::Series(series) => series,
        Evaluated::Number(_) => Vec::new(),
    };
    series.sort_by_cached_key(|series| format!("{:?}", series.labels));
    let Context { warnings, n_scanned, truncated, .. } = context;
    let starts = (0..steps.n_steps).map(|step| steps.start_of(step)).collect();
    Ok(SpanMetrics { series, starts, n_scanned, truncated, warnings: warnings.into_texts() })
}

/// What a running query has and tells.
struct Context<'a> {
    snapshot: &'a Snapshot,
    budget: &'a Budget,
    steps: Steps,
    warnings: Warnings,
    n_scanned: u64,
    truncated: bool,
    /// Of each series, at most.
    exemplars: usize,
}

enum Evaluated {
    Series(Vec<SpanSeries>),
    Number(f64),
}

fn evaluate(context: &mut Context<'_>, metric: &Metric) -> Result<Evaluated, QueryError> {
    let series = match metric {
        Metric::Number(number) => return Ok(Evaluated::Number(*number)),
        Metric::Spans(metric) => functions::series(context, metric)?,
        Metric::Binary(left, operator, right) => {
            let (left, right) = (evaluate(context, left)?, evaluate(context, right)?);
            return Ok(join::joined(left, *operator, right));
        }
        Metric::Filter(of, operator, number) => join::filtered(of_series(evaluate(context, of)?), *operator, *number),
        Metric::Top(of, n_series, largest) => {
            join::top(of_series(evaluate(context, of)?), context.steps.n_steps, *n_series, *largest)
        }
    };
    Ok(Evaluated::Series(series))
}

fn of_series(evaluated: Evaluated) -> Vec<SpanSeries> {
    match evaluated {
        Evaluated::Series(series) => series,
        Evaluated::Number(_) => Vec::new(),
    }
}
