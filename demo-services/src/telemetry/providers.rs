//! The three export pipelines of a service: OTLP over one gRPC connection, or none.

use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry_otlp::{LogExporter, MetricExporter, SpanExporter, WithExportConfig, WithTonicConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::{BatchLogProcessor, SdkLoggerProvider};
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::resource::TelemetryResourceDetector;
use opentelemetry_sdk::trace::{BatchSpanProcessor, Sampler, SdkTracerProvider, TracerProviderBuilder};
use opentelemetry_sdk::{logs, trace};
use tonic::transport::Endpoint;

use crate::error::DemoError;
use crate::name::ServiceName;
use crate::peer::Peer;

/// The instrumentation scope of everything the services record.
pub(super) const SCOPE: &str = "box-office";

/// How long a span or log record waits for company before it is sent: a page about the demo fills while one looks.
const BATCH_DELAY: Duration = Duration::from_millis(500);
/// How often metrics are sent.
const METRIC_INTERVAL: Duration = Duration::from_secs(5);
/// How long one export may take, and how long the last one at the end of the process.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);

/// The providers of one service.
pub(crate) struct Providers {
    pub(super) tracers: SdkTracerProvider,
    pub(super) meters: SdkMeterProvider,
    pub(super) loggers: SdkLoggerProvider,
}

impl Providers {
    /// Returns providers that send to an OTLP/gRPC endpoint. Nobody needs to listen there: what cannot be sent is
    /// dropped, quietly.
    ///
    /// # Errors
    /// [`DemoError::Telemetry`] when the endpoint or an exporter is refused by its library.
    ///
    /// # Panics
    /// Outside a Tokio runtime, on which the connection lives.
    pub(crate) fn otlp(service: ServiceName, endpoint: &Peer) -> Result<Self, DemoError> {
        let failed = |error: &dyn std::error::Error| DemoError::Telemetry {
            endpoint: endpoint.to_string(),
            reason: error.to_string(),
        };
        let channel = Endpoint::from_shared(endpoint.to_string())
            .map_err(|error| failed(&error))?
            .connect_timeout(EXPORT_TIMEOUT)
            .timeout(EXPORT_TIMEOUT)
            .connect_lazy();
        let spans = SpanExporter::builder().with_tonic().with_channel(channel.clone()).with_timeout(EXPORT_TIMEOUT);
        let metrics = MetricExporter::builder().with_tonic().with_channel(channel.clone()).with_timeout(EXPORT_TIMEOUT);
        let records = LogExporter::builder().with_tonic().with_channel(channel).with_timeout(EXPORT_TIMEOUT);

        let spans = BatchSpanProcessor::builder(spans.build().map_err(|error| failed(&error))?)
            .with_batch_config(trace::BatchConfigBuilder::default().with_scheduled_delay(BATCH_DELAY).build())
            .build();
        let metrics = PeriodicReader::builder(metrics.build().map_err(|error| failed(&error))?)
            .with_interval(METRIC_INTERVAL)
            .build();
        let records = BatchLogProcessor::builder(records.build().map_err(|error| failed(&error))?)
            .with_batch_config(logs::BatchConfigBuilder::default().with_scheduled_delay(BATCH_DELAY).build())
            .build();
        let resource = resource(service);
        Ok(Self {
            tracers: tracers(&resource).with_span_processor(spans).build(),
            meters: SdkMeterProvider::builder().with_resource(resource.clone()).with_reader(metrics).build(),
            loggers: SdkLoggerProvider::builder().with_resource(resource).with_log_processor(records).build(),
        })
    }

    /// Returns providers that send nothing.
    pub(crate) fn silent(service: ServiceName) -> Self {
        let resource = resource(service);
        Self {
            tracers: tracers(&resource).build(),
            meters: SdkMeterProvider::builder().with_resource(resource.clone()).build(),
            loggers: SdkLoggerProvider::builder().with_resource(resource).build(),
        }
    }

    /// Returns providers that hand each ended span to an exporter at once, and send nothing else.
    #[cfg(test)]
    pub(crate) fn spans_to(
        service: ServiceName,
        exporter: impl opentelemetry_sdk::trace::SpanExporter + 'static,
    ) -> Self {
        let tracers = tracers(&resource(service)).with_simple_exporter(exporter).build();
        Self { tracers, ..Self::silent(service) }
    }

    /// Sends what is left, for at most a few seconds. Blocks, so it must not run on the thread that drives the runtime.
    pub(crate) fn shutdown(&self) {
        // What cannot be sent now is lost, and there is nobody left to tell.
        self.tracers.shutdown_with_timeout(SHUTDOWN_TIMEOUT).ok();
        self.loggers.shutdown_with_timeout(SHUTDOWN_TIMEOUT).ok();
        self.meters.shutdown_with_timeout(SHUTDOWN_TIMEOUT).ok();
    }
}

fn tracers(resource: &Resource) -> TracerProviderBuilder {
    // Said outright, or the SDK would take it from the environment.
    let sampler = Sampler::ParentBased(Box::new(Sampler::AlwaysOn));
    SdkTracerProvider::builder().with_sampler(sampler).with_resource(resource.clone())
}

fn resource(service: ServiceName) -> Resource {
    Resource::builder_empty()
        .with_detector(Box::new(TelemetryResourceDetector))
        .with_service_name(service.as_str())
        .with_attributes([
            KeyValue::new("service.namespace", "box-office"),
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            KeyValue::new("service.instance.id", instance_id(rand::random())),
            KeyValue::new("deployment.environment.name", "demo"),
            KeyValue::new("process.pid", i64::from(std::process::id())),
        ])
        .build()
}

/// Returns random bits as a UUID of version 4 (RFC 9562 §5.4).
fn instance_id(random: u128) -> String {
    let bits = random & !(0xf << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instance_id_is_a_random_uuid() {
        assert_eq!(instance_id(0), "00000000-0000-4000-8000-000000000000");
        assert_eq!(instance_id(u128::MAX), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }

    #[test]
    fn resource_names_service_and_namespace() {
        let resource = resource(ServiceName::Booking);
        for (key, value) in [
            ("service.name", "booking"),
            ("service.namespace", "box-office"),
            ("deployment.environment.name", "demo"),
            ("telemetry.sdk.language", "rust"),
        ] {
            assert_eq!(resource.get(&key.into()).unwrap().as_str(), value, "{key}");
        }
    }
}
