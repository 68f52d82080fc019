//! `/api/v1/ingest`: what comes in, what is not taken and why, and how much room there is, as the Ingest page shows it.

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::ApiState;

pub(super) fn routes() -> Router<ApiState> {
    Router::new().route("/api/v1/ingest", get(answer))
}

/// Made on a thread of its own: it takes time by the number of metrics and labels.
async fn answer(State(state): State<ApiState>) -> Result<Json<Value>, StatusCode> {
    let report = tokio::task::spawn_blocking(move || (state.report)()).await.map_err(|error| {
        tracing::error!(%error, "the report on what is received was not made");
        StatusCode::SERVICE_UNAVAILABLE
    })?;
    Ok(Json(json!({ "status": "success", "data": report })))
}
