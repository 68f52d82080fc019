//! The operations of a service: its span names by kind, with rate, errors and duration.

use arrow::array::Array;
use hashbrown::HashMap;
use model::{Nanos, SpanKind, TimeRange};
use store::{Filter, Scan, Snapshot, Texts};

use crate::steps::Steps;
use crate::{Budget, QueryError, Warnings};

use super::stats::{Red, RedCounter};

/// How many operations are told apart. Span names with an id in them are a common mistake, and each costs a histogram.
const MAX_OPERATIONS: usize = 2_000;

/// One more than the largest number of a [`SpanKind`].
const N_KINDS: usize = SpanKind::Consumer as usize + 1;

const COLUMNS: &[&str] = &["duration", "name", "kind", "status"];

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
    /// Spans of the service.
    pub n_scanned: u64,
    pub warnings: Vec<String>,
}

/// The spans of one service with one name and kind.
#[derive(Clone, Debug, PartialEq)]
pub struct OperationSummary {
    pub name: String,
    pub kind: SpanKind,
    pub spans: Red,
    /// End of its newest span.
    pub last_seen: Nanos,
}

#[derive(Default)]
struct Draft {
    spans: RedCounter,
    last_seen: Nanos,
}

/// The operations of a service with spans that start in the range.
pub fn operations(snapshot: &Snapshot, budget: &Budget, search: &OperationSearch) -> Result<OperationList, QueryError> {
    let steps = Steps::new(search.range, search.n_buckets);
    let mut warnings = Warnings::new();
    let mut by_name: HashMap<(String, SpanKind), usize> = HashMap::new();
    let mut drafts: Vec<Draft> = Vec::new();
    let mut n_scanned = 0;
    let service = Filter::Text { column: "service", wanted: Texts::exactly([search.service.clone()]) };
    for chunk in snapshot.spans(Scan::new(search.range).columns(COLUMNS).filter(service)) {
        if budget.is_out_of_time()? {
            warnings.push("the time limit was reached: older spans of the range are not counted");
            break;
        }
        let chunk = match chunk {
            Ok(chunk) => chunk,
            Err(error) => {
                warnings.unreadable(&error);
                continue;
            }
        };
        n_scanned += chunk.len() as u64;
        let Some((names, name_keys)) = chunk.names() else { continue };
        // Of each name and kind of this chunk: its draft, once it was looked up.
        let mut known: Vec<Option<Option<usize>>> = vec![None; names.len() * N_KINDS];
        for (row, name) in name_keys.iter().enumerate() {
            let kind = chunk.kind(row);
            if search.kind.is_some_and(|wanted| wanted != kind) {
                continue;
            }
            let name = *name as usize;
            let index = *known[name * N_KINDS + kind as usize].get_or_insert_with(|| {
                let key = (names.value(name).to_owned(), kind);
                if drafts.len() == MAX_OPERATIONS && !by_name.contains_key(&key) {
                    warnings.push(format!("more than {MAX_OPERATIONS} operations: the rest is not listed"));
                    return None;
                }
                Some(*by_name.entry(key).or_insert_with(|| {
                    drafts.push(Draft::default());
                    drafts.len() - 1
                }))
            });
            let Some(index) = index else { continue };
            let (start, duration) = (chunk.start(row), chunk.duration(row));
            drafts[index].spans.add(steps.step_of(start), duration, chunk.is_error(row));
            drafts[index].last_seen = drafts[index].last_seen.max(start.saturating_add(duration));
        }
    }
    let summaries = by_name.into_iter().map(|((name, kind), index)| {
        let draft = std::mem::take(&mut drafts[index]);
        OperationSummary { name, kind, spans: draft.spans.finish(&steps), last_seen: draft.last_seen }
    });
    let mut operations: Vec<OperationSummary> = summaries.collect();
    operations.sort_by(|a, b| {
        let key = |it: &OperationSummary| (std::cmp::Reverse(it.spans.total_duration), it.kind as u8);
        key(a).cmp(&key(b)).then_with(|| a.name.cmp(&b.name))
    });
    Ok(OperationList { operations, n_scanned, warnings: warnings.into_texts() })
}
