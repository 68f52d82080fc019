//! The operations of a service: its span names by kind, with rate, errors and duration.

use hashbrown::HashMap;
use model::{SpanKind, StatusCode, TimeRange};
use store::Snapshot;

use crate::{Budget, QueryError, Warnings};

use super::range::Covered;
use super::stats::{Red, RedCounter};
use super::steps_of;

/// How many operations are told apart. Span names with an id in them are a common mistake, and each costs a histogram.
const MAX_OPERATIONS: usize = 2_000;

/// Which operations to list.
#[derive(Clone, Debug)]
pub struct OperationSearch {
    pub service: String,
    /// `None` for every kind.
    pub kind: Option<SpanKind>,
    pub range: TimeRange,
    pub n_buckets: usize,
}

/// The operations of a service.
#[derive(Clone, Debug, Default)]
pub struct OperationList {
    /// By total duration, longest first.
    pub operations: Vec<OperationSummary>,
    /// What is counted, as in [`super::ServiceList`].
    pub range: TimeRange,
    pub warnings: Vec<String>,
}

/// The spans of one service with one name and kind.
#[derive(Clone, Debug, PartialEq)]
pub struct OperationSummary {
    /// [`store::summary::OTHER`] of those that are not told apart.
    pub name: String,
    pub kind: SpanKind,
    pub spans: Red,
}

/// The operations of a service with spans that start in the range.
pub fn operations(snapshot: &Snapshot, budget: &Budget, search: &OperationSearch) -> Result<OperationList, QueryError> {
    let covered = Covered::of(snapshot, search.range, search.n_buckets);
    let steps = steps_of(&covered, search.n_buckets);
    let mut warnings = Warnings::new();
    let mut by_name: HashMap<(String, SpanKind), usize> = HashMap::new();
    let mut drafts: Vec<RedCounter> = Vec::new();
    covered.read_or_warn(snapshot, budget, &mut warnings, |summary, warnings| {
        let of_service: Vec<bool> = summary.services.iter().map(|it| it.name == search.service).collect();
        let wanted = |index: u32| {
            let it = &summary.operations[index as usize];
            of_service[it.service as usize] && search.kind.is_none_or(|kind| kind == it.kind)
        };
        // Of each operation of this summary: its draft, once it was looked up.
        let mut known: Vec<Option<Option<usize>>> = vec![None; summary.operations.len()];
        summary.spans(&covered.wanted(&wanted, &|_| false), |cell| {
            let it = &summary.operations[cell.operation as usize];
            let place = *known[cell.operation as usize].get_or_insert_with(|| {
                let key = (it.name.clone(), it.kind);
                if drafts.len() == MAX_OPERATIONS && !by_name.contains_key(&key) {
                    warnings.push(format!("more than {MAX_OPERATIONS} operations: the rest is not listed"));
                    return None;
                }
                Some(*by_name.entry(key).or_insert_with(|| {
                    drafts.push(RedCounter::default());
                    drafts.len() - 1
                }))
            });
            let Some(place) = place else { return };
            let step = steps.step_of(covered.slots.start(cell.slot));
            drafts[place].add(step, cell.durations, it.status == StatusCode::Error);
        })
    })?;
    let summaries = by_name.into_iter().map(|((name, kind), index)| {
        let spans = std::mem::take(&mut drafts[index]).finish(&steps);
        OperationSummary { name, kind, spans }
    });
    let mut operations: Vec<OperationSummary> = summaries.collect();
    operations.sort_by(|a, b| {
        let key = |it: &OperationSummary| (std::cmp::Reverse(it.spans.total_duration), it.kind as u8);
        key(a).cmp(&key(b)).then_with(|| a.name.cmp(&b.name))
    });
    Ok(OperationList { operations, range: covered.range, warnings: warnings.into_texts() })
}
