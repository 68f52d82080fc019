//! `haechi serve`: puts the parts together, runs them, and takes them apart in order.
//!
//! Start: bind every port, open the store, evaluate SLOs, answer. Stop: listeners, then evaluation, then the store.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use collector::Collector;
use query::{Engine, EngineConfig};
use store::{Store, StoreConfig};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use crate::alerting::{self, Evaluator, StoredSeries};
use crate::clock;
use crate::config::Config;
use crate::counting::Stored;
use crate::logging::say;
use crate::own;

mod descriptors;
mod web;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// How often segments outside the retention are looked for.
const RETENTION_ROUND: Duration = Duration::from_secs(60);

/// A box that answers on all its ports.
pub(crate) struct Running {
    pub(crate) otlp_grpc: SocketAddr,
    pub(crate) ui: SocketAddr,
    store: Arc<Store>,
    /// Set to end the tasks.
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

/// A runtime for a process that serves.
pub(crate) fn runtime() -> Result<Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

/// Runs the box until SIGINT or SIGTERM.
pub(crate) fn run(config: &Config) -> Result<()> {
    runtime()?.block_on(async {
        let (running, told_to_stop) = start(config).await?;
        told_to_stop.await;
        running.stop().await;
        Ok(())
    })
}

/// Waits for SIGINT or SIGTERM, from the call on: one that comes before the first poll counts too.
pub(crate) fn told_to_stop() -> impl Future<Output = ()> + use<> {
    let signals = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
    async move {
        let (Ok(mut interrupt), Ok(mut terminate)) = signals else {
            tracing::error!("cannot wait for signals; only a kill ends this process");
            return std::future::pending().await;
        };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    }
}

async fn bind(flag: &str, address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| {
        let reason = match error.kind() {
            std::io::ErrorKind::AddrInUse => "is in use by another process".to_owned(),
            std::io::ErrorKind::PermissionDenied => "is not permitted; ports from 1024 up are".to_owned(),
            std::io::ErrorKind::AddrNotAvailable => "is no address of this machine".to_owned(),
            _ => error.to_string(),
        };
        format!("{flag}: {address} {reason}").into()
    })
}

/// Starts the box and says `ready` when every port answers and a signal would end it in order. Gives the box and what waits
/// for that signal.
pub(crate) async fn start(config: &Config) -> Result<(Running, impl Future<Output = ()> + use<>)> {
    let descriptors = descriptors::raise_limit();
    let otlp_grpc = bind("--otlp-grpc", config.otlp_grpc).await?;
    let otlp_http = bind("--otlp-http", config.otlp_http).await?;
    let web = bind("--ui", config.ui).await?;
    let (grpc_address, http_address, ui_address) =
        (otlp_grpc.local_addr()?, otlp_http.local_addr()?, web.local_addr()?);

    let store_config = StoreConfig {
        retention: config.retention,
        max_series: config.max_series,
        disk_reserve: config.disk_reserve,
        flush_age: config.flush_age,
        ..config.memory.store(&config.data_dir)
    };
    let opening = tokio::task::spawn_blocking(|| Store::open(store_config, Box::new(collector::decode_for_replay)));
    let (store, recovery) = opening.await??;
    tracing::info!(segments = recovery.segments, replayed_rows = recovery.replayed_rows, "data directory is open");

    let limits = config.memory.receiver(config.max_request);
    let max_connections = descriptors::connections(descriptors, limits.max_connections);
    let limits = collector::Limits { max_connections, ..limits };
    let collector = Collector::new(Arc::clone(&store), limits, clock::now);
    let engine = Arc::new(Engine::new(Arc::clone(&store), EngineConfig::default())?);
    let alerting = alerting::Config {
        dir: config.data_dir.join("alerts"),
        slo_dir: config.slos.clone(),
        routes: config.routes.clone(),
        rules: config.rules.clone(),
        receivers: config.receivers.clone(),
        heartbeat: config.heartbeat.clone(),
        external_url: config.external_url.clone(),
    };
    let events = Arc::new(Stored::new(Arc::clone(&store))?);
    let runtime = tokio::runtime::Handle::current();
    let series = Arc::new(StoredSeries { store: Arc::clone(&store), collector: Arc::clone(&collector), runtime });
    let sources = alerting::Sources { now: Arc::new(clock::now), events, series };
    let evaluator = tokio::task::spawn_blocking(move || Evaluator::open(alerting, sources)).await??;
    let alerts = web::Alerts {
        status: evaluator.status(),
        silencing: evaluator.silencing(),
        trials: evaluator.trials(),
        counted: evaluator.counted(),
    };
    let addresses = web::Addresses { otlp_grpc: grpc_address, otlp_http: http_address, ui: ui_address };
    let (stop, stopped) = watch::channel(false);
    let history = Arc::new(web::History::default());
    let inside = web::Inside {
        collector: Arc::clone(&collector),
        history: Arc::clone(&history),
        retention: config.retention,
        stopped: stopped.clone(),
    };
    let pages = web::router(&addresses, config.memory, Arc::clone(&engine), inside, alerts)?;

    let mut tasks = JoinSet::new();
    for listener in [otlp_grpc, otlp_http] {
        tasks.spawn(collector::serve(listener, Arc::clone(&collector), until(stopped.clone())));
    }
    let until_stop = until(stopped.clone());
    // Remote-Write is received there too, and its senders are told apart.
    let pages = pages.into_make_service_with_connect_info::<SocketAddr>();
    tasks.spawn(async move {
        if let Err(error) = axum::serve(web, pages).with_graceful_shutdown(until_stop).await {
            tracing::error!(%error, "the web server ended");
        }
    });
    tasks.spawn(evaluator.run(until(stopped.clone())));
    if let Some(interval) = config.own_metrics {
        tasks.spawn(own::record(Arc::clone(&collector), Arc::clone(&store), interval, until(stopped.clone())));
    }
    tasks.spawn(history.record(Arc::clone(&store), until(stopped.clone())));
    tasks.spawn(keep_retention(Arc::clone(&store), until(stopped)));
    say(format_args!("listening otlp-grpc {grpc_address}"));
    say(format_args!("listening otlp-http {http_address}"));
    say(format_args!("listening ui {ui_address}"));
    let told_to_stop = told_to_stop();
    say("ready");
    Ok((Running { otlp_grpc: grpc_address, ui: ui_address, store, stop, tasks }, told_to_stop))
}

/// Ready when `stopped` is set.
async fn until(mut stopped: watch::Receiver<bool>) {
    // An error says that the sender is gone, which ends the process as well.
    _ = stopped.wait_for(|stopped| *stopped).await;
}

/// The first round is at once: what has come of age while nothing ran takes room.
async fn keep_retention(store: Arc<Store>, shutdown: impl Future<Output = ()>) {
    tokio::pin!(shutdown);
    let mut rounds = tokio::time::interval(RETENTION_ROUND);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = &mut shutdown => return,
            _ = rounds.tick() => {}
        }
        let store = Arc::clone(&store);
        if let Err(error) = tokio::task::spawn_blocking(move || store.maintain(clock::now())).await {
            tracing::error!(%error, "the retention round failed");
        }
    }
}

impl Running {
    /// How long open connections may hold up the end.
    const DRAIN: Duration = Duration::from_secs(15);

    /// Answers what is open, stops everything, and writes what is in memory to segments.
    pub(crate) async fn stop(mut self) {
        self.stop.send_replace(true);
        let drained = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(Self::DRAIN, drained).await.is_err() {
            tracing::warn!("some connections did not end and are cut");
            self.tasks.shutdown().await;
        }
        let store = Arc::clone(&self.store);
        if let Err(error) = tokio::task::spawn_blocking(move || store.close()).await {
            tracing::error!(%error, "closing the store failed; what was acknowledged is in the log");
        }
    }
}
