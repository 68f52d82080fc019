//! Traces and their search on a real store.

use std::collections::BTreeMap;

use model::{SpanKind, StatusCode, TimeRange, Value};
use proptest::prelude::*;

use crate::testing::{TestLog, TestSpan, TestStore, span_id, trace_id};
use crate::{Budget, QueryError};

use super::{
    Parts, Trace, TraceHits, TraceNote, TraceOrder, TraceSearch, links_of, links_to, matching, search, signals, trace,
};

fn read(store: &TestStore, id: u128) -> Option<Trace> {
    trace(&store.snapshot(), &Budget::unlimited(), trace_id(id)).unwrap()
}

fn find(store: &TestStore, wanted: &TraceSearch) -> TraceHits {
    search(&store.snapshot(), &Budget::unlimited(), wanted).unwrap()
}

fn ids(hits: &TraceHits) -> Vec<u128> {
    hits.traces.iter().map(|it| u128::from_be_bytes(it.trace_id.0)).collect()
}

/// The tree as text: depth in dots, then the span's id.
fn shape(trace: &Trace) -> String {
    let line = |span: &super::TraceSpan| format!("{}{}", ".".repeat(span.depth), u64::from_be_bytes(span.span_id.0));
    trace.spans.iter().map(line).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_trace_is_read_whole_from_memory_and_segments() {
    let store = TestStore::of_spans(&[
        TestSpan::new(7, 3, 30).below(2).of("payment", "charge", SpanKind::Server).failed("declined"),
        TestSpan::new(8, 1, 5),
        TestSpan::new(7, 1, 10).of("gateway", "GET /", SpanKind::Server).lasting(100),
        TestSpan::new(7, 2, 20).below(1).of("gateway", "call payment", SpanKind::Client).attr("k", Value::Int(4)),
        TestSpan::new(7, 4, 15).below(1).of("catalogue", "list", SpanKind::Server),
    ]);
    let trace = read(&store, 7).unwrap();
    assert_eq!(shape(&trace), "1 .4 .2 ..3");
    assert_eq!((trace.start, trace.end, trace.duration(), trace.n_errors), (10, 110, 100, 1));
    assert_eq!(trace.notes, []);
    let services: Vec<_> = trace.services.iter().map(|it| (it.service.as_str(), it.n_spans, it.n_errors)).collect();
    assert_eq!(services, [("gateway", 2, 0), ("catalogue", 1, 0), ("payment", 1, 1)]);
    assert_eq!(trace.root(), 0);
    assert_eq!(trace.children(0).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(trace.span(2).attrs.get("k").and_then(|it| it.as_f64()), Some(4.0));
    assert_eq!(trace.find(span_id(3)), Some(3));
    assert!(read(&store, 9).is_none());
}

#[test]
fn what_is_odd_about_a_trace_is_noted_and_nothing_is_hidden() {
    let store = TestStore::of_spans(&[
        TestSpan::new(1, 1, 100),
        // The same span, sent twice.
        TestSpan::new(1, 2, 110).below(1),
        TestSpan::new(1, 2, 110).below(1),
        // Another root, an orphan, a span before its parent, two spans with one id, a circle.
        TestSpan::new(1, 3, 50),
        TestSpan::new(1, 4, 120).below(99),
        TestSpan::new(1, 5, 93).below(1),
        TestSpan::new(1, 6, 130).below(1),
        TestSpan::new(1, 6, 140).below(1),
        TestSpan::new(1, 7, 150).below(8),
        TestSpan::new(1, 8, 151).below(7),
    ]);
    let trace = read(&store, 1).unwrap();
    assert_eq!(shape(&trace), "3 1 .5 .2 .6 .6 4 7 .8");
    assert_eq!(
        trace.notes,
        [
            TraceNote::MissingParents { n_spans: 1 },
            TraceNote::SeveralRoots { n_roots: 2 },
            TraceNote::Duplicates { n_spans: 1 },
            TraceNote::SharedIds { n_spans: 2 },
            TraceNote::Cycles { n_cycles: 1 },
            TraceNote::ClockSkew { n_spans: 1, largest: 7 },
        ]
    );
    assert_eq!(trace.spans[trace.root()].span_id, span_id(3));
    assert_eq!(trace.roots().count(), 4);
    let orphan = trace.find(span_id(4)).unwrap();
    assert!(trace.spans[orphan].missing_parent && trace.spans[orphan].parent.is_none());
}

#[test]
fn spans_of_a_trace_are_told_apart_and_filtered_in_their_order() {
    let store = TestStore::of_spans(&[
        TestSpan::new(1, 1, 10).of("gateway", "GET /", SpanKind::Server).lasting(100),
        TestSpan::new(1, 6, 30).below(1).of("payment", "later", SpanKind::Client).failed("declined"),
        TestSpan::new(1, 6, 20).below(1).of("payment", "earlier", SpanKind::Client),
    ]);
    let trace = read(&store, 1).unwrap();
    let name = |nth| trace.find_nth(span_id(6), nth).map(|index| trace.span(index).name);
    assert_eq!([0, 1, 2, 3].map(name), [None, Some("earlier"), Some("later"), None]);
    for (query, expected) in [
        ("status=error", [false, false, true]),
        ("kind=client", [false, true, true]),
        ("", [true, true, true]),
        ("{ kind=client } CHILD OF { service=gateway }", [false, true, true]),
        ("{ name=later } SIBLING OF { name=earlier }", [false, false, true]),
        ("{ service=nobody }", [false, false, false]),
        ("root=\"GET /\" status=error", [false, false, true]),
    ] {
        let found = matching(&store.snapshot(), &Budget::unlimited(), &trace, query);
        assert_eq!(found.unwrap(), expected, "{query}");
    }
}

#[test]
fn links_are_found_from_both_ends() {
    let store = TestStore::of_spans(&[
        TestSpan::new(1, 1, 10).of("shop", "publish", SpanKind::Producer),
        TestSpan::new(2, 2, 50).of("mailer", "process", SpanKind::Consumer).link(1, 1).link(3, 9),
        TestSpan::new(2, 3, 60).below(2).link(2, 2),
        // Before the range that is asked for.
        TestSpan::new(4, 4, 5).link(1, 1),
    ]);
    let (snapshot, budget) = (store.snapshot(), Budget::unlimited());
    let into = links_to(&snapshot, &budget, trace_id(1), TimeRange::new(10, 100), 10).unwrap();
    let spans: Vec<_> = into.spans.iter().map(|it| (it.trace_id, it.span_id, it.to, &*it.service)).collect();
    assert_eq!(spans, [(trace_id(2), span_id(2), Some(span_id(1)), "mailer")]);
    assert!(!into.truncated);
    let none = links_to(&snapshot, &budget, trace_id(1), TimeRange::new(10, 100), 0).unwrap();
    assert!(none.spans.is_empty() && none.truncated);

    let out = links_of(&snapshot, &budget, &read(&store, 2).unwrap(), 10, 10).unwrap();
    let ends: Vec<_> = out.iter().map(|it| (it.from, it.to.as_ref().map(|to| (&*to.name, to.start)))).collect();
    assert_eq!(ends, [(0, Some(("publish", 10))), (0, None), (1, Some(("process", 50)))]);
}

#[test]
fn a_trace_without_a_root_is_stood_for_by_its_earliest_orphan() {
    let store = TestStore::of_spans(&[
        TestSpan::new(1, 2, 20).below(1).of("a", "late", SpanKind::Server),
        TestSpan::new(1, 3, 10).below(9).of("b", "early", SpanKind::Server),
    ]);
    let trace = read(&store, 1).unwrap();
    assert_eq!(trace.span(trace.root()).name, "early");
    let hits = find(&store, &TraceSearch::new(TimeRange::ALL));
    assert_eq!((hits.traces[0].root_name.as_str(), hits.traces[0].root_missing), ("early", true));
}

/// Ten traces of two spans; trace n starts at 100 n, its second span is of `payment` and lasts n.
fn ten() -> TestStore {
    let spans: Vec<TestSpan> = (1..=10u128)
        .flat_map(|n| {
            let start = 100 * n as i64;
            let root = TestSpan::new(n, 1, start).of("gateway", "GET /", SpanKind::Server).lasting(50);
            let child = TestSpan::new(n, 2, start + 10).below(1).of("payment", "charge", SpanKind::Server);
            let child = child.lasting(n as i64).attr("n", Value::Int(n as i64));
            [root, if n % 3 == 0 { child.failed("declined") } else { child }]
        })
        .collect();
    TestStore::of_spans(&spans)
}

#[test]
fn finds_traces_by_every_part_of_a_search() {
    let store = ten();
    let all = || TraceSearch { limit: 100, ..TraceSearch::new(TimeRange::ALL) };
    let text = |text: &str| Some(text.to_owned());
    let table: [(&str, TraceSearch, &[u128]); 11] = [
        ("all", all(), &[10, 9, 8, 7, 6, 5, 4, 3, 2, 1]),
        ("limit", TraceSearch { limit: 2, ..all() }, &[10, 9]),
        ("none", TraceSearch { limit: 0, ..all() }, &[]),
        ("query", TraceSearch { query: "n>8 OR n=2".to_owned(), ..all() }, &[10, 9, 2]),
        ("status", TraceSearch { status: Some(StatusCode::Error), ..all() }, &[9, 6, 3]),
        ("service", TraceSearch { service: text("nobody"), ..all() }, &[]),
        ("operation", TraceSearch { operation: text("charge"), service: text("payment"), limit: 1, ..all() }, &[10]),
        ("one span has both", TraceSearch { operation: text("charge"), service: text("gateway"), ..all() }, &[]),
        ("duration", TraceSearch { min_duration: Some(4), max_duration: Some(6), ..all() }, &[6, 5, 4]),
        ("attribute", TraceSearch { attributes: vec![("n".to_owned(), "7".to_owned())], ..all() }, &[7]),
        ("range", TraceSearch { range: TimeRange::new(310, 501), ..all() }, &[5, 4, 3]),
    ];
    for (name, wanted, expected) in table {
        assert_eq!(ids(&find(&store, &wanted)), expected, "{name}");
    }
}

#[test]
fn summaries_are_of_the_whole_trace_whatever_matched() {
    let store = ten();
    let wanted =
        TraceSearch { query: "n=9".to_owned(), range: TimeRange::new(905, 1_000), ..TraceSearch::new(TimeRange::ALL) };
    let hits = find(&store, &wanted);
    let [found] = hits.traces.as_slice() else { panic!("{hits:?}") };
    assert_eq!(
        (found.root_service.as_str(), found.root_name.as_str(), found.root_missing),
        ("gateway", "GET /", false)
    );
    assert_eq!((found.start, found.duration, found.n_spans, found.n_errors), (900, 50, 2, 1));
    assert_eq!((found.n_matched, found.matched[0].span_id), (1, span_id(2)));
    assert_eq!(found.first_error.as_ref().map(|it| it.name.as_str()), Some("charge"));
    assert_eq!(found.services.len(), 2);
}

#[test]
fn says_whether_there_may_be_more() {
    let store = ten();
    let hits = find(&store, &TraceSearch { limit: 2, ..TraceSearch::new(TimeRange::ALL) });
    assert!(hits.truncated && hits.n_traces >= 2 && hits.n_scanned < 20, "{hits:?}");
    let hits = find(&store, &TraceSearch { limit: 10, ..TraceSearch::new(TimeRange::ALL) });
    assert!(!hits.truncated && hits.n_traces == 10 && hits.n_scanned == 20, "{hits:?}");
}

#[test]
fn other_orders_look_at_all_traces() {
    let mut spans: Vec<TestSpan> = (1..=20u128).map(|n| TestSpan::new(n, 1, n as i64).lasting(40)).collect();
    spans.push(TestSpan::new(2, 2, 2).below(1).lasting(900));
    spans.extend((2..9).map(|id| TestSpan::new(4, id, 4).below(1)));
    spans.extend((2..4).map(|id| TestSpan::new(6, id, 6).below(1).failed("x")));
    let store = TestStore::of_spans(&spans);
    for (order, expected) in
        [(TraceOrder::Slowest, 2), (TraceOrder::MostSpans, 4), (TraceOrder::MostErrors, 6), (TraceOrder::Newest, 20)]
    {
        let hits = find(&store, &TraceSearch { order, limit: 1, ..TraceSearch::new(TimeRange::ALL) });
        assert_eq!(ids(&hits), [expected], "{order:?}");
        assert_eq!(TraceOrder::parse(order.name()), Some(order));
        if order != TraceOrder::Newest {
            assert_eq!((hits.n_traces, hits.truncated), (20, false));
        }
    }
}

#[test]
fn a_search_whose_time_is_up_answers_with_what_it_has() {
    let store = ten();
    let budget = Budget::unlimited();
    budget.end_time();
    for order in [TraceOrder::Newest, TraceOrder::Slowest] {
        let wanted = TraceSearch { order, ..TraceSearch::new(TimeRange::ALL) };
        let hits = search(&store.snapshot(), &budget, &wanted).unwrap();
        assert!(hits.truncated && hits.warnings[0].contains("time limit"), "{hits:?}");
    }
    budget.cancel();
    let error = search(&store.snapshot(), &budget, &TraceSearch::new(TimeRange::ALL)).unwrap_err();
    assert_eq!(error, QueryError::Cancelled);
}

#[test]
fn what_can_be_read_is_found_beside_what_cannot() {
    let store = ten();
    store.damage_segments();
    for order in [TraceOrder::Newest, TraceOrder::Slowest] {
        let hits = find(&store, &TraceSearch { order, ..TraceSearch::new(TimeRange::ALL) });
        assert_eq!((hits.traces.len(), hits.n_traces), (5, 5));
        assert!(!hits.warnings.is_empty());
    }
    let budget = Budget::unlimited();
    // Of a trace that may be in the damaged part it is not known that it is not there.
    let lost = trace(&store.snapshot(), &budget, trace_id(1));
    assert!(matches!(lost, Err(QueryError::Read(_))), "{:?}", lost.err());
    assert!(trace(&store.snapshot(), &budget, trace_id(99)).unwrap().is_none());
}

/// A span of a small world, where traces, services and values meet often.
fn any_span() -> impl Strategy<Value = TestSpan> {
    let services = prop::sample::select(vec!["gateway", "booking", "payment"]);
    let names = prop::sample::select(vec!["GET /a", "GET /b", "charge card"]);
    (1..12u128, 1..60u64, 0..200i64, services, names, 0..5i64, any::<bool>()).prop_map(
        |(trace, id, start, service, name, code, failed)| {
            let span = TestSpan::new(trace, id, start).of(service, name, SpanKind::Server).lasting(code * 10);
            let span = span.attr("code", Value::Int(code));
            if failed { span.failed("it failed") } else { span }
        },
    )
}

/// A condition as a query and as a test of a span.
type Condition = (&'static str, fn(&TestSpan) -> bool);

const CONDITIONS: [Condition; 8] = [
    ("service=booking", |it| it.service == "booking"),
    ("status=error", |it| it.status == StatusCode::Error),
    ("duration>=20ns", |it| it.duration >= 20),
    ("code>2", |it| it.duration > 20),
    ("code=(0 OR 1)", |it| it.duration <= 10),
    ("charge", |it| it.name == "charge card"),
    ("name:\"get a\"", |it| it.name == "GET /a"),
    ("trace_id!=3", |it| it.trace != 3),
];

type Naive = Box<dyn Fn(&TestSpan) -> bool>;

/// Two or three conditions joined in one of four ways.
fn joined((a, b, c, way): (usize, usize, usize, usize)) -> (String, Naive) {
    let (a, b, c) = (CONDITIONS[a], CONDITIONS[b], CONDITIONS[c]);
    match way {
        0 => (format!("{} {}", a.0, b.0), Box::new(move |it| a.1(it) && b.1(it))),
        1 => (format!("{} OR {} {}", a.0, b.0, c.0), Box::new(move |it| a.1(it) || b.1(it) && c.1(it))),
        2 => (format!("NOT ({} OR {})", a.0, b.0), Box::new(move |it| !(a.1(it) || b.1(it)))),
        _ => (format!("{} -({} {})", a.0, b.0, c.0), Box::new(move |it| a.1(it) && !(b.1(it) && c.1(it)))),
    }
}

proptest! {
    // Each case writes a store; each store is asked many questions.
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn a_search_equals_a_naive_filter_over_all_spans(
        spans in prop::collection::vec(any_span(), 1..80),
        questions in prop::collection::vec(
            ((0..8usize, 0..8usize, 0..8usize, 0..4usize), 0..150i64, 1..200i64, 1..8usize),
            30,
        ),
    ) {
        let store = TestStore::of_spans(&spans);
        for (picks, from, length, limit) in questions {
            let (query, test) = joined(picks);
            let range = TimeRange::new(from, from + length);
            let mut newest: BTreeMap<u128, i64> = BTreeMap::new();
            for span in spans.iter().filter(|span| range.contains(span.start) && test(span)) {
                newest.entry(span.trace).and_modify(|it| *it = span.start.max(*it)).or_insert(span.start);
            }
            let mut expected: Vec<(i64, u128)> = newest.into_iter().map(|(id, start)| (-start, id)).collect();
            expected.sort_unstable();
            let n_traces = expected.len();
            let mut chosen: Vec<u128> = expected.into_iter().take(limit).map(|(_, id)| id).collect();
            chosen.sort_unstable();

            let hits = find(&store, &TraceSearch { query: query.clone(), limit, ..TraceSearch::new(range) });
            let mut found = ids(&hits);
            found.sort_unstable();
            prop_assert_eq!(&found, &chosen, "{}", &query);
            prop_assert!(hits.truncated || hits.n_traces == n_traces);
            let slowest = TraceSearch { query, limit: 100, order: TraceOrder::Slowest, ..TraceSearch::new(range) };
            let hits = find(&store, &slowest);
            prop_assert_eq!(hits.n_traces, n_traces);
            prop_assert!(hits.traces.is_sorted_by(|a, b| a.duration >= b.duration));
        }
    }
}

#[test]
fn signals_that_cannot_be_read_do_not_hide_the_others() {
    let (span, log) = (TestSpan::new(7, 1, 100), TestLog::new(50, "late").at(7, 1));
    let of = |store: &TestStore| signals(&store.snapshot(), &Budget::unlimited(), trace_id(7), Parts::All, 10);
    // Spans are in a damaged segment, the record is in memory; then the other way round.
    let mut store = TestStore::new();
    store.add_spans(std::slice::from_ref(&span));
    store.store.flush().unwrap();
    store.damage_segments();
    let nothing_read = of(&store).map(|_| ());
    assert!(matches!(&nothing_read, Err(QueryError::Read(texts)) if texts[0].contains("spans")), "{nothing_read:?}");
    store.add_logs(std::slice::from_ref(&log));
    let found = of(&store).unwrap();
    assert!(found.trace.is_none() && found.warnings[0].contains("spans"), "{:?}", found.warnings);
    assert_eq!((found.logs[0].body.as_ref(), found.service(), found.start()), ("late", Some("shop"), Some(50)));

    let mut store = TestStore::new();
    store.add_logs(&[log]);
    store.store.flush().unwrap();
    store.damage_segments();
    store.add_spans(&[span]);
    let found = of(&store).unwrap();
    assert!(found.logs.is_empty() && found.warnings[0].contains("logs"), "{:?}", found.warnings);
    assert_eq!((found.trace.as_ref().map(|trace| trace.spans.len()), found.start()), (Some(1), Some(100)));
}

#[test]
fn signals_of_an_id_are_limited() {
    let mut store = TestStore::new();
    let logs: Vec<TestLog> = (0..5).map(|time| TestLog::new(time, "one").at(7, 1)).collect();
    store.add_logs(&logs);
    for (limit, expected) in [(3, (3, true)), (5, (5, false)), (9, (5, false))] {
        let found = signals(&store.snapshot(), &Budget::unlimited(), trace_id(7), Parts::Tree, limit).unwrap();
        assert_eq!((found.logs.len(), found.logs_cut), expected, "{limit}");
        assert!(found.logs.is_sorted_by_key(|log| log.time));
    }
    assert!(signals(&store.snapshot(), &Budget::unlimited(), trace_id(8), Parts::Tree, 3).unwrap().is_empty());
}

mod modes;
