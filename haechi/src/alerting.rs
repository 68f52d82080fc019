//! SLO evaluation and alert delivery: files of SLOs in, webhooks out. The arithmetic is in the crate `slo`; here are
//! its files, its clock and its network.
//!
//! [`Evaluator`] counts spans, steps alerts and commits; [`outbox`] delivers what was committed. Whatever a crash
//! interrupts is found again in [`state`]: a change of an alert and its notification are one commit.

mod check;
mod counts;
mod evaluator;
mod files;
mod outbox;
mod state;
mod supported;
mod track;

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;

use model::{Nanos, TimeRange, TraceId};
use slo::{Count, Slo};

pub(crate) use check::{Checked, check};
pub(crate) use evaluator::Evaluator;
pub(crate) use files::FilesError;
pub(crate) use state::OpenError as StateError;

/// The time now, in nanoseconds since the epoch.
pub(crate) type Clock = Arc<dyn Fn() -> Nanos + Send + Sync>;

/// Counts the events of an SLO in a range whose ends are multiples of the bucket width: one count per bucket, oldest
/// first, each of the spans that [`Slo::judge`] takes and that start in the bucket. The error is a sentence for people.
pub(crate) type CountEvents = Arc<dyn Fn(&Slo, TimeRange) -> Result<Vec<Count>, String> + Send + Sync>;

/// Ids of traces with bad events of an SLO in a range, newest first, at most so many; empty if there are none or the
/// question fails, since an alert is not held up for its examples.
pub(crate) type FindBadTraces = Arc<dyn Fn(&Slo, TimeRange, usize) -> Vec<TraceId> + Send + Sync>;

/// The start of the oldest stored span, or `None` if there is none; bounds what is counted from stored data.
pub(crate) type OldestSpan = Arc<dyn Fn() -> Option<Nanos> + Send + Sync>;

/// What the evaluator asks of the rest of the box. All but the clock may block and are called on blocking threads.
#[derive(Clone)]
pub(crate) struct Sources {
    pub(crate) now: Clock,
    pub(crate) count: CountEvents,
    pub(crate) bad_traces: FindBadTraces,
    pub(crate) oldest_span: OldestSpan,
}

/// Where things are.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// `<data-dir>/alerts`; created if missing.
    pub(crate) dir: PathBuf,
    /// The directory of `*.yaml` files; one that does not exist defines no SLO.
    pub(crate) slo_dir: PathBuf,
    pub(crate) receivers: Vec<Receiver>,
    /// Where people reach this box, without a slash at the end; alerts link there.
    pub(crate) external_url: String,
}

/// Who is told of alerts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Receiver {
    /// Unique; the field `receiver` of the payload.
    pub(crate) name: String,
    pub(crate) url: String,
    /// Whether it is told of resolved alerts too.
    pub(crate) send_resolved: bool,
}

/// Why alerting cannot start; each a sentence with the place to look at.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    #[error(transparent)]
    Files(#[from] FilesError),
    #[error(transparent)]
    State(#[from] StateError),
    #[error("cannot set up the webhook client: {0}")]
    Client(#[from] reqwest::Error),
}
