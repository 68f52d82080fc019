//! The part of a query's conditions that a scan answers itself: times, trace ids, fields and attributes that are equal to
//! something, and series.
//!
//! Most conditions it answers fully. Of others, such as alternatives of different fields, it takes what they imply, and they
//! are applied to the rows that are left.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use datafusion::logical_expr::{BinaryExpr, Expr, Operator, TableProviderFilterPushDown};
use model::{TimeRange, TraceId};
use store::{Filter, Snapshot, StoredSeries};

use crate::table::{SeriesField, SqlTable};

mod condition;
mod test;
mod times;

use condition::{Condition, condition};
use test::Test;
pub(crate) use times::learned_range;
use times::{hull, intersect};

/// What a scan is to leave out.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Conditions {
    pub(crate) range: TimeRange,
    /// Only rows of these, when there are any.
    pub(crate) traces: Option<BTreeSet<TraceId>>,
    tests: Vec<Test>,
}

/// Of each filter whether the scan answers it fully, partly or not at all.
pub(crate) fn support(table: SqlTable, filters: &[&Expr]) -> Vec<TableProviderFilterPushDown> {
    filters
        .iter()
        .map(|filter| match condition(table, filter) {
            Some(_) => TableProviderFilterPushDown::Exact,
            None if Conditions::implied_by(table, filter) != Conditions::none() => TableProviderFilterPushDown::Inexact,
            None => TableProviderFilterPushDown::Unsupported,
        })
        .collect()
}

impl Conditions {
    /// Leaves out nothing.
    fn none() -> Self {
        Conditions { range: TimeRange::ALL, traces: None, tests: Vec::new() }
    }

    pub(crate) fn of(table: SqlTable, filters: &[Expr]) -> Self {
        filters.iter().map(|filter| Self::implied_by(table, filter)).fold(Self::none(), Self::and)
    }

    /// What holds of every row that passes `filter`.
    fn implied_by(table: SqlTable, filter: &Expr) -> Self {
        let all = Self::none();
        match condition(table, filter) {
            Some(Condition::Time(range)) => return Conditions { range, ..all },
            Some(Condition::Traces(ids)) => return Conditions { traces: Some(ids), ..all },
            Some(Condition::Test(test)) => return Conditions { tests: vec![test], ..all },
            None => {}
        }
        match filter {
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => {
                Self::implied_by(table, left).and(Self::implied_by(table, right))
            }
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
                Self::implied_by(table, left).or(&Self::implied_by(table, right))
            }
            _ => all,
        }
    }

    fn and(mut self, other: Self) -> Self {
        for test in other.tests {
            if !self.tests.iter_mut().any(|known| known.narrow(&test)) {
                self.tests.push(test);
            }
        }
        let traces = match (self.traces, other.traces) {
            (Some(one), Some(other)) => Some(&one & &other),
            (one, other) => one.or(other),
        };
        Conditions { range: intersect(self.range, other.range), traces, tests: self.tests }
    }

    fn or(self, other: &Self) -> Self {
        let either = |test: Test| other.tests.iter().find_map(|other| test.clone().or(other));
        Conditions {
            range: hull(self.range, other.range),
            traces: self.traces.zip(other.traces.as_ref()).map(|(one, other)| &one | other),
            tests: self.tests.into_iter().filter_map(either).collect(),
        }
    }

    /// The tests of rows, for the store. Those that cost least to ask come first.
    pub(crate) fn filters(&self) -> Vec<Filter> {
        let mut filters: Vec<Filter> = self.tests.iter().filter_map(Test::filter).collect();
        filters.sort_by_key(|filter| match filter {
            Filter::Number { .. } => 0,
            Filter::Text { .. } => 1,
            Filter::Attribute(_) => 2,
        });
        filters
    }

    /// The series that pass all tests of series; `None` when there is no such test.
    pub(crate) fn series(&self, snapshot: &Snapshot) -> Option<Vec<Arc<StoredSeries>>> {
        let tests: Vec<&Test> = self.tests.iter().filter(|test| test.is_of_series()).collect();
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
        if let Some(ids) = &self.traces {
            let ids: Vec<String> = ids.iter().map(TraceId::to_string).collect();
            match ids.as_slice() {
                [id] => write!(f, ", trace_id={id}")?,
                ids => write!(f, ", trace_id in [{}]", ids.join(", "))?,
            }
        }
        self.tests.iter().try_for_each(|test| write!(f, ", {test}"))
    }
}
