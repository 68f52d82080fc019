//! What is different between two traces, or two groups of them: their spans by path, which is who did what below what, in one
//! tree, each with what it took of the critical path on either side.
//!
//! Equal siblings are one node. A span between that only one side has, such as a proxy, is passed over: what is below it is
//! held against what the other side has in its place. Takes time by the number of spans, and nothing recurses.

mod flame;
mod tree;

pub(crate) use flame::UnionFlame;
pub(crate) use tree::{Side, Tree};

use hashbrown::{HashMap, HashSet};
use model::Nanos;

use self::tree::{Key, Node};

/// A path that is on at least one of the two sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Path<'a> {
    pub(crate) service: &'a str,
    pub(crate) name: &'a str,
    pub(crate) depth: usize,
    /// The index of the path above.
    pub(crate) parent: Option<usize>,
    pub(crate) a: Option<Side>,
    pub(crate) b: Option<Side>,
    pub(crate) change: Change,
    /// Only one side has it, and what is below it is on both.
    pub(crate) is_between: bool,
}

/// What became of a path from A to B, by the sum of its durations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Alike,
    Added,
    Removed,
    Slower,
    Faster,
}

/// A sum of durations has changed when it did by this share of the longer sum, and of the longer trace.
const CHANGED_OF_ITSELF: f64 = 0.05;
const CHANGED_OF_TRACE: f64 = 0.01;

impl Change {
    fn of(a: Option<Side>, b: Option<Side>, longer: Nanos) -> Self {
        let (a, b) = match (a, b) {
            (Some(a), Some(b)) => (a.total, b.total),
            (None, _) => return Change::Added,
            (_, None) => return Change::Removed,
        };
        let difference = b.saturating_sub(a).saturating_abs() as f64;
        if difference < longer as f64 * CHANGED_OF_TRACE || difference < a.max(b) as f64 * CHANGED_OF_ITSELF {
            return Change::Alike;
        }
        match b.cmp(&a) {
            std::cmp::Ordering::Greater => Change::Slower,
            std::cmp::Ordering::Less => Change::Faster,
            std::cmp::Ordering::Equal => Change::Alike,
        }
    }

    /// In one word.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Change::Alike => "alike",
            Change::Added => "added",
            Change::Removed => "removed",
            Change::Slower => "slower",
            Change::Faster => "faster",
        }
    }

    fn after_comma(self) -> &'static str {
        match self {
            Change::Alike => "",
            Change::Added => ", added",
            Change::Removed => ", removed",
            Change::Slower => ", slower",
            Change::Faster => ", faster",
        }
    }
}

impl Path<'_> {
    /// By how much `b` waited longer here than `a`.
    pub(crate) fn difference(&self) -> Nanos {
        let critical = |side: Option<Side>| side.map_or(0, |side| side.critical);
        critical(self.b).saturating_sub(critical(self.a))
    }

    /// What the side takes that takes longer.
    fn longer(&self) -> Nanos {
        [self.a, self.b].into_iter().flatten().map(|side| side.total).max().unwrap_or_default().max(0)
    }
}

/// The paths of both sides, a parent before its children; `longer` is the duration of the longer one.
pub(crate) fn compare<'a>(a: &Tree<'a>, b: &Tree<'a>, longer: Nanos) -> Vec<Path<'a>> {
    let mut paths: Vec<Path<'a>> = Vec::new();
    let mut pending = vec![Pair { a: None, b: None, below_a: a.tops.clone(), below_b: b.tops.clone(), parent: None }];
    while let Some(pair) = pending.pop() {
        let node = pair.a.map(|at| &a.nodes[at]).or_else(|| pair.b.map(|at| &b.nodes[at]));
        let mut parent = None;
        if let Some(Node { key: (service, name, _), .. }) = node {
            let side = |tree: &Tree<'_>, at: Option<usize>| at.map(|at| tree.nodes[at].side);
            let (of_a, of_b) = (side(a, pair.a), side(b, pair.b));
            paths.push(Path {
                service,
                name,
                depth: pair.parent.map_or(0, |parent| paths[parent].depth + 1),
                parent: pair.parent,
                a: of_a,
                b: of_b,
                change: Change::of(of_a, of_b, longer),
                is_between: pair.a.is_some() != pair.b.is_some()
                    && !pair.below_a.is_empty()
                    && !pair.below_b.is_empty(),
            });
            parent = Some(paths.len() - 1);
        }
        let mut below = pairs(a, b, &pair.below_a, &pair.below_b, parent);
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
    /// The index of the path above.
    parent: Option<usize>,
}

/// Pairs up siblings: first equal ones, then those that one trace has a span above.
fn pairs(a: &Tree<'_>, b: &Tree<'_>, of_a: &[usize], of_b: &[usize], parent: Option<usize>) -> Vec<Pair> {
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
                parent,
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
        pairs.push(Pair { a: None, b: Some(at), below_a, below_b: b.nodes[at].children.clone(), parent });
        false
    });
    only_a.retain(|&at| {
        let below_b = take_equal(b, &mut only_b, a, at);
        if below_b.is_empty() {
            return true;
        }
        pairs.push(Pair { a: Some(at), b: None, below_a: a.nodes[at].children.clone(), below_b, parent });
        false
    });
    let none = Vec::new;
    pairs.extend(only_a.iter().map(|&at| Pair {
        a: Some(at),
        b: None,
        below_a: a.nodes[at].children.clone(),
        below_b: none(),
        parent,
    }));
    pairs.extend(only_b.iter().map(|&at| Pair {
        a: None,
        b: Some(at),
        below_a: none(),
        below_b: b.nodes[at].children.clone(),
        parent,
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
