//! Runs the place-booking saga: carries out the step that the booking asks for, stores what came of it, and so on to
//! its end.

use std::time::Instant;

use opentelemetry::metrics::{Counter, Histogram};
use opentelemetry::trace::{FutureExt, Link, SpanBuilder, Status, TraceContextExt};
use opentelemetry::{Context, KeyValue};

use super::domain::{Booking, Event, Order, Outcome, Progress, Reply, Step};
use super::partners::Partners;
use super::store::{EventStore, Recorded, StoreError};
use crate::clock;
use crate::telemetry::attributes::{
    BOOKING_ID, ERROR_TYPE, OUTCOME, SAGA_COMPENSATING, SAGA_NAME, SAGA_STEP, SEAT, SHOW_ID,
};
use crate::telemetry::{Telemetry, record_since, traceparent};

const SAGA: &str = "place-booking";

/// The saga with what it needs; clones share it.
#[derive(Clone)]
pub(super) struct Saga {
    store: EventStore,
    partners: Partners,
    telemetry: Telemetry,
    bookings: Counter<u64>,
    duration: Histogram<f64>,
}

impl Saga {
    pub(super) fn new(store: EventStore, partners: Partners, telemetry: &Telemetry) -> Self {
        Self {
            store,
            partners,
            telemetry: telemetry.clone(),
            bookings: telemetry.counter("boxoffice.bookings", "{booking}", "Bookings that have ended, by outcome."),
            duration: telemetry.duration("boxoffice.saga.duration", "Duration of a run of the place-booking saga."),
        }
    }

    /// Starts a booking and returns it when it has ended, or when a compensation has to wait for better times.
    ///
    /// # Errors
    /// [`StoreError`] when its events cannot be stored.
    pub(super) async fn place(&self, id: &str, order: Order) -> Result<Booking, StoreError> {
        let requested = Event::Requested { order };
        let booking = Booking::from_events(std::slice::from_ref(&requested))?;
        self.run(id, booking, Some(requested), Vec::new()).await
    }

    /// Goes on with a booking that was left unfinished, in a trace of its own that is linked to the one before.
    ///
    /// # Errors
    /// [`StoreError`] when its events cannot be read or stored; [`StoreError::Conflict`] when somebody else went on
    /// with it.
    pub(super) async fn resume(&self, id: &str) -> Result<Booking, StoreError> {
        let recorded = self.store.load(id).await?;
        let link = recorded.last().and_then(|last| link_to(&last.traceparent));
        let events: Vec<_> = recorded.into_iter().map(|recorded| recorded.event).collect();
        self.run(id, Booking::from_events(&events)?, None, link.into_iter().collect()).await
    }

    async fn run(
        &self,
        id: &str,
        mut booking: Booking,
        first: Option<Event>,
        links: Vec<Link>,
    ) -> Result<Booking, StoreError> {
        let started = Instant::now();
        let span = SpanBuilder::from_name(format!("saga {SAGA}")).with_links(links).with_attributes([
            KeyValue::new(SAGA_NAME, SAGA),
            KeyValue::new(BOOKING_ID, id.to_owned()),
            KeyValue::new(SHOW_ID, booking.order.show),
            KeyValue::new(SEAT, booking.order.seat.clone()),
        ]);
        let context = self.telemetry.start(span);
        let result = self.advance(id, &mut booking, first).with_context(context.clone()).await;
        let outcome = booking.ending().map_or("unfinished", outcome_name);
        let span = context.span();
        span.set_attribute(KeyValue::new(OUTCOME, outcome));
        if let Err(error) = &result {
            span.set_status(Status::error(error.to_string()));
        } else if let Some(Outcome::Failed(failure)) = booking.ending() {
            span.set_attribute(KeyValue::new(ERROR_TYPE, step_name(failure.step)));
            span.set_status(Status::error(failure.reason.clone()));
        }
        span.end();
        record_since(&self.duration, started, &[KeyValue::new(OUTCOME, outcome)]);
        result.map(|()| booking)
    }

    async fn advance(&self, id: &str, booking: &mut Booking, first: Option<Event>) -> Result<(), StoreError> {
        if let Some(event) = first {
            self.append(id, booking, event).await?;
        }
        while let Progress::Next(step) = booking.progress {
            let reply = self.take(step, id, booking).await;
            let Some(event) = booking.decide(reply)? else {
                tracing::error!(
                    name: "booking.compensation_postponed",
                    { boxoffice.booking.id = id, boxoffice.saga.step = step_name(step) },
                    "compensation could not be carried out; it will be tried again"
                );
                return Ok(());
            };
            booking.apply(&event)?;
            self.append(id, booking, event).await?;
        }
        if let Progress::Ended(outcome) = &booking.progress {
            self.bookings.add(1, &[KeyValue::new(OUTCOME, outcome_name(outcome))]);
            log_end(id, booking, outcome);
        }
        Ok(())
    }

    async fn append(&self, id: &str, booking: &Booking, event: Event) -> Result<(), StoreError> {
        let traceparent = traceparent(&Context::current());
        self.store.append(id, booking, Recorded { event, at: clock::unix_seconds(), traceparent }).await
    }

    /// Carries out a step within a span of its own.
    async fn take(&self, step: Step, id: &str, booking: &Booking) -> Reply {
        let span = SpanBuilder::from_name(format!("saga step {}", step_name(step))).with_attributes([
            KeyValue::new(SAGA_NAME, SAGA),
            KeyValue::new(SAGA_STEP, step_name(step)),
            KeyValue::new(SAGA_COMPENSATING, step.is_compensation()),
            KeyValue::new(BOOKING_ID, id.to_owned()),
        ]);
        let context = self.telemetry.start(span);
        let reply = self.partners.carry_out(step, id, booking).with_context(context.clone()).await;
        let span = context.span();
        if let Reply::Unavailable { reason } = &reply {
            span.set_status(Status::error(reason.clone()));
        }
        span.end();
        reply
    }
}

fn log_end(id: &str, booking: &Booking, outcome: &Outcome) {
    let Order { show, seat, customer, .. } = &booking.order;
    let name = outcome_name(outcome);
    if let Outcome::Failed(failure) = outcome {
        let step = step_name(failure.step);
        tracing::error!(
            name: "booking.failed",
            {
                boxoffice.booking.id = id,
                boxoffice.show.id = show,
                boxoffice.seat = seat,
                boxoffice.saga.step = step,
                outcome = name,
                exception.message = failure.reason,
            },
            "booking of seat {seat} failed at {step}; its steps are undone"
        );
    } else {
        tracing::info!(
            name: "booking.ended",
            {
                boxoffice.booking.id = id,
                boxoffice.show.id = show,
                boxoffice.seat = seat,
                boxoffice.customer.id = customer,
                outcome = name,
            },
            "booking of seat {seat} ended: {name}"
        );
    }
}

/// Returns an outcome as metrics and the API name it.
pub(super) fn outcome_name(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Confirmed => "confirmed",
        Outcome::SeatRefused(_) => "seat_refused",
        Outcome::CardDeclined { .. } => "card_declined",
        Outcome::Failed(_) => "failed",
    }
}

/// Returns a step as spans and the API name it.
pub(super) fn step_name(step: Step) -> &'static str {
    match step {
        Step::HoldSeat => "hold_seat",
        Step::AuthorisePayment => "authorise_payment",
        Step::SellSeat => "sell_seat",
        Step::VoidPayment => "void_payment",
        Step::ReleaseSeat => "release_seat",
    }
}

fn link_to(traceparent: &str) -> Option<Link> {
    let mut headers = http::HeaderMap::new();
    headers.insert("traceparent", traceparent.parse().ok()?);
    let context = crate::telemetry::extract(&headers);
    let span = context.span().span_context().clone();
    span.is_valid().then(|| Link::with_context(span))
}
