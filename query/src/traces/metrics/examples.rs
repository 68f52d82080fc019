//! Spans that stand for others of their series: of each stretch of time the one with the largest number, and of quantiles the one
//! that is nearest.

use hashbrown::HashMap;
use model::{Nanos, TraceId};

use crate::lang::Row;
use crate::steps::Steps;

use super::SpanExemplar;
use super::sketch::{Bucket, bucket};

/// Examples of a series, or of all quantiles of one, while its spans come in.
pub(super) struct Examples {
    found: Found,
    /// Steps in a stretch.
    width: usize,
}

enum Found {
    /// By stretch.
    Largest(Vec<Option<Example>>),
    /// By stretch and bucket, so that each quantile finds one that is near.
    Spread { n_stretches: usize, by_bucket: HashMap<(usize, Bucket), Example> },
}

/// Examples of one group to choose from, at most.
const MAX_SPREAD: usize = 20_000;

#[derive(Clone, Copy)]
struct Example {
    trace_id: TraceId,
    time: Nanos,
    rank: f64,
    /// `None` of spans that are counted only.
    number: Option<f64>,
}

impl Examples {
    /// At most `n` examples; none for 0. The largest of each stretch of time.
    pub(super) fn new(steps: &Steps, n: usize) -> Self {
        let (n_stretches, width) = stretches(steps, n);
        Examples { found: Found::Largest(vec![None; n_stretches]), width }
    }

    /// As [`Examples::new`], to be asked for those that are nearest to some value.
    pub(super) fn spread(steps: &Steps, n: usize) -> Self {
        let (n_stretches, width) = stretches(steps, n);
        Examples { found: Found::Spread { n_stretches, by_bucket: HashMap::new() }, width }
    }

    /// A span of a step, of which `number` was measured. The longest stands for spans that are counted.
    pub(super) fn add(&mut self, step: usize, row: &Row<'_>, number: Option<f64>) {
        let stretch = step / self.width;
        let rank = number.unwrap_or(row.span.duration as f64);
        let example = Example { trace_id: row.span.trace_id, time: row.span.start, rank, number };
        match &mut self.found {
            Found::Largest(found) => {
                let Some(best) = found.get_mut(stretch) else { return };
                if best.is_none_or(|best| rank.total_cmp(&best.rank).is_gt()) {
                    *best = Some(example);
                }
            }
            Found::Spread { n_stretches, by_bucket } => {
                if stretch < *n_stretches && by_bucket.len() < MAX_SPREAD {
                    by_bucket.entry((stretch, bucket(rank))).or_insert(example);
                }
            }
        }
    }

    /// The examples of a series with these values.
    pub(super) fn of(&self, values: &[f64], steps: &Steps) -> Vec<SpanExemplar> {
        let value_at = |example: &Example| values.get(steps.step_of(example.time)).copied();
        let exemplar = |example: &Example| {
            let value = example.number.or_else(|| value_at(example))?;
            Some(SpanExemplar { trace_id: example.trace_id, time: example.time, value })
        };
        match &self.found {
            Found::Largest(found) => found.iter().flatten().filter_map(exemplar).collect(),
            Found::Spread { n_stretches, by_bucket } => {
                let mut nearest: Vec<Option<(f64, &Example)>> = vec![None; *n_stretches];
                for ((stretch, _), example) in by_bucket {
                    let off = value_at(example).map_or(f64::NAN, |value| (value - example.rank).abs());
                    let order = |best: &(f64, &Example)| {
                        off.total_cmp(&best.0).then_with(|| example.time.cmp(&best.1.time)).is_lt()
                    };
                    if !off.is_nan() && nearest[*stretch].as_ref().is_none_or(order) {
                        nearest[*stretch] = Some((off, example));
                    }
                }
                nearest.into_iter().flatten().filter_map(|(_, example)| exemplar(example)).collect()
            }
        }
    }
}

/// How many stretches of time there are for `n` examples, and how many steps are in each.
fn stretches(steps: &Steps, n: usize) -> (usize, usize) {
    let width = steps.n_steps.div_ceil(n.max(1)).max(1);
    (if n == 0 { 0 } else { steps.n_steps.div_ceil(width) }, width)
}
