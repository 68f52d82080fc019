//! The three signals of OTLP, what the protocol calls their parts, and the bodies that carry them.

use store::Table;

use crate::remote_write::Version;

/// A signal that the receiver takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Signal {
    Traces = 1,
    Metrics = 2,
    Logs = 3,
}

impl Signal {
    pub const ALL: [Signal; 3] = [Signal::Traces, Signal::Metrics, Signal::Logs];

    /// The byte that marks an OTLP body of this signal in the write-ahead log: see [`BodyKind`].
    pub fn kind(self) -> u8 {
        self as u8
    }

    pub fn from_kind(kind: u8) -> Option<Self> {
        Signal::ALL.into_iter().find(|signal| signal.kind() == kind)
    }

    /// The table of its items.
    pub(crate) fn table(self) -> Table {
        match self {
            Signal::Traces => Table::Spans,
            Signal::Metrics => Table::Points,
            Signal::Logs => Table::Logs,
        }
    }

    /// `traces`, `metrics` or `logs`.
    pub fn name(self) -> &'static str {
        match self {
            Signal::Traces => "traces",
            Signal::Metrics => "metrics",
            Signal::Logs => "logs",
        }
    }

    /// Where OTLP/HTTP posts this signal.
    pub fn http_path(self) -> &'static str {
        match self {
            Signal::Traces => "/v1/traces",
            Signal::Metrics => "/v1/metrics",
            Signal::Logs => "/v1/logs",
        }
    }

    /// Where OTLP/gRPC calls `Export` of this signal.
    pub fn grpc_path(self) -> &'static str {
        match self {
            Signal::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
            Signal::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
            Signal::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
        }
    }

    /// What one item of `n` is called: a span, a data point or a log record.
    pub fn item(self, n: u64) -> &'static str {
        match (self, n) {
            (Signal::Traces, 1) => "span",
            (Signal::Traces, _) => "spans",
            (Signal::Metrics, 1) => "data point",
            (Signal::Metrics, _) => "data points",
            (Signal::Logs, 1) => "log record",
            (Signal::Logs, _) => "log records",
        }
    }

    /// The name in JSON of the count in `Export…PartialSuccess`.
    pub(crate) fn rejected_key(self) -> &'static str {
        match self {
            Signal::Traces => "rejectedSpans",
            Signal::Metrics => "rejectedDataPoints",
            Signal::Logs => "rejectedLogRecords",
        }
    }
}

/// What a body in the write-ahead log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BodyKind {
    /// `Export{Trace,Metrics,Logs}ServiceRequest`
    Otlp(Signal),
    RemoteWrite(Version),
}

impl BodyKind {
    pub const ALL: [BodyKind; 5] = [
        BodyKind::Otlp(Signal::Traces),
        BodyKind::Otlp(Signal::Metrics),
        BodyKind::Otlp(Signal::Logs),
        BodyKind::RemoteWrite(Version::V1),
        BodyKind::RemoteWrite(Version::V2),
    ];

    /// The byte that marks such a body in the log. Part of the format on disk: never changed, never used again for another
    /// meaning.
    pub fn number(self) -> u8 {
        match self {
            BodyKind::Otlp(signal) => signal.kind(),
            BodyKind::RemoteWrite(Version::V1) => 4,
            BodyKind::RemoteWrite(Version::V2) => 5,
        }
    }

    pub fn from_number(number: u8) -> Option<Self> {
        BodyKind::ALL.into_iter().find(|kind| kind.number() == number)
    }
}
