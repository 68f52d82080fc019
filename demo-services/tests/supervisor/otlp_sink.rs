//! An OTLP/gRPC endpoint that remembers which service sent what.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use opentelemetry_proto::tonic::collector::logs::v1::logs_service_server::{LogsService, LogsServiceServer};
use opentelemetry_proto::tonic::collector::logs::v1::{ExportLogsServiceRequest, ExportLogsServiceResponse};
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{ExportMetricsServiceRequest, ExportMetricsServiceResponse};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::resource::v1::Resource;
use tokio::net::TcpListener;
use tonic::service::Routes;
use tonic::{Request, Response, Status};

/// What has arrived so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// The services that have sent each signal.
    pub(crate) spans: BTreeSet<String>,
    pub(crate) metrics: BTreeSet<String>,
    pub(crate) logs: BTreeSet<String>,
    pub(crate) metric_names: BTreeSet<String>,
    pub(crate) services_by_trace: BTreeMap<Vec<u8>, BTreeSet<String>>,
    /// Event name and trace id of the logs that are written within a booking.
    pub(crate) business_logs: Vec<(String, Vec<u8>)>,
}

/// The endpoint; clones share what it has seen.
#[derive(Clone)]
pub(crate) struct Sink {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
}

impl Sink {
    /// Listens on a free port of this machine.
    pub(crate) async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let sink = Self { address: listener.local_addr()?, seen: Arc::default() };
        let routes = Routes::new(TraceServiceServer::new(sink.clone()))
            .add_service(MetricsServiceServer::new(sink.clone()))
            .add_service(LogsServiceServer::new(sink.clone()));
        tokio::spawn(async move { axum::serve(listener, routes.into_axum_router()).await });
        Ok(sink)
    }

    pub(crate) fn seen(&self) -> Seen {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().expect("no panic holds it")
    }
}

/// Returns `service.name` of a resource that is complete.
fn service(resource: Option<&Resource>) -> Result<String, Status> {
    let of = |key: &str| {
        let attributes = resource.map(|resource| resource.attributes.as_slice()).unwrap_or_default();
        let value = attributes.iter().find(|attribute| attribute.key == key)?.value.as_ref()?.value.as_ref()?;
        if let Value::StringValue(text) = value { Some(text.clone()) } else { None }
    };
    for (key, value) in [("service.namespace", "box-office"), ("deployment.environment.name", "demo")] {
        if of(key).as_deref() != Some(value) {
            return Err(Status::invalid_argument(format!("{key} is not {value}")));
        }
    }
    for key in ["service.version", "service.instance.id"] {
        of(key).ok_or_else(|| Status::invalid_argument(format!("{key} is missing")))?;
    }
    of("service.name").ok_or_else(|| Status::invalid_argument("service.name is missing"))
}

#[tonic::async_trait]
impl TraceService for Sink {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        for group in request.into_inner().resource_spans {
            let service = service(group.resource.as_ref())?;
            let mut seen = self.lock();
            seen.spans.insert(service.clone());
            for span in group.scope_spans.into_iter().flat_map(|scope| scope.spans) {
                seen.services_by_trace.entry(span.trace_id).or_default().insert(service.clone());
            }
        }
        Ok(Response::new(Default::default()))
    }
}

#[tonic::async_trait]
impl MetricsService for Sink {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        for group in request.into_inner().resource_metrics {
            let service = service(group.resource.as_ref())?;
            let mut seen = self.lock();
            seen.metrics.insert(service);
            let metrics = group.scope_metrics.into_iter().flat_map(|scope| scope.metrics);
            seen.metric_names.extend(metrics.map(|metric| metric.name));
        }
        Ok(Response::new(Default::default()))
    }
}

#[tonic::async_trait]
impl LogsService for Sink {
    async fn export(
        &self,
        request: Request<ExportLogsServiceRequest>,
    ) -> Result<Response<ExportLogsServiceResponse>, Status> {
        for group in request.into_inner().resource_logs {
            let service = service(group.resource.as_ref())?;
            let mut seen = self.lock();
            seen.logs.insert(service);
            for record in group.scope_logs.into_iter().flat_map(|scope| scope.log_records) {
                if record.event_name == "booking.ended" {
                    seen.business_logs.push((record.event_name, record.trace_id));
                }
            }
        }
        Ok(Response::new(Default::default()))
    }
}
