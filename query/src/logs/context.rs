//! Records by where they belong: to a trace, or around a moment of a service.

use model::{Nanos, SpanId, TimeRange, TraceId};
use store::{Order, Snapshot};

use crate::{Budget, QueryError};

use super::{LogHits, LogRow, LogSearch, search};

/// The records of trace `id`, oldest first, at most `limit`; those of one span when `span_id` is given.
pub fn of_trace(
    snapshot: &Snapshot,
    budget: &Budget,
    id: TraceId,
    span_id: Option<SpanId>,
    limit: usize,
) -> Result<LogHits, QueryError> {
    let query = span_id.map(|span_id| format!("span_id={span_id}")).unwrap_or_default();
    let all = LogSearch::new(TimeRange::ALL);
    search(snapshot, budget, &LogSearch { query, limit, order: Order::OldestFirst, trace_id: Some(id), ..all })
}

/// The records of a service around a moment.
#[derive(Clone, Debug, Default)]
pub struct LogContext {
    /// Before the moment, oldest first.
    pub before: Vec<LogRow>,
    /// At the moment and after it, oldest first.
    pub after: Vec<LogRow>,
    pub warnings: Vec<String>,
}

/// Up to `n_each` records before and after `time`, of `service` or of all when it is `None`; within `reach` nanoseconds on
/// either side.
pub fn around(
    snapshot: &Snapshot,
    budget: &Budget,
    service: Option<&str>,
    time: Nanos,
    reach: Nanos,
    n_each: usize,
) -> Result<LogContext, QueryError> {
    let side = |range, order| {
        let service = service.map(str::to_owned);
        search(snapshot, budget, &LogSearch { limit: n_each, order, service, ..LogSearch::new(range) })
    };
    let before = side(TimeRange::new(time.saturating_sub(reach), time), Order::NewestFirst)?;
    let after = side(TimeRange::new(time, time.saturating_add(reach)), Order::OldestFirst)?;
    let mut warnings = before.warnings;
    warnings.extend(after.warnings.into_iter().filter(|text| !warnings.contains(text)).collect::<Vec<_>>());
    Ok(LogContext { before: before.records.into_iter().rev().collect(), after: after.records, warnings })
}
