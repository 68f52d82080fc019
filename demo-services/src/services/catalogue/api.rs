//! The catalogue's HTTP routes.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use http::{StatusCode, header};
use opentelemetry::trace::TraceContextExt;
use opentelemetry::{Context, KeyValue};
use serde::Serialize;

use super::cache::Cache;
use super::seat::Refusal;
use super::store::{SeatAction, SeatError, Store};
use super::wire::{Held, SeatRequest, Shows};
use crate::clock;
use crate::problem::{Problem, read_json};
use crate::telemetry::Telemetry;
use crate::telemetry::attributes::{BOOKING_ID, SEAT, SHOW_ID};

/// How old the list may be. The number of free seats in it is a hint.
const LIST_AGE: Duration = Duration::from_secs(2);
/// How old a seat plan may be; a change of a seat made here refreshes it at once.
const PLAN_AGE: Duration = Duration::from_secs(5);
/// The list has one key.
const LIST: i64 = 0;

/// What the routes share.
#[derive(Clone)]
pub(super) struct Catalogue(Arc<Shared>);

struct Shared {
    store: Store,
    /// Answers as they are sent.
    list: Cache<Bytes>,
    plans: Cache<Bytes>,
}

impl Catalogue {
    pub(super) fn new(store: Store, telemetry: &Telemetry) -> Self {
        Self(Arc::new(Shared {
            store,
            list: Cache::new("shows", LIST_AGE, telemetry),
            plans: Cache::new("seat plans", PLAN_AGE, telemetry),
        }))
    }
}

pub(super) fn router(catalogue: Catalogue) -> Router {
    let seat = |action: SeatAction| {
        post(move |state: State<Catalogue>, path: Path<(i64, String)>, body: Bytes| {
            change_seat(action, state, path, body)
        })
    };
    Router::new()
        .route("/shows", get(shows))
        .route("/shows/{show}", get(show))
        .route("/shows/{show}/seats/{seat}/hold", seat(SeatAction::Hold))
        .route("/shows/{show}/seats/{seat}/sell", seat(SeatAction::Sell))
        .route("/shows/{show}/seats/{seat}/release", seat(SeatAction::Release))
        .with_state(catalogue)
}

async fn shows(State(Catalogue(shared)): State<Catalogue>) -> Result<impl IntoResponse, Problem> {
    let fill = async {
        let shows = shared.store.shows().await?;
        encode(&Shows { shows })
    };
    Ok(json(shared.list.get(LIST, fill).await?))
}

async fn show(State(Catalogue(shared)): State<Catalogue>, Path(id): Path<i64>) -> Result<impl IntoResponse, Problem> {
    Context::current().span().set_attribute(KeyValue::new(SHOW_ID, id));
    let fill = async {
        let unknown = || Problem::new(StatusCode::NOT_FOUND, "unknown_show", format!("there is no show {id}"));
        encode(&shared.store.show(id).await?.ok_or_else(unknown)?)
    };
    Ok(json(shared.plans.get(id, fill).await?))
}

fn encode(answer: &impl Serialize) -> Result<Bytes, Problem> {
    serde_json::to_vec(answer).map(Bytes::from).map_err(|error| Problem::internal(&error))
}

fn json(body: Bytes) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], body)
}

async fn change_seat(
    action: SeatAction,
    State(Catalogue(shared)): State<Catalogue>,
    Path((show, seat)): Path<(i64, String)>,
    body: Bytes,
) -> Result<Json<Held>, Problem> {
    let SeatRequest { booking_id } = read_json(&body)?;
    Context::current().span().set_attributes([
        KeyValue::new(SHOW_ID, show),
        KeyValue::new(SEAT, seat.clone()),
        KeyValue::new(BOOKING_ID, booking_id.clone()),
    ]);
    let changed = shared.store.change_seat(show, seat.clone(), action, booking_id.clone(), clock::unix_seconds()).await;
    let price = changed.map_err(|error| problem(error, show, &seat, &booking_id))?;
    shared.plans.forget(show).await;
    let done = match action {
        SeatAction::Hold => "held",
        SeatAction::Sell => "sold",
        SeatAction::Release => "released",
    };
    tracing::info!(
        name: "catalogue.seat_changed",
        { boxoffice.show.id = show, boxoffice.seat = seat, boxoffice.booking.id = booking_id },
        "seat {done}"
    );
    Ok(Json(Held { price }))
}

fn problem(error: SeatError, show: i64, seat: &str, booking: &str) -> Problem {
    let (status, code, message) = match error {
        SeatError::Unknown => (StatusCode::NOT_FOUND, "unknown_seat", format!("show {show} has no seat {seat}")),
        SeatError::ShowClosed => (StatusCode::CONFLICT, "show_closed", format!("show {show} is closed for booking")),
        SeatError::Refused(Refusal::Taken) => {
            (StatusCode::CONFLICT, "seat_taken", format!("seat {seat} of show {show} is taken"))
        }
        SeatError::Refused(Refusal::NotHeld) => {
            (StatusCode::CONFLICT, "seat_not_held", format!("seat {seat} of show {show} is not held for {booking}"))
        }
        SeatError::Database(error) => return Problem::from(error),
    };
    Problem::new(status, code, message)
}
