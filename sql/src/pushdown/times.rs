//! Ranges of time that conditions leave.

use std::sync::Arc;

use datafusion::common::ScalarValue;
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::expressions::{BinaryExpr, Column, DynamicFilterPhysicalExpr, IsNullExpr, Literal};
use datafusion::physical_plan::PhysicalExpr;
use model::{Nanos, TimeRange};

/// No time at all.
pub(super) const NEVER: TimeRange = TimeRange { start: Nanos::MAX, end: Nanos::MIN };

pub(super) fn intersect(a: TimeRange, b: TimeRange) -> TimeRange {
    TimeRange::new(a.start.max(b.start), a.end.min(b.end))
}

/// The smallest range that holds both.
pub(super) fn hull(a: TimeRange, b: TimeRange) -> TimeRange {
    if a.is_empty() {
        return b;
    }
    if b.is_empty() {
        return a;
    }
    TimeRange::new(a.start.min(b.start), a.end.max(b.end))
}

/// The times `t` for which `t operator time` holds.
pub(super) fn range_of(operator: Operator, time: Nanos) -> Option<TimeRange> {
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

pub(super) fn time_of(value: &ScalarValue) -> Option<Nanos> {
    match value {
        ScalarValue::TimestampNanosecond(time, _) => *time,
        _ => None,
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
    let Some(binary) = filter.downcast_ref::<BinaryExpr>() else { return TimeRange::ALL };
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
