//! Sends what the services write with `tracing` as OpenTelemetry log records; warnings go to standard error too.

use std::io;

use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use tracing::Level;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Layer, SubscriberExt};

use super::Providers;

/// Installs the process's log output. Log records carry the ids of the span in whose context they are written.
///
/// Only this crate's own events are taken: those of the HTTP and gRPC libraries would include the export of the logs
/// itself. The process may hold a subscriber already (a test runner's); then that one stays and nothing is exported.
pub(crate) fn install(providers: &Providers) {
    let own = Targets::new().with_target(env!("CARGO_CRATE_NAME"), Level::INFO);
    let exported = OpenTelemetryTracingBridge::new(&providers.loggers).with_filter(own);
    let shown = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(false)
        .with_target(false)
        .without_time()
        .with_filter(LevelFilter::WARN);
    let subscriber = tracing_subscriber::registry().with(exported).with(shown);
    if tracing::subscriber::set_global_default(subscriber).is_err() {
        tracing::debug!("a log subscriber is installed already");
    }
}
