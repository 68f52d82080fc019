//! The paths of OTLP/HTTP on the port of the pages: nothing is received there, and the sender is told where it is.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use axum::routing::any;

use super::{content_type, cors, refuse};
use crate::collector::Collector;
use crate::refusal::Refusal;
use crate::signal::Signal;
use crate::stats::Sender;

/// Routes that refuse OTLP/HTTP with a `google.rpc.Status` that names the ports where `collector` receives it.
pub fn router(collector: &Arc<Collector>, otlp_http: SocketAddr, otlp_grpc: SocketAddr) -> Router {
    let refusal = Refusal::WrongPort { http: otlp_http.port(), grpc: otlp_grpc.port() };
    let (mut router, refusal) = (Router::new(), Arc::new(refusal));
    for signal in Signal::ALL {
        for path in [signal.http_path().to_owned(), format!("{}/", signal.http_path())] {
            let (collector, refusal) = (Arc::clone(collector), Arc::clone(&refusal));
            let handler = move |request: Request| async move { answer(&collector, signal, &refusal, &request) };
            router = router.route(&path, any(handler));
        }
    }
    router
}

fn answer(collector: &Collector, signal: Signal, refusal: &Refusal, request: &Request) -> Response {
    if let Some(preflight) = cors::preflight(request.method(), request.headers()) {
        return preflight;
    }
    let protocol = content_type(request.headers());
    collector.note_refusal(&Sender::of(request, Some(signal), protocol), refusal);
    let mut response = refuse(refusal, protocol);
    if let Some(page) = cors::origin(request.headers()) {
        cors::allow(response.headers_mut(), &page);
    }
    response
}
