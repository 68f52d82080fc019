//! `/api/v1/logs`: search of log records, newest first.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use query::logs::{LogRow, LogSearch, search};
use serde::Serialize;

use super::attributes::Object;
use super::error::ApiError;
use super::params::Params;
use super::{ApiState, time};

const DEFAULT_LIMIT: usize = 100;
const MAX_LIMIT: usize = 5_000;

pub(super) fn routes() -> Router<ApiState> {
    Router::new().route("/api/v1/logs", get(logs).post(logs))
}

#[derive(Serialize)]
struct Answer<'a> {
    logs: Vec<Record<'a>>,
    /// Whether the range was not searched to its end, so that more records may match.
    truncated: bool,
    /// Records looked at.
    scanned: u64,
    warnings: &'a [String],
}

#[derive(Serialize)]
struct Record<'a> {
    time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    observed_time: Option<String>,
    service: &'a str,
    severity: &'a str,
    severity_number: u8,
    body: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    event_name: &'a str,
    trace_id: Option<String>,
    span_id: Option<String>,
    attributes: Object<'a>,
    resource: Object<'a>,
    scope: Scope<'a>,
}

#[derive(Serialize)]
struct Scope<'a> {
    name: &'a str,
    version: &'a str,
}

impl<'a> Record<'a> {
    fn of(row: &'a LogRow) -> Self {
        let scope = row.scope();
        Record {
            time: time::format(row.time),
            observed_time: (row.observed_time != 0).then(|| time::format(row.observed_time)),
            service: &row.service,
            severity: row.severity(),
            severity_number: row.severity_number,
            body: &row.body,
            event_name: &row.event_name,
            trace_id: row.trace_id.map(|id| id.to_string()),
            span_id: row.span_id.map(|id| id.to_string()),
            attributes: Object(row.attrs()),
            resource: Object(row.resource().attrs()),
            scope: Scope { name: scope.name(), version: scope.version() },
        }
    }
}

async fn logs(State(state): State<ApiState>, params: Params) -> Result<Response, ApiError> {
    params.only(&["query", "start", "end", "limit"])?;
    let limit = params.count("limit", DEFAULT_LIMIT)?;
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(ApiError::bad_parameter("limit", format!("from 1 to {MAX_LIMIT} are allowed, not {limit}")));
    }
    let range = time::range(&params, (state.clock)())?;
    let query = params.get("query").unwrap_or_default().to_owned();
    let wanted = LogSearch { query, limit, ..LogSearch::new(range) };
    let hits = state.engine.run(move |snapshot, budget| search(snapshot, budget, &wanted)).await?;
    let logs = hits.records.iter().map(Record::of).collect();
    let answer = Answer { logs, truncated: hits.truncated, scanned: hits.n_scanned, warnings: &hits.warnings };
    Ok(Json(answer).into_response())
}
