//! Tempo's query API, as Grafana's Tempo data source calls it: traces by id, search by TraceQL, tags and their values. Times
//! in parameters are seconds; errors are plain text.
//!
//! Source: grafana/tempo, `pkg/api` and `pkg/tempopb/tempo.proto`, and Grafana's data source, `pkg/tsdb/tempo`.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use model::TraceId;
use model::wire::put_bytes_field;
use query::otlp::{TracesData, traces_data};
use query::{QueryError, traces};
use serde::Serialize;
use serde_json::{Value, json};

use super::ApiState;
use super::error::ApiError;
use super::traces::parse_id;

mod metrics;
mod search;
mod tags;

const PROTOBUF: &str = "application/protobuf";

pub(super) fn routes() -> Router<ApiState> {
    Router::new()
        .route("/api/echo", get(async || "echo"))
        .route("/api/status/buildinfo", get(build_info))
        .route("/api/v2/traces/{id}", get(trace))
        .route("/api/search", get(search::search))
        .route("/api/metrics/query_range", get(metrics::query_range))
        .route("/api/metrics/query", get(metrics::query))
        .route("/api/search/tags", get(tags::names_v1))
        .route("/api/v2/search/tags", get(tags::names))
        .route("/api/search/tag/{tag}/values", get(tags::values_v1))
        .route("/api/v2/search/tag/{tag}/values", get(tags::values))
}

/// An [`ApiError`] as Tempo's clients show it.
pub(super) struct PlainError(ApiError);

impl<E: Into<ApiError>> From<E> for PlainError {
    fn from(error: E) -> Self {
        PlainError(error.into())
    }
}

impl IntoResponse for PlainError {
    fn into_response(self) -> Response {
        (self.0.status, self.0.message).into_response()
    }
}

async fn build_info() -> Json<Value> {
    Json(json!({"status": "success", "data": {"version": env!("CARGO_PKG_VERSION"), "branch": "", "goVersion": ""}}))
}

/// The answer of `/api/v2/traces/{id}`: `TraceByIDResponse`.
#[derive(Serialize)]
struct ById<'a> {
    trace: TracesData<'a>,
    metrics: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
    #[serde(skip_serializing_if = "String::is_empty")]
    message: String,
}

async fn trace(
    State(state): State<ApiState>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, PlainError> {
    let id = parse_id(&id)?;
    let protobuf = wants_protobuf(&headers);
    let found = state.engine.run(move |snapshot, budget| {
        let Some(trace) = traces::trace(snapshot, budget, id)? else { return Ok(None) };
        let message = trace.warnings.join("; ");
        // Here, since a trace can be large and its encoding takes time.
        if protobuf {
            return Ok(Some(by_id(&traces_data(&trace), &message)));
        }
        let status = (!message.is_empty()).then_some("PARTIAL");
        let body = ById { trace: TracesData::of([&trace]), metrics: json!({}), status, message };
        serde_json::to_vec(&body).map(Some).map_err(|error| QueryError::Internal(error.to_string()))
    });
    match found.await? {
        Some(body) => {
            Ok(([(header::CONTENT_TYPE, if protobuf { PROTOBUF } else { "application/json" })], body).into_response())
        }
        None => Err(not_found(id).into()),
    }
}

/// `/api/traces/{id}` for whoever asks for protobuf, which Jaeger's API does not know: a message `Trace` of Tempo, which
/// is OTLP's `TracesData`.
pub(super) async fn trace_v1(state: &ApiState, id: TraceId) -> Result<Response, PlainError> {
    let find = move |snapshot: &_, budget: &_| Ok(traces::trace(snapshot, budget, id)?.map(|it| traces_data(&it)));
    match state.engine.run(find).await? {
        Some(body) => Ok(([(header::CONTENT_TYPE, PROTOBUF)], body).into_response()),
        None => Err(not_found(id).into()),
    }
}

pub(super) fn wants_protobuf(headers: &HeaderMap) -> bool {
    let accept = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accept.flat_map(|value| value.split(',')).any(|kind| kind.split(';').next().is_some_and(|it| it.trim() == PROTOBUF))
}

/// The fields of `TraceByIDResponse`: the trace, metrics, whether it is partial, and why.
fn by_id(trace: &[u8], message: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(trace.len() + message.len() + 16);
    put_bytes_field(&mut out, 1, trace);
    put_bytes_field(&mut out, 2, &[]);
    if !message.is_empty() {
        model::wire::put_varint_field(&mut out, 3, 1);
        put_bytes_field(&mut out, 4, message.as_bytes());
    }
    out
}

fn not_found(id: TraceId) -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "not_found", format!("no span with trace id {id} is stored"))
}
