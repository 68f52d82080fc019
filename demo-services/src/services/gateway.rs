//! `gateway`: the HTTP edge. It routes the public API, version 1, to the services behind it and holds no state.

use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::{StatusCode, header};

use super::Parts;
use crate::config::ServiceConfig;
use crate::error::DemoError;
use crate::http_client::{Call, CallError, HttpClient};
use crate::http_server;
use crate::name::ServiceName;
use crate::problem::Problem;
use crate::telemetry::Telemetry;

/// How long the gateway waits for a service: longer than a booking whose payment is retried takes.
const TIMEOUT: Duration = Duration::from_secs(15);
/// The largest body taken, in bytes; a booking has a few hundred.
const MAX_BODY: usize = 16 << 10;

#[derive(Clone)]
struct Gateway {
    catalogue: HttpClient,
    booking: HttpClient,
}

pub(super) fn build(config: &ServiceConfig, telemetry: &Telemetry) -> Result<Parts, DemoError> {
    let client = |name| HttpClient::new(telemetry, config.peer(name), TIMEOUT);
    let gateway = Gateway { catalogue: client(ServiceName::Catalogue)?, booking: client(ServiceName::Booking)? };
    let routes = Router::new()
        .route("/v1/shows", get(shows))
        .route("/v1/shows/{show}", get(show))
        .route("/v1/bookings", post(book))
        .route("/v1/bookings/{booking}", get(booking))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(gateway);
    Ok(Parts { router: http_server::instrumented(routes, config.service, telemetry), tasks: Vec::new() })
}

async fn shows(State(gateway): State<Gateway>) -> Response {
    forward(&gateway.catalogue, ServiceName::Catalogue, Call::get("/shows", "/shows".to_owned())).await
}

async fn show(State(gateway): State<Gateway>, Path(show): Path<u64>) -> Response {
    let call = Call::get("/shows/{show}", format!("/shows/{show}")).expecting(&[404]);
    forward(&gateway.catalogue, ServiceName::Catalogue, call).await
}

async fn book(State(gateway): State<Gateway>, body: Bytes) -> Response {
    // What is refused here is a customer's or a card's matter, as for the customer who sees it.
    let call = Call::post("/bookings", "/bookings".to_owned(), body.to_vec()).expecting(&[400, 402, 404, 409]);
    forward(&gateway.booking, ServiceName::Booking, call).await
}

async fn booking(State(gateway): State<Gateway>, Path(booking): Path<String>) -> Response {
    // The id is put into a path: only what an id can hold may pass.
    if booking.len() > 64 || !booking.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return Problem::new(StatusCode::NOT_FOUND, "unknown_booking", "there is no such booking").into_response();
    }
    let call = Call::get("/bookings/{booking}", format!("/bookings/{booking}")).expecting(&[404]);
    forward(&gateway.booking, ServiceName::Booking, call).await
}

/// Answers with a service's answer, or with 502 or 504 when it has none.
async fn forward(client: &HttpClient, service: ServiceName, call: Call) -> Response {
    let template = call.template;
    match client.call(call).await {
        Ok(reply) => {
            if reply.status.is_server_error() {
                tracing::warn!(
                    name: "gateway.upstream_failed",
                    {
                        upstream = service.as_str(),
                        url.template = template,
                        http.response.status_code = reply.status.as_u16(),
                    },
                    "upstream answered with an error"
                );
            }
            (reply.status, [(header::CONTENT_TYPE, "application/json")], reply.body).into_response()
        }
        Err(error) => {
            tracing::error!(
                name: "gateway.upstream_unreachable",
                { upstream = service.as_str(), url.template = template, exception.message = %error },
                "upstream gave no answer"
            );
            let status = match error {
                CallError::Timeout(_) => StatusCode::GATEWAY_TIMEOUT,
                CallError::Connect | CallError::Broken(_) | CallError::Body(_) => StatusCode::BAD_GATEWAY,
            };
            Problem::new(status, "upstream_unreachable", format!("{service}: {error}")).into_response()
        }
    }
}
