//! Jaeger's query API (`/api/services`, `/api/operations`, `/api/traces`, `/api/dependencies`), as its UI and Grafana's
//! Jaeger data source call it. Times are microseconds; errors have Jaeger's shape.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use model::time::{DAY, MICROSECOND, MILLISECOND};
use model::{Nanos, TimeRange};
use query::{QueryError, jaeger, traces};

use super::ApiState;
use super::error::ApiError;
use super::params::Params;
use super::tempo;
use super::traces::parse_id;

/// How far back lists of services and operations look: these calls have no range, and Jaeger's UI searches two days.
const LOOKBACK: Nanos = 2 * DAY;

pub(super) fn routes() -> Router<ApiState> {
    Router::new()
        .route("/api/services", get(services))
        .route("/api/services/{service}/operations", get(operation_names))
        .route("/api/operations", get(operations))
        .route("/api/traces", get(search))
        .route("/api/traces/{id}", get(trace))
        .route("/api/dependencies", get(dependencies))
}

/// An [`ApiError`] in the shape that Jaeger's clients read.
pub(super) struct JaegerError(ApiError);

impl<E: Into<ApiError>> From<E> for JaegerError {
    fn from(error: E) -> Self {
        JaegerError(error.into())
    }
}

impl IntoResponse for JaegerError {
    fn into_response(self) -> Response {
        let ApiError { status, message, .. } = self.0;
        (status, Json(jaeger::Response::error(status.as_u16(), message))).into_response()
    }
}

type Answer<T> = Result<Json<jaeger::Response<Vec<T>>>, JaegerError>;

fn answer<T>(data: Vec<T>) -> Answer<T> {
    Ok(Json(jaeger::Response::of(data)))
}

pub(super) fn recent(state: &ApiState) -> TimeRange {
    let now = (state.clock)();
    TimeRange::new(now.saturating_sub(LOOKBACK), now.saturating_add(1))
}

async fn services(State(state): State<ApiState>) -> Answer<String> {
    let range = recent(&state);
    answer(state.engine.run(move |snapshot, budget| jaeger::service_names(snapshot, budget, range)).await?)
}

async fn operation_names(State(state): State<ApiState>, Path(service): Path<String>) -> Answer<String> {
    let range = recent(&state);
    let names = move |snapshot: &_, budget: &_| jaeger::operation_names(snapshot, budget, &service, range);
    answer(state.engine.run(names).await?)
}

async fn operations(State(state): State<ApiState>, params: Params) -> Answer<jaeger::Operation> {
    let range = recent(&state);
    let service = params.require("service")?.to_owned();
    let kind = params.get("spanKind").unwrap_or_default().to_owned();
    let operations = move |snapshot: &_, budget: &_| jaeger::operations(snapshot, budget, &service, &kind, range);
    answer(state.engine.run(operations).await?)
}

async fn search(State(state): State<ApiState>, params: Params) -> Answer<jaeger::Trace> {
    let text = |name| params.get(name).unwrap_or_default().to_owned();
    let wanted = jaeger::TraceParams {
        service: text("service"),
        operation: text("operation"),
        tags: text("tags"),
        tag: params.all("tag").map(str::to_owned).collect(),
        min_duration: text("minDuration"),
        max_duration: text("maxDuration"),
        limit: text("limit"),
        start: text("start"),
        end: text("end"),
        trace_id: params.all("traceID").map(str::to_owned).collect(),
    };
    let (mut search, ids) = jaeger::search_of(&wanted, (state.clock)())?;
    if let (None, Some(lookback)) = (params.get("start"), params.get("lookback").filter(|it| *it != "custom")) {
        let length = query::lang::parse_duration(lookback)
            .ok_or_else(|| ApiError::bad_parameter("lookback", "a duration such as 1h or 2d is expected"))?;
        // The range's end is one microsecond after the last one that is meant.
        search.range.start = search.range.end.saturating_sub(length).saturating_sub(MICROSECOND);
    }
    answer(state.engine.run(move |snapshot, budget| jaeger::traces(snapshot, budget, &search, &ids)).await?)
}

/// Tempo has this path too. Grafana asks it for protobuf, which Jaeger does not speak.
async fn trace(State(state): State<ApiState>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    if !tempo::wants_protobuf(&headers) {
        return jaeger_trace(&state, &id).await.into_response();
    }
    match parse_id(&id) {
        Ok(id) => tempo::trace_v1(&state, id).await.into_response(),
        Err(error) => tempo::PlainError::from(error).into_response(),
    }
}

async fn jaeger_trace(state: &ApiState, id: &str) -> Answer<jaeger::Trace> {
    let id = parse_id(id)?;
    let find = move |snapshot: &_, budget: &_| -> Result<_, QueryError> {
        match traces::trace(snapshot, budget, id)? {
            Some(found) => Ok(Ok(jaeger::trace(&found))),
            None => Ok(Err(traces::signals(snapshot, budget, id, traces::Parts::Tree, 1)?.is_empty())),
        }
    };
    let message = match state.engine.run(find).await? {
        Ok(trace) => return answer(vec![trace]),
        Err(true) => "trace not found".to_owned(),
        Err(false) => format!("no span of the trace is stored; /api/v1/traces/{id} has its log records and exemplars"),
    };
    Err(ApiError::new(StatusCode::NOT_FOUND, "not_found", message).into())
}

async fn dependencies(State(state): State<ApiState>, params: Params) -> Answer<jaeger::Dependency> {
    let millis = |name: &str| match params.get(name) {
        None => Ok(None),
        Some(text) => match text.parse::<i64>() {
            Ok(millis) => Ok(Some(millis.saturating_mul(MILLISECOND))),
            Err(_) => Err(ApiError::bad_parameter(name, "milliseconds are expected")),
        },
    };
    let end = millis("endTs")?.unwrap_or_else(|| (state.clock)()).saturating_add(1);
    let lookback = millis("lookback")?.unwrap_or(DAY);
    let range = TimeRange::new(end.saturating_sub(lookback), end);
    answer(state.engine.run(move |snapshot, budget| jaeger::dependencies(snapshot, budget, range)).await?)
}
