//! Log search: newest or oldest first, ending as soon as nothing better can come.

use model::TimeRange;
use store::{LogChunk, Order, Scan, Snapshot};

use crate::lang::{LogFilter, LogTerms};
use crate::{Budget, QueryError, Warnings};

use super::order::First;
use super::{LogHits, LogSearch};

/// More records than this are never returned at once.
const MAX_LIMIT: usize = 100_000;

/// A search, compiled.
pub(super) struct Plan {
    pub(super) filter: LogFilter,
    range: TimeRange,
    order: Order,
}

impl Plan {
    pub(super) fn new(search: &LogSearch) -> Result<Self, QueryError> {
        let terms = LogTerms {
            query: &search.query,
            trace_id: search.trace_id,
            service: search.service.as_deref(),
            min_severity: search.min_severity,
        };
        Ok(Plan { filter: LogFilter::new(&terms)?, range: search.range, order: search.order })
    }

    /// A scan of whole records, to read `limit` of them.
    pub(super) fn scan(&self, limit: usize) -> Scan {
        self.filter.with_hints(Scan::new(self.range).order(self.order)).first(limit)
    }

    /// A scan of what the filter and a count by severity need.
    pub(super) fn counting_scan(&self, range: TimeRange) -> Scan {
        self.filter.with_columns(self.filter.with_hints(Scan::new(range)))
    }
}

/// The first `search.limit` matching records in `search.order`.
pub fn search(snapshot: &Snapshot, budget: &Budget, search: &LogSearch) -> Result<LogHits, QueryError> {
    let plan = Plan::new(search)?;
    let limit = search.limit.min(MAX_LIMIT);
    let mut warnings = Warnings::new();
    if search.limit > MAX_LIMIT {
        warnings.push(format!("the limit is at most {MAX_LIMIT} records"));
    }
    let mut hits = LogHits::default();
    let mut first = First::new(limit, search.order);
    let mut chunks = snapshot.logs(plan.scan(limit));
    loop {
        if limit == first.len() && chunks.bound().is_some_and(|bound| !first.may_take(bound)) {
            hits.truncated = true;
            break;
        }
        if budget.is_out_of_time()? {
            warnings.push("the time limit was reached before the end of the range");
            hits.truncated = true;
            break;
        }
        match chunks.next() {
            Some(Ok(chunk)) => {
                hits.n_scanned += chunk.len() as u64;
                take(&plan.filter, &chunk, search.order, &mut first);
            }
            Some(Err(error)) => warnings.unreadable(&error),
            None => break,
        }
    }
    hits.truncated |= first.has_left_out();
    hits.records = first.into_rows();
    hits.warnings = warnings.into_texts();
    hits.notes = plan.filter.notes().to_vec();
    Ok(hits)
}

/// Offers the matching rows of `chunk`.
fn take(filter: &LogFilter, chunk: &LogChunk, order: Order, first: &mut First) {
    let mut bound = filter.bind(chunk);
    for step in 0..chunk.len() {
        // Chunks are mostly sorted by time: starting at the right end, most rows need no place in the heap.
        let row = match order {
            Order::NewestFirst => chunk.len() - 1 - step,
            Order::OldestFirst => step,
        };
        // Once one is known to be left out, rows without a chance need no look.
        if (!first.has_left_out() || first.may_take(chunk.time(row))) && bound.matches(row) {
            first.offer(&chunk.row(row));
        }
    }
}
