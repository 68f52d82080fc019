//! What alerting must not forget: alert states, their history, and the notifications still to be delivered.
//!
//! `state` is the commit: a file that is only ever replaced whole. It has the states and names the pending notifications;
//! the bodies of those are files of their own in `outbox/`, written before the commit that names them, so that a body
//! which no commit names is of a commit that did not happen. `deliveries` is the log for people; losing it loses no alert.

mod exchanges;
mod files;
mod saved;
mod silencing;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use model::Nanos;
use slo::alert::{SloAlerts, Transition};
use slo::routing::Groups;
use slo::rules::saved::SavedRules;
use slo::rules::status::RuleChange;
use slo::silences::Silences;
use slo::status::{Attempt, AttemptOutcome, DeliveryStatus, Exchange, HeartbeatStatus, ReceiverStatus};
use tokio::sync::watch;

use self::files::{body_path, list, prune, read};
pub(crate) use self::silencing::Silencing;
use super::Receiver;

/// Attempts kept for the page.
const LOG: usize = 200;
/// Changes of alerts kept for the page.
pub(super) const HISTORY: usize = 500;
/// Notifications that were given up and are kept; the oldest go first.
const DEAD: usize = 1000;

/// Why the stored state cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    #[error("cannot use {path}: {error}")]
    Io { path: PathBuf, error: io::Error },
    #[error("{path} is of format {found}, newer than format {known}, the newest that this version of haechi reads")]
    NewerFormat { path: PathBuf, found: u32, known: u32 },
}

/// A notification to one receiver that has not been delivered yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pending {
    /// Names its file; later ones sort after earlier ones.
    pub(super) id: u64,
    pub(super) receiver: String,
    /// The SLO, or the key of the group of alerts: what its receiver is told of in order.
    pub(super) slo: String,
    /// `firing` or `resolved`.
    pub(super) status: String,
    pub(super) idempotency_key: String,
    pub(super) created: Nanos,
    /// Attempts made so far.
    pub(super) attempts: u32,
    /// When the next attempt is due.
    pub(super) next: Nanos,
    /// [`Weight::Resend`].
    pub(super) is_resend: bool,
}

/// A notification to be committed.
#[derive(Debug, Clone)]
pub(super) struct NewEntry {
    pub(super) receiver: String,
    pub(super) slo: String,
    pub(super) status: String,
    pub(super) idempotency_key: String,
    /// The request body.
    pub(super) body: Vec<u8>,
    pub(super) weight: Weight,
}

/// What it is to its receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    News,
    /// What the receiver was told already; left out while something for the same receiver and SLO waits.
    Reminder,
    /// A reminder to a receiver that forgets; the log has only the last of several that arrived.
    Resend,
}

/// One change of everything: it happens whole or not at all.
#[derive(Debug, Clone, Default)]
pub(super) struct Commit {
    pub(super) alerts: Vec<SloAlerts>,
    /// Names of SLOs to forget.
    pub(super) forget: Vec<String>,
    pub(super) transitions: Vec<Transition>,
    pub(super) entries: Vec<NewEntry>,
    /// What receivers were told by routes; `None` leaves it as it is.
    pub(super) groups: Option<Groups>,
    /// The alerts of all groups of rules; `None` leaves them as they are.
    pub(super) rules: Option<Vec<SavedRules>>,
    pub(super) rule_changes: Vec<RuleChange>,
}

impl Commit {
    pub(super) fn is_empty(&self) -> bool {
        self.alerts.is_empty() && self.forget.is_empty() && self.transitions.is_empty() && self.entries.is_empty()
    }
}

/// The durable state; shared between the evaluator, which commits, and the deliverers, which take away.
pub(super) struct State {
    dir: PathBuf,
    inner: Mutex<Inner>,
    /// Counts changes of the outbox, to wake those who wait for one.
    changes: watch::Sender<u64>,
}

#[derive(Debug, Clone, Default, PartialEq)]
struct Inner {
    alerts: BTreeMap<String, SloAlerts>,
    groups: Groups,
    rules: Vec<SavedRules>,
    /// Newest first.
    history: VecDeque<Transition>,
    /// Newest first.
    rule_history: VecDeque<RuleChange>,
    silences: Silences,
    /// In the order of their ids.
    pending: Vec<Pending>,
    next_id: u64,
    /// Newest first.
    log: VecDeque<Attempt>,
    /// Number of the last exchange.
    next_exchange: u64,
    /// Not stored.
    heartbeat: Option<HeartbeatStatus>,
    dead: usize,
}

impl State {
    /// Opens or creates the state in `dir`, and says what was damaged, if anything was.
    ///
    /// Damaged files are set aside and alerting starts anew: what still burns fires again. Only a newer format is refused.
    pub(super) fn open(dir: &Path) -> Result<(Self, Vec<String>), OpenError> {
        let io_error = |path: &Path| {
            let path = path.to_owned();
            move |error| OpenError::Io { path, error }
        };
        for path in [dir.to_owned(), dir.join("outbox"), dir.join("dead"), dir.join("exchanges")] {
            std::fs::create_dir_all(&path).map_err(io_error(&path))?;
        }
        let mut problems = Vec::new();
        let mut inner = Inner { next_id: 1, ..Inner::default() };
        if let Some(saved) = read(&dir.join("state"), saved::decode_state, &mut problems)? {
            inner = saved;
        }
        let (outbox, dead) = (dir.join("outbox"), dir.join("dead"));
        let bodies = list(&outbox).map_err(io_error(&outbox))?;
        let lost_track = !problems.is_empty();
        for id in bodies.iter().filter(|id| !inner.pending.iter().any(|entry| entry.id == **id)) {
            let path = body_path(&outbox, *id);
            if lost_track {
                // Not of a commit that did not happen, but of one that is not readable any more.
                let kept = std::fs::read(&path).and_then(|body| store::files::replace(&body_path(&dead, *id), &body));
                kept.map_err(io_error(&path))?;
            }
            std::fs::remove_file(&path).map_err(io_error(&path))?;
        }
        let given_up = list(&dead).map_err(io_error(&dead))?;
        inner.dead = given_up.len();
        let newest = bodies.last().max(given_up.last()).copied().unwrap_or(0);
        inner.next_id = inner.next_id.max(newest + 1);
        inner.pending.retain(|entry| {
            let there = bodies.contains(&entry.id);
            if !there {
                problems.push(format!("the notification {} of {} has lost its body", entry.idempotency_key, entry.slo));
            }
            there
        });
        if let Some(log) = read(&dir.join("deliveries"), saved::decode_log, &mut problems)? {
            inner.next_exchange = log.iter().map(|attempt| attempt.exchange).max().unwrap_or(0);
            inner.log = log;
        }
        Ok((Self { dir: dir.to_owned(), inner: Mutex::new(inner), changes: watch::Sender::new(0) }, problems))
    }

    /// The states of all SLOs that ever had an alert evaluated.
    pub(super) fn alerts(&self) -> Vec<SloAlerts> {
        self.lock().alerts.values().cloned().collect()
    }

    /// What receivers were told by routes.
    pub(super) fn groups(&self) -> Groups {
        self.lock().groups.clone()
    }

    /// The alerts of rules, and their last changes, newest first.
    pub(super) fn rules(&self) -> (Vec<SavedRules>, Vec<RuleChange>) {
        let inner = self.lock();
        (inner.rules.clone(), inner.rule_history.iter().cloned().collect())
    }

    /// The last changes of alerts, newest first.
    pub(super) fn history(&self) -> Vec<Transition> {
        self.lock().history.iter().cloned().collect()
    }

    /// What the pages show of the delivery to `receivers`.
    pub(super) fn delivery(&self, receivers: &[Receiver]) -> DeliveryStatus {
        let inner = self.lock();
        let receiver = |receiver: &Receiver| ReceiverStatus {
            name: receiver.name.clone(),
            kind: receiver.kind.name(),
            pending: inner.pending.iter().filter(|entry| entry.receiver == receiver.name).count(),
        };
        let receivers = receivers.iter().map(receiver).collect();
        let attempts = inner.log.iter().cloned().collect();
        DeliveryStatus {
            receivers,
            heartbeat: inner.heartbeat.clone(),
            pending: inner.pending.len(),
            dead: inner.dead,
            attempts,
        }
    }

    /// Told of each change of the outbox.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Makes `commit` durable. On an error nothing has happened.
    pub(super) fn commit(&self, commit: Commit, now: Nanos) -> io::Result<()> {
        let mut inner = self.lock();
        let mut after = inner.clone();
        let mut written = Vec::new();
        for entry in commit.entries {
            let waits = |pending: &&Pending| pending.receiver == entry.receiver && pending.slo == entry.slo;
            if entry.weight != Weight::News && after.pending.iter().any(|pending| waits(&pending)) {
                continue;
            }
            let id = after.next_id;
            after.next_id += 1;
            store::files::replace(&body_path(&self.dir.join("outbox"), id), &entry.body)?;
            written.push(id);
            after.pending.push(Pending {
                id,
                receiver: entry.receiver,
                slo: entry.slo,
                status: entry.status,
                idempotency_key: entry.idempotency_key,
                created: now,
                attempts: 0,
                next: now,
                is_resend: entry.weight == Weight::Resend,
            });
        }
        for alerts in commit.alerts {
            after.alerts.insert(alerts.slo.clone(), alerts);
        }
        after.groups = commit.groups.unwrap_or(after.groups);
        after.rules = commit.rules.unwrap_or(after.rules);
        for change in commit.rule_changes {
            after.rule_history.push_front(change);
        }
        after.rule_history.truncate(HISTORY);
        for name in &commit.forget {
            after.alerts.remove(name);
        }
        for transition in commit.transitions {
            after.history.push_front(transition);
        }
        after.history.truncate(HISTORY);
        let saved = self.save(&after);
        if saved.is_err() {
            for id in written {
                // Whatever stays behind is of no commit and goes at the next start.
                drop(std::fs::remove_file(body_path(&self.dir.join("outbox"), id)));
            }
            return saved;
        }
        *inner = after;
        drop(inner);
        self.changes.send_modify(|count| *count += 1);
        Ok(())
    }

    /// The first pending notification of each SLO for `receiver`, the most overdue first: what may be sent now or next.
    ///
    /// Later ones of the same SLO wait for it, which is what keeps them in order.
    pub(super) fn heads(&self, receiver: &str) -> Vec<Pending> {
        let inner = self.lock();
        let mut heads: Vec<Pending> = Vec::new();
        for entry in inner.pending.iter().filter(|entry| entry.receiver == receiver) {
            if !heads.iter().any(|head| head.slo == entry.slo) {
                heads.push(entry.clone());
            }
        }
        heads.sort_by_key(|entry| (entry.next, entry.id));
        heads
    }

    /// The names of the receivers that something waits for.
    pub(super) fn awaited(&self) -> BTreeSet<String> {
        self.lock().pending.iter().map(|entry| entry.receiver.clone()).collect()
    }

    /// The body of a pending notification.
    pub(super) fn body(&self, id: u64) -> io::Result<Vec<u8>> {
        std::fs::read(body_path(&self.dir.join("outbox"), id))
    }

    /// Notes an attempt for `id`, and takes it out of the outbox unless it is tried again.
    ///
    /// An error means that the note may not survive a restart.
    pub(super) fn record(&self, id: u64, mut attempt: Attempt, exchange: &Exchange) -> io::Result<()> {
        let mut inner = self.lock();
        let mut after = inner.clone();
        attempt.exchange = self.keep(&mut after, exchange);
        let outcome = attempt.outcome.clone();
        if let Some(entry) = after.pending.iter_mut().find(|entry| entry.id == id) {
            entry.attempts = attempt.number;
            if let AttemptOutcome::Retried { next, .. } = outcome {
                entry.next = next;
            }
        }
        exchanges::log(&mut after.log, attempt);
        let (outbox, dead) = (self.dir.join("outbox"), self.dir.join("dead"));
        let given_up = matches!(outcome, AttemptOutcome::GivenUp { .. });
        if !matches!(outcome, AttemptOutcome::Retried { .. }) {
            after.pending.retain(|entry| entry.id != id);
        }
        if given_up {
            // Copied before the commit that drops it: after a crash it is rather there twice than not at all.
            store::files::replace(&body_path(&dead, id), &std::fs::read(body_path(&outbox, id))?)?;
            after.dead = prune(&dead)?;
        }
        let saved = self.save(&after).and_then(|()| self.save_log(&after));
        // In memory it has happened in any case, or a full disk would send the same notification over and over. After a
        // crash it is sent once more, with the same key.
        *inner = after;
        if saved.is_ok() && !matches!(outcome, AttemptOutcome::Retried { .. }) {
            // Nobody asks for it any more; if it stays, the next start removes it.
            drop(std::fs::remove_file(body_path(&outbox, id)));
        }
        drop(inner);
        self.changes.send_modify(|count| *count += 1);
        saved
    }

    fn save(&self, inner: &Inner) -> io::Result<()> {
        store::files::replace(&self.dir.join("state"), &saved::encode_state(inner))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Every change is made on a copy and put in place whole, so a panic leaves nothing half done.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
