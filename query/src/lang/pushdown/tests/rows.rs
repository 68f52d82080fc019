//! Rows come out the same whether a scan filters them or not.

use std::cell::Cell;

use model::{AttrsBuf, SpanKind, TimeRange, Value};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use store::Scan;

use crate::lang::tests::span_filter;
use crate::lang::{LogFilter, LogTerms};
use crate::testing::{TestLog, TestSpan, TestStore};

/// An array of `values`.
fn array(values: &[&str]) -> Vec<u8> {
    let mut list = Vec::new();
    for text in values {
        let mut value = Vec::new();
        model::wire::put_bytes_field(&mut value, 1, text.as_bytes());
        model::wire::put_bytes_field(&mut list, 1, &value);
    }
    let mut array = Vec::new();
    model::wire::put_bytes_field(&mut array, 5, &list);
    array
}

/// Attribute sets whose values differ in type more than in what they say.
fn sets() -> Vec<AttrsBuf> {
    let (few, digits, nested) = (array(&["a", "500"]), array(&["5"]), AttrsBuf::new());
    let values = [
        Value::Str("a"),
        Value::Str("A"),
        Value::Str("500"),
        Value::Str("500.0"),
        Value::Str(""),
        Value::Str("true"),
        Value::Int(500),
        Value::Int(5),
        Value::Int(0),
        Value::Int(1 << 53),
        Value::Int((1 << 53) + 1),
        Value::Double(500.0),
        Value::Double(0.5),
        Value::Double(-0.0),
        Value::Double(9_007_199_254_740_992.0),
        Value::Double(f64::NAN),
        Value::Bool(true),
        Value::Empty,
        Value::Bytes(b"hell"),
        Value::Map(nested.as_attrs()),
        Value::parse(&few),
        Value::parse(&digits),
    ];
    let of = |pairs: &[(&str, Value<'_>)]| {
        let mut attrs = AttrsBuf::new();
        pairs.iter().for_each(|(key, value)| attrs.push(key, *value));
        attrs
    };
    let mut sets: Vec<AttrsBuf> = values.iter().map(|value| of(&[("k", *value)])).collect();
    sets.extend(values.iter().take(8).map(|value| of(&[("l", *value), ("span.k", Value::Str("a"))])));
    sets.extend([
        of(&[("k", Value::Str("a")), ("k", Value::Int(500))]),
        of(&[("log.k", Value::Int(500)), ("l", Value::Empty)]),
        of(&[("resource.k", Value::Str("a"))]),
        of(&[]),
    ]);
    sets
}

const SERVICES: [&str; 4] = ["a", "A", "b", ""];

/// Rows `n` with every set as their own and every other one as their resource's, three times over: once for each place
/// that a store has rows in.
fn each_row(mut row: impl FnMut(usize, &AttrsBuf, &AttrsBuf)) {
    let sets = sets();
    for n in 0..sets.len() * 3 {
        row(n, &sets[n % sets.len()], &sets[(n * 7 + n / sets.len()) % sets.len()]);
    }
}

fn spans() -> TestStore {
    const KINDS: [SpanKind; 3] = [SpanKind::Internal, SpanKind::Server, SpanKind::Client];
    let mut spans = Vec::new();
    each_row(|n, own, resource| {
        let span =
            TestSpan::new(n as u128 + 1, n as u64 + 1, n as i64).of(SERVICES[n % 4], ["n", "N"][n % 2], KINDS[n % 3]);
        let span = if n % 5 == 0 { span.failed("a") } else { span };
        spans.push(TestSpan { attrs: own.clone(), resource: resource.clone(), ..span });
    });
    TestStore::in_thirds(&spans, TestStore::add_spans)
}

fn logs() -> TestStore {
    let mut logs = Vec::new();
    each_row(|n, own, resource| {
        let log = TestLog::new(n as i64, ["a", "b"][n % 2]).of(SERVICES[n % 4], [0, 9, 17, 30][n % 4]);
        let (severity_text, event_name) = (["", "Error", "a"][n % 3], ["", "a"][n % 2]);
        logs.push(TestLog { severity_text, event_name, attrs: own.clone(), resource: resource.clone(), ..log });
    });
    TestStore::in_thirds(&logs, TestStore::add_logs)
}

/// Queries of conditions that filters express, and some that they do not, under all three operators.
fn queries(fields: &'static [&'static str]) -> impl Strategy<Value = String> {
    const KEYS: [&str; 8] = ["k", "l", "span.k", "log.k", "resource.k", "\"span.k\"", "scope.name", "service"];
    const VALUES: [&str; 14] = [
        "a",
        "A",
        "500",
        "500.0",
        "0",
        "-0",
        "0.5",
        "true",
        "\"\"",
        "NaN",
        "9007199254740993",
        "\"500\"",
        "(a OR 5)",
        "*",
    ];
    let attribute = (
        prop::sample::select(&KEYS[..]),
        prop::sample::select(&["=", ":", "!="][..]),
        prop::sample::select(&VALUES[..]),
    )
        .prop_map(|(key, operator, value)| format!("{key}{operator}{value}"));
    let field = prop::sample::select(fields).prop_map(str::to_owned);
    let leaf = prop_oneof![3 => attribute, 1 => field];
    leaf.prop_recursive(4, 12, 4, |part| {
        prop_oneof![
            prop::collection::vec(part.clone(), 2..4).prop_map(|parts| format!("({})", parts.join(" AND "))),
            prop::collection::vec(part.clone(), 2..4).prop_map(|parts| format!("({})", parts.join(" OR "))),
            part.prop_map(|part| format!("NOT ({part})")),
        ]
    })
}

fn runner() -> TestRunner {
    TestRunner::new(Config { failure_persistence: None, ..Config::default() })
}

#[test]
fn spans_are_the_same_with_and_without_filters() {
    const FIELDS: &[&str] = &[
        "name=n",
        "name:N",
        "kind=server",
        "kind=internal",
        "kind!=client",
        "status=error",
        "status=unset",
        "status_message=a",
        "duration>1ns",
        "service=(a OR b)",
        "k>5",
        "trace_id=7",
    ];
    let store = spans();
    let counts = Cell::new((0, 0));
    let ran = runner().run(&queries(FIELDS), |query| {
        let filter = span_filter(&query).unwrap();
        let ids = |scan: Scan| {
            let mut ids = Vec::new();
            for chunk in store.snapshot().spans(scan) {
                let chunk = chunk.unwrap();
                let mut bound = filter.bind(&chunk);
                ids.extend((0..chunk.len()).filter(|&row| bound.matches(row)).map(|row| chunk.start(row)));
            }
            ids.sort_unstable();
            ids
        };
        let all = Scan::new(TimeRange::ALL);
        let expected = ids(all.clone());
        let hinted = filter.with_hints(all);
        let (n_filters, n_found) = counts.get();
        counts.set((n_filters + hinted.filters.len(), n_found + expected.len()));
        prop_assert_eq!(&ids(filter.with_columns(hinted.clone())), &expected);
        prop_assert_eq!(&ids(filter.with_trace_ids(hinted)), &expected);
        Ok(())
    });
    ran.unwrap();
    let (n_filters, n_found) = counts.get();
    assert!(n_filters > 50 && n_found > 500, "{n_filters} filters and {n_found} spans: too few to tell");
}

#[test]
fn log_records_are_the_same_with_and_without_filters() {
    const FIELDS: &[&str] = &[
        "severity=error",
        "severity>=warn",
        "severity=unspecified",
        "severity:*",
        "severity_text=Error",
        "severity_text:ERROR",
        "event_name=a",
        "event_name=\"\"",
        "service=(a OR b)",
        "body=a",
        "a",
        "k>5",
    ];
    let store = logs();
    let counts = Cell::new((0, 0));
    let ran = runner().run(&queries(FIELDS), |query| {
        let filter = LogFilter::new(&LogTerms { query: &query, ..LogTerms::default() }).unwrap();
        let times = |scan: Scan| {
            let mut times = Vec::new();
            for chunk in store.snapshot().logs(scan) {
                let chunk = chunk.unwrap();
                let mut bound = filter.bind(&chunk);
                times.extend((0..chunk.len()).filter(|&row| bound.matches(row)).map(|row| chunk.time(row)));
            }
            times.sort_unstable();
            times
        };
        let all = Scan::new(TimeRange::ALL);
        let expected = times(all.clone());
        let hinted = filter.with_hints(all);
        let (n_filters, n_found) = counts.get();
        counts.set((n_filters + hinted.filters.len(), n_found + expected.len()));
        prop_assert_eq!(&times(hinted.clone().first(5)), &expected);
        prop_assert_eq!(&times(filter.with_columns(hinted)), &expected);
        Ok(())
    });
    ran.unwrap();
    let (n_filters, n_found) = counts.get();
    assert!(n_filters > 50 && n_found > 500, "{n_filters} filters and {n_found} records: too few to tell");
}
