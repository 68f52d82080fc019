//! What a list shows of traces that were found by several spans.

use hashbrown::HashMap;
use model::TraceId;
use store::Snapshot;

use crate::lang::{Node, Plan, Stage};
use crate::{Budget, QueryError, Warnings};

use super::super::summary::{Draft, FoundSet, FoundSpan, MatchedSpan, TraceSummary};
use super::eval::{SpanSet, joined, value};
use super::whole::{Whole, each_trace};

/// The summaries of the traces `ids` in that order, without those of which no span is stored. Spans that the plan selects
/// count as matched, wherever they start; each set comes with its earliest `spans_per_set`.
pub(in crate::traces) fn summaries(
    snapshot: &Snapshot,
    budget: &Budget,
    ids: &[TraceId],
    plan: &Plan,
    spans_per_set: usize,
    warnings: &mut Warnings,
) -> Result<Vec<TraceSummary>, QueryError> {
    let mut shown = Vec::new();
    each_shown(&plan.root, &mut shown);
    let mut found: HashMap<TraceId, TraceSummary> = HashMap::new();
    // A limited number of traces is bounded work: a search whose time is up still shows what it found.
    each_trace(snapshot, budget, plan, ids, true, warnings, |whole, sets| {
        let mut draft = Draft::default();
        let mut matched = joined(&sets).into_iter().peekable();
        for index in 0..whole.len() {
            let is_matched = matched.next_if_eq(&(index as u32)).is_some();
            draft.add(&whole.span(index), is_matched);
        }
        if let Some(mut summary) = draft.finish(whole.id) {
            let found_set = |set| found_set(plan, whole, set, &shown, spans_per_set);
            summary.sets = sets.into_iter().filter(|set| !set.spans.is_empty()).map(found_set).collect();
            found.insert(whole.id, summary);
        }
    })?;
    Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
}

fn found_set(plan: &Plan, whole: &Whole<'_>, set: SpanSet, shown: &[&(String, usize)], limit: usize) -> FoundSet {
    let n_spans = set.spans.len();
    let mut spans = set.spans;
    spans.sort_by_cached_key(|&span| {
        let span = whole.span(span as usize);
        (span.start, span.span_id)
    });
    spans.truncate(limit);
    let found = |span: u32| FoundSpan {
        span: MatchedSpan::of(&whole.span(span as usize)),
        values: shown.iter().map(|(name, index)| (name.clone(), value(plan, whole, *index, span))).collect(),
    };
    FoundSet { labels: set.labels, n_spans, spans: spans.into_iter().map(found).collect() }
}

/// What stages of `node` want to be shown with spans.
fn each_shown<'a>(node: &'a Node, shown: &mut Vec<&'a (String, usize)>) {
    match node {
        Node::Leaf(_) => {}
        Node::Not(of) => each_shown(of, shown),
        Node::And(a, b) | Node::Or(a, b) | Node::Related { of: a, to: b, .. } => {
            each_shown(a, shown);
            each_shown(b, shown);
        }
        Node::Pipe(stages) => {
            for stage in stages {
                match stage {
                    Stage::Select(node) => each_shown(node, shown),
                    Stage::Show(values) => shown.extend(values),
                    Stage::Group(..) | Stage::Coalesce | Stage::Filter(_) => {}
                }
            }
        }
    }
}
