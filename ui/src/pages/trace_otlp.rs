//! `/traces/{id}/otlp.json`: the spans of a trace as a file of OTLP/JSON.

use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use model::TraceId;
use query::QueryError;
use query::otlp::TracesData;
use query::traces::trace;

use crate::app::App;

/// `GET /traces/{id}/otlp.json`
pub(crate) async fn get(State(app): State<App>, Path(id): Path<String>) -> Response {
    let Some(id) = TraceId::parse(&id) else { return (StatusCode::NOT_FOUND, "no such trace\n").into_response() };
    let found = app.state.engine.run(move |snapshot, budget| {
        let Some(trace) = trace(snapshot, budget, id)? else { return Ok(None) };
        let text = serde_json::to_vec(&TracesData::of([&trace]));
        text.map(Some).map_err(|error| QueryError::Internal(error.to_string()))
    });
    match found.await {
        Ok(Some(bytes)) => {
            let name = format!("attachment; filename=\"trace-{id}.json\"");
            ([(header::CONTENT_TYPE, "application/json".to_owned()), (header::CONTENT_DISPOSITION, name)], bytes)
                .into_response()
        }
        Ok(None) => (StatusCode::NOT_FOUND, "no such trace\n").into_response(),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")).into_response(),
    }
}
