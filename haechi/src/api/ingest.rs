//! `/api/v1/ingest`: what comes in, what is not taken and why, and how much room there is, as the Ingest page shows it.

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::ApiState;

pub(super) fn routes() -> Router<ApiState> {
    Router::new().route("/api/v1/ingest", get(answer))
}

async fn answer(State(state): State<ApiState>) -> Json<Value> {
    Json(json!({ "status": "success", "data": (state.report)() }))
}
