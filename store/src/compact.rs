//! Merges small segments into large ones, in the background: one job at a time, on one thread of low priority.
//!
//! A job writes one segment out of several and publishes it with their removal in one record of the manifest, so a crash
//! leaves either the inputs or the output. Readers keep what they have: the files of the inputs go with the last of them.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use model::Nanos;
use model::time::DAY;

use crate::error::ReadError;
use crate::manifest::SegmentEntry;
use crate::store::{Store, StoreConfig};
use crate::view::Shared;

mod by_series;
mod by_time;
mod held;
mod job;
mod output;
mod plan;

use job::Outcome;
pub(crate) use plan::Job;
use plan::Limits;

/// A segment that could not be read is left out for this long, then twice as long, and so on.
const FIRST_PAUSE: Duration = Duration::from_secs(60);
const LONGEST_PAUSE: Duration = Duration::from_secs(6 * 3600);
/// After a compaction that could not be written, nothing is tried for this long.
const PAUSE_AFTER_ERROR: Duration = Duration::from_secs(30);
/// A merge by series holds a row group of each input; this much each, with the keys and what is made of them.
const BYTES_OF_A_CURSOR: usize = 6 << 20;
/// Where metrics are kept for less than this, their segments stay as short as windows, to go when they are due.
const LONG_RETENTION: Nanos = 7 * DAY;

/// What compaction did since the store was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CompactionStats {
    /// Jobs that were published.
    pub jobs: u64,
    pub rows_in: u64,
    pub rows_out: u64,
    pub bytes_in: u64,
    pub bytes_out: u64,
    /// Rows left out because another stands for them: a span with the same ids and start, a point of the same series and
    /// time, an exemplar that says the same, a series described more than once.
    pub duplicates: u64,
    /// Of these, points that had another value.
    pub conflicts: u64,
    /// Jobs that could not be written, or not be published.
    pub failures: u64,
    /// Segments that could not be read and stay as they are.
    pub unreadable: u64,
    /// Time that published jobs took, and how much of it on the processor.
    pub elapsed: Duration,
    pub cpu: Duration,
}

/// What the compaction of a store keeps between its jobs.
pub(crate) struct Compactor {
    state: Mutex<State>,
    wake: Condvar,
    /// Held while a job runs.
    working: Mutex<()>,
    /// The latest time that the store was told, by which windows close.
    now: AtomicI64,
    budget: usize,
    row_group_rows: usize,
    /// See [`Limits::days`].
    days: bool,
}

#[derive(Default)]
struct State {
    /// Something was published since the last look.
    due: bool,
    closed: bool,
    stats: CompactionStats,
    avoided: HashMap<u64, Avoided>,
}

/// A segment that could not be read.
struct Avoided {
    until: Instant,
    pause: Duration,
}

impl Compactor {
    /// A compaction as `config` has it.
    pub(crate) fn new(config: &StoreConfig) -> Self {
        Compactor {
            state: Mutex::default(),
            wake: Condvar::new(),
            working: Mutex::default(),
            now: AtomicI64::new(Nanos::MIN),
            budget: config.compact_bytes,
            row_group_rows: config.row_group_rows,
            days: config.retention.metrics.is_none_or(|age| age >= LONG_RETENTION),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn stats(&self) -> CompactionStats {
        self.lock().stats.clone()
    }

    /// Segments were published: there may be something to do.
    pub(crate) fn notify(&self) {
        self.lock().due = true;
        self.wake.notify_all();
    }

    /// It is `now`: windows may have closed.
    pub(crate) fn tell_time(&self, now: Nanos) {
        self.now.fetch_max(now, Ordering::Relaxed);
        self.notify();
    }

    /// Ends the thread and the job that runs; returns when it has ended.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.wake.notify_all();
        drop(self.working.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Waits until something was published; `false` when the store is closed.
    fn wait(&self) -> bool {
        let state = self.wake.wait_while(self.lock(), |state| !state.closed && !state.due);
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        state.due = false;
        !state.closed
    }

    fn pause(&self, pause: Duration) {
        drop(self.wake.wait_timeout_while(self.lock(), pause, |state| !state.closed));
    }

    fn limits(&self) -> Limits {
        Limits {
            flushed_bytes: 2 * self.budget as u64,
            inputs: 64,
            fan_in: (self.budget / BYTES_OF_A_CURSOR).clamp(4, 64),
            days: self.days,
        }
    }

    /// Leaves the segment `id` out for a while.
    fn avoid(&self, id: u64) {
        let mut state = self.lock();
        let pause = state.avoided.get(&id).map_or(FIRST_PAUSE, |it| LONGEST_PAUSE.min(it.pause * 2));
        if state.avoided.insert(id, Avoided { until: Instant::now() + pause, pause }).is_none() {
            state.stats.unreadable += 1;
        }
    }

    /// Which of the segments `known`, in ascending order, are left out for now; `None` when the store is closed.
    fn avoided(&self, known: &[u64]) -> Option<Vec<u64>> {
        let mut state = self.lock();
        state.avoided.retain(|id, _| known.binary_search(id).is_ok());
        let now = Instant::now();
        let avoided = state.avoided.iter().filter(|(_, it)| it.until > now).map(|(id, _)| *id).collect();
        (!state.closed).then_some(avoided)
    }

    fn count(&self, outcome: &Outcome) {
        let mut state = self.lock();
        let stats = &mut state.stats;
        stats.jobs += 1;
        stats.rows_in += outcome.rows_in;
        stats.rows_out += outcome.rows_out;
        stats.bytes_in += outcome.bytes_in;
        stats.bytes_out += outcome.bytes_out;
        stats.duplicates += outcome.duplicates;
        stats.conflicts += outcome.conflicts;
        stats.elapsed += outcome.elapsed;
        stats.cpu += outcome.cpu;
    }
}

impl Store {
    /// Compacts what is worth it at `now`, and returns when nothing is left to do. A segment that cannot be read stays as it
    /// is, and is warned about.
    ///
    /// # Errors
    /// When a segment cannot be written or published; what was there before still is.
    pub fn compact_now(&self, now: Nanos) -> Result<(), ReadError> {
        self.shared.compact_until_done(now)
    }

    /// As [`Store::compact_now`], with every window closed.
    pub fn compact_all(&self) -> Result<(), ReadError> {
        self.compact_now(Nanos::MAX)
    }
}

impl Shared {
    /// Compacts whenever segments were published, until the store is closed.
    pub(crate) fn run_compactor(&self) {
        lower_priority();
        while self.compactor.wait() {
            let now = self.compactor.now.load(Ordering::Relaxed);
            let error = match catch_unwind(AssertUnwindSafe(|| self.compact_until_done(now))) {
                Ok(Ok(())) => continue,
                Ok(Err(error)) => error.to_string(),
                Err(_) => "it failed in an unforeseen way".to_owned(),
            };
            tracing::error!(error, "cannot compact segments; they stay as they are");
            self.compactor.lock().stats.failures += 1;
            self.compactor.pause(PAUSE_AFTER_ERROR);
        }
    }

    fn compact_until_done(&self, now: Nanos) -> Result<(), ReadError> {
        while let Some(job) = self.next_compaction(now) {
            let bytes = job.inputs.iter().map(SegmentEntry::bytes).sum();
            let of_flushed = job.inputs.iter().any(|input| input.level == 0);
            if !self.disk.allows_compaction(bytes, of_flushed) || !self.compact(&job)? {
                break;
            }
        }
        Ok(())
    }

    pub(crate) fn next_compaction(&self, now: Nanos) -> Option<Job> {
        let known: Vec<u64> = self.lock_manifest().state().segments.keys().copied().collect();
        let avoided = self.compactor.avoided(&known)?;
        // Segments of an unknown table or layout are not in the view.
        let entries: Vec<SegmentEntry> = self.segment_entries(|id| !avoided.contains(&id));
        plan::next(entries.iter(), now, &self.compactor.limits())
    }
}

/// Lets every other thread of the process go first. Without the right to, the thread competes as others do.
fn lower_priority() {
    const NICE: i32 = 10;
    // Of the calling thread alone: Linux takes the process 0 for that.
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        tracing::debug!(%error, "compaction runs with normal priority");
    }
}
