//! Changes of silences, which people make while the evaluator runs.

use std::sync::Arc;

use model::Nanos;
use slo::silences::{Draft, Refusal, Silences};
use tokio::task::spawn_blocking;

use super::{Inner, State};
use crate::alerting::Clock;

impl State {
    pub(in crate::alerting) fn silences(&self) -> Silences {
        self.lock().silences.clone()
    }

    /// Makes a silence, or changes one; gives its id when it is stored.
    pub(in crate::alerting) fn silence(&self, draft: Draft, now: Nanos) -> Result<String, Refusal> {
        self.change(|silences| silences.with(draft, new_id(), now))
    }

    /// Ends a silence.
    pub(in crate::alerting) fn expire(&self, id: &str, now: Nanos) -> Result<(), Refusal> {
        self.change(|silences| Ok((silences.without(id, now)?, ())))
    }

    fn change<T>(&self, change: impl FnOnce(&Silences) -> Result<(Silences, T), Refusal>) -> Result<T, Refusal> {
        let mut inner = self.lock();
        let (silences, answer) = change(&inner.silences)?;
        let after = Inner { silences, ..inner.clone() };
        self.save(&after).map_err(|error| Refusal::NotStored(error.to_string()))?;
        *inner = after;
        drop(inner);
        self.changes.send_modify(|count| *count += 1);
        Ok(answer)
    }
}

/// A random UUID (RFC 9562, version 4), as ids of silences are in Alertmanager.
fn new_id() -> String {
    let random: u128 = rand::random();
    let id = (random & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{id:032x}");
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

/// Lets pages and APIs change silences.
#[derive(Clone)]
pub(crate) struct Silencing {
    state: Arc<State>,
    now: Clock,
}

impl Silencing {
    pub(in crate::alerting) fn new(state: Arc<State>, now: Clock) -> Self {
        Self { state, now }
    }

    /// Makes a silence, or changes one; gives its id when it is stored.
    pub(crate) async fn set(self, draft: Draft) -> Result<String, Refusal> {
        self.blocking(|state, now| state.silence(draft, now)).await
    }

    /// Ends a silence.
    pub(crate) async fn expire(self, id: String) -> Result<(), Refusal> {
        self.blocking(move |state, now| state.expire(&id, now)).await
    }

    async fn blocking<T: Send + 'static>(
        self,
        change: impl FnOnce(&State, Nanos) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let changed = spawn_blocking(move || change(&self.state, (self.now)())).await;
        changed.map_err(|error| Refusal::NotStored(error.to_string()))?
    }
}
