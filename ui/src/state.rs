//! What the pages need from the process that serves them. Everything comes as plain data or a closure, so that this
//! crate knows neither the collector nor DataFusion nor the clock.

use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;
use model::Nanos;

mod attempt;
mod backtests;
mod deliveries;
mod ingest;
mod silencing;

pub use attempt::{Attempt, AttemptOutcome, AttemptStep, StoredAttempt, StoredExample};
pub use ingest::{
    CardinalityReport, DamageKindReport, DamageReport, DamagedPlace, DiskReport, IngestChoice, IngestReport,
    LabelReport, MetricReport, NamesReport, OverflowReport, PressureReport, ReasonReport, SIGNALS, SenderReport,
    ServiceSignalReport, SignalReport,
};

pub use backtests::{Backtests, RuleFiring, RulesBacktest, SloBacktest};
pub use deliveries::Deliveries;
pub use silencing::Silencing;

/// What [`crate::router`] serves.
#[derive(Clone)]
pub struct UiState {
    pub engine: Arc<query::Engine>,
    /// The state of all SLOs, alerts and deliveries after the last evaluation.
    pub slo_status: Arc<dyn Fn() -> Arc<slo::Status> + Send + Sync>,
    /// Makes, changes and ends silences.
    pub silences: Silencing,
    pub deliveries: Deliveries,
    /// What alerts would have done.
    pub backtests: Backtests,
    /// What has been received since the start.
    pub ingest: Arc<dyn Fn() -> IngestStats + Send + Sync>,
    /// All that the Ingest page shows.
    pub report: Arc<dyn Fn() -> IngestReport + Send + Sync>,
    /// The last attempts to send, those that are news first, …
    pub attempts: Arc<dyn Fn() -> Vec<Attempt> + Send + Sync>,
    /// … and a number that changes with each.
    pub attempts_version: Arc<dyn Fn() -> u64 + Send + Sync>,
    /// Whether the process is about to end: streams end then.
    pub stopping: Arc<dyn Fn() -> bool + Send + Sync>,
    /// How many places on disk could not be read since the start, and how many were restored. Asked for every page.
    pub n_damaged: Arc<dyn Fn() -> (u64, u64) + Send + Sync>,
    /// Runs one read-only SQL statement; without it there is no SQL page.
    pub sql: Option<SqlRunner>,
    pub clock: fn() -> Nanos,
    pub endpoints: Endpoints,
    pub version: &'static str,
}

impl fmt::Debug for UiState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UiState")
            .field("endpoints", &self.endpoints)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

/// Runs the SQL statement of the page. The error is shown to the reader as it is.
pub type SqlRunner = Arc<dyn Fn(String) -> BoxFuture<'static, Result<SqlTable, String>> + Send + Sync>;

/// The rows of an SQL statement, as text.
#[derive(Clone, Debug, Default)]
pub struct SqlTable {
    pub columns: Vec<SqlColumn>,
    /// Each as long as `columns`; `None` is NULL.
    pub rows: Vec<Vec<Option<String>>>,
    /// Whether there are more rows than these.
    pub truncated: bool,
    pub took: Nanos,
}

/// A column of an [`SqlTable`].
#[derive(Clone, Debug)]
pub struct SqlColumn {
    pub name: String,
    pub data_type: String,
    /// Shown flush right.
    pub is_number: bool,
}

/// Where telemetry is accepted, as addresses that senders on this machine can use.
#[derive(Clone, Debug)]
pub struct Endpoints {
    /// `http://127.0.0.1:4317`
    pub otlp_grpc: String,
    /// `http://127.0.0.1:4318`
    pub otlp_http: String,
    /// `http://127.0.0.1:4319`: these pages and the query APIs.
    pub ui: String,
}

/// What has been received since the start.
#[derive(Clone, Debug, Default)]
pub struct IngestStats {
    pub since: Nanos,
    pub signals: Vec<SignalStats>,
    /// The most recent first.
    pub senders: Vec<SenderStats>,
    pub storage: StorageStats,
}

/// What the store holds and how much room it has.
#[derive(Clone, Debug, Default)]
pub struct StorageStats {
    pub segment_bytes: u64,
    pub n_segments: usize,
    /// Of the write-ahead log.
    pub log_bytes: u64,
    /// Of rows that are in memory and in the log alone.
    pub memory_bytes: u64,
    pub n_series: u64,
    pub disk_free: u64,
    /// 0 when the file system does not tell.
    pub disk_total: u64,
    /// Sentences on what keeps the store from taking or dropping more.
    pub notices: Vec<String>,
    pub damage: DamageReport,
}

/// One signal.
#[derive(Clone, Debug, Default)]
pub struct SignalStats {
    /// `traces`, `metrics` or `logs`.
    pub signal: &'static str,
    /// Requests answered with success.
    pub n_requests: u64,
    /// Spans, data points or log records stored.
    pub n_accepted: u64,
    /// Items left out of successful requests.
    pub n_rejected: u64,
    /// Requests refused as a whole.
    pub n_refused: u64,
    /// Bytes of successful requests, decompressed.
    pub n_bytes: u64,
    pub last_received: Option<Nanos>,
}

/// What one service has sent through one client.
#[derive(Clone, Debug, Default)]
pub struct SenderStats {
    pub service: String,
    /// The `user-agent` header: SDK, language and version.
    pub user_agent: String,
    /// `grpc`, `http/protobuf` or `http/json`.
    pub protocol: &'static str,
    pub n_spans: u64,
    pub n_points: u64,
    pub n_logs: u64,
    pub last_seen: Nanos,
}
