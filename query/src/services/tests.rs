//! Services, operations and edges on a real store.

use model::time::SECOND;
use model::{SpanKind, TimeRange, Value};

use crate::Budget;
use crate::testing::{TestSpan, TestStore};

use super::{OperationSearch, edges, operations, services};

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
    assert_eq!((booking.n_instances, booking.n_spans, booking.by_roots), (3, 120, false));
    let requests = &booking.requests;
    assert_eq!((requests.n_requests, requests.n_errors, requests.rate), (60, 10, 1.0));
    assert!((requests.error_ratio - 1.0 / 6.0).abs() < 1e-12);
    let p50 = requests.p50.unwrap();
    assert!((p50 - 1_000_000).abs() <= 1_000_000 / 128, "{p50}");
    assert_eq!(requests.p99, Some(5_000_000), "the largest of 60");
    let buckets: Vec<_> = requests.buckets.iter().map(|it| (it.start, it.n_requests, it.n_errors)).collect();
    assert_eq!(buckets[..2], [(0, 10, 2), (10 * SECOND, 10, 2)]);
    assert_eq!(booking.last_seen, 59 * SECOND + 2 + 5_000_000);

    let worker = &list.services[2];
    assert_eq!((worker.by_roots, worker.requests.n_requests), (true, 60));
    assert_eq!(list.services[1].requests.n_requests, 10);
    assert_eq!(list.n_scanned, 310);
}

#[test]
fn a_range_without_spans_has_no_services() {
    let list = services(&shop().snapshot(), &Budget::unlimited(), TimeRange::new(-10, 0), 6).unwrap();
    assert_eq!((list.services.len(), list.n_scanned), (0, 0));
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
    assert_eq!(list.operations.len(), 2_000);
    assert_eq!(list.warnings, ["more than 2000 operations: the rest is not listed"]);
}

#[test]
fn edges_join_a_call_with_who_serves_it() {
    let found = edges(&shop().snapshot(), &Budget::unlimited(), MINUTE).unwrap();
    let edges: Vec<_> = found
        .edges
        .iter()
        .map(|it| (it.client.as_str(), it.server.as_str(), it.is_messaging, it.n_calls, it.n_errors))
        .collect();
    assert_eq!(edges, [("booking", "notify", true, 10, 0), ("gateway", "booking", false, 60, 10)]);
    assert!(found.edges[1].p95.is_some_and(|p95| (p95 - 1_000_000).abs() <= 1_000_000 / 128));
}
