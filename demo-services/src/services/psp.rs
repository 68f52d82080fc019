//! `psp`: the payment provider, simulated. It belongs to the outside world: slow at times, rarely out of order, and the
//! home of the faults that are switched on for a demonstration.

mod card;

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::routing::post;
use axum::{Json, Router};
use http::StatusCode;
use opentelemetry::Context;
use opentelemetry::KeyValue;
use opentelemetry::metrics::Counter;
use opentelemetry::trace::TraceContextExt;
use serde::{Deserialize, Serialize};

pub(crate) use card::Card;

use super::Parts;
use crate::fault::{self, Fault, Faults};
use crate::http_server;
use crate::name::ServiceName;
use crate::problem::{Problem, read_json};
use crate::telemetry::Telemetry;
use crate::telemetry::attributes::{CARD_ISSUER, OUTCOME};

/// Share of authorisations answered with 503 while [`Fault::PaymentErrors`] is on: with one retry, half of the bookings
/// fail.
const FAULTY_SHARE: f64 = 0.7;
/// Share of 503 in good times. A retry hides it: two in a row come once in a million.
const HICCUP_SHARE: f64 = 0.001;

/// The body of `POST /authorisations`.
#[derive(Serialize, Deserialize)]
pub(crate) struct AuthorisationRequest {
    pub(crate) reference: String,
    pub(crate) minor_units: i64,
    pub(crate) currency: String,
    pub(crate) card_token: String,
}

/// The answer to `POST /authorisations`; a refused card is an answer with status 200 too.
#[derive(Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub(crate) enum Authorisation {
    Approved { id: String },
    Declined { reason: String },
}

#[derive(Clone)]
struct Psp {
    faults: Faults,
    authorisations: Counter<u64>,
}

pub(super) fn build(telemetry: &Telemetry) -> Parts {
    let faults = Faults::default();
    let authorisations =
        telemetry.counter("psp.authorisations", "{authorisation}", "Authorisations asked of the provider, by outcome.");
    let routes = Router::new()
        .route("/authorisations", post(authorise))
        .route("/authorisations/{id}/void", post(void))
        .with_state(Psp { faults: faults.clone(), authorisations });
    let router = http_server::instrumented(routes, ServiceName::Psp, telemetry).merge(fault::router(faults));
    Parts { router, tasks: Vec::new() }
}

async fn authorise(State(psp): State<Psp>, body: Bytes) -> Result<Json<Authorisation>, Problem> {
    let request: AuthorisationRequest = read_json(&body)?;
    let card: Option<Card> = request.card_token.parse().ok();
    let issuer = card.as_ref().map_or_else(|| "unknown".to_owned(), |card| card.issuer.clone());
    let issuer = KeyValue::new(CARD_ISSUER, issuer);
    Context::current().span().set_attribute(issuer.clone());
    tokio::time::sleep(thinking_time(rand::random(), rand::random())).await;

    let faulty_share = if psp.faults.is_on(Fault::PaymentErrors) { FAULTY_SHARE } else { HICCUP_SHARE };
    let (outcome, answer) = if rand::random::<f64>() < faulty_share {
        tracing::error!(
            name: "psp.acquirer_unavailable",
            { psp.reference = request.reference },
            "acquirer connection pool exhausted; authorisation not attempted"
        );
        let message = "the acquirer is not available";
        ("unavailable", Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "acquirer_unavailable", message)))
    } else {
        match card {
            Some(card) if !card.is_declined => {
                ("approved", Ok(Authorisation::Approved { id: format!("auth-{:016x}", rand::random::<u64>()) }))
            }
            Some(_) => ("declined", Ok(Authorisation::Declined { reason: "insufficient funds".to_owned() })),
            None => ("declined", Ok(Authorisation::Declined { reason: "unknown card".to_owned() })),
        }
    };
    psp.authorisations.add(1, &[KeyValue::new(OUTCOME, outcome), issuer]);
    answer.map(Json)
}

/// Voids an authorisation. Voiding is not subject to the faults: it repairs what they break.
async fn void(Path(id): Path<String>) -> StatusCode {
    tokio::time::sleep(thinking_time(rand::random(), rand::random())).await;
    tracing::info!(name: "psp.voided", { psp.authorisation = id }, "authorisation voided");
    StatusCode::NO_CONTENT
}

/// Returns how long the provider takes: 25 to 75 ms, and for one in fifty 150 to 450 ms. Both draws are from 0 to 1.
fn thinking_time(which: f64, how_long: f64) -> Duration {
    let milliseconds = if which < 0.02 { 150.0 + 300.0 * how_long } else { 25.0 + 50.0 * how_long };
    Duration::from_secs_f64(milliseconds / 1000.0)
}
