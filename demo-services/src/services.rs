//! Runs one service: its routes, its background tasks, its end.

mod booking;
mod catalogue;
mod gateway;
mod load;
mod payment;
mod psp;
mod receiver;

use std::future::Future;
use std::io;

use axum::Router;
use futures::future::BoxFuture;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::config::ServiceConfig;
use crate::error::DemoError;
use crate::http_server;
use crate::lifeline;
use crate::name::ServiceName;
use crate::telemetry::{self, Providers, Telemetry};

/// What a service consists of: routes, and tasks that run as long as it does.
pub(crate) struct Parts {
    pub(crate) router: Router,
    pub(crate) tasks: Vec<BoxFuture<'static, ()>>,
}

/// Runs a service until it is told to end, by SIGTERM, SIGINT or the end of its lifeline, and sends its last telemetry.
///
/// Installs the process's log output: a process runs one service.
///
/// # Errors
/// [`DemoError`] when the service cannot start, or cannot go on.
pub async fn run_service(config: ServiceConfig) -> Result<(), DemoError> {
    let failed = |source| DemoError::Serve { service: config.service, source };
    let providers = match &config.otlp {
        Some(endpoint) => Providers::otlp(config.service, endpoint)?,
        None => Providers::silent(config.service),
    };
    telemetry::install(&providers);
    let listener = listen(&config).await?;
    let lifeline = config.lifeline;
    let end = async move {
        if let Err(error) = lifeline::end_of_service(lifeline).await {
            tracing::error!(
                name: "service.signals",
                { exception.message = %error },
                "cannot wait for signals; ending"
            );
        }
    };
    let result = serve(&config, listener, &Telemetry::new(&providers), end).await;
    // The exporters' connections live on this runtime: it has to go on while they are waited for.
    tokio::task::spawn_blocking(move || providers.shutdown()).await.map_err(|error| failed(io::Error::other(error)))?;
    result
}

/// Runs a service as [`run_service`] does, on a small runtime of its own, with the settings that arguments such as
/// `booking listen=127.0.0.1:4332` give.
///
/// # Errors
/// [`DemoError`] when the arguments are wrong, or the service cannot start or go on.
pub fn run_from_args<S: AsRef<str>>(args: impl IntoIterator<Item = S>) -> Result<(), DemoError> {
    let config = ServiceConfig::from_args(args)?;
    let service = config.service;
    // A few requests per second need no more than one thread; SQLite's work has its own.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(4)
        .build()
        .map_err(|source| DemoError::Serve { service, source })?;
    runtime.block_on(run_service(config))
}

/// Binds a service's listener.
pub(crate) async fn listen(config: &ServiceConfig) -> Result<TcpListener, DemoError> {
    let (service, address) = (config.service, config.listen);
    TcpListener::bind(address).await.map_err(|source| DemoError::Listen { service, address, source })
}

/// Runs a service on a listener until `end` is ready.
pub(crate) async fn serve(
    config: &ServiceConfig,
    listener: TcpListener,
    telemetry: &Telemetry,
    end: impl Future<Output = ()>,
) -> Result<(), DemoError> {
    let service = config.service;
    let parts = match service {
        ServiceName::Gateway => gateway::build(config, telemetry)?,
        ServiceName::Catalogue => catalogue::build(config, telemetry).await?,
        ServiceName::Booking => booking::build(config, telemetry)?,
        ServiceName::Payment => payment::build(config, telemetry)?,
        ServiceName::Psp => psp::build(telemetry),
        ServiceName::Load => load::build(config, telemetry)?,
        ServiceName::Receiver => receiver::build(telemetry),
    };
    // Dropping the set ends the tasks.
    let mut tasks = JoinSet::new();
    let has_tasks = !parts.tasks.is_empty();
    for task in parts.tasks {
        tasks.spawn(task);
    }
    tracing::info!(name: "service.started", { service = service.as_str() }, "service started");
    tokio::select! {
        served = http_server::serve(listener, parts.router, end) => {
            served.map_err(|source| DemoError::Serve { service, source })
        }
        _ = tasks.join_next(), if has_tasks => Err(DemoError::TaskEnded { service }),
    }
}

#[cfg(test)]
mod tests;
