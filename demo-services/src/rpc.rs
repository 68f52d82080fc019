//! gRPC calls on both sides: a span and a duration per call, and the trace context in its metadata.

use std::future::Future;
use std::time::{Duration, Instant};

use opentelemetry::trace::{FutureExt, SpanBuilder, SpanKind, Status as SpanStatus, TraceContextExt};
use opentelemetry::{Context, KeyValue};
use tonic::{Code, Request, Response, Status};

use crate::peer::Peer;
use crate::telemetry::attributes::{
    ERROR_TYPE, RPC_GRPC_STATUS_CODE, RPC_METHOD, RPC_SERVICE, RPC_STATUS_CODE, RPC_SYSTEM, RPC_SYSTEM_NAME,
    SERVER_ADDRESS, SERVER_PORT,
};
use crate::telemetry::{Telemetry, extract, inject, record_since};

/// A method of a contract, named in full.
#[derive(Clone, Copy)]
pub(crate) struct Method {
    /// The service with its package.
    pub(crate) service: &'static str,
    /// `service/method`: the span's name and `rpc.method`.
    pub(crate) full: &'static str,
}

/// Calls a method within a client span and a deadline, which the server is told.
pub(crate) async fn call<M, R, F>(
    telemetry: &Telemetry,
    peer: &Peer,
    method: Method,
    deadline: Duration,
    message: M,
    send: impl FnOnce(Request<M>) -> F,
) -> Result<R, Status>
where
    F: Future<Output = Result<Response<R>, Status>>,
{
    let started = Instant::now();
    let mut recorded = attributes(method);
    recorded.push(KeyValue::new(SERVER_ADDRESS, peer.host().to_owned()));
    recorded.push(KeyValue::new(SERVER_PORT, i64::from(peer.port())));
    let context = telemetry.start(span(method, SpanKind::Client, &recorded));
    let mut request = Request::new(message);
    request.set_timeout(deadline);
    inject(&context, request.metadata_mut().as_mut());

    // The deadline is kept here too: a server that has lost its clock or its network cannot keep it for us.
    let answer = tokio::time::timeout(deadline, send(request)).with_context(context.clone()).await;
    let result = match answer {
        Ok(result) => result.map(Response::into_inner),
        Err(_) => Err(Status::deadline_exceeded("no answer within the deadline")),
    };
    recorded.extend(end(&context, status_of(&result), |code| code != Code::Ok));
    record_since(&telemetry.rpc_client_duration, started, &recorded);
    result
}

/// Answers a call within a server span that continues the caller's trace.
pub(crate) async fn answer<M, R, F>(
    telemetry: &Telemetry,
    method: Method,
    request: Request<M>,
    handler: impl FnOnce(M) -> F,
) -> Result<Response<R>, Status>
where
    F: Future<Output = Result<R, Status>>,
{
    let started = Instant::now();
    let mut recorded = attributes(method);
    let (metadata, _, message) = request.into_parts();
    let context = telemetry.start_under(&extract(metadata.as_ref()), span(method, SpanKind::Server, &recorded));
    let result = handler(message).with_context(context.clone()).await;
    recorded.extend(end(&context, status_of(&result), is_server_fault));
    record_since(&telemetry.rpc_server_duration, started, &recorded);
    result.map(Response::new)
}

fn attributes(method: Method) -> Vec<KeyValue> {
    vec![KeyValue::new(RPC_SYSTEM_NAME, "grpc"), KeyValue::new(RPC_METHOD, method.full)]
}

fn span(method: Method, kind: SpanKind, recorded: &[KeyValue]) -> SpanBuilder {
    let older = [KeyValue::new(RPC_SYSTEM, "grpc"), KeyValue::new(RPC_SERVICE, method.service)];
    SpanBuilder::from_name(method.full).with_kind(kind).with_attributes(recorded.iter().cloned().chain(older))
}

fn status_of<R>(result: &Result<R, Status>) -> (Code, &str) {
    match result {
        Ok(_) => (Code::Ok, ""),
        Err(status) => (status.code(), status.message()),
    }
}

/// Ends a span with a gRPC status and returns the attributes that the duration carries too.
fn end(context: &Context, (code, message): (Code, &str), is_error: impl Fn(Code) -> bool) -> Vec<KeyValue> {
    let span = context.span();
    let mut attributes = vec![KeyValue::new(RPC_STATUS_CODE, code_name(code))];
    if is_error(code) {
        attributes.push(KeyValue::new(ERROR_TYPE, code_name(code)));
        span.set_status(SpanStatus::error(message.to_owned()));
    }
    span.set_attributes(attributes.iter().cloned());
    span.set_attribute(KeyValue::new(RPC_GRPC_STATUS_CODE, i64::from(code as i32)));
    span.end();
    attributes
}

/// Returns whether a status is the server's fault: the codes that the gRPC conventions count as errors of a server
/// span.
fn is_server_fault(code: Code) -> bool {
    matches!(
        code,
        Code::Unknown
            | Code::DeadlineExceeded
            | Code::Unimplemented
            | Code::Internal
            | Code::Unavailable
            | Code::DataLoss
    )
}

/// Returns a code as the gRPC specification spells it.
fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
