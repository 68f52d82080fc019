//! Fields of a real store.

use model::{SpanKind, TimeRange, Value};

use crate::Budget;
use crate::testing::{TestLog, TestSpan, TestStore};
use crate::traces::{Language, TraceSearch};

use super::{FieldPlace, Signal, ValueSearch, names, values};

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
        let search = ValueSearch { signal: Signal::Spans, range: TimeRange::ALL, name, prefix, limit, of: "" };
        let found = values(&store.snapshot(), &Budget::unlimited(), &search).unwrap();
        assert!(found.complete, "{name}");
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
        let search = ValueSearch { signal: Signal::Logs, range: TimeRange::ALL, name, prefix: "", limit: 9, of: "" };
        let found = values(&store.snapshot(), &Budget::unlimited(), &search).unwrap();
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
    assert!(!found.complete && found.n_sampled == super::SAMPLE_ROWS, "{}", found.n_sampled);
}

#[test]
fn values_are_counted_in_every_layout_and_range_as_row_by_row() {
    let spans: Vec<TestSpan> = (0..300u64)
        .map(|n| {
            let span = TestSpan::new(u128::from(n), n + 1, n as i64)
                .attr("zone", Value::Str(["a", "b", "c"][n as usize % 3]))
                .attr("size", Value::Int((n % 4) as i64))
                .attr("ratio", Value::Double((n % 2) as f64 / 4.0))
                .attr("cached", Value::Bool(n % 5 == 0))
                .resource_attr("pod", Value::Str(["p1", "p2"][n as usize % 2]));
            if n % 100 == 7 { span.attr("rare", Value::Str("yes")) } else { span }
        })
        .collect();
    let store = TestStore::in_thirds(&spans, TestStore::add_spans);
    for (start, end) in [(0, 300), (50, 250), (120, 130), (299, 300), (400, 500)] {
        let of = |value: &dyn Fn(u64) -> Option<String>| {
            let mut counts = std::collections::BTreeMap::new();
            (start..end.min(300)).filter_map(value).for_each(|it| *counts.entry(it).or_insert(0u64) += 1);
            counts
        };
        let expected = [
            ("zone", of(&|n| Some(["a", "b", "c"][n as usize % 3].to_owned()))),
            ("span.size", of(&|n| Some((n % 4).to_string()))),
            ("ratio", of(&|n| Some(if n % 2 == 1 { "0.25" } else { "0" }.to_owned()))),
            ("cached", of(&|n| Some((n % 5 == 0).to_string()))),
            ("rare", of(&|n| (n % 100 == 7).then(|| "yes".to_owned()))),
            ("pod", of(&|n| Some(["p1", "p2"][n as usize % 2].to_owned()))),
            ("service", of(&|_| Some("shop".to_owned()))),
        ];
        for (name, expected) in expected {
            let range = TimeRange::new(start as i64, end as i64);
            let search = ValueSearch { signal: Signal::Spans, range, name, prefix: "", limit: 9, of: "" };
            let found = values(&store.snapshot(), &Budget::unlimited(), &search).unwrap();
            let counts: std::collections::BTreeMap<String, u64> =
                found.items.into_iter().map(|it| (it.value.replace("0.0", "0"), it.n_rows)).collect();
            assert_eq!((counts, found.complete), (expected, true), "{name} in {start}..{end}");
        }
    }
}

#[test]
fn events_and_links_have_fields_and_a_query_narrows_values() {
    let mut exception = model::AttrsBuf::new();
    exception.push("exception.type", Value::Str("Timeout"));
    let mut batch = model::AttrsBuf::new();
    batch.push("batch", Value::Int(3));
    let store = TestStore::of_spans(&[
        TestSpan::new(1, 1, 1).of("booking", "work", SpanKind::Server).attr("zone", Value::Str("a")),
        TestSpan::new(1, 2, 2).of("payment", "pay", SpanKind::Client).attr("zone", Value::Str("b")).event(
            2,
            "exception",
            &exception,
        ),
        TestSpan::new(1, 3, 3)
            .of("payment", "pay", SpanKind::Client)
            .attr("zone", Value::Str("c"))
            .link_with(1, 1, &batch),
    ]);
    let fields = names(&store.snapshot(), &Budget::unlimited(), Signal::Spans, TimeRange::ALL).unwrap().items;
    let has = |place, name: &str| fields.iter().any(|it| it.place == place && it.name == name);
    assert!(has(FieldPlace::Event, "exception.type") && has(FieldPlace::Link, "batch"), "{fields:?}");
    let ask = |name, of| {
        let search = ValueSearch { signal: Signal::Spans, range: TimeRange::ALL, name, prefix: "", limit: 9, of };
        let found = values(&store.snapshot(), &Budget::unlimited(), &search).unwrap();
        found.items.into_iter().map(|it| it.value).collect::<Vec<_>>()
    };
    assert_eq!(ask("event.exception.type", ""), ["Timeout"]);
    assert_eq!(ask("event_name", ""), ["exception"]);
    assert_eq!(ask("link.batch", ""), ["3"]);
    assert_eq!(ask("zone", "{ resource.service.name = \"payment\" }"), ["b", "c"]);
    assert_eq!(ask("zone", "{ name = \"work\" && status != error }"), ["a"]);
    // Half a query is none.
    assert_eq!(ask("zone", "{ name = "), ["a", "b", "c"]);
}

#[test]
fn a_sample_is_of_all_of_the_range_and_misses_no_attribute_that_has_a_column() {
    let n = super::SAMPLE_ROWS * 3;
    // The newest half has other attributes than the older one, and a few rows of one place have one of their own.
    let spans: Vec<TestSpan> = (0..n)
        .map(|at| {
            let span = TestSpan::new(u128::from(at), at + 1, at as i64);
            let span = span.attr(if at < n / 2 { "old" } else { "new" }, Value::Int(1));
            if at % 1_000 < 10 { span.attr("few", Value::Int(1)) } else { span }
        })
        .collect();
    let store = TestStore::in_thirds(&spans, TestStore::add_spans);
    let found = names(&store.snapshot(), &Budget::unlimited(), Signal::Spans, TimeRange::ALL).unwrap();
    let n_rows = |name: &str| found.items.iter().find(|it| it.name == name).map(|it| it.n_rows as f64 / n as f64);
    for name in ["old", "new"] {
        assert!((0.4..0.6).contains(&n_rows(name).unwrap()), "{name}: {:?}", n_rows(name));
    }
    assert!(n_rows("few").is_some() && !found.complete);
}

#[test]
fn roots_are_counted_apart() {
    let store = TestStore::of_spans(&[
        TestSpan::new(1, 1, 1).of("gateway", "GET /", SpanKind::Server),
        TestSpan::new(1, 2, 2).of("shop", "work", SpanKind::Server).below(1),
        TestSpan::new(2, 3, 3).of("cron", "nightly", SpanKind::Internal),
        TestSpan::new(3, 4, 4).of("cron", "nightly", SpanKind::Internal),
    ]);
    let ask = |name| {
        let range = TimeRange::new(0, 100);
        let search = ValueSearch { signal: Signal::Spans, range, name, prefix: "", limit: 9, of: "" };
        let found = values(&store.snapshot(), &Budget::unlimited(), &search).unwrap();
        found.items.into_iter().map(|it| (it.value, it.n_rows)).collect::<Vec<_>>()
    };
    let pairs = |pairs: &[(&str, u64)]| pairs.iter().map(|(text, n)| ((*text).to_owned(), *n)).collect::<Vec<_>>();
    assert_eq!(ask("root"), pairs(&[("nightly", 2), ("GET /", 1)]));
    assert_eq!(ask("root.service"), pairs(&[("cron", 2), ("gateway", 1)]));
}

#[test]
fn an_attribute_that_no_span_has_is_told() {
    let store = TestStore::of_spans(&[TestSpan::new(1, 1, 1)
        .attr("http.response.status_code", Value::Int(503))
        .resource_attr("host.name", Value::Str("a"))]);
    let ask = |query: &str, language| {
        let search = TraceSearch { query: query.to_owned(), language, ..TraceSearch::new(TimeRange::new(0, 100)) };
        super::unknown(&store.snapshot(), &Budget::unlimited(), &search).unwrap()
    };
    let told = |name: &str, meant: &str| vec![format!("no span of the range has the attribute `{name}`{meant}")];
    let meant = "; did you mean `http.response.status_code`?";
    assert_eq!(ask("http.response.status_cod=503", Language::Search), told("http.response.status_cod", meant));
    assert_eq!(ask("host.name=b AND http.response.status_code=500", Language::Search), [""; 0]);
    assert_eq!(
        ask("resource.hostname=b", Language::Search),
        told("resource.hostname", "; did you mean `resource.host.name`?")
    );
    assert_eq!(ask("{ span.nope = 1 }", Language::TraceQl), told("span.nope", ""));
}
