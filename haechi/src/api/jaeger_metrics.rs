//! Jaeger's metrics of services (`/api/metrics/*`), from which its UI draws the tab Monitor: rate, errors and latency of
//! spans, as PromQL has them in `traces_spanmetrics_*`.
//!
//! Source: jaegertracing/jaeger, jaegerquery's HTTP handler, and jaeger-idl, `proto/api_v2/metrics/openmetrics.proto`.

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use model::time::{HOUR, MILLISECOND, MINUTE, SECOND};
use model::{Nanos, SpanKind};
use query::promql::{self, Limits, MatrixSeries, Millis, QueryValue, Source};
use serde::Serialize;

use super::error::ApiError;
use super::jaeger::JaegerError;
use super::params::Params;
use super::{ApiState, time};

/// Jaeger's defaults.
const LOOKBACK: Nanos = HOUR;
const STEP: Nanos = 5 * SECOND;
const RATE_PER: Nanos = 10 * MINUTE;
/// Spans are added up by the minute.
const LEAST_STEP: Nanos = MINUTE;
const CALLS: &str = "traces_spanmetrics_calls_total";
const LATENCY: &str = "traces_spanmetrics_latency";

pub(super) fn routes() -> Router<ApiState> {
    Router::new()
        .route("/api/metrics/latencies", get(latencies))
        .route("/api/metrics/calls", get(calls))
        .route("/api/metrics/errors", get(errors))
        .route("/api/metrics/minstep", get(least_step))
}

/// A family of metrics, in the JSON that Jaeger makes of its protobuf.
#[derive(Serialize)]
struct Family {
    name: String,
    #[serde(rename = "type")]
    kind: &'static str,
    help: String,
    metrics: Vec<Metric>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Metric {
    labels: Vec<Label>,
    metric_points: Vec<Point>,
}

#[derive(Serialize)]
struct Label {
    name: &'static str,
    value: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Point {
    gauge_value: Gauge,
    timestamp: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Gauge {
    double_value: f64,
}

/// What is asked for, and its words in PromQL.
#[derive(Debug)]
struct Wanted {
    end: Nanos,
    lookback: Nanos,
    step: Nanos,
    by_operation: bool,
    /// Matchers of service and kind.
    matchers: String,
    /// The range of rates, as `[600s]`.
    window: String,
}

impl Wanted {
    fn of(params: &Params, now: Nanos) -> Result<Self, ApiError> {
        let services: Vec<&str> = params.all("service").filter(|it| !it.is_empty()).collect();
        if services.is_empty() {
            return Err(ApiError::bad_parameter("service", "it is missing; it may repeat"));
        }
        let mut kinds = params.all("spanKind").map(kind).collect::<Result<Vec<String>, ApiError>>()?;
        if kinds.is_empty() {
            kinds.push(label_of(SpanKind::Server));
        }
        let services: Vec<String> = services.into_iter().map(regex::escape).collect();
        // PromQL has the escapes of JSON.
        let services = serde_json::Value::from(services.join("|"));
        let span = |name, default| millis(params, name, default, 1);
        let end = millis(params, "endTs", now, i64::MIN)?;
        Ok(Wanted {
            end,
            lookback: span("lookback", LOOKBACK)?,
            step: span("step", STEP)?.max(LEAST_STEP),
            by_operation: truth(params, "groupByOperation")?,
            matchers: format!("service=~{services},span_kind=~\"{}\"", kinds.join("|")),
            window: format!("[{}s]", (span("ratePer", RATE_PER)?.max(LEAST_STEP) / SECOND)),
        })
    }

    /// The sum of the rates of `name`, with `more` matchers, of each service or operation.
    fn rate(&self, name: &str, more: &str) -> String {
        let by = if self.by_operation { "service, span_name" } else { "service" };
        format!("sum by ({by}) (rate({name}{{{}{more}}}{}))", self.matchers, self.window)
    }
}

async fn latencies(State(state): State<ApiState>, params: Params) -> Result<Json<Family>, JaegerError> {
    let quantile = params.require("quantile")?;
    let quantile = quantile.parse().ok().filter(|it: &f64| (0.0..=1.0).contains(it));
    let quantile = quantile.ok_or_else(|| ApiError::bad_parameter("quantile", "a number from 0 to 1 is expected"))?;
    let wanted = Wanted::of(&params, (state.clock)())?;
    // Jaeger has milliseconds.
    let query = format!("histogram_quantile({quantile}, {}) * 1000", wanted.rate(LATENCY, ""));
    family(&state, wanted, query, "latencies", &format!("{quantile}th quantile latency")).await
}

async fn calls(State(state): State<ApiState>, params: Params) -> Result<Json<Family>, JaegerError> {
    let wanted = Wanted::of(&params, (state.clock)())?;
    let query = wanted.rate(CALLS, "");
    family(&state, wanted, query, "call_rate", "calls/sec").await
}

async fn errors(State(state): State<ApiState>, params: Params) -> Result<Json<Family>, JaegerError> {
    let wanted = Wanted::of(&params, (state.clock)())?;
    let all = wanted.rate(CALLS, "");
    // What has calls and no errors has the share zero.
    let failed = format!("({} or 0 * {all})", wanted.rate(CALLS, ",status_code=\"STATUS_CODE_ERROR\""));
    let help = "error rate, computed as a fraction of errors/sec over calls/sec";
    family(&state, wanted, format!("{failed} / {all}"), "error_rate", help).await
}

#[derive(Serialize)]
struct LeastStep {
    /// In milliseconds.
    data: i64,
    total: usize,
    limit: usize,
    offset: usize,
    errors: Option<()>,
}

async fn least_step() -> Json<LeastStep> {
    Json(LeastStep { data: LEAST_STEP / MILLISECOND, total: 0, limit: 0, offset: 0, errors: None })
}

/// The value of `query` over the wanted range.
async fn family(
    state: &ApiState,
    wanted: Wanted,
    query: String,
    what: &str,
    help: &str,
) -> Result<Json<Family>, JaegerError> {
    let by_operation = wanted.by_operation;
    let matrix = move |snapshot: &store::Snapshot, budget: &query::Budget| {
        let limits = Limits { budget: budget.clone(), ..Limits::default() };
        let start = wanted.end.saturating_sub(wanted.lookback);
        Ok(promql::range(&Source::store(snapshot.clone()), &query, start, wanted.end, wanted.step, &limits))
    };
    let result = state.engine.run(matrix).await?.map_err(ApiError::from)?;
    let series = if let QueryValue::Matrix(series) = result.value { series } else { Vec::new() };
    let (grouped, words) =
        if by_operation { ("service_operation", "service & operation") } else { ("service", "service") };
    Ok(Json(Family {
        name: format!("{grouped}_{what}"),
        kind: "GAUGE",
        help: format!("{help}, grouped by {words}"),
        metrics: series.into_iter().map(|it| metric(it, by_operation)).collect(),
    }))
}

fn metric(series: MatrixSeries, by_operation: bool) -> Metric {
    let label = |name, of| Label { name, value: series.labels.get(of).to_owned() };
    let mut labels = if by_operation { vec![label("operation", "span_name")] } else { Vec::new() };
    labels.push(label("service_name", "service"));
    let point = |(at, value): &(Millis, f64)| Point {
        gauge_value: Gauge { double_value: *value },
        timestamp: time::format(at.saturating_mul(MILLISECOND)),
    };
    // JSON has no NaN; a time without calls has no value.
    let metric_points = series.floats.iter().filter(|(_, value)| value.is_finite()).map(point).collect();
    Metric { labels, metric_points }
}

fn millis(params: &Params, name: &str, default: Nanos, least: i64) -> Result<Nanos, ApiError> {
    let Some(text) = params.get(name) else { return Ok(default) };
    let millis = text.parse::<i64>().ok().filter(|it| *it >= least);
    let millis = millis.ok_or_else(|| ApiError::bad_parameter(name, "milliseconds are expected"))?;
    Ok(millis.saturating_mul(MILLISECOND))
}

/// As Go reads a truth value.
fn truth(params: &Params, name: &str) -> Result<bool, ApiError> {
    match params.get(name).map(str::to_ascii_lowercase).as_deref() {
        None | Some("0" | "f" | "false") => Ok(false),
        Some("1" | "t" | "true") => Ok(true),
        Some(_) => Err(ApiError::bad_parameter(name, "true or false is expected")),
    }
}

/// The label of a kind, which Jaeger's clients write in lower case.
fn kind(name: &str) -> Result<String, ApiError> {
    // What has no kind counts as internal.
    let kind = if name == "unspecified" { Some(SpanKind::Internal) } else { SpanKind::parse(name) };
    let allowed = "unspecified, internal, server, client, producer or consumer is expected";
    kind.map(label_of).ok_or_else(|| ApiError::bad_parameter("spanKind", allowed))
}

fn label_of(kind: SpanKind) -> String {
    format!("SPAN_KIND_{}", kind.name().to_ascii_uppercase())
}
