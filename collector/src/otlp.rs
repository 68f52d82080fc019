//! OTLP requests in protobuf, decoded straight into the store's columns.
//!
//! A hand-written walk over the wire format: no message structs, nothing allocated per attribute. One body gives the
//! same rows each time, because the write-ahead log replays bodies, not rows: but for what is too old and for series that there
//! is no room for, and these the log keeps.
//! Source of field numbers and meanings: opentelemetry-proto 1.11, `{trace,metrics,logs,common,resource}/v1/*.proto`.

use model::Nanos;
use model::time::{DAY, MINUTE, SECOND};
use store::Rows;

use crate::remote_write::Written;
use crate::signal::Signal;

mod anyvalue;
mod groups;
pub(crate) mod ids;
pub(crate) mod limited;
mod logs;
pub(crate) mod malformed;
mod metrics;
mod report;
mod sent;
mod traces;
pub(crate) mod wire;

pub use malformed::Malformed;
pub(crate) use metrics::SERIES_LIMIT;
pub use report::{Finding, Report};
pub(crate) use sent::Counted;
pub use sent::{Example, MAX_SERVICES, Sent};

/// What a decoder needs to know beside the body.
#[derive(Clone, Copy, Debug)]
pub struct Context {
    /// The time of a log record that has none. Items more than [`MAX_AHEAD`] after it are rejected one by one, on replay too.
    pub received_at: Nanos,
    /// Items older than this are rejected one by one. The log keeps it beside the body, since by the time of a replay the limit
    /// has moved.
    pub oldest_accepted: Nanos,
}

/// How far the clock of a sender may be ahead of ours. More than any time zone is off, so that a sender that takes local time
/// for UTC is heard, and little enough that a wrong clock's rows do not outlive the retention by much.
pub const MAX_AHEAD: Nanos = DAY;

/// How the reasons of items end that [`Context::oldest_accepted`] rejects.
pub(crate) const TOO_OLD: &str = "older than the retention of this server";

/// A time before this is one in another unit: of ours in milliseconds or seconds that are read as nanoseconds.
const YEAR_2000: Nanos = 946_684_800 * SECOND;

/// `age` in its largest whole unit: `30 days`, `36 hours`.
pub(crate) fn age_words(age: Nanos) -> String {
    // A clock that is doubted makes it a little more than the setting.
    let minutes = (age / MINUTE).max(1);
    let (n, unit) = match minutes {
        _ if minutes % (24 * 60) == 0 => (minutes / (24 * 60), "day"),
        _ if minutes % 60 == 0 => (minutes / 60, "hour"),
        _ => (minutes, "minute"),
    };
    format!("{n} {unit}{}", if n == 1 { "" } else { "s" })
}

impl Context {
    /// Why `time` is rejected, if it is too old: in words for one that is in the wrong unit, or `old`.
    pub(crate) fn check_age(
        self,
        time: Nanos,
        wrong_unit: &'static str,
        old: &'static str,
    ) -> Result<(), &'static str> {
        if time >= self.oldest_accepted {
            return Ok(());
        }
        Err(if time < YEAR_2000 { wrong_unit } else { old })
    }

    pub(crate) fn newest_accepted(&self) -> Nanos {
        self.received_at.saturating_add(MAX_AHEAD)
    }
}

/// What a body holds.
#[derive(Default)]
pub struct Decoded {
    pub rows: Rows,
    /// Spans, data points or log records in the body, accepted or not.
    pub n_items: u64,
    /// Why items were rejected, and what else the sender should know.
    pub report: Report,
    /// Whether an accepted item carries a time of its own. Two bodies without one can be equal without the second being a
    /// retry of the first.
    pub has_time: bool,
    /// What each service sent, in the order met, the first [`MAX_SERVICES`] of a body.
    pub services: Vec<Sent>,
    /// Of the resource that is being decoded.
    pub(crate) gathered: sent::Gathered,
    /// Bytes of rows that stand in the body as references, which its size says nothing of.
    pub(crate) n_text_bytes: usize,
    /// Of remote write, what its reply counts.
    pub written: Written,
}

impl Decoded {
    pub fn rejected(&self) -> u64 {
        self.report.rejected()
    }

    pub fn accepted(&self) -> u64 {
        self.n_items - self.rejected()
    }

    /// Counts what came for a series of the metric `name`, of a service of which no more is known.
    pub(crate) fn count_series(&mut self, service: &str, name: &str, counts: Counted) {
        if counts.accepted + counts.rejected > 0
            && let Some(sent) = sent::of_service(&mut self.services, service)
        {
            sent.count(counts);
            if counts.accepted > 0 && sent.example.is_none() {
                sent.example = Some(sent::metric_example(name));
            }
        }
    }
}

/// Decodes an `Export{Trace,Metrics,Logs}ServiceRequest`. An item that breaks a rule of the data model is left out and
/// reported; a body that is not a message of this type fails as a whole.
pub fn decode(signal: Signal, body: &[u8], context: Context) -> Result<Decoded, Malformed> {
    decode_into(Rows::default(), signal, body, context)
}

/// As [`decode`], into `rows`, which may have limits of their own.
pub fn decode_into(rows: Rows, signal: Signal, body: &[u8], context: Context) -> Result<Decoded, Malformed> {
    let mut decoded = Decoded { rows, ..Decoded::default() };
    match signal {
        Signal::Traces => traces::decode(body, context, &mut decoded),
        Signal::Metrics => metrics::decode(body, context, &mut decoded),
        Signal::Logs => logs::decode(body, context, &mut decoded),
    }?;
    Ok(decoded)
}

#[cfg(test)]
mod tests;
