//! What the receiver has seen since it started, for the Connect and Ingest pages. Bounded, whatever is sent.

use model::Nanos;

use crate::remote_write::Version;
use crate::signal::{BodyKind, Signal};

mod attempts;
mod kept;
mod ledger;
mod names;
mod overflows;
mod rates;
mod reasons;
mod status;

pub use attempts::{Attempt, Outcome, Step, StoredAttempt};
pub(crate) use ledger::{Counts, Ledger, Sender, Success};
pub use names::{MAX_NAMES, NameStats};
pub use overflows::OverflowStats;
pub use rates::{BUCKET, Bucket, LastHour};
pub use reasons::{Fate, ReasonStats, SEVERAL};
pub use status::Status;

/// How a request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Grpc,
    HttpProtobuf,
    HttpJson,
    RemoteWrite1,
    RemoteWrite2,
}

impl Protocol {
    /// As `OTEL_EXPORTER_OTLP_PROTOCOL` names it: `grpc`, `http/protobuf` or `http/json`. Of Prometheus, `remote-write/1.0` or
    /// `remote-write/2.0`.
    pub fn name(self) -> &'static str {
        match self {
            Protocol::Grpc => "grpc",
            Protocol::HttpProtobuf => "http/protobuf",
            Protocol::HttpJson => "http/json",
            Protocol::RemoteWrite1 => "remote-write/1.0",
            Protocol::RemoteWrite2 => "remote-write/2.0",
        }
    }

    /// What a body of `signal` is that came like this, once it is decompressed and transcoded.
    pub(crate) fn body_kind(self, signal: Signal) -> BodyKind {
        match self {
            Protocol::Grpc | Protocol::HttpProtobuf | Protocol::HttpJson => BodyKind::Otlp(signal),
            Protocol::RemoteWrite1 => BodyKind::RemoteWrite(Version::V1),
            Protocol::RemoteWrite2 => BodyKind::RemoteWrite(Version::V2),
        }
    }
}

/// Everything counted, at one moment.
#[derive(Clone, Debug)]
pub struct IngestStats {
    /// When counting began.
    pub since: Nanos,
    pub connections: ConnectionStats,
    /// Requests being received or stored, and their bytes against the limit.
    pub requests_in_progress: usize,
    pub bytes_in_progress: usize,
    pub max_bytes_in_progress: usize,
    /// In the order of [`Signal::ALL`].
    pub signals: [SignalStats; 3],
    /// Who sent in the last hour, most recent first.
    pub senders: Vec<SenderStats>,
    /// Senders that gave way to others within their hour.
    pub displaced_senders: u64,
    /// What was not taken in the last hour and why, newest first.
    pub reasons: Vec<ReasonStats>,
    /// Reasons that gave way to others within their hour.
    pub displaced_reasons: u64,
    /// The services with the most span names and the most keys of log attributes.
    pub span_names: Vec<NameStats>,
    pub log_keys: Vec<NameStats>,
    /// The services whose SDK has reached a limit of series of its own, the last first.
    pub overflows: Vec<OverflowStats>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConnectionStats {
    pub open: usize,
    pub most: usize,
    /// Closed at once because too many were open.
    pub refused: u64,
    /// Closed to make room for another, because too many were open.
    pub displaced: u64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct SignalStats {
    pub signal: Signal,
    /// Requests answered with success.
    pub requests: u64,
    /// Among them, retries of what was stored already.
    pub duplicates: u64,
    pub accepted: u64,
    /// Items left out of successful requests.
    pub rejected: u64,
    /// Bytes of successful requests, decompressed.
    pub bytes: u64,
    /// Requests refused as a whole.
    pub refused: u64,
    pub last_received: Option<Nanos>,
    /// When a request was refused last.
    pub last_refused: Option<Nanos>,
    /// Data points left out because the server had as many series as it takes.
    pub rejected_by_series_limit: u64,
    pub last_hour: LastHour,
}

/// One service as one client sends for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SenderStats {
    /// `service.name`.
    pub service: String,
    /// The `user-agent` header: exporter, language and version.
    pub user_agent: String,
    /// `telemetry.sdk.*` of the resource: language, name and version, those that were sent.
    pub sdk: String,
    pub protocol: Protocol,
    /// In the order of [`Signal::ALL`].
    pub accepted: [u64; 3],
    pub rejected: [u64; 3],
    pub bytes: [u64; 3],
    pub first_seen: Nanos,
    pub last_seen: Nanos,
}

const MAX_NAME: usize = 200;

fn cut(text: &str) -> String {
    text[..text.floor_char_boundary(MAX_NAME)].to_owned()
}

#[cfg(test)]
mod tests;
