//! `booking`: the core of the box office. An event-sourced aggregate (`domain`), its store, the saga that runs it, and
//! its API.

pub(crate) mod api;
mod codec;
mod domain;
mod partners;
mod saga;
mod store;

use std::time::Duration;

use futures::FutureExt;
use opentelemetry::Context;
use opentelemetry::trace::{FutureExt as _, SpanBuilder, TraceContextExt};

use self::api::Api;
use self::partners::Partners;
use self::saga::Saga;
use self::store::{EventStore, StoreError};
use super::Parts;
use crate::clock;
use crate::config::ServiceConfig;
use crate::database::Database;
use crate::error::DemoError;
use crate::http_server;
use crate::telemetry::Telemetry;

/// How often unfinished bookings are looked for and old ones forgotten.
const UPKEEP: Duration = Duration::from_secs(5);
/// How long a booking rests before it counts as left behind, in seconds: longer than the slowest step of a live one.
const LEFT_BEHIND: i64 = 15;
/// Most bookings resumed at a time.
const RESUMED: u32 = 50;
/// How many ended bookings are kept.
const KEPT: u32 = 5_000;

/// The service without its routes.
#[derive(Clone)]
pub(super) struct Core {
    store: EventStore,
    saga: Saga,
}

pub(super) fn build(config: &ServiceConfig, telemetry: &Telemetry) -> Result<Parts, DemoError> {
    let core = Core::open(config, telemetry)?;
    let routes = api::router(Api { saga: core.saga.clone(), store: core.store.clone() });
    let router = http_server::instrumented(routes, config.service, telemetry);
    let telemetry = telemetry.clone();
    let upkeep = async move {
        loop {
            let context = telemetry.start_under(&Context::new(), SpanBuilder::from_name("booking upkeep"));
            if let Err(error) = core.upkeep(clock::unix_seconds()).with_context(context.clone()).await {
                tracing::error!(
                    name: "booking.upkeep_failed",
                    { exception.message = %error },
                    "upkeep of bookings failed"
                );
            }
            context.span().end();
            tokio::time::sleep(UPKEEP).await;
        }
    };
    Ok(Parts { router, tasks: vec![upkeep.boxed()] })
}

impl Core {
    pub(super) fn open(config: &ServiceConfig, telemetry: &Telemetry) -> Result<Self, DemoError> {
        let store = EventStore::new(Database::open(config, telemetry, store::SCHEMA)?);
        let saga = Saga::new(store.clone(), Partners::new(config, telemetry)?, telemetry);
        Ok(Self { store, saga })
    }

    /// Goes on with the bookings that a crash or an unreachable partner has left behind, and forgets old ones.
    pub(super) async fn upkeep(&self, now: i64) -> Result<(), StoreError> {
        for id in self.store.unfinished(now - LEFT_BEHIND, RESUMED).await? {
            match self.saga.resume(&id).await {
                Ok(_) => tracing::info!(name: "booking.resumed", { boxoffice.booking.id = id }, "booking resumed"),
                // One that cannot be resumed must not keep the others from it.
                Err(error) => tracing::warn!(
                    name: "booking.resume_failed",
                    { boxoffice.booking.id = id, exception.message = %error },
                    "booking could not be resumed"
                ),
            }
        }
        self.store.prune(KEPT).await
    }
}
