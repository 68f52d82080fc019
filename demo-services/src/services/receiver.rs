//! `receiver`: takes Alertmanager webhooks, prints them for people and keeps the last ones for programs.

mod webhook;

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::routing::get;
use axum::{Json, Router};
use http::StatusCode;
use serde::Serialize;
use serde_json::Value;

use self::webhook::Webhook;
use super::Parts;
use crate::clock;
use crate::http_server;
use crate::name::ServiceName;
use crate::problem::{Problem, read_json};
use crate::telemetry::Telemetry;

/// How many webhooks are kept.
const KEPT: usize = 50;
/// The largest body taken, in bytes.
const MAX_BODY: usize = 1 << 20;

#[derive(Clone, Serialize)]
struct Received {
    /// Seconds since the Unix epoch.
    received_at: i64,
    body: Value,
}

#[derive(Clone, Default)]
struct Receiver(Arc<Mutex<VecDeque<Received>>>);

/// `POST /` takes a webhook, at any path; `GET /` lists the last 50 as JSON, newest first.
pub(super) fn build(telemetry: &Telemetry) -> Parts {
    let routes = Router::new()
        .route("/", get(list).post(receive))
        .route("/{*path}", axum::routing::post(receive))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(Receiver::default());
    Parts { router: http_server::instrumented(routes, ServiceName::Receiver, telemetry), tasks: Vec::new() }
}

async fn list(State(receiver): State<Receiver>) -> Json<Vec<Received>> {
    let received = receiver.0.lock().unwrap_or_else(PoisonError::into_inner);
    Json(received.iter().rev().cloned().collect())
}

async fn receive(State(receiver): State<Receiver>, body: Bytes) -> Result<StatusCode, Problem> {
    let webhook: Webhook = read_json(&body)?;
    let body: Value = read_json(&body)?;
    print(&webhook.to_string());
    tracing::info!(
        name: "webhook.received",
        { webhook.status = webhook.status, webhook.alerts = webhook.alerts.len() },
        "webhook received"
    );
    let mut received = receiver.0.lock().unwrap_or_else(PoisonError::into_inner);
    received.push_back(Received { received_at: clock::unix_seconds(), body });
    if received.len() > KEPT {
        received.pop_front();
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Writes to standard output, where the supervisor picks it up; a closed output is no reason to refuse a webhook.
fn print(text: &str) {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).ok();
}
