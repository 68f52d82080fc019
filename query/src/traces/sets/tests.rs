//! Queries about several spans, in both languages, on a known set of traces.

use model::TimeRange;

use crate::testing::TestStore;
use crate::traces::{Language, TraceHits, TraceOrder, TraceSearch, search};
use crate::{Budget, QueryError};

mod errors;
pub(in crate::traces) mod fixture;
mod naive;
mod search_language;
mod searches;
mod traceql;

fn find(store: &TestStore, wanted: &TraceSearch) -> Result<TraceHits, QueryError> {
    search(&store.snapshot(), &Budget::unlimited(), wanted)
}

fn wanted(language: Language, query: &str) -> TraceSearch {
    TraceSearch {
        query: query.to_owned(),
        language,
        limit: 100,
        spans_per_set: 100,
        ..TraceSearch::new(TimeRange::ALL)
    }
}

/// The numbers of the traces that `query` finds, which are the same in each order.
fn traces(store: &TestStore, language: Language, query: &str) -> Vec<u8> {
    let of_order = |order| {
        let hits = find(store, &TraceSearch { order, ..wanted(language, query) });
        let hits = hits.unwrap_or_else(|error| panic!("{query}: {error}"));
        assert!(!hits.truncated, "{query}");
        assert_eq!(hits.n_traces, hits.traces.len(), "{query}");
        let mut traces: Vec<u8> = hits.traces.iter().map(|trace| trace.trace_id.0[15]).collect();
        traces.sort_unstable();
        traces
    };
    let newest = of_order(TraceOrder::Newest);
    assert_eq!(newest, of_order(TraceOrder::Slowest), "{query}");
    newest
}

/// The spans that `query` selects, each set with its labels.
fn sets(store: &TestStore, language: Language, query: &str) -> String {
    let hits = find(store, &wanted(language, query)).unwrap_or_else(|error| panic!("{query}: {error}"));
    let mut sets: Vec<String> = Vec::new();
    for trace in &hits.traces {
        for set in &trace.sets {
            let mut spans: Vec<u64> = set.spans.iter().map(|it| u64::from_be_bytes(it.span.span_id.0)).collect();
            spans.sort_unstable();
            assert_eq!(set.n_spans, spans.len());
            let labels = set.labels.iter().map(|(name, value)| format!("{name}={value:?} "));
            let spans = spans.iter().map(u64::to_string).collect::<Vec<_>>().join(" ");
            sets.push(format!("{}{spans}", labels.collect::<String>()));
        }
    }
    sets.sort_unstable();
    sets.join("; ")
}
