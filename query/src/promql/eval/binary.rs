//! Binary operators by the types of their operands.

use super::super::annotations::Note;
use super::super::error::PromqlError;
use super::super::matrix::{Cell, Cells, Grid, Row, merge_same};
use super::super::plan::{Binary, Node, Operator};
use super::operators::{Compared, of_cells, of_floats};
use super::{Evaluated, Evaluator, row_if_any};

impl Evaluator<'_> {
    pub(super) fn binary(
        &self,
        node: &Node,
        binary: &Binary,
        left: Evaluated,
        right: Evaluated,
        grid: Grid,
    ) -> Result<Evaluated, PromqlError> {
        let note = |note: Note| self.meter.note(node.position, note);
        Ok(match (left, right) {
            (Evaluated::Scalar(left), Evaluated::Scalar(right)) => Evaluated::Scalar(
                left.into_iter().zip(right).map(|(left, right)| of_floats(binary.op, left, right)).collect(),
            ),
            (Evaluated::Vector(rows), Evaluated::Scalar(scalar)) => {
                let keep = compared(binary, Compared::KeepLeft);
                Evaluated::Vector(with_scalar(binary, rows, |step, cell| {
                    of_cells(binary.op, cell, Cell::Float(scalar[step]), keep, &note)
                })?)
            }
            (Evaluated::Scalar(scalar), Evaluated::Vector(rows)) => {
                let keep = compared(binary, Compared::KeepRight);
                Evaluated::Vector(with_scalar(binary, rows, |step, cell| {
                    of_cells(binary.op, Cell::Float(scalar[step]), cell, keep, &note)
                })?)
            }
            (Evaluated::Vector(left), Evaluated::Vector(right)) => Evaluated::Vector(match binary.op {
                Operator::And => super::set::and(left, &right, &binary.matching),
                Operator::Or => super::set::or(left, right, &binary.matching)?,
                Operator::Unless => super::set::unless(left, &right, &binary.matching),
                _ => super::matching::matched(binary, &left, &right, grid.len, &note)?,
            }),
            _ => return Err(PromqlError::execution("a string is no operand")),
        })
    }
}

pub(super) fn compared(binary: &Binary, keep: Compared) -> Compared {
    if binary.returns_bool { Compared::Bool } else { keep }
}

/// Whether the result is a new quantity, and so has no name.
pub(super) fn drops_name(binary: &Binary) -> bool {
    !binary.op.is_comparison() || binary.returns_bool
}

fn with_scalar(
    binary: &Binary,
    rows: Vec<Row>,
    apply: impl Fn(usize, Cell<'_>) -> Option<super::super::value::Value>,
) -> Result<Vec<Row>, PromqlError> {
    let mut results = Vec::with_capacity(rows.len());
    for row in rows {
        let mut cells = Cells::empty(row.cells.len());
        for step in 0..row.cells.len() {
            if let Some(value) = row.cells.get(step).and_then(|cell| apply(step, cell)) {
                cells.set(step, value);
            }
        }
        let labels = if drops_name(binary) { row.labels.without_name() } else { row.labels };
        results.extend(row_if_any(labels, cells));
    }
    merge_same(results)
}
