//! The events of SLOs, counted from what is stored: of spans and log records every one once as it comes, of metrics by PromQL.
//!
//! A [`Look`] is one instant of the store. New rows are counted in one pass for all SLOs of a signal (`pass.rs`); the same
//! pass counts a stretch of time again.

mod pass;
mod plan;
mod promql;
mod signal;
#[cfg(test)]
mod tests;
mod values;

use std::sync::{Arc, Mutex, PoisonError};

use model::{Nanos, TimeRange, TraceId};
use query::lang::{LogFilter, SpanFilter};
use slo::groups::Group;
use slo::spec::Indicator;
use slo::{Slo, Tally};
use store::{Filter, LogChunk, News, ReadError, Scan, Snapshot, SpanChunk, Store, Table, Texts};

use pass::Pass;
use plan::Plan;
use signal::{Logs, Signal, Spans};

pub(crate) use plan::BadQuery;
pub(crate) use promql::LONGEST as LONGEST_STRETCH;

/// Services that a scan is told of; of more it reads all rows.
const MAX_SERVICES: usize = 16;

/// Of which groups events are asked for.
pub(crate) type Wanted<'w> = dyn Fn(&Group) -> bool + 'w;

/// Where events are.
pub(crate) trait Events: Send + Sync {
    /// What is stored now. Blocks, as all that is asked of it.
    fn look(&self) -> Box<dyn Look + '_>;
}

/// What is stored at one instant.
pub(crate) trait Look {
    /// The events that came since the look before, for each of `slos`, which count spans or log records. `None` when
    /// that is not known. To be asked once.
    fn news(&mut self, slos: &[Arc<Slo>]) -> Result<Option<Vec<Tally>>, String>;

    /// The events in `range` of each of `slos`, which count spans or log records. The error is a sentence for people.
    fn count(&self, slos: &[Arc<Slo>], range: TimeRange) -> Result<Vec<Tally>, String>;

    /// The events of an SLO over metrics in the buckets of `range` that are over at `now`; `known` are its groups so far.
    fn evaluate(&self, slo: &Slo, range: TimeRange, now: Nanos, known: &[Group]) -> Result<Tally, String>;

    /// The time of the oldest stored row of the kind that an indicator counts.
    fn oldest(&self, indicator: &Indicator) -> Option<Nanos>;

    /// Ids of traces with bad events of groups that are `wanted` in a range, newest first, at most so many; none if the
    /// question fails, since an alert is not held up for its examples.
    fn bad_traces(&self, slo: &Arc<Slo>, wanted: &Wanted<'_>, range: TimeRange, limit: usize) -> Vec<TraceId>;
}

/// Whether the conditions and expressions of an SLO can be asked for; the first that cannot.
pub(crate) fn check(slo: &Slo) -> Result<(), BadQuery> {
    let slos = [Arc::new(slo.clone())];
    Plan::spans(&slos)?;
    Plan::logs(&slos)?;
    promql::check(slo)
}

/// The events of a store.
pub(crate) struct Stored {
    store: Arc<Store>,
    /// The plans of the news, and for whom they are.
    plans: Mutex<(Vec<Arc<Slo>>, Arc<Plans>)>,
}

struct Plans {
    spans: Plan<Spans>,
    logs: Plan<Logs>,
}

struct Now<'s> {
    stored: &'s Stored,
    news: News,
}

impl Stored {
    pub(crate) fn new(store: Arc<Store>) -> Result<Self, String> {
        let plans = Arc::new(Plans::new(&[])?);
        Ok(Self { store, plans: Mutex::new((Vec::new(), plans)) })
    }

    /// The plans for `slos`, made anew when they are others than before.
    fn plans(&self, slos: &[Arc<Slo>]) -> Result<Arc<Plans>, String> {
        let mut known = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        if known.0.len() != slos.len() || known.0.iter().zip(slos).any(|(a, b)| !Arc::ptr_eq(a, b)) {
            *known = (slos.to_vec(), Arc::new(Plans::new(slos)?));
        }
        Ok(Arc::clone(&known.1))
    }
}

impl Plans {
    fn new(slos: &[Arc<Slo>]) -> Result<Self, String> {
        let text = |bad: BadQuery| format!("{}: {}", bad.key, bad.error);
        Ok(Self { spans: Plan::spans(slos).map_err(text)?, logs: Plan::logs(slos).map_err(text)? })
    }

    /// The tallies of both plans in the order of `slos`.
    fn in_order(slos: &[Arc<Slo>], spans: Vec<Tally>, logs: Vec<Tally>) -> Vec<Tally> {
        let (mut spans, mut logs) = (spans.into_iter(), logs.into_iter());
        let of = |slo: &Arc<Slo>| match &slo.indicator {
            Indicator::Spans(_) => spans.next(),
            Indicator::Logs(_) => logs.next(),
            Indicator::Ratio(_) | Indicator::Slices(_) => None,
        };
        slos.iter().map(of).map(Option::unwrap_or_default).collect()
    }
}

impl Events for Stored {
    fn look(&self) -> Box<dyn Look + '_> {
        Box::new(Now { stored: self, news: self.store.news() })
    }
}

impl Look for Now<'_> {
    fn news(&mut self, slos: &[Arc<Slo>]) -> Result<Option<Vec<Tally>>, String> {
        let plans = self.stored.plans(slos)?;
        let (Some(spans), Some(logs)) = (self.news.take_spans(), self.news.take_logs()) else { return Ok(None) };
        let (mut of_spans, mut of_logs) = (Pass::new(&plans.spans), Pass::new(&plans.logs));
        spans.iter().for_each(|chunk| of_spans.count(chunk));
        logs.iter().for_each(|chunk| of_logs.count(chunk));
        Ok(Some(Plans::in_order(slos, of_spans.finish(), of_logs.finish())))
    }

    fn count(&self, slos: &[Arc<Slo>], range: TimeRange) -> Result<Vec<Tally>, String> {
        count_rows(&self.news.snapshot, slos, range)
    }

    fn evaluate(&self, slo: &Slo, range: TimeRange, now: Nanos, known: &[Group]) -> Result<Tally, String> {
        promql::count(&self.news.snapshot, slo, range, now, known)
    }

    fn oldest(&self, indicator: &Indicator) -> Option<Nanos> {
        oldest(&self.news.snapshot, indicator)
    }

    fn bad_traces(&self, slo: &Arc<Slo>, wanted: &Wanted<'_>, range: TimeRange, limit: usize) -> Vec<TraceId> {
        let Ok(plans) = Plans::new(std::slice::from_ref(slo)) else { return Vec::new() };
        // Whole rows: the ids are wanted too.
        let scan = |services| narrow(services, Scan::new(range));
        match &slo.indicator {
            Indicator::Spans(_) => {
                let mut chunks = self.news.snapshot.spans(scan(&plans.spans));
                newest_bad(
                    &plans.spans,
                    wanted,
                    limit,
                    |chunk: &SpanChunk, row| Some(chunk.row(row).trace_id),
                    || {
                        let bound = chunks.bound()?;
                        Some((bound, chunks.next()?))
                    },
                )
            }
            Indicator::Logs(_) => {
                let mut chunks = self.news.snapshot.logs(narrow(&plans.logs, Scan::new(range)));
                newest_bad(
                    &plans.logs,
                    wanted,
                    limit,
                    |chunk: &LogChunk, row| chunk.row(row).trace_id,
                    || {
                        let bound = chunks.bound()?;
                        Some((bound, chunks.next()?))
                    },
                )
            }
            Indicator::Ratio(_) | Indicator::Slices(_) => Vec::new(),
        }
    }
}

fn oldest(snapshot: &Snapshot, indicator: &Indicator) -> Option<Nanos> {
    let table = match indicator {
        Indicator::Spans(_) => Table::Spans,
        Indicator::Logs(_) => Table::Logs,
        Indicator::Ratio(_) | Indicator::Slices(_) => Table::Points,
    };
    snapshot.extent(table).map(|(oldest, _)| oldest)
}

/// The events of `slo` in the buckets of `range` that are over at `now`, and whether nothing older is stored; without a box.
pub(crate) fn count_stored(
    snapshot: &Snapshot,
    slo: &Arc<Slo>,
    range: TimeRange,
    now: Nanos,
) -> Result<(Tally, bool), String> {
    let is_all = oldest(snapshot, &slo.indicator).is_none_or(|oldest| oldest >= range.start);
    let tally = match slo.indicator {
        Indicator::Ratio(_) | Indicator::Slices(_) => promql::count(snapshot, slo, range, now, &[])?,
        Indicator::Spans(_) | Indicator::Logs(_) => {
            count_rows(snapshot, std::slice::from_ref(slo), range)?.pop().unwrap_or_default()
        }
    };
    Ok((tally, is_all))
}

fn count_rows(snapshot: &Snapshot, slos: &[Arc<Slo>], range: TimeRange) -> Result<Vec<Tally>, String> {
    let plans = Plans::new(slos)?;
    let spans = scan_spans(&plans.spans, range);
    let spans = count(&plans.spans, spans.map(|scan| snapshot.spans(scan)).into_iter().flatten());
    let logs = scan_logs(&plans.logs, range);
    let logs = count(&plans.logs, logs.map(|scan| snapshot.logs(scan)).into_iter().flatten());
    Ok(Plans::in_order(slos, spans, logs))
}

fn scan_spans(plan: &Plan<Spans>, range: TimeRange) -> Option<Scan> {
    let scan = || SpanFilter::with_columns_of(&plan.conditions, plan.reads_attributes, Scan::new(range));
    (!plan.slos.is_empty()).then(|| narrow(plan, scan()))
}

fn scan_logs(plan: &Plan<Logs>, range: TimeRange) -> Option<Scan> {
    let scan = || LogFilter::with_columns_of(&plan.conditions, plan.reads_attributes, Scan::new(range));
    (!plan.slos.is_empty()).then(|| narrow(plan, scan()))
}

/// `scan` of the services of a plan alone, if they are few.
fn narrow<S: Signal>(plan: &Plan<S>, scan: Scan) -> Scan {
    if plan.by_service.len() > MAX_SERVICES {
        return scan;
    }
    scan.filter(Filter::Text { column: "service", wanted: Texts::exactly(plan.by_service.keys().cloned()) })
}

fn count<S: Signal>(plan: &Plan<S>, chunks: impl Iterator<Item = Result<S::Chunk, ReadError>>) -> Vec<Tally> {
    let mut pass = Pass::new(plan);
    for chunk in chunks {
        match chunk {
            Ok(chunk) => pass.count(&chunk),
            // A damaged segment must not stop the evaluation of what can be read.
            Err(error) => tracing::warn!(%error, "rows are left out of the counts of SLOs"),
        }
    }
    pass.finish()
}

/// The traces of the newest bad events of groups that are `wanted`, newest first, each once. `next` gives chunks with the time that no
/// row to come is beyond.
fn newest_bad<S: Signal>(
    plan: &Plan<S>,
    wanted: &Wanted<'_>,
    limit: usize,
    trace_id: impl Fn(&S::Chunk, usize) -> Option<TraceId>,
    mut next: impl FnMut() -> Option<(Nanos, Result<S::Chunk, ReadError>)>,
) -> Vec<TraceId> {
    let mut found: Vec<(Nanos, TraceId)> = Vec::new();
    while let Some((bound, chunk)) = next() {
        if limit > 0 && found.get(limit - 1).is_some_and(|(start, _)| *start > bound) {
            break;
        }
        let Ok(chunk) = chunk else { continue };
        let mut pass = Pass::new(plan);
        let mut bad = Vec::new();
        pass.each(&chunk, |event| {
            if !event.is_good {
                bad.push((event.row, event.group));
            }
        });
        for (row, number) in bad {
            if let (true, Some(id)) = (wanted(pass.group(0, number)), trace_id(&chunk, row)) {
                found.push((S::time(&chunk, row), id));
            }
        }
        found.sort_unstable_by_key(|(start, id)| (std::cmp::Reverse(*start), *id));
        found.dedup_by_key(|(_, id)| *id);
        found.truncate(limit.max(1));
    }
    found.into_iter().take(limit).map(|(_, id)| id).collect()
}
