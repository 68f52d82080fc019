//! What a plan selects of a trace.

use hashbrown::HashMap;

use crate::lang::{At, BoundSpans, FieldValue, Node, Plan, Row, Stage};

use super::relate::{relate, union};
use super::whole::Whole;

/// Spans of a trace by their index in its tree, ascending.
#[derive(Clone, Debug, Default)]
pub(in crate::traces) struct SpanSet {
    pub(in crate::traces) spans: Vec<u32>,
    /// What they were grouped by.
    pub(in crate::traces) labels: Vec<(String, FieldValue<'static>)>,
}

pub(in crate::traces) struct Evaluation<'e, 'c> {
    pub(in crate::traces) plan: &'e Plan,
    pub(in crate::traces) whole: &'e Whole<'c>,
    /// The leaves of the plan on each chunk.
    pub(in crate::traces) bound: &'e mut [Vec<BoundSpans<'c>>],
}

impl Evaluation<'_, '_> {
    /// The sets of spans that the plan selects; none when the trace does not match.
    pub(in crate::traces) fn select(&mut self) -> Vec<SpanSet> {
        let all = SpanSet { spans: (0..self.whole.len() as u32).collect(), labels: Vec::new() };
        let plan = self.plan;
        self.node(&plan.root, &all)
    }

    /// What `node` selects of `input`. A set without spans says that something is true that no span stands for.
    fn node(&mut self, node: &Node, input: &SpanSet) -> Vec<SpanSet> {
        let with = |spans: Vec<u32>| vec![SpanSet { spans, labels: input.labels.clone() }];
        match node {
            Node::Leaf(leaf) => {
                let spans: Vec<u32> = input.spans.iter().copied().filter(|&span| self.matches(*leaf, span)).collect();
                if spans.is_empty() { Vec::new() } else { with(spans) }
            }
            Node::And(a, b) => {
                let a = self.node(a, input);
                if a.is_empty() {
                    return Vec::new();
                }
                let b = self.node(b, input);
                if b.is_empty() { Vec::new() } else { with(union(&joined(&a), &joined(&b))) }
            }
            Node::Or(a, b) => {
                let (a, b) = (self.node(a, input), self.node(b, input));
                if a.is_empty() && b.is_empty() { Vec::new() } else { with(union(&joined(&a), &joined(&b))) }
            }
            Node::Not(of) => {
                if self.node(of, input).is_empty() {
                    with(Vec::new())
                } else {
                    Vec::new()
                }
            }
            Node::Related { of, relation, to, keep } => {
                let of = joined(&self.node(of, input));
                if of.is_empty() {
                    return Vec::new();
                }
                let to = joined(&self.node(to, input));
                let spans = relate(&self.whole.facts.spans, &of, *relation, &to, *keep);
                if spans.is_empty() { Vec::new() } else { with(spans) }
            }
            Node::Pipe(stages) => {
                let mut sets = vec![input.clone()];
                for stage in stages {
                    sets = self.stage(stage, sets);
                }
                sets
            }
        }
    }

    fn stage(&mut self, stage: &Stage, sets: Vec<SpanSet>) -> Vec<SpanSet> {
        match stage {
            Stage::Select(node) => sets.iter().flat_map(|set| self.node(node, set)).collect(),
            Stage::Group(name, value) => sets.iter().flat_map(|set| self.group(name, *value, set)).collect(),
            Stage::Coalesce if sets.is_empty() => sets,
            Stage::Coalesce => vec![SpanSet { spans: joined(&sets), labels: Vec::new() }],
            Stage::Filter(filter) => {
                let holds = |set: &SpanSet| {
                    let mut value = |index: usize, span: usize| self.value(index, set.spans[span]);
                    let left = filter.left.of(set.spans.len(), &mut value);
                    let right = filter.right.of(set.spans.len(), &mut value);
                    left.operate(filter.operator, &right) == FieldValue::Bool(true)
                };
                sets.into_iter().filter(holds).collect()
            }
            Stage::Show(_) => sets,
        }
    }

    /// One set for each value, in the order in which they come.
    fn group(&self, name: &str, value: usize, set: &SpanSet) -> Vec<SpanSet> {
        let mut groups: Vec<SpanSet> = Vec::new();
        let mut by_value: HashMap<Vec<u8>, usize> = HashMap::new();
        for &span in &set.spans {
            let value = self.value(value, span);
            let mut key = Vec::new();
            value.put_key(&mut key);
            let group = *by_value.entry(key).or_insert_with(|| {
                let mut labels = set.labels.clone();
                labels.push((name.to_owned(), value));
                groups.push(SpanSet { spans: Vec::new(), labels });
                groups.len() - 1
            });
            groups[group].spans.push(span);
        }
        groups
    }

    fn matches(&mut self, leaf: usize, span: u32) -> bool {
        let (chunk, row) = self.whole.row(span as usize);
        let at = At { facts: &self.whole.facts, index: span as usize };
        self.bound[chunk][leaf].matches_at(row, at)
    }

    fn value(&self, index: usize, span: u32) -> FieldValue<'static> {
        value(self.plan, self.whole, index, span)
    }
}

/// The value with the given index in the plan, of one span.
pub(in crate::traces) fn value(plan: &Plan, whole: &Whole<'_>, index: usize, span: u32) -> FieldValue<'static> {
    let at = At { facts: &whole.facts, index: span as usize };
    plan.values[index].eval(&Row { span: whole.span(span as usize), at: Some(at) }).into_owned()
}

/// The spans of all sets.
pub(in crate::traces) fn joined(sets: &[SpanSet]) -> Vec<u32> {
    match sets {
        [set] => set.spans.clone(),
        sets => {
            let mut all: Vec<u32> = sets.iter().flat_map(|set| set.spans.iter().copied()).collect();
            all.sort_unstable();
            all.dedup();
            all
        }
    }
}
