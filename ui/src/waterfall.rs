//! The rows of the waterfall: the spans of a trace, and what stands for several of them. Every step takes time by the
//! number of spans, and nothing recurses.

mod folds;
mod gaps;
mod payload;
mod scale;

pub(crate) use payload::{MAX_MARKS, payload};
pub(crate) use scale::Scale;

use hashbrown::HashMap;
use model::{Nanos, SpanId, SpanKind};
use query::traces::Trace;

use self::folds::Folds;

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
    /// How many rows are below; they follow directly.
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
    folds: Folds,
    facts: Facts<'a>,
}

/// What of each span the rows are made from, read in one pass over the columns.
struct Facts<'a> {
    /// The distinct names.
    names: Vec<&'a str>,
    /// By span: index of its name.
    name: Vec<u32>,
    kind: Vec<SpanKind>,
    /// Spans that have links, and spans that have events.
    linking: Vec<usize>,
    eventful: Vec<usize>,
}

impl<'a> Facts<'a> {
    fn new(trace: &'a Trace) -> Self {
        let n = trace.spans.len();
        let mut known: HashMap<&str, u32> = HashMap::new();
        let mut facts = Facts {
            names: Vec::new(),
            name: Vec::with_capacity(n),
            kind: Vec::with_capacity(n),
            linking: Vec::new(),
            eventful: Vec::new(),
        };
        for index in 0..n {
            let span = trace.span(index);
            let number = *known.entry(span.name).or_insert_with(|| {
                facts.names.push(span.name);
                facts.names.len() as u32 - 1
            });
            facts.name.push(number);
            facts.kind.push(span.kind);
            if !span.links.as_bytes().is_empty() {
                facts.linking.push(index);
            }
            if !span.events.as_bytes().is_empty() {
                facts.eventful.push(index);
            }
        }
        facts
    }
}

impl<'a> Waterfall<'a> {
    pub(crate) fn new(trace: &'a Trace) -> Self {
        let facts = Facts::new(trace);
        let orphans = Orphans::new(trace);
        let folds = Folds::new(trace, &facts, &orphans);
        let mut waterfall = Waterfall {
            trace,
            rows: Vec::with_capacity(trace.spans.len()),
            row_of: vec![0; trace.spans.len()],
            folds,
            facts,
        };
        for top in trace.roots() {
            match orphans.group(top) {
                None => waterfall.subtree(top, None),
                Some(siblings) if siblings[0] == top => {
                    let placeholder = waterfall.push(Kind::Missing, top, None);
                    siblings.iter().for_each(|&orphan| waterfall.subtree(orphan, Some(placeholder)));
                }
                // Placed with the first of them.
                Some(_) => {}
            }
        }
        waterfall.measure();
        waterfall
    }

    /// The rows that are shown first: all but those below a fold.
    pub(crate) fn first(&self) -> impl Iterator<Item = &Row> + '_ {
        let is_folded = |row: &Row| row.parent.is_some_and(|parent| self.rows[parent].kind == Kind::Fold);
        self.rows.iter().filter(move |row| !is_folded(row))
    }

    /// The rows of the spans that `wanted` tells, in their order.
    pub(crate) fn rows_of(&self, wanted: &[bool]) -> Vec<usize> {
        let spans = self.rows.iter().enumerate().filter(|(_, row)| row.kind == Kind::Span && wanted[row.span]);
        spans.map(|(index, _)| index).collect()
    }

    fn subtree(&mut self, top: usize, parent: Option<usize>) {
        for span in top..=top + self.trace.spans[top].n_descendants {
            let above =
                if span == top { parent } else { self.trace.spans[span].parent.map(|parent| self.row_of[parent]) };
            match self.folds.of(span) {
                None => {
                    self.push(Kind::Span, span, above);
                }
                Some(fold) if self.folds.members(fold)[0] == span => {
                    let folded = self.push(Kind::Fold, span, above);
                    for at in 0..self.folds.members(fold).len() {
                        self.push(Kind::Span, self.folds.members(fold)[at], Some(folded));
                    }
                }
                Some(_) => {}
            }
        }
    }

    fn push(&mut self, kind: Kind, span: usize, parent: Option<usize>) -> usize {
        let row = self.rows.len();
        let at = &self.trace.spans[span];
        if kind == Kind::Span {
            self.row_of[span] = row;
        }
        let depth = parent.map_or(0, |parent| self.rows[parent].depth + 1);
        self.rows.push(Row { kind, span, parent, depth, n_below: 0, start: at.start, end: at.end() });
        row
    }

    /// Fills in what is known once all rows are there.
    fn measure(&mut self) {
        for row in (0..self.rows.len()).rev() {
            let Row { parent, n_below, start, end, .. } = self.rows[row];
            let Some(parent) = parent else { continue };
            let above = &mut self.rows[parent];
            above.n_below += n_below + 1;
            if above.kind != Kind::Span {
                above.start = above.start.min(start);
                above.end = above.end.max(end);
            }
        }
    }
}

/// The spans whose parent has not arrived, by the parent that they name.
pub(crate) struct Orphans {
    /// By span that is one: its group.
    of: HashMap<usize, usize>,
    /// Each in the order of the tree.
    groups: Vec<Vec<usize>>,
}

impl Orphans {
    fn new(trace: &Trace) -> Self {
        let mut orphans = Orphans { of: HashMap::new(), groups: Vec::new() };
        let mut known: HashMap<SpanId, usize> = HashMap::new();
        for top in trace.roots().filter(|&top| trace.spans[top].missing_parent) {
            let Some(parent) = trace.span(top).parent_span_id else { continue };
            let group = *known.entry(parent).or_insert(orphans.groups.len());
            if group == orphans.groups.len() {
                orphans.groups.push(Vec::new());
            }
            orphans.groups[group].push(top);
            orphans.of.insert(top, group);
        }
        orphans
    }

    fn number(&self, span: usize) -> Option<usize> {
        self.of.get(&span).copied()
    }

    /// The spans that name the same missing parent as `span`.
    fn group(&self, span: usize) -> Option<&[usize]> {
        Some(&self.groups[self.number(span)?])
    }
}
