//! Trace search: which traces match, then what each of them is as a whole.

use std::cmp::Reverse;

use store::Snapshot;

use crate::lang::{Plan, SpanTerms};
use crate::{Budget, QueryError, Warnings};

use super::select::{self, Selection};
use super::summary::summaries;
use super::{Language, TraceHits, TraceOrder, TraceSearch, TraceSummary, sets};

/// More traces than this are never returned at once: each is read whole.
pub(super) const MAX_LIMIT: usize = 2_000;

/// The first `search.limit` traces in `search.order` that match.
pub fn search(snapshot: &Snapshot, budget: &Budget, search: &TraceSearch) -> Result<TraceHits, QueryError> {
    let plan = plan(search)?;
    let limit = search.limit.min(MAX_LIMIT);
    let mut warnings = Warnings::new();
    if search.limit > MAX_LIMIT {
        warnings.push(format!("the limit is at most {MAX_LIMIT} traces"));
    }
    let (range, order) = (search.range, search.order);
    // Where one span decides, traces need not be read to be chosen.
    let single = plan.single();
    let Selection { ids, n_traces, n_scanned, truncated } = match (single, order) {
        (Some(filter), TraceOrder::Newest) => select::newest(snapshot, budget, filter, range, limit, &mut warnings)?,
        (Some(filter), _) => select::best(snapshot, budget, filter, range, order, limit, &mut warnings)?,
        (None, TraceOrder::Newest) => sets::select::newest(snapshot, budget, &plan, range, limit, &mut warnings)?,
        (None, _) => sets::select::best(snapshot, budget, &plan, range, order, limit, &mut warnings)?,
    };
    // TraceQL has its sets of spans listed, also where one span decides.
    let mut traces = match single.filter(|_| search.language == Language::Search) {
        Some(filter) => summaries(snapshot, budget, &ids, filter, range, &mut warnings)?,
        None => sets::summary::summaries(snapshot, budget, &ids, &plan, search.spans_per_set, &mut warnings)?,
    };
    sort(&mut traces, order);
    let (warnings, notes) = (warnings.into_texts(), plan.notes().to_vec());
    Ok(TraceHits { traces, n_traces, n_scanned, truncated, warnings, notes })
}

pub(crate) fn plan(search: &TraceSearch) -> Result<Plan, QueryError> {
    let kinds: Vec<_> = search.kind.into_iter().collect();
    let terms = SpanTerms {
        query: &search.query,
        service: search.service.as_deref(),
        operation: search.operation.as_deref(),
        kinds: &kinds,
        status: search.status,
        min_duration: search.min_duration,
        max_duration: search.max_duration,
        attributes: &search.attributes,
    };
    match search.language {
        Language::Search => Plan::search(&terms),
        Language::TraceQl => Plan::traceql(&terms),
    }
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
