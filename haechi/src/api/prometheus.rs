//! Prometheus' HTTP API (`/api/v1/*`), as its own clients and Grafana's Prometheus data source call it: GET, or POST of a
//! form. Answers are written by `query::promql::json` on the engine's threads.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use model::{Nanos, TimeRange};
use query::promql::{Limits, PromqlError, Source};
use serde_json::{Value, json};

use super::error::ApiError;
use super::params::Params;
use super::{ApiState, time};

mod exemplars;
mod lists;
mod query_api;
mod status;

pub(super) fn routes() -> Router<ApiState> {
    Router::new()
        .route("/api/v1/query", get(query_api::instant).post(query_api::instant))
        .route("/api/v1/query_range", get(query_api::range).post(query_api::range))
        .route("/api/v1/query_exemplars", get(exemplars::exemplars).post(exemplars::exemplars))
        .route("/api/v1/labels", get(lists::labels).post(lists::labels))
        .route("/api/v1/label/{name}/values", get(lists::label_values))
        .route("/api/v1/series", get(lists::series).post(lists::series))
        .route("/api/v1/metadata", get(lists::metadata))
        .route("/api/v1/targets", get(status::targets))
        .route("/api/v1/status/tsdb", get(status::tsdb))
        .route("/api/v1/status/buildinfo", get(build_info))
}

/// Grafana tells flavours of Prometheus apart by this; no `features` means Prometheus itself.
async fn build_info() -> Json<Value> {
    let info = json!({
        "application": "Haechi",
        "version": env!("CARGO_PKG_VERSION"),
        "revision": "",
        "branch": "",
        "buildUser": "",
        "buildDate": "",
        "goVersion": "",
    });
    Json(json!({ "status": "success", "data": info }))
}

impl From<PromqlError> for ApiError {
    fn from(error: PromqlError) -> Self {
        let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        ApiError::new(status, error.error_type(), error.to_string())
    }
}

/// Runs `answer` on the engine within the parameter `timeout`; what it returns is JSON.
async fn run(
    state: &ApiState,
    params: &Params,
    answer: impl FnOnce(&Source, &Limits) -> Result<String, PromqlError> + Send + 'static,
) -> Result<Response, ApiError> {
    let timeout = params.get("timeout").map(|text| time::duration("timeout", text)).transpose()?;
    let within = timeout.map_or(std::time::Duration::MAX, |timeout| {
        std::time::Duration::from_nanos(timeout.try_into().unwrap_or(u64::MAX))
    });
    let query = move |snapshot: &store::Snapshot, budget: &query::Budget| {
        let limits = Limits { budget: budget.clone(), ..Limits::default() };
        Ok(answer(&Source::store(snapshot.clone()), &limits))
    };
    let json = state.engine.run_within(within, query).await??;
    Ok(([(header::CONTENT_TYPE, "application/json")], json).into_response())
}

fn time_of(params: &Params, name: &str) -> Result<Option<Nanos>, ApiError> {
    params.get(name).map(|text| time::parse(name, text)).transpose()
}

/// The range of `start` and `end`, both of which may be missing and belong to it.
fn open_range(params: &Params) -> Result<TimeRange, ApiError> {
    let start = time_of(params, "start")?.unwrap_or(TimeRange::ALL.start);
    let end = time_of(params, "end")?.map_or(TimeRange::ALL.end, |end| end.saturating_add(1));
    if start >= end {
        return Err(ApiError::bad_parameter("end", "it is before start"));
    }
    Ok(TimeRange::new(start, end))
}
