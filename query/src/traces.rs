//! Traces: one by its id, and the search for those with spans that match.

mod assemble;
mod each;
mod groups;
mod heatmap;
mod links;
mod matching;
mod metrics;
mod peers;
mod search;
mod select;
mod sets;
mod sides;
mod signals;
mod spans;
mod summary;
#[cfg(test)]
mod tests;
mod trace;
mod tree;
mod typical;

pub(crate) use each::{Found, each_span};
pub use groups::{TraceGroup, TraceGroups, groups, of_group};
pub use heatmap::{Cell, Heatmap, heatmap};
pub use links::{LinkedSpan, LinkingSpan, LinksTo, SpanLink, links_of, links_to};
pub use matching::matching;
pub use metrics::{MetricsQuery, SpanExemplar, SpanMetrics, SpanSeries, metrics};
pub use peers::{PeerValue, Peers, peers};
pub(crate) use search::plan;
pub use search::search;
pub use sides::{Cause, Side, Wanted, sides};
pub use signals::{Signals, TraceExemplar, signals};
pub use spans::{SpanHit, SpanHits, spans};
pub use summary::{FoundSet, FoundSpan, MatchedSpan, TraceSummary};
pub use trace::{Parts, ServiceSpans, Trace, TraceNote, TraceSpan, trace, trace_in};
pub use typical::{alike, typical};

use model::{Nanos, SpanKind, StatusCode, TimeRange};

/// Which traces to find: those with at least one span that satisfies every part. Where the query is about several spans, one
/// span satisfies the other parts.
#[derive(Clone, Debug)]
pub struct TraceSearch {
    /// Empty for all.
    pub query: String,
    pub language: Language,
    pub service: Option<String>,
    /// The span's name.
    pub operation: Option<String>,
    pub kind: Option<SpanKind>,
    pub status: Option<StatusCode>,
    /// Bounds of the span's duration, both included.
    pub min_duration: Option<Nanos>,
    pub max_duration: Option<Nanos>,
    /// Attributes of the span, its resource or its scope, compared by their string form.
    pub attributes: Vec<(String, String)>,
    /// In which the matching span starts; of a query about several spans, one that satisfies each condition that some span
    /// must. The traces come whole, also their parts outside.
    pub range: TimeRange,
    pub limit: usize,
    pub order: TraceOrder,
    /// How many spans of each set come with a trace.
    pub spans_per_set: usize,
}

/// What a query is written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// The search language ([`crate::lang`]).
    #[default]
    Search,
    TraceQl,
}

impl TraceSearch {
    /// The 20 newest traces of `range`.
    pub fn new(range: TimeRange) -> Self {
        TraceSearch {
            query: String::new(),
            language: Language::Search,
            service: None,
            operation: None,
            kind: None,
            status: None,
            min_duration: None,
            max_duration: None,
            attributes: Vec::new(),
            range,
            limit: 20,
            order: TraceOrder::Newest,
            spans_per_set: 3,
        }
    }
}

/// By what the traces of a search are chosen and sorted. Every order but `Newest` looks at all matching traces of the
/// range; `Newest` stops early, and takes the traces whose newest matching span is newest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TraceOrder {
    /// By start of the trace, newest first.
    #[default]
    Newest,
    /// By duration of the whole trace, longest first.
    Slowest,
    MostSpans,
    MostErrors,
}

impl TraceOrder {
    /// `newest`, `slowest`, `spans` or `errors`, as in URLs.
    pub fn name(self) -> &'static str {
        match self {
            TraceOrder::Newest => "newest",
            TraceOrder::Slowest => "slowest",
            TraceOrder::MostSpans => "spans",
            TraceOrder::MostErrors => "errors",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        [TraceOrder::Newest, TraceOrder::Slowest, TraceOrder::MostSpans, TraceOrder::MostErrors]
            .into_iter()
            .find(|order| order.name() == name)
    }
}

/// What a search found.
#[derive(Clone, Debug, Default)]
pub struct TraceHits {
    pub traces: Vec<TraceSummary>,
    /// Matching traces seen; all of them unless `truncated`.
    pub n_traces: usize,
    /// Spans looked at to find them, after what the scan compares by itself.
    pub n_scanned: u64,
    /// Whether the range was not searched to its end, so that more traces may match than `n_traces`.
    pub truncated: bool,
    /// What is missing, and why.
    pub warnings: Vec<String>,
    /// What the writer of the query may have meant otherwise.
    pub notes: Vec<String>,
}
