//! Known causes are found, and where there is none nothing is said.

use model::{Nanos, SpanKind, TimeRange, Value};

use crate::Budget;
use crate::fields::FieldPlace;
use crate::testing::{TestSpan, TestStore};
use crate::traces::TraceSearch;

use super::rank::rank;
use super::table::Table;
use super::{Difference, Differences, DifferentValue, SpanComparison, SpanSelection, TooFew, of_spans};

/// Numbers that look random and are the same in each run (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    fn percent(&mut self, n: u64) -> bool {
        self.below(100) < n
    }
}

/// A row of a trace with attributes of the span itself.
fn push(table: &mut Table, is_selected: bool, trace: u64, operation: &str, attributes: &[(&str, String, Option<f64>)]) {
    let mut row = table.row(is_selected, trace, operation);
    row.add(FieldPlace::Intrinsic, "name", operation, "string", None);
    for (key, value, number) in attributes {
        let type_name = if number.is_some() { "double" } else { "string" };
        row.add(FieldPlace::Own, key, value, type_name, *number);
    }
    row.finish();
}

fn text(key: &'static str, value: impl ToString) -> (&'static str, String, Option<f64>) {
    (key, value.to_string(), None)
}

fn number(key: &'static str, value: f64) -> (&'static str, String, Option<f64>) {
    (key, value.to_string(), Some(value))
}

fn in_words(differences: &[Difference]) -> Vec<String> {
    let value = |value: &DifferentValue| match value {
        DifferentValue::Is(text, _) => format!("={text}"),
        DifferentValue::Absent => " is absent".to_owned(),
        DifferentValue::Between(from, to) => format!(" in {from:?}..{to:?}"),
    };
    differences.iter().map(|it| format!("{}{}", it.field.name, value(&it.value))).collect()
}

#[test]
fn where_there_is_no_cause_nothing_is_said() {
    let mut n_wrong = 0;
    const TRIALS: u64 = 200;
    for trial in 0..TRIALS {
        let mut random = Random(trial);
        let mut table = Table::default();
        // Sides of very different sizes, traces of several spans that share their values, operations of both.
        let n_selected = [20, 100, 400][trial as usize % 3];
        for trace in 0..600 {
            let is_selected = trace < n_selected;
            let shared: Vec<_> = (0..10u64)
                .map(|i| text(["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"][i as usize], random.below(2 + i * i)))
                .collect();
            for _ in 0..1 + random.below(4) {
                let mut attributes = shared.clone();
                attributes.push(text("id", random.next()));
                attributes.push(number("size", random.below(5_000) as f64));
                attributes.push(number("status", [200.0, 200.0, 200.0, 404.0, 500.0][random.below(5) as usize]));
                if random.percent(30) {
                    attributes.push(text("sometimes", random.below(3)));
                }
                push(&mut table, is_selected, trace, ["get", "put", "list"][random.below(3) as usize], &attributes);
            }
        }
        let (differences, n_tested) = rank(&table);
        assert!(n_tested > 10, "{n_tested} fields were tested");
        n_wrong += u64::from(!differences.is_empty());
    }
    // The error rate is one in a hundred; Fisher's test and the effective sample sizes are on the safe side of it.
    assert!(n_wrong <= TRIALS / 100, "{n_wrong} of {TRIALS} null data sets have differences");
}

#[test]
fn a_planted_cause_comes_first_and_what_operations_have_of_their_own_is_no_cause() {
    let mut random = Random(7);
    let mut table = Table::default();
    for trace in 0..1_000u64 {
        let operation = ["charge", "refund", "list"][random.below(3) as usize];
        let version = if random.percent(20) { "2.0.0" } else { "1.9.3" };
        // Charges fail with the new version, and are slow more often by themselves.
        let is_bad = operation == "charge" && if version == "2.0.0" { random.percent(80) } else { random.percent(4) };
        let mut attributes = vec![
            text("route", format!("/{operation}")),
            text("version", version),
            text("container.image", format!("shop:{version}")),
            text("customer", random.below(800)),
            text("zone", random.below(3)),
        ];
        if is_bad && random.percent(90) {
            attributes.push(text("error.type", "timeout"));
        }
        push(&mut table, is_bad, trace, operation, &attributes);
    }
    let (differences, _) = rank(&table);
    let words = in_words(&differences);
    assert_eq!(words, ["error.type=timeout", "version=2.0.0", "name=charge"], "in the order of the differences");
    let version = &differences[1];
    assert_eq!(
        version.same,
        [(
            super::FieldName { place: FieldPlace::Own, name: "container.image".to_owned() },
            DifferentValue::Is("shop:2.0.0".to_owned(), "string")
        )]
    );
    assert!(version.selected.share > 0.75 && version.rest.share < 0.1, "{version:?}");
    assert!(version.at_least > 0.5 && version.at_least < version.selected.share - version.rest.share);
    assert_eq!(version.values.len(), 2, "both versions come along");
}

#[test]
fn numbers_differ_by_ranges_and_absence_is_a_value() {
    let mut random = Random(11);
    let mut table = Table::default();
    for trace in 0..800u64 {
        let is_selected = trace < 100;
        let size = if is_selected { 4_000 + random.below(2_000) } else { random.below(6_000) };
        let mut attributes = vec![number("size", size as f64), number("other", random.below(6_000) as f64)];
        if !is_selected || random.percent(10) {
            attributes.push(text("cache", "hit"));
        }
        push(&mut table, is_selected, trace, "put", &attributes);
    }
    let (differences, _) = rank(&table);
    let words = in_words(&differences);
    assert_eq!(words.len(), 2, "{words:?}");
    assert_eq!(words[0], "cache is absent");
    let DifferentValue::Between(Some(from), None) = differences[1].value else { panic!("{words:?}") };
    assert!((3_900.0..4_100.0).contains(&from), "{from}");
    assert!(differences[1].selected.share > 0.95 && differences[1].rest.share < 0.4);
}

#[test]
fn spans_of_one_trace_are_one_observation() {
    let rows = |traces: u64| {
        let mut table = Table::default();
        for trace in 0..40 {
            push(&mut table, false, 1_000 + trace, "get", &[text("customer", trace)]);
        }
        for span in 0..60 {
            push(&mut table, true, span % traces, "get", &[text("customer", format!("new {}", span % traces % 3))]);
        }
        in_words(&rank(&table).0)
    };
    // Sixty spans of six traces say as much as six, which is not enough; those of sixty do.
    assert_eq!(rows(6), [""; 0]);
    assert_eq!(rows(60).len(), 1);
}

const SECOND: Nanos = 1_000_000_000;

fn compare(store: &TestStore, search: TraceSearch, selected: SpanSelection) -> Differences {
    of_spans(&store.snapshot(), &Budget::unlimited(), &SpanComparison { search, selected, query: None }).unwrap()
}

fn shop(n: u64) -> TestStore {
    let mut events = model::AttrsBuf::new();
    events.push("exception.type", Value::Str("TimeoutError"));
    let mut spans = Vec::new();
    for trace in 1..=n {
        let start = trace as Nanos * SECOND;
        let is_bad = trace % 10 == 0;
        let (host, version) =
            if is_bad { ("node-3", "2.0.0") } else { (["node-1", "node-2"][trace as usize % 2], "1.9.3") };
        let root = TestSpan::new(trace.into(), 1, start)
            .of("gateway", "POST /orders", SpanKind::Server)
            .lasting(if is_bad { SECOND } else { SECOND / 100 });
        let mut child = TestSpan::new(trace.into(), 2, start + 5)
            .below(1)
            .of("payment", "charge", SpanKind::Client)
            .lasting(if is_bad { SECOND / 2 } else { SECOND / 200 })
            .attr("http.route", Value::Str("/charge"))
            .attr("amount", Value::Int((trace * 37 % 900) as i64))
            .resource_attr("host.name", Value::Str(host))
            .resource_attr("service.version", Value::Str(version));
        if is_bad {
            child = child.failed("upstream timed out").event(start + 9, "exception", &events);
        }
        spans.extend([root, child]);
    }
    TestStore::in_thirds(&spans, TestStore::add_spans)
}

#[test]
fn spans_of_a_store_are_compared_by_what_they_carry() {
    let store = shop(300);
    let failed = SpanSelection { range: TimeRange::ALL, min_duration: None, max_duration: None, failed: true };
    let found = compare(&store, TraceSearch::new(TimeRange::ALL), failed);
    assert_eq!((found.n_selected, found.n_rest), (30, 570));
    assert_eq!((found.selected.n_spans, found.selected.n_traces, found.selected.n_same_operation), (30, 30, 30));
    assert_eq!((found.rest.n_spans, found.rest.n_same_operation), (570, 270));
    let words = in_words(&found.differences);
    // All of them stand for the same spans: one line says so, and names what may be the cause.
    let first = &found.differences[0];
    assert_eq!(first.field.place, FieldPlace::Resource, "{words:?}");
    let same: Vec<&str> =
        first.same.iter().map(|(field, _)| field.name.as_str()).chain([first.field.name.as_str()]).collect();
    for field in ["host.name", "service.version", "status_message", "exception.type", "event_name", "duration"] {
        assert!(same.contains(&field), "{field} is not among {same:?}");
    }
    assert!(!same.contains(&"http.route") && !same.contains(&"status"), "{same:?}");
    assert_eq!(words[1..], ["name=charge"], "and the operation that fails; its service says the same");

    // By duration: the roots are slow too, and have nothing else to tell.
    let slow = SpanSelection { min_duration: Some(SECOND / 4), failed: false, ..failed };
    let found =
        compare(&store, TraceSearch { service: Some("payment".to_owned()), ..TraceSearch::new(TimeRange::ALL) }, slow);
    assert_eq!((found.n_selected, found.n_rest), (30, 270));
    let words = in_words(&found.differences);
    assert_eq!(words.len(), 1, "{words:?}");
    assert!(found.differences[0].same.iter().all(|(field, _)| field.name != "duration"));
    // The same each time.
    let again =
        compare(&store, TraceSearch { service: Some("payment".to_owned()), ..TraceSearch::new(TimeRange::ALL) }, slow);
    assert_eq!(again.differences, found.differences);
}

#[test]
fn too_few_traces_say_nothing() {
    let store = shop(40);
    let failed = SpanSelection { range: TimeRange::ALL, min_duration: None, max_duration: None, failed: true };
    let found = compare(&store, TraceSearch::new(TimeRange::ALL), failed);
    assert_eq!((found.n_selected, found.too_few), (4, Some(TooFew::Selected)));
    assert!(found.differences.is_empty());
    let all = SpanSelection { failed: false, ..failed };
    assert_eq!(compare(&store, TraceSearch::new(TimeRange::ALL), all).too_few, Some(TooFew::Rest));
}

#[test]
fn telemetry_of_a_hostile_sender_stays_within_bounds() {
    let mut table = Table::default();
    for row in 0..200u64 {
        let mut draft = table.row(row % 2 == 0, row, "get");
        for field in 0..3_000 {
            draft.add(FieldPlace::Own, &format!("{row}-{field}"), &"x".repeat(10_000), "string", None);
        }
        draft.finish();
    }
    assert!(table.fields.len() <= 2_000 && table.rows.iter().all(|row| row.values.len() <= 512));
    assert_eq!(in_words(&rank(&table).0), [""; 0]);
}

#[test]
fn spans_that_match_a_query_are_compared_with_those_that_do_not() {
    let store = shop(400);
    let search = || TraceSearch { query: "name=*".to_owned(), ..TraceSearch::new(TimeRange::ALL) };
    let all = SpanSelection { range: TimeRange::ALL, min_duration: None, max_duration: None, failed: false };
    let by_query = |query: &str| {
        let comparison = SpanComparison { search: search(), selected: all, query: Some(query.to_owned()) };
        of_spans(&store.snapshot(), &Budget::unlimited(), &comparison)
    };
    let failed = compare(&store, search(), SpanSelection { failed: true, ..all });
    let same = by_query("status=error").unwrap();
    assert!(failed.n_selected > 0 && failed.n_rest > 0);
    assert_eq!((same.n_selected, same.n_rest), (failed.n_selected, failed.n_rest));
    assert_eq!(same.differences, failed.differences);
    // What they were selected by does not differ.
    let slow = by_query("duration>=1ns OR status=error").unwrap();
    assert_eq!(slow.n_rest, 0);
    let crate::QueryError::BadQuery { position, .. } = by_query("a AND").unwrap_err() else { panic!() };
    assert_eq!(position, 5);
    let search = TraceSearch { language: crate::traces::Language::TraceQl, query: "{ }".to_owned(), ..search() };
    let comparison = SpanComparison { search, selected: all, query: Some("status=error".to_owned()) };
    let error = of_spans(&store.snapshot(), &Budget::unlimited(), &comparison).unwrap_err();
    assert!(matches!(error, crate::QueryError::BadParameter(_)), "{error}");
}
