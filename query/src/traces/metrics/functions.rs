//! The functions of spans over time.

use std::collections::BTreeMap;

use hashbrown::HashMap;

use crate::QueryError;
use crate::lang::{FieldValue, Function, Row, SpanMetric};
use crate::steps::Steps;

use super::examples::Examples;
use super::rows::each_row;
use super::sketch::Sketch;
use super::{Context, SpanSeries, compare};

/// Groups beyond it are left out.
const MAX_GROUPS: usize = 5_000;
/// Points of all groups together.
pub(super) const MAX_POINTS: usize = 4_000_000;

/// The series of a function of spans.
pub(super) fn series(context: &mut Context<'_>, metric: &SpanMetric) -> Result<Vec<SpanSeries>, QueryError> {
    if let Function::Compare(wanted) = &metric.function {
        return compare::series(context, &metric.plan, wanted);
    }
    let steps = context.steps;
    let n_exemplars = context.exemplars;
    let max_groups = MAX_GROUPS.min(MAX_POINTS / steps.n_steps.max(1)).max(1);
    let mut groups: HashMap<Vec<u8>, Group> = HashMap::new();
    let mut key = Vec::new();
    let mut n_left_out = 0u64;
    each_row(context, &metric.plan, false, |row| {
        let number = metric.of.map(|of| metric.plan.values[of].eval(row).in_seconds());
        if number == Some(None) {
            return;
        }
        key.clear();
        metric.by.iter().for_each(|(_, value)| metric.plan.values[*value].eval(row).put_key(&mut key));
        if !groups.contains_key(&key) {
            if groups.len() >= max_groups {
                n_left_out += 1;
                return;
            }
            groups.insert(key.clone(), Group::new(metric, row, &steps, n_exemplars));
        }
        if let Some(group) = groups.get_mut(&key) {
            let step = steps.step_of(row.span.start);
            group.add(step, row, number.flatten(), &steps, n_exemplars);
        }
    })?;
    if n_left_out > 0 {
        context.truncated = true;
        context
            .warnings
            .push(format!("there are more than {max_groups} groups; {n_left_out} spans of others are not counted"));
    }
    Ok(groups.into_values().flat_map(|group| group.finish(metric, &steps)).collect())
}

struct Group {
    labels: Vec<(String, FieldValue<'static>)>,
    points: Points,
    examples: Examples,
}

/// What is kept for each step.
enum Points {
    /// NaN before the first number.
    Numbers(Vec<f64>, fn(f64, f64) -> f64),
    Counts(Vec<f64>),
    Averages(Vec<(f64, u64)>),
    Sketches(Vec<Sketch>),
    /// By the exponent of the power of two that numbers of the unit are not above.
    Buckets {
        buckets: BTreeMap<i32, (Vec<f64>, Examples)>,
        unit: f64,
    },
}

impl Group {
    fn new(metric: &SpanMetric, row: &Row<'_>, steps: &Steps, n_exemplars: usize) -> Self {
        let value = |index: usize| metric.plan.values[index].eval(row).into_owned();
        let labels = metric.by.iter().map(|(name, index)| (name.clone(), value(*index))).collect();
        let n_steps = steps.n_steps;
        let numbers = |join| Points::Numbers(vec![f64::NAN; n_steps], join);
        let points = match metric.function {
            Function::Min => numbers(f64::min),
            Function::Max => numbers(f64::max),
            Function::Sum => numbers(|sum, number| if sum.is_nan() { number } else { sum + number }),
            Function::Average => Points::Averages(vec![(0.0, 0); n_steps]),
            Function::Quantiles(_) => Points::Sketches(vec![Sketch::default(); n_steps]),
            Function::Histogram => {
                // Tempo's buckets of durations are powers of two of nanoseconds.
                let is_duration = metric.of.is_some_and(|of| matches!(value(of), FieldValue::Duration(_)));
                let unit = if is_duration { 1e-9 } else { 1.0 };
                Points::Buckets { buckets: BTreeMap::new(), unit }
            }
            Function::Rate | Function::Count | Function::Compare(_) => Points::Counts(vec![0.0; n_steps]),
        };
        let examples = match &points {
            Points::Sketches(_) => Examples::spread(steps, n_exemplars),
            Points::Buckets { .. } => Examples::new(steps, 0), // each bucket has its own
            _ => Examples::new(steps, n_exemplars),
        };
        Group { labels, points, examples }
    }

    fn add(&mut self, step: usize, row: &Row<'_>, number: Option<f64>, steps: &Steps, n_exemplars: usize) {
        match &mut self.points {
            Points::Counts(counts) => counts[step] += 1.0,
            Points::Numbers(numbers, join) => numbers[step] = join(numbers[step], number.unwrap_or_default()),
            Points::Averages(sums) => {
                sums[step].0 += number.unwrap_or_default();
                sums[step].1 += 1;
            }
            Points::Sketches(sketches) => sketches[step].add(number.unwrap_or_default()),
            Points::Buckets { buckets, unit } => {
                // Of what is not above zero there is no logarithm.
                let Some(measured) = number.filter(|number| *number > 0.0 && number.is_finite()) else { return };
                let exponent = (measured / *unit).log2().ceil() as i32;
                let empty = || (vec![0.0; steps.n_steps], Examples::new(steps, n_exemplars));
                let (counts, examples) = buckets.entry(exponent).or_insert_with(empty);
                counts[step] += 1.0;
                examples.add(step, row, number);
            }
        }
        self.examples.add(step, row, number);
    }

    fn finish(self, metric: &SpanMetric, steps: &Steps) -> Vec<SpanSeries> {
        let Group { labels, points, examples } = self;
        let made_of = |labels: Vec<(String, FieldValue<'static>)>, values: Vec<f64>, examples: &Examples| {
            let exemplars = examples.of(&values, steps);
            SpanSeries { labels, values, exemplars }
        };
        let alone = |labels, values| made_of(labels, values, &examples);
        let with = |name: &str, value: f64, values: Vec<f64>, examples: &Examples| {
            let mut labels = labels.clone();
            labels.push((name.to_owned(), FieldValue::Float(value)));
            made_of(labels, values, examples)
        };
        match points {
            Points::Counts(mut values) => {
                if matches!(metric.function, Function::Rate) {
                    let seconds = steps.width as f64 / 1e9;
                    values.iter_mut().for_each(|value| *value /= seconds);
                }
                vec![alone(labels.clone(), values)]
            }
            Points::Numbers(values, _) => vec![alone(labels.clone(), values)],
            Points::Averages(sums) => {
                let values = sums.into_iter().map(|(sum, count)| sum / count as f64).collect();
                vec![alone(labels.clone(), values)]
            }
            Points::Sketches(sketches) => {
                let Function::Quantiles(quantiles) = &metric.function else { return Vec::new() };
                let of = |quantile: f64| sketches.iter().map(|sketch| sketch.quantile(quantile)).collect();
                quantiles.iter().map(|&quantile| with("p", quantile, of(quantile), &examples)).collect()
            }
            Points::Buckets { buckets, unit } => buckets
                .into_iter()
                .map(|(exponent, (counts, examples))| {
                    with("__bucket", f64::from(exponent).exp2() * unit, counts, &examples)
                })
                .collect(),
        }
    }
}
