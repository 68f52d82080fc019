//! Runs a script: keeps what is loaded, evaluates, and compares.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::time::MILLISECOND;
use query::promql::{
    Buckets, CUSTOM, Histogram, LE, Labels, Limits, Millis, NAME, QueryValue, SeriesData, Source, Value, VectorSample,
    instant, range,
};

use super::compare;
use super::notation::Entry;
use super::otlp::OtlpStore;
use super::script::{Command, Eval, Times, parse};

pub(crate) struct Outcome {
    pub(crate) n_evals: usize,
    /// `line: query: what is wrong`
    pub(crate) failures: Vec<String>,
}

pub(crate) fn run(script: &str) -> Outcome {
    let mut outcome = Outcome { n_evals: 0, failures: Vec::new() };
    let mut loaded = Loaded::default();
    for command in parse(script) {
        match command {
            Command::Clear => loaded = Loaded::default(),
            Command::Load { interval, native, series } => loaded.load(interval, native, series),
            Command::LoadOtlp(load) => loaded.otlp.get_or_insert_with(OtlpStore::new).load(&load),
            Command::Eval(eval) => {
                outcome.n_evals += 1;
                if let Err(failure) = evaluate(&loaded.source(), &eval) {
                    outcome.failures.push(format!("{}: {}: {failure}", eval.line, eval.query));
                }
            }
        }
    }
    outcome
}

#[derive(Default)]
struct Loaded {
    series: BTreeMap<Labels, BTreeMap<Millis, Value>>,
    otlp: Option<OtlpStore>,
}

impl Loaded {
    fn load(&mut self, interval: Millis, native: bool, entries: Vec<Entry>) {
        // A later line for the same series replaces the earlier one.
        let lines: BTreeMap<Labels, Vec<Option<Value>>> =
            entries.into_iter().map(|entry| (entry.labels.unwrap(), entry.values)).collect();
        let mut samples: BTreeMap<Labels, BTreeMap<Millis, Value>> = BTreeMap::new();
        for (labels, values) in lines {
            let timed = values.into_iter().enumerate().filter_map(|(i, value)| Some((interval * i as i64, value?)));
            samples.insert(labels, timed.collect());
        }
        if native {
            for (labels, histograms) in native_histograms(&samples) {
                self.series.entry(labels).or_default().extend(histograms);
            }
        }
        for (labels, values) in samples {
            self.series.entry(labels).or_default().extend(values);
        }
    }

    fn source(&self) -> Source {
        if let Some(store) = &self.otlp {
            return Source::store(store.snapshot());
        }
        let series = self.series.iter().map(|(labels, samples)| {
            let mut data = SeriesData { labels: labels.clone(), ..Default::default() };
            for (time, value) in samples {
                match value {
                    Value::Float(float) => {
                        data.times.push(*time);
                        data.floats.push(*float);
                    }
                    Value::Histogram(histogram) => {
                        data.histogram_times.push(*time);
                        data.histograms.push(Arc::clone(histogram));
                    }
                }
            }
            data
        });
        Source::memory(series.collect())
    }
}

#[derive(Default)]
struct Classic {
    buckets: Vec<(f64, f64)>,
    count: Option<f64>,
    sum: f64,
}

/// Native histograms with custom buckets of the classic ones among `series`.
fn native_histograms(series: &BTreeMap<Labels, BTreeMap<Millis, Value>>) -> BTreeMap<Labels, BTreeMap<Millis, Value>> {
    let mut classic: BTreeMap<Labels, BTreeMap<Millis, Classic>> = BTreeMap::new();
    for (labels, samples) in series {
        let name = labels.name();
        let Some((base, part)) =
            ["_bucket", "_count", "_sum"].iter().find_map(|suffix| Some((name.strip_suffix(suffix)?, *suffix)))
        else {
            continue;
        };
        let bound: Option<f64> = labels.get(LE).parse().ok();
        let target = classic.entry(labels.filter(|name| name != LE).with(NAME, base)).or_default();
        for (time, value) in samples {
            let Value::Float(value) = value else { continue };
            let at = target.entry(*time).or_default();
            match (part, bound) {
                ("_bucket", Some(bound)) => at.buckets.push((bound, *value)),
                ("_count", _) => at.count = Some(*value),
                ("_sum", _) => at.sum = *value,
                _ => {}
            }
        }
    }
    let mut native = BTreeMap::new();
    for (labels, times) in classic {
        let with_buckets = times.into_iter().filter(|(_, it)| !it.buckets.is_empty());
        let histograms: BTreeMap<Millis, Value> =
            with_buckets.map(|(time, it)| (time, Value::Histogram(Arc::new(it.into_native())))).collect();
        if !histograms.is_empty() {
            native.insert(labels, histograms);
        }
    }
    native
}

impl Classic {
    fn into_native(mut self) -> Histogram {
        self.buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        self.buckets.dedup_by(|a, b| a.0 == b.0);
        let mut below = 0.0;
        let counts: Vec<f64> = self
            .buckets
            .iter()
            .map(|(_, count)| {
                let own = count - below;
                below = *count;
                own
            })
            .collect();
        Histogram {
            schema: CUSTOM,
            count: self.count.unwrap_or(below),
            sum: self.sum,
            bounds: self.buckets.iter().map(|(bound, _)| *bound).filter(|bound| bound.is_finite()).collect(),
            positive: Buckets::dense(0, counts),
            ..Default::default()
        }
    }
}

fn evaluate(source: &Source, eval: &Eval) -> Result<(), String> {
    let limits = Limits::default();
    let result = match eval.times {
        Times::Instant(time) => instant(source, &eval.query, time * MILLISECOND, &limits),
        Times::Range { start, end, step } => {
            range(source, &eval.query, start * MILLISECOND, end * MILLISECOND, step * MILLISECOND, &limits)
        }
    };
    let result = match (result, &eval.expectations.fail) {
        (Ok(result), None) => result,
        (Ok(result), Some(_)) => return Err(format!("did not fail: {:?}", result.value)),
        (Err(error), Some(text)) if text.accepts(&error.to_string()) => return Ok(()),
        (Err(error), _) => return Err(format!("failed: {error}")),
    };
    compare::check(eval, &result)?;
    match (eval.times, &result.value) {
        (Times::Instant(time), QueryValue::Vector(_)) if !eval.expectations.ordered => {
            in_range_mode(source, eval, time)
        }
        _ => Ok(()),
    }
}

/// A vector has to come out the same in the middle of a range query.
fn in_range_mode(source: &Source, eval: &Eval, time: Millis) -> Result<(), String> {
    const MINUTE: Millis = 60_000;
    let [start, end, step] = [time - MINUTE, time + MINUTE, MINUTE].map(|time| time * MILLISECOND);
    let result = range(source, &eval.query, start, end, step, &Limits::default())
        .map_err(|error| format!("in range mode: failed: {error}"))?;
    let QueryValue::Matrix(rows) = result.value else { return Err("in range mode: no matrix".into()) };
    let middle = rows.into_iter().filter_map(|row| {
        let float = row.floats.iter().find(|(at, _)| *at == time).map(|(_, float)| Value::Float(*float));
        let histogram = row.histograms.iter().find(|(at, _)| *at == time).map(|(_, it)| Value::Histogram(it.clone()));
        Some(VectorSample { labels: row.labels, time, value: float.or(histogram)? })
    });
    let vector = QueryValue::Vector(middle.collect());
    compare::values(&eval.expectations, eval.times, &eval.expected, &vector)
        .map_err(|failure| format!("in range mode: {failure}"))
}
