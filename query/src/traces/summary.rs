//! What a list shows of a trace, read from all of its spans.

use hashbrown::HashMap;
use model::{Nanos, Span, SpanId, TimeRange, TraceId};
use store::{Order, Scan, Snapshot, SpanChunk};

use crate::lang::{FieldValue, SpanFilter};
use crate::{Budget, QueryError, Warnings};

use super::assemble::ServiceIndex;
use super::trace::ServiceSpans;
use super::tree::Distinct;

/// How many matching spans a summary lists.
const MAX_MATCHED: usize = 3;

/// A trace in a list.
#[derive(Clone, Debug, PartialEq)]
pub struct TraceSummary {
    pub trace_id: TraceId,
    /// The service and name of the span without a parent (the earliest of several); of the earliest span when there is
    /// none, and then `root_missing`.
    pub root_service: String,
    pub root_name: String,
    pub root_missing: bool,
    /// Start of the earliest span.
    pub start: Nanos,
    /// To the end of the span that ends last.
    pub duration: Nanos,
    pub n_spans: usize,
    pub n_errors: usize,
    /// In order of their first span.
    pub services: Vec<ServiceSpans>,
    /// The earliest span with an error.
    pub first_error: Option<MatchedSpan>,
    /// Spans that match the search and start in its range; of a query about several spans, those that it selects.
    pub n_matched: usize,
    /// The earliest few of them.
    pub matched: Vec<MatchedSpan>,
    /// What a query about several spans selected: one set, but where it groups.
    pub sets: Vec<FoundSet>,
}

/// Spans of a trace that a query selected together.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundSet {
    /// What they were grouped by, as written.
    pub labels: Vec<(String, FieldValue<'static>)>,
    pub n_spans: usize,
    /// The earliest of them.
    pub spans: Vec<FoundSpan>,
}

/// A span with the fields that the query wants to see.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundSpan {
    pub span: MatchedSpan,
    pub values: Vec<(String, FieldValue<'static>)>,
}

/// A span of a trace in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MatchedSpan {
    pub span_id: SpanId,
    pub service: String,
    pub name: String,
    pub start: Nanos,
    pub duration: Nanos,
    pub is_error: bool,
}

impl MatchedSpan {
    pub(super) fn of(span: &Span<'_>) -> Self {
        MatchedSpan {
            span_id: span.span_id,
            service: span.service.to_owned(),
            name: span.name.to_owned(),
            start: span.start,
            duration: span.duration,
            is_error: span.is_error(),
        }
    }
}

/// Traces read in one pass: their spans come interleaved, and of each trace what was seen is kept until the pass ends.
const TRACES_AT_ONCE: usize = 200;

/// The summaries of the traces `ids` in that order, without those of which no span is stored. `filter` and `range` say
/// which spans count as matched; every span of a trace counts for the rest.
pub(super) fn summaries(
    snapshot: &Snapshot,
    budget: &Budget,
    ids: &[TraceId],
    filter: &SpanFilter,
    range: TimeRange,
    warnings: &mut Warnings,
) -> Result<Vec<TraceSummary>, QueryError> {
    let mut summaries = Vec::with_capacity(ids.len());
    for ids in ids.chunks(TRACES_AT_ONCE) {
        let mut drafts: HashMap<TraceId, Draft> = HashMap::new();
        let scan = Scan::new(TimeRange::ALL).order(Order::OldestFirst).traces(ids.iter().copied());
        for chunk in snapshot.spans(filter.with_columns(scan)) {
            // A limited number of traces is bounded work: a search whose time is up still shows what it found.
            budget.is_out_of_time()?;
            match chunk {
                Ok(chunk) => add(&chunk, filter, range, &mut drafts),
                Err(error) => warnings.unreadable(&error),
            }
        }
        summaries.extend(ids.iter().filter_map(|id| drafts.remove(id)?.finish(*id)));
    }
    Ok(summaries)
}

fn add(chunk: &SpanChunk, filter: &SpanFilter, range: TimeRange, drafts: &mut HashMap<TraceId, Draft>) {
    let mut bound = filter.bind(chunk);
    for row in 0..chunk.len() {
        let span = chunk.row(row);
        let draft = drafts.entry(span.trace_id).or_default();
        draft.add(&span, range.contains(span.start) && bound.matches(row));
    }
}

/// A summary while its spans come in.
#[derive(Default)]
pub(super) struct Draft {
    distinct: Distinct,
    services: ServiceIndex,
    /// Whether it is an orphan, its start, service and name.
    root: Option<(bool, Nanos, SpanId, String, String)>,
    times: Option<(Nanos, Nanos)>,
    n_spans: usize,
    n_errors: usize,
    first_error: Option<MatchedSpan>,
    n_matched: usize,
    matched: Vec<MatchedSpan>,
}

impl Draft {
    pub(super) fn add(&mut self, span: &Span<'_>, matches: bool) {
        if !self.distinct.insert(span) {
            return;
        }
        self.n_spans += 1;
        self.n_errors += usize::from(span.is_error());
        self.services.count(span.service, span.is_error());
        let (start, end) = self.times.unwrap_or((span.start, span.end()));
        self.times = Some((start.min(span.start), end.max(span.end())));
        let rank = (span.parent_span_id.is_some(), span.start, span.span_id);
        if self.root.as_ref().is_none_or(|root| rank < (root.0, root.1, root.2)) {
            self.root = Some((rank.0, rank.1, rank.2, span.service.to_owned(), span.name.to_owned()));
        }
        if span.is_error() && self.first_error.as_ref().is_none_or(|first| precedes(span, first)) {
            self.first_error = Some(MatchedSpan::of(span));
        }
        if matches {
            self.n_matched += 1;
            let place = self.matched.partition_point(|other| !precedes(span, other));
            if place < MAX_MATCHED {
                self.matched.insert(place, MatchedSpan::of(span));
                self.matched.truncate(MAX_MATCHED);
            }
        }
    }

    pub(super) fn finish(self, trace_id: TraceId) -> Option<TraceSummary> {
        let (root_missing, _, _, root_service, root_name) = self.root?;
        let (start, end) = self.times?;
        Some(TraceSummary {
            trace_id,
            root_service,
            root_name,
            root_missing,
            start,
            duration: end.saturating_sub(start),
            n_spans: self.n_spans,
            n_errors: self.n_errors,
            services: self.services.into_counts(),
            first_error: self.first_error,
            n_matched: self.n_matched,
            matched: self.matched,
            sets: Vec::new(),
        })
    }
}

fn precedes(span: &Span<'_>, other: &MatchedSpan) -> bool {
    (span.start, span.span_id) < (other.start, other.span_id)
}
