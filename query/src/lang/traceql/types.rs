//! Types of expressions, as far as they are known before a span is looked at.

use super::expr::{Expr, Field};
use super::value::{FieldValue, Operator};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    /// An attribute: whatever it was sent as.
    Any,
    /// An integer, a float or a duration.
    Number,
    Text,
    Bool,
    Status,
    Kind,
}

impl Type {
    pub(super) fn name(self) -> &'static str {
        match self {
            Type::Any => "an attribute",
            Type::Number => "a number or a duration",
            Type::Text => "a text",
            Type::Bool => "true or false",
            Type::Status => "a status",
            Type::Kind => "a kind",
        }
    }

    /// Whether values of this type may stand beside `operator`.
    pub(super) fn allows(self, operator: Operator) -> bool {
        match self {
            Type::Any => true,
            Type::Number => !operator.is_logic(),
            Type::Text => operator.is_comparison(),
            Type::Bool => operator.is_logic() || is_equality(operator),
            Type::Status | Type::Kind => is_equality(operator),
        }
    }

    pub(super) fn goes_with(self, other: Type) -> bool {
        self == other || self == Type::Any || other == Type::Any
    }
}

fn is_equality(operator: Operator) -> bool {
    matches!(operator, Operator::Equal | Operator::NotEqual)
}

pub(super) fn type_of(expr: &Expr) -> Type {
    match expr {
        Expr::Value(value) => match value {
            FieldValue::Int(_) | FieldValue::Float(_) | FieldValue::Duration(_) => Type::Number,
            FieldValue::Text(_) => Type::Text,
            FieldValue::Bool(_) => Type::Bool,
            FieldValue::Status(_) => Type::Status,
            FieldValue::Kind(_) => Type::Kind,
            FieldValue::Nil | FieldValue::List(_) => Type::Any,
        },
        Expr::Field(field) => type_of_field(field),
        Expr::Negated(_) => Type::Number,
        Expr::Not(_) | Expr::Exists(_) | Expr::Matches(..) => Type::Bool,
        Expr::Binary(_, operator, _) if operator.is_logic() || operator.is_comparison() => Type::Bool,
        Expr::Binary(..) => Type::Number,
    }
}

fn type_of_field(field: &Field) -> Type {
    use Field::*;
    match field {
        Status => Type::Status,
        Kind => Type::Kind,
        Duration | ChildCount | TraceDuration | NestedLeft | NestedRight | NestedParent | EventSinceStart => {
            Type::Number
        }
        Name | StatusMessage | SpanId | ParentId | TraceId | RootName | RootService => Type::Text,
        EventName | LinkTraceId | LinkSpanId | ScopeName | ScopeVersion => Type::Text,
        Attribute(..) => Type::Any,
    }
}
