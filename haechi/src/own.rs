//! What the box counts of itself: for scrapers as text, and in its own store as the metrics of `service.name="haechi"`.
//!
//! The names are the same in both, and their labels come from closed sets: nothing that is sent becomes one.

use std::sync::Arc;
use std::time::Duration;

use collector::{BodyKind, Collector, Signal};
use store::Store;
use tokio::time::MissedTickBehavior;

use crate::clock;

pub(crate) mod otlp;
mod process;
mod readings;
pub(crate) mod text;

pub(crate) use readings::readings;

/// Stores the readings every `interval` until `shutdown`. A round that the store refuses, because its disk is full or too
/// much waits, is left out: the box does not compete with its senders. The log says so once, until a round is stored whole.
pub(crate) async fn record(
    collector: Arc<Collector>,
    store: Arc<Store>,
    interval: Duration,
    shutdown: impl Future<Output = ()>,
) {
    tokio::pin!(shutdown);
    let mut rounds = tokio::time::interval(interval);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut is_told = false;
    loop {
        tokio::select! {
            () = &mut shutdown => return,
            _ = rounds.tick() => {}
        }
        let stats = collector.stats();
        let request = otlp::request(&readings(&store.stats(), &stats), stats.since, clock::now());
        match collector.store_own(BodyKind::Otlp(Signal::Metrics), request.into()).await {
            Ok(()) => is_told = false,
            Err(error) if is_told => tracing::debug!(error, "own metrics were not stored, or not all of them"),
            Err(error) => {
                tracing::warn!(error, "own metrics were not stored, or not all of them");
                is_told = true;
            }
        }
    }
}
