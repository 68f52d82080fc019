//! Prometheus' rules: files in, series and alerts out. What alerts do is in `slo::rules`; here are files, evaluations, their
//! times, and what they write.
//!
//! The [`Book`] has the groups and what is known of them. [`schedule`] evaluates each group at its times and puts what came of
//! it into the book, which makes changes of alerts durable before anybody sees them; the rounds of SLOs tell receivers.

mod book;
mod evaluate;
mod files;
mod group;
pub(crate) mod replay;
mod schedule;
#[cfg(test)]
mod tests;
mod write;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use collector::remote_write::Version;
use collector::{BodyKind, Collector};
use query::promql::{Labels, Source};
use slo::rules::Defaults;
use store::Store;
use tokio::runtime::Handle;

pub(super) use book::Book;
pub(super) use schedule::run;

/// What rules read and write. Both may block, and are asked on threads for that.
pub(crate) trait Series: Send + Sync {
    /// The series as they are now.
    fn source(&self) -> Source;

    /// Stores samples of one time, in milliseconds; when it returns, they are durable and in every later [`Series::source`].
    fn write(&self, millis: i64, samples: &[(Labels, f64)]) -> Result<(), String>;
}

/// The series of the box.
pub(crate) struct StoredSeries {
    pub(crate) store: Arc<Store>,
    pub(crate) collector: Arc<Collector>,
    pub(crate) runtime: Handle,
}

impl Series for StoredSeries {
    fn source(&self) -> Source {
        Source::store(self.store.snapshot())
    }

    fn write(&self, millis: i64, samples: &[(Labels, f64)]) -> Result<(), String> {
        let (kind, body) = (BodyKind::RemoteWrite(Version::V1), Bytes::from(write::request(millis, samples)));
        self.runtime.block_on(self.collector.store_own(kind, body))
    }
}

/// Where rule files are, and what holds of groups that do not say it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RuleFiles {
    /// Paths, or patterns with `*`, `?` and `[…]`.
    patterns: Vec<String>,
    defaults: Defaults,
}

impl RuleFiles {
    /// The patterns of `text`, which has commas between them. The error says what is wrong with one.
    pub(crate) fn new(text: &str, interval: i64) -> Result<Self, String> {
        let patterns: Vec<String> =
            text.split(',').map(str::trim).filter(|it| !it.is_empty()).map(str::to_owned).collect();
        for pattern in &patterns {
            glob::Pattern::new(pattern).map_err(|error| format!("{pattern:?}: {error}"))?;
        }
        Ok(Self { patterns, defaults: Defaults { interval, query_offset: 0 } })
    }

    /// Files and patterns as they were given one by one.
    pub(crate) fn listed(patterns: Vec<String>, interval: i64) -> Self {
        Self { patterns, defaults: Defaults { interval, query_offset: 0 } }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }
}

/// The thread of evaluations.
const THREAD: &str = "rules";
/// One expression may take so long, with the queries of its templates.
const TIME: Duration = Duration::from_secs(10);
/// What one expression may hold in memory at once; a tenth of what a person may ask for.
const MAX_SAMPLES: u64 = 5_000_000;
