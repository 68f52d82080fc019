//! `/api/v1/query` and `/api/v1/query_range`.

use axum::extract::State;
use axum::response::Response;
use query::promql::{self, QueryResult, QueryValue};

use super::{run, time_of};
use crate::api::error::ApiError;
use crate::api::params::Params;
use crate::api::{ApiState, time};

pub(super) async fn instant(State(state): State<ApiState>, params: Params) -> Result<Response, ApiError> {
    let query = params.require("query")?.to_owned();
    let at = time_of(&params, "time")?.unwrap_or_else(|| (state.clock)());
    let limit = params.count("limit", 0)?;
    let answer = move |source: &_, limits: &_| {
        let result = promql::instant(source, &query, at, limits)?;
        Ok(promql::json::query(&limited(result, limit)))
    };
    run(&state, &params, answer).await
}

pub(super) async fn range(State(state): State<ApiState>, params: Params) -> Result<Response, ApiError> {
    let query = params.require("query")?.to_owned();
    let required = |name| {
        let time = time_of(&params, name)?;
        time.ok_or_else(|| ApiError::bad_parameter(name, "it is missing"))
    };
    let (start, end) = (required("start")?, required("end")?);
    let step = time::duration("step", params.require("step")?)?;
    let limit = params.count("limit", 0)?;
    let answer = move |source: &_, limits: &_| {
        let result = promql::range(source, &query, start, end, step, limits)?;
        Ok(promql::json::query(&limited(result, limit)))
    };
    run(&state, &params, answer).await
}

/// `result` with at most `limit` series, which it then says; 0 is no limit.
fn limited(mut result: QueryResult, limit: usize) -> QueryResult {
    let n_before = match &mut result.value {
        QueryValue::Vector(samples) => cut(samples, limit),
        QueryValue::Matrix(series) => cut(series, limit),
        QueryValue::Scalar(..) | QueryValue::String(..) => 0,
    };
    if limit > 0 && n_before > limit {
        result.warnings.push("results truncated due to limit".to_owned());
    }
    result
}

/// Cuts `items` to `limit`, unless that is 0; how many there were.
pub(super) fn cut<T>(items: &mut Vec<T>, limit: usize) -> usize {
    let n_before = items.len();
    if limit > 0 {
        items.truncate(limit);
    }
    n_before
}
