//! Which spans of a trace that has been read a query selects.

use hashbrown::HashSet;
use model::{Nanos, SpanId};
use store::Snapshot;

use crate::lang::{Plan, SpanTerms};
use crate::{Budget, QueryError, Warnings};

use super::Trace;
use super::sets::{each_trace, joined};

/// For each span of [`Trace::spans`], whether `query`, in the search language, selects it.
pub fn matching(snapshot: &Snapshot, budget: &Budget, trace: &Trace, query: &str) -> Result<Vec<bool>, QueryError> {
    let plan = Plan::search(&SpanTerms { query, ..SpanTerms::default() })?;
    if let Some(filter) = plan.single() {
        return Ok(trace.matching(filter));
    }
    let mut selected: HashSet<(SpanId, Nanos)> = HashSet::new();
    let mut warnings = Warnings::new();
    let read = each_trace(snapshot, budget, &plan, &[trace.trace_id], false, &mut warnings, |whole, sets| {
        let spans = joined(&sets).into_iter().map(|index| whole.span(index as usize));
        selected.extend(spans.map(|span| (span.span_id, span.start)));
    })?;
    if !read {
        return Err(QueryError::Timeout);
    }
    Ok(trace.spans.iter().map(|span| selected.contains(&(span.span_id, span.start))).collect())
}
