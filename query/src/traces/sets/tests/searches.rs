//! Ranges, limits and time of searches that read traces whole.

use model::TimeRange;
use model::time::MILLISECOND;

use crate::Budget;
use crate::traces::{Language, TraceOrder, TraceSearch, search};

use super::{find, fixture, wanted};

fn minutes(from: i64, to: i64) -> TimeRange {
    TimeRange::new(from * 60_000 * MILLISECOND, to * 60_000 * MILLISECOND)
}

#[test]
fn the_newest_come_first_and_no_more_are_read_than_it_takes() {
    let store = fixture::store();
    let hits = find(&store, &TraceSearch { limit: 3, ..wanted(Language::TraceQl, "{ } > { }") }).unwrap();
    let ids: Vec<u8> = hits.traces.iter().map(|trace| trace.trace_id.0[15]).collect();
    assert_eq!(ids, [12, 11, 10]);
    assert!(hits.truncated || hits.n_traces == 8, "{hits:?}");
    let hits = find(&store, &TraceSearch { limit: 8, ..wanted(Language::TraceQl, "{ } > { }") }).unwrap();
    assert_eq!((hits.traces.len(), hits.n_traces, hits.truncated), (8, 8, false));
    let none = find(&store, &TraceSearch { limit: 0, ..wanted(Language::TraceQl, "{ } > { }") }).unwrap();
    assert!(none.traces.is_empty() && none.truncated);
    let slowest = TraceSearch { limit: 2, order: TraceOrder::Slowest, ..wanted(Language::Search, "{} CHILD OF {}") };
    let hits = find(&store, &slowest).unwrap();
    let ids: Vec<u8> = hits.traces.iter().map(|trace| trace.trace_id.0[15]).collect();
    assert_eq!((ids.as_slice(), hits.n_traces, hits.truncated), ([12, 1].as_slice(), 8, false));
}

#[test]
fn each_condition_has_a_span_in_the_range_and_the_trace_is_whole() {
    let store = fixture::store();
    let found = |language, query: &str, range| {
        let hits = find(&store, &TraceSearch { range, ..wanted(language, query) }).unwrap();
        hits.traces.iter().map(|trace| trace.trace_id.0[15]).collect::<Vec<_>>()
    };
    assert_eq!(found(Language::TraceQl, "{ } > { }", minutes(7, 9)), [8, 7]);
    // From the second span of the checkout on: its root is outside, and still counts.
    let later = TimeRange::new((60_000 + 5) * MILLISECOND, 120_000 * MILLISECOND);
    assert_eq!(found(Language::TraceQl, "{ } | count() = 7", later), [1]);
    assert_eq!(found(Language::TraceQl, "{ rootName = \"GET /checkout\" }", later), [1]);
    assert_eq!(found(Language::TraceQl, "{ status = error } !< { kind = client }", later), [1]);
    assert_eq!(found(Language::TraceQl, "{ name = \"GET /checkout\" } >> { status = error }", later), [0; 0]);
    assert_eq!(found(Language::Search, "NOT { kind=server }", later), [0; 0]);
    assert_eq!(found(Language::Search, "NOT { kind=producer }", later), [1]);
}

#[test]
fn conditions_of_a_form_are_of_one_span() {
    let store = fixture::store();
    let mut search = wanted(Language::TraceQl, "{ status = error } | count() > 1");
    search.service = Some("gateway".to_owned());
    let hits = find(&store, &search).unwrap();
    assert_eq!(hits.traces.len(), 1);
    assert_eq!(hits.traces[0].trace_id.0[15], 1);
    assert_eq!(hits.traces[0].n_matched, 6);
    search.query = "{ status=error } CHILD OF { service=gateway }".to_owned();
    search.language = Language::Search;
    search.service = Some("payment".to_owned());
    assert_eq!(find(&store, &search).unwrap().traces.len(), 1);
    search.service = Some("queue".to_owned());
    assert!(find(&store, &search).unwrap().traces.is_empty());
}

#[test]
fn summaries_come_with_sets_and_selected_fields() {
    let store = fixture::store();
    let query = "{ status = error } | by(resource.service.name) | select(span.amount, duration)";
    let hits = find(&store, &TraceSearch { spans_per_set: 1, ..wanted(Language::TraceQl, query) }).unwrap();
    let trace = hits.traces.iter().find(|trace| trace.trace_id.0[15] == 1).unwrap();
    assert_eq!((trace.root_name.as_str(), trace.n_spans, trace.n_matched), ("GET /checkout", 7, 3));
    let [booking, payment] = trace.sets.as_slice() else { panic!("{:?}", trace.sets) };
    assert_eq!((booking.n_spans, booking.spans.len()), (2, 1));
    assert_eq!(booking.spans[0].span.name, "POST /book");
    let values: Vec<String> = payment.spans[0].values.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
    assert_eq!(values, ["span.amount=Float(19.99)", "duration=Duration(400000000)"]);
}

#[test]
fn a_search_whose_time_is_up_says_so() {
    let store = fixture::store();
    for order in [TraceOrder::Newest, TraceOrder::Slowest] {
        let budget = Budget::unlimited();
        budget.end_time();
        let wanted = TraceSearch { order, ..wanted(Language::TraceQl, "{ } > { }") };
        let hits = search(&store.snapshot(), &budget, &wanted).unwrap();
        assert!(hits.truncated && hits.warnings[0].contains("time limit"), "{hits:?}");
        budget.cancel();
        assert!(search(&store.snapshot(), &budget, &wanted).is_err());
    }
}

#[test]
fn the_scan_looks_for_the_rarest_span() {
    let store = fixture::store();
    for query in ["{ status = error } >> { span.rows = 42 }", "{ span.rows = 42 } && { kind = server }"] {
        let hits = find(&store, &wanted(Language::TraceQl, query)).unwrap();
        assert_eq!((hits.traces.len(), hits.n_scanned), (1, 1), "{query}");
    }
}

#[test]
fn what_can_be_read_is_found_beside_what_cannot() {
    let store = fixture::store();
    store.damage_segments();
    for order in [TraceOrder::Newest, TraceOrder::MostErrors] {
        let hits = find(&store, &TraceSearch { order, ..wanted(Language::Search, "{} CHILD OF {}") }).unwrap();
        let ids: Vec<u8> = hits.traces.iter().map(|trace| trace.trace_id.0[15]).collect();
        assert!(ids.contains(&12) && !ids.contains(&1), "{ids:?}");
        assert!(!hits.warnings.is_empty());
    }
}
