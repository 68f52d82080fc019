//! The spans of a trace, or of many, by their paths.

use hashbrown::HashMap;
use model::{Nanos, SpanId, SpanKind, TraceId};
use query::traces::Trace;

use crate::critical_path::critical_path;

/// What spans have in common that are one node below the same parent.
pub(super) type Key<'a> = (&'a str, &'a str, SpanKind);

/// The spans of one path in one trace; of many traces, the median of those that have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Side {
    pub(crate) n_spans: usize,
    pub(crate) n_errors: usize,
    /// Sum of their durations.
    pub(crate) total: Nanos,
    /// Of many traces: between which two the middle half of these sums is.
    pub(crate) middle: (Nanos, Nanos),
    /// What they had of the critical path: by so much the trace could be shorter at best. Nothing in traces that do not have
    /// the path, which count here.
    pub(crate) critical: Nanos,
    /// Start of the first and end of the last, after the start of the trace.
    pub(crate) first: Nanos,
    pub(crate) last: Nanos,
    /// The first of them.
    pub(crate) example: (TraceId, SpanId),
    /// In how many traces the path is, and in how many of these a span of it failed.
    pub(crate) n_traces: usize,
    pub(crate) n_failing: usize,
}

/// Paths, a parent before its children.
pub(crate) struct Tree<'a> {
    pub(super) nodes: Vec<Node<'a>>,
    /// Those without a parent.
    pub(super) tops: Vec<usize>,
}

pub(super) struct Node<'a> {
    pub(super) key: Key<'a>,
    pub(super) children: Vec<usize>,
    pub(super) side: Side,
}

impl<'a> Tree<'a> {
    /// The paths of `traces`, of which there is at least one.
    pub(crate) fn new(traces: &'a [Trace]) -> Self {
        let mut draft = Draft::default();
        traces.iter().for_each(|trace| draft.add(trace));
        let side = |sides: &[Side]| if traces.len() == 1 { sides[0] } else { median(sides, traces.len()) };
        let nodes = draft.nodes.into_iter().zip(&draft.sides);
        let nodes = nodes.map(|((key, children), sides)| Node { key, children, side: side(sides) });
        Tree { nodes: nodes.collect(), tops: draft.tops }
    }
}

/// Paths while traces are added.
#[derive(Default)]
struct Draft<'a> {
    nodes: Vec<(Key<'a>, Vec<usize>)>,
    /// By node: what each trace has of it.
    sides: Vec<Vec<Side>>,
    tops: Vec<usize>,
    known: HashMap<(Option<usize>, Key<'a>), usize>,
}

impl<'a> Draft<'a> {
    fn add(&mut self, trace: &'a Trace) {
        let mut critical = vec![0i64; trace.spans.len()];
        for segment in critical_path(trace) {
            critical[segment.span] = critical[segment.span].saturating_add(segment.end.saturating_sub(segment.start));
        }
        // By span its node, and the nodes that this trace has.
        let mut node_of: Vec<usize> = Vec::with_capacity(trace.spans.len());
        let mut here: HashMap<usize, Side> = HashMap::new();
        for (index, span) in trace.spans.iter().enumerate() {
            let key = (trace.services[span.service].service.as_str(), trace.names[span.name].as_str(), span.kind);
            let node = self.node(span.parent.map(|parent| node_of[parent]), key);
            let (first, last) = (span.start.saturating_sub(trace.start), span.end().saturating_sub(trace.start));
            let side = here.entry(node).or_insert(Side {
                n_spans: 0,
                n_errors: 0,
                total: 0,
                middle: (0, 0),
                critical: 0,
                first,
                last,
                example: (trace.trace_id, span.span_id),
                n_traces: 1,
                n_failing: 0,
            });
            side.n_spans += 1;
            side.n_errors += usize::from(span.is_error);
            side.n_failing = usize::from(side.n_errors > 0);
            side.total = side.total.saturating_add(span.duration);
            side.middle = (side.total, side.total);
            side.critical = side.critical.saturating_add(critical[index]);
            side.first = side.first.min(first);
            side.last = side.last.max(last);
            node_of.push(node);
        }
        here.into_iter().for_each(|(node, side)| self.sides[node].push(side));
    }

    fn node(&mut self, parent: Option<usize>, key: Key<'a>) -> usize {
        if let Some(&node) = self.known.get(&(parent, key)) {
            return node;
        }
        let node = self.nodes.len();
        self.known.insert((parent, key), node);
        self.nodes.push((key, Vec::new()));
        self.sides.push(Vec::new());
        match parent {
            Some(parent) => self.nodes[parent].1.push(node),
            None => self.tops.push(node),
        }
        node
    }
}

/// The side that stands for `sides`, one of each of those `of_traces` traces that have the path.
fn median(sides: &[Side], of_traces: usize) -> Side {
    let quantile = |quarters: usize, value: fn(&Side) -> i64| {
        let mut values: Vec<i64> = sides.iter().map(value).collect();
        values.sort_unstable();
        values[(values.len() - 1) * quarters / 4]
    };
    let mut critical: Vec<Nanos> = sides.iter().map(|side| side.critical).collect();
    critical.resize(of_traces, 0);
    critical.sort_unstable();
    let total = |side: &Side| side.total;
    Side {
        n_spans: quantile(2, |side| side.n_spans as i64) as usize,
        n_errors: quantile(2, |side| side.n_errors as i64) as usize,
        total: quantile(2, total),
        middle: (quantile(1, total), quantile(3, total)),
        critical: critical[(of_traces - 1) / 2],
        first: quantile(2, |side| side.first),
        last: quantile(2, |side| side.last),
        example: sides[0].example,
        n_traces: sides.len(),
        n_failing: sides.iter().filter(|side| side.n_failing > 0).count(),
    }
}
