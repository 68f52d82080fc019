//! Sends with the OpenTelemetry SDK for Rust: interop VARIANT PROTOCOL COMPRESSION ENDPOINT MANIFEST
//!
//! PROTOCOL is grpc, http/protobuf or http/json; COMPRESSION is none or gzip.

mod exporters;
mod manifest;
mod metrics;
mod scenario;

use std::sync::Arc;
use std::time::SystemTime;

use opentelemetry::logs::LoggerProvider;
use opentelemetry::metrics::MeterProvider;
use opentelemetry::trace::TracerProvider;
use opentelemetry::{Array, InstrumentationScope, KeyValue, StringValue, Value};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::metrics::{Aggregation, Instrument, PeriodicReader, SdkMeterProvider, Stream, Temporality};
use opentelemetry_sdk::trace::SdkTracerProvider;

use exporters::{Exporters, Recording};
use manifest::Manifest;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [variant, protocol, compression, endpoint, path] = arguments.as_slice() else {
        return Err("usage: interop VARIANT PROTOCOL COMPRESSION ENDPOINT MANIFEST".into());
    };
    let manifest = Arc::new(Manifest::new(resource(variant)));
    let exporters = Exporters { protocol, gzip: compression == "gzip", endpoint };
    let tracers = SdkTracerProvider::builder()
        .with_resource(resource(variant))
        .with_batch_exporter(Recording::new(exporters.traces()?, &manifest))
        .build();
    let loggers = SdkLoggerProvider::builder()
        .with_resource(resource(variant))
        .with_batch_exporter(Recording::new(exporters.logs()?, &manifest))
        .build();
    let meters = |temporality| -> Result<SdkMeterProvider> {
        let exporter = Recording::new(exporters.metrics(temporality)?, &manifest);
        let reader = PeriodicReader::builder(exporter).with_interval(std::time::Duration::from_secs(600)).build();
        let builder = SdkMeterProvider::builder().with_resource(resource(variant)).with_reader(reader);
        Ok(builder.with_view(exponential).build())
    };
    let (cumulative, delta) = (meters(Temporality::Cumulative)?, meters(Temporality::Delta)?);

    let inside = scenario::make_spans(&tracers.tracer_with_scope(scope("interop.spans")), now());
    scenario::make_logs(&loggers.logger_with_scope(scope("interop.logs")), &inside, now());
    let instruments = [
        scenario::Instruments::new(&cumulative.meter_with_scope(scope("interop.metrics")), "total"),
        scenario::Instruments::new(&delta.meter_with_scope(scope("interop.metrics")), "delta"),
    ];
    for round in 0..2 {
        instruments.iter().for_each(|it| it.measure(round));
        cumulative.force_flush()?;
        delta.force_flush()?;
    }
    tracers.shutdown()?;
    loggers.shutdown()?;
    cumulative.shutdown()?;
    delta.shutdown()?;
    std::fs::write(path, manifest.to_json(variant).to_string())?;
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a sender is a program of its own, and has its own clock")]
fn now() -> SystemTime {
    SystemTime::now()
}

fn resource(variant: &str) -> Resource {
    let arguments = ["interop", "Grüße"].map(StringValue::from).to_vec();
    Resource::builder_empty()
        .with_service_name(format!("interop-{variant}"))
        .with_attribute(KeyValue::new("host.cpu", 4))
        .with_attribute(KeyValue::new("host.load", 0.25))
        .with_attribute(KeyValue::new("process.command_args", Value::Array(Array::String(arguments))))
        .build()
}

fn scope(name: &'static str) -> InstrumentationScope {
    let attributes = [KeyValue::new("scope.attribute", "kept"), KeyValue::new("scope.number", 7)];
    InstrumentationScope::builder(name).with_version("0.9.1").with_attributes(attributes).build()
}

fn exponential(instrument: &Instrument) -> Option<Stream> {
    let aggregation = Aggregation::Base2ExponentialHistogram { max_size: 160, max_scale: 20, record_min_max: true };
    let is_wanted = instrument.name().ends_with(".exponential");
    is_wanted.then(|| Stream::builder().with_aggregation(aggregation).build().ok()).flatten()
}
