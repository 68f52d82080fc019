//! `/traces/{id}/spans/{span}`: the panel of one span, for the waterfall to put beside itself, and `…/typical`: the part of it
//! that tells how the span stands among others, which takes longer.

use std::time::Duration;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use model::{SpanId, TraceId};
use query::QueryError;
use query::logs::of_trace;
use query::traces::{peers, trace};

use crate::app::{App, page};
use crate::peers_view::PeersView;
use crate::shell::Shell;
use crate::span_view::SpanView;

/// Log records of one span.
const MAX_LOGS: usize = 50;
/// How long others are looked for: a panel is read for seconds.
const TYPICAL_WITHIN: Duration = Duration::from_secs(3);

/// `GET /traces/{id}/spans/{span}`
pub(crate) async fn get(
    State(app): State<App>,
    Path((id, span)): Path<(String, String)>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let (Some(id), Some((span_id, nth))) = (TraceId::parse(&id), parse(&span)) else {
        return (StatusCode::NOT_FOUND, "no such span\n").into_response();
    };
    let context = Shell::new(&app, &uri, &headers).link("");
    let app_there = app.clone();
    let found = app.state.engine.run(move |snapshot, budget| {
        let Some(trace) = trace(snapshot, budget, id)? else { return Ok(None) };
        let Some(index) = trace.find_nth(span_id, nth) else { return Ok(None) };
        let logs = of_trace(snapshot, budget, id, Some(span_id), MAX_LOGS)?;
        Ok(Some(SpanView::new(&app_there, &trace, index, logs.records.iter(), &context)))
    });
    answer(found.await)
}

/// `GET /traces/{id}/spans/{span}/typical`
pub(crate) async fn typical(
    State(app): State<App>,
    Path((id, span)): Path<(String, String)>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let (Some(id), Some((span_id, nth))) = (TraceId::parse(&id), parse(&span)) else {
        return (StatusCode::NOT_FOUND, "no such span\n").into_response();
    };
    let search = Shell::new(&app, &uri, &headers).link("").at_path("/traces");
    let found = app.state.engine.run_within(TYPICAL_WITHIN, move |snapshot, budget| {
        let Some(trace) = trace(snapshot, budget, id)? else { return Ok(None) };
        let Some(index) = trace.find_nth(span_id, nth) else { return Ok(None) };
        let span = trace.span(index);
        Ok(Some(PeersView::new(&span, &peers(snapshot, budget, &span)?, &search)))
    });
    answer(found.await)
}

fn answer<V: Template>(found: Result<Option<V>, QueryError>) -> Response {
    match found {
        Ok(Some(view)) => page(StatusCode::OK, &view),
        Ok(None) => (StatusCode::NOT_FOUND, "no such span\n").into_response(),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")).into_response(),
    }
}

/// A span as addresses name it: its id, and which one of those with the id when it is not the first: `00f067aa0ba902b7.2`.
pub(crate) fn parse(text: &str) -> Option<(SpanId, usize)> {
    let (id, nth) = text.split_once('.').unwrap_or((text, "1"));
    Some((SpanId::parse(id)?, nth.parse().ok()?))
}
