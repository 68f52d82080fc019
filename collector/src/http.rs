//! OTLP/HTTP: POST of protobuf or JSON to one path for each signal.
//!
//! Every refusal is a `google.rpc.Status` in the encoding of the request. Source: the OTLP specification, "OTLP/HTTP".

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::response::Response;
use axum::routing::any;
use http::header::{ACCEPT_ENCODING, ALLOW, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, USER_AGENT};
use http::{Extensions, HeaderMap, HeaderValue, Method, StatusCode};

use crate::body::Arriving;
use crate::coding::{self, Coding};
use crate::collector::{Collector, Envelope};
use crate::fairness::Peer;
use crate::refusal::Refusal;
use crate::reply::Reply;
use crate::signal::Signal;
use crate::stats::{Protocol, Sender};

mod cors;
mod remote_write;
mod wrong_port;

pub(crate) use remote_write::PATH as REMOTE_WRITE_PATH;
pub use remote_write::router as remote_write;
pub use wrong_port::router as wrong_port;

/// The routes of OTLP/HTTP and of Remote-Write; anything else is a 404 with a `google.rpc.Status`.
pub fn router(collector: Arc<Collector>) -> Router {
    let mut router = Router::new();
    for signal in Signal::ALL {
        let handler = move |State(collector): State<Arc<Collector>>, request: Request| async move {
            answer(&collector, Some(signal), request).await
        };
        router = router.route(signal.http_path(), any(handler));
        // Endpoints are pasted with a slash at the end often enough.
        router = router.route(&format!("{}/", signal.http_path()), any(handler));
    }
    router
        .fallback(async |State(collector): State<Arc<Collector>>, request: Request| {
            answer(&collector, None, request).await
        })
        .with_state(Arc::clone(&collector))
        .merge(remote_write(collector))
}

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";

async fn answer(collector: &Arc<Collector>, signal: Option<Signal>, request: Request) -> Response {
    if let (Some(_), Some(preflight)) = (signal, cors::preflight(request.method(), request.headers())) {
        return preflight;
    }
    let page = cors::origin(request.headers());
    let protocol = content_type(request.headers());
    let sender = Sender::of(&request, signal, protocol);
    let (request, mut body) = Arriving::split(request);
    let mut response = match export(collector, &sender, &request, &mut body).await {
        Ok((signal, Protocol::HttpJson, reply)) => respond(StatusCode::OK, JSON, reply.json(signal)),
        Ok((_, _, reply)) => respond(StatusCode::OK, PROTOBUF, reply.protobuf()),
        Err(refusal) => {
            collector.note_refusal(&sender, &refusal);
            body.discard(&refusal, collector.limits().body_timeout).await;
            refuse(&refusal, protocol)
        }
    };
    if let Some(page) = page {
        cors::allow(response.headers_mut(), &page);
    }
    response
}

async fn export(
    collector: &Arc<Collector>,
    sender: &Sender,
    request: &Request<()>,
    body: &mut Arriving,
) -> Result<(Signal, Protocol, Reply), Refusal> {
    let Some(signal) = sender.signal else {
        // As gRPC servers should, so that no HTTP/2 client takes the 200 of a gRPC error for a success.
        let is_call = Signal::ALL.into_iter().any(|signal| signal.grpc_path() == request.uri().path());
        return Err(if is_call { Refusal::GrpcContentType } else { Refusal::NoSuchPath });
    };
    if request.method() != Method::POST {
        return Err(Refusal::Method);
    }
    let protocol = sender.protocol.ok_or(Refusal::ContentType)?;
    let coding = content_coding(request.headers()).ok_or(Refusal::ContentEncoding)?;
    let envelope = Envelope { signal, protocol, coding, sender };
    let reply = receive(collector, &envelope, request, body).await?;
    Ok((signal, protocol, reply))
}

/// Reads the body of `request` and stores it.
async fn receive(
    collector: &Arc<Collector>,
    envelope: &Envelope<'_>,
    request: &Request<()>,
    body: &mut Arriving,
) -> Result<Reply, Refusal> {
    let limits = collector.limits();
    let mut admission = collector.admission(peer(request.extensions()))?;
    if let Some(length) = content_length(request.headers()) {
        if length > limits.max_body {
            return Err(Refusal::TooLarge { limit: limits.max_body });
        }
        admission.cover(length)?;
    }
    let body = body.read(limits.max_body, limits.body_timeout, &mut admission).await?;
    collector.ingest(envelope, body, admission).await
}

/// The protocol that the content type stands for; its parameters and the case of its letters do not matter.
fn content_type(headers: &HeaderMap) -> Option<Protocol> {
    let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let essence = value.split(';').next()?.trim();
    if essence.eq_ignore_ascii_case(PROTOBUF) {
        Some(Protocol::HttpProtobuf)
    } else if essence.eq_ignore_ascii_case(JSON) {
        Some(Protocol::HttpJson)
    } else {
        None
    }
}

/// The coding of the body; `None` for one that is not ours, and for a stack of them.
fn content_coding(headers: &HeaderMap) -> Option<Coding> {
    let mut values = headers.get_all(CONTENT_ENCODING).iter();
    match (values.next(), values.next()) {
        (None, _) => Some(Coding::Identity),
        (Some(value), None) => Coding::parse(value.to_str().ok()?),
        (Some(_), Some(_)) => None,
    }
}

/// Who sent a request, for its share of what there is.
pub(crate) fn peer(extensions: &Extensions) -> Peer {
    known_peer(extensions).unwrap_or_default()
}

/// Who sent a request: [`crate::serve`] has noted it, or the server of axum that has the router of Remote-Write among others.
pub(crate) fn known_peer(extensions: &Extensions) -> Option<Peer> {
    let of_axum = || extensions.get().map(|ConnectInfo(address): &ConnectInfo<SocketAddr>| Peer::from(*address));
    extensions.get().copied().or_else(of_axum)
}

fn content_length(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

pub(crate) fn user_agent(headers: &HeaderMap) -> String {
    headers.get(USER_AGENT).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).unwrap_or_default()
}

/// The refusal in the encoding of the request, in JSON when that is not known: a person may be reading.
fn refuse(refusal: &Refusal, protocol: Option<Protocol>) -> Response {
    let mut response = match protocol {
        Some(Protocol::HttpProtobuf) => respond(refusal.http_status(), PROTOBUF, refusal.status_message()),
        _ => respond(refusal.http_status(), JSON, refusal.status_json()),
    };
    let headers = response.headers_mut();
    if let Some(seconds) = refusal.retry_after() {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    if matches!(refusal, Refusal::Method) {
        headers.insert(ALLOW, HeaderValue::from_static("POST, OPTIONS"));
    }
    if matches!(refusal, Refusal::ContentEncoding) {
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(coding::ACCEPTED));
    }
    response
}

fn respond(status: StatusCode, content_type: &'static str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

#[cfg(test)]
mod tests;
