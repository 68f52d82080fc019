//! `/api/v1/labels`, `/api/v1/label/{name}/values`, `/api/v1/series` and `/api/v1/metadata`.

use axum::extract::{Path, State};
use axum::response::Response;
use query::promql::{self, Listing};

use super::query_api::cut;
use super::{open_range, run};
use crate::api::ApiState;
use crate::api::error::ApiError;
use crate::api::params::Params;

fn selectors(params: &Params) -> Vec<String> {
    params.all("match[]").map(str::to_owned).collect()
}

/// `listing` with at most `limit` items, which it then says; 0 is no limit.
fn limited<T>(mut listing: Listing<T>, limit: usize) -> Listing<T> {
    if cut(&mut listing.items, limit) > limit && limit > 0 {
        listing.warnings.push("results truncated due to limit".to_owned());
    }
    listing
}

pub(super) async fn labels(State(state): State<ApiState>, params: Params) -> Result<Response, ApiError> {
    let (selectors, range, limit) = (selectors(&params), open_range(&params)?, params.count("limit", 0)?);
    let answer = move |source: &_, limits: &_| {
        let names = limited(promql::label_names(source, &selectors, range, limits)?, limit);
        Ok(promql::json::names(&names.items, &names.warnings))
    };
    run(&state, &params, answer).await
}

pub(super) async fn label_values(
    State(state): State<ApiState>,
    Path(name): Path<String>,
    params: Params,
) -> Result<Response, ApiError> {
    let name = unescaped(&name).ok_or_else(|| {
        ApiError::bad_parameter("label name", "after U__, each _ begins a pair or ends a code point in hex")
    })?;
    let (selectors, range, limit) = (selectors(&params), open_range(&params)?, params.count("limit", 0)?);
    let answer = move |source: &_, limits: &_| {
        let values = limited(promql::label_values(source, &name, &selectors, range, limits)?, limit);
        Ok(promql::json::names(&values.items, &values.warnings))
    };
    run(&state, &params, answer).await
}

pub(super) async fn series(State(state): State<ApiState>, params: Params) -> Result<Response, ApiError> {
    let (selectors, range, limit) = (selectors(&params), open_range(&params)?, params.count("limit", 0)?);
    if selectors.is_empty() {
        return Err(ApiError::bad_parameter("match[]", "it is missing; at least one series selector is expected"));
    }
    let answer = move |source: &_, limits: &_| {
        let series = limited(promql::series(source, &selectors, range, limits)?, limit);
        Ok(promql::json::series(&series.items, &series.warnings))
    };
    run(&state, &params, answer).await
}

pub(super) async fn metadata(State(state): State<ApiState>, params: Params) -> Result<Response, ApiError> {
    let metric = params.get("metric").map(str::to_owned);
    let (limit, per_metric) = (params.count("limit", 0)?, params.count("limit_per_metric", 0)?);
    let answer = move |source: &_, _: &_| {
        let mut metrics = promql::metadata(source, metric.as_deref());
        cut(&mut metrics.items, limit);
        metrics.items.iter_mut().for_each(|(_, entries)| _ = cut(entries, per_metric));
        Ok(promql::json::metadata(&metrics))
    };
    run(&state, &params, answer).await
}

/// The label that a path names: names beyond letters, digits and `_` come as `U__` and the rest in Prometheus' escaping,
/// `__` for an underscore and `_2e_` for U+002E. Any other name is meant as it is. `None` when the escaping is wrong.
/// Source: prometheus/common, model/metric.go, `UnescapeName`.
fn unescaped(name: &str) -> Option<String> {
    let Some(mut rest) = name.strip_prefix("U__") else { return Some(name.to_owned()) };
    let mut plain = String::new();
    while let Some(at) = rest.find('_') {
        plain.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('_') {
            plain.push('_');
            rest = after;
            continue;
        }
        let (code, after) = rest.split_once('_')?;
        plain.push(char::from_u32(u32::from_str_radix(code, 16).ok()?)?);
        rest = after;
    }
    plain.push_str(rest);
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unescaped() {
        let cases = [
            ("job", Some("job")),
            ("U__http_2e_route", Some("http.route")),
            ("U__a__b_2f_c", Some("a_b/c")),
            ("U__", Some("")),
            ("U___d55c_", Some("한")),
            ("U__a_zz_", None),
            ("U__a_2e", None),
            ("U__a_d800_", None),
        ];
        for (name, expected) in cases {
            assert_eq!(unescaped(name).as_deref(), expected, "{name}");
        }
    }
}
