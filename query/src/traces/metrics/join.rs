//! What is computed of series.

use hashbrown::HashMap;

use crate::lang::{FieldValue, Operator, compute};

use super::{Evaluated, SpanSeries};

/// `left operator right`, series with the same labels together. A series without labels goes with all of the other side.
pub(super) fn joined(left: Evaluated, operator: Operator, right: Evaluated) -> Evaluated {
    let each = |series: Vec<SpanSeries>, compute: &dyn Fn(f64) -> f64| {
        let with = |series: SpanSeries| {
            let values = series.values.into_iter().map(compute).collect();
            SpanSeries { values, ..series }
        };
        Evaluated::Series(series.into_iter().map(with).collect())
    };
    match (left, right) {
        (Evaluated::Number(left), Evaluated::Number(right)) => Evaluated::Number(compute(left, operator, right)),
        (Evaluated::Series(left), Evaluated::Number(right)) => each(left, &|value| compute(value, operator, right)),
        (Evaluated::Number(left), Evaluated::Series(right)) => each(right, &|value| compute(left, operator, value)),
        (Evaluated::Series(left), Evaluated::Series(right)) => Evaluated::Series(matched(left, operator, right)),
    }
}

fn matched(left: Vec<SpanSeries>, operator: Operator, right: Vec<SpanSeries>) -> Vec<SpanSeries> {
    let both = |labels: &SpanSeries, left: &SpanSeries, right: &SpanSeries| {
        let values = left.values.iter().zip(&right.values).map(|(left, right)| compute(*left, operator, *right));
        SpanSeries { labels: labels.labels.clone(), values: values.collect(), exemplars: Vec::new() }
    };
    match (left.as_slice(), right.as_slice()) {
        (left, [alone]) if alone.labels.is_empty() => left.iter().map(|series| both(series, series, alone)).collect(),
        ([alone], right) if alone.labels.is_empty() => right.iter().map(|series| both(series, alone, series)).collect(),
        (left, right) => {
            let by_labels: HashMap<Vec<u8>, &SpanSeries> = right.iter().map(|it| (key(it), it)).collect();
            left.iter().filter_map(|series| Some(both(series, series, by_labels.get(&key(series))?))).collect()
        }
    }
}

fn key(series: &SpanSeries) -> Vec<u8> {
    let mut labels: Vec<&(String, FieldValue<'_>)> = series.labels.iter().collect();
    labels.sort_by(|a, b| a.0.cmp(&b.0));
    let mut key = Vec::new();
    for (name, value) in labels {
        key.extend_from_slice(name.as_bytes());
        value.put_key(&mut key);
    }
    key
}

/// The points that compare so with `number`; series without any are left out.
pub(super) fn filtered(series: Vec<SpanSeries>, operator: Operator, number: f64) -> Vec<SpanSeries> {
    let wanted = FieldValue::Float(number);
    let holds =
        |value: f64| !value.is_nan() && FieldValue::Float(value).operate(operator, &wanted) == FieldValue::Bool(true);
    keep(series, holds)
}

/// At each step the `n_series` largest or smallest; of equal ones those that come first.
pub(super) fn top(mut series: Vec<SpanSeries>, n_steps: usize, n_series: usize, largest: bool) -> Vec<SpanSeries> {
    series.sort_by_cached_key(|series| format!("{:?}", series.labels));
    let mut kept: Vec<Vec<usize>> = Vec::with_capacity(n_steps);
    for step in 0..n_steps {
        let mut ranked: Vec<usize> = (0..series.len()).filter(|&it| !series[it].values[step].is_nan()).collect();
        ranked.sort_by(|&a, &b| {
            let order = series[a].values[step].total_cmp(&series[b].values[step]);
            if largest { order.reverse() } else { order }
        });
        ranked.truncate(n_series);
        ranked.sort_unstable();
        kept.push(ranked);
    }
    for (number, one) in series.iter_mut().enumerate() {
        for (step, value) in one.values.iter_mut().enumerate() {
            if kept[step].binary_search(&number).is_err() {
                *value = f64::NAN;
            }
        }
    }
    keep(series, |value| !value.is_nan())
}

/// Leaves the points that `test` wants, and the series that have any.
fn keep(mut series: Vec<SpanSeries>, test: impl Fn(f64) -> bool) -> Vec<SpanSeries> {
    for one in &mut series {
        for value in one.values.iter_mut().filter(|value| !test(**value)) {
            *value = f64::NAN;
        }
    }
    series.retain(|series| series.values.iter().any(|value| !value.is_nan()));
    series
}
