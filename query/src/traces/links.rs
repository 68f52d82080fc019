//! Links in both directions: what the spans of a trace link to, and the spans of other traces that link to it.

use hashbrown::HashMap;
use model::{Nanos, SpanId, TimeRange, TraceId};
use store::{Order, Scan, Snapshot};

use super::{Trace, trace};
use crate::{Budget, QueryError, Warnings};

const COLUMNS: &[&str] = &["trace_id", "span_id", "service", "name", "start_time", "duration", "links"];

/// A span that links to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkingSpan {
    pub trace_id: TraceId,
    pub span_id: SpanId,
    pub service: String,
    pub name: String,
    pub start: Nanos,
    pub duration: Nanos,
    /// The span that it links to; `None` when the link names the trace alone.
    pub to: Option<SpanId>,
}

/// What [`links_to`] found.
#[derive(Clone, Debug, Default)]
pub struct LinksTo {
    /// By start.
    pub spans: Vec<LinkingSpan>,
    /// Whether the range was not searched to its end: there are `limit` spans, or the time was up.
    pub truncated: bool,
    pub warnings: Vec<String>,
}

/// The spans of other traces that start in `range` and link to the trace `id`, at most `limit`. No index knows links: it
/// reads the links of all spans of the range, of which most have none.
pub fn links_to(
    snapshot: &Snapshot,
    budget: &Budget,
    id: TraceId,
    range: TimeRange,
    limit: usize,
) -> Result<LinksTo, QueryError> {
    let mut warnings = Warnings::new();
    let mut found = LinksTo::default();
    for chunk in snapshot.spans(Scan::new(range).order(Order::OldestFirst).columns(COLUMNS)) {
        if budget.is_out_of_time()? {
            found.truncated = true;
            break;
        }
        let chunk = match chunk {
            Ok(chunk) => chunk,
            Err(error) => {
                warnings.unreadable(&error);
                continue;
            }
        };
        for row in 0..chunk.len() {
            let span = chunk.row(row);
            if span.links.as_bytes().is_empty() || span.trace_id == id {
                continue;
            }
            found.spans.extend(span.links.iter().filter(|link| link.trace_id == Some(id)).map(|link| LinkingSpan {
                trace_id: span.trace_id,
                span_id: span.span_id,
                service: span.service.to_owned(),
                name: span.name.to_owned(),
                start: span.start,
                duration: span.duration,
                to: link.span_id,
            }));
        }
        if found.spans.len() > limit {
            found.truncated = true;
            break;
        }
    }
    found.spans.sort_by_key(|span| (span.start, span.span_id));
    found.spans.truncate(limit);
    found.warnings = warnings.into_texts();
    Ok(found)
}

/// A link of a span of a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpanLink {
    /// Index in [`Trace::spans`] of the span that has the link.
    pub from: usize,
    /// `None` when the sender's id was not one.
    pub trace_id: Option<TraceId>,
    pub span_id: Option<SpanId>,
    /// What is known of the span that it links to; `None` when that is not stored, or was not looked up.
    pub to: Option<LinkedSpan>,
}

/// The span at the other end of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkedSpan {
    pub service: String,
    pub name: String,
    pub start: Nanos,
}

/// The links of the spans of `trace`, at most `limit`, in the order of the tree. Spans of other traces are looked up in at
/// most `max_traces` of them.
pub fn links_of(
    snapshot: &Snapshot,
    budget: &Budget,
    of: &Trace,
    limit: usize,
    max_traces: usize,
) -> Result<Vec<SpanLink>, QueryError> {
    let all = (0..of.spans.len()).flat_map(|from| of.span(from).links.iter().map(move |link| (from, link)));
    let mut links: Vec<SpanLink> = all
        .take(limit)
        .map(|(from, link)| SpanLink { from, trace_id: link.trace_id, span_id: link.span_id, to: None })
        .collect();
    let mut others: HashMap<TraceId, Option<Trace>> = HashMap::new();
    for link in &mut links {
        let (Some(trace_id), Some(span_id)) = (link.trace_id, link.span_id) else { continue };
        if trace_id == of.trace_id {
            link.to = linked(of, span_id);
            continue;
        }
        if !others.contains_key(&trace_id) {
            if others.len() == max_traces {
                continue;
            }
            // What cannot be read of another trace is a link without a name.
            let other = match trace(snapshot, budget, trace_id) {
                Err(QueryError::Read(_)) => None,
                found => found?,
            };
            others.insert(trace_id, other);
        }
        link.to = others[&trace_id].as_ref().and_then(|other| linked(other, span_id));
    }
    Ok(links)
}

fn linked(trace: &Trace, span_id: SpanId) -> Option<LinkedSpan> {
    let span = trace.span(trace.find(span_id)?);
    Some(LinkedSpan { service: span.service.to_owned(), name: span.name.to_owned(), start: span.start })
}
