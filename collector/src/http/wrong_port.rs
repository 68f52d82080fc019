//! The paths of OTLP over HTTP and gRPC on the port of the pages: nothing is received there, and the sender is told where it is.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use axum::routing::any;

use super::{content_type, cors, refuse};
use crate::collector::Collector;
use crate::grpc;
use crate::refusal::Refusal;
use crate::signal::Signal;
use crate::stats::{Protocol, Sender};

/// Routes that refuse OTLP with a `google.rpc.Status` that names the ports where `collector` receives it.
pub fn router(collector: &Arc<Collector>, otlp_http: SocketAddr, otlp_grpc: SocketAddr) -> Router {
    let refusal = Refusal::WrongPort { http: otlp_http.port(), grpc: otlp_grpc.port() };
    let (mut router, refusal) = (Router::new(), Arc::new(refusal));
    for signal in Signal::ALL {
        let of_http = signal.http_path();
        for path in [of_http.to_owned(), format!("{of_http}/"), signal.grpc_path().to_owned()] {
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
    if grpc::is_grpc(request.headers()) {
        collector.note_refusal(&Sender::of(request, Some(signal), Some(Protocol::Grpc)), refusal);
        return grpc::refuse(refusal);
    }
    let protocol = content_type(request.headers());
    collector.note_refusal(&Sender::of(request, Some(signal), protocol), refusal);
    let mut response = refuse(refusal, protocol);
    if let Some(page) = cors::origin(request.headers()) {
        cors::allow(response.headers_mut(), &page);
    }
    response
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use tower::ServiceExt;

    use super::*;
    use crate::Limits;
    use crate::stats::Status;
    use crate::testing::collector;

    #[tokio::test]
    async fn a_sender_of_either_protocol_is_told_the_ports_and_is_an_attempt() {
        let (_dir, _store, collector) = collector(Limits::default());
        let address = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let pages = router(&collector, address(4318), address(4317));
        let told =
            "this is the port of the pages and queries; OTLP is received on port 4318, and on 4317, over HTTP and gRPC";
        for signal in Signal::ALL {
            let call = Request::post(signal.grpc_path()).header("content-type", "application/grpc");
            let answer = pages.clone().oneshot(call.body(Body::empty()).unwrap()).await.unwrap();
            assert_eq!((answer.status().as_u16(), &answer.headers()["grpc-status"]), (200, &"12".parse().unwrap()));
            let message = answer.headers()["grpc-message"].to_str().unwrap().replace("%20", " ");
            assert_eq!(message, told, "{signal:?}");
            let post = Request::post(signal.http_path()).header("content-type", "application/x-protobuf");
            let answer = pages.clone().oneshot(post.body(Body::empty()).unwrap()).await.unwrap();
            assert_eq!(answer.status(), 404);
        }
        let statuses = collector.stats().reasons.into_iter().filter_map(|it| it.status);
        let (grpc, http): (Vec<_>, Vec<_>) = statuses.partition(|status| status.grpc().is_some());
        assert_eq!((grpc, http), (vec![Status::Grpc("UNIMPLEMENTED"); 3], vec![Status::Http(404); 3]));
        assert_eq!(collector.attempts().len(), 3, "the last of each signal");
    }
}
