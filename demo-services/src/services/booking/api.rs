//! The booking service's HTTP routes.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::StatusCode;
use opentelemetry::trace::TraceContextExt;
use opentelemetry::{Context, KeyValue};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::codec;
use super::domain::{Booking, Order, Outcome, Progress, SeatRefusal, Step};
use super::saga::{Saga, outcome_name, step_name};
use super::store::{EventStore, StoreError};
use crate::problem::{Problem, read_json};
use crate::services::catalogue::wire::Price;
use crate::services::psp::Card;
use crate::telemetry::attributes::{BOOKING_ID, CARD_ISSUER, SEAT, SHOW_ID};

/// What the routes share.
#[derive(Clone)]
pub(super) struct Api {
    pub(super) saga: Saga,
    pub(super) store: EventStore,
}

/// The body of `POST /bookings`.
#[derive(Serialize, Deserialize)]
pub(crate) struct BookingRequest {
    pub(crate) show_id: i64,
    pub(crate) seat: String,
    pub(crate) customer_id: String,
    pub(crate) card_token: String,
}

/// A booking as the API tells it.
#[derive(Serialize, Deserialize)]
pub(crate) struct BookingView {
    pub(crate) id: String,
    /// `confirmed`, `seat_refused`, `card_declined`, `failed`, or the step that comes next.
    pub(crate) status: String,
    pub(crate) show_id: i64,
    pub(crate) seat: String,
    pub(crate) price: Option<Price>,
    /// What happened to it; only `GET` tells.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) history: Vec<HistoryEntry>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct HistoryEntry {
    version: usize,
    event: String,
    /// Seconds since the Unix epoch.
    recorded_at: i64,
}

pub(super) fn router(api: Api) -> Router {
    Router::new().route("/bookings", post(place)).route("/bookings/{booking}", get(show)).with_state(api)
}

async fn place(State(api): State<Api>, body: Bytes) -> Result<Response, Problem> {
    let order = read_order(&body)?;
    let id = format!("bk-{:016x}", rand::random::<u64>());
    let issuer = order.card_token.parse::<Card>().map_or_else(|_| "unknown".to_owned(), |card| card.issuer);
    Context::current().span().set_attributes([
        KeyValue::new(BOOKING_ID, id.clone()),
        KeyValue::new(SHOW_ID, order.show),
        KeyValue::new(SEAT, order.seat.clone()),
        KeyValue::new(CARD_ISSUER, issuer),
    ]);
    // On a task of its own: a customer who hangs up does not stop a booking between its steps.
    let run = {
        let (id, context) = (id.clone(), Context::current());
        async move {
            use opentelemetry::trace::FutureExt;
            api.saga.place(&id, order).with_context(context).await
        }
    };
    let booking =
        tokio::spawn(run).await.map_err(|error| Problem::internal(&error))?.map_err(|error| problem(&error))?;
    let (status, refusal) = answer(&booking);
    let view = view(id, &booking, Vec::new());
    Ok(match refusal {
        None => (status, Json(json!(view))).into_response(),
        Some((code, message)) => {
            (status, Json(json!({ "error": { "code": code, "message": message }, "booking": view }))).into_response()
        }
    })
}

async fn show(State(api): State<Api>, Path(id): Path<String>) -> Result<Json<BookingView>, Problem> {
    Context::current().span().set_attribute(KeyValue::new(BOOKING_ID, id.clone()));
    let recorded = api.store.load(&id).await.map_err(|error| problem(&error))?;
    if recorded.is_empty() {
        return Err(Problem::new(StatusCode::NOT_FOUND, "unknown_booking", format!("there is no booking {id}")));
    }
    let history = recorded
        .iter()
        .enumerate()
        .map(|(index, recorded)| HistoryEntry {
            version: index + 1,
            event: codec::type_name(&recorded.event).to_owned(),
            recorded_at: recorded.at,
        })
        .collect();
    let events: Vec<_> = recorded.into_iter().map(|recorded| recorded.event).collect();
    let booking = Booking::from_events(&events).map_err(|error| Problem::internal(&error))?;
    Ok(Json(view(id, &booking, history)))
}

/// Returns the order of a request, or why it is refused.
fn read_order(body: &[u8]) -> Result<Order, Problem> {
    let BookingRequest { show_id, seat, customer_id, card_token } = read_json(body)?;
    let refuse = |what: &str| Err(Problem::new(StatusCode::BAD_REQUEST, "invalid_booking", what));
    let is_word = |text: &str, extra: &[u8]| {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || extra.contains(&byte);
        (1..=64).contains(&text.len()) && text.bytes().all(fits)
    };
    // The seat becomes part of a path.
    if !is_word(&seat, b"") {
        return refuse("seat: 1 to 64 letters and digits are allowed");
    }
    if !is_word(&customer_id, b"-_") {
        return refuse("customer_id: 1 to 64 letters, digits, - and _ are allowed");
    }
    if !is_word(&card_token, b"-_") {
        return refuse("card_token: 1 to 64 letters, digits, - and _ are allowed");
    }
    Ok(Order { show: show_id, seat, customer: customer_id, card_token })
}

/// Returns the status of a booking's answer, and for one that did not succeed a code and a message. Refusals are 4xx;
/// 5xx is kept for faults.
fn answer(booking: &Booking) -> (StatusCode, Option<(&'static str, String)>) {
    let order = &booking.order;
    match booking.ending() {
        Some(Outcome::Confirmed) => (StatusCode::CREATED, None),
        Some(Outcome::SeatRefused(SeatRefusal::Taken)) => {
            (StatusCode::CONFLICT, Some(("seat_taken", format!("seat {} is taken", order.seat))))
        }
        Some(Outcome::SeatRefused(SeatRefusal::ShowClosed)) => {
            (StatusCode::CONFLICT, Some(("show_closed", format!("show {} is closed for booking", order.show))))
        }
        Some(Outcome::SeatRefused(SeatRefusal::Unknown)) => (
            StatusCode::NOT_FOUND,
            Some(("unknown_seat", format!("there is no seat {} in a show {}", order.seat, order.show))),
        ),
        Some(Outcome::CardDeclined { reason }) => {
            (StatusCode::PAYMENT_REQUIRED, Some(("card_declined", reason.clone())))
        }
        Some(Outcome::Failed(failure)) => match failure.step {
            Step::AuthorisePayment | Step::VoidPayment => {
                (StatusCode::BAD_GATEWAY, Some(("payment_unavailable", failure.reason.clone())))
            }
            Step::HoldSeat | Step::SellSeat | Step::ReleaseSeat => {
                (StatusCode::SERVICE_UNAVAILABLE, Some(("catalogue_unavailable", failure.reason.clone())))
            }
        },
        None => (StatusCode::INTERNAL_SERVER_ERROR, Some(("unfinished", "the booking is not finished".to_owned()))),
    }
}

fn view(id: String, booking: &Booking, history: Vec<HistoryEntry>) -> BookingView {
    let status = match &booking.progress {
        Progress::Ended(outcome) => outcome_name(outcome),
        Progress::Next(step) => step_name(*step),
    };
    BookingView {
        id,
        status: status.to_owned(),
        show_id: booking.order.show,
        seat: booking.order.seat.clone(),
        price: booking.price.clone().map(|price| Price { minor_units: price.minor_units, currency: price.currency }),
        history,
    }
}

fn problem(error: &StoreError) -> Problem {
    match error {
        StoreError::Conflict { .. } => Problem::new(StatusCode::CONFLICT, "conflict", error.to_string()),
        StoreError::Payload(_) | StoreError::OutOfOrder(_) | StoreError::Database(_) => Problem::internal(error),
    }
}

#[cfg(test)]
mod tests {
    use super::super::domain::{Event, Price};
    use super::*;

    fn booking(events: Vec<Event>) -> Booking {
        let order = Order { show: 7, seat: "A1".into(), customer: "c".into(), card_token: "t".into() };
        Booking::from_events(&[vec![Event::Requested { order }], events].concat()).unwrap()
    }

    #[test]
    fn refusals_are_4xx_and_faults_are_5xx() {
        let held = || Event::SeatHeld { price: Price { minor_units: 1, currency: "KRW".into() } };
        let reason = || "r".to_owned();
        let refused = |refusal| vec![Event::SeatRefused { refusal }];
        let paid = || Event::PaymentAuthorised { authorisation: "a".into() };
        let table = [
            (vec![held(), paid(), Event::SeatSold], 201, None),
            (refused(SeatRefusal::Taken), 409, Some("seat_taken")),
            (refused(SeatRefusal::ShowClosed), 409, Some("show_closed")),
            (refused(SeatRefusal::Unknown), 404, Some("unknown_seat")),
            (
                vec![held(), Event::PaymentDeclined { reason: reason() }, Event::SeatReleased],
                402,
                Some("card_declined"),
            ),
            (vec![held(), Event::PaymentFailed { reason: reason() }], 502, Some("payment_unavailable")),
            (vec![Event::HoldFailed { reason: reason() }], 503, Some("catalogue_unavailable")),
            (vec![held(), paid(), Event::SaleFailed { reason: reason() }], 503, Some("catalogue_unavailable")),
        ];
        for (events, status, code) in table {
            let (found, refusal) = answer(&booking(events));
            assert_eq!((found.as_u16(), refusal.map(|(code, _)| code)), (status, code));
        }
    }

    #[test]
    fn orders_that_cannot_be_put_into_a_path_are_refused() {
        let body = |seat: &str, customer: &str| {
            json!({"show_id": 1, "seat": seat, "customer_id": customer, "card_token": "tok_a_ok"}).to_string()
        };
        assert!(read_order(body("A1", "c-1").as_bytes()).is_ok());
        for (seat, customer) in [("", "c"), ("A/1", "c"), ("A1?", "c"), ("../x", "c"), ("A1", ""), ("A1", "a b")] {
            let problem = read_order(body(seat, customer).as_bytes()).unwrap_err();
            assert_eq!((problem.status.as_u16(), problem.code), (400, "invalid_booking"), "{seat} {customer}");
        }
        assert_eq!(read_order(b"{").unwrap_err().code, "invalid_body");
    }
}
