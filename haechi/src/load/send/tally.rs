//! What has been sent of one signal.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::histogram::Histogram;
use super::super::ledger::Ranges;

/// Counts of one signal, of an interval or of the whole run.
#[derive(Clone, Default)]
pub(in crate::load) struct Counts {
    /// From the time a request should have been sent to its answer, retries included.
    pub(in crate::load) latencies: Histogram,
    pub(in crate::load) requests: u64,
    pub(in crate::load) items: u64,
    /// As sent, compressed if that was asked for.
    pub(in crate::load) bytes: u64,
    /// Items that were rejected in accepted requests.
    pub(in crate::load) rejected: u64,
    /// What the receiver last said of these.
    pub(in crate::load) why_rejected: String,
    pub(in crate::load) retries: u64,
    /// Requests that were refused or given up.
    pub(in crate::load) lost: u64,
    /// Of these, given up because the receiver asked for a longer pause than there was time for.
    pub(in crate::load) impatient: u64,
    /// The longest pause that it asked for then.
    pub(in crate::load) longest_pause: Duration,
    /// Attempts that failed, by kind.
    pub(in crate::load) errors: BTreeMap<String, u64>,
    /// How far behind its time a request was at most when it was first sent.
    pub(in crate::load) behind: Duration,
}

impl Counts {
    pub(in crate::load) fn add(&mut self, other: &Counts) {
        self.latencies.add(&other.latencies);
        self.requests += other.requests;
        self.items += other.items;
        self.bytes += other.bytes;
        self.rejected += other.rejected;
        if !other.why_rejected.is_empty() {
            self.why_rejected.clone_from(&other.why_rejected);
        }
        self.retries += other.retries;
        self.lost += other.lost;
        self.impatient += other.impatient;
        self.longest_pause = self.longest_pause.max(other.longest_pause);
        other.errors.iter().for_each(|(kind, count)| *self.errors.entry(kind.clone()).or_default() += count);
        self.behind = self.behind.max(other.behind);
    }

    pub(in crate::load) fn failed(&mut self, kind: String) {
        *self.errors.entry(kind).or_default() += 1;
    }
}

/// The counts since the last report and before it, and which requests were acknowledged.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) recent: Counts,
    pub(super) before: Counts,
    pub(super) acked: Ranges,
    pub(super) unsure: Ranges,
}

impl Tally {
    /// The counts since the last call.
    pub(super) fn take_recent(&mut self) -> Counts {
        let recent = std::mem::take(&mut self.recent);
        self.before.add(&recent);
        recent
    }

    pub(super) fn total(&self) -> Counts {
        let mut total = self.before.clone();
        total.add(&self.recent);
        total
    }
}
