//! SLO evaluation and alert delivery: files of SLOs in, webhooks out. The arithmetic is in the crate `slo`; here are
//! its files, its clock and its network.
//!
//! [`Evaluator`] counts events, steps alerts and commits; [`outbox`] delivers what was committed. Whatever a crash
//! interrupts is found again in [`state`]: a change of an alert and its notification are one commit.

pub(crate) mod backtest;
mod bodies;
mod check;
mod evaluator;
mod files;
mod outbox;
#[cfg(test)]
mod paper;
mod receiver;
mod routes;
pub(crate) mod rules;
mod state;
mod stored_counts;
mod track;

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;

use model::Nanos;
use slo::spec::SpecErrors;

use crate::counting::Events;

pub(crate) use check::{Checked, check};
pub(crate) use evaluator::{Counted, Evaluator, OfSlo};
pub(crate) use files::FilesError;
pub(crate) use outbox::{Heartbeat, Trials};
pub(crate) use receiver::{Email, Held, Kind, Networks, Receiver, Template, schemes};
pub(crate) use routes::check_routes;
pub(crate) use rules::{RuleFiles, Series, StoredSeries};
pub(crate) use state::{OpenError as StateError, Silencing};

/// The time now, in nanoseconds since the epoch.
pub(crate) type Clock = Arc<dyn Fn() -> Nanos + Send + Sync>;

/// What the evaluator asks of the rest of the box.
#[derive(Clone)]
pub(crate) struct Sources {
    pub(crate) now: Clock,
    /// May block, and is asked on blocking threads.
    pub(crate) events: Arc<dyn Events>,
    /// What rules read and write; as above.
    pub(crate) series: Arc<dyn Series>,
}

/// Where things are.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// `<data-dir>/alerts`; created if missing.
    pub(crate) dir: PathBuf,
    /// The directory of `*.yaml` files; one that does not exist defines no SLO.
    pub(crate) slo_dir: PathBuf,
    /// The file of routes; without one every receiver is told of every SLO.
    pub(crate) routes: Option<PathBuf>,
    pub(crate) rules: RuleFiles,
    pub(crate) receivers: Vec<Receiver>,
    /// Who is called while alerts are evaluated.
    pub(crate) heartbeat: Option<Heartbeat>,
    /// Where people reach this box, without a slash at the end; alerts link there.
    pub(crate) external_url: String,
}

/// Why alerting cannot start; each a sentence with the place to look at.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    #[error(transparent)]
    Files(#[from] FilesError),
    #[error(transparent)]
    Routes(SpecErrors),
    #[error(transparent)]
    Rules(SpecErrors),
    #[error(transparent)]
    State(#[from] StateError),
    #[error("cannot set up the webhook client: {0}")]
    Client(#[from] reqwest::Error),
}
