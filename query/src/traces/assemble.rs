//! Makes a trace of its rows.

use arrow::array::{Array, StringArray};
use hashbrown::HashMap;
use model::{Nanos, StatusCode, TraceId};
use store::SpanChunk;

use super::trace::{ServiceSpans, Trace, TraceNote, TraceSpan};
use super::tree::{self, Node};

/// The trace whose spans are all rows of `chunks`, of which there is at least one.
pub(super) fn assemble(trace_id: TraceId, chunks: Vec<SpanChunk>) -> Trace {
    let mut distinct = tree::Distinct::default();
    let (mut services, mut names) = (Words::default(), Words::default());
    let n_rows = chunks.iter().map(SpanChunk::len).sum();
    let (mut nodes, mut rows) = (Vec::with_capacity(n_rows), Vec::with_capacity(n_rows));
    for (number, chunk) in chunks.iter().enumerate() {
        let (mut service_of, mut name_of) = (services.of(chunk.services()), names.of(chunk.names()));
        for row in 0..chunk.len() {
            let node = Node {
                id: chunk.span_id(row),
                parent: chunk.parent_span_id(row),
                start: chunk.start(row),
                kind: chunk.kind(row),
            };
            let (status, duration) = (chunk.status(row), chunk.duration(row));
            let (service, name) = (service_of.number(row), name_of.number(row));
            let key = (node.id, node.parent, node.start, duration, node.kind, status, service, name);
            if distinct.insert_key(&key) {
                nodes.push(node);
                rows.push(Row { chunk: number, row, service, name, duration, is_error: status == StatusCode::Error });
            }
        }
    }
    let mut counts = ServiceIndex::default();
    let mut service_of: Vec<Option<usize>> = vec![None; services.list.len()];
    let mut spans: Vec<TraceSpan> = Vec::with_capacity(nodes.len());
    for at in tree::order(&nodes) {
        let (node, row) = (&nodes[at.node], &rows[at.node]);
        // In order of their first span in the tree.
        let service = *service_of[row.service].get_or_insert_with(|| counts.add(&services.list[row.service]));
        counts.count_at(service, row.is_error);
        let before_parent = at.parent.map_or(0, |parent| spans[parent].start.saturating_sub(node.start).max(0));
        spans.push(TraceSpan {
            span_id: node.id,
            depth: at.depth,
            parent: at.parent,
            n_descendants: at.n_descendants,
            start: node.start,
            duration: row.duration,
            is_error: row.is_error,
            service,
            name: row.name,
            kind: node.kind,
            missing_parent: at.parent.is_none() && node.parent.is_some() && !at.cycle,
            shared_id: at.shared_id,
            cycle: at.cycle,
            before_parent,
            chunk: row.chunk,
            row: row.row,
        });
    }
    Trace {
        trace_id,
        start: spans.iter().map(|span| span.start).min().unwrap_or_default(),
        end: spans.iter().map(TraceSpan::end).max().unwrap_or_default(),
        n_errors: spans.iter().filter(|span| span.is_error).count(),
        services: counts.into_counts(),
        names: names.list,
        notes: notes(&spans, distinct.n_duplicates()),
        spans,
        warnings: Vec::new(),
        chunks,
    }
}

/// What besides its node is kept of a span until its place in the tree is known.
struct Row {
    chunk: usize,
    row: usize,
    service: usize,
    name: usize,
    duration: Nanos,
    is_error: bool,
}

/// Distinct texts of several chunks.
#[derive(Default)]
struct Words {
    list: Vec<String>,
    known: HashMap<String, usize>,
}

impl Words {
    /// Numbers the texts of one chunk, of which `column` has the distinct ones and their keys.
    fn of<'a>(&'a mut self, column: Option<(&'a StringArray, &'a [i32])>) -> ChunkWords<'a> {
        let numbers = vec![None; column.map_or(0, |(texts, _)| texts.len())];
        ChunkWords { words: self, column, numbers }
    }

    fn number(&mut self, text: &str) -> usize {
        if let Some(&number) = self.known.get(text) {
            return number;
        }
        self.known.insert(text.to_owned(), self.list.len());
        self.list.push(text.to_owned());
        self.list.len() - 1
    }
}

/// The texts of one chunk: each is looked up once.
struct ChunkWords<'a> {
    words: &'a mut Words,
    column: Option<(&'a StringArray, &'a [i32])>,
    /// By key.
    numbers: Vec<Option<usize>>,
}

impl ChunkWords<'_> {
    fn number(&mut self, row: usize) -> usize {
        let Some((texts, keys)) = self.column else { return self.words.number("") };
        let key = keys[row] as usize;
        *self.numbers[key].get_or_insert_with(|| self.words.number(texts.value(key)))
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
    by_name: HashMap<String, usize>,
}

impl ServiceIndex {
    /// Counts a span and gives its service's index.
    pub(super) fn count(&mut self, service: &str, is_error: bool) -> usize {
        let index = match self.by_name.get(service) {
            Some(&index) => index,
            None => self.add(service),
        };
        self.count_at(index, is_error);
        index
    }

    /// The index of a service that is not there yet.
    fn add(&mut self, service: &str) -> usize {
        let index = self.counts.len();
        self.counts.push(ServiceSpans { service: service.to_owned(), n_spans: 0, n_errors: 0 });
        self.by_name.insert(service.to_owned(), index);
        index
    }

    fn count_at(&mut self, index: usize, is_error: bool) {
        self.counts[index].n_spans += 1;
        self.counts[index].n_errors += usize::from(is_error);
    }

    pub(super) fn into_counts(self) -> Vec<ServiceSpans> {
        self.counts
    }
}

#[cfg(test)]
mod tests {
    use model::{SpanKind, Value};

    use super::*;
    use crate::Budget;
    use crate::testing::{TestSpan, TestStore, trace_id};
    use crate::traces::{Parts, trace_in};

    #[test]
    fn the_tree_of_a_trace_is_the_same_however_much_of_its_spans_is_read() {
        let store = TestStore::of_spans(&[
            TestSpan::new(7, 1, 10).of("gateway", "GET /", SpanKind::Server).lasting(100).attr("k", Value::Int(1)),
            TestSpan::new(7, 2, 20).below(1).of("shop", "work", SpanKind::Client).attr("k", Value::Int(2)).link(8, 1),
            TestSpan::new(7, 3, 5)
                .below(2)
                .of("shop", "work", SpanKind::Server)
                .failed("declined")
                .resource_attr("r", Value::Int(3)),
            TestSpan::new(7, 4, 40).below(9).of("mail", "send", SpanKind::Internal),
        ]);
        let read = |parts| trace_in(&store.snapshot(), &Budget::unlimited(), trace_id(7), parts).unwrap().unwrap();
        let [tree, own, all] = [Parts::Tree, Parts::Own, Parts::All].map(read);
        let outline = |trace: &Trace| {
            let spans: Vec<_> = (trace.spans.iter().enumerate())
                .map(|(index, it)| {
                    let words = (trace.services[it.service].service.clone(), trace.names[it.name].clone());
                    (words, it.kind, it.start, it.duration, it.is_error, it.before_parent, trace.parent_span_id(index))
                })
                .collect();
            (
                trace.spans.iter().map(|it| it.depth).collect::<Vec<_>>(),
                spans,
                trace.notes.clone(),
                trace.services.clone(),
            )
        };
        assert_eq!(all.spans.iter().map(|it| it.depth).collect::<Vec<_>>(), [0, 1, 2, 0]);
        assert_eq!((outline(&tree), outline(&own)), (outline(&all), outline(&all)));
        let span = |trace: &Trace| {
            let (attrs, links) = (trace.span(1).attrs.get("k").is_some(), trace.links(1).iter().count());
            (attrs, links, trace.span(2).resource.attrs().get("r").is_some())
        };
        assert_eq!([&tree, &own, &all].map(span), [(false, 0, false), (true, 1, false), (true, 1, true)]);
    }
}
