//! Which expressions are conditions that a scan can answer fully.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use datafusion::common::ScalarValue;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};
use model::log::severity_name;
use model::{SpanKind, StatusCode, TimeRange, TraceId};
use store::Place;

use super::test::{Test, Values};
use super::times::{range_of, time_of};
use crate::attr::ATTR;
use crate::number::{Key, NUMBER_KEY};
use crate::table::{Origin, SeriesField, SqlTable};

/// What holds of exactly the rows that an expression is true for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Condition {
    Time(TimeRange),
    /// The trace id is one of these.
    Traces(BTreeSet<TraceId>),
    Test(Test),
}

impl Condition {
    fn or(self, other: Condition) -> Option<Condition> {
        match (self, other) {
            (Condition::Test(one), Condition::Test(other)) => Some(Condition::Test(one.or(&other)?)),
            (Condition::Traces(one), Condition::Traces(other)) => Some(Condition::Traces(&one | &other)),
            _ => None,
        }
    }
}

/// The condition that `filter` is, when the scan can answer it fully.
pub(super) fn condition(table: SqlTable, filter: &Expr) -> Option<Condition> {
    match filter {
        // The planner writes a short IN as this, and a short NOT IN as the conjunction that it takes apart.
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
            condition(table, left)?.or(condition(table, right)?)
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => match (left.as_ref(), right.as_ref()) {
            (subject, Expr::Literal(value, _)) => comparison(table, subject, *op, value),
            (Expr::Literal(value, _), subject) => comparison(table, subject, op.swap()?, value),
            _ => None,
        },
        Expr::Between(between) if !between.negated => {
            let (Expr::Literal(low, _), Expr::Literal(high, _)) = (between.low.as_ref(), between.high.as_ref()) else {
                return None;
            };
            if is_time(table, &between.expr) {
                let (low, high) = (time_of(low)?, time_of(high)?);
                return Some(Condition::Time(TimeRange::new(low, high.saturating_add(1))));
            }
            if let Some(attribute) = keyed_attribute(table, &between.expr) {
                let (low, high) = (range(Operator::GtEq, low)?, range(Operator::LtEq, high)?);
                return Some(Condition::Test(attribute.among(Values::Numbers(vec![*low.start()..=*high.end()]))));
            }
            let (column, low, high) = (number_column(table, &between.expr)?, int_of(low)?, int_of(high)?);
            Some(numbers(column, |number| (low..=high).contains(&number)))
        }
        Expr::InList(list) => {
            let literals = list.list.iter().map(|item| match item {
                Expr::Literal(value, _) => Some(value),
                _ => None,
            });
            let literals = literals.collect::<Option<Vec<_>>>()?;
            if let Some(column) = number_column(table, &list.expr) {
                let listed = literals.iter().map(|value| int_of(value)).collect::<Option<Vec<_>>>()?;
                return Some(numbers(column, |number| listed.contains(&number) != list.negated));
            }
            if let (Some(attribute), false) = (keyed_attribute(table, &list.expr), list.negated) {
                let listed = literals.iter().map(|value| range(Operator::Eq, value)).collect::<Option<Vec<_>>>()?;
                return Some(Condition::Test(attribute.among(Values::Numbers(listed))));
            }
            let texts = literals.iter().map(|value| text_of(value)).collect::<Option<Vec<_>>>()?;
            is_one_of(table, &list.expr, &texts, list.negated)
        }
        _ => None,
    }
}

/// The condition that `subject operator value` is.
fn comparison(table: SqlTable, subject: &Expr, operator: Operator, value: &ScalarValue) -> Option<Condition> {
    if is_time(table, subject) {
        return Some(Condition::Time(range_of(operator, time_of(value)?)?));
    }
    if let Some(column) = number_column(table, subject) {
        let wanted = int_of(value)?;
        let holds: fn(&i64, &i64) -> bool = match operator {
            Operator::Eq => i64::eq,
            Operator::NotEq => i64::ne,
            Operator::Lt => i64::lt,
            Operator::LtEq => i64::le,
            Operator::Gt => i64::gt,
            Operator::GtEq => i64::ge,
            _ => return None,
        };
        return Some(numbers(column, |number| holds(&number, &wanted)));
    }
    if let Some(attribute) = keyed_attribute(table, subject) {
        return Some(Condition::Test(attribute.among(Values::Numbers(vec![range(operator, value)?]))));
    }
    match operator {
        Operator::Eq => is_one_of(table, subject, &[text_of(value)?], false),
        Operator::NotEq => is_one_of(table, subject, &[text_of(value)?], true),
        _ => None,
    }
}

/// The stored column of one byte that `expression` shows as a number.
fn number_column(table: SqlTable, expression: &Expr) -> Option<&'static str> {
    let Expr::Column(column) = expression else { return None };
    match table.column(&column.name)?.origin {
        Origin::Integer(name @ "severity_number") => Some(name),
        _ => None,
    }
}

/// The number in `column` is one that `is` takes.
fn numbers(column: &'static str, is: impl Fn(i64) -> bool) -> Condition {
    let values = (0..=u8::MAX).filter(|number| is((*number).into())).collect();
    Condition::Test(Test::Number { column, values })
}

/// `subject` is one of `values`, or if `negated` none of them.
fn is_one_of(table: SqlTable, subject: &Expr, values: &[&str], negated: bool) -> Option<Condition> {
    let texts = || values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>();
    // A column of words that a number stands for has a finite number of values, and no nulls.
    let words = |column, word: &dyn Fn(u8) -> &'static str| {
        Some(numbers(column, |number| {
            u8::try_from(number).is_ok_and(|number| values.contains(&word(number)) != negated)
        }))
    };
    match subject {
        Expr::Column(column) => match table.column(&column.name)?.origin {
            Origin::SpanKind => words("kind", &|number| SpanKind::from_number(number.into()).name()),
            Origin::SpanStatus => words("status", &|number| StatusCode::from_number(number.into()).name()),
            Origin::Severity => words("severity_number", &severity_name),
            _ if negated => None,
            Origin::Word(column) => Some(Condition::Test(Test::Text { column, values: texts() })),
            Origin::Hex("trace_id") => {
                // Only the form that the column shows equals it as text.
                let shown = |text: &&str| TraceId::parse(text).filter(|id| id.to_string() == **text);
                Some(Condition::Traces(values.iter().filter_map(shown).collect()))
            }
            Origin::OfSeries(
                field @ (SeriesField::Name
                | SeriesField::Unit
                | SeriesField::Kind
                | SeriesField::Temporality
                | SeriesField::Service),
            ) => Some(Condition::Test(Test::Series { field, values: texts() })),
            _ => None,
        },
        _ if negated => None,
        _ => Some(Condition::Test(attribute(table, subject)?.among(Values::Texts(texts())))),
    }
}

/// An attribute of a row, or of its series.
enum Attribute {
    OfRow(Place, String),
    OfSeries(SeriesField, String),
}

impl Attribute {
    fn among(self, values: Values) -> Test {
        match self {
            Attribute::OfRow(place, key) => Test::Attribute { place, key, values },
            Attribute::OfSeries(field, key) => Test::SeriesAttribute { field, key, values },
        }
    }
}

/// The attribute that `expression` reads.
fn attribute(table: SqlTable, expression: &Expr) -> Option<Attribute> {
    let Expr::ScalarFunction(call) = expression else { return None };
    let ([Expr::Column(column), Expr::Literal(key, _)], ATTR) = (call.args.as_slice(), call.func.name()) else {
        return None;
    };
    let key = text_of(key)?.to_owned();
    match table.column(&column.name)?.origin {
        Origin::Attributes(_) => Some(Attribute::OfRow(Place::Own, key)),
        Origin::Resource => Some(Attribute::OfRow(Place::Resource, key)),
        Origin::OfSeries(field @ (SeriesField::Attributes | SeriesField::Resource)) => {
            Some(Attribute::OfSeries(field, key))
        }
        _ => None,
    }
}

/// The attribute of which `expression` is the number, as comparisons with numbers are planned.
fn keyed_attribute(table: SqlTable, expression: &Expr) -> Option<Attribute> {
    match expression {
        Expr::ScalarFunction(call) if call.func.name() == NUMBER_KEY => attribute(table, call.args.first()?),
        _ => None,
    }
}

/// The doubles that `operator` takes beside the key `value`, when every number compares with it as its double does.
fn range(operator: Operator, value: &ScalarValue) -> Option<RangeInclusive<f64>> {
    let ScalarValue::Decimal128(Some(key), ..) = value else { return None };
    let number = Key(*key).small_double()?;
    match operator {
        Operator::Eq => Some(number..=number),
        Operator::Lt => Some(f64::NEG_INFINITY..=number.next_down()),
        Operator::LtEq => Some(f64::NEG_INFINITY..=number),
        Operator::Gt => Some(number.next_up()..=f64::INFINITY),
        Operator::GtEq => Some(number..=f64::INFINITY),
        _ => None,
    }
}

fn is_time(table: SqlTable, expression: &Expr) -> bool {
    matches!(expression, Expr::Column(column) if Some(column.name.as_str()) == table.time_column())
}

fn text_of(value: &ScalarValue) -> Option<&str> {
    value.try_as_str().flatten()
}

fn int_of(value: &ScalarValue) -> Option<i64> {
    match value {
        ScalarValue::Int64(int) => *int,
        _ => None,
    }
}
