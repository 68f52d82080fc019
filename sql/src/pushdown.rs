//! The part of a query's conditions that a scan answers itself: times, a trace id, attributes and series.

use std::fmt;
use std::sync::Arc;

use datafusion::common::ScalarValue;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator, TableProviderFilterPushDown};
use datafusion::physical_expr::expressions::{
    BinaryExpr as PhysicalBinaryExpr, Column, DynamicFilterPhysicalExpr, IsNullExpr, Literal,
};
use datafusion::physical_plan::PhysicalExpr;
use model::{Attrs, Nanos, Resource, TimeRange, TraceId};
use store::{Snapshot, StoredSeries};

use crate::attr::ATTR;
use crate::table::build::comparable;
use crate::table::{Origin, SeriesField, SqlTable};

/// What a scan is to leave out.
#[derive(Clone, Debug)]
pub(crate) struct Conditions {
    pub(crate) range: TimeRange,
    pub(crate) trace_id: Option<TraceId>,
    pub(crate) tests: Vec<Test>,
}

/// A comparison with text that every row must pass.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Test {
    /// An attribute of the row itself, in the stored column `column`, is one of these.
    Attribute { column: &'static str, key: String, values: Vec<String> },
    /// A field of the row's series is one of these.
    Series { field: SeriesField, values: Vec<String> },
    /// An attribute of the row's series, or of its resource, is one of these.
    SeriesAttribute { field: SeriesField, key: String, values: Vec<String> },
}

enum Condition {
    Time(TimeRange),
    Trace(TraceId),
    Test(Test),
}

/// Of each filter whether the scan answers it fully, partly or not at all.
pub(crate) fn support(table: SqlTable, filters: &[&Expr]) -> Vec<TableProviderFilterPushDown> {
    filters
        .iter()
        .map(|filter| match condition(table, filter) {
            Some(_) => TableProviderFilterPushDown::Exact,
            None if implied_range(table, filter) != TimeRange::ALL => TableProviderFilterPushDown::Inexact,
            None => TableProviderFilterPushDown::Unsupported,
        })
        .collect()
}

impl Conditions {
    pub(crate) fn of(table: SqlTable, filters: &[Expr]) -> Self {
        let mut conditions = Conditions { range: TimeRange::ALL, trace_id: None, tests: Vec::new() };
        for filter in filters {
            match condition(table, filter) {
                Some(Condition::Time(range)) => conditions.range = intersect(conditions.range, range),
                Some(Condition::Trace(id)) if conditions.trace_id.is_none_or(|other| other == id) => {
                    conditions.trace_id = Some(id);
                }
                // Two different trace ids at once: no row has both.
                Some(Condition::Trace(_)) => conditions.range = NEVER,
                Some(Condition::Test(test)) => conditions.tests.push(test),
                None => conditions.range = intersect(conditions.range, implied_range(table, filter)),
            }
        }
        conditions
    }

    /// The series that pass all tests of series; `None` when there is no such test.
    pub(crate) fn series(&self, snapshot: &Snapshot) -> Option<Vec<Arc<StoredSeries>>> {
        let tests: Vec<&Test> = self.tests.iter().filter(|test| !matches!(test, Test::Attribute { .. })).collect();
        if tests.is_empty() {
            return None;
        }
        let named = tests.iter().find_map(|test| match test {
            Test::Series { field: SeriesField::Name, values } => Some(values),
            _ => None,
        });
        let index = snapshot.series();
        let mut candidates = match named {
            Some(names) => names.iter().flat_map(|name| index.by_name(name)).collect(),
            None => index.all(),
        };
        candidates.retain(|series| tests.iter().all(|test| test.passes_series(series)));
        candidates.sort_unstable_by_key(|series| series.id);
        candidates.dedup_by_key(|series| series.id);
        Some(candidates)
    }
}

impl Test {
    fn passes_series(&self, series: &StoredSeries) -> bool {
        match self {
            Test::Attribute { .. } => true,
            Test::Series { field, values } => comparable(series, *field).is_some_and(|text| values.contains(&text)),
            Test::SeriesAttribute { field: SeriesField::Resource, key, values } => {
                is_one_of(series.resource().attrs(), key, values)
            }
            Test::SeriesAttribute { key, values, .. } => is_one_of(series.attrs(), key, values),
        }
    }

    /// This test or `other`, when both are about the same thing.
    fn or(self, other: Test) -> Option<Test> {
        let mut either = self;
        let (values, more) = match (&mut either, other) {
            (
                Test::Attribute { column, key, values },
                Test::Attribute { column: other_column, key: other_key, values: more },
            ) if *column == other_column && *key == other_key => (values, more),
            (Test::Series { field, values }, Test::Series { field: other_field, values: more })
                if *field == other_field =>
            {
                (values, more)
            }
            (
                Test::SeriesAttribute { field, key, values },
                Test::SeriesAttribute { field: other_field, key: other_key, values: more },
            ) if *field == other_field && *key == other_key => (values, more),
            _ => return None,
        };
        values.extend(more);
        Some(either)
    }

    /// Whether the row passes whose stored column `column` holds `bytes`.
    pub(crate) fn passes_bytes(column: &str, key: &str, values: &[String], bytes: &[u8]) -> bool {
        let attrs = if column == "resource" { Resource::new(bytes).attrs() } else { Attrs::new(bytes) };
        is_one_of(attrs, key, values)
    }
}

/// Whether attribute `key` has one of the texts `values`, as the function `attr` gives it.
fn is_one_of(attrs: Attrs<'_>, key: &str, values: &[String]) -> bool {
    match attrs.get(key) {
        None | Some(model::Value::Empty) => false,
        Some(model::Value::Str(text)) => values.iter().any(|value| value == text),
        Some(other) => values.contains(&other.to_string()),
    }
}

/// No time at all.
const NEVER: TimeRange = TimeRange { start: Nanos::MAX, end: Nanos::MIN };

fn intersect(a: TimeRange, b: TimeRange) -> TimeRange {
    TimeRange::new(a.start.max(b.start), a.end.min(b.end))
}

/// The smallest range that holds both.
fn hull(a: TimeRange, b: TimeRange) -> TimeRange {
    if a.is_empty() {
        return b;
    }
    if b.is_empty() {
        return a;
    }
    TimeRange::new(a.start.min(b.start), a.end.max(b.end))
}

/// The times `t` for which `t operator time` holds.
fn range_of(operator: Operator, time: Nanos) -> Option<TimeRange> {
    let (all, next) = (TimeRange::ALL, time.saturating_add(1));
    Some(match operator {
        Operator::Eq => TimeRange::new(time, next),
        Operator::Lt => TimeRange::new(all.start, time),
        Operator::LtEq => TimeRange::new(all.start, next),
        Operator::Gt => TimeRange::new(next, all.end),
        Operator::GtEq => TimeRange::new(time, all.end),
        _ => return None,
    })
}

fn time_of(value: &ScalarValue) -> Option<Nanos> {
    match value {
        ScalarValue::TimestampNanosecond(time, _) => *time,
        _ => None,
    }
}

fn text_of(value: &Expr) -> Option<&str> {
    match value {
        Expr::Literal(scalar, _) => scalar.try_as_str().flatten(),
        _ => None,
    }
}

fn is_time(table: SqlTable, expression: &Expr) -> bool {
    matches!(expression, Expr::Column(column) if Some(column.name.as_str()) == table.time_column())
}

/// The condition that `filter` is, when the scan can answer it fully.
fn condition(table: SqlTable, filter: &Expr) -> Option<Condition> {
    match filter {
        // The planner writes a short IN as this.
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
            match (condition(table, left)?, condition(table, right)?) {
                (Condition::Test(left), Condition::Test(right)) => Some(Condition::Test(left.or(right)?)),
                _ => None,
            }
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            let (subject, operator, value) = match (left.as_ref(), right.as_ref()) {
                (subject, Expr::Literal(..)) => (subject, *op, right.as_ref()),
                (Expr::Literal(..), subject) => (subject, op.swap()?, left.as_ref()),
                _ => return None,
            };
            if let (true, Expr::Literal(scalar, _)) = (is_time(table, subject), value) {
                return Some(Condition::Time(range_of(operator, time_of(scalar)?)?));
            }
            (operator == Operator::Eq).then(|| equality(table, subject, &[text_of(value)?]))?
        }
        Expr::Between(between) if !between.negated && is_time(table, &between.expr) => {
            let bound = |expression: &Expr| match expression {
                Expr::Literal(scalar, _) => time_of(scalar),
                _ => None,
            };
            let (low, high) = (bound(&between.low)?, bound(&between.high)?);
            Some(Condition::Time(TimeRange::new(low, high.saturating_add(1))))
        }
        Expr::InList(list) if !list.negated => {
            let values: Option<Vec<&str>> = list.list.iter().map(text_of).collect();
            equality(table, &list.expr, &values?)
        }
        _ => None,
    }
}

/// `subject` is one of `values`.
fn equality(table: SqlTable, subject: &Expr, values: &[&str]) -> Option<Condition> {
    match subject {
        Expr::Column(column) => match (table.column(&column.name)?.origin, values) {
            (Origin::Hex("trace_id"), [value]) => {
                // Only the form that the column shows equals it as text.
                let id = TraceId::parse(value).filter(|id| id.to_string() == *value)?;
                Some(Condition::Trace(id))
            }
            (
                Origin::OfSeries(
                    field @ (SeriesField::Name
                    | SeriesField::Unit
                    | SeriesField::Kind
                    | SeriesField::Temporality
                    | SeriesField::Service),
                ),
                _,
            ) => {
                let values = values.iter().map(|value| (*value).to_owned()).collect();
                Some(Condition::Test(Test::Series { field, values }))
            }
            _ => None,
        },
        Expr::ScalarFunction(call) if call.func.name() == ATTR => {
            let [Expr::Column(column), key] = call.args.as_slice() else { return None };
            let key = text_of(key)?.to_owned();
            let values = values.iter().map(|value| (*value).to_owned()).collect();
            Some(Condition::Test(match table.column(&column.name)?.origin {
                Origin::Attributes(column) => Test::Attribute { column, key, values },
                Origin::Resource => Test::Attribute { column: "resource", key, values },
                Origin::OfSeries(field @ (SeriesField::Attributes | SeriesField::Resource)) => {
                    Test::SeriesAttribute { field, key, values }
                }
                _ => return None,
            }))
        }
        _ => None,
    }
}

/// A range outside of which no row passes `filter`.
fn implied_range(table: SqlTable, filter: &Expr) -> TimeRange {
    if let Some(Condition::Time(range)) = condition(table, filter) {
        return range;
    }
    match filter {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => {
            intersect(implied_range(table, left), implied_range(table, right))
        }
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
            hull(implied_range(table, left), implied_range(table, right))
        }
        _ => TimeRange::ALL,
    }
}

/// A range outside of which no row passes a filter that is learned while the query runs: `ORDER BY time DESC LIMIT 100`
/// tells the scan the hundredth time it has seen. `time_column` is the name in the scan's schema.
pub(crate) fn learned_range(time_column: &str, filter: &Arc<dyn PhysicalExpr>) -> TimeRange {
    if let Some(dynamic) = filter.downcast_ref::<DynamicFilterPhysicalExpr>() {
        return dynamic.current().map_or(TimeRange::ALL, |filter| learned_range(time_column, &filter));
    }
    let is_time = |it: &Arc<dyn PhysicalExpr>| it.downcast_ref::<Column>().is_some_and(|it| it.name() == time_column);
    if let Some(is_null) = filter.downcast_ref::<IsNullExpr>()
        && is_time(is_null.arg())
    {
        return NEVER; // the time column has no nulls
    }
    let Some(binary) = filter.downcast_ref::<PhysicalBinaryExpr>() else { return TimeRange::ALL };
    match binary.op() {
        Operator::And => {
            intersect(learned_range(time_column, binary.left()), learned_range(time_column, binary.right()))
        }
        Operator::Or => hull(learned_range(time_column, binary.left()), learned_range(time_column, binary.right())),
        operator if is_time(binary.left()) => binary
            .right()
            .downcast_ref::<Literal>()
            .and_then(|literal| range_of(*operator, time_of(literal.value())?))
            .unwrap_or(TimeRange::ALL),
        _ => TimeRange::ALL,
    }
}

/// As `EXPLAIN` shows it.
impl fmt::Display for Conditions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use crate::table::build::rfc3339;
        if self.range.start != TimeRange::ALL.start {
            write!(f, ", from={}", rfc3339(self.range.start))?;
        }
        if self.range.end != TimeRange::ALL.end {
            write!(f, ", until={}", rfc3339(self.range.end))?;
        }
        if let Some(id) = self.trace_id {
            write!(f, ", trace_id={id}")?;
        }
        for test in &self.tests {
            match test {
                Test::Attribute { column, key, values } => write!(f, ", {column}[{key:?}] in {values:?}")?,
                Test::Series { field, values } => write!(f, ", series {field:?} in {values:?}")?,
                Test::SeriesAttribute { field, key, values } => write!(f, ", series {field:?}[{key:?}] in {values:?}")?,
            }
        }
        Ok(())
    }
}
