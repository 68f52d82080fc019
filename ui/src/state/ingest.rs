//! What the Ingest page and `/api/v1/ingest` show: what comes in, what is not taken and why, and how much room there is.
//!
//! Serialised as it is: the names of the fields are those of the API, described in `docs/receiver.md`.

use model::Nanos;
use serde::Serialize;

mod choice;

pub use choice::{IngestChoice, SIGNALS};

/// Everything at one moment. Times are nanoseconds since the epoch.
#[derive(Clone, Debug, Default, Serialize)]
pub struct IngestReport {
    pub now: Nanos,
    /// When counting began.
    pub since: Nanos,
    /// Why requests are refused now, as a sentence; `None` when they are not.
    pub refusing: Option<String>,
    /// Of all services, whatever was chosen.
    pub signals: Vec<SignalReport>,
    /// Of the services chosen; `None` without such a choice.
    pub of_service: Option<Vec<ServiceSignalReport>>,
    /// What was not taken in the last hour, newest first.
    pub reasons: Vec<ReasonReport>,
    /// Reasons of other signals or services than those chosen.
    pub n_hidden_reasons: usize,
    /// Reasons that gave way to others within their hour, since the start.
    pub displaced_reasons: u64,
    /// Who sent in the last hour, most recent first.
    pub senders: Vec<SenderReport>,
    pub displaced_senders: u64,
    pub pressure: PressureReport,
    pub disk: DiskReport,
    pub damage: DamageReport,
    pub cardinality: CardinalityReport,
}

#[derive(Clone, Debug, Default, Serialize)]
pub struct SignalReport {
    /// `traces`, `metrics` or `logs`.
    pub signal: &'static str,
    pub items_per_second: f64,
    pub bytes_per_second: f64,
    /// Since the start.
    pub accepted: u64,
    pub rejected: u64,
    pub requests: u64,
    pub refused: u64,
    pub duplicates: u64,
    pub bytes: u64,
    /// In the last minute.
    pub rejected_last_minute: u64,
    pub refused_last_minute: u64,
    pub last_received: Option<Nanos>,
    pub last_refused: Option<Nanos>,
    /// Accepted items in each minute of the last hour, oldest first.
    pub items_by_minute: Vec<u64>,
    pub bytes_by_minute: Vec<u64>,
}

/// What the senders of a service, as listed, have sent since each came.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ServiceSignalReport {
    pub signal: &'static str,
    pub accepted: u64,
    pub rejected: u64,
    pub bytes: u64,
}

#[derive(Clone, Debug, Default, Serialize)]
pub struct ReasonReport {
    /// `connection`, `refused`, `rejected` or `warned`.
    pub fate: &'static str,
    pub signal: Option<&'static str>,
    pub protocol: Option<&'static str>,
    pub service: String,
    pub user_agent: String,
    pub peer: String,
    /// What a refusal was answered with: the status of HTTP, …
    pub http_status: Option<u16>,
    /// … or the name of the code of gRPC.
    pub grpc_status: Option<&'static str>,
    /// It passes by itself: the sender is to come again.
    pub is_passing: bool,
    /// As the sender was told, the last time.
    pub message: String,
    /// What to change; empty where the message says it.
    pub fix: String,
    pub times: u64,
    pub items: u64,
    pub first: Nanos,
    pub last: Nanos,
}

#[derive(Clone, Debug, Default, Serialize)]
pub struct SenderReport {
    pub service: String,
    pub user_agent: String,
    pub sdk: String,
    pub protocol: &'static str,
    /// Traces, metrics, logs.
    pub accepted: [u64; 3],
    pub rejected: [u64; 3],
    pub bytes: [u64; 3],
    pub first_seen: Nanos,
    pub last_seen: Nanos,
}

#[derive(Clone, Debug, Default, Serialize)]
pub struct PressureReport {
    pub requests_in_progress: usize,
    pub bytes_in_progress: usize,
    pub max_bytes_in_progress: usize,
    /// Requests that wait for the log.
    pub queued: usize,
    pub max_queued: usize,
    pub memory_bytes: usize,
    pub max_memory_bytes: usize,
    pub log_bytes: u64,
    pub syncs: u64,
    pub sync_p50_seconds: f64,
    pub sync_p99_seconds: f64,
    pub sync_max_seconds: f64,
    /// Segments as they were flushed, which compaction has yet to merge.
    pub uncompacted_segments: usize,
    pub compaction_failures: u64,
    pub open_connections: usize,
    pub max_connections: usize,
    /// Closed at once because too many were open, …
    pub refused_connections: u64,
    /// … or to make room for those.
    pub displaced_connections: u64,
}

#[derive(Clone, Debug, Default, Serialize)]
pub struct DiskReport {
    /// `enough`, `low` or `full`.
    pub state: &'static str,
    pub free: u64,
    /// 0 when the file system does not tell.
    pub total: u64,
    /// With fewer bytes free it is low, …
    pub low: u64,
    /// … and requests are refused.
    pub reserve: u64,
    /// Bytes of segments of traces, metrics and logs.
    pub bytes: [u64; 3],
    pub log_bytes: u64,
    /// By how many bytes segments have grown, as in `forecast`, and in how many seconds; `None` before the first minute is over.
    pub growth_bytes: Option<i64>,
    pub growth_seconds: f64,
    /// `max_disk`, when it is set.
    pub max_bytes: Option<u64>,
    /// A sentence on where this leads.
    pub forecast: String,
}

/// What on disk could not be read, at the start or since. A place is a file and an offset, and counts once.
#[derive(Clone, Debug, Default, Serialize)]
pub struct DamageReport {
    /// Places that could not be read, …
    pub unreadable: u64,
    /// … and those that were restored.
    pub restored: u64,
    pub kinds: Vec<DamageKindReport>,
    /// The last ones, newest first, up to a hundred.
    pub places: Vec<DamagedPlace>,
}

#[derive(Clone, Debug, Default, Serialize)]
pub struct DamageKindReport {
    /// As `haechi_damaged_places_total` names it.
    pub kind: &'static str,
    /// The same for people.
    #[serde(skip)]
    pub words: &'static str,
    pub places: u64,
}

#[derive(Clone, Debug, Default, Serialize)]
pub struct DamagedPlace {
    /// When it was found first.
    pub found: Nanos,
    pub kind: &'static str,
    #[serde(skip)]
    pub words: &'static str,
    pub file: String,
    /// In bytes; `None` when it is all of the file, or a part without an offset.
    pub offset: Option<u64>,
    /// Where in the file, and what is wrong.
    pub message: String,
}

#[derive(Clone, Debug, Default, Serialize)]
pub struct CardinalityReport {
    /// Series with points within the retention.
    pub series: u64,
    pub max_series: u64,
    /// Data points left out since the start because they were of further series.
    pub rejected_points: u64,
    /// By how many series have grown, and since when.
    pub growth: Option<i64>,
    pub growth_seconds: f64,
    pub n_metrics: usize,
    pub metrics: Vec<MetricReport>,
    pub n_labels: usize,
    pub labels: Vec<LabelReport>,
    /// Different span names and keys of log attributes by service, as far as they were met.
    pub span_names: Vec<NamesReport>,
    pub log_keys: Vec<NamesReport>,
    /// Names are told apart up to this many.
    pub max_names: usize,
    /// Services whose SDK has reached a limit of series of its own, in the last hour, the last first.
    pub overflows: Vec<OverflowReport>,
}

#[derive(Clone, Debug, Default, Serialize)]
pub struct OverflowReport {
    pub service: String,
    /// Data points with `otel.metric.overflow`, since the first came.
    pub points: u64,
    /// The metric of one of the last.
    pub metric: String,
    pub last: Nanos,
}

#[derive(Clone, Debug, Default, Serialize)]
pub struct MetricReport {
    pub name: String,
    pub series: u64,
    /// Since an hour ago or the start; `None` when it was not among the largest then.
    pub growth: Option<i64>,
}

#[derive(Clone, Debug, Default, Serialize)]
pub struct LabelReport {
    pub key: String,
    pub values: u64,
    pub series: u64,
}

#[derive(Clone, Debug, Default, Serialize)]
pub struct NamesReport {
    pub service: String,
    pub distinct: usize,
    pub newest: String,
    pub newest_at: Nanos,
}
