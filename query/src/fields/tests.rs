//! Fields of a real store.

use model::{SpanKind, TimeRange, Value};

use crate::Budget;
use crate::testing::{TestLog, TestSpan, TestStore};

use super::{FieldPlace, Signal, names, values};

fn spans() -> TestStore {
    let spans: Vec<TestSpan> = (0..10)
        .map(|n| {
            let code = if n < 7 { 200 } else { 500 };
            let service = if n < 6 { "booking" } else { "payment" };
            TestSpan::new(1, n + 1, n as i64)
                .of(service, "work", SpanKind::Server)
                .attr("http.status", Value::Int(code))
                .attr("id", Value::Str(&"x".repeat(if n == 0 { 300 } else { 3 })))
                .resource_attr("host.name", Value::Str(if n % 2 == 0 { "Node-1" } else { "node-2" }))
        })
        .collect();
    TestStore::of_spans(&spans)
}

#[test]
fn names_are_intrinsic_fields_then_attributes_by_number_of_rows() {
    let found = names(&spans().snapshot(), &Budget::unlimited(), Signal::Spans, TimeRange::new(0, 5)).unwrap();
    assert_eq!((found.n_sampled, found.complete), (5, true));
    assert_eq!((found.items[0].name.as_str(), found.items[0].place), ("service", FieldPlace::Intrinsic));
    let attributes: Vec<_> = found
        .items
        .iter()
        .filter(|it| it.place != FieldPlace::Intrinsic)
        .map(|it| (it.name.as_str(), it.place, it.n_rows))
        .collect();
    let expected = [
        ("host.name", FieldPlace::Resource, 5),
        ("http.status", FieldPlace::Own, 5),
        ("id", FieldPlace::Own, 5),
        ("service.name", FieldPlace::Resource, 5),
    ];
    assert_eq!(attributes, expected);
}

#[test]
fn values_are_the_most_common_that_start_with_what_was_typed() {
    let store = spans();
    let ask = |name: &str, prefix: &str, limit| {
        let found = values(&store.snapshot(), &Budget::unlimited(), Signal::Spans, TimeRange::ALL, name, prefix, limit)
            .unwrap();
        found.items.into_iter().map(|it| format!("{}:{}", it.value, it.n_rows)).collect::<Vec<_>>().join(" ")
    };
    let table = [
        ("service", "", "booking:6 payment:4"),
        ("service.name", "P", "payment:4"),
        ("kind", "", "server:10"),
        ("status", "", "unset:10"),
        ("http.status", "", "200:7 500:3"),
        ("http.status", "5", "500:3"),
        ("host.name", "node", "Node-1:5 node-2:5"),
        ("resource.host.name", "", "Node-1:5 node-2:5"),
        ("span.host.name", "", ""),
        ("id", "", "xxx:9"),
        ("duration", "", ""),
        ("unknown", "", ""),
    ];
    for (name, prefix, expected) in table {
        assert_eq!(ask(name, prefix, 10), expected, "{name} {prefix}");
    }
    assert_eq!(ask("service", "", 1), "booking:6");
}

#[test]
fn log_fields_are_offered_too() {
    let store = TestStore::of_logs(&[
        TestLog::new(1, "a").of("booking", 17).attr("order.id", Value::Int(4)),
        TestLog::new(2, "b").of("booking", 9),
    ]);
    let ask = |name| {
        let found = values(&store.snapshot(), &Budget::unlimited(), Signal::Logs, TimeRange::ALL, name, "", 9).unwrap();
        found.items.into_iter().map(|it| it.value).collect::<Vec<_>>()
    };
    assert_eq!(ask("severity"), ["error", "info"]);
    assert_eq!(ask("order.id"), ["4"]);
    assert_eq!(ask("log.order.id"), ["4"]);
}

#[test]
fn a_sample_says_that_it_is_one() {
    let spans: Vec<TestSpan> = (0..super::SAMPLE_ROWS * 2 + 2).map(|n| TestSpan::new(1, n + 1, n as i64)).collect();
    let found = names(&TestStore::of_spans(&spans).snapshot(), &Budget::unlimited(), Signal::Spans, TimeRange::ALL);
    let found = found.unwrap();
    assert!(!found.complete && found.n_sampled >= super::SAMPLE_ROWS, "{}", found.n_sampled);
}
