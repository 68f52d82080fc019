//! Chooses the traces of a search for single spans by their ids, without reading them whole.

use std::cmp::Reverse;

use hashbrown::{HashMap, HashSet};
use model::{Nanos, Span, TimeRange, TraceId};
use store::{Scan, Snapshot, SpanChunk};

use crate::ids::Ids;
use crate::lang::SpanFilter;
use crate::{Budget, QueryError, Warnings};

use super::TraceOrder;

/// How many matching traces are told apart; 16 bytes and a little more each.
const MAX_TRACES: usize = 1_000_000;

/// So many traces are measured by looking up the spans of each; of more, all spans of the range are read.
const MAX_LOOKED_UP: usize = 2_000;

const MEASURED: &[&str] = &["duration", "trace_id", "status"];

/// The chosen traces.
pub(super) struct Selection {
    pub(super) ids: Vec<TraceId>,
    /// Matching traces seen.
    pub(super) n_traces: usize,
    pub(super) n_scanned: u64,
    /// More may match.
    pub(super) truncated: bool,
}

/// The `limit` traces whose newest matching span in `range` is newest. Stops as soon as no span to come can change that.
pub(super) fn newest(
    snapshot: &Snapshot,
    budget: &Budget,
    filter: &SpanFilter,
    range: TimeRange,
    limit: usize,
    warnings: &mut Warnings,
) -> Result<Selection, QueryError> {
    let mut seen: HashSet<TraceId> = HashSet::new();
    // The best so far. Traces that fall out may come back: by a newer span, which then is what counts.
    let mut best: HashMap<TraceId, Nanos> = HashMap::new();
    let mut last: Option<Nanos> = None;
    let mut n_scanned = 0;
    let mut chunks = snapshot.spans(filter.with_trace_ids(filter.with_hints(Scan::new(range))));
    let truncated = loop {
        let full = last.is_some() || limit == 0;
        if full && chunks.bound().is_some_and(|bound| last.is_none_or(|last| bound < last)) {
            break true;
        }
        if stopped(budget, seen.len(), warnings)? {
            break true;
        }
        let chunk = match chunks.next() {
            Some(Ok(chunk)) => chunk,
            Some(Err(error)) => {
                warnings.unreadable(&error);
                continue;
            }
            None => break false,
        };
        n_scanned += chunk.len() as u64;
        each_match(filter, &chunk, |id, start| {
            seen.insert(id);
            best.entry(id).and_modify(|newest| *newest = start.max(*newest)).or_insert(start);
        });
        last = prune(&mut best, limit);
    };
    let mut ids: Vec<(Reverse<Nanos>, TraceId)> = best.into_iter().map(|(id, newest)| (Reverse(newest), id)).collect();
    ids.sort_unstable();
    let ids = ids.into_iter().map(|(_, id)| id).collect();
    Ok(Selection { ids, n_traces: seen.len(), n_scanned, truncated })
}

/// Leaves the `limit` newest in `best`; the time of the last of them, when there are as many.
fn prune(best: &mut HashMap<TraceId, Nanos>, limit: usize) -> Option<Nanos> {
    if limit == 0 {
        best.clear();
        return None;
    }
    if best.len() < limit {
        return None;
    }
    let mut ranked: Vec<(Reverse<Nanos>, TraceId)> = best.iter().map(|(id, newest)| (Reverse(*newest), *id)).collect();
    let (_, last, _) = ranked.select_nth_unstable(limit - 1);
    let last = *last;
    best.retain(|id, newest| (Reverse(*newest), *id) <= last);
    Some(last.0.0)
}

/// The `limit` first traces by `order` among all that match. Traces are measured by their spans in `range`.
pub(super) fn best(
    snapshot: &Snapshot,
    budget: &Budget,
    filter: &SpanFilter,
    range: TimeRange,
    order: TraceOrder,
    limit: usize,
    warnings: &mut Warnings,
) -> Result<Selection, QueryError> {
    let mut found: HashMap<TraceId, Measure> = HashMap::new();
    let (mut n_scanned, mut truncated) = (0, false);
    for chunk in snapshot.spans(filter.with_trace_ids(filter.with_hints(Scan::new(range)))) {
        truncated = stopped(budget, found.len(), warnings)?;
        if truncated {
            break;
        }
        match chunk {
            Ok(chunk) => {
                n_scanned += chunk.len() as u64;
                each_match(filter, &chunk, |id, _| _ = found.entry(id).or_default());
            }
            Err(error) => warnings.unreadable(&error),
        }
    }
    let mut scan = Scan::new(range).columns(MEASURED);
    if found.len() <= MAX_LOOKED_UP {
        scan = scan.traces(found.keys().copied());
    }
    for chunk in snapshot.spans(scan) {
        if budget.is_out_of_time()? {
            truncated = true;
            warnings.push("the time limit was reached: the order is not by all spans");
            break;
        }
        match chunk {
            Ok(chunk) => {
                let ids = Ids::of(chunk.batch(), "trace_id");
                for row in 0..chunk.len() {
                    if let Some(measure) = ids.get(row).and_then(|id| found.get_mut(&TraceId(id))) {
                        measure.add(&chunk, row);
                    }
                }
            }
            Err(error) => warnings.unreadable(&error),
        }
    }
    let n_traces = found.len();
    let mut ranked: Vec<(Reverse<i64>, Reverse<Nanos>, TraceId)> =
        found.into_iter().map(|(id, it)| (Reverse(it.rank(order)), Reverse(it.start), id)).collect();
    ranked.sort_unstable();
    ranked.truncate(limit);
    let ids = ranked.into_iter().map(|(_, _, id)| id).collect();
    Ok(Selection { ids, n_traces, n_scanned, truncated })
}

/// What a trace is ranked by.
#[derive(Clone, Copy)]
pub(super) struct Measure {
    start: Nanos,
    end: Nanos,
    n_spans: u32,
    n_errors: u32,
}

impl Default for Measure {
    fn default() -> Self {
        Measure { start: Nanos::MAX, end: Nanos::MIN, n_spans: 0, n_errors: 0 }
    }
}

impl Measure {
    fn add(&mut self, chunk: &SpanChunk, row: usize) {
        let start = chunk.start(row);
        self.start = self.start.min(start);
        self.end = self.end.max(start.saturating_add(chunk.duration(row)));
        self.n_spans = self.n_spans.saturating_add(1);
        self.n_errors = self.n_errors.saturating_add(chunk.is_error(row).into());
    }

    pub(super) fn add_span(&mut self, span: &Span<'_>) {
        self.start = self.start.min(span.start);
        self.end = self.end.max(span.end());
        self.n_spans = self.n_spans.saturating_add(1);
        self.n_errors = self.n_errors.saturating_add(span.is_error().into());
    }

    pub(super) fn rank(&self, order: TraceOrder) -> i64 {
        match order {
            TraceOrder::Newest => self.start,
            TraceOrder::Slowest => self.end.saturating_sub(self.start),
            TraceOrder::MostSpans => self.n_spans.into(),
            TraceOrder::MostErrors => self.n_errors.into(),
        }
    }
}

/// Whether to end with what there is.
pub(super) fn stopped(budget: &Budget, n_traces: usize, warnings: &mut Warnings) -> Result<bool, QueryError> {
    if budget.is_out_of_time()? {
        warnings.push("the time limit was reached before the end of the range");
        return Ok(true);
    }
    if n_traces >= MAX_TRACES {
        warnings.push(format!("more than {MAX_TRACES} traces match; a more selective query sees all of its own"));
        return Ok(true);
    }
    Ok(false)
}

pub(super) fn each_match(filter: &SpanFilter, chunk: &SpanChunk, mut each: impl FnMut(TraceId, Nanos)) {
    let mut bound = filter.bind(chunk);
    let ids = Ids::of(chunk.batch(), "trace_id");
    for row in 0..chunk.len() {
        if bound.matches(row)
            && let Some(id) = ids.get(row)
        {
            each(TraceId(id), chunk.start(row));
        }
    }
}
