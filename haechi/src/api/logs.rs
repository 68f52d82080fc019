//! `/api/v1/logs`: search of log records, newest first; and `/api/v1/logs/count`: how many there are, by time and severity.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use query::logs::{LogBucket, LogRow, LogSearch, SeverityClass, histogram, search};
use serde::Serialize;
use serde_json::{Map, Value};

use super::attributes::Object;
use super::error::ApiError;
use super::params::Params;
use super::{ApiState, time};

const DEFAULT_LIMIT: usize = 100;
const MAX_LIMIT: usize = 5_000;
const DEFAULT_BUCKETS: usize = 1;
const MAX_BUCKETS: usize = 1_000;

pub(super) fn routes() -> Router<ApiState> {
    Router::new().route("/api/v1/logs", get(logs).post(logs)).route("/api/v1/logs/count", get(count).post(count))
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

/// A log record.
#[derive(Serialize)]
pub(super) struct Record<'a> {
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
pub(super) struct Scope<'a> {
    pub(super) name: &'a str,
    pub(super) version: &'a str,
}

impl<'a> Record<'a> {
    pub(super) fn of(row: &'a LogRow) -> Self {
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
    let warnings = [hits.notes, hits.warnings].concat();
    let answer = Answer { logs, truncated: hits.truncated, scanned: hits.n_scanned, warnings: &warnings };
    Ok(Json(answer).into_response())
}

#[derive(Serialize)]
struct Counts<'a> {
    total: u64,
    buckets: Vec<Bucket>,
    /// Nanoseconds from the start of one bucket to that of the next.
    width: i64,
    /// Whether the time limit came before the end, so that there are more.
    truncated: bool,
    /// Records looked at: none where the text index tells.
    scanned: u64,
    warnings: &'a [String],
}

#[derive(Serialize)]
struct Bucket {
    start: String,
    total: u64,
    /// By the name of the severity; those without records are left out. Only when asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    severities: Option<Map<String, Value>>,
}

impl Bucket {
    fn of(bucket: &LogBucket, by_severity: bool) -> Self {
        let counts = SeverityClass::ALL.into_iter().map(|class| (class.name().to_owned(), bucket.count(class)));
        let severities = counts.filter(|(_, count)| *count > 0).map(|(name, count)| (name, count.into())).collect();
        Bucket {
            start: time::format(bucket.start),
            total: bucket.n_total(),
            severities: by_severity.then_some(severities),
        }
    }
}

async fn count(State(state): State<ApiState>, params: Params) -> Result<Response, ApiError> {
    params.only(&["query", "start", "end", "buckets", "by"])?;
    let by_severity = match params.get("by") {
        None => false,
        Some("severity") => true,
        Some(other) => return Err(ApiError::bad_parameter("by", format!("severity is allowed, not {other:?}"))),
    };
    let n_buckets = params.count("buckets", DEFAULT_BUCKETS)?;
    if !(1..=MAX_BUCKETS).contains(&n_buckets) {
        return Err(ApiError::bad_parameter(
            "buckets",
            format!("from 1 to {MAX_BUCKETS} are allowed, not {n_buckets}"),
        ));
    }
    let range = time::range(&params, (state.clock)())?;
    let query = params.get("query").unwrap_or_default().to_owned();
    let wanted = LogSearch { query, ..LogSearch::new(range) };
    let counted =
        state.engine.run(move |snapshot, budget| histogram(snapshot, budget, &wanted, n_buckets, by_severity));
    let counted = counted.await?;
    let answer = Counts {
        total: counted.n_total,
        buckets: counted.buckets.iter().map(|bucket| Bucket::of(bucket, by_severity)).collect(),
        width: counted.width,
        truncated: counted.truncated,
        scanned: counted.n_scanned,
        warnings: &counted.warnings,
    };
    Ok(Json(answer).into_response())
}
