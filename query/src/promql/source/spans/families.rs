//! The families of series that are made of spans.

use super::super::spelling::Part;

/// A family of series.
#[derive(Debug)]
pub(super) struct Family {
    pub(super) name: &'static str,
    pub(super) what: What,
    pub(super) help: &'static str,
}

/// What a family counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Spans,
    Latency,
    Calls,
    Failed,
    Served,
    Called,
}

pub(super) const FAMILIES: [Family; 6] = [
    Family {
        name: "traces_spanmetrics_calls_total",
        what: What::Spans,
        help: "Spans, by service, name, kind and status.",
    },
    Family {
        name: "traces_spanmetrics_latency",
        what: What::Latency,
        help: "Durations of spans, by service, name, kind and status.",
    },
    Family {
        name: "traces_service_graph_request_total",
        what: What::Calls,
        help: "Calls between services, and of databases, queues and others.",
    },
    Family {
        name: "traces_service_graph_request_failed_total",
        what: What::Failed,
        help: "Calls of which a side has status error.",
    },
    Family {
        name: "traces_service_graph_request_server_seconds",
        what: What::Served,
        help: "Durations of calls as they are served; of what sends no spans as they are made.",
    },
    Family {
        name: "traces_service_graph_request_client_seconds",
        what: What::Called,
        help: "Durations of calls as they are made.",
    },
];

impl What {
    /// What each of its series shows.
    pub(super) fn parts(self) -> &'static [Part] {
        match self {
            What::Spans | What::Calls | What::Failed => &[Part::Value],
            What::Latency | What::Served | What::Called => &[Part::Value, Part::Buckets, Part::Count, Part::Sum],
        }
    }

    pub(super) fn is_histogram(self) -> bool {
        self.parts().len() > 1
    }

    /// Families of one subject have the same series.
    pub(super) fn subject(self) -> usize {
        match self {
            What::Spans | What::Latency => 0,
            What::Calls | What::Failed | What::Served => 1,
            What::Called => 2,
        }
    }

    /// The bounds of classic buckets, in milliseconds: those that Tempo has by default. Each is a bound of the buckets of
    /// summaries.
    pub(super) fn bounds(self) -> &'static [u64] {
        match self {
            What::Latency => &[2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384],
            _ => &[100, 200, 400, 800, 1600, 3200, 6400, 12800],
        }
    }
}
