//! The pages and the query APIs on one address, and Remote-Write, which Prometheus' users look for beside its query API.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use collector::Collector;
use query::Engine;
use slo::Status;
use store::Retention;
use tokio::sync::watch;
use ui::{Endpoints, UiState};

use crate::alerting::{Counted, Silencing, Trials};
use crate::config::Memory;
use crate::{api, clock};

mod attempts;
mod backtests;
mod damage;
mod forecast;
mod history;
mod ingest;
mod report;
#[cfg(feature = "sql")]
mod sql_page;

pub(super) use history::History;

/// What the pages tell of the box beside its data.
pub(super) struct Inside {
    pub(super) collector: Arc<Collector>,
    pub(super) history: Arc<History>,
    pub(super) retention: Retention,
    /// True when the box is about to end.
    pub(super) stopped: watch::Receiver<bool>,
}

/// What the pages see of alerts, and may do to them.
pub(super) struct Alerts {
    pub(super) status: watch::Receiver<Arc<Status>>,
    pub(super) silencing: Silencing,
    pub(super) trials: Trials,
    pub(super) counted: Counted,
}

/// Where the box listens.
pub(super) struct Addresses {
    pub(super) otlp_grpc: SocketAddr,
    pub(super) otlp_http: SocketAddr,
    pub(super) ui: SocketAddr,
}

pub(super) fn router(
    addresses: &Addresses,
    memory: Memory,
    engine: Arc<Engine>,
    inside: Inside,
    alerts: Alerts,
) -> Result<Router, Box<dyn Error>> {
    let Alerts { status, silencing, trials, counted } = alerts;
    let Inside { collector, history, retention, stopped } = inside;
    let report: Arc<dyn Fn() -> ui::IngestReport + Send + Sync> = {
        let (engine, collector) = (Arc::clone(&engine), Arc::clone(&collector));
        Arc::new(move || {
            let (collector, store, history) = (&*collector, &**engine.store(), &*history);
            report::report(&report::Sources { collector, store, history, retention: &retention }, clock::now())
        })
    };
    #[cfg(feature = "sql")]
    let sql = Arc::new(sql::Engine::new(memory.sql())?);
    let silences = ui::Silencing {
        set: {
            let silencing = silencing.clone();
            Arc::new(move |draft| Box::pin(silencing.clone().set(draft)))
        },
        expire: Arc::new(move |id| Box::pin(silencing.clone().expire(id))),
    };
    let state = UiState {
        engine: Arc::clone(&engine),
        slo_status: {
            let status = status.clone();
            Arc::new(move || Arc::clone(&status.borrow()))
        },
        silences: silences.clone(),
        deliveries: ui::Deliveries {
            exchange: {
                let trials = trials.clone();
                Arc::new(move |number| Box::pin(trials.clone().exchange(number)))
            },
            test: Arc::new(move |name| Box::pin(trials.clone().run(name))),
        },
        backtests: backtests::backtests(&engine, counted),
        ingest: {
            let (engine, collector) = (Arc::clone(&engine), Arc::clone(&collector));
            Arc::new(move || ingest::stats(&collector, &engine.store().stats(), clock::now()))
        },
        report: Arc::clone(&report),
        attempts: {
            let collector = Arc::clone(&collector);
            Arc::new(move || attempts::attempts(&collector))
        },
        attempts_version: {
            let collector = Arc::clone(&collector);
            Arc::new(move || collector.attempts_version())
        },
        stopping: Arc::new(move || *stopped.borrow()),
        n_damaged: {
            let engine = Arc::clone(&engine);
            Arc::new(move || engine.store().n_damaged())
        },
        #[cfg(feature = "sql")]
        sql: Some(sql_page::runner(&engine, &sql)),
        #[cfg(not(feature = "sql"))]
        sql: None,
        clock: clock::now,
        endpoints: Endpoints {
            otlp_grpc: format!("http://{}", addresses.otlp_grpc),
            otlp_http: format!("http://{}", addresses.otlp_http),
            ui: format!("http://{}", addresses.ui),
        },
        version: env!("CARGO_PKG_VERSION"),
    };
    let remote_write = collector::http::remote_write(Arc::clone(&collector));
    let wrong_port = collector::http::wrong_port(&collector, addresses.otlp_http, addresses.otlp_grpc);
    let api = api::ApiState {
        engine,
        collector,
        report,
        status,
        silences,
        clock: clock::now,
        #[cfg(feature = "sql")]
        sql,
    };
    let scrape = axum::middleware::from_fn_with_state(api.clone(), api::scrape);
    Ok(api::router(api).merge(remote_write).merge(wrong_port).merge(ui::router(state)).layer(scrape))
}
