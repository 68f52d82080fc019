//! Traces like another, and the one that stands for them.

use model::time::HOUR;
use model::{Nanos, TimeRange};
use store::Snapshot;

use crate::{Budget, QueryError};

use super::{Trace, TraceHits, TraceSearch, TraceSummary, search};

/// Traces among which the typical one is, and how far from the other they start.
const OF_TRACES: usize = 200;
const WITHIN: Nanos = 6 * HOUR;

/// The newest 200 traces, but for `of` itself, whose root has the service and the name of its root and that start within six
/// hours of it; the shortest first.
pub fn alike(snapshot: &Snapshot, budget: &Budget, of: &Trace) -> Result<TraceHits, QueryError> {
    let root = of.span(of.root());
    let around = TimeRange::new(of.start.saturating_sub(WITHIN), of.start.saturating_add(WITHIN));
    let wanted = TraceSearch {
        query: "NOT parent_span_id:*".to_owned(),
        service: Some(root.service.to_owned()),
        operation: Some(root.name.to_owned()),
        limit: OF_TRACES + 1,
        ..TraceSearch::new(around)
    };
    let mut found = search(snapshot, budget, &wanted)?;
    found.traces.retain(|it| it.trace_id != of.trace_id);
    found.traces.truncate(OF_TRACES);
    found.traces.sort_by_key(|it| (it.duration, it.trace_id));
    Ok(found)
}

/// The one of middle duration, of traces that come by duration.
pub fn typical(traces: &[TraceSummary]) -> Option<&TraceSummary> {
    traces.get(traces.len() / 2)
}
