//! Indicators on a real store.

use model::{SpanKind, TimeRange, Value};

use crate::testing::{TestSpan, TestStore, trace_id};
use crate::{Budget, QueryError};

use super::{Count, Good, SliSelector, bad_examples, counts};

/// Requests at 0 to 29: every fifth fails, the one at n takes n. Beside them spans that do not count.
fn store() -> TestStore {
    let mut spans: Vec<TestSpan> = Vec::new();
    for n in 0..30 {
        let trace = n as u128 + 1;
        let span = TestSpan::new(trace, 1, n).of("booking", "POST /v1/bookings", SpanKind::Server).lasting(n);
        let span = span.attr("tier", Value::Str(if n < 10 { "gold" } else { "basic" }));
        spans.push(if n % 5 == 0 { span.failed("no seats") } else { span });
        spans.push(TestSpan::new(trace, 2, n).below(1).of("booking", "inside", SpanKind::Internal).failed("x"));
        spans.push(TestSpan::new(trace, 3, n).of("payment", "charge", SpanKind::Server).failed("x"));
    }
    TestStore::of_spans(&spans)
}

fn selector(good: Good) -> SliSelector {
    SliSelector {
        service: "booking".to_owned(),
        operation: None,
        kind: None,
        attributes: Vec::new(),
        query: String::new(),
        good,
    }
}

/// Good and all, by bucket.
type Expected = &'static [(u64, u64)];

fn pairs(selector: &SliSelector, range: TimeRange, width: i64) -> Vec<(u64, u64)> {
    let counts = counts(&store().snapshot(), &Budget::unlimited(), selector, range, width).unwrap();
    counts.buckets.iter().map(|Count { good, total }| (*good, *total)).collect()
}

#[test]
fn counts_good_and_all_requests_by_their_start() {
    let range = TimeRange::new(0, 30);
    let slow = |and_not_error| Good::FasterThan { threshold: 12, and_not_error };
    let table: [(&str, SliSelector, Expected); 7] = [
        ("no error", selector(Good::NotError), &[(8, 10), (8, 10), (8, 10)]),
        ("fast", selector(slow(false)), &[(10, 10), (3, 10), (0, 10)]),
        ("fast and no error", selector(slow(true)), &[(8, 10), (2, 10), (0, 10)]),
        ("kind", SliSelector { kind: Some(SpanKind::Internal), ..selector(Good::NotError) }, &[(0, 10); 3]),
        ("operation", SliSelector { operation: Some("GET".to_owned()), ..selector(Good::NotError) }, &[(0, 0); 3]),
        (
            "attribute",
            SliSelector { attributes: vec![("tier".to_owned(), "gold".to_owned())], ..selector(Good::NotError) },
            &[(8, 10), (0, 0), (0, 0)],
        ),
        (
            "query",
            SliSelector { query: "tier!=gold".to_owned(), ..selector(Good::NotError) },
            &[(0, 0), (8, 10), (8, 10)],
        ),
    ];
    for (name, selector, expected) in table {
        assert_eq!(pairs(&selector, range, 10), expected, "{name}");
    }
}

#[test]
fn buckets_start_at_the_range_and_the_last_may_be_short() {
    assert_eq!(pairs(&selector(Good::NotError), TimeRange::new(3, 12), 6), [(5, 6), (2, 3)]);
    assert_eq!(pairs(&selector(Good::NotError), TimeRange::new(3, 3), 6), []);
}

#[test]
fn refuses_what_it_cannot_count() {
    let store = store();
    let ask = |selector: &SliSelector, width| {
        counts(&store.snapshot(), &Budget::unlimited(), selector, TimeRange::new(0, 1_000_000), width).unwrap_err()
    };
    let all = selector(Good::NotError);
    assert!(matches!(ask(&all, 0), QueryError::BadParameter(_)));
    assert!(matches!(ask(&all, 1), QueryError::BadParameter(_)));
    assert!(matches!(ask(&SliSelector { query: "(".to_owned(), ..all }, 1_000), QueryError::BadQuery { .. }));
    let budget = Budget::unlimited();
    budget.end_time();
    let found = counts(&store.snapshot(), &budget, &selector(Good::NotError), TimeRange::new(0, 30), 10);
    assert_eq!(found, Err(QueryError::Timeout));
}

#[test]
fn examples_are_the_newest_requests_that_are_not_good() {
    let store = store();
    let find = |good, limit| {
        let found =
            bad_examples(&store.snapshot(), &Budget::unlimited(), &selector(good), TimeRange::new(0, 30), limit);
        found.unwrap()
    };
    let errors = find(Good::NotError, 2);
    assert_eq!(errors.iter().map(|it| it.start).collect::<Vec<_>>(), [25, 20]);
    assert_eq!((errors[0].trace_id, errors[0].status_message.as_str()), (trace_id(26), "no seats"));
    let slow = find(Good::FasterThan { threshold: 27, and_not_error: false }, 10);
    assert_eq!(slow.iter().map(|it| it.duration).collect::<Vec<_>>(), [29, 28]);
    assert_eq!(find(Good::NotError, 0), []);
}
