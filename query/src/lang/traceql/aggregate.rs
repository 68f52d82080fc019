//! Numbers computed from a set of spans.

use std::cmp::Ordering;

use super::value::{FieldValue, Operator};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Aggregate {
    Average,
    Max,
    Min,
    Sum,
}

#[derive(Clone, Debug)]
pub(crate) enum Scalar {
    Value(FieldValue<'static>),
    Count,
    /// Of the values with this index in the plan.
    Of(Aggregate, usize),
    Binary(Box<Scalar>, Operator, Box<Scalar>),
}

impl Scalar {
    /// The number of a set of `n_spans`; `value(index, span)` computes the value of one. Nil when no span has a number.
    pub(crate) fn of(
        &self,
        n_spans: usize,
        value: &mut impl FnMut(usize, usize) -> FieldValue<'static>,
    ) -> FieldValue<'static> {
        match self {
            Scalar::Value(value) => value.clone(),
            Scalar::Count => FieldValue::Int(n_spans as i64),
            Scalar::Of(aggregate, index) => {
                aggregate.of((0..n_spans).map(|span| value(*index, span)).filter(|it| it.number().is_some()))
            }
            Scalar::Binary(left, operator, right) => {
                left.of(n_spans, value).operate(*operator, &right.of(n_spans, value))
            }
        }
    }

    pub(super) fn has_aggregate(&self) -> bool {
        match self {
            Scalar::Value(_) => false,
            Scalar::Count | Scalar::Of(..) => true,
            Scalar::Binary(left, _, right) => left.has_aggregate() || right.has_aggregate(),
        }
    }
}

impl Aggregate {
    pub(super) fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "avg" => Aggregate::Average,
            "max" => Aggregate::Max,
            "min" => Aggregate::Min,
            "sum" => Aggregate::Sum,
            _ => return None,
        })
    }

    fn of(self, numbers: impl Iterator<Item = FieldValue<'static>>) -> FieldValue<'static> {
        let better = |wanted: Ordering| {
            move |best: FieldValue<'static>, next: FieldValue<'static>| {
                if next.compare(&best) == Some(wanted) { next } else { best }
            }
        };
        let mut n_numbers = 0;
        let numbers = numbers.inspect(|_| n_numbers += 1);
        let add = |sum: FieldValue<'static>, next: FieldValue<'static>| sum.operate(Operator::Add, &next);
        match self {
            Aggregate::Max => numbers.reduce(better(Ordering::Greater)),
            Aggregate::Min => numbers.reduce(better(Ordering::Less)),
            Aggregate::Sum => numbers.reduce(add),
            Aggregate::Average => {
                let sum = numbers.reduce(add).and_then(|sum| sum.number());
                sum.map(|sum| FieldValue::Float(sum / f64::from(n_numbers)))
            }
        }
        .unwrap_or(FieldValue::Nil)
    }
}
