//! Trials: a notification of an alert that is none, sent at once to one receiver, so that somebody sees whether it arrives.

use std::sync::Arc;
use std::time::{Duration, Instant};

use model::Nanos;
use slo::status::{Attempt, AttemptOutcome, Exchange};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::prepare::prepare;
use super::send::{Answer, Clients};
use super::{Receiver, State, blocking, go, note};
use crate::alerting::Clock;
use crate::alerting::bodies::{Stored, sample};
use crate::alerting::state::Pending;

/// Trials at the same time; a receiver that hangs takes up to a minute.
const AT_ONCE: usize = 4;

/// Tries receivers, and tells what went over the wire.
#[derive(Clone)]
pub(crate) struct Trials(Arc<Inside>);

struct Inside {
    receivers: Vec<Receiver>,
    external_url: String,
    state: Arc<State>,
    clients: Clients,
    now: Clock,
    free: Semaphore,
}

impl Trials {
    pub(in crate::alerting) fn new(
        receivers: Vec<Receiver>,
        external_url: String,
        state: Arc<State>,
        clients: Clients,
        now: Clock,
    ) -> Self {
        Self(Arc::new(Inside { receivers, external_url, state, clients, now, free: Semaphore::new(AT_ONCE) }))
    }

    /// Sends a firing alert to the receiver of that name, and if it arrived its end, so that nothing stays open there. The numbers
    /// of the attempts; the first is that of the firing one.
    pub(crate) async fn run(self, name: String) -> Result<Vec<u64>, String> {
        let Inside { receivers, free, .. } = self.0.as_ref();
        let receiver = receivers.iter().find(|receiver| receiver.name == name);
        let receiver = receiver.ok_or_else(|| format!("there is no receiver {name:?}"))?;
        let busy = |_| "other receivers are being tried; try again in a moment".to_owned();
        let _permit = free.try_acquire().map_err(busy)?;
        let key = format!("test-{:016x}", rand::random::<u64>());
        let (first, arrived) = self.send(receiver, true, format!("{key}-1")).await?;
        let mut numbers = vec![first];
        if arrived && receiver.send_resolved {
            numbers.push(self.send(receiver, false, format!("{key}-2")).await?.0);
        }
        Ok(numbers)
    }

    /// What went over the wire in the attempt of that number.
    pub(crate) async fn exchange(self, number: u64) -> Option<Exchange> {
        spawn_blocking(move || self.0.state.exchange(number)).await.ok().flatten()
    }

    /// The number of the attempt, and whether it arrived.
    async fn send(&self, receiver: &Receiver, is_firing: bool, key: String) -> Result<(u64, bool), String> {
        let Inside { external_url, state, clients, now, .. } = self.0.as_ref();
        let (sent_at, begin) = (now(), Instant::now());
        let body = sample(&receiver.name, external_url, is_firing, sent_at);
        let stored = Stored::read(&body)?;
        let asked = receiver.clone();
        let ready = spawn_blocking(move || prepare(&asked, body, sent_at)).await.map_err(|error| error.to_string())?;
        let (answer, exchange) = go(receiver, clients, ready, &key, sent_at).await;
        let took = begin.elapsed();
        let outcome = match answer {
            Answer::Delivered(code) => AttemptOutcome::Delivered(code),
            Answer::Again { error, code, .. } | Answer::Final { error, code } => {
                AttemptOutcome::GivenUp { error: format!("{error}; a test is not tried again"), code }
            }
        };
        let arrived = matches!(outcome, AttemptOutcome::Delivered(_));
        let attempt = attempt(receiver, stored, key, sent_at, took, outcome);
        let number = blocking(state, move |state| state.note(attempt, &exchange)).await;
        number.map(|number| (number, arrived)).map_err(|error| format!("cannot note the delivery: {error}"))
    }
}

fn attempt(
    receiver: &Receiver,
    stored: Stored,
    key: String,
    sent_at: Nanos,
    took: Duration,
    outcome: AttemptOutcome,
) -> Attempt {
    let entry = Pending {
        id: 0,
        receiver: receiver.name.clone(),
        slo: stored.group_key,
        status: stored.status,
        idempotency_key: key,
        created: sent_at,
        attempts: 0,
        next: sent_at,
        is_resend: false,
    };
    note(&entry, sent_at, took, outcome)
}
