//! Prometheus' HTTP API, as its own clients and Grafana's Prometheus data source call it.

use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::ApiState;

pub(super) fn routes() -> Router<ApiState> {
    Router::new().route("/api/v1/status/buildinfo", get(build_info))
}

/// Grafana tells flavours of Prometheus apart by this; no `features` means Prometheus itself.
async fn build_info() -> Json<Value> {
    let version = env!("CARGO_PKG_VERSION");
    let info = json!({
        "application": "Haechi",
        "version": version,
        "revision": "",
        "branch": "",
        "buildUser": "",
        "buildDate": "",
        "goVersion": "",
    });
    Json(json!({ "status": "success", "data": info }))
}
