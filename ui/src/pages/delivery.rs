//! `/alerts/deliveries/{number}`: one attempt to tell a receiver, what was sent and what was answered; and attempts on demand.

use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use slo::status::{Attempt, Exchange};

use crate::app::{App, page};
use crate::icon::Icon;
use crate::pages::alerts::{AttemptRow, attempt_row};
use crate::pages::not_found;
use crate::security;
use crate::shell::Shell;

#[derive(Template)]
#[template(path = "delivery.html")]
struct DeliveryPage {
    shell: Shell,
    row: AttemptRow,
    exchange: Option<Exchange>,
    /// All attempts of the notification that are in the log, the last first.
    attempts: Vec<AttemptRow>,
}

#[derive(Deserialize)]
pub(crate) struct Asked {
    receiver: String,
}

/// `GET /alerts/deliveries/{number}`
pub(crate) async fn get(State(app): State<App>, Path(number): Path<String>, uri: Uri, headers: HeaderMap) -> Response {
    let status = (app.state.slo_status)();
    // Attempts of before there were numbers have 0.
    let number = number.parse::<u64>().unwrap_or(0);
    let attempt = status.delivery.attempts.iter().find(|attempt| attempt.exchange == number && number > 0);
    let Some(attempt) = attempt else { return not_found::get(State(app), uri, headers).await };
    let shell = Shell::new(&app, &uri, &headers).without_range();
    let exchange = (app.state.deliveries.exchange)(number).await;
    let is_same =
        |other: &&Attempt| (&other.receiver, &other.idempotency_key) == (&attempt.receiver, &attempt.idempotency_key);
    let same = status.delivery.attempts.iter().filter(is_same);
    let attempts = same.map(|attempt| attempt_row(&shell, &status.delivery, attempt)).collect();
    page(
        StatusCode::OK,
        &DeliveryPage { row: attempt_row(&shell, &status.delivery, attempt), shell, exchange, attempts },
    )
}

/// `POST /alerts/receivers/test`
pub(crate) async fn test(State(app): State<App>, headers: HeaderMap, Form(asked): Form<Asked>) -> Response {
    if !security::is_own(&headers) {
        return security::refusal();
    }
    match (app.state.deliveries.test)(asked.receiver).await.as_deref() {
        Ok([number, ..]) => Redirect::to(&format!("/alerts/deliveries/{number}")).into_response(),
        Ok([]) => Redirect::to("/alerts#receivers").into_response(),
        Err(error) => (StatusCode::BAD_REQUEST, format!("{error}\n")).into_response(),
    }
}
