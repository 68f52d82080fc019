//! Reads traces whole, and hands each of them over with what a plan selects of it.

use hashbrown::HashMap;
use model::{Nanos, Span, TimeRange, TraceId};
use store::{Order, Scan, Snapshot, SpanChunk};

use crate::lang::{BoundSpans, Plan, SpanFilter, SpanPlace, TraceFacts};
use crate::{Budget, QueryError, Warnings};

use super::super::tree::{self, Distinct, Node};
use super::eval::{Evaluation, SpanSet};

/// Traces read in the first pass: their spans come interleaved, and are kept until the pass ends.
const TRACES_AT_ONCE: usize = 1_000;
/// More spans than this are not kept at once: fewer traces are read then.
const SPANS_AT_ONCE: usize = 200_000;
/// A single trace is cut here.
const MAX_SPANS: usize = 1_000_000;

/// A trace with all of its spans.
pub(in crate::traces) struct Whole<'a> {
    pub(in crate::traces) id: TraceId,
    pub(in crate::traces) start: Nanos,
    pub(in crate::traces) facts: TraceFacts,
    chunks: &'a [SpanChunk],
    /// Where the spans are, in the order of the tree: chunk and row.
    rows: Vec<(usize, usize)>,
}

impl<'a> Whole<'a> {
    pub(in crate::traces) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The span with this index in the tree.
    pub(in crate::traces) fn span(&self, index: usize) -> Span<'a> {
        let (chunk, row) = self.rows[index];
        self.chunks[chunk].row(row)
    }

    pub(in crate::traces) fn row(&self, index: usize) -> (usize, usize) {
        self.rows[index]
    }

    /// The trace of the given rows, none of which is read twice.
    fn new(id: TraceId, chunks: &'a [SpanChunk], found: &[(usize, usize)]) -> Self {
        let mut distinct = Distinct::default();
        let (mut nodes, mut places) = (Vec::with_capacity(found.len()), Vec::with_capacity(found.len()));
        let (mut start, mut end) = (Nanos::MAX, Nanos::MIN);
        let mut root: Option<Span<'_>> = None;
        for &(chunk, row) in found {
            let span = chunks[chunk].row(row);
            if !distinct.insert(&span) {
                continue;
            }
            (start, end) = (start.min(span.start), end.max(span.end()));
            let rank = |span: &Span<'_>| (span.start, span.span_id);
            if span.parent_span_id.is_none() && root.as_ref().is_none_or(|root| rank(&span) < rank(root)) {
                root = Some(span);
            }
            nodes.push(Node { id: span.span_id, parent: span.parent_span_id, start: span.start, kind: span.kind });
            places.push((chunk, row));
        }
        let order = tree::order(&nodes);
        let mut spans: Vec<SpanPlace> = Vec::with_capacity(order.len());
        for at in &order {
            if let Some(parent) = at.parent {
                spans[parent].n_children += 1;
            }
            spans.push(SpanPlace {
                parent: at.parent,
                depth: at.depth,
                n_descendants: at.n_descendants,
                n_children: 0,
                is_orphan: at.parent.is_none() && nodes[at.node].parent.is_some(),
            });
        }
        let (root_service, root_name) = root.map_or(("", ""), |root| (root.service, root.name));
        let facts = TraceFacts {
            root_service: root_service.to_owned(),
            root_name: root_name.to_owned(),
            duration: end.saturating_sub(start),
            spans,
        };
        Whole { id, start, facts, chunks, rows: order.iter().map(|at| places[at.node]).collect() }
    }
}

/// Reads the traces `ids` and hands over each with the sets of spans that `plan` selects of it; none where it does not match.
/// False when the time was up before all were read; with `to_the_end`, they are read all the same.
pub(in crate::traces) fn each_trace(
    snapshot: &Snapshot,
    budget: &Budget,
    plan: &Plan,
    ids: &[TraceId],
    to_the_end: bool,
    warnings: &mut Warnings,
    mut each: impl FnMut(&Whole<'_>, Vec<SpanSet>),
) -> Result<bool, QueryError> {
    let mut rest = ids;
    let mut at_once = TRACES_AT_ONCE;
    while !rest.is_empty() {
        let part = &rest[..rest.len().min(at_once)];
        let limit = if part.len() > 1 { SPANS_AT_ONCE } else { MAX_SPANS };
        let scan = Scan::new(TimeRange::ALL).order(Order::OldestFirst).traces(part.iter().copied());
        let mut chunks: Vec<SpanChunk> = Vec::new();
        let mut n_spans = 0;
        for chunk in snapshot.spans(plan.with_columns(scan)) {
            if budget.is_out_of_time()? && !to_the_end {
                return Ok(false);
            }
            match chunk {
                Ok(chunk) => {
                    n_spans += chunk.len();
                    chunks.push(chunk);
                }
                Err(error) => warnings.unreadable(&error),
            }
            if n_spans > limit {
                break;
            }
        }
        if n_spans > limit && part.len() > 1 {
            at_once = part.len() / 2;
            continue;
        }
        if n_spans > limit {
            warnings.push(format!("a trace has more than {MAX_SPANS} spans; the others are not looked at"));
        }
        hand_over(plan, &chunks, &mut each);
        rest = &rest[part.len()..];
        // Each pass asks every segment: of small traces, many are read in one.
        if n_spans < SPANS_AT_ONCE / 8 {
            at_once = part.len().saturating_mul(4).max(TRACES_AT_ONCE);
        }
    }
    Ok(true)
}

fn hand_over(plan: &Plan, chunks: &[SpanChunk], each: &mut impl FnMut(&Whole<'_>, Vec<SpanSet>)) {
    let mut found: HashMap<TraceId, Vec<(usize, usize)>> = HashMap::new();
    for (number, chunk) in chunks.iter().enumerate() {
        let ids = crate::ids::Ids::of(chunk.batch(), "trace_id");
        for row in 0..chunk.len() {
            if let Some(id) = ids.get(row) {
                found.entry(TraceId(id)).or_default().push((number, row));
            }
        }
    }
    let bind = |chunk| plan.leaves.iter().map(|leaf: &SpanFilter| leaf.bind(chunk)).collect();
    let mut bound: Vec<Vec<BoundSpans<'_>>> = chunks.iter().map(bind).collect();
    for (id, rows) in found {
        let whole = Whole::new(id, chunks, &rows);
        let sets = Evaluation { plan, whole: &whole, bound: &mut bound }.select();
        each(&whole, sets);
    }
}
