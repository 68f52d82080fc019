//! `/api/metrics/query_range` and `/api/metrics/query`: TraceQL's metrics functions, as series over time and as one value each.

use axum::Json;
use axum::extract::State;
use model::time::{MILLISECOND, SECOND};
use model::{Nanos, TimeRange};
use query::lang::FieldValue;
use query::traces::{MetricsQuery, SpanMetrics, SpanSeries, metrics};
use serde_json::{Value, json};

use super::PlainError;
use super::search::key_values;
use super::tags::range;
use crate::api::error::ApiError;
use crate::api::params::Params;
use crate::api::{ApiState, time};

/// Points of a series when no `step` says how many.
const DEFAULT_POINTS: Nanos = 120;
/// Exemplars of a series when no `exemplars` says how many: Tempo's own default.
const DEFAULT_EXEMPLARS: usize = 100;

pub(super) async fn query_range(State(state): State<ApiState>, params: Params) -> Result<Json<Value>, PlainError> {
    let range = range_of(&params, (state.clock)())?;
    let step = match params.get("step") {
        Some(text) => time::duration("step", text)?,
        None => (range.length() / DEFAULT_POINTS / SECOND).max(1) * SECOND,
    };
    // Steps start at multiples of their width, so that a chart that moves on keeps its points.
    let start = range.start.div_euclid(step) * step;
    let exemplars = params.count("exemplars", DEFAULT_EXEMPLARS)?;
    let found = run(&state, &params, TimeRange::new(start, range.end), step, exemplars).await?;
    let series: Vec<Value> = found.series.iter().map(|series| over_time(series, &found.starts)).collect();
    Ok(Json(answer(&found, series)))
}

pub(super) async fn query(State(state): State<ApiState>, params: Params) -> Result<Json<Value>, PlainError> {
    let range = range_of(&params, (state.clock)())?;
    let found = run(&state, &params, range, range.length().max(1), 0).await?;
    let value = |series: &SpanSeries| Some(*series.values.first()?).filter(|value| value.is_finite());
    let series = found.series.iter().filter_map(|series| {
        Some(json!({"labels": key_values(&series.labels), "promLabels": in_words(&series.labels), "value": value(series)?}))
    });
    let series = series.collect();
    Ok(Json(answer(&found, series)))
}

async fn run(
    state: &ApiState,
    params: &Params,
    range: TimeRange,
    step: Nanos,
    exemplars: usize,
) -> Result<SpanMetrics, ApiError> {
    let query = match (params.get("q"), params.get("query")) {
        (Some(query), _) | (None, Some(query)) => query.to_owned(),
        (None, None) => return Err(ApiError::bad_parameter("q", "it is missing")),
    };
    let wanted = MetricsQuery { query, range, step, exemplars };
    Ok(state.engine.run(move |snapshot, budget| metrics(snapshot, budget, &wanted)).await?)
}

/// `start` and `end`, or `since` until now.
fn range_of(params: &Params, now: Nanos) -> Result<TimeRange, ApiError> {
    match params.get("since") {
        Some(since) => Ok(TimeRange::new(now.saturating_sub(time::duration("since", since)?), now.saturating_add(1))),
        None => range(params, now),
    }
}

fn answer(found: &SpanMetrics, series: Vec<Value>) -> Value {
    let mut answer = json!({
        "series": series,
        "metrics": {"inspectedSpans": found.n_scanned.to_string(), "completedJobs": 1, "totalJobs": 1},
    });
    if found.truncated {
        answer["status"] = json!("PARTIAL");
    }
    if !found.warnings.is_empty() {
        answer["message"] = json!(found.warnings.join("; "));
    }
    answer
}

fn over_time(series: &SpanSeries, starts: &[Nanos]) -> Value {
    let points = starts.iter().zip(&series.values).filter(|(_, value)| value.is_finite());
    let samples: Vec<Value> = points
        .map(|(start, value)| json!({"timestampMs": (start / MILLISECOND).to_string(), "value": value}))
        .collect();
    let exemplars = series.exemplars.iter().filter(|it| it.value.is_finite()).map(|it| {
        let mut labels = key_values(&series.labels);
        let trace = json!({"key": "trace:id", "value": {"stringValue": it.trace_id.to_string()}});
        labels.as_array_mut().into_iter().for_each(|list| list.push(trace.clone()));
        json!({"labels": labels, "value": it.value, "timestampMs": (it.time / MILLISECOND).to_string()})
    });
    let exemplars: Vec<Value> = exemplars.collect();
    let (labels, words) = (key_values(&series.labels), in_words(&series.labels));
    json!({"labels": labels, "promLabels": words, "samples": samples, "exemplars": exemplars})
}

/// The labels as Prometheus writes them, but for the dots of their names.
fn in_words(labels: &[(String, FieldValue<'static>)]) -> String {
    let labels: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={:?}", value.to_string())).collect();
    format!("{{{}}}", labels.join(", "))
}
