//! Whether a result is the expected one.

use std::collections::BTreeMap;

use query::promql::{Histogram, Labels, QueryResult, QueryValue, ResetHint, Value};

use super::notation::Entry;
use super::script::{Eval, Expectations, Text, Times};

/// Numbers may differ by this share, as in Prometheus' own runner.
const TOLERANCE: f64 = 1e-6;

type Sample = (i64, Value);

/// What is wrong with `result`, if anything.
pub(crate) fn check(eval: &Eval, result: &QueryResult) -> Result<(), String> {
    notes("warning", &result.warnings, &eval.expectations.warn, eval.expectations.no_warn)?;
    notes("info", &result.infos, &eval.expectations.info, eval.expectations.no_info)?;
    values(&eval.expectations, eval.times, &eval.expected, &result.value)
}

fn notes(kind: &str, found: &[String], expected: &[Text], none: bool) -> Result<(), String> {
    if none && !found.is_empty() {
        return Err(format!("unexpected {kind} {found:?}"));
    }
    if !expected.is_empty() && found.is_empty() {
        return Err(format!("no {kind}"));
    }
    match expected.iter().all(|text| found.iter().any(|message| text.accepts(message))) {
        true => Ok(()),
        false => Err(format!("{kind} is {found:?}")),
    }
}

pub(crate) fn values(
    expectations: &Expectations,
    times: Times,
    expected: &[Entry],
    value: &QueryValue,
) -> Result<(), String> {
    let found: Vec<(Labels, Vec<Sample>)> = match value {
        QueryValue::String(_, text) => {
            return match &expectations.string {
                Some(wanted) if wanted == text => Ok(()),
                wanted => Err(format!("string is {text:?}, expected {wanted:?}")),
            };
        }
        QueryValue::Scalar(time, float) => vec![(Labels::default(), vec![(*time, Value::Float(*float))])],
        QueryValue::Vector(samples) => {
            samples.iter().map(|it| (it.labels.clone(), vec![(it.time, it.value.clone())])).collect()
        }
        QueryValue::Matrix(rows) => rows
            .iter()
            .map(|row| {
                let floats = row.floats.iter().map(|(time, float)| (*time, Value::Float(*float)));
                let histograms = row.histograms.iter().map(|(time, it)| (*time, Value::Histogram(it.clone())));
                let mut samples: Vec<Sample> = floats.chain(histograms).collect();
                samples.sort_by_key(|(time, _)| *time);
                (row.labels.clone(), samples)
            })
            .collect(),
    };
    let wanted: Vec<(Labels, Vec<Sample>)> = expected
        .iter()
        .map(|entry| {
            let (start, step) = match times {
                Times::Instant(time) => (time, 0),
                Times::Range { start, step, .. } => (start, step),
            };
            let values = entry.values.iter().enumerate();
            let samples = values.filter_map(|(i, value)| Some((start + step * i as i64, value.clone()?)));
            (entry.labels.clone().unwrap_or_default(), samples.collect())
        })
        .collect();
    if expectations.ordered {
        let order = |side: &[(Labels, Vec<Sample>)]| side.iter().map(|(labels, _)| labels.clone()).collect::<Vec<_>>();
        if order(&found) != order(&wanted) {
            return Err(format!("order is {:?}", show(&found)));
        }
    }
    let by_labels = |side: &[(Labels, Vec<Sample>)]| side.iter().cloned().collect::<BTreeMap<_, _>>();
    let (by_found, by_wanted) = (by_labels(&found), by_labels(&wanted));
    let same_labels = by_found.keys().eq(by_wanted.keys()) && by_found.len() == found.len();
    let same_samples = by_found.values().zip(by_wanted.values()).all(|(found, wanted)| {
        found.len() == wanted.len() && found.iter().zip(wanted).all(|(a, b)| a.0 == b.0 && same(&a.1, &b.1))
    });
    match same_labels && same_samples {
        true => Ok(()),
        false => Err(format!("got {}, expected {}", show(&found), show(&wanted))),
    }
}

fn show(series: &[(Labels, Vec<Sample>)]) -> String {
    let sample = |(time, value): &Sample| match value {
        Value::Float(float) => format!("{float}@{time}"),
        Value::Histogram(histogram) => {
            format!(
                "{histogram} {:?} schema {} bounds {:?}@{time}",
                histogram.reset, histogram.schema, histogram.bounds
            )
        }
    };
    let line = |(labels, samples): &(Labels, Vec<Sample>)| {
        format!("{labels} {}", samples.iter().map(sample).collect::<Vec<_>>().join(" "))
    };
    format!("[{}]", series.iter().map(line).collect::<Vec<_>>().join("; "))
}

fn same(found: &Value, wanted: &Value) -> bool {
    match (found, wanted) {
        (Value::Float(found), Value::Float(wanted)) => almost(*found, *wanted),
        (Value::Histogram(found), Value::Histogram(wanted)) => same_histogram(found, wanted),
        _ => false,
    }
}

fn almost(a: f64, b: f64) -> bool {
    if a == b || a.is_nan() && b.is_nan() {
        return true;
    }
    let (sum, difference) = (a.abs() + b.abs(), (a - b).abs());
    if a == 0.0 || b == 0.0 || sum < f64::MIN_POSITIVE {
        return difference < TOLERANCE * f64::MIN_POSITIVE;
    }
    difference / sum.min(f64::MAX) < TOLERANCE
}

fn same_histogram(found: &Histogram, wanted: &Histogram) -> bool {
    let same_buckets = |a: &query::promql::Buckets, b: &query::promql::Buckets| {
        a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| a.0 == b.0 && almost(a.1, b.1))
    };
    found.schema == wanted.schema
        && (wanted.reset == ResetHint::Unknown || found.reset == wanted.reset)
        && almost(found.count, wanted.count)
        && almost(found.sum, wanted.sum)
        && almost(found.zero_count, wanted.zero_count)
        && almost(found.zero_threshold, wanted.zero_threshold)
        && found.bounds.len() == wanted.bounds.len()
        && found.bounds.iter().zip(wanted.bounds.iter()).all(|(a, b)| almost(*a, *b))
        && same_buckets(&found.positive, &wanted.positive)
        && same_buckets(&found.negative, &wanted.negative)
}
