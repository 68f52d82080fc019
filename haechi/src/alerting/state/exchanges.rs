//! The log of attempts, with what was sent and answered, a file each. They are for people and are not synced: losing them loses
//! no alert.

use std::collections::{BTreeSet, VecDeque};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use slo::status::{Attempt, AttemptOutcome, Exchange, HeartbeatStatus};

use super::{Inner, State, saved};

impl State {
    /// What went over the wire in the attempt of that number; `None` if it is not kept any more.
    pub(in crate::alerting) fn exchange(&self, number: u64) -> Option<Exchange> {
        read(&self.dir.join("exchanges"), number)
    }

    /// Notes an attempt that is of no notification; gives its number.
    pub(in crate::alerting) fn note(&self, mut attempt: Attempt, exchange: &Exchange) -> io::Result<u64> {
        let mut inner = self.lock();
        let mut after = inner.clone();
        let number = self.keep(&mut after, exchange);
        attempt.exchange = number;
        log(&mut after.log, attempt);
        let saved = self.save_log(&after);
        *inner = after;
        drop(inner);
        self.changes.send_modify(|count| *count += 1);
        saved.map(|()| number)
    }

    pub(in crate::alerting) fn set_heartbeat(&self, heartbeat: HeartbeatStatus) {
        self.lock().heartbeat = Some(heartbeat);
        self.changes.send_modify(|count| *count += 1);
    }

    /// Keeps an exchange under the next number.
    pub(super) fn keep(&self, after: &mut Inner, exchange: &Exchange) -> u64 {
        after.next_exchange += 1;
        if let Err(error) = write(&self.dir.join("exchanges"), after.next_exchange, exchange) {
            tracing::warn!(%error, "cannot keep what was sent and answered");
        }
        after.next_exchange
    }

    pub(super) fn save_log(&self, inner: &Inner) -> io::Result<()> {
        store::files::replace(&self.dir.join("deliveries"), &saved::encode_log(&inner.log))?;
        prune(&self.dir.join("exchanges"), &inner.log.iter().map(|attempt| attempt.exchange).collect())
    }
}

/// Puts an attempt first. Of attempts that told a receiver again, and arrived, the last stays.
pub(super) fn log(log: &mut VecDeque<Attempt>, attempt: Attempt) {
    let is_delivered = |attempt: &Attempt| matches!(attempt.outcome, AttemptOutcome::Delivered(_));
    if attempt.is_resend && is_delivered(&attempt) {
        let of_same = |other: &Attempt| (&other.receiver, &other.slo) == (&attempt.receiver, &attempt.slo);
        log.retain(|other| !(other.is_resend && is_delivered(other) && of_same(other)));
    }
    log.push_front(attempt);
    log.truncate(super::LOG);
}

#[derive(Serialize, Deserialize)]
struct SavedExchange {
    request_head: String,
    request_body: String,
    answer_head: String,
    answer_body: String,
}

fn path(dir: &Path, id: u64) -> PathBuf {
    dir.join(format!("{id:020}.json"))
}

fn write(dir: &Path, id: u64, exchange: &Exchange) -> io::Result<()> {
    let Exchange { request_head, request_body, answer_head, answer_body } = exchange.clone();
    let saved = SavedExchange { request_head, request_body, answer_head, answer_body };
    let json = serde_json::to_vec(&saved).expect("this struct has texts only");
    std::fs::write(path(dir, id), json)
}

/// `None` if it is not there any more, or cannot be read.
fn read(dir: &Path, id: u64) -> Option<Exchange> {
    let saved: SavedExchange = serde_json::from_slice(&std::fs::read(path(dir, id)).ok()?).ok()?;
    let SavedExchange { request_head, request_body, answer_head, answer_body } = saved;
    Some(Exchange { request_head, request_body, answer_head, answer_body })
}

/// Removes those that nothing names.
fn prune(dir: &Path, kept: &BTreeSet<u64>) -> io::Result<()> {
    for id in super::list(dir)?.into_iter().filter(|id| !kept.contains(id)) {
        std::fs::remove_file(path(dir, id))?;
    }
    Ok(())
}
