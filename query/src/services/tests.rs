//! Services, operations and edges on a real store.

use model::time::SECOND;
use model::{SpanKind, TimeRange, Value};

use store::summary::{Connection, OTHER};

use crate::Budget;
use crate::testing::{TestSpan, TestStore};

use super::{Edge, NodeKind, OperationSearch, edges, operations, services};

const MINUTE: TimeRange = TimeRange { start: 0, end: 60 * SECOND };

/// In a minute: 60 requests through gateway and booking, of which every sixth fails in booking; a worker with roots only.
fn shop() -> TestStore {
    let mut spans = Vec::new();
    for n in 0..60u64 {
        let start = n as i64 * SECOND;
        let trace = u128::from(n) + 1;
        let instance = format!("pod-{}", n % 3);
        let version = if n < 30 { "1.0" } else { "2.0" };
        let served = TestSpan::new(trace, 3, start + 2)
            .below(2)
            .of("booking", "POST /v1/bookings", SpanKind::Server)
            .lasting(if n == 59 { 5_000_000 } else { 1_000_000 })
            .resource_attr("service.namespace", Value::Str("box"))
            .resource_attr("service.version", Value::Str(version))
            .resource_attr("service.instance.id", Value::Str(&instance));
        spans.push(TestSpan::new(trace, 1, start).of("gateway", "GET /", SpanKind::Server).lasting(2_000_000));
        spans.push(TestSpan::new(trace, 2, start + 1).below(1).of("gateway", "call", SpanKind::Client));
        spans.push(if n % 6 == 0 { served.failed("no seats") } else { served });
        spans.push(
            TestSpan::new(trace, 4, start + 3)
                .below(3)
                .of("booking", "publish", SpanKind::Producer)
                .resource_attr("service.namespace", Value::Str("box")),
        );
        spans.push(TestSpan::new(trace + 1_000, 1, start).of("worker", "tick", SpanKind::Internal));
        if n < 10 {
            spans.push(TestSpan::new(trace, 5, start + 4).below(4).of("notify", "consume", SpanKind::Consumer));
        }
    }
    TestStore::of_spans(&spans)
}

#[test]
fn services_count_what_they_served() {
    let store = shop();
    let list = services(&store.snapshot(), &Budget::unlimited(), MINUTE, 6).unwrap();
    let names: Vec<_> = list.services.iter().map(|it| (it.namespace.as_str(), it.service.as_str())).collect();
    assert_eq!(names, [("", "gateway"), ("", "notify"), ("", "worker"), ("box", "booking")]);

    let booking = &list.services[3];
    assert_eq!(booking.versions, ["1.0", "2.0"]);
    assert_eq!((booking.n_instances, booking.by_roots), (3, false));
    let requests = &booking.requests;
    assert_eq!((requests.n_requests, requests.n_errors, requests.rate), (60, 10, 1.0));
    assert!((requests.error_ratio - 1.0 / 6.0).abs() < 1e-12);
    let p50 = requests.p50.unwrap();
    assert!((p50 - 1_000_000).abs() <= 90_000, "{p50}");
    assert!(requests.p99.is_some_and(|p99| (p99 - 5_000_000).abs() <= 450_000), "the largest of 60");
    let buckets: Vec<_> = requests.buckets.iter().map(|it| (it.start, it.n_requests, it.n_errors)).collect();
    assert_eq!(buckets[..2], [(0, 10, 2), (10 * SECOND, 10, 2)]);
    assert_eq!(booking.last_seen, 59 * SECOND + 5_000_000, "to the millisecond");

    let worker = &list.services[2];
    assert_eq!((worker.by_roots, worker.requests.n_requests), (true, 60));
    assert_eq!(list.services[1].requests.n_requests, 10);
    assert_eq!(list.range, MINUTE);
}

#[test]
fn a_range_without_spans_has_no_services() {
    let list = services(&shop().snapshot(), &Budget::unlimited(), TimeRange::new(-10, 0), 6).unwrap();
    assert_eq!(list.services.len(), 0);
}

#[test]
fn operations_are_names_by_kind() {
    let store = shop();
    let list = |kind| {
        let search = OperationSearch { service: "gateway".to_owned(), kind, range: MINUTE, n_buckets: 2 };
        operations(&store.snapshot(), &Budget::unlimited(), &search).unwrap().operations
    };
    let all = list(None);
    let found: Vec<_> = all.iter().map(|it| (it.name.as_str(), it.kind, it.spans.n_requests)).collect();
    assert_eq!(found, [("GET /", SpanKind::Server, 60), ("call", SpanKind::Client, 60)]);
    assert_eq!(all[0].spans.buckets.iter().map(|it| it.n_requests).collect::<Vec<_>>(), [30, 30]);
    assert_eq!(list(Some(SpanKind::Client)).len(), 1);
}

#[test]
fn names_without_end_do_not_fill_the_memory() {
    let spans: Vec<TestSpan> = (0..2_100)
        .map(|n| TestSpan::new(1, n + 1, 0).of("chatty", &format!("GET /user/{n}"), SpanKind::Server))
        .collect();
    let store = TestStore::of_spans(&spans);
    let search = OperationSearch { service: "chatty".to_owned(), kind: None, range: MINUTE, n_buckets: 2 };
    let list = operations(&store.snapshot(), &Budget::unlimited(), &search).unwrap();
    assert_eq!(list.operations.len(), 1_001);
    let others = list.operations.iter().find(|it| it.name == OTHER).unwrap();
    assert_eq!(others.spans.n_requests, 1_100);
    let list = services(&store.snapshot(), &Budget::unlimited(), MINUTE, 2).unwrap();
    assert_eq!(list.services[0].requests.n_requests, 2_100);
    assert!(list.warnings[0].starts_with("1100 requests have no operation of their own"), "{:?}", list.warnings);
}

type Found = (String, NodeKind, String, NodeKind, Connection, u64, u64);

fn found(store: &TestStore, range: TimeRange, service: Option<&str>) -> Vec<Found> {
    let found = edges(&store.snapshot(), &Budget::unlimited(), range, service).unwrap();
    assert_eq!(found.warnings, Vec::<String>::new());
    let edge = |it: &Edge| {
        let (client, server) = (it.client.clone(), it.server.clone());
        (client.name, client.kind, server.name, server.kind, it.connection, it.n_calls, it.n_errors)
    };
    found.edges.iter().map(edge).collect()
}

#[test]
fn edges_join_a_call_with_who_serves_it() {
    use NodeKind::{Service, User};
    let store = shop();
    let edge = |client: &str, client_kind, server: &str, connection, n_calls, n_errors| {
        (client.to_owned(), client_kind, server.to_owned(), Service, connection, n_calls, n_errors)
    };
    let expected = [
        edge("user", User, "gateway", Connection::Virtual, 60, 0),
        edge("gateway", Service, "booking", Connection::Call, 60, 10),
        edge("booking", Service, "notify", Connection::Messaging, 10, 0),
    ];
    // To the nanosecond, and in whole minutes: the sides of a call are in a segment and in memory.
    for range in [MINUTE, TimeRange::new(-600 * SECOND, 60 * SECOND)] {
        let mut found = found(&store, range, None);
        found.sort_by_key(|it| expected.iter().position(|expected| expected == it));
        assert_eq!(found, expected);
        assert_eq!(self::found(&store, range, Some("notify")), [expected[2].clone()]);
    }
    let all = edges(&store.snapshot(), &Budget::unlimited(), MINUTE, Some("gateway")).unwrap().edges;
    let to_booking = all.iter().find(|it| it.server.name == "booking").unwrap();
    assert!(to_booking.p90.is_some_and(|p90| (p90 - 1_000_000).abs() <= 90_000));
    assert_eq!(to_booking.rate, 1.0);
}

#[test]
fn databases_queues_and_others_that_send_no_spans_are_ends_of_edges() {
    let spans = [
        TestSpan::new(1, 1, 0)
            .of("shop", "SELECT", SpanKind::Client)
            .attr("db.system.name", Value::Str("postgresql"))
            .attr("db.namespace", Value::Str("shop")),
        TestSpan::new(1, 2, 0)
            .of("shop", "send", SpanKind::Producer)
            .attr("messaging.system", Value::Str("kafka"))
            .attr("messaging.destination.name", Value::Str("orders")),
        TestSpan::new(1, 3, 0)
            .below(2)
            .of("mail", "process", SpanKind::Consumer)
            .attr("messaging.system", Value::Str("kafka"))
            .attr("messaging.destination.name", Value::Str("orders")),
        TestSpan::new(1, 4, 0)
            .of("shop", "POST", SpanKind::Client)
            .attr("server.address", Value::Str("bank.example"))
            .failed("refused"),
        TestSpan::new(1, 5, 0).of("shop", "POST", SpanKind::Client),
    ];
    let store = TestStore::of_spans(&spans);
    let ends: Vec<_> = found(&store, MINUTE, None)
        .into_iter()
        .map(|(client, _, server, kind, connection, calls, errors)| (client, server, kind, connection, calls, errors))
        .collect();
    let edge = |client: &str, server: &str, kind, connection, n_errors| {
        (client.to_owned(), server.to_owned(), kind, connection, 1, n_errors)
    };
    assert_eq!(
        ends,
        [
            edge("kafka/orders", "mail", NodeKind::Service, Connection::Messaging, 0),
            edge("shop", "bank.example", NodeKind::External, Connection::Virtual, 1),
            edge("shop", "kafka/orders", NodeKind::Queue, Connection::Messaging, 0),
            edge("shop", "postgresql/shop", NodeKind::Database, Connection::Database, 0),
        ]
    );
}

#[test]
fn long_ranges_are_counted_in_the_minutes_that_they_touch() {
    const MINUTE: i64 = 60 * SECOND;
    let spans: Vec<TestSpan> =
        (0..20 * 60).map(|n| TestSpan::new(n as u128 + 1, 1, n * SECOND).of("shop", "GET", SpanKind::Server)).collect();
    let store = TestStore::in_thirds(&spans, TestStore::add_spans);
    let list = |start, end, n| {
        let range = TimeRange::new(start, end);
        let list = services(&store.snapshot(), &Budget::unlimited(), range, n).unwrap();
        (list.services[0].requests.clone(), list.range)
    };
    let (requests, range) = list(2 * MINUTE + 5, 13 * MINUTE + 7, 100);
    assert_eq!((range.start, range.end), (2 * MINUTE, 14 * MINUTE));
    assert_eq!((requests.n_requests, requests.rate, requests.buckets.len()), (12 * 60, 1.0, 12));
    let (requests, _) = list(0, 20 * MINUTE, 6);
    let steps: Vec<u64> = requests.buckets.iter().map(|it| it.n_requests).collect();
    assert_eq!(steps, [240; 5], "whole minutes to a step");
    // The last minute is not over: nothing is newer.
    let (requests, range) = list(10 * MINUTE, 30 * MINUTE, 6);
    assert_eq!((range.end, requests.n_requests), (30 * MINUTE, 600));
    let (_, range) = list(10 * MINUTE, 19 * MINUTE + 30 * SECOND, 6);
    assert_eq!(range.end, 19 * MINUTE + 59 * SECOND + 1);
    // Five minutes or less are counted to the nanosecond.
    let (requests, range) = list(MINUTE + 1, 5 * MINUTE + 1, 4);
    assert_eq!((range.start, requests.n_requests), (MINUTE + 1, 240));
}
