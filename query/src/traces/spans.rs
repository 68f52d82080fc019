//! Search for single spans: each that matches in a row of its own.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use hashbrown::HashSet;
use model::{Nanos, Span, SpanKind, TimeRange, TraceId};
use store::{Scan, Snapshot};

use crate::lang::{Plan, SpanFilter};
use crate::{Budget, QueryError, Warnings};

use super::each::{Found, each_span};
use super::search::{MAX_LIMIT, plan};
use super::summary::MatchedSpan;
use super::tree::Distinct;
use super::{TraceOrder, TraceSearch};

/// A span in a list.
#[derive(Clone, Debug, PartialEq)]
pub struct SpanHit {
    pub trace_id: TraceId,
    pub span: MatchedSpan,
    pub kind: SpanKind,
    pub status_message: String,
    pub is_root: bool,
}

/// What a search for spans found.
#[derive(Clone, Debug, Default)]
pub struct SpanHits {
    pub spans: Vec<SpanHit>,
    /// Matching spans seen; all of them unless `truncated`.
    pub n_spans: u64,
    /// Whether the range was not searched to its end, so that more spans may match.
    pub truncated: bool,
    /// What is missing, and why.
    pub warnings: Vec<String>,
    /// What the writer of the query may have meant otherwise.
    pub notes: Vec<String>,
}

/// What a span is ranked by, its start, its trace and its duration.
type Rank = (i64, Nanos, TraceId, Nanos);

/// The first `search.limit` spans that match, among all that do: the newest, with [`TraceOrder::Slowest`] the longest, with
/// [`TraceOrder::MostErrors`] the failed ones first. Of a query about several spans those that it selects.
pub fn spans(snapshot: &Snapshot, budget: &Budget, search: &TraceSearch) -> Result<SpanHits, QueryError> {
    let plan = plan(search)?;
    let limit = search.limit.min(MAX_LIMIT);
    let mut warnings = Warnings::new();
    if search.limit > MAX_LIMIT {
        warnings.push(format!("the limit is at most {MAX_LIMIT} spans"));
    }
    // The worst of the best so far is on top.
    let mut best: BinaryHeap<Reverse<Rank>> = BinaryHeap::with_capacity(limit + 1);
    let mut n_spans = 0;
    let by_time = matches!(search.order, TraceOrder::Newest | TraceOrder::MostSpans);
    let complete = each_span(snapshot, budget, &plan, search.range, &mut warnings, |found, bound| {
        if let Found::Span { trace_id, start, duration, is_error } = found {
            n_spans += 1;
            let rank = match search.order {
                TraceOrder::Newest | TraceOrder::MostSpans => start,
                TraceOrder::Slowest => duration,
                TraceOrder::MostErrors => is_error.into(),
            };
            let rank = Reverse((rank, start, trace_id, duration));
            if best.len() < limit {
                best.push(rank);
            } else if best.peek().is_some_and(|worst| rank < *worst) {
                best.pop();
                best.push(rank);
            }
        }
        // No span to come is newer than the last of them.
        let last = best.peek().map(|worst| worst.0.1);
        by_time && best.len() >= limit && bound.is_some_and(|bound| last.is_none_or(|last| bound < last))
    })?;
    let ranks: Vec<Rank> = best.into_sorted_vec().into_iter().map(|Reverse(rank)| rank).collect();
    let spans = read(snapshot, budget, &plan, search.range, &ranks, &mut warnings)?;
    let notes = plan.notes().to_vec();
    Ok(SpanHits { spans, n_spans, truncated: !complete, warnings: warnings.into_texts(), notes })
}

/// The spans of `ranks` in that order.
fn read(
    snapshot: &Snapshot,
    budget: &Budget,
    plan: &Plan,
    range: TimeRange,
    ranks: &[Rank],
    warnings: &mut Warnings,
) -> Result<Vec<SpanHit>, QueryError> {
    let wanted: HashSet<(TraceId, Nanos, Nanos)> = ranks.iter().map(|rank| (rank.2, rank.1, rank.3)).collect();
    let all = SpanFilter::all();
    let filter = plan.single().unwrap_or(&all);
    let mut distinct = Distinct::default();
    let mut hits: Vec<SpanHit> = Vec::with_capacity(ranks.len());
    let scan = Scan::new(range).traces(ranks.iter().map(|rank| rank.2));
    for chunk in snapshot.spans(filter.with_columns(scan)) {
        // A limited number of spans is bounded work: a search whose time is up still shows what it found.
        budget.is_out_of_time()?;
        match chunk {
            Ok(chunk) => {
                let mut bound = filter.bind(&chunk);
                for row in (0..chunk.len()).filter(|&row| bound.matches(row)) {
                    let span = chunk.row(row);
                    if wanted.contains(&(span.trace_id, span.start, span.duration)) && distinct.insert(&span) {
                        hits.push(SpanHit::of(&span));
                    }
                }
            }
            Err(error) => warnings.unreadable(&error),
        }
    }
    let places: hashbrown::HashMap<(TraceId, Nanos, Nanos), usize> =
        ranks.iter().enumerate().map(|(place, rank)| ((rank.2, rank.1, rank.3), place)).collect();
    hits.sort_by_key(|hit| (places.get(&(hit.trace_id, hit.span.start, hit.span.duration)).copied(), hit.span.span_id));
    hits.truncate(ranks.len());
    Ok(hits)
}

impl SpanHit {
    fn of(span: &Span<'_>) -> Self {
        SpanHit {
            trace_id: span.trace_id,
            span: MatchedSpan::of(span),
            kind: span.kind,
            status_message: span.status_message.to_owned(),
            is_root: span.parent_span_id.is_none(),
        }
    }
}
