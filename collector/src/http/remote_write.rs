//! Prometheus Remote-Write: POST of a Snappy block to one path, for both versions.
//!
//! Senders read the status alone: 204 is all of it stored, a 4xx is not sent again, a 5xx is. So what passes is a 503, never a
//! 429 (see [`Refusal::remote_write_status`]), and a request of which a part was rejected is answered with 400 though the rest
//! of it is stored, and says so in words and in the headers that version 2.0 asks for.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::any;
use http::header::{ALLOW, CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use super::{content_coding, receive, respond};
use crate::body::Arriving;
use crate::coding::Coding;
use crate::collector::{Collector, Envelope};
use crate::refusal::Refusal;
use crate::remote_write::Written;
use crate::reply::Reply;
use crate::signal::Signal;
use crate::stats::{Protocol, Sender};

/// Where Prometheus itself receives, and where its users look for it.
pub(crate) const PATH: &str = "/api/v1/write";

const TEXT: &str = "text/plain; charset=utf-8";

/// The route of Remote-Write.
pub fn router(collector: Arc<Collector>) -> Router {
    let handler = async |State(collector): State<Arc<Collector>>, request: Request| answer(&collector, request).await;
    // As for OTLP, with a slash at the end too.
    Router::new().route(PATH, any(handler)).route(&format!("{PATH}/"), any(handler)).with_state(collector)
}

async fn answer(collector: &Arc<Collector>, request: Request) -> Response {
    let protocol = protocol(request.headers());
    let sender = Sender::of(&request, Some(Signal::Metrics), protocol);
    let (request, mut body) = Arriving::split(request);
    match write(collector, &sender, &request, &mut body).await {
        Ok(reply) => written(&reply),
        Err(refusal) => {
            collector.note_refusal(&sender, &refusal);
            body.discard(&refusal, collector.limits().body_timeout).await;
            refuse(&refusal)
        }
    }
}

async fn write(
    collector: &Arc<Collector>,
    sender: &Sender,
    request: &Request<()>,
    body: &mut Arriving,
) -> Result<Reply, Refusal> {
    if request.method() != Method::POST {
        return Err(Refusal::Method);
    }
    let protocol = sender.protocol.ok_or(Refusal::RemoteWriteType)?;
    // Senders that forget the header send Snappy all the same; Prometheus takes it for that, too.
    let coding = Coding::Snappy;
    if request.headers().contains_key(CONTENT_ENCODING) && content_coding(request.headers()) != Some(coding) {
        return Err(Refusal::RemoteWriteEncoding);
    }
    let envelope = Envelope { signal: Signal::Metrics, protocol, coding, sender };
    receive(collector, &envelope, request, body).await
}

/// The version that the content type names; 1.0 when it names none.
fn protocol(headers: &HeaderMap) -> Option<Protocol> {
    let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let mut parts = value.split(';').map(str::trim);
    if !parts.next()?.eq_ignore_ascii_case(super::PROTOBUF) {
        return None;
    }
    let named = parts.find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("proto").then(|| value.trim().trim_matches('"'))
    });
    match named {
        None | Some("prometheus.WriteRequest") => Some(Protocol::RemoteWrite1),
        Some("io.prometheus.write.v2.Request") => Some(Protocol::RemoteWrite2),
        Some(_) => None,
    }
}

fn written(reply: &Reply) -> Response {
    let Written { samples, histograms, exemplars, lost_exemplars } = reply.written;
    let mut response = if reply.rejected + lost_exemplars == 0 {
        let mut response = Response::new(axum::body::Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        response
    } else {
        let text = format!(
            "partly stored: {samples} samples, {histograms} histograms and {exemplars} exemplars are, the rest is not; {}\n",
            reply.message
        );
        respond(StatusCode::BAD_REQUEST, TEXT, text)
    };
    count(response.headers_mut(), reply.written);
    response
}

fn refuse(refusal: &Refusal) -> Response {
    let mut response = respond(refusal.remote_write_status(), TEXT, format!("{refusal}\n"));
    let headers = response.headers_mut();
    count(headers, Written::default());
    if let Some(seconds) = refusal.retry_after() {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    if matches!(refusal, Refusal::Method) {
        headers.insert(ALLOW, HeaderValue::from_static("POST"));
    }
    response
}

/// The headers that 2.0 requires; senders of 1.0 do not look.
fn count(headers: &mut HeaderMap, written: Written) {
    headers.insert("x-prometheus-remote-write-samples-written", HeaderValue::from(written.samples));
    headers.insert("x-prometheus-remote-write-histograms-written", HeaderValue::from(written.histograms));
    headers.insert("x-prometheus-remote-write-exemplars-written", HeaderValue::from(written.exemplars));
}

#[cfg(test)]
mod tests;
