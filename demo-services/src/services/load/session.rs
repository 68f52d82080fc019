//! One session of one customer: calls to the gateway under a root span of service `load`.

use std::time::Duration;

use opentelemetry::trace::{FutureExt, SpanBuilder, Status, TraceContextExt};
use opentelemetry::{Context, KeyValue};

use super::mix::{Persona, card_token, choose_seat, pick};
use crate::config::ServiceConfig;
use crate::error::DemoError;
use crate::http_client::{Call, HttpClient, Reply};
use crate::name::ServiceName;
use crate::services::booking::api::{BookingRequest, BookingView};
use crate::services::catalogue::wire::{ShowDetail, Shows};
use crate::telemetry::Telemetry;
use crate::telemetry::attributes::{SESSION_ID, USER_AGENT_SYNTHETIC_TYPE};

/// How long a customer waits for an answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long a customer looks at an answer before the next click, in milliseconds.
const READING: std::ops::Range<u64> = 20..200;
/// How many customers there are.
const CUSTOMERS: u32 = 500;

/// Runs sessions against a gateway.
pub(super) struct Sessions {
    gateway: HttpClient,
    telemetry: Telemetry,
}

/// Why a session ended early; the spans of its calls tell more.
struct Disappointed(String);

impl Sessions {
    pub(super) fn new(config: &ServiceConfig, telemetry: &Telemetry) -> Result<Self, DemoError> {
        let gateway = HttpClient::new(telemetry, config.peer(ServiceName::Gateway), PATIENCE)?;
        Ok(Self { gateway, telemetry: telemetry.clone() })
    }

    /// Runs one session.
    pub(super) async fn run(&self, persona: Persona) {
        let span = SpanBuilder::from_name(persona.span_name()).with_attributes([
            KeyValue::new(SESSION_ID, format!("{:016x}", rand::random::<u64>())),
            KeyValue::new(USER_AGENT_SYNTHETIC_TYPE, "test"),
        ]);
        let context = self.telemetry.start_under(&Context::new(), span);
        let result = self.visit(persona).with_context(context.clone()).await;
        let span = context.span();
        if let Err(Disappointed(reason)) = result {
            span.set_status(Status::error(reason));
        }
        span.end();
    }

    async fn visit(&self, persona: Persona) -> Result<(), Disappointed> {
        let list = self.get("/v1/shows", "/v1/shows".to_owned()).await?;
        if persona == Persona::Browse {
            return Ok(());
        }
        let shows: Shows = list.json().map_err(|error| Disappointed(error.to_string()))?;
        let Some(show) = pick(&shows.shows, rand::random()) else {
            return Err(Disappointed("there are no shows".to_owned()));
        };
        read().await;
        let plan = self.get("/v1/shows/{show}", format!("/v1/shows/{}", show.id)).await?;
        if persona == Persona::Look {
            return Ok(());
        }
        let plan: ShowDetail = plan.json().map_err(|error| Disappointed(error.to_string()))?;
        let seats: Vec<_> = plan.seats.iter().map(|seat| (seat.label.as_str(), seat.state == "free")).collect();
        let Some(seat) = choose_seat(&seats, rand::random(), rand::random()) else { return Ok(()) };
        read().await;
        self.book(show.id, seat).await
    }

    async fn book(&self, show_id: i64, seat: &str) -> Result<(), Disappointed> {
        let request = BookingRequest {
            show_id,
            seat: seat.to_owned(),
            customer_id: format!("c-{:03}", rand::random_range(0..CUSTOMERS)),
            card_token: card_token(rand::random(), rand::random()),
        };
        // A taken seat, a closed show and a declined card are part of life.
        let call = Call::post_json("/v1/bookings", "/v1/bookings".to_owned(), &request).expecting(&[402, 404, 409]);
        let reply = self.call(call).await?;
        if !reply.status.is_success() {
            return Ok(());
        }
        let booking: BookingView = reply.json().map_err(|error| Disappointed(error.to_string()))?;
        read().await;
        self.get("/v1/bookings/{booking}", format!("/v1/bookings/{}", booking.id)).await.map(drop)
    }

    async fn get(&self, template: &'static str, path: String) -> Result<Reply, Disappointed> {
        let reply = self.call(Call::get(template, path)).await?;
        if reply.status.is_success() { Ok(reply) } else { Err(Disappointed(format!("{template}: {}", reply.status))) }
    }

    async fn call(&self, call: Call) -> Result<Reply, Disappointed> {
        let template = call.template;
        let reply = self.gateway.call(call).await.map_err(|error| Disappointed(format!("{template}: {error}")))?;
        if reply.status.is_server_error() {
            Err(Disappointed(format!("{template}: {}", reply.status)))
        } else {
            Ok(reply)
        }
    }
}

async fn read() {
    tokio::time::sleep(Duration::from_millis(rand::random_range(READING))).await;
}
