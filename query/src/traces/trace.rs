//! A whole trace: its spans in the order of the tree, with what is odd about them.

use model::span::{Events, Links};
use model::{Nanos, Span, SpanId, SpanKind, TimeRange, TraceId};
use store::{Order, Scan, Snapshot, SpanChunk};

use crate::lang::SpanFilter;
use crate::{Budget, QueryError, Warnings};

use super::assemble::assemble;

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
    /// The distinct names of spans.
    pub names: Vec<String>,
    pub notes: Vec<TraceNote>,
    pub warnings: Vec<String>,
    /// What the spans borrow from.
    pub(super) chunks: Vec<SpanChunk>,
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
    /// Index in [`Trace::names`].
    pub name: usize,
    pub kind: SpanKind,
    /// The span names a parent that has not arrived.
    pub missing_parent: bool,
    /// Another, different span of the trace has the same id.
    pub shared_id: bool,
    /// The parents of this span form a circle; it was cut here.
    pub cycle: bool,
    /// By how much the span starts before its parent, which clocks that differ bring about; else 0.
    pub before_parent: Nanos,
    pub(super) chunk: usize,
    pub(super) row: usize,
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

    /// As of [`Trace::span`], without its other columns, as the two below.
    pub fn parent_span_id(&self, index: usize) -> Option<SpanId> {
        let at = &self.spans[index];
        self.chunks[at.chunk].parent_span_id(at.row)
    }

    pub fn events(&self, index: usize) -> Events<'_> {
        let at = &self.spans[index];
        self.chunks[at.chunk].events(at.row)
    }

    pub fn links(&self, index: usize) -> Links<'_> {
        let at = &self.spans[index];
        self.chunks[at.chunk].links(at.row)
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

/// What of the spans of a trace is read. The rest reads as empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Parts {
    /// What [`Trace`] and [`TraceSpan`] tell without [`Trace::span`], and of that the columns that these are made of.
    Tree,
    /// Attributes, events and links too, but nothing of resources and scopes.
    Own,
    #[default]
    All,
}

impl Parts {
    fn columns(self) -> Option<&'static [&'static str]> {
        match self {
            Parts::Tree => Some(&OWN[..N_TREE]),
            Parts::Own => Some(OWN),
            Parts::All => None,
        }
    }
}

/// Those of the tree come first.
const N_TREE: usize = 9;
const OWN: &[&str] = &[
    "trace_id",
    "span_id",
    "parent_span_id",
    "service",
    "name",
    "kind",
    "start_time",
    "duration",
    "status",
    "attributes",
    "events",
    "links",
];

/// The trace with `id`, from all time, or `None` when no span of it is stored.
pub fn trace(snapshot: &Snapshot, budget: &Budget, id: TraceId) -> Result<Option<Trace>, QueryError> {
    trace_in(snapshot, budget, id, Parts::All)
}

/// As [`trace`], with no more than `parts` of its spans.
pub fn trace_in(snapshot: &Snapshot, budget: &Budget, id: TraceId, parts: Parts) -> Result<Option<Trace>, QueryError> {
    let mut warnings = Warnings::new();
    let mut chunks: Vec<SpanChunk> = Vec::new();
    let mut n_spans = 0;
    let scan = Scan { columns: parts.columns(), ..Scan::new(TimeRange::ALL).order(Order::OldestFirst).trace(id) };
    for chunk in snapshot.spans(scan) {
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
