//! `/api/v1/ingest`: what comes in, what is not taken and why, and how much room there is, as the Ingest page shows it.

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use ui::{IngestChoice, SIGNALS};

use super::ApiState;
use super::error::ApiError;
use super::params::Params;

pub(super) fn routes() -> Router<ApiState> {
    Router::new().route("/api/v1/ingest", get(answer))
}

/// Made on a thread of its own: it takes time by the number of metrics and labels.
async fn answer(State(state): State<ApiState>, params: Params) -> Result<Json<Value>, ApiError> {
    params.only(&["signal", "service"])?;
    let signal = match params.get("signal") {
        None => None,
        Some(name) => Some(
            IngestChoice::signal(name)
                .ok_or_else(|| ApiError::bad_parameter("signal", format!("{} are allowed", SIGNALS.join(", "))))?,
        ),
    };
    let choice = IngestChoice { signal, service: params.get("service").unwrap_or_default().to_owned() };
    let report = tokio::task::spawn_blocking(move || (state.report)().narrowed(&choice)).await.map_err(|error| {
        tracing::error!(%error, "the report on what is received was not made");
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "the report was not made; try again later")
    })?;
    Ok(Json(json!({ "status": "success", "data": report })))
}
