//! The rows of the waterfall: the spans of a trace, and what stands for several of them. Every step takes time by the
//! number of spans, and nothing recurses.

mod folds;
mod gaps;
mod payload;
mod scale;

pub(crate) use payload::{MAX_MARKS, payload};
pub(crate) use scale::Scale;

use hashbrown::HashMap;
use model::{Nanos, SpanId};
use query::traces::Trace;

use self::folds::siblings;

/// What a row shows; numbers as in the payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    Span = 0,
    /// Equal spans without children below the same parent, which are the rows below.
    Fold = 1,
    /// A span that has not arrived, and that the spans below name as their parent.
    Missing = 2,
}

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) kind: Kind,
    /// Index in [`Trace::spans`]: of a fold the first of its spans, of a missing parent its first child.
    pub(crate) span: usize,
    /// Index of the row above.
    pub(crate) parent: Option<usize>,
    pub(crate) depth: usize,
    /// How many rows are below; they follow directly. Of the first rows alone only those of a fold are counted.
    pub(crate) n_below: usize,
    /// Of a row that stands for several spans: from the first start to the last end.
    pub(crate) start: Nanos,
    pub(crate) end: Nanos,
}

/// All rows of a trace in the order of the tree.
pub(crate) struct Waterfall<'a> {
    pub(crate) trace: &'a Trace,
    pub(crate) rows: Vec<Row>,
    /// By span: its row.
    row_of: Vec<usize>,
    /// The rows that are folds, with the spans in each.
    folds: Vec<(usize, Vec<usize>)>,
}

impl<'a> Waterfall<'a> {
    pub(crate) fn new(trace: &'a Trace) -> Self {
        let mut rows = Rows { trace, rows: Vec::with_capacity(trace.spans.len()), folds: Vec::new() };
        rows.fill(usize::MAX, true);
        let Rows { mut rows, folds, .. } = rows;
        count_below(&mut rows);
        let mut row_of = vec![0; trace.spans.len()];
        for (index, row) in rows.iter().enumerate().filter(|(_, row)| row.kind == Kind::Span) {
            row_of[row.span] = index;
        }
        Waterfall { trace, rows, row_of, folds }
    }

    /// The rows of the spans that `wanted` tells, in their order.
    pub(crate) fn rows_of(&self, wanted: &[bool]) -> Vec<usize> {
        let spans = self.rows.iter().enumerate().filter(|(_, row)| row.kind == Kind::Span && wanted[row.span]);
        spans.map(|(index, _)| index).collect()
    }
}

/// The `n` rows that are shown first, without those below a fold; takes time by what is above and beside them, not by all
/// spans.
pub(crate) fn first_rows(trace: &Trace, n: usize) -> Vec<Row> {
    let mut rows = Rows { trace, rows: Vec::new(), folds: Vec::new() };
    rows.fill(n, false);
    rows.rows
}

/// Rows while they are made.
struct Rows<'a> {
    trace: &'a Trace,
    rows: Vec<Row>,
    folds: Vec<(usize, Vec<usize>)>,
}

/// What becomes a row, and the row above it.
struct Pending {
    sibling: Sibling,
    parent: Option<usize>,
}

/// What stands below a parent.
enum Sibling {
    Span(usize),
    /// Spans that are folded.
    Fold(Vec<usize>),
    /// Spans that name the same missing parent.
    Missing(Vec<usize>),
}

impl Rows<'_> {
    /// Adds rows in the order of the tree until there are `limit`; those below folds only if `folded`.
    fn fill(&mut self, limit: usize, folded: bool) {
        let mut pending = Vec::new();
        push(&mut pending, tops(self.trace), None);
        while let Some(Pending { sibling, parent }) = pending.pop() {
            if self.rows.len() >= limit {
                return;
            }
            match sibling {
                Sibling::Span(span) => {
                    let row = self.push(Kind::Span, &[span], parent);
                    if self.trace.spans[span].n_descendants > 0 {
                        push(&mut pending, siblings(self.trace, self.trace.children(span)), Some(row));
                    }
                }
                Sibling::Fold(members) => {
                    let row = self.push(Kind::Fold, &members, parent);
                    self.rows[row].n_below = members.len();
                    if folded {
                        members.iter().for_each(|&member| {
                            self.push(Kind::Span, &[member], Some(row));
                        });
                        self.folds.push((row, members));
                    }
                }
                Sibling::Missing(orphans) => {
                    let row = self.push(Kind::Missing, &orphans, parent);
                    push(&mut pending, siblings(self.trace, orphans.into_iter()), Some(row));
                }
            }
        }
    }

    fn push(&mut self, kind: Kind, spans: &[usize], parent: Option<usize>) -> usize {
        let at = |&span: &usize| &self.trace.spans[span];
        let start = spans.iter().map(|span| at(span).start).min().unwrap_or_default();
        let end = spans.iter().map(|span| at(span).end()).max().unwrap_or_default();
        let depth = parent.map_or(0, |parent| self.rows[parent].depth + 1);
        self.rows.push(Row { kind, span: spans[0], parent, depth, n_below: 0, start, end });
        self.rows.len() - 1
    }
}

/// Puts `siblings` on the stack `pending`, the first on top.
fn push(pending: &mut Vec<Pending>, siblings: Vec<Sibling>, parent: Option<usize>) {
    pending.extend(siblings.into_iter().rev().map(|sibling| Pending { sibling, parent }));
}

fn count_below(rows: &mut [Row]) {
    rows.iter_mut().for_each(|row| row.n_below = 0);
    for row in (0..rows.len()).rev() {
        if let Some(parent) = rows[row].parent {
            rows[parent].n_below += rows[row].n_below + 1;
        }
    }
}

/// The roots, and the missing parents where the first that names each is.
fn tops(trace: &Trace) -> Vec<Sibling> {
    let mut tops = Vec::new();
    let mut known: HashMap<SpanId, usize> = HashMap::new();
    for top in trace.roots() {
        let missing = trace.parent_span_id(top).filter(|_| trace.spans[top].missing_parent);
        let place = missing.map(|parent| *known.entry(parent).or_insert(tops.len()));
        match place.and_then(|place| tops.get_mut(place)) {
            Some(Sibling::Missing(orphans)) => orphans.push(top),
            _ if missing.is_some() => tops.push(Sibling::Missing(vec![top])),
            _ => tops.push(Sibling::Span(top)),
        }
    }
    tops
}
