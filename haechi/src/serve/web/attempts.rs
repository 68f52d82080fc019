//! The attempts to send, as the ladder of the Connect page takes them.

use collector::otlp::Example;
use collector::stats::{Attempt, Outcome, Protocol, Step, StoredAttempt};
use collector::{Collector, Signal};
use ui::{AttemptOutcome, AttemptStep, StoredExample};

pub(super) fn attempts(collector: &Collector) -> Vec<ui::Attempt> {
    collector.attempts().into_iter().map(attempt).collect()
}

fn attempt(it: Attempt) -> ui::Attempt {
    ui::Attempt {
        at: it.at,
        peer: it.peer.map(|peer| peer.to_string()).unwrap_or_default(),
        user_agent: it.user_agent,
        protocol: it.protocol.map(Protocol::name),
        signal: it.signal.map(Signal::name),
        request: it.request,
        outcome: match it.outcome {
            Outcome::Silent => AttemptOutcome::Silent,
            Outcome::Stopped { step, message, fix, status, .. } => {
                let step = match step {
                    Step::Connection => AttemptStep::Connection,
                    Step::Request => AttemptStep::Request,
                    Step::Accepting => AttemptStep::Accepting,
                    Step::Storing => AttemptStep::Storing,
                };
                let status = status.map(|status| status.to_string()).unwrap_or_default();
                AttemptOutcome::Stopped { step, message, fix, status }
            }
            Outcome::Stored(stored) => AttemptOutcome::Stored(stored_attempt(stored)),
        },
    }
}

fn stored_attempt(it: StoredAttempt) -> ui::StoredAttempt {
    ui::StoredAttempt {
        service: it.service,
        sdk: it.sdk,
        has_version: it.has_version,
        accepted: it.accepted,
        rejected: it.rejected,
        message: it.message,
        duplicate: it.duplicate,
        example: it.example.map(|example| match example {
            Example::Span(trace_id) => StoredExample::Span(trace_id),
            Example::Log { time, trace_id } => StoredExample::Log { time, trace_id },
            Example::Metric(name) => StoredExample::Metric(name),
        }),
    }
}
