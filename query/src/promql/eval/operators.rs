//! Operators on two values.

use std::sync::Arc;

use super::super::annotations::Note;
use super::super::histogram::Histogram;
use super::super::matrix::{Cell, Cells};
use super::super::plan::Operator;
use super::super::value::Value;

/// The result of an operator on numbers; comparisons give 1 or 0.
pub(super) fn of_floats(op: Operator, left: f64, right: f64) -> f64 {
    match op {
        Operator::Add => left + right,
        Operator::Sub => left - right,
        Operator::Mul => left * right,
        Operator::Div => left / right,
        Operator::Mod => left % right,
        Operator::Pow => left.powf(right),
        Operator::Atan2 => left.atan2(right),
        _ => f64::from(u8::from(compare(op, left, right))),
    }
}

/// Whether a comparison of numbers holds.
pub(super) fn compare(op: Operator, left: f64, right: f64) -> bool {
    match op {
        Operator::Equal => left == right,
        Operator::NotEqual => left != right,
        Operator::Less => left < right,
        Operator::LessOrEqual => left <= right,
        Operator::Greater => left > right,
        Operator::GreaterOrEqual => left >= right,
        _ => false,
    }
}

/// How comparisons answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compared {
    /// With 0 or 1.
    Bool,
    /// With the left value where they hold, with nothing elsewhere.
    KeepLeft,
    /// With the right value: that of the vector in `3 < x`.
    KeepRight,
}

/// The result of an operator on two values; `None` when there is none.
pub(super) fn of_cells(
    op: Operator,
    left: Cell<'_>,
    right: Cell<'_>,
    compared: Compared,
    note: &dyn Fn(Note),
) -> Option<Value> {
    if op.is_comparison() {
        let holds = match (left, right) {
            (Cell::Float(left), Cell::Float(right)) => compare(op, left, right),
            (Cell::Histogram(left), Cell::Histogram(right)) if op == Operator::Equal => left.same(right),
            (Cell::Histogram(left), Cell::Histogram(right)) if op == Operator::NotEqual => !left.same(right),
            _ => return incompatible(op, left, right, note),
        };
        return match compared {
            Compared::Bool => Some(Value::Float(f64::from(u8::from(holds)))),
            Compared::KeepLeft => holds.then(|| to_value(left)),
            Compared::KeepRight => holds.then(|| to_value(right)),
        };
    }
    let histogram = match (op, left, right) {
        (_, Cell::Float(left), Cell::Float(right)) => return Some(Value::Float(of_floats(op, left, right))),
        (Operator::Mul, Cell::Histogram(histogram), Cell::Float(factor))
        | (Operator::Mul, Cell::Float(factor), Cell::Histogram(histogram)) => {
            let mut product = Histogram::clone(histogram);
            product.scale(factor);
            product
        }
        (Operator::Div, Cell::Histogram(histogram), Cell::Float(divisor)) => {
            let mut quotient = Histogram::clone(histogram);
            quotient.divide(divisor);
            quotient
        }
        (Operator::Add | Operator::Sub, Cell::Histogram(left), Cell::Histogram(right)) => {
            let mut result = Histogram::clone(left);
            let (combined, operation) =
                if op == Operator::Add { (result.add(right), "addition") } else { (result.sub(right), "subtraction") };
            match combined {
                Ok(combined) => {
                    if combined.bounds_differed {
                        note(Note::MismatchedBounds { operation });
                    }
                    if combined.resets_conflict {
                        note(Note::ConflictingResets { operation });
                    }
                }
                Err(_) => {
                    note(Note::MixedSchemas { metric: String::new() });
                    return None;
                }
            }
            result
        }
        _ => return incompatible(op, left, right, note),
    };
    Some(Value::Histogram(Arc::new(histogram)))
}

fn incompatible(op: Operator, left: Cell<'_>, right: Cell<'_>, note: &dyn Fn(Note)) -> Option<Value> {
    let name = |cell: Cell<'_>| match cell {
        Cell::Float(_) => "float",
        Cell::Histogram(_) => "histogram",
    };
    note(Note::IncompatibleTypes { operator: op.symbol(), left: name(left), right: name(right) });
    None
}

fn to_value(cell: Cell<'_>) -> Value {
    match cell {
        Cell::Float(float) => Value::Float(float),
        Cell::Histogram(histogram) => Value::Histogram(Arc::clone(histogram)),
    }
}

pub(super) fn negated(cells: &Cells) -> Cells {
    let mut negated = Cells::empty(cells.len());
    for step in 0..cells.len() {
        match cells.get(step) {
            Some(Cell::Float(float)) => negated.set_float(step, -float),
            Some(Cell::Histogram(histogram)) => {
                let mut histogram = Histogram::clone(histogram);
                histogram.scale(-1.0);
                negated.set_histogram(step, Arc::new(histogram));
            }
            None => {}
        }
    }
    negated
}
