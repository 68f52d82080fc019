//! OTLP/gRPC: unary `Export` of the three services.
//!
//! The framing of a unary call is five bytes, read here instead of by a generated server: the bytes are then admitted,
//! capped and inflated by the same code as over HTTP, before anything is buffered twice, and a gzip body of several
//! members is read whole (tonic 0.14 stops after the first and acknowledges the rest unread).
//! Source: the gRPC over HTTP/2 protocol, "Requests" and "Responses".

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use bytes::{BufMut, Bytes, BytesMut};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response};
use http_body_util::{BodyExt, Full};
use tonic::Status;

use crate::body::Arriving;
use crate::coding::{self, Coding};
use crate::collector::{Collector, Envelope};
use crate::http::peer;
use crate::refusal::Refusal;
use crate::reply::Reply;
use crate::signal::Signal;
use crate::stats::{Protocol, Sender};

const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");
const GRPC_ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
const GRPC_ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");
const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");

/// Flag and length before each message.
const PREFIX: usize = 5;

/// Whether a request speaks gRPC: its content type is `application/grpc`, or that with a format such as `+proto`.
pub(crate) fn is_grpc(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    let (name, rest) = content_type.split_at_checked(16).unwrap_or_default();
    name.eq_ignore_ascii_case(b"application/grpc") && matches!(rest.first(), None | Some(b'+' | b';' | b' '))
}

/// Answers one call. Errors are gRPC statuses in a response of HTTP status 200.
pub(crate) async fn answer(collector: &Arc<Collector>, request: Request<Body>) -> Response<Body> {
    let signal = Signal::ALL.into_iter().find(|signal| signal.grpc_path() == request.uri().path());
    let sender = Sender::of(&request, signal, Some(Protocol::Grpc));
    let (request, mut body) = Arriving::split(request);
    let mut response = match export(collector, &sender, &request, &mut body).await {
        Ok(reply) => respond(&reply),
        Err(refusal) => {
            collector.note_refusal(&sender, &refusal);
            body.discard(&refusal, collector.limits().body_timeout).await;
            refuse(&refusal)
        }
    };
    response.headers_mut().insert(GRPC_ACCEPT_ENCODING, HeaderValue::from_static(coding::ACCEPTED));
    response
}

async fn export(
    collector: &Arc<Collector>,
    sender: &Sender,
    request: &Request<()>,
    body: &mut Arriving,
) -> Result<Reply, Refusal> {
    let signal = sender.signal.ok_or(Refusal::NoSuchGrpcMethod)?;
    if request.method() != Method::POST {
        return Err(Refusal::Method);
    }
    let declared = match request.headers().get(&GRPC_ENCODING) {
        Some(name) => name.to_str().ok().and_then(Coding::parse).ok_or(Refusal::GrpcEncoding)?,
        None => Coding::Identity,
    };
    let limits = collector.limits();
    let mut admission = collector.admission(peer(request.extensions()))?;
    let max_body = limits.max_body;
    let body = body.read(max_body + PREFIX, limits.body_timeout, &mut admission).await;
    let body = body.map_err(|refusal| match refusal {
        // The sender is told the limit of the message, not that of its frame.
        Refusal::TooLarge { .. } => Refusal::TooLarge { limit: max_body },
        other => other,
    })?;
    let (coding, message) = unframe(body, declared)?;
    let envelope = Envelope { signal, protocol: Protocol::Grpc, coding, sender };
    collector.ingest(&envelope, message, admission).await
}

/// The one message of a unary request and its coding.
fn unframe(body: Bytes, declared: Coding) -> Result<(Coding, Bytes), Refusal> {
    let Some(([flag, length @ ..], _)) = body.split_first_chunk::<PREFIX>() else {
        return Err(Refusal::GrpcFrame("the request has no message"));
    };
    let coding = match (flag, declared) {
        (0, _) => Coding::Identity,
        (1, Coding::Identity) => {
            return Err(Refusal::GrpcFrame("the message is compressed but grpc-encoding does not say how"));
        }
        (1, declared) => declared,
        _ => return Err(Refusal::GrpcFrame("the compressed flag must be 0 or 1")),
    };
    match (body.len() - PREFIX).cmp(&(u32::from_be_bytes(*length) as usize)) {
        std::cmp::Ordering::Less => Err(Refusal::GrpcFrame("the message is shorter than its length says")),
        std::cmp::Ordering::Greater => Err(Refusal::GrpcFrame("a unary request must have one message")),
        std::cmp::Ordering::Equal => Ok((coding, body.slice(PREFIX..))),
    }
}

fn respond(reply: &Reply) -> Response<Body> {
    let message = reply.protobuf();
    let mut frame = BytesMut::with_capacity(PREFIX + message.len());
    frame.put_u8(0);
    frame.put_u32(message.len() as u32);
    frame.put_slice(&message);
    let trailers = async {
        let mut trailers = HeaderMap::new();
        trailers.insert(GRPC_STATUS, HeaderValue::from_static("0"));
        Some(Ok::<_, Infallible>(trailers))
    };
    let mut response = Response::new(Body::new(Full::new(frame.freeze()).with_trailers(trailers)));
    response.headers_mut().insert(CONTENT_TYPE, GRPC);
    response
}

pub(crate) fn refuse(refusal: &Refusal) -> Response<Body> {
    let details = Bytes::from(refusal.status_message());
    Status::with_details(refusal.grpc_code(), refusal.to_string(), details).into_http()
}

#[cfg(test)]
mod tests;
