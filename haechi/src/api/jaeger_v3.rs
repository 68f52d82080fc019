//! Version 3 of Jaeger's query API (`/api/v3/*`): traces in the JSON of OTLP, parameters of a query in RFC 3339 and in both
//! spellings, `query.serviceName` and the older `query.service_name`.
//!
//! Source: jaegertracing/jaeger, jaegerquery `apiv3` (the HTTP gateway), and jaeger-idl, `api_v3/query_service.proto`.

use std::collections::BTreeMap;

use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use model::{Nanos, TimeRange, TraceId};
use query::otlp::TracesData;
use query::traces::{Trace, TraceSearch};
use query::{Budget, QueryError, jaeger, traces};
use serde::Serialize;
use store::Snapshot;

use super::error::ApiError;
use super::jaeger::recent;
use super::params::Params;
use super::traces::parse_id;
use super::{ApiState, time};

/// Jaeger's own default of `query.searchDepth`.
const DEFAULT_DEPTH: usize = 100;

pub(super) fn routes() -> Router<ApiState> {
    Router::new()
        .route("/api/v3/services", get(services))
        .route("/api/v3/operations", get(operations))
        .route("/api/v3/traces", get(search))
        .route("/api/v3/traces/{id}", get(trace))
}

/// An [`ApiError`] in the shape of gRPC's gateway: `{"error": {"httpCode": 404, "message": "…"}}`.
struct GatewayError(ApiError);

impl<E: Into<ApiError>> From<E> for GatewayError {
    fn from(error: E) -> Self {
        GatewayError(error.into())
    }
}

#[derive(Serialize)]
struct ErrorBody {
    error: ErrorDetails,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ErrorDetails {
    http_code: u16,
    message: String,
}

impl IntoResponse for GatewayError {
    fn into_response(self) -> Response {
        let ApiError { status, message, .. } = self.0;
        let error = ErrorDetails { http_code: status.as_u16(), message };
        (status, Json(ErrorBody { error })).into_response()
    }
}

#[derive(Serialize)]
struct Services {
    services: Vec<String>,
}

#[derive(Serialize)]
struct Operations {
    operations: Vec<jaeger::Operation>,
}

#[derive(Serialize)]
struct Traces<'a> {
    result: TracesData<'a>,
}

async fn services(State(state): State<ApiState>) -> Result<Json<Services>, GatewayError> {
    let range = recent(&state);
    let services = state.engine.run(move |snapshot, budget| jaeger::service_names(snapshot, budget, range)).await?;
    Ok(Json(Services { services }))
}

async fn operations(State(state): State<ApiState>, params: Params) -> Result<Json<Operations>, GatewayError> {
    let range = recent(&state);
    let service = params.require("service")?.to_owned();
    let kind = of(&params, "spanKind", "span_kind").1.unwrap_or_default().to_owned();
    let operations = move |snapshot: &_, budget: &_| jaeger::operations(snapshot, budget, &service, &kind, range);
    Ok(Json(Operations { operations: state.engine.run(operations).await? }))
}

async fn search(State(state): State<ApiState>, params: Params) -> Result<Response, GatewayError> {
    let search = search_of(&params)?;
    answer(&state, "no trace is found", move |snapshot, budget| jaeger::found_traces(snapshot, budget, &search, &[]))
        .await
}

async fn trace(State(state): State<ApiState>, Path(id): Path<String>) -> Result<Response, GatewayError> {
    let id: TraceId = parse_id(&id)?;
    let find = move |snapshot: &_, budget: &_| Ok(traces::trace(snapshot, budget, id)?.into_iter().collect());
    answer(&state, "trace not found", find).await
}

/// What `find` finds as OTLP; with nothing, 404 and `none`.
async fn answer(
    state: &ApiState,
    none: &str,
    find: impl FnOnce(&Snapshot, &Budget) -> Result<Vec<Trace>, QueryError> + Send + 'static,
) -> Result<Response, GatewayError> {
    let found = state.engine.run(move |snapshot, budget| {
        let found = find(snapshot, budget)?;
        if found.is_empty() {
            return Ok(None);
        }
        // Here, since a trace can be large and its text takes time.
        let text = serde_json::to_vec(&Traces { result: TracesData::of(&found) });
        text.map(Some).map_err(|error| QueryError::Internal(error.to_string()))
    });
    match found.await? {
        Some(text) => Ok(([(header::CONTENT_TYPE, "application/json")], text).into_response()),
        None => Err(ApiError::new(StatusCode::NOT_FOUND, "not_found", none).into()),
    }
}

/// A parameter by the first of two names that it has, and that name.
fn of<'a>(params: &'a Params, name: &'static str, older: &'static str) -> (&'static str, Option<&'a str>) {
    match (params.get(name), params.get(older)) {
        (None, Some(value)) => (older, Some(value)),
        (value, _) => (name, value),
    }
}

fn search_of(params: &Params) -> Result<TraceSearch, ApiError> {
    let required = |(name, value): (&'static str, Option<&str>)| match value {
        Some(text) => time::parse(name, text),
        None => Err(ApiError::bad_parameter(name, "it is missing; RFC 3339 is expected")),
    };
    let start = required(of(params, "query.startTimeMin", "query.start_time_min"))?;
    let end = required(of(params, "query.startTimeMax", "query.start_time_max"))?;
    if start > end {
        return Err(ApiError::bad_parameter("query.startTimeMax", "it is before query.startTimeMin"));
    }
    let text = |name, older| of(params, name, older).1.map(str::to_owned);
    Ok(TraceSearch {
        service: text("query.serviceName", "query.service_name"),
        operation: text("query.operationName", "query.operation_name"),
        min_duration: duration(of(params, "query.durationMin", "query.duration_min"))?,
        max_duration: duration(of(params, "query.durationMax", "query.duration_max"))?,
        attributes: attributes(params)?,
        limit: depth(params)?,
        // Jaeger's end is part of the range.
        ..TraceSearch::new(TimeRange::new(start, end.saturating_add(1)))
    })
}

fn depth(params: &Params) -> Result<usize, ApiError> {
    let (name, depth) = match of(params, "query.searchDepth", "query.search_depth") {
        (_, None) => ("query.num_traces", params.get("query.num_traces")),
        known => known,
    };
    let number = |text: &str| text.parse().map_err(|_| ApiError::bad_parameter(name, "a number of traces is expected"));
    depth.map_or(Ok(DEFAULT_DEPTH), number)
}

/// `query.attributes`, a JSON object of strings.
fn attributes(params: &Params) -> Result<Vec<(String, String)>, ApiError> {
    let Some(text) = params.get("query.attributes") else { return Ok(Vec::new()) };
    let object: BTreeMap<String, String> = serde_json::from_str(text).map_err(|error| {
        ApiError::bad_parameter("query.attributes", format!("a JSON object of strings is expected: {error}"))
    })?;
    Ok(object.into_iter().collect())
}

fn duration((name, text): (&'static str, Option<&str>)) -> Result<Option<Nanos>, ApiError> {
    let Some(text) = text else { return Ok(None) };
    let expected = || ApiError::bad_parameter(name, "a duration such as 500ms or 1.2s is expected");
    query::lang::parse_duration(text).map(Some).ok_or_else(expected)
}
