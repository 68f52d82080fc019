//! `/traces/{id}/data`: the rows of a trace for the waterfall, as [`payload`] writes them.

use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use model::TraceId;
use query::logs::of_trace;
use query::traces::{Parts, trace_in};

use crate::app::App;
use crate::waterfall::{MAX_MARKS, Waterfall, payload};

/// `GET /traces/{id}/data`
pub(crate) async fn get(State(app): State<App>, Path(id): Path<String>) -> Response {
    let Some(id) = TraceId::parse(&id) else { return (StatusCode::NOT_FOUND, "no such trace\n").into_response() };
    let app_there = app.clone();
    let found = app.state.engine.run(move |snapshot, budget| {
        let Some(trace) = trace_in(snapshot, budget, id, Parts::Own)? else { return Ok(None) };
        let logs = of_trace(snapshot, budget, id, None, MAX_MARKS + 1)?;
        Ok(Some(payload(&app_there, &Waterfall::new(&trace), &logs.records)))
    });
    match found.await {
        Ok(Some(bytes)) => ([(header::CONTENT_TYPE, "application/octet-stream")], bytes).into_response(),
        Ok(None) => (StatusCode::NOT_FOUND, "no such trace\n").into_response(),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")).into_response(),
    }
}
