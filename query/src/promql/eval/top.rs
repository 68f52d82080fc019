//! `topk` and `bottomk`: the elements of a group with the largest or smallest values.

use super::super::annotations::{Note, Position};
use super::super::functions::sorting::compare;
use super::super::matrix::{Cell, Row};
use super::super::plan::{Aggregate, Aggregation};
use super::Evaluator;
use super::aggregate::groups;

impl Evaluator<'_> {
    /// The best `counts[step]` of each group, best first when there is only one step.
    pub(super) fn top(&self, rows: Vec<Row>, counts: &[usize], it: &Aggregate, position: Position) -> Vec<Row> {
        let descending = it.op == Aggregation::TopK;
        let aggregation = if descending { "topk" } else { "bottomk" };
        let mut kept: Vec<Vec<bool>> = rows.iter().map(|_| vec![false; counts.len()]).collect();
        let mut order = Vec::with_capacity(rows.len());
        for group in groups(&rows, &it.grouping) {
            for (step, count) in counts.iter().enumerate() {
                let mut values: Vec<(f64, usize)> = Vec::with_capacity(group.members.len());
                for index in &group.members {
                    match rows[*index].cells.get(step) {
                        Some(Cell::Float(float)) => values.push((float, *index)),
                        Some(Cell::Histogram(_)) => self.meter.note(position, Note::HistogramIgnored { aggregation }),
                        None => {}
                    }
                }
                values.sort_by(|a, b| compare(a.0, b.0, descending)); // stable: of equals the first rows stay
                for (_, index) in values.into_iter().take(*count) {
                    kept[index][step] = true;
                    if counts.len() == 1 {
                        order.push(index);
                    }
                }
            }
        }
        if counts.len() != 1 {
            order = (0..rows.len()).collect();
        }
        let mut rows: Vec<Option<Row>> = rows.into_iter().map(Some).collect();
        let mut results = Vec::with_capacity(order.len());
        for index in order {
            let Some(mut row) = rows[index].take() else { continue };
            for (step, keep) in kept[index].iter().enumerate() {
                if !keep {
                    row.cells.clear(step);
                }
            }
            if row.cells.has_any() {
                results.push(row);
            }
        }
        results
    }
}
