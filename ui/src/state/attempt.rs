//! The attempts to send that the ladder of the Connect page shows.

use model::{Nanos, TraceId};

/// The last attempt of a client.
#[derive(Clone, Debug, Default)]
pub struct Attempt {
    pub at: Nanos,
    /// Address and port; empty when it is not known.
    pub peer: String,
    pub user_agent: String,
    pub protocol: Option<&'static str>,
    pub signal: Option<&'static str>,
    /// As in `POST /v1/traces over HTTP/1.1`; empty when there was no request.
    pub request: String,
    pub outcome: AttemptOutcome,
}

#[derive(Clone, Debug, Default)]
pub enum AttemptOutcome {
    /// Connected, and nothing came yet.
    #[default]
    Silent,
    Stopped {
        step: AttemptStep,
        message: String,
        fix: String,
        /// As in `HTTP 404` or `gRPC UNAVAILABLE`; empty where it was no request.
        status: String,
    },
    Stored(StoredAttempt),
}

/// Where an attempt stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AttemptStep {
    Connection,
    Request,
    Accepting,
    Storing,
}

#[derive(Clone, Debug, Default)]
pub struct StoredAttempt {
    pub service: String,
    pub sdk: String,
    pub has_version: bool,
    pub accepted: u64,
    pub rejected: u64,
    /// What the client was told; empty when there was nothing to say.
    pub message: String,
    pub duplicate: bool,
    pub example: Option<StoredExample>,
}

/// One of the items, by what it is found by.
#[derive(Clone, Debug)]
pub enum StoredExample {
    Span(TraceId),
    Log { time: Nanos, trace_id: Option<TraceId> },
    Metric(String),
}
