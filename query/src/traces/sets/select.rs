//! Chooses the traces of a search that asks for several spans.
//!
//! A scan finds the spans that satisfy the most selective of the plan's required conditions. Their traces are read whole, the
//! newest first, and no more of them than it takes.

use std::cmp::Reverse;

use hashbrown::{HashMap, HashSet};
use model::{Nanos, TimeRange, TraceId};
use store::{Scan, Snapshot};

use crate::ids::Ids;
use crate::lang::{Plan, SpanFilter};
use crate::{Budget, QueryError, Warnings};

use super::super::TraceOrder;
use super::super::select::{Measure, Selection, each_match, stopped};
use super::whole::each_trace;

/// Traces decided at once at first, at least and at most. While few of them match, it becomes more.
const AT_ONCE: (usize, usize) = (20, 200);
const MAX_AT_ONCE: usize = 5_000;

/// The `limit` traces whose newest candidate span is newest.
pub(in crate::traces) fn newest(
    snapshot: &Snapshot,
    budget: &Budget,
    plan: &Plan,
    range: TimeRange,
    limit: usize,
    warnings: &mut Warnings,
) -> Result<Selection, QueryError> {
    let search = Search { snapshot, budget, plan, range };
    let driver = search.driver();
    let mut chunks = snapshot.spans(driver.with_trace_ids(driver.with_hints(Scan::new(range))));
    let mut pending: HashMap<TraceId, Nanos> = HashMap::new();
    let mut decided: HashSet<TraceId> = HashSet::new();
    let mut ids: Vec<TraceId> = Vec::new();
    let mut n_scanned = 0;
    let mut at_once = (2 * limit).clamp(AT_ONCE.0, AT_ONCE.1);
    let truncated = 'search: loop {
        // What no span to come can overtake is decided in its order.
        let bound = chunks.bound();
        let mut ready: Vec<(Reverse<Nanos>, TraceId)> = pending
            .extract_if(|_, newest| bound.is_none_or(|bound| *newest > bound))
            .map(|(id, newest)| (Reverse(newest), id))
            .collect();
        ready.sort_unstable();
        let mut ready: &[(Reverse<Nanos>, TraceId)] = &ready;
        while !ready.is_empty() {
            if ids.len() >= limit {
                break 'search true;
            }
            let (batch, rest) = ready.split_at(ready.len().min(at_once));
            ready = rest;
            let batch: Vec<TraceId> = batch.iter().map(|(_, id)| *id).collect();
            let Some(matching) = search.matching(&batch, warnings)? else { break 'search true };
            decided.extend(batch.iter().copied());
            ids.extend(batch.iter().filter(|id| matching.contains(*id)));
            at_once = (at_once * 4).min(MAX_AT_ONCE);
        }
        if ids.len() >= limit && (bound.is_some() || !pending.is_empty()) {
            break true;
        }
        if stopped(budget, pending.len().max(decided.len()), warnings)? {
            break true;
        }
        match chunks.next() {
            Some(Ok(chunk)) => {
                n_scanned += chunk.len() as u64;
                each_match(&driver, &chunk, |id, start| {
                    if !decided.contains(&id) {
                        pending.entry(id).and_modify(|newest| *newest = start.max(*newest)).or_insert(start);
                    }
                });
            }
            Some(Err(error)) => warnings.unreadable(&error),
            None if pending.is_empty() => break false,
            None => {}
        }
    };
    let n_traces = ids.len();
    ids.truncate(limit);
    Ok(Selection { ids, n_traces, n_scanned, truncated })
}

/// The `limit` first traces by `order` among all that match.
pub(in crate::traces) fn best(
    snapshot: &Snapshot,
    budget: &Budget,
    plan: &Plan,
    range: TimeRange,
    order: TraceOrder,
    limit: usize,
    warnings: &mut Warnings,
) -> Result<Selection, QueryError> {
    let Candidates { ids: candidates, n_scanned, mut truncated } = candidates(snapshot, budget, plan, range, warnings)?;
    let mut ranked: Vec<(Reverse<i64>, Reverse<Nanos>, TraceId)> = Vec::new();
    let read = each_trace(snapshot, budget, plan, &candidates, false, warnings, |whole, sets| {
        if !sets.is_empty() {
            let mut measure = Measure::default();
            (0..whole.len()).for_each(|index| measure.add_span(&whole.span(index)));
            ranked.push((Reverse(measure.rank(order)), Reverse(whole.start), whole.id));
        }
    })?;
    if !read {
        truncated = true;
        warnings.push("the time limit was reached: not all traces were looked at");
    }
    let n_traces = ranked.len();
    ranked.sort_unstable();
    ranked.truncate(limit);
    let ids = ranked.into_iter().map(|(_, _, id)| id).collect();
    Ok(Selection { ids, n_traces, n_scanned, truncated })
}

/// Traces that may match, the newest first: those with a span in the range for each condition that asks for one.
pub(in crate::traces) struct Candidates {
    pub(in crate::traces) ids: Vec<TraceId>,
    pub(in crate::traces) n_scanned: u64,
    /// There may be more.
    pub(in crate::traces) truncated: bool,
}

pub(in crate::traces) fn candidates(
    snapshot: &Snapshot,
    budget: &Budget,
    plan: &Plan,
    range: TimeRange,
    warnings: &mut Warnings,
) -> Result<Candidates, QueryError> {
    let search = Search { snapshot, budget, plan, range };
    let driver = search.driver();
    let mut newest: HashMap<TraceId, Nanos> = HashMap::new();
    let (mut n_scanned, mut truncated) = (0, false);
    for chunk in snapshot.spans(driver.with_trace_ids(driver.with_hints(Scan::new(range)))) {
        truncated = stopped(budget, newest.len(), warnings)?;
        if truncated {
            break;
        }
        match chunk {
            Ok(chunk) => {
                n_scanned += chunk.len() as u64;
                each_match(&driver, &chunk, |id, start| {
                    newest.entry(id).and_modify(|it| *it = start.max(*it)).or_insert(start);
                });
            }
            Err(error) => warnings.unreadable(&error),
        }
    }
    // Traces of one time are in the same row groups.
    let mut ids: Vec<(Reverse<Nanos>, TraceId)> = newest.into_iter().map(|(id, it)| (Reverse(it), id)).collect();
    ids.sort_unstable();
    let ids = search.narrowed(ids.into_iter().map(|(_, id)| id).collect(), warnings)?;
    Ok(Candidates { ids, n_scanned, truncated })
}

struct Search<'a> {
    snapshot: &'a Snapshot,
    budget: &'a Budget,
    plan: &'a Plan,
    range: TimeRange,
}

impl Search<'_> {
    /// What the candidates are found by.
    fn driver(&self) -> SpanFilter {
        self.plan.required[0].clone()
    }

    /// Those of `ids` that the plan selects spans of; `None` when the time was up before.
    fn matching(&self, ids: &[TraceId], warnings: &mut Warnings) -> Result<Option<HashSet<TraceId>>, QueryError> {
        let ids = self.narrowed(ids.to_vec(), warnings)?;
        let mut matching = HashSet::new();
        let read = each_trace(self.snapshot, self.budget, self.plan, &ids, false, warnings, |whole, sets| {
            if !sets.is_empty() {
                matching.insert(whole.id);
            }
        })?;
        if !read {
            warnings.push("the time limit was reached before the end of the range");
        }
        Ok(read.then_some(matching))
    }

    /// Those of `ids` that have a span in the range for each condition that asks for one, without reading them whole.
    fn narrowed(&self, mut ids: Vec<TraceId>, warnings: &mut Warnings) -> Result<Vec<TraceId>, QueryError> {
        for filter in self.plan.required[1..].iter().filter(|filter| !filter.is_all()) {
            if ids.is_empty() {
                break;
            }
            let mut found: HashSet<TraceId> = HashSet::new();
            let scan = filter.with_trace_ids(filter.with_hints(Scan::new(self.range).traces(ids.iter().copied())));
            for chunk in self.snapshot.spans(scan) {
                // Then those are left that nothing rules out; who reads them learns that the time is up.
                if self.budget.is_out_of_time()? {
                    return Ok(ids);
                }
                match chunk {
                    Ok(chunk) => {
                        let mut bound = filter.bind(&chunk);
                        let of_row = Ids::of(chunk.batch(), "trace_id");
                        let matching = (0..chunk.len()).filter(|&row| bound.matches(row));
                        found.extend(matching.filter_map(|row| of_row.get(row)).map(TraceId));
                    }
                    Err(error) => warnings.unreadable(&error),
                }
            }
            ids.retain(|id| found.contains(id));
        }
        Ok(ids)
    }
}
