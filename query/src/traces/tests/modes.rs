//! The same search as spans and as groups of traces.

use model::{SpanKind, TimeRange};

use crate::Budget;
use crate::testing::{TestSpan, TestStore, trace_id};
use crate::traces::{Language, SpanHits, TraceGroups, TraceOrder, TraceSearch, groups, of_group, spans};

fn find(store: &TestStore, wanted: &TraceSearch) -> SpanHits {
    spans(&store.snapshot(), &Budget::unlimited(), wanted).unwrap()
}

fn grouped(store: &TestStore, wanted: &TraceSearch) -> TraceGroups {
    groups(&store.snapshot(), &Budget::unlimited(), wanted).unwrap()
}

/// Traces of two structures: even ones call the shop `n % 4` times, odd ones are alone. Every fifth fails.
fn store() -> TestStore {
    let mut spans = Vec::new();
    for n in 1..=60u32 {
        let start = i64::from(n) * 100;
        let mut root = TestSpan::new(n.into(), 1, start).of("gateway", "GET /", SpanKind::Server).lasting(n.into());
        if n % 5 == 0 {
            root = root.failed("no");
        }
        spans.push(root);
        if n % 2 == 0 {
            for call in 0..=u64::from(n % 4) {
                spans.push(
                    TestSpan::new(n.into(), 2 + call, start + 1)
                        .below(1)
                        .of("shop", "get", SpanKind::Client)
                        .lasting(1),
                );
            }
        }
    }
    TestStore::in_thirds(&spans, TestStore::add_spans)
}

#[test]
fn spans_are_found_in_every_order_over_the_whole_range() {
    let store = store();
    let search = TraceSearch { service: Some("gateway".to_owned()), limit: 3, ..TraceSearch::new(TimeRange::ALL) };
    let traces = |hits: &SpanHits| hits.spans.iter().map(|it| u128::from_be_bytes(it.trace_id.0)).collect::<Vec<_>>();
    let found = find(&store, &search);
    assert_eq!(traces(&found), [60, 59, 58]);
    let found = find(&store, &TraceSearch { order: TraceOrder::Slowest, ..search.clone() });
    assert_eq!((traces(&found), found.n_spans, found.truncated), (vec![60, 59, 58], 60, false));
    let found = find(&store, &TraceSearch { order: TraceOrder::MostErrors, max_duration: Some(58), ..search.clone() });
    assert_eq!((traces(&found), found.n_spans), (vec![55, 50, 45], 58));
    let first = &found.spans[0];
    assert_eq!((first.span.service.as_str(), first.status_message.as_str(), first.is_root), ("gateway", "no", true));
    // Those that a query about several spans selects, in both languages.
    let calls = TraceSearch {
        query: "{service=shop} CHILD OF {status=error}".to_owned(),
        limit: 50,
        ..TraceSearch::new(TimeRange::ALL)
    };
    let found = find(&store, &calls);
    let expected: u64 = [10, 20, 30, 40, 50, 60].iter().map(|n| 1 + n % 4).sum();
    assert_eq!((found.n_spans, found.spans.len() as u64), (expected, expected));
    assert!(found.spans.iter().all(|it| it.span.service == "shop" && !it.is_root));
    let traceql = TraceSearch {
        query: "{status=error} > {resource.service.name=\"shop\"}".to_owned(),
        language: Language::TraceQl,
        ..calls
    };
    assert_eq!(find(&store, &traceql).n_spans, expected);
    assert_eq!(find(&store, &TraceSearch { limit: 0, ..TraceSearch::new(TimeRange::ALL) }).spans, []);
}

#[test]
fn traces_of_one_structure_are_one_group_however_often_a_call_is_repeated() {
    let store = store();
    let search = TraceSearch::new(TimeRange::ALL);
    let found = grouped(&store, &search);
    assert_eq!((found.n_groups, found.n_grouped, found.n_traces, found.truncated), (2, 60, 60, false));
    let with_calls = found.groups.iter().find(|it| it.services == ["gateway", "shop"]).unwrap();
    assert_eq!((with_calls.root_service.as_str(), with_calls.root_name.as_str()), ("gateway", "GET /"));
    assert_eq!((with_calls.n_traces, with_calls.n_failed), (30, 6));
    assert_eq!((with_calls.fewest_spans, with_calls.most_spans), (2, 4));
    // Durations 2, 4, … 60.
    assert_eq!((with_calls.p50, with_calls.p95, with_calls.newest), (30, 58, 6_000));
    assert_eq!((with_calls.median, with_calls.slowest), (trace_id(30), trace_id(60)));
    // The number is the same in every process: it is in addresses.
    let alone = found.groups.iter().find(|it| it.services == ["gateway"]).unwrap();
    assert_ne!(alone.structure, with_calls.structure);
    let of =
        of_group(&store.snapshot(), &Budget::unlimited(), &TraceSearch { limit: 2, ..search.clone() }, alone.structure);
    let of = of.unwrap();
    assert_eq!((of.n_traces, of.truncated, of.traces.len()), (30, false, 2));
    assert_eq!(of.traces[0].trace_id, trace_id(59));
    let by_p95 = grouped(&store, &TraceSearch { order: TraceOrder::Slowest, limit: 1, ..search.clone() });
    assert_eq!((by_p95.groups.len(), by_p95.groups[0].p95, by_p95.n_groups), (1, 58, 2));
    // A filter leaves whole traces.
    let failed = grouped(&store, &TraceSearch { query: "status=error".to_owned(), ..search });
    assert_eq!((failed.n_grouped, failed.groups.iter().map(|it| it.n_failed).sum::<usize>()), (12, 12));
}
