//! Delivery of committed notifications: one task per receiver, so that a receiver which hangs holds up nobody else.
//!
//! At least once and in order per SLO or group of alerts. Network errors, 5xx, 408 and 429 are tried again for 24 hours; every other answer
//! is final. Alertmanager gives up on 429 and after one group interval; we do not. What is silenced by the time of an attempt is
//! not sent; whoever decides what is told tells of it again when its silence ends.

mod heartbeat;
pub(in crate::alerting) mod mail;
pub(in crate::alerting) mod networks;
mod prepare;
mod send;
mod shown;
pub(in crate::alerting) mod signature;
mod trial;

use std::sync::Arc;
use std::time::{Duration, Instant};

use model::Nanos;
use model::time::{HOUR, MINUTE, SECOND};
use slo::silences::{Silence, SilenceState, Silences};
use slo::status::{Attempt, AttemptOutcome, Exchange};
use tokio::task::spawn_blocking;
use xxhash_rust::xxh3::xxh3_64;

use self::prepare::{Outgoing, Unready, prepare};
use self::send::{Answer, send};
use super::bodies::{Stored, StoredAlert, alertmanager};
use super::state::{Pending, State};
use super::{Clock, Kind, Receiver};

pub(crate) use self::heartbeat::Heartbeat;
pub(super) use self::heartbeat::beat;
pub(super) use self::send::Clients;
pub(crate) use self::trial::Trials;

/// A notification older than this is given up at its next failure.
const GIVE_UP_AFTER: Nanos = 24 * HOUR;
/// First and longest pause between attempts, before jitter.
const FIRST_PAUSE: Nanos = SECOND;
const LONGEST_PAUSE: Nanos = 5 * MINUTE;
/// Most that `Retry-After` can ask for; a receiver that says "in a year" must not bury an alert.
const LONGEST_RETRY_AFTER: Nanos = HOUR;

/// Delivers to one receiver for ever.
pub(super) async fn deliver(receiver: Receiver, state: Arc<State>, clients: Clients, now: Clock) {
    let mut changes = state.changes();
    loop {
        changes.mark_unchanged();
        let head = state.heads(&receiver.name).into_iter().next();
        let time = now();
        match head {
            Some(entry) if is_due(&entry, time) => {
                if let Err(error) = attempt(&receiver, &state, &clients, &now, entry).await {
                    tracing::error!(receiver = receiver.name, %error, "cannot note the delivery of a notification");
                    // The disk fails; do not turn that into a stream of requests.
                    tokio::time::sleep(Duration::from_secs(10)).await;
                }
            }
            head => {
                // At most a minute, so that a clock that was set is noticed.
                let pause = head.map_or(MINUTE, |entry| entry.next.saturating_sub(time)).clamp(SECOND / 100, MINUTE);
                let pause = Duration::from_nanos(pause.unsigned_abs());
                // A change wakes it early; an elapsed pause is no error.
                if let Ok(Err(_closed)) = tokio::time::timeout(pause, changes.changed()).await {
                    return;
                }
            }
        }
    }
}

/// Gives up what waits for a receiver that no file names any more.
pub(super) fn drop_unknown(state: &State, receivers: &[Receiver], now: Nanos) -> std::io::Result<()> {
    let known = |name: &String| receivers.iter().any(|receiver| receiver.name == *name);
    for name in state.awaited().iter().filter(|name| !known(name)) {
        while let Some(entry) = state.heads(name).first() {
            let error = "the receiver is not configured any more".to_owned();
            let outcome = AttemptOutcome::GivenUp { error, code: None };
            state.record(entry.id, note(entry, now, Duration::ZERO, outcome), &Exchange::default())?;
        }
    }
    Ok(())
}

/// Whether the entry may be sent. One that waits longer than any pause can be was set back by a clock, and may.
fn is_due(entry: &Pending, now: Nanos) -> bool {
    entry.next <= now || entry.next.saturating_sub(now) > LONGEST_RETRY_AFTER
}

async fn attempt(
    receiver: &Receiver,
    state: &Arc<State>,
    clients: &Clients,
    now: &Clock,
    entry: Pending,
) -> std::io::Result<()> {
    let id = entry.id;
    let (asked, time) = (receiver.clone(), now());
    let read = blocking(state, move |state| {
        let unreadable = |error| Unready::Final(format!("its body cannot be read: {error}"));
        let stored = state.body(id).map_err(unreadable);
        if stored.as_ref().is_ok_and(|stored| is_silenced(stored, &state.silences(), time)) {
            return Ok(None);
        }
        Ok(Some(stored.and_then(|stored| prepare(&asked, stored, time))))
    });
    let (ready, sent_at, begin) = (read.await?, now(), Instant::now());
    let Some(ready) = ready else {
        tracing::info!(receiver = receiver.name, slo = entry.slo, "notification not sent, all of it is silenced");
        let attempt = note(&entry, sent_at, Duration::ZERO, AttemptOutcome::Silenced);
        return blocking(state, move |state| state.record(id, attempt, &Exchange::default())).await;
    };
    let key = &entry.idempotency_key;
    let (answer, exchange) = go(receiver, clients, ready, key, sent_at).await;
    let took = begin.elapsed();
    let outcome = match answer {
        Answer::Delivered(code) => AttemptOutcome::Delivered(code),
        Answer::Final { error, code } => AttemptOutcome::GivenUp { error, code },
        Answer::Again { error, code, after } => {
            let time = now();
            if time.saturating_sub(entry.created) >= GIVE_UP_AFTER {
                AttemptOutcome::GivenUp { error: format!("{error}; given up after 24h"), code }
            } else {
                let next = time.saturating_add(pause(&entry, after, longest_pause(receiver)));
                AttemptOutcome::Retried { error, code, next }
            }
        }
    };
    match &outcome {
        AttemptOutcome::Delivered(code) => {
            tracing::info!(
                receiver = receiver.name,
                slo = entry.slo,
                status = entry.status,
                code,
                "notification delivered"
            );
        }
        AttemptOutcome::Retried { error, .. } => {
            tracing::warn!(
                receiver = receiver.name,
                slo = entry.slo,
                attempt = entry.attempts + 1,
                error,
                "notification failed, trying again"
            );
        }
        AttemptOutcome::Silenced => {}
        AttemptOutcome::GivenUp { error, .. } => {
            tracing::error!(
                receiver = receiver.name,
                slo = entry.slo,
                error,
                "notification given up, kept in alerts/dead"
            );
        }
    }
    let attempt = note(&entry, sent_at, took, outcome);
    blocking(state, move |state| state.record(id, attempt, &exchange)).await
}

/// Whether a notification tells of nothing but alerts that fire and are silenced by now. Who is told of the end of one is told
/// in any case.
fn is_silenced(stored: &[u8], silences: &Silences, now: Nanos) -> bool {
    let is_active = |silence: &Silence| silence.state(now) == SilenceState::Active;
    let silenced = |alert: &StoredAlert| alert.is_firing() && silences.is_silenced(&alert.labels, now);
    let all = |stored: Stored| !stored.alerts.is_empty() && stored.alerts.iter().all(silenced);
    silences.iter().any(is_active) && Stored::read(stored).is_ok_and(all)
}

/// Sends what is ready.
async fn go(
    receiver: &Receiver,
    clients: &Clients,
    ready: Result<Outgoing, Unready>,
    key: &str,
    sent_at: Nanos,
) -> (Answer, Exchange) {
    match ready {
        Ok(Outgoing::Http(post)) => send(clients, receiver, post, key, sent_at).await,
        Ok(Outgoing::Mail(letter)) => mail::send(receiver, &letter, key, sent_at).await,
        Err(Unready::Final(error)) => (Answer::Final { error, code: None }, Exchange::default()),
        Err(Unready::Again(error)) => (Answer::Again { error, code: None, after: None }, Exchange::default()),
    }
}

pub(super) fn note(entry: &Pending, time: Nanos, took: Duration, outcome: AttemptOutcome) -> Attempt {
    Attempt {
        time,
        receiver: entry.receiver.clone(),
        slo: entry.slo.clone(),
        status: entry.status.clone(),
        idempotency_key: entry.idempotency_key.clone(),
        number: entry.attempts.saturating_add(1),
        took: Nanos::try_from(took.as_nanos()).unwrap_or(Nanos::MAX),
        outcome,
        is_resend: entry.is_resend,
        exchange: 0,
    }
}

/// Runs a question to the state, which reads or writes files, on a blocking thread.
async fn blocking<T: Send + 'static>(
    state: &Arc<State>,
    question: impl FnOnce(&State) -> std::io::Result<T> + Send + 'static,
) -> std::io::Result<T> {
    let state = Arc::clone(state);
    spawn_blocking(move || question(&state)).await.map_err(std::io::Error::other)?
}

/// An Alertmanager takes for resolved what it does not hear of, so it is not left alone for longer than it would be told again.
fn longest_pause(receiver: &Receiver) -> Nanos {
    if receiver.kind == Kind::Alertmanager { alertmanager::RESEND } else { LONGEST_PAUSE }
}

/// The pause before the next attempt: doubling from a second to `longest`, or what the receiver asked for if that is
/// longer, less up to half by jitter so that receivers which failed together are not asked together.
///
/// The jitter comes from the key of the notification, which differs between notifications and SLOs.
fn pause(entry: &Pending, asked: Option<Nanos>, longest: Nanos) -> Nanos {
    let full = FIRST_PAUSE.saturating_mul(1 << entry.attempts.min(20)).min(longest);
    let seed = xxh3_64(format!("{} {} {}", entry.receiver, entry.idempotency_key, entry.attempts).as_bytes());
    // 53 bits fill the mantissa of a number in 0..1.
    let random = (seed >> 11) as f64 / (1_u64 << 53) as f64;
    let jittered = full - (full as f64 / 2.0 * random) as Nanos;
    jittered.max(asked.unwrap_or(0).min(LONGEST_RETRY_AFTER))
}

#[cfg(test)]
mod tests;
