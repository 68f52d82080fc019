//! The trace that stands for others like it.

use model::time::HOUR;
use model::{Nanos, TimeRange, TraceId};
use store::Snapshot;

use crate::{Budget, QueryError};

use super::{Trace, TraceSearch, search};

/// Traces among which the typical one is, and how far from the other they start.
const OF_TRACES: usize = 200;
const WITHIN: Nanos = 6 * HOUR;

/// The trace of middle duration among the newest 200, but for `of` itself, whose root has the service and the name of its root and
/// that start within six hours of it; `None` when there is no other.
pub fn typical(snapshot: &Snapshot, budget: &Budget, of: &Trace) -> Result<Option<TraceId>, QueryError> {
    let root = of.span(of.root());
    let around = TimeRange::new(of.start.saturating_sub(WITHIN), of.start.saturating_add(WITHIN));
    let wanted = TraceSearch {
        query: "NOT parent_span_id:*".to_owned(),
        service: Some(root.service.to_owned()),
        operation: Some(root.name.to_owned()),
        limit: OF_TRACES + 1,
        ..TraceSearch::new(around)
    };
    let mut others = search(snapshot, budget, &wanted)?.traces;
    others.retain(|it| it.trace_id != of.trace_id);
    others.sort_by_key(|it| (it.duration, it.trace_id));
    Ok(others.get(others.len() / 2).map(|it| it.trace_id))
}
