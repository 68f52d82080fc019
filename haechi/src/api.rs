//! The query APIs: one module per resource, each with its routes. Described with examples in `docs/api.md`.
//!
//! Handlers turn parameters into a query, run it on the engine's threads and write JSON; what a query means is decided
//! in `query`, `sql` and `slo`.

use std::sync::Arc;

use axum::Router;
use axum::http::{Method, StatusCode, Uri};
use axum::routing::any;
use collector::Collector;
use model::Nanos;
use query::Engine;
use slo::Status;
use tokio::sync::watch;

mod alerts;
mod attributes;
mod error;
mod health;
mod ingest;
mod jaeger;
mod jaeger_metrics;
mod jaeger_v3;
mod logs;
mod own_metrics;
mod params;
mod prometheus;
mod silences;
mod slos;
#[cfg(feature = "sql")]
mod sql;
mod tempo;
#[cfg(test)]
mod tests;
pub(crate) mod time;
mod traces;

use error::ApiError;
pub(crate) use own_metrics::scrape;

/// What the handlers need.
#[derive(Clone)]
pub(crate) struct ApiState {
    pub(crate) engine: Arc<Engine>,
    pub(crate) collector: Arc<Collector>,
    /// What comes in, and how much room there is.
    pub(crate) report: Arc<dyn Fn() -> ui::IngestReport + Send + Sync>,
    /// The last evaluation of all SLOs.
    pub(crate) status: watch::Receiver<Arc<Status>>,
    pub(crate) silences: ui::Silencing,
    pub(crate) clock: fn() -> Nanos,
    #[cfg(feature = "sql")]
    pub(crate) sql: Arc<::sql::Engine>,
}

/// The routes of all APIs. An unknown path below `/api` is answered with a 404 in JSON; others are left to the caller.
pub(crate) fn router(state: ApiState) -> Router {
    let routes = Router::new()
        .merge(health::routes())
        .merge(own_metrics::routes())
        .merge(prometheus::routes())
        .merge(jaeger::routes())
        .merge(jaeger_metrics::routes())
        .merge(jaeger_v3::routes())
        .merge(tempo::routes())
        .merge(traces::routes())
        .merge(logs::routes())
        .merge(ingest::routes())
        .merge(slos::routes())
        .merge(alerts::routes())
        .merge(silences::routes());
    #[cfg(feature = "sql")]
    let routes = routes.merge(sql::routes());
    routes.route("/api/{*path}", any(unknown)).method_not_allowed_fallback(wrong_method).with_state(state)
}

async fn unknown(uri: Uri) -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "not_found", format!("there is no API at {}", uri.path()))
}

async fn wrong_method(method: Method, uri: Uri) -> ApiError {
    let message = format!("{} does not take {method}", uri.path());
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "bad_data", message)
}
