//! What one query may cost, and the counters that hold it to that.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::budget::Budget;

use super::annotations::{Annotations, Note, Position};
use super::error::PromqlError;
use super::value::Millis;

/// The longest query text, in bytes.
pub const MAX_TEXT: usize = 16 << 10;
/// The deepest nesting of parentheses, braces and brackets; of signs and powers too, since those nest to the right.
pub const MAX_NESTING: usize = 100;
/// The most operators in one query: the grammar takes quadratic time on a chain of them.
pub const MAX_OPERATORS: usize = 2_000;
/// The longest regular expression, in bytes.
pub(super) const MAX_PATTERN: usize = 4 << 10;
/// The longest label value that a query may make, in bytes: nested `label_join`s multiply.
pub(super) const MAX_LABEL_VALUE: usize = 64 << 10;
/// The most points per series of a range query, as in Prometheus.
pub const MAX_POINTS: i64 = 11_000;

/// What a query may use. The defaults are those of Prometheus where it has them.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Samples in memory at once, raw and computed.
    pub max_samples: u64,
    /// Series that one selector may bring in.
    pub max_series: usize,
    /// How far back an instant selector looks for a sample.
    pub lookback: Millis,
    /// The resolution of subqueries that do not name one.
    pub subquery_step: Millis,
    /// Ends the query when its time is up or nobody waits for it.
    pub budget: Budget,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            max_samples: 50_000_000,
            max_series: 300_000,
            lookback: 300_000,
            subquery_step: 60_000,
            budget: Budget::unlimited(),
        }
    }
}

/// A query's limits, what it has used of them, and what it has to say.
pub(super) struct Meter<'a> {
    pub(super) limits: &'a Limits,
    samples: AtomicU64,
    notes: Mutex<Annotations>,
}

impl<'a> Meter<'a> {
    pub(super) fn new(limits: &'a Limits) -> Self {
        Meter { limits, samples: AtomicU64::new(0), notes: Mutex::default() }
    }

    /// Counts `samples` more in memory.
    pub(super) fn charge(&self, samples: usize) -> Result<(), PromqlError> {
        // Cannot overflow: what is counted is in memory or about to be, one at a time.
        let before = self.samples.fetch_add(samples as u64, Ordering::Relaxed);
        if before.saturating_add(samples as u64) > self.limits.max_samples {
            return Err(PromqlError::execution(format!(
                "query processing would load too many samples into memory in query execution (limit {})",
                self.limits.max_samples
            )));
        }
        self.check()
    }

    /// Counts one selector's series.
    pub(super) fn check_series(&self, series: usize) -> Result<(), PromqlError> {
        if series > self.limits.max_series {
            return Err(PromqlError::execution(format!(
                "selector matches more than {} series; add label matchers or raise the limit",
                self.limits.max_series
            )));
        }
        self.check()
    }

    pub(super) fn check(&self) -> Result<(), PromqlError> {
        Ok(self.limits.budget.check()?)
    }

    /// Counts `samples` out again: they are no longer in memory.
    pub(super) fn release(&self, samples: usize) {
        // Not every source counts all of its own.
        let less = |used: u64| Some(used.saturating_sub(samples as u64));
        _ = self.samples.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }

    /// What is counted now, to be restored by [`Meter::settle`] when an expression's inputs are gone.
    pub(super) fn used(&self) -> u64 {
        self.samples.load(Ordering::Relaxed)
    }

    /// An expression is done: of what was counted since `before`, only its result of `samples` is left.
    pub(super) fn settle(&self, before: u64, samples: usize) {
        self.samples.store(before.saturating_add(samples as u64), Ordering::Relaxed);
    }

    fn notes(&self) -> MutexGuard<'_, Annotations> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn note(&self, position: Position, note: Note) {
        self.notes().add(Some(position), note);
    }

    /// A part of the data is damaged; the answer is made of the rest.
    pub(super) fn unreadable(&self, what: String) {
        self.notes().add(None, Note::Unreadable(what));
    }

    pub(super) fn into_notes(self) -> Annotations {
        self.notes.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}
