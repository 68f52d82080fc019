//! Spans that stand for others of their series: of each stretch of time the one with the largest number.

use model::{Nanos, TraceId};

use crate::lang::Row;
use crate::steps::Steps;

use super::SpanExemplar;

/// Examples of a series while its spans come in.
pub(super) struct Examples {
    /// By stretch of so many steps.
    found: Vec<Option<Example>>,
    width: usize,
}

#[derive(Clone, Copy)]
struct Example {
    trace_id: TraceId,
    time: Nanos,
    rank: f64,
    /// `None` of spans that are counted only.
    number: Option<f64>,
}

impl Examples {
    /// At most `n` examples; none for 0.
    pub(super) fn new(steps: &Steps, n: usize) -> Self {
        let width = steps.n_steps.div_ceil(n.max(1)).max(1);
        let n_found = if n == 0 { 0 } else { steps.n_steps.div_ceil(width) };
        Examples { found: vec![None; n_found], width }
    }

    /// A span of a step, of which `number` was measured. The longest stands for spans that are counted.
    pub(super) fn add(&mut self, step: usize, row: &Row<'_>, number: Option<f64>) {
        let Some(best) = self.found.get_mut(step / self.width) else { return };
        let rank = number.unwrap_or(row.span.duration as f64);
        if best.is_none_or(|best| rank.total_cmp(&best.rank).is_gt()) {
            *best = Some(Example { trace_id: row.span.trace_id, time: row.span.start, rank, number });
        }
    }

    /// The examples of a series with these values.
    pub(super) fn of(&self, values: &[f64], steps: &Steps) -> Vec<SpanExemplar> {
        let exemplar = |example: &Example| {
            let value = example.number.or_else(|| values.get(steps.step_of(example.time)).copied())?;
            Some(SpanExemplar { trace_id: example.trace_id, time: example.time, value })
        };
        self.found.iter().flatten().filter_map(exemplar).collect()
    }
}
