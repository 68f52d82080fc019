//! Serving HTTP: a server span and a duration per request, health, graceful end.

use std::future::{Future, IntoFuture};
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::get;
use axum::{Json, Router};
use http::header;
use opentelemetry::trace::{FutureExt, SpanBuilder, SpanKind, Status, TraceContextExt};
use opentelemetry::{Context, KeyValue};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::name::ServiceName;
use crate::telemetry::attributes::{
    CLIENT_ADDRESS, ERROR_TYPE, HTTP_REQUEST_METHOD, HTTP_RESPONSE_STATUS_CODE, HTTP_ROUTE, NETWORK_PROTOCOL_VERSION,
    SERVER_ADDRESS, SERVER_PORT, URL_PATH, URL_SCHEME, USER_AGENT_ORIGINAL,
};
use crate::telemetry::{Telemetry, extract, record_since};

/// How long requests under way may take once a service has to end.
const DRAIN: Duration = Duration::from_secs(1);

/// Where every service answers that it is up; not traced.
pub(crate) const HEALTH_PATH: &str = "/healthz";

/// The answer of [`HEALTH_PATH`]. The process id tells a supervisor its own child from a stranger on the same port.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Health {
    pub(crate) service: String,
    pub(crate) pid: u32,
}

/// Returns the router with a server span around each of its routes and with the health route, which has none.
pub(crate) fn instrumented(router: Router, service: ServiceName, telemetry: &Telemetry) -> Router {
    router.layer(middleware::from_fn_with_state(telemetry.clone(), trace_request)).merge(health(service))
}

/// Returns a router with the health route only.
pub(crate) fn health(service: ServiceName) -> Router {
    let answer = move || async move { Json(Health { service: service.to_string(), pid: std::process::id() }) };
    Router::new().route(HEALTH_PATH, get(answer))
}

/// Serves until `end` is ready, then lets the requests under way finish for a moment.
pub(crate) async fn serve(listener: TcpListener, router: Router, end: impl Future<Output = ()>) -> io::Result<()> {
    let (begin_drain, drain) = oneshot::channel::<()>();
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let server = axum::serve(listener, service).with_graceful_shutdown(async move { drop(drain.await) }).into_future();
    tokio::pin!(server);
    tokio::select! {
        result = &mut server => return result,
        () = end => drop(begin_drain),
    }
    tokio::time::timeout(DRAIN, server).await.unwrap_or(Ok(()))
}

/// Runs a request in a server span that continues the caller's trace.
async fn trace_request(State(telemetry): State<Telemetry>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = KeyValue::new(HTTP_REQUEST_METHOD, request.method().to_string());
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let scheme = KeyValue::new(URL_SCHEME, "http");
    let name = match &route {
        Some(route) => format!("{} {route}", request.method()),
        None => request.method().to_string(),
    };
    let mut recorded = vec![method, scheme];
    recorded.extend(route.map(|route| KeyValue::new(HTTP_ROUTE, route)));

    let mut attributes = recorded.clone();
    attributes.push(KeyValue::new(URL_PATH, request.uri().path().to_owned()));
    attributes.push(KeyValue::new(NETWORK_PROTOCOL_VERSION, protocol_version(request.version())));
    attributes.extend(request_attributes(&request));
    let span = SpanBuilder::from_name(name).with_kind(SpanKind::Server).with_attributes(attributes);
    let context = telemetry.start_under(&extract(request.headers()), span);

    let response = next.run(request).with_context(context.clone()).await;
    recorded.extend(response_attributes(&context, &response));
    record_since(&telemetry.http_server_duration, started, &recorded);
    context.span().end();
    response
}

fn request_attributes(request: &Request) -> impl Iterator<Item = KeyValue> {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let authority = header(header::HOST).or_else(|| request.uri().authority().map(|authority| authority.as_str()));
    let authority = authority.and_then(|text| text.parse::<http::uri::Authority>().ok());
    let client = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_string());
    [
        authority.as_ref().map(|authority| KeyValue::new(SERVER_ADDRESS, authority.host().to_owned())),
        authority.and_then(|authority| authority.port_u16()).map(|port| KeyValue::new(SERVER_PORT, i64::from(port))),
        client.map(|address| KeyValue::new(CLIENT_ADDRESS, address)),
        header(header::USER_AGENT).map(|agent| KeyValue::new(USER_AGENT_ORIGINAL, agent.to_owned())),
    ]
    .into_iter()
    .flatten()
}

/// Writes the status of a response into the span and returns the attributes that the duration carries too. Only 5xx is
/// an error of the server: a 4xx is the server doing its work.
fn response_attributes(context: &Context, response: &Response) -> Vec<KeyValue> {
    let status = response.status();
    let mut attributes = vec![KeyValue::new(HTTP_RESPONSE_STATUS_CODE, i64::from(status.as_u16()))];
    let span = context.span();
    if status.is_server_error() {
        attributes.push(KeyValue::new(ERROR_TYPE, status.as_str().to_owned()));
        span.set_status(Status::error(""));
    }
    span.set_attributes(attributes.iter().cloned());
    attributes
}

fn protocol_version(version: http::Version) -> &'static str {
    match version {
        http::Version::HTTP_10 => "1.0",
        http::Version::HTTP_2 => "2",
        http::Version::HTTP_3 => "3",
        _ => "1.1",
    }
}
