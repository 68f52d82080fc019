//! Telemetry of one service process: its tracer, its instruments and the propagation of W3C trace context.
//!
//! Providers are values, never OpenTelemetry's global ones, so that a test can run several services in one process and
//! tell their spans apart. Names are those of the semantic conventions v1.44.

pub(crate) mod attributes;
mod logs;
mod process;
mod propagation;
mod providers;

use std::time::Instant;

use opentelemetry::metrics::{Counter, Histogram, Meter, MeterProvider};
use opentelemetry::trace::{SpanBuilder, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::SdkTracer;

pub(crate) use logs::install;
pub(crate) use propagation::{extract, inject, traceparent};
pub(crate) use providers::Providers;

use self::providers::SCOPE;

/// What a service records with; clones share everything.
#[derive(Clone)]
pub(crate) struct Telemetry {
    tracer: SdkTracer,
    pub(crate) meter: Meter,
    pub(crate) http_server_duration: Histogram<f64>,
    pub(crate) http_client_duration: Histogram<f64>,
    pub(crate) rpc_server_duration: Histogram<f64>,
    pub(crate) rpc_client_duration: Histogram<f64>,
    pub(crate) database_duration: Histogram<f64>,
}

/// Bucket bounds that the conventions advise for HTTP and RPC durations, in seconds.
const CALL_BOUNDS: [f64; 14] = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];
/// Bucket bounds that the conventions advise for database operations, in seconds.
const DATABASE_BOUNDS: [f64; 8] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0];

impl Telemetry {
    pub(crate) fn new(providers: &Providers) -> Self {
        let scope = || InstrumentationScope::builder(SCOPE).with_version(env!("CARGO_PKG_VERSION")).build();
        let meter = providers.meters.meter_with_scope(scope());
        process::observe(&meter);
        let duration = |name: &'static str, what: &'static str, bounds: &[f64]| {
            meter.f64_histogram(name).with_description(what).with_unit("s").with_boundaries(bounds.to_vec()).build()
        };
        Self {
            tracer: providers.tracers.tracer_with_scope(scope()),
            http_server_duration: duration(
                "http.server.request.duration",
                "Duration of HTTP server requests.",
                &CALL_BOUNDS,
            ),
            http_client_duration: duration(
                "http.client.request.duration",
                "Duration of HTTP client requests.",
                &CALL_BOUNDS,
            ),
            rpc_server_duration: duration(
                "rpc.server.call.duration",
                "Duration of incoming remote procedure calls.",
                &CALL_BOUNDS,
            ),
            rpc_client_duration: duration(
                "rpc.client.call.duration",
                "Duration of outgoing remote procedure calls.",
                &CALL_BOUNDS,
            ),
            database_duration: duration(
                "db.client.operation.duration",
                "Duration of database operations.",
                &DATABASE_BOUNDS,
            ),
            meter,
        }
    }

    /// Starts a span under the current one; the context returned carries it, and the span ends when
    /// [`end`](TraceContextExt::span) is called on it or the last clone of the context is dropped.
    pub(crate) fn start(&self, span: SpanBuilder) -> Context {
        self.start_under(&Context::current(), span)
    }

    /// Starts a span under the span that a context carries, or a new trace when it carries none.
    pub(crate) fn start_under(&self, parent: &Context, span: SpanBuilder) -> Context {
        parent.with_span(self.tracer.build_with_context(span, parent))
    }

    /// Returns a counter of things that matter to the business, such as bookings.
    pub(crate) fn counter(&self, name: &'static str, unit: &'static str, what: &'static str) -> Counter<u64> {
        self.meter.u64_counter(name).with_unit(unit).with_description(what).build()
    }

    /// Returns a histogram of durations in seconds with the bounds of calls.
    pub(crate) fn duration(&self, name: &'static str, what: &'static str) -> Histogram<f64> {
        self.meter
            .f64_histogram(name)
            .with_unit("s")
            .with_description(what)
            .with_boundaries(CALL_BOUNDS.to_vec())
            .build()
    }
}

/// Records the seconds since `started`.
pub(crate) fn record_since(histogram: &Histogram<f64>, started: Instant, attributes: &[KeyValue]) {
    histogram.record(started.elapsed().as_secs_f64(), attributes);
}
