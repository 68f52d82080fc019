//! `/api/v1/traces/{id}`: all that carries one trace id, whatever its time: spans, log records and exemplars.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use model::{TraceId, Value};
use query::QueryError;
use query::traces::{Parts, Signals, Trace, TraceExemplar, signals};
use serde::Serialize;

use super::attributes::{Any, Object};
use super::error::ApiError;
use super::logs::{Record, Scope};
use super::params::Params;
use super::{ApiState, time};

/// Log records, and exemplars.
const DEFAULT_LIMIT: usize = 1_000;
const MAX_LIMIT: usize = 5_000;

pub(super) fn routes() -> Router<ApiState> {
    Router::new().route("/api/v1/traces/{id}", get(trace))
}

#[derive(Serialize)]
struct Answer<'a> {
    trace_id: String,
    /// In the order of the tree: a parent before its children.
    spans: Vec<SpanRecord<'a>>,
    logs: Vec<Record<'a>>,
    exemplars: Vec<ExemplarRecord<'a>>,
    /// Whether there are more log records or exemplars than `limit`.
    truncated: bool,
    warnings: &'a [String],
}

#[derive(Serialize)]
struct SpanRecord<'a> {
    span_id: String,
    parent_span_id: Option<String>,
    start_time: String,
    end_time: String,
    duration_ns: i64,
    service: &'a str,
    name: &'a str,
    kind: &'static str,
    status: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    status_message: &'a str,
    attributes: Object<'a>,
    events: Vec<EventRecord<'a>>,
    links: Vec<LinkRecord<'a>>,
    resource: Object<'a>,
    scope: Scope<'a>,
}

#[derive(Serialize)]
struct EventRecord<'a> {
    time: String,
    name: &'a str,
    attributes: Object<'a>,
}

#[derive(Serialize)]
struct LinkRecord<'a> {
    trace_id: Option<String>,
    span_id: Option<String>,
    attributes: Object<'a>,
}

#[derive(Serialize)]
struct ExemplarRecord<'a> {
    time: String,
    /// The metric's; these four are absent when no point of the series is stored any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attributes: Option<Object<'a>>,
    value: Any<'a>,
    span_id: Option<String>,
    filtered_attributes: Object<'a>,
}

/// The id in a path, which may lack its leading zeros.
pub(super) fn parse_id(id: &str) -> Result<TraceId, ApiError> {
    TraceId::parse(id).ok_or_else(|| {
        let reason = format!("up to 32 hex digits are expected, not `{}`", id.chars().take(50).collect::<String>());
        ApiError::bad_parameter("trace id", reason)
    })
}

async fn trace(State(state): State<ApiState>, Path(id): Path<String>, params: Params) -> Result<Response, ApiError> {
    params.only(&["limit"])?;
    let limit = params.count("limit", DEFAULT_LIMIT)?;
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(ApiError::bad_parameter("limit", format!("from 1 to {MAX_LIMIT} are allowed, not {limit}")));
    }
    let id = parse_id(&id)?;
    let found = state.engine.run(move |snapshot, budget| {
        let found = signals(snapshot, budget, id, Parts::All, limit)?;
        if found.is_empty() {
            return Ok(None);
        }
        // Here, since a trace can be large and its text takes time.
        let text = serde_json::to_vec(&Answer::of(id, &found));
        text.map(Some).map_err(|error| QueryError::Internal(error.to_string()))
    });
    match found.await? {
        Some(text) => Ok(([(header::CONTENT_TYPE, "application/json")], text).into_response()),
        None => {
            let message = format!("no span, log record or exemplar with trace id {id} is stored");
            Err(ApiError::new(StatusCode::NOT_FOUND, "not_found", message))
        }
    }
}

impl<'a> Answer<'a> {
    fn of(id: TraceId, found: &'a Signals) -> Self {
        let spans = |trace: &'a Trace| (0..trace.spans.len()).map(|index| SpanRecord::of(trace, index)).collect();
        Answer {
            trace_id: id.to_string(),
            spans: found.trace.as_ref().map_or_else(Vec::new, spans),
            logs: found.logs.iter().map(Record::of).collect(),
            exemplars: found.exemplars.iter().map(ExemplarRecord::of).collect(),
            truncated: found.logs_cut || found.exemplars_cut,
            warnings: &found.warnings,
        }
    }
}

impl<'a> SpanRecord<'a> {
    fn of(trace: &'a Trace, index: usize) -> Self {
        let span = trace.span(index);
        let events = span.events.iter().map(|event| EventRecord {
            time: time::format(event.time),
            name: event.name,
            attributes: Object(event.attrs),
        });
        let links = span.links.iter().map(|link| LinkRecord {
            trace_id: link.trace_id.map(|id| id.to_string()),
            span_id: link.span_id.map(|id| id.to_string()),
            attributes: Object(link.attrs),
        });
        SpanRecord {
            span_id: span.span_id.to_string(),
            parent_span_id: span.parent_span_id.map(|id| id.to_string()),
            start_time: time::format(span.start),
            end_time: time::format(span.end()),
            duration_ns: span.duration,
            service: span.service,
            name: span.name,
            kind: span.kind.name(),
            status: span.status.name(),
            status_message: span.status_message,
            attributes: Object(span.attrs),
            events: events.collect(),
            links: links.collect(),
            resource: Object(span.resource.attrs()),
            scope: Scope { name: span.scope.name(), version: span.scope.version() },
        }
    }
}

impl<'a> ExemplarRecord<'a> {
    fn of(exemplar: &'a TraceExemplar) -> Self {
        let series = exemplar.series.as_deref();
        ExemplarRecord {
            time: time::format(exemplar.time),
            name: series.map(|series| &*series.name),
            unit: series.map(|series| &*series.unit),
            service: series.map(|series| series.resource().service_name()),
            attributes: series.map(|series| Object(series.attrs())),
            value: Any(Value::Double(exemplar.value)),
            span_id: exemplar.span_id.map(|id| id.to_string()),
            filtered_attributes: Object(exemplar.attrs()),
        }
    }
}
