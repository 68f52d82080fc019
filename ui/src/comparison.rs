//! What is different between two traces: their spans by path, which is who did what below what, in one tree, each with what it
//! took of the critical path in either.
//!
//! Equal siblings are one node. A span between that only one trace has, such as a proxy, is passed over: what is below it is
//! held against what the other trace has in its place. Takes time by the number of spans, and nothing recurses.

use hashbrown::{HashMap, HashSet};
use model::{Nanos, SpanKind};
use query::traces::Trace;

use crate::critical_path::critical_path;

/// What spans have in common that are one node below the same parent.
type Key<'a> = (&'a str, &'a str, SpanKind);

/// The spans of one path in one trace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Side {
    pub(crate) n_spans: usize,
    pub(crate) n_errors: usize,
    /// Sum of their durations.
    pub(crate) total: Nanos,
    /// What they had of the critical path: by so much the trace could be shorter at best.
    pub(crate) critical: Nanos,
    /// Start of the first, after that of the trace.
    pub(crate) first: Nanos,
}

/// A path that is in at least one of the two traces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Path<'a> {
    pub(crate) service: &'a str,
    pub(crate) name: &'a str,
    pub(crate) depth: usize,
    pub(crate) a: Option<Side>,
    pub(crate) b: Option<Side>,
}

impl Path<'_> {
    /// By how much `b` waited longer here than `a`.
    pub(crate) fn difference(&self) -> Nanos {
        let critical = |side: Option<Side>| side.map_or(0, |side| side.critical);
        critical(self.b).saturating_sub(critical(self.a))
    }
}

/// The paths of both traces, a parent before its children.
pub(crate) fn compare<'a>(a: &'a Trace, b: &'a Trace) -> Vec<Path<'a>> {
    let (a, b) = (Tree::new(a), Tree::new(b));
    let mut paths = Vec::new();
    let mut pending = vec![Pair { a: None, b: None, below_a: a.tops.clone(), below_b: b.tops.clone(), depth: 0 }];
    while let Some(pair) = pending.pop() {
        let node = pair.a.map(|at| &a.nodes[at]).or_else(|| pair.b.map(|at| &b.nodes[at]));
        let mut depth = 0;
        if let Some(Node { key: (service, name, _), .. }) = node {
            let side = |tree: &Tree<'_>, at: Option<usize>| at.map(|at| tree.nodes[at].side);
            let (of_a, of_b) = (side(&a, pair.a), side(&b, pair.b));
            paths.push(Path { service, name, depth: pair.depth, a: of_a, b: of_b });
            depth = pair.depth + 1;
        }
        let mut below = pairs(&a, &b, &pair.below_a, &pair.below_b, depth);
        let first = |pair: &Pair| {
            let of_a = pair.a.map(|at| a.nodes[at].side.first);
            let of_b = pair.b.map(|at| b.nodes[at].side.first);
            of_b.or(of_a)
        };
        below.sort_by_key(|pair| std::cmp::Reverse(first(pair)));
        pending.extend(below);
    }
    paths
}

/// Nodes that are held against each other, and those below them.
struct Pair {
    a: Option<usize>,
    b: Option<usize>,
    below_a: Vec<usize>,
    below_b: Vec<usize>,
    depth: usize,
}

/// Pairs up siblings: first equal ones, then those that one trace has a span above.
fn pairs(a: &Tree<'_>, b: &Tree<'_>, of_a: &[usize], of_b: &[usize], depth: usize) -> Vec<Pair> {
    let in_b: HashMap<Key<'_>, usize> = of_b.iter().map(|&at| (b.nodes[at].key, at)).collect();
    let in_a: HashSet<Key<'_>> = of_a.iter().map(|&at| a.nodes[at].key).collect();
    let mut pairs = Vec::new();
    let mut only_a: Vec<usize> = Vec::new();
    for &at in of_a {
        match in_b.get(&a.nodes[at].key) {
            Some(&other) => pairs.push(Pair {
                a: Some(at),
                b: Some(other),
                below_a: a.nodes[at].children.clone(),
                below_b: b.nodes[other].children.clone(),
                depth,
            }),
            None => only_a.push(at),
        }
    }
    let mut only_b: Vec<usize> = of_b.iter().copied().filter(|&at| !in_a.contains(&b.nodes[at].key)).collect();
    only_b.retain(|&at| {
        let below_a = take_equal(a, &mut only_a, b, at);
        if below_a.is_empty() {
            return true;
        }
        pairs.push(Pair { a: None, b: Some(at), below_a, below_b: b.nodes[at].children.clone(), depth });
        false
    });
    only_a.retain(|&at| {
        let below_b = take_equal(b, &mut only_b, a, at);
        if below_b.is_empty() {
            return true;
        }
        pairs.push(Pair { a: Some(at), b: None, below_a: a.nodes[at].children.clone(), below_b, depth });
        false
    });
    let none = Vec::new;
    pairs.extend(only_a.iter().map(|&at| Pair {
        a: Some(at),
        b: None,
        below_a: a.nodes[at].children.clone(),
        below_b: none(),
        depth,
    }));
    pairs.extend(only_b.iter().map(|&at| Pair {
        a: None,
        b: Some(at),
        below_a: none(),
        below_b: b.nodes[at].children.clone(),
        depth,
    }));
    pairs
}

/// Takes out of `rest` those nodes of `tree` that are equal to a child of the node `at` of `other`.
fn take_equal(tree: &Tree<'_>, rest: &mut Vec<usize>, other: &Tree<'_>, at: usize) -> Vec<usize> {
    if rest.is_empty() {
        return Vec::new();
    }
    let keys: HashSet<Key<'_>> = other.nodes[at].children.iter().map(|&child| other.nodes[child].key).collect();
    let (taken, left) = rest.drain(..).partition(|&node| keys.contains(&tree.nodes[node].key));
    *rest = left;
    taken
}

/// The spans of a trace by their paths.
struct Tree<'a> {
    nodes: Vec<Node<'a>>,
    /// Those without a parent.
    tops: Vec<usize>,
}

struct Node<'a> {
    key: Key<'a>,
    children: Vec<usize>,
    side: Side,
}

impl<'a> Tree<'a> {
    fn new(trace: &'a Trace) -> Self {
        let mut critical = vec![0i64; trace.spans.len()];
        for segment in critical_path(trace) {
            critical[segment.span] = critical[segment.span].saturating_add(segment.end.saturating_sub(segment.start));
        }
        let mut tree = Tree { nodes: Vec::new(), tops: Vec::new() };
        let mut known: HashMap<(Option<usize>, Key<'a>), usize> = HashMap::new();
        let mut node_of: Vec<usize> = Vec::with_capacity(trace.spans.len());
        // A parent comes before its children.
        for (index, place) in trace.spans.iter().enumerate() {
            let span = trace.span(index);
            let (parent, key) = (place.parent.map(|parent| node_of[parent]), (span.service, span.name, span.kind));
            let at = *known.entry((parent, key)).or_insert_with(|| {
                let first = place.start.saturating_sub(trace.start);
                tree.nodes.push(Node { key, children: Vec::new(), side: Side { first, ..Side::default() } });
                let at = tree.nodes.len() - 1;
                match parent {
                    Some(parent) => tree.nodes[parent].children.push(at),
                    None => tree.tops.push(at),
                }
                at
            });
            let side = &mut tree.nodes[at].side;
            side.n_spans += 1;
            side.n_errors += usize::from(place.is_error);
            side.total = side.total.saturating_add(place.duration);
            side.critical = side.critical.saturating_add(critical[index]);
            node_of.push(at);
        }
        tree
    }
}
