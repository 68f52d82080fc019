//! A condition on a span as an expression.

use store::{AttributeFilter, Filter, Place, Texts, Wanted};

use crate::lang::literal::Number;

use super::expr::{Expr, Field, Row, Scope};
use super::value::{FieldValue, Operator};

/// True of the spans for which an expression is `true`.
#[derive(Clone, Debug)]
pub(in crate::lang) struct Test(pub(super) Expr);

impl Test {
    pub(in crate::lang) fn matches(&self, row: &Row<'_>) -> bool {
        self.0.eval(row) == FieldValue::Bool(true)
    }

    pub(in crate::lang) fn columns(&self) -> u32 {
        self.0.columns()
    }

    pub(in crate::lang) fn is_of_trace(&self) -> bool {
        self.0.is_of_trace()
    }

    /// Appends the attributes of spans, resources and scopes that it compares, as the search language names them.
    pub(in crate::lang) fn attribute_names(&self, names: &mut Vec<String>) {
        self.0.each_field(&mut |field| {
            let Field::Attribute(scope, key) = field else { return };
            let prefix = match scope {
                Scope::Any => "",
                Scope::Span => "span.",
                Scope::Resource => "resource.",
                Scope::Instrumentation => "scope.",
                Scope::Event | Scope::Link => return,
            };
            names.push(format!("{prefix}{key}"));
        });
    }

    /// A filter that every span which matches satisfies: of an attribute that is compared with a value.
    pub(in crate::lang) fn filter(&self) -> Option<Filter> {
        let Expr::Binary(left, operator, right) = &self.0 else { return None };
        let (Expr::Field(Field::Attribute(scope, key)), Expr::Value(value)) = (left.as_ref(), right.as_ref()) else {
            return None;
        };
        let place = match scope {
            Scope::Any => Place::Any,
            Scope::Span => Place::Own,
            Scope::Resource => Place::Resource,
            Scope::Event | Scope::Link | Scope::Instrumentation => return None,
        };
        let wanted = wanted(*operator, value)?;
        Some(Filter::Attribute(vec![AttributeFilter { place, key: key.clone(), wanted }]))
    }
}

/// Values among which are all that compare so with `value`. Of an array, one element is enough.
fn wanted(operator: Operator, value: &FieldValue<'_>) -> Option<Wanted> {
    let number = match value {
        FieldValue::Int(int) | FieldValue::Duration(int) => Some(Number::Int(*int)),
        FieldValue::Float(float) => Some(Number::Double(*float)),
        _ => None,
    };
    let mut wanted = match (operator, value, number) {
        (Operator::Equal, FieldValue::Text(text), _) if !text.is_empty() => {
            Wanted { texts: Texts::exactly([text.to_string()]), ..Wanted::default() }
        }
        (Operator::Equal, FieldValue::Bool(bit), _) => Wanted::texts([bit.to_string()]),
        (Operator::Equal, _, Some(number)) => {
            let (int, double) = number.equals()?;
            Wanted { ints: int.into_iter().collect(), doubles: vec![double], ..Wanted::default() }
        }
        (Operator::Greater | Operator::GreaterOrEqual, _, Some(number)) => {
            Wanted::numbers([number.as_f64()..=f64::INFINITY])
        }
        (Operator::Less | Operator::LessOrEqual, _, Some(number)) => {
            Wanted::numbers([f64::NEG_INFINITY..=number.as_f64()])
        }
        _ => return None,
    };
    wanted.arrays = true;
    Some(wanted)
}
