//! Evaluates a plan at all steps of a query at once.
//!
//! Every node takes a [`Grid`] and gives its value at each of its times; stored series are read once per selector,
//! not once per step. Recursion is as deep as the query nests, which [`super::lex`] bounds; chains of operators, which
//! may be long, are walked in a loop.

use super::error::PromqlError;
use super::labels::Labels;
use super::limits::Meter;
use super::matrix::{Cells, Grid, Row, merge_same};
use super::plan::{At, Binary, Node, NodeKind, When};
use super::source::Source;
use super::value::Millis;

mod aggregate;
mod binary;
mod call;
mod limit;
mod matching;
mod operators;
mod ranges;
mod selector;
mod set;
mod top;

/// The value of an expression at every step.
pub(super) enum Evaluated {
    Scalar(Vec<f64>),
    Vector(Vec<Row>),
    Text(Vec<u8>),
}

impl Evaluated {
    fn n_samples(&self) -> usize {
        match self {
            Evaluated::Scalar(values) => values.len(),
            Evaluated::Vector(rows) => rows.iter().map(|row| row.cells.len()).sum(),
            Evaluated::Text(_) => 0,
        }
    }
}

pub(super) struct Evaluator<'a> {
    source: &'a Source,
    meter: &'a Meter<'a>,
    /// The times of the whole query, whatever grid a subquery has.
    query: Grid,
}

impl<'a> Evaluator<'a> {
    pub(super) fn new(source: &'a Source, meter: &'a Meter<'a>, query: Grid) -> Self {
        Evaluator { source, meter, query }
    }

    /// The value of `node` at the times of `grid`.
    pub(super) fn eval(&self, node: &Node, grid: Grid) -> Result<Evaluated, PromqlError> {
        self.meter.check()?;
        let before = self.meter.used();
        let value = if node.pinned && grid.len > 1 {
            let once = self.eval_kind(node, Grid { len: 1, ..grid })?;
            self.meter.charge(once.n_samples().saturating_mul(grid.len))?;
            repeat(once, grid.len)
        } else {
            self.eval_kind(node, grid)?
        };
        self.meter.settle(before, value.n_samples());
        self.meter.charge(0)?;
        Ok(value)
    }

    fn eval_kind(&self, node: &Node, grid: Grid) -> Result<Evaluated, PromqlError> {
        match &node.kind {
            NodeKind::Number(number) => Ok(Evaluated::Scalar(vec![*number; grid.len])),
            NodeKind::Text(bytes) => Ok(Evaluated::Text(bytes.clone())),
            NodeKind::Selector(selector) => Ok(Evaluated::Vector(self.instant_rows(selector, grid)?)),
            NodeKind::Range { .. } | NodeKind::Subquery(_) => {
                Err(PromqlError::execution("a range vector is only allowed as the argument of a function"))
            }
            NodeKind::Negate(inner) => self.negate(inner, grid),
            NodeKind::Call { function, args } => self.call(node, *function, args, grid),
            NodeKind::Aggregate(aggregate) => Ok(Evaluated::Vector(self.aggregate(node, aggregate, grid)?)),
            NodeKind::Binary(binary) => self.binary_chain(node, binary, grid),
        }
    }

    fn scalar(&self, node: &Node, grid: Grid) -> Result<Vec<f64>, PromqlError> {
        match self.eval(node, grid)? {
            Evaluated::Scalar(values) => Ok(values),
            _ => Err(PromqlError::execution("a scalar is expected")),
        }
    }

    fn vector(&self, node: &Node, grid: Grid) -> Result<Vec<Row>, PromqlError> {
        match self.eval(node, grid)? {
            Evaluated::Vector(rows) => Ok(rows),
            _ => Err(PromqlError::execution("an instant vector is expected")),
        }
    }

    fn negate(&self, inner: &Node, grid: Grid) -> Result<Evaluated, PromqlError> {
        Ok(match self.eval(inner, grid)? {
            Evaluated::Scalar(values) => Evaluated::Scalar(values.into_iter().map(|value| -value).collect()),
            Evaluated::Vector(rows) => {
                let negated = rows
                    .into_iter()
                    .map(|row| Row { labels: row.labels.without_name(), cells: operators::negated(&row.cells) });
                Evaluated::Vector(merge_same(negated.collect())?)
            }
            Evaluated::Text(_) => return Err(PromqlError::execution("a string has no negative")),
        })
    }

    fn binary_chain(&self, outermost: &Node, binary: &Binary, grid: Grid) -> Result<Evaluated, PromqlError> {
        let mut chain = vec![(outermost, binary)];
        let mut first = &binary.left;
        while let NodeKind::Binary(inner) = &first.kind {
            if first.pinned && grid.len > 1 {
                break; // evaluated once, as a whole
            }
            chain.push((first, inner));
            first = &inner.left;
        }
        let mut left = self.eval(first, grid)?;
        for (node, binary) in chain.into_iter().rev() {
            let before = self.meter.used();
            let right = self.eval(&binary.right, grid)?;
            left = self.binary(node, binary, left, right, grid)?;
            self.meter.settle(before, left.n_samples());
            self.meter.charge(0)?;
        }
        Ok(left)
    }

    /// The time that `when` looks at from the step at `time`.
    fn reference(&self, when: When, time: Millis) -> Millis {
        let base = match when.at {
            None => time,
            Some(At::Time(fixed)) => fixed,
            Some(At::Start) => self.query.start,
            Some(At::End) => self.query.end(),
        };
        base.saturating_sub(when.offset)
    }
}

fn repeat(value: Evaluated, len: usize) -> Evaluated {
    match value {
        Evaluated::Scalar(values) => Evaluated::Scalar(vec![values.first().copied().unwrap_or(f64::NAN); len]),
        Evaluated::Vector(rows) => Evaluated::Vector(
            rows.into_iter().map(|row| Row { labels: row.labels, cells: row.cells.repeat(len) }).collect(),
        ),
        text => text,
    }
}

/// A row that is built step by step and only kept if something was set.
fn row_if_any(labels: Labels, cells: Cells) -> Option<Row> {
    cells.has_any().then_some(Row { labels, cells })
}
