//! `/api/v1/query_exemplars`.

use axum::extract::State;
use axum::response::Response;
use query::promql;

use super::{open_range, run};
use crate::api::ApiState;
use crate::api::error::ApiError;
use crate::api::params::Params;

pub(super) async fn exemplars(State(state): State<ApiState>, params: Params) -> Result<Response, ApiError> {
    let (query, range) = (params.require("query")?.to_owned(), open_range(&params)?);
    let answer = move |source: &_, limits: &_| {
        let found = promql::exemplars(source, &query, range, limits)?;
        Ok(promql::json::exemplars(&found.items, &found.warnings))
    };
    run(&state, &params, answer).await
}
