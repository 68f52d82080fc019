//! Trace search: which traces match, then what each of them is as a whole.

use std::cmp::Reverse;

use store::Snapshot;

use crate::lang::{SpanFilter, SpanTerms};
use crate::{Budget, QueryError, Warnings};

use super::select::{self, Selection};
use super::summary::summaries;
use super::{TraceHits, TraceOrder, TraceSearch, TraceSummary};

/// More traces than this are never returned at once: each is read whole.
const MAX_LIMIT: usize = 2_000;

/// The first `search.limit` traces in `search.order` that have a matching span.
pub fn search(snapshot: &Snapshot, budget: &Budget, search: &TraceSearch) -> Result<TraceHits, QueryError> {
    let filter = filter(search)?;
    let limit = search.limit.min(MAX_LIMIT);
    let mut warnings = Warnings::of(filter.notes());
    if search.limit > MAX_LIMIT {
        warnings.push(format!("the limit is at most {MAX_LIMIT} traces"));
    }
    let Selection { ids, n_traces, n_scanned, truncated } = match search.order {
        TraceOrder::Newest => select::newest(snapshot, budget, &filter, search.range, limit, &mut warnings)?,
        order => select::best(snapshot, budget, &filter, search.range, order, limit, &mut warnings)?,
    };
    let mut traces = summaries(snapshot, budget, &ids, &filter, search.range, &mut warnings)?;
    sort(&mut traces, search.order);
    Ok(TraceHits { traces, n_traces, n_scanned, truncated, warnings: warnings.into_texts() })
}

fn filter(search: &TraceSearch) -> Result<SpanFilter, QueryError> {
    let kinds: Vec<_> = search.kind.into_iter().collect();
    SpanFilter::new(&SpanTerms {
        query: &search.query,
        service: search.service.as_deref(),
        operation: search.operation.as_deref(),
        kinds: &kinds,
        status: search.status,
        min_duration: search.min_duration,
        max_duration: search.max_duration,
        attributes: &search.attributes,
    })
}

fn sort(traces: &mut [TraceSummary], order: TraceOrder) {
    let key = |trace: &TraceSummary| {
        let first = match order {
            TraceOrder::Newest => trace.start,
            TraceOrder::Slowest => trace.duration,
            TraceOrder::MostSpans => trace.n_spans as i64,
            TraceOrder::MostErrors => trace.n_errors as i64,
        };
        (Reverse(first), Reverse(trace.start), trace.trace_id)
    };
    traces.sort_by_key(key);
}
