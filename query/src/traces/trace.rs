//! A whole trace: its spans in the order of the tree, with what is odd about them.

use model::{Nanos, Span, SpanId, TimeRange, TraceId};
use store::{Order, Scan, Snapshot, SpanChunk};

use crate::lang::SpanFilter;
use crate::{Budget, QueryError, Warnings};

use super::tree::{self, Node};

/// How many spans of one trace are read. Beyond it a trace is cut and says so.
const MAX_SPANS: usize = 1_000_000;

/// A trace. Spans are in depth-first order: a parent before its children, children by start.
pub struct Trace {
    pub trace_id: TraceId,
    pub spans: Vec<TraceSpan>,
    /// Start of the earliest span.
    pub start: Nanos,
    /// End of the span that ends last.
    pub end: Nanos,
    pub n_errors: usize,
    /// The services, in order of their first span in the tree.
    pub services: Vec<ServiceSpans>,
    pub notes: Vec<TraceNote>,
    pub warnings: Vec<String>,
    /// What the spans borrow from.
    chunks: Vec<SpanChunk>,
}

/// How many spans of a trace are of one service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceSpans {
    pub service: String,
    pub n_spans: usize,
    pub n_errors: usize,
}

/// A span's place in its trace. The span itself is [`Trace::span`].
#[derive(Clone, Debug)]
pub struct TraceSpan {
    pub span_id: SpanId,
    /// 0 for roots and orphans.
    pub depth: usize,
    /// Index in [`Trace::spans`].
    pub parent: Option<usize>,
    /// Number of spans below; they follow this one directly.
    pub n_descendants: usize,
    pub start: Nanos,
    pub duration: Nanos,
    pub is_error: bool,
    /// Index in [`Trace::services`].
    pub service: usize,
    /// The span names a parent that has not arrived.
    pub missing_parent: bool,
    /// Another, different span of the trace has the same id.
    pub shared_id: bool,
    /// The parents of this span form a circle; it was cut here.
    pub cycle: bool,
    /// By how much the span starts before its parent, which clocks that differ bring about; else 0.
    pub before_parent: Nanos,
    chunk: usize,
    row: usize,
}

impl TraceSpan {
    pub fn end(&self) -> Nanos {
        self.start.saturating_add(self.duration)
    }
}

/// Something odd about a trace as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TraceNote {
    /// Spans name parents that have not arrived: lost, not sampled, or still on their way.
    MissingParents { n_spans: usize },
    /// More than one span has no parent.
    SeveralRoots { n_roots: usize },
    /// Spans that arrived more than once, shown once.
    Duplicates { n_spans: usize },
    /// Different spans with the same id.
    SharedIds { n_spans: usize },
    /// Circles of parents.
    Cycles { n_cycles: usize },
    /// Spans that start before their parents: clocks differ by at least `largest`.
    ClockSkew { n_spans: usize, largest: Nanos },
    /// Only the first `limit` spans read are here.
    Cut { limit: usize },
}

impl Trace {
    /// The span at `index` of [`Trace::spans`], with all its columns. Panics when there is none.
    pub fn span(&self, index: usize) -> Span<'_> {
        let at = &self.spans[index];
        self.chunks[at.chunk].row(at.row)
    }

    /// The span that stands for the trace: the earliest without a parent, else the earliest whose parent is missing.
    pub fn root(&self) -> usize {
        let tops = self.roots();
        tops.min_by_key(|&index| {
            let span = &self.spans[index];
            (span.missing_parent || span.cycle, span.start)
        })
        .unwrap_or(0)
    }

    /// Roots and orphans, as indices of [`Trace::spans`].
    pub fn roots(&self) -> impl Iterator<Item = usize> + '_ {
        self.siblings(0, self.spans.len())
    }

    /// The spans directly below the one at `index`.
    pub fn children(&self, index: usize) -> impl Iterator<Item = usize> + '_ {
        self.siblings(index + 1, index + 1 + self.spans[index].n_descendants)
    }

    fn siblings(&self, first: usize, end: usize) -> impl Iterator<Item = usize> + '_ {
        let mut next = first;
        std::iter::from_fn(move || {
            let index = next;
            (index < end).then(|| {
                next = index + 1 + self.spans[index].n_descendants;
                index
            })
        })
    }

    /// From the earliest start to the latest end.
    pub fn duration(&self) -> Nanos {
        self.end.saturating_sub(self.start)
    }

    /// The index of the span with `span_id`; of the first in the tree when several share it.
    pub fn find(&self, span_id: SpanId) -> Option<usize> {
        self.spans.iter().position(|span| span.span_id == span_id)
    }

    /// The index of the span that is, in the tree, the `nth` of those with `span_id`, from 1.
    pub fn find_nth(&self, span_id: SpanId, nth: usize) -> Option<usize> {
        let same = self.spans.iter().enumerate().filter(|(_, span)| span.span_id == span_id);
        same.map(|(index, _)| index).nth(nth.checked_sub(1)?)
    }

    /// For each span of [`Trace::spans`], whether `filter` lets it through.
    pub(super) fn matching(&self, filter: &SpanFilter) -> Vec<bool> {
        let mut bound: Vec<_> = self.chunks.iter().map(|chunk| filter.bind(chunk)).collect();
        self.spans.iter().map(|span| bound[span.chunk].matches(span.row)).collect()
    }
}

/// The trace with `id`, from all time, or `None` when no span of it is stored.
pub fn trace(snapshot: &Snapshot, budget: &Budget, id: TraceId) -> Result<Option<Trace>, QueryError> {
    let mut warnings = Warnings::new();
    let mut chunks: Vec<SpanChunk> = Vec::new();
    let mut n_spans = 0;
    for chunk in snapshot.spans(Scan::new(TimeRange::ALL).order(Order::OldestFirst).trace(id)) {
        budget.check()?;
        match chunk {
            Ok(chunk) => {
                n_spans += chunk.len();
                chunks.push(chunk);
            }
            Err(error) => warnings.unreadable(&error),
        }
        if n_spans >= MAX_SPANS {
            break;
        }
    }
    if n_spans == 0 {
        return if warnings.is_empty() { Ok(None) } else { Err(QueryError::Read(warnings.into_texts())) };
    }
    budget.check()?;
    let mut trace = assemble(id, chunks);
    if n_spans >= MAX_SPANS {
        trace.notes.push(TraceNote::Cut { limit: n_spans });
        warnings.push(format!("the trace has more than {n_spans} spans; the rest is not shown"));
    }
    trace.warnings = warnings.into_texts();
    Ok(Some(trace))
}

/// The trace whose spans are all rows of `chunks`, of which there is at least one.
fn assemble(trace_id: TraceId, chunks: Vec<SpanChunk>) -> Trace {
    let rows = chunks.iter().enumerate().flat_map(|(chunk, it)| (0..it.len()).map(move |row| (chunk, row)));
    let mut distinct = tree::Distinct::default();
    let mut nodes = Vec::new();
    let mut places = Vec::new();
    for (chunk, row) in rows {
        let span = chunks[chunk].row(row);
        if distinct.insert(&span) {
            nodes.push(Node { id: span.span_id, parent: span.parent_span_id, start: span.start, kind: span.kind });
            places.push((chunk, row));
        }
    }
    let order = tree::order(&nodes);
    let mut services = ServiceIndex::default();
    let mut spans = Vec::with_capacity(order.len());
    for at in &order {
        let (chunk, row) = places[at.node];
        let span = chunks[chunk].row(row);
        let before_parent = at.parent.map_or(0, |parent: usize| {
            let parent: &TraceSpan = &spans[parent];
            parent.start.saturating_sub(span.start).max(0)
        });
        spans.push(TraceSpan {
            span_id: span.span_id,
            depth: at.depth,
            parent: at.parent,
            n_descendants: at.n_descendants,
            start: span.start,
            duration: span.duration,
            is_error: span.is_error(),
            service: services.count(span.service, span.is_error()),
            missing_parent: at.parent.is_none() && span.parent_span_id.is_some() && !at.cycle,
            shared_id: at.shared_id,
            cycle: at.cycle,
            before_parent,
            chunk,
            row,
        });
    }
    Trace {
        trace_id,
        start: spans.iter().map(|span| span.start).min().unwrap_or_default(),
        end: spans.iter().map(TraceSpan::end).max().unwrap_or_default(),
        n_errors: spans.iter().filter(|span| span.is_error).count(),
        services: services.into_counts(),
        notes: notes(&spans, distinct.n_duplicates()),
        spans,
        warnings: Vec::new(),
        chunks,
    }
}

fn notes(spans: &[TraceSpan], n_duplicates: usize) -> Vec<TraceNote> {
    let count = |test: fn(&TraceSpan) -> bool| spans.iter().filter(|span| test(span)).count();
    let n_roots = count(|span| span.parent.is_none() && !span.missing_parent && !span.cycle);
    let candidates = [
        (
            count(|span| span.missing_parent),
            (|n_spans| TraceNote::MissingParents { n_spans }) as fn(usize) -> TraceNote,
        ),
        (if n_roots > 1 { n_roots } else { 0 }, |n_roots| TraceNote::SeveralRoots { n_roots }),
        (n_duplicates, |n_spans| TraceNote::Duplicates { n_spans }),
        (count(|span| span.shared_id), |n_spans| TraceNote::SharedIds { n_spans }),
        (count(|span| span.cycle), |n_cycles| TraceNote::Cycles { n_cycles }),
    ];
    let mut notes: Vec<TraceNote> =
        candidates.into_iter().filter(|(count, _)| *count > 0).map(|(count, note)| note(count)).collect();
    let largest = spans.iter().map(|span| span.before_parent).max().unwrap_or_default();
    if largest > 0 {
        notes.push(TraceNote::ClockSkew { n_spans: count(|span| span.before_parent > 0), largest });
    }
    notes
}

/// Counts spans by service, in order of first sight.
#[derive(Default)]
pub(super) struct ServiceIndex {
    counts: Vec<ServiceSpans>,
    by_name: hashbrown::HashMap<String, usize>,
}

impl ServiceIndex {
    /// Counts a span and gives its service's index.
    pub(super) fn count(&mut self, service: &str, is_error: bool) -> usize {
        let index = match self.by_name.get(service) {
            Some(&index) => index,
            None => {
                let index = self.counts.len();
                self.counts.push(ServiceSpans { service: service.to_owned(), n_spans: 0, n_errors: 0 });
                self.by_name.insert(service.to_owned(), index);
                index
            }
        };
        self.counts[index].n_spans += 1;
        self.counts[index].n_errors += usize::from(is_error);
        index
    }

    pub(super) fn into_counts(self) -> Vec<ServiceSpans> {
        self.counts
    }
}
