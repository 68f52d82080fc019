//! The SDK's exporters, and one around them that notes in the manifest what they are given.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry_otlp::{
    Compression, ExporterBuildError, LogExporter, MetricExporter, Protocol, SpanExporter, WithExportConfig,
    WithHttpConfig, WithTonicConfig,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::LogBatch;
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::trace::SpanData;

use crate::manifest::Manifest;

type Built<T> = Result<T, ExporterBuildError>;

/// Which exporters to make.
pub struct Exporters<'a> {
    pub protocol: &'a str,
    pub gzip: bool,
    pub endpoint: &'a str,
}

/// Configures a builder of any signal.
macro_rules! build {
    ($exporters:expr, $builder:expr, $path:expr) => {{
        let Exporters { protocol, gzip, endpoint } = *$exporters;
        let compression = gzip.then_some(Compression::Gzip);
        if protocol == "grpc" {
            let builder = $builder.with_tonic().with_endpoint(endpoint);
            return match compression {
                Some(compression) => builder.with_compression(compression).build(),
                None => builder.build(),
            };
        }
        let encoding = if protocol == "http/json" { Protocol::HttpJson } else { Protocol::HttpBinary };
        let builder = $builder.with_http().with_protocol(encoding).with_endpoint(format!("{endpoint}/v1/{}", $path));
        match compression {
            Some(compression) => builder.with_compression(compression).build(),
            None => builder.build(),
        }
    }};
}

impl Exporters<'_> {
    pub fn traces(&self) -> Built<SpanExporter> {
        build!(self, SpanExporter::builder(), "traces")
    }

    pub fn logs(&self) -> Built<LogExporter> {
        build!(self, LogExporter::builder(), "logs")
    }

    pub fn metrics(&self, temporality: Temporality) -> Built<MetricExporter> {
        build!(self, MetricExporter::builder().with_temporality(temporality), "metrics")
    }
}

/// An exporter that notes what it exports.
#[derive(Debug)]
pub struct Recording<E> {
    exporter: E,
    manifest: Arc<Manifest>,
}

impl<E> Recording<E> {
    pub fn new(exporter: E, manifest: &Arc<Manifest>) -> Self {
        Recording { exporter, manifest: Arc::clone(manifest) }
    }

    fn noted(&self, result: OTelSdkResult) -> OTelSdkResult {
        if let Err(error) = &result {
            self.manifest.complain(format!("export failed: {error}"));
        }
        result
    }
}

impl<E: opentelemetry_sdk::trace::SpanExporter> opentelemetry_sdk::trace::SpanExporter for Recording<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.manifest.note_spans(&batch);
        self.noted(self.exporter.export(batch).await)
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

impl<E: opentelemetry_sdk::logs::LogExporter> opentelemetry_sdk::logs::LogExporter for Recording<E> {
    async fn export(&self, batch: LogBatch<'_>) -> OTelSdkResult {
        batch.iter().for_each(|(record, scope)| self.manifest.note_log(record, scope));
        self.noted(self.exporter.export(batch).await)
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

impl<E: PushMetricExporter> PushMetricExporter for Recording<E> {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        self.manifest.note_metrics(metrics);
        self.noted(self.exporter.export(metrics).await)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn temporality(&self) -> Temporality {
        self.exporter.temporality()
    }
}
