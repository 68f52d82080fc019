//! Orders the spans of a trace as a tree, whatever the senders said: parents that are missing, shared or circular.
//!
//! Nothing here recurses: a trace may be as deep as it is long.

use std::hash::{BuildHasher, Hash};

use hashbrown::{HashMap, HashSet};
use model::{Nanos, Span, SpanId, SpanKind};

/// What the tree is built from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    pub(super) id: SpanId,
    pub(super) parent: Option<SpanId>,
    pub(super) start: Nanos,
    pub(super) kind: SpanKind,
}

/// A node's place in depth-first order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Placed {
    /// Index of the node as given.
    pub(super) node: usize,
    pub(super) depth: usize,
    /// Index in the depth-first order.
    pub(super) parent: Option<usize>,
    pub(super) n_descendants: usize,
    pub(super) shared_id: bool,
    pub(super) cycle: bool,
}

/// Every node once, in depth-first order; siblings, roots and orphans by start, then by id.
///
/// When several nodes share an id, children go to the server among them (a client and its server that share an id, as
/// Zipkin's libraries send them), else to the earliest; and the server goes below the others of its id.
pub(super) fn order(nodes: &[Node]) -> Vec<Placed> {
    let ids = Ids::new(nodes);
    let parents: Vec<Option<usize>> = (0..nodes.len()).map(|index| ids.parent_of(index, nodes)).collect();
    let mut by_start: Vec<usize> = (0..nodes.len()).collect();
    by_start.sort_by_key(|&index| (nodes[index].start, nodes[index].id));
    let children = Children::new(&parents, &by_start);
    let mut tops = by_start;
    tops.retain(|&index| parents[index].is_none());
    let cut = cut_cycles(nodes, &parents, &children, &tops);
    if !cut.is_empty() {
        tops.extend(cut.iter().copied());
        tops.sort_unstable_by_key(|&index| (nodes[index].start, nodes[index].id, index));
    }
    let is_cut = |node: usize| !cut.is_empty() && cut.contains(&node);

    let mut placed: Vec<Placed> = Vec::with_capacity(nodes.len());
    let mut stack: Vec<(usize, usize, Option<usize>)> = tops.iter().rev().map(|&top| (top, 0, None)).collect();
    while let Some((node, depth, parent)) = stack.pop() {
        let at = placed.len();
        let shared_id = ids.of(node).n_nodes > 1;
        placed.push(Placed { node, depth, parent, n_descendants: 0, shared_id, cycle: is_cut(node) });
        let below = children.of(node).iter().rev().filter(|child| !is_cut(**child));
        stack.extend(below.map(|&child| (child, depth + 1, Some(at))));
    }
    for at in (0..placed.len()).rev() {
        if let Some(parent) = placed[at].parent {
            placed[parent].n_descendants += placed[at].n_descendants + 1;
        }
    }
    placed
}

/// Which nodes have which id.
struct Ids {
    known: HashMap<SpanId, usize>,
    /// By id, and by node the index of its id.
    same: Vec<Same>,
    of: Vec<usize>,
}

/// The nodes with one id, as far as it matters who is whose parent.
struct Same {
    n_nodes: usize,
    /// Who gets the children, and who would without the first.
    first: usize,
    second: Option<usize>,
    /// The earliest client.
    client: Option<usize>,
}

impl Ids {
    fn new(nodes: &[Node]) -> Self {
        let mut known: HashMap<SpanId, usize> = HashMap::with_capacity(nodes.len());
        let mut same: Vec<Same> = Vec::with_capacity(nodes.len());
        let mut of = Vec::with_capacity(nodes.len());
        let rank = |index: usize| (nodes[index].kind != SpanKind::Server, nodes[index].start, index);
        for (index, node) in nodes.iter().enumerate() {
            let number = *known.entry(node.id).or_insert(same.len());
            of.push(number);
            let client = (node.kind == SpanKind::Client).then_some(index);
            let Some(others) = same.get_mut(number) else {
                same.push(Same { n_nodes: 1, first: index, second: None, client });
                continue;
            };
            others.n_nodes += 1;
            if rank(index) < rank(others.first) {
                others.second = Some(std::mem::replace(&mut others.first, index));
            } else if others.second.is_none_or(|second| rank(index) < rank(second)) {
                others.second = Some(index);
            }
            others.client = [others.client, client].into_iter().flatten().min_by_key(|&client| rank(client));
        }
        Ids { known, same, of }
    }

    /// Those with the id of `node`.
    fn of(&self, node: usize) -> &Same {
        &self.same[self.of[node]]
    }

    fn parent_of(&self, index: usize, nodes: &[Node]) -> Option<usize> {
        if let (SpanKind::Server, Some(client)) = (nodes[index].kind, self.of(index).client) {
            return Some(client);
        }
        let same = &self.same[*self.known.get(&nodes[index].parent?)?];
        // A node that names itself is its own parent only when nobody else has the id.
        if same.first == index { Some(same.second.unwrap_or(index)) } else { Some(same.first) }
    }
}

/// The children of each node, in one list.
struct Children {
    /// By node where its own begin.
    begins: Vec<usize>,
    list: Vec<usize>,
}

impl Children {
    /// Those of each node in the order that they have in `nodes`.
    fn new(parents: &[Option<usize>], nodes: &[usize]) -> Self {
        let mut begins = vec![0; parents.len() + 1];
        parents.iter().flatten().for_each(|&parent| begins[parent + 1] += 1);
        for node in 1..begins.len() {
            begins[node] += begins[node - 1];
        }
        let mut next = begins.clone();
        let mut list = vec![0; begins[parents.len()]];
        for &node in nodes {
            if let Some(parent) = parents[node] {
                list[next[parent]] = node;
                next[parent] += 1;
            }
        }
        Children { begins, list }
    }

    fn of(&self, node: usize) -> &[usize] {
        &self.list[self.begins[node]..self.begins[node + 1]]
    }
}

/// Of each circle of parents, the earliest node: made a top of its own, it opens the circle.
fn cut_cycles(nodes: &[Node], parents: &[Option<usize>], children: &Children, tops: &[usize]) -> HashSet<usize> {
    let mut reached = vec![false; nodes.len()];
    let mut stack = tops.to_vec();
    let mut cut = HashSet::new();
    let mut next = 0;
    loop {
        while let Some(node) = stack.pop() {
            if !std::mem::replace(&mut reached[node], true) {
                stack.extend(children.of(node));
            }
        }
        while next < nodes.len() && reached[next] {
            next += 1;
        }
        if next == nodes.len() {
            return cut;
        }
        // What no top reaches hangs below a circle; going up as many steps as there are nodes ends in it.
        let start = circle_above(next, parents);
        let mut earliest = start;
        let mut node = start;
        while let Some(parent) = parents[node].filter(|&parent| parent != start) {
            node = parent;
            if (nodes[node].start, nodes[node].id) < (nodes[earliest].start, nodes[earliest].id) {
                earliest = node;
            }
        }
        cut.insert(earliest);
        stack.push(earliest);
    }
}

/// A node of the circle that `node` hangs below, by Floyd's two speeds.
fn circle_above(node: usize, parents: &[Option<usize>]) -> usize {
    let up = |node: usize| parents[node].unwrap_or(node);
    let (mut slow, mut fast) = (up(node), up(up(node)));
    while slow != fast {
        slow = up(slow);
        fast = up(up(fast));
    }
    slow
}

/// Tells a span that arrived twice from two spans that share an id.
#[derive(Default)]
pub(super) struct Distinct {
    seen: HashSet<u64>,
    hasher: hashbrown::DefaultHashBuilder,
    n_duplicates: usize,
}

impl Distinct {
    /// Whether `span` is not one seen before: the same id, parent, service, name, kind, times and status.
    pub(super) fn insert(&mut self, span: &Span<'_>) -> bool {
        let what = (span.service, span.name, span.kind, span.status);
        self.insert_key(&(span.span_id, span.parent_span_id, span.start, span.duration, what))
    }

    /// As [`Distinct::insert`], of a span that is told by `key`.
    pub(super) fn insert_key(&mut self, key: &impl Hash) -> bool {
        let new = self.seen.insert(self.hasher.hash_one(key));
        self.n_duplicates += usize::from(!new);
        new
    }

    pub(super) fn n_duplicates(&self) -> usize {
        self.n_duplicates
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A node as (id, parent, start).
    type Short = (u8, u8, Nanos);

    fn shape(nodes: &[Short]) -> String {
        let id = |number: u8| SpanId([0, 0, 0, 0, 0, 0, 0, number]);
        let nodes: Vec<Node> = nodes
            .iter()
            .map(|&(span, parent, start)| Node {
                id: id(span),
                parent: (parent > 0).then(|| id(parent)),
                start,
                kind: SpanKind::Internal,
            })
            .collect();
        let order = order(&nodes);
        assert_eq!(order.len(), nodes.len(), "every node is placed once");
        order
            .iter()
            .map(|at| {
                let mark = if at.cycle { "!" } else { "" };
                format!("{}{}{mark}+{}", ".".repeat(at.depth), nodes[at.node].id.0[7], at.n_descendants)
            })
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn places_every_shape_of_tree() {
        let cases: [(&[Short], &str); 9] = [
            (&[(1, 0, 0)], "1+0"),
            (&[(3, 1, 20), (1, 0, 0), (2, 1, 10), (4, 2, 11)], "1+3 .2+1 ..4+0 .3+0"),
            // An orphan stands beside the root, in order of time.
            (&[(1, 0, 5), (2, 9, 1), (3, 9, 8)], "2+0 1+0 3+0"),
            (&[(1, 0, 5), (2, 0, 1)], "2+0 1+0"),
            // A span that names itself.
            (&[(1, 1, 0), (2, 1, 1)], "1!+1 .2+0"),
            // A circle of two beside a root, and of three with a tail, opened at the earliest.
            (&[(1, 0, 0), (2, 3, 2), (3, 2, 1)], "1+0 3!+1 .2+0"),
            (&[(1, 3, 3), (2, 1, 1), (3, 2, 2), (4, 3, 9)], "2!+3 .3+2 ..1+0 ..4+0"),
            // Two different spans with one id: the child goes to the earlier.
            (&[(1, 0, 1), (1, 0, 0), (2, 1, 5)], "1+1 .2+0 1+0"),
            (&[], ""),
        ];
        for (nodes, expected) in cases {
            assert_eq!(shape(nodes), expected, "{nodes:?}");
        }
    }

    #[test]
    fn a_server_that_shares_its_clients_id_goes_below_it() {
        let node = |id: u8, parent: Option<u8>, start, kind| Node {
            id: SpanId([id; 8]),
            parent: parent.map(|parent| SpanId([parent; 8])),
            start,
            kind,
        };
        let nodes = [
            node(1, None, 0, SpanKind::Server),
            node(2, Some(1), 1, SpanKind::Client),
            node(2, Some(1), 2, SpanKind::Server),
            node(3, Some(2), 3, SpanKind::Internal),
        ];
        let placed: Vec<_> = order(&nodes).iter().map(|at| (at.node, at.depth, at.shared_id)).collect();
        assert_eq!(placed, [(0, 0, false), (1, 1, true), (2, 2, true), (3, 3, false)]);
    }

    #[test]
    fn a_chain_of_a_hundred_thousand_spans_does_not_recurse() {
        let id = |number: u64| SpanId((number + 1).to_be_bytes());
        let nodes: Vec<Node> = (0..100_000u64)
            .map(|number| Node {
                id: id(number),
                parent: (number > 0).then(|| id(number - 1)),
                start: 0,
                kind: SpanKind::Internal,
            })
            .collect();
        let placed = order(&nodes);
        assert_eq!((placed.len(), placed[0].n_descendants), (100_000, 99_999));
        assert_eq!(placed.last().map(|at| at.depth), Some(99_999));
    }
}
