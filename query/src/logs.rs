//! Log records: search, the histogram over a range, the records of a trace, and those around a record.

mod context;
mod histogram;
mod order;
mod row;
mod search;
#[cfg(test)]
mod tests;

pub use context::{LogContext, around, of_trace};
pub(crate) use histogram::effective_number;
pub use histogram::{LogBucket, LogHistogram, SeverityClass, histogram};
pub use row::LogRow;
pub use search::search;
pub use store::Order;

use model::{TimeRange, TraceId};

/// Which log records to find: those that satisfy every part.
#[derive(Clone, Debug)]
pub struct LogSearch {
    /// A text in the search language ([`crate::lang`]); empty for all.
    pub query: String,
    pub range: TimeRange,
    pub limit: usize,
    pub order: Order,
    pub trace_id: Option<TraceId>,
    pub service: Option<String>,
    /// Only records whose severity number is at least this (1 to 24), which leaves out those without a severity.
    pub min_severity: Option<u8>,
}

impl LogSearch {
    /// The 100 newest records of `range`.
    pub fn new(range: TimeRange) -> Self {
        LogSearch {
            query: String::new(),
            range,
            limit: 100,
            order: Order::NewestFirst,
            trace_id: None,
            service: None,
            min_severity: None,
        }
    }
}

/// What a search found.
#[derive(Clone, Debug, Default)]
pub struct LogHits {
    /// In the order asked for. Records of the same time come in an order of their own content, which is the same each
    /// time the search is run.
    pub records: Vec<LogRow>,
    /// Records looked at, after the text index and what the scan compares by itself.
    pub n_scanned: u64,
    /// Whether the range was not searched to its end, so that more records may match. How many: [`histogram`].
    pub truncated: bool,
    /// What is missing, and why.
    pub warnings: Vec<String>,
    /// What the writer of the query may have meant otherwise.
    pub notes: Vec<String>,
}
