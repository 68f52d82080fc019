//! Which receiver is tested, and what is known of it.

use std::path::PathBuf;

use crate::protocol::{Protocol, Signal};

/// The addresses of a receiver, each as `host:port`, without TLS.
#[derive(Clone, Debug, Default)]
pub struct Target {
    pub grpc: Option<String>,
    pub http: Option<String>,
    /// What comes before `/v1/traces` in paths of OTLP/HTTP; empty, or with a slash in front and none at the end.
    pub http_prefix: String,
    /// Sent with each request, as an API key; names in lower case.
    pub headers: Vec<(String, String)>,
}

impl Target {
    pub(crate) fn address(&self, protocol: Protocol) -> Option<&str> {
        match protocol {
            Protocol::Grpc => self.grpc.as_deref(),
            Protocol::HttpProtobuf | Protocol::HttpJson => self.http.as_deref(),
        }
    }
}

/// The official examples: a file and the signal that it is of.
pub(crate) const EXAMPLES: [(&str, Signal); 4] = [
    ("trace.json", Signal::Traces),
    ("metrics.json", Signal::Metrics),
    ("logs.json", Signal::Logs),
    ("events.json", Signal::Logs),
];

/// What is run, and with which figures.
#[derive(Clone, Debug)]
pub struct Options {
    /// Rows, rules or checks: `T8`, `T8.over-limit` or `T8.over-limit/grpc`. All when empty.
    pub only: Vec<String>,
    /// The signals that the receiver takes; at least one. Rules about others do not apply.
    pub signals: Vec<Signal>,
    /// The size in bytes, after decompression, up to which the receiver says it takes requests.
    pub max_body: usize,
    /// A folder with the official examples of opentelemetry-proto, by their names there.
    pub examples: Option<PathBuf>,
    /// The time in nanoseconds since the epoch that telemetry is made up around.
    pub now: u64,
}

impl Options {
    /// All rules, with the limit that the specification recommends.
    pub fn at(now: u64) -> Self {
        Options { only: Vec::new(), signals: Signal::ALL.to_vec(), max_body: 64 << 20, examples: None, now }
    }
}
