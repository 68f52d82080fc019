//! `/traces/{id}/data`: the spans of a trace as columns, for the waterfall. One array per column keeps it small and lets
//! the browser work without an object per span.

use std::collections::HashMap;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use model::TraceId;
use query::logs::{LogRow, SeverityClass, of_trace};
use query::traces::{Trace, trace};
use serde::Serialize;

use crate::app::App;
use crate::critical_path::critical_path;
use crate::format::clip;
use crate::parts::written_out;

/// Log records marked on the bars.
const MAX_MARKS: usize = 2_000;
/// Longest span name sent.
const MAX_NAME: usize = 200;

const IS_ERROR: u8 = 1;
const MISSING_PARENT: u8 = 2;
const ODD: u8 = 4;

/// Times are nanoseconds after `start`. Spans are in the order of the tree.
#[derive(Serialize)]
struct Columns {
    trace_id: String,
    /// Nanoseconds since the epoch; as text, since it is more than a double holds.
    start: String,
    duration: i64,
    services: Vec<Service>,
    /// The distinct span names.
    names: Vec<String>,
    /// The ids of all spans, 16 hex digits each, in one text.
    ids: String,
    depth: Vec<usize>,
    /// Spans below, which follow directly.
    below: Vec<usize>,
    /// After the start of the trace.
    offset: Vec<i64>,
    length: Vec<i64>,
    service: Vec<usize>,
    name: Vec<usize>,
    kind: Vec<u8>,
    flags: Vec<u8>,
    critical: Stretches,
    logs: Marks,
    /// Log records beyond those in `logs`.
    logs_cut: bool,
}

#[derive(Serialize)]
struct Service {
    name: String,
    slot: usize,
}

/// The critical path by start.
#[derive(Default, Serialize)]
struct Stretches {
    span: Vec<usize>,
    offset: Vec<i64>,
    length: Vec<i64>,
}

/// Log records of spans.
#[derive(Default, Serialize)]
struct Marks {
    span: Vec<usize>,
    offset: Vec<i64>,
    /// `warn` 1, `error` and `fatal` 2, all others 0.
    level: Vec<u8>,
}

/// `GET /traces/{id}/data`
pub(crate) async fn get(State(app): State<App>, Path(id): Path<String>) -> Response {
    let Some(id) = TraceId::parse(&id) else { return (StatusCode::NOT_FOUND, "no such trace\n").into_response() };
    let app_there = app.clone();
    let found = app.state.engine.run(move |snapshot, budget| {
        let Some(trace) = trace(snapshot, budget, id)? else { return Ok(None) };
        let logs = of_trace(snapshot, budget, id, None, MAX_MARKS + 1)?;
        Ok(Some(columns(&app_there, &trace, &logs.records)))
    });
    match found.await {
        Ok(Some(columns)) => Json(columns).into_response(),
        Ok(None) => (StatusCode::NOT_FOUND, "no such trace\n").into_response(),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")).into_response(),
    }
}

fn columns(app: &App, trace: &Trace, logs: &[LogRow]) -> Columns {
    let n = trace.spans.len();
    let services = trace.services.iter();
    let mut columns = Columns {
        trace_id: trace.trace_id.to_string(),
        start: trace.start.to_string(),
        duration: trace.duration(),
        services: services
            .map(|it| Service { name: written_out(&clip(&it.service, MAX_NAME)), slot: app.slot(&it.service) })
            .collect(),
        names: Vec::new(),
        ids: String::with_capacity(16 * n),
        depth: Vec::with_capacity(n),
        below: Vec::with_capacity(n),
        offset: Vec::with_capacity(n),
        length: Vec::with_capacity(n),
        service: Vec::with_capacity(n),
        name: Vec::with_capacity(n),
        kind: Vec::with_capacity(n),
        flags: Vec::with_capacity(n),
        critical: Stretches::default(),
        logs: Marks::default(),
        logs_cut: logs.len() > MAX_MARKS,
    };
    let mut names: HashMap<&str, usize> = HashMap::new();
    let mut index_of = HashMap::with_capacity(if logs.is_empty() { 0 } else { n });
    for (index, at) in trace.spans.iter().enumerate() {
        let span = trace.span(index);
        if !logs.is_empty() {
            index_of.entry(at.span_id).or_insert(index);
        }
        let next = names.len();
        let name = *names.entry(span.name).or_insert(next);
        if name == next {
            columns.names.push(written_out(&clip(span.name, MAX_NAME)));
        }
        columns.ids.push_str(&at.span_id.to_string());
        columns.depth.push(at.depth);
        columns.below.push(at.n_descendants);
        columns.offset.push(at.start.saturating_sub(trace.start));
        columns.length.push(at.duration);
        columns.service.push(at.service);
        columns.name.push(name);
        columns.kind.push(span.kind as u8);
        let odd = at.shared_id || at.cycle || at.before_parent > 0;
        columns.flags.push(
            u8::from(at.is_error) * IS_ERROR + u8::from(at.missing_parent) * MISSING_PARENT + u8::from(odd) * ODD,
        );
    }
    for segment in critical_path(trace) {
        columns.critical.span.push(segment.span);
        columns.critical.offset.push(segment.start.saturating_sub(trace.start));
        columns.critical.length.push(segment.end.saturating_sub(segment.start));
    }
    for log in logs.iter().take(MAX_MARKS) {
        let Some(&index) = log.span_id.and_then(|id| index_of.get(&id)) else { continue };
        columns.logs.span.push(index);
        columns.logs.offset.push(log.time.saturating_sub(trace.start));
        columns.logs.level.push(match SeverityClass::of(&log.record()) {
            SeverityClass::Error | SeverityClass::Fatal => 2,
            SeverityClass::Warn => 1,
            _ => 0,
        });
    }
    columns
}
