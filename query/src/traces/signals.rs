//! Everything that carries one trace id: spans, log records and exemplars, of all time. What cannot be read of one of them
//! does not hide the others.

use std::sync::Arc;

use model::{Attrs, Nanos, SpanId, TimeRange, TraceId};
use store::{Order, Scan, Snapshot, StoredSeries};

use super::{Parts, Trace, trace_in};
use crate::logs::{LogRow, of_trace};
use crate::{Budget, QueryError, Warnings};

/// What is stored with one trace id.
pub struct Signals {
    /// The spans; `None` when there is none, or none that could be read.
    pub trace: Option<Trace>,
    /// Oldest first.
    pub logs: Vec<LogRow>,
    /// Whether there are more records.
    pub logs_cut: bool,
    /// Oldest first.
    pub exemplars: Vec<TraceExemplar>,
    /// Whether there are more exemplars.
    pub exemplars_cut: bool,
    /// Of all parts, those of the trace among them.
    pub warnings: Vec<String>,
}

/// An example measurement that was made within the trace.
pub struct TraceExemplar {
    pub time: Nanos,
    pub value: f64,
    pub span_id: Option<SpanId>,
    /// What was measured; `None` when no point of the series is stored any more.
    pub series: Option<Arc<StoredSeries>>,
    attrs: Box<[u8]>,
}

impl TraceExemplar {
    /// The attributes that the series does not have.
    pub fn attrs(&self) -> Attrs<'_> {
        Attrs::new(&self.attrs)
    }
}

impl Signals {
    /// Whether nothing carries the id.
    pub fn is_empty(&self) -> bool {
        self.trace.is_none() && self.logs.is_empty() && self.exemplars.is_empty()
    }

    /// The service that the id is best known by: of the root span, else of the first record, else of the first exemplar.
    pub fn service(&self) -> Option<&str> {
        let of_trace = self.trace.as_ref().map(|trace| trace.span(trace.root()).service);
        let of_logs = || self.logs.first().map(|log| &*log.service);
        let of_exemplars = || Some(self.exemplars.first()?.series.as_ref()?.resource().service_name());
        of_trace.or_else(of_logs).or_else(of_exemplars)
    }

    /// The time of what came first of all.
    pub fn start(&self) -> Option<Nanos> {
        let trace = self.trace.as_ref().map(|trace| trace.start);
        let (log, exemplar) = (self.logs.first(), self.exemplars.first());
        [trace, log.map(|log| log.time), exemplar.map(|exemplar| exemplar.time)].into_iter().flatten().min()
    }
}

/// All that carries the trace id `id`, of spans no more than `parts`, at most `limit` log records and as many exemplars. An
/// error when nothing could be found and not everything could be read.
pub fn signals(
    snapshot: &Snapshot,
    budget: &Budget,
    id: TraceId,
    parts: Parts,
    limit: usize,
) -> Result<Signals, QueryError> {
    let mut warnings = Warnings::new();
    let trace = match trace_in(snapshot, budget, id, parts) {
        Err(QueryError::Read(texts)) => {
            texts.into_iter().for_each(|text| warnings.push(text));
            None
        }
        found => found?,
    };
    trace.iter().flat_map(|trace| &trace.warnings).for_each(|text| warnings.push(text));
    let mut hits = of_trace(snapshot, budget, id, None, limit.saturating_add(1))?;
    hits.warnings.drain(..).for_each(|text| warnings.push(text));
    let logs_cut = hits.truncated || hits.records.len() > limit;
    hits.records.truncate(limit);
    let (exemplars, exemplars_cut) = exemplars(snapshot, budget, id, limit, &mut warnings)?;
    let found =
        Signals { trace, logs: hits.records, logs_cut, exemplars, exemplars_cut, warnings: warnings.into_texts() };
    match found.is_empty() && !found.warnings.is_empty() {
        true => Err(QueryError::Read(found.warnings)),
        false => Ok(found),
    }
}

fn exemplars(
    snapshot: &Snapshot,
    budget: &Budget,
    id: TraceId,
    limit: usize,
    warnings: &mut Warnings,
) -> Result<(Vec<TraceExemplar>, bool), QueryError> {
    let mut found = Vec::new();
    for chunk in snapshot.exemplars(Scan::new(TimeRange::ALL).order(Order::OldestFirst).trace(id)) {
        budget.check()?;
        let chunk = match chunk {
            Ok(chunk) => chunk,
            Err(error) => {
                warnings.unreadable(&error);
                continue;
            }
        };
        found.extend((0..chunk.len()).map(|row| {
            let exemplar = chunk.row(row);
            TraceExemplar {
                time: exemplar.time,
                value: exemplar.value,
                span_id: exemplar.span_id,
                series: snapshot.series().get(exemplar.series),
                attrs: exemplar.attr_bytes.into(),
            }
        }));
        // Chunks overlap in time: those of one trace are seldom more than a few.
        found.sort_by_key(|exemplar| exemplar.time);
        found.truncate(limit + 1);
    }
    let cut = found.len() > limit;
    found.truncate(limit);
    for exemplar in found.iter().filter(|it| it.series.is_none()) {
        let moment = TimeRange::new(exemplar.time, exemplar.time.saturating_add(1));
        snapshot.unread_series(moment).iter().for_each(|error| warnings.unreadable(error));
    }
    Ok((found, cut))
}
