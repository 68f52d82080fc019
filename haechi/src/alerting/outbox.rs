//! Delivery of committed notifications: one task per receiver, so that a receiver which hangs holds up nobody else.
//!
//! At least once and in order per SLO. Network errors, 5xx, 408 and 429 are tried again for 24 hours; every other answer
//! is final. Alertmanager gives up on 429 and after one group interval; we do not.

use std::error::Error as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use model::Nanos;
use model::time::{HOUR, MINUTE, SECOND};
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER, USER_AGENT};
use reqwest::{Client, StatusCode, redirect};
use slo::status::{Attempt, AttemptOutcome};
use tokio::task::spawn_blocking;
use xxhash_rust::xxh3::xxh3_64;

use super::state::{Pending, State};
use super::{Clock, Receiver};

/// A notification older than this is given up at its next failure.
const GIVE_UP_AFTER: Nanos = 24 * HOUR;
/// First and longest pause between attempts, before jitter.
const FIRST_PAUSE: Nanos = SECOND;
const LONGEST_PAUSE: Nanos = 5 * MINUTE;
/// Most that `Retry-After` can ask for; a receiver that says "in a year" must not bury an alert.
const LONGEST_RETRY_AFTER: Nanos = HOUR;
/// A receiver that has not answered by then counts as failed.
const TIMEOUT: Duration = Duration::from_secs(10);
/// As much of an error answer as is shown.
const EXCERPT: usize = 300;

/// Receivers and the firewalls before them know Alertmanager's webhooks by this prefix (PagerDuty, Opsgenie and others
/// route by it), and the body is Alertmanager's; the comment says who it is, as browsers do with `Mozilla/5.0 (…)`.
const AGENT: &str = concat!("Alertmanager/0.34.0 (compatible; Haechi/", env!("CARGO_PKG_VERSION"), ")");

/// The HTTP client for webhooks.
///
/// No redirects: a receiver must not be able to send alerts elsewhere. No proxy from the environment, as in Alertmanager.
pub(super) fn client() -> Result<Client, reqwest::Error> {
    Client::builder().timeout(TIMEOUT).redirect(redirect::Policy::none()).no_proxy().build()
}

/// Delivers to one receiver for ever.
pub(super) async fn deliver(receiver: Receiver, state: Arc<State>, client: Client, now: Clock) {
    let mut changes = state.changes();
    loop {
        changes.mark_unchanged();
        let head = state.heads(&receiver.name).into_iter().next();
        let time = now();
        match head {
            Some(entry) if is_due(&entry, time) => {
                if let Err(error) = attempt(&receiver, &state, &client, &now, entry).await {
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
            state.record(entry.id, note(entry, now, Duration::ZERO, outcome))?;
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
    client: &Client,
    now: &Clock,
    entry: Pending,
) -> std::io::Result<()> {
    let id = entry.id;
    let body = blocking(state, move |state| state.body(id)).await;
    let (sent_at, begin) = (now(), Instant::now());
    let answer = match body {
        Ok(body) => send(client, receiver, &entry, body).await,
        Err(error) => Answer::Final { error: format!("its body cannot be read: {error}"), code: None },
    };
    let took = begin.elapsed();
    let outcome = match answer {
        Answer::Delivered(code) => AttemptOutcome::Delivered(code),
        Answer::Final { error, code } => AttemptOutcome::GivenUp { error, code },
        Answer::Again { error, code, after } => {
            let time = now();
            if time.saturating_sub(entry.created) >= GIVE_UP_AFTER {
                AttemptOutcome::GivenUp { error: format!("{error}; given up after 24h"), code }
            } else {
                let next = time.saturating_add(pause(&entry, after));
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
    blocking(state, move |state| state.record(id, attempt)).await
}

fn note(entry: &Pending, time: Nanos, took: Duration, outcome: AttemptOutcome) -> Attempt {
    Attempt {
        time,
        receiver: entry.receiver.clone(),
        slo: entry.slo.clone(),
        status: entry.status.clone(),
        idempotency_key: entry.idempotency_key.clone(),
        number: entry.attempts.saturating_add(1),
        took: Nanos::try_from(took.as_nanos()).unwrap_or(Nanos::MAX),
        outcome,
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

/// What a receiver made of a notification.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Delivered(u16),
    Again { error: String, code: Option<u16>, after: Option<Nanos> },
    Final { error: String, code: Option<u16> },
}

async fn send(client: &Client, receiver: &Receiver, entry: &Pending, body: Vec<u8>) -> Answer {
    let request = client
        .post(&receiver.url)
        .header(CONTENT_TYPE, "application/json")
        .header(USER_AGENT, AGENT)
        .header("Idempotency-Key", &entry.idempotency_key)
        .body(body);
    let response = match request.send().await {
        Ok(response) => response,
        // The request itself is wrong, for example its URL; it will not get better.
        Err(error) if error.is_builder() => return Answer::Final { error: chain(&error), code: None },
        Err(error) => return Answer::Again { error: chain(&error), code: None, after: None },
    };
    let status = response.status();
    if status.is_success() {
        return Answer::Delivered(status.as_u16());
    }
    let after = retry_after(response.headers());
    let error = format!("the receiver answered {status}{}", excerpt(response).await);
    let code = Some(status.as_u16());
    if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT || status == StatusCode::TOO_MANY_REQUESTS {
        Answer::Again { error, code, after }
    } else {
        Answer::Final { error, code }
    }
}

/// The pause before the next attempt: doubling from a second to five minutes, or what the receiver asked for if that is
/// longer, less up to half by jitter so that receivers which failed together are not asked together.
///
/// The jitter comes from the key of the notification, which differs between notifications and SLOs.
fn pause(entry: &Pending, asked: Option<Nanos>) -> Nanos {
    let full = FIRST_PAUSE.saturating_mul(1 << entry.attempts.min(20)).min(LONGEST_PAUSE);
    let seed = xxh3_64(format!("{} {} {}", entry.receiver, entry.idempotency_key, entry.attempts).as_bytes());
    // 53 bits fill the mantissa of a number in 0..1.
    let random = (seed >> 11) as f64 / (1_u64 << 53) as f64;
    let jittered = full - (full as f64 / 2.0 * random) as Nanos;
    jittered.max(asked.unwrap_or(0).min(LONGEST_RETRY_AFTER))
}

/// The pause that a `Retry-After` in seconds asks for. Its other form, a date, is left to our own pause: it would have to
/// be compared with the clock of the receiver.
fn retry_after(headers: &HeaderMap) -> Option<Nanos> {
    let seconds: u64 = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Nanos::try_from(seconds).ok()?.checked_mul(SECOND).unwrap_or(LONGEST_RETRY_AFTER))
}

/// The beginning of an error answer, on one line; read no further, whatever the receiver sends.
async fn excerpt(mut response: reqwest::Response) -> String {
    let mut bytes = Vec::new();
    while bytes.len() < EXCERPT {
        match response.chunk().await {
            Ok(Some(chunk)) => bytes.extend_from_slice(&chunk[..chunk.len().min(EXCERPT - bytes.len())]),
            Ok(None) | Err(_) => break,
        }
    }
    let text = String::from_utf8_lossy(&bytes);
    let line =
        text.split(|c: char| c.is_control() || c.is_whitespace()).filter(|word| !word.is_empty()).collect::<Vec<_>>();
    if line.is_empty() { String::new() } else { format!(": {}", line.join(" ")) }
}

/// The error with its causes; reqwest's own text stops before the one that helps. The URL is left out: it may hold a secret.
fn chain(error: &reqwest::Error) -> String {
    let mut text = if error.is_timeout() {
        format!("no answer within {} s", TIMEOUT.as_secs())
    } else if error.is_connect() {
        "cannot connect".to_owned()
    } else {
        "the request failed".to_owned()
    };
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests;
