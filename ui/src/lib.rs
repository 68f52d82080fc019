//! The web UI: pages rendered here with askama, and TypeScript islands (`web/`) where interaction needs them.
//!
//! Everything a page needs from the process comes in a [`UiState`]; the state of a page is in its address. Pages work
//! without JavaScript but for the charts, whose numbers also stand in tables.

mod app;
mod assets;
mod attributes;
mod comparison;
mod conventions;
mod critical_path;
mod curve;
mod duration_text;
mod error_origin;
mod exemplar_view;
mod format;
mod icon;
mod link_view;
mod log_view;
mod page_url;
mod pages;
mod palette;
mod parts;
mod peers_view;
mod range;
mod security;
mod service_graph;
mod service_map;
mod shell;
mod slo_view;
mod span_search;
mod span_view;
mod state;
mod trace_statistics;
mod waterfall;

pub use state::{
    Attempt, AttemptOutcome, AttemptStep, Backtests, CardinalityReport, DamageKindReport, DamageReport, DamagedPlace,
    Deliveries, DiskReport, Endpoints, IngestChoice, IngestReport, IngestStats, LabelReport, MetricReport, NamesReport,
    OverflowReport, PressureReport, ReasonReport, RuleFiring, RulesBacktest, SIGNALS, SenderReport, SenderStats,
    ServiceSignalReport, SignalReport, SignalStats, Silencing, SloBacktest, SqlColumn, SqlRunner, SqlTable,
    StorageStats, StoredAttempt, StoredExample, UiState,
};

use axum::Router;
use axum::middleware::from_fn;
use axum::routing::{get, post};
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;

use crate::app::App;

/// The pages and their assets. Unknown paths get a page that says so, so merge this router last.
pub fn router(state: UiState) -> Router {
    let pages = Router::new()
        .route("/", get(pages::home::get))
        .route("/services", get(pages::service::named))
        .route("/services/{*name}", get(pages::service::get))
        .route("/map", get(pages::map::get))
        .route("/traces", get(pages::traces::get))
        .route("/traces/compare", get(pages::compare::get))
        .route("/traces/differences", get(pages::traces::differences))
        .route("/traces/{id}", get(pages::trace::get))
        // Megabytes, half of them ids that nothing makes smaller: more effort would save little and cost most of the time.
        .route(
            "/traces/{id}/data",
            get(pages::trace_data::get).layer(CompressionLayer::new().quality(CompressionLevel::Fastest)),
        )
        .route("/traces/{id}/find", get(pages::trace_find::get))
        .route("/traces/{id}/otlp.json", get(pages::trace_otlp::get))
        .route("/traces/{id}/spans/{span}", get(pages::span::get))
        .route("/traces/{id}/spans/{span}/typical", get(pages::span::typical))
        .route("/complete", get(pages::complete::get))
        .route("/logs", get(pages::logs::get))
        .route("/metrics", get(pages::metrics::get))
        .route("/slos", get(pages::slos::get))
        .route("/slos/{name}", get(pages::slo::get))
        .route("/alerts", get(pages::alerts::get))
        .route("/alerts/rules", get(pages::rules::get))
        .route("/alerts/silence", get(pages::silence::get).post(pages::silence::post))
        .route("/alerts/deliveries/{number}", get(pages::delivery::get))
        .route("/alerts/receivers/test", post(pages::delivery::test))
        .route("/alerts/silence/{id}/expire", post(pages::silence::expire))
        .route("/sql", get(pages::sql::get))
        .route("/ingest", get(pages::ingest::get))
        .route("/ingest/now", get(pages::ingest::now))
        .route("/connect", get(pages::connect::get))
        .route("/connect/received", get(pages::connect::received))
        .route("/connect/ladder", get(pages::connect::ladder))
        .route("/connect/events", get(pages::connect::events))
        .route("/go", get(pages::go::get))
        .fallback(pages::not_found::get)
        // Assets are compressed already and say so; the layer leaves them alone.
        .route("/assets/{file}", get(assets::serve))
        .layer(CompressionLayer::new())
        .layer(from_fn(security::headers));
    pages.with_state(App::new(state))
}
