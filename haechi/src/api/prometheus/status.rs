//! `/api/v1/status/tsdb` and `/api/v1/targets`: how many series there are and of what, and that nothing is scraped.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::api::ApiState;
use crate::api::error::ApiError;
use crate::api::params::Params;

/// Names that a list has at most, as in Prometheus.
const MAX_LISTED: usize = 10_000;

/// The series of the index, by the names of metrics and the attributes of points, as sent.
pub(super) async fn tsdb(State(state): State<ApiState>, params: Params) -> Result<Json<Value>, ApiError> {
    let limit = params.count("limit", 10)?;
    if !(1..=MAX_LISTED).contains(&limit) {
        return Err(ApiError::bad_parameter("limit", format!("from 1 to {MAX_LISTED} are allowed")));
    }
    // It takes time by the number of metrics and labels.
    let found = tokio::task::spawn_blocking(move || {
        let snapshot = state.engine.store().snapshot();
        (snapshot.series().len(), snapshot.series().cardinality(usize::MAX))
    });
    let (n_series, found) = found.await.map_err(|error| {
        tracing::error!(%error, "the series were not counted");
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "the series were not counted; try again later")
    })?;
    let n_pairs: u64 = found.labels.iter().map(|it| it.values).sum();
    let metrics = found.metrics.iter().take(limit).map(|it| json!({ "name": *it.name, "value": it.series }));
    let labels = found.labels.iter().take(limit).map(|it| json!({ "name": *it.key, "value": it.values }));
    Ok(Json(json!({ "status": "success", "data": {
        "headStats": { "numSeries": n_series, "numLabelPairs": n_pairs },
        "seriesCountByMetricName": metrics.collect::<Vec<_>>(),
        "labelValueCountByLabelName": labels.collect::<Vec<_>>(),
    } })))
}

/// Nothing is scraped: what there is has been sent here.
pub(super) async fn targets() -> Json<Value> {
    Json(json!({ "status": "success", "data": { "activeTargets": [], "droppedTargets": [] } }))
}
