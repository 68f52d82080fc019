//! Values and what operators make of them.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;

use model::{Nanos, SpanKind, StatusCode, Value};

/// A value of TraceQL.
#[derive(Clone, Debug, PartialEq)]
pub enum FieldValue<'a> {
    /// What is not there.
    Nil,
    Int(i64),
    Float(f64),
    Text(Cow<'a, str>),
    Bool(bool),
    Duration(Nanos),
    Status(StatusCode),
    /// `None` for `unspecified`, which stored spans never are: the specification has it count as internal.
    Kind(Option<SpanKind>),
    /// An array, or what several events or links of a span say.
    List(Vec<FieldValue<'a>>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    And,
    Or,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Power,
}

impl Operator {
    pub(super) fn is_logic(self) -> bool {
        matches!(self, Operator::And | Operator::Or)
    }

    pub(super) fn is_order(self) -> bool {
        matches!(self, Operator::Less | Operator::LessOrEqual | Operator::Greater | Operator::GreaterOrEqual)
    }

    pub(super) fn is_comparison(self) -> bool {
        self.is_order() || matches!(self, Operator::Equal | Operator::NotEqual)
    }

    /// The one that says the same with its sides exchanged.
    pub(super) fn flipped(self) -> Self {
        match self {
            Operator::Less => Operator::Greater,
            Operator::LessOrEqual => Operator::GreaterOrEqual,
            Operator::Greater => Operator::Less,
            Operator::GreaterOrEqual => Operator::LessOrEqual,
            other => other,
        }
    }

    fn holds(self, order: Ordering) -> bool {
        match self {
            Operator::Equal => order.is_eq(),
            Operator::NotEqual => order.is_ne(),
            Operator::Less => order.is_lt(),
            Operator::LessOrEqual => order.is_le(),
            Operator::Greater => order.is_gt(),
            Operator::GreaterOrEqual => order.is_ge(),
            _ => false,
        }
    }
}

/// As TraceQL writes it, texts without quotes.
impl fmt::Display for FieldValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FieldValue::Nil => f.write_str("nil"),
            FieldValue::Int(int) => int.fmt(f),
            FieldValue::Float(float) => float.fmt(f),
            FieldValue::Text(text) => f.write_str(text),
            FieldValue::Bool(bit) => bit.fmt(f),
            FieldValue::Duration(nanos) => write!(f, "{nanos}ns"),
            FieldValue::Status(status) => f.write_str(status.name()),
            FieldValue::Kind(kind) => f.write_str(kind.map_or("unspecified", SpanKind::name)),
            FieldValue::List(values) => {
                f.write_str("[")?;
                for (index, value) in values.iter().enumerate() {
                    write!(f, "{}{value}", if index > 0 { ", " } else { "" })?;
                }
                f.write_str("]")
            }
        }
    }
}

impl<'a> FieldValue<'a> {
    pub(crate) fn text(text: &'a str) -> Self {
        FieldValue::Text(Cow::Borrowed(text))
    }

    /// An attribute's value. Bytes and maps are their text.
    pub(crate) fn of(value: Value<'a>) -> Self {
        match value {
            Value::Empty => FieldValue::Nil,
            Value::Str(text) => FieldValue::text(text),
            Value::Bool(bit) => FieldValue::Bool(bit),
            Value::Int(int) => FieldValue::Int(int),
            Value::Double(double) => FieldValue::Float(double),
            Value::Array(values) => FieldValue::List(values.iter().map(FieldValue::of_element).collect()),
            Value::Bytes(_) | Value::Map(_) => FieldValue::Text(Cow::Owned(value.to_string())),
        }
    }

    /// Arrays within arrays are their text.
    fn of_element(value: Value<'a>) -> Self {
        match value {
            Value::Array(_) => FieldValue::Text(Cow::Owned(value.to_string())),
            other => FieldValue::of(other),
        }
    }

    /// What several say: nothing, one value, or a list of all.
    pub(super) fn of_several(values: impl Iterator<Item = FieldValue<'a>>) -> Self {
        let mut all = Vec::new();
        for value in values {
            match value {
                FieldValue::Nil => {}
                FieldValue::List(values) => all.extend(values),
                other => all.push(other),
            }
        }
        match all.len() {
            0 => FieldValue::Nil,
            1 => all.swap_remove(0),
            _ => FieldValue::List(all),
        }
    }

    pub(crate) fn into_owned(self) -> FieldValue<'static> {
        match self {
            FieldValue::Text(text) => FieldValue::Text(Cow::Owned(text.into_owned())),
            FieldValue::List(values) => FieldValue::List(values.into_iter().map(FieldValue::into_owned).collect()),
            FieldValue::Nil => FieldValue::Nil,
            FieldValue::Int(int) => FieldValue::Int(int),
            FieldValue::Float(float) => FieldValue::Float(float),
            FieldValue::Bool(bit) => FieldValue::Bool(bit),
            FieldValue::Duration(nanos) => FieldValue::Duration(nanos),
            FieldValue::Status(status) => FieldValue::Status(status),
            FieldValue::Kind(kind) => FieldValue::Kind(kind),
        }
    }

    /// Appends bytes that no other value appends.
    pub(crate) fn put_key(&self, out: &mut Vec<u8>) {
        let mut put = |tag: u8, bytes: &[u8]| {
            out.push(tag);
            out.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
            out.extend_from_slice(bytes);
        };
        match self {
            FieldValue::Nil => put(0, &[]),
            FieldValue::Int(int) => put(1, &int.to_be_bytes()),
            FieldValue::Float(float) => put(2, &float.to_bits().to_be_bytes()),
            FieldValue::Text(text) => put(3, text.as_bytes()),
            FieldValue::Bool(bit) => put(4, &[u8::from(*bit)]),
            FieldValue::Duration(nanos) => put(5, &nanos.to_be_bytes()),
            FieldValue::Status(status) => put(6, &[*status as u8]),
            FieldValue::Kind(kind) => put(7, &[kind.map_or(0, |kind| kind as u8)]),
            FieldValue::List(values) => {
                put(8, &(values.len() as u32).to_be_bytes());
                values.iter().for_each(|value| value.put_key(out));
            }
        }
    }

    /// A number as metrics have it: durations in seconds.
    pub(crate) fn in_seconds(&self) -> Option<f64> {
        match self {
            FieldValue::Duration(nanos) => Some(*nanos as f64 / 1e9),
            other => other.number(),
        }
    }

    /// An integer, a float, or a duration's nanoseconds.
    pub(crate) fn number(&self) -> Option<f64> {
        match self {
            FieldValue::Int(int) | FieldValue::Duration(int) => Some(*int as f64),
            FieldValue::Float(float) => Some(*float),
            _ => None,
        }
    }

    fn int(&self) -> Option<i64> {
        match self {
            FieldValue::Int(int) | FieldValue::Duration(int) => Some(*int),
            _ => None,
        }
    }

    /// How two values of one type stand to each other; numbers of all types are one. `None` for different types, and for
    /// what has no order but is not equal.
    pub(crate) fn compare(&self, other: &Self) -> Option<Ordering> {
        if let (Some(a), Some(b)) = (self.int(), other.int()) {
            return Some(a.cmp(&b));
        }
        match (self, other) {
            (FieldValue::Text(a), FieldValue::Text(b)) => Some(a.cmp(b)),
            (FieldValue::Bool(a), FieldValue::Bool(b)) => Some(a.cmp(b)),
            (FieldValue::Status(a), FieldValue::Status(b)) => Some((*a as u8).cmp(&(*b as u8))),
            (FieldValue::Kind(a), FieldValue::Kind(b)) => {
                Some(a.map_or(0, |kind| kind as u8).cmp(&b.map_or(0, |kind| kind as u8)))
            }
            _ => self.number()?.partial_cmp(&other.number()?),
        }
    }

    /// `self operator other`. Values of types that do not go together are not equal, and not unequal either.
    pub(crate) fn operate(&self, operator: Operator, other: &Self) -> FieldValue<'static> {
        if operator.is_comparison() {
            return FieldValue::Bool(self.holds(operator, other));
        }
        if operator.is_logic() {
            let (a, b) = (*self == FieldValue::Bool(true), *other == FieldValue::Bool(true));
            return FieldValue::Bool(if operator == Operator::And { a && b } else { a || b });
        }
        self.compute(operator, other).unwrap_or(FieldValue::Nil)
    }

    /// Of a list, one element is enough; but `!=` asks all of them.
    pub(super) fn holds(&self, operator: Operator, other: &Self) -> bool {
        match (self, other) {
            (FieldValue::List(_), FieldValue::List(_)) => false,
            (FieldValue::List(values), one) => of_elements(values, operator, |value| value.holds(operator, one)),
            (one, FieldValue::List(values)) => of_elements(values, operator, |value| one.holds(operator, value)),
            (FieldValue::Bool(_) | FieldValue::Status(_) | FieldValue::Kind(_), _) if operator.is_order() => false,
            (FieldValue::Float(a), b) if a.is_nan() && b.number().is_some() => operator == Operator::NotEqual,
            _ => self.compare(other).is_some_and(|order| operator.holds(order)),
        }
    }

    fn compute(&self, operator: Operator, other: &Self) -> Option<FieldValue<'static>> {
        if let (FieldValue::Int(a), FieldValue::Int(b)) = (self, other) {
            let int = match operator {
                Operator::Add => a.checked_add(*b),
                Operator::Subtract => a.checked_sub(*b),
                Operator::Multiply => a.checked_mul(*b),
                // By zero there is no result.
                Operator::Divide => Some(a.checked_div(*b)?),
                Operator::Modulo => Some(a.checked_rem(*b)?),
                Operator::Power => u32::try_from(*b).ok().and_then(|power| a.checked_pow(power)),
                _ => return None,
            };
            if let Some(int) = int {
                return Some(FieldValue::Int(int));
            }
        }
        let (a, b) = (self.number()?, other.number()?);
        Some(FieldValue::Float(match operator {
            Operator::Add => a + b,
            Operator::Subtract => a - b,
            Operator::Multiply => a * b,
            Operator::Divide => a / b,
            Operator::Modulo => a % b,
            Operator::Power => a.powf(b),
            _ => return None,
        }))
    }

    pub(super) fn negated(&self) -> Self {
        match self {
            FieldValue::Int(int) => FieldValue::Int(int.wrapping_neg()),
            FieldValue::Duration(nanos) => FieldValue::Duration(nanos.wrapping_neg()),
            FieldValue::Float(float) => FieldValue::Float(-float),
            _ => FieldValue::Nil,
        }
    }
}

fn of_elements(values: &[FieldValue<'_>], operator: Operator, holds: impl Fn(&FieldValue<'_>) -> bool) -> bool {
    if operator == Operator::NotEqual { values.iter().all(holds) } else { values.iter().any(holds) }
}
