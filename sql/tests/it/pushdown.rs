//! Which conditions a scan answers itself, and that rows are the same as if it did not.

use model::{Attrs, AttrsBuf, LogRecord, Resource, Scope, Value};
use serde_json::Value as Json;
use store::Rows;

use crate::fixture::{Fixture, SECOND, START, append, rows};

/// How much of a condition the scan answers.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Part {
    All,
    Some,
    None,
}

/// (table, condition, what `EXPLAIN` shows of the scan, how much of the condition that is).
const CASES: &[(&str, &str, &str, Part)] = &[
    ("spans", "service = 'shop'", r#"service in ["shop"]"#, Part::All),
    ("spans", "'shop' = service", r#"service in ["shop"]"#, Part::All),
    ("spans", "service IN ('shop', 'no')", r#"service in ["shop", "no"]"#, Part::All),
    ("spans", "service IN ('a', 'b', 'c', 'd', 'shop')", r#"service in ["a", "b", "c", "d", "shop"]"#, Part::All),
    ("spans", "service = 'shop' OR service = 'payment'", r#"service in ["shop", "payment"]"#, Part::All),
    ("spans", "service <> 'shop'", "", Part::None),
    ("spans", "service LIKE 'sh%'", "", Part::None),
    ("spans", "service NOT IN ('a', 'b', 'c', 'shop')", "", Part::None),
    ("spans", "name = 'GET' AND service = 'shop'", r#"name in ["GET"], service in ["shop"]"#, Part::All),
    ("spans", "status_message = 'late'", r#"status_message in ["late"]"#, Part::All),
    ("spans", "trace_state = ''", r#"trace_state in [""]"#, Part::All),
    ("spans", "kind = 'server'", "kind in [2]", Part::All),
    ("spans", "kind = 'Server'", "kind in []", Part::All),
    ("spans", "kind <> 'server'", "kind in [0-1, 3-255]", Part::All),
    ("spans", "kind NOT IN ('internal', 'server', 'producer', 'consumer')", "kind in [3]", Part::All),
    ("spans", "status = 'error'", "status in [2]", Part::All),
    ("spans", "status IN ('ok', 'unset')", "status in [0-1, 3-255]", Part::All),
    ("spans", "duration_ms > 5", "", Part::None),
    // Attributes.
    ("spans", "attributes['http.route'] = '/cart'", r#"attributes["http.route"] in ["/cart"]"#, Part::All),
    ("spans", "attr(attributes, 'http.route') = '/cart'", r#"attributes["http.route"] in ["/cart"]"#, Part::All),
    ("spans", "attributes['ratio'] IN ('0.5', '1')", r#"attributes["ratio"] in ["0.5", "1"]"#, Part::All),
    (
        "spans",
        "attributes['http.response.status_code'] = '503'",
        r#"attributes["http.response.status_code"] in ["503"]"#,
        Part::All,
    ),
    (
        "spans",
        "attributes['http.response.status_code'] = 503",
        r#"attributes["http.response.status_code"] in [503]"#,
        Part::All,
    ),
    (
        "spans",
        "500 <= attributes['http.response.status_code']",
        r#"attributes["http.response.status_code"] in [500..]"#,
        Part::All,
    ),
    ("spans", "attributes['ratio'] BETWEEN 0.5 AND 1", r#"attributes["ratio"] in [0.5..1]"#, Part::All),
    ("spans", "attributes['ratio'] IN (0.5, 1, 2, 3, 4)", r#"attributes["ratio"] in [0.5, 1, 2, 3, 4]"#, Part::All),
    ("spans", "attributes['ratio'] <> 0.5", "", Part::None),
    ("spans", "attributes['ratio'] <= 9007199254740993", "", Part::None), // no double
    ("spans", "resource['service.version'] = 1", r#"resource["service.version"] in [1]"#, Part::All),
    (
        "spans",
        "attributes['ratio'] = 0.5 AND service = 'shop' OR attributes['ratio'] >= 2 AND service = 'payment'",
        r#"attributes["ratio"] in [0.5, 2..], service in ["shop", "payment"]"#,
        Part::Some,
    ),
    ("spans", "attributes['http.route'] <> '/cart'", "", Part::None),
    ("spans", "attributes['http.route'] IS NOT NULL", "", Part::None),
    ("spans", "attributes['http.route']['x'] = '/cart'", "", Part::None),
    ("spans", "resource['service.name'] = 'shop'", r#"resource["service.name"] in ["shop"]"#, Part::All),
    // Trace ids.
    ("spans", "trace_id = '000000000000abc00000000000000002'", "trace_id=000000000000abc00000000000000002", Part::All),
    (
        "spans",
        "trace_id IN ('000000000000abc00000000000000002', '000000000000abc00000000000000020', 'no id')",
        "trace_id in [000000000000abc00000000000000002, 000000000000abc00000000000000020]",
        Part::All,
    ),
    ("spans", "trace_id = '000000000000ABC00000000000000002'", "trace_id in []", Part::All), // shown in lower case
    (
        "spans",
        "trace_id IN ('000000000000abc00000000000000002', '000000000000abc00000000000000003') \
         AND trace_id IN ('000000000000abc00000000000000003', '000000000000abc00000000000000004')",
        "trace_id=000000000000abc00000000000000003",
        Part::All,
    ),
    // What alternatives imply.
    (
        "spans",
        "service = 'shop' AND kind = 'server' OR service = 'payment' AND kind = 'internal'",
        r#"service in ["shop", "payment"], kind in [0-2, 6-255]"#,
        Part::Some,
    ),
    (
        "spans",
        "service = 'shop' AND duration_ms > 5 OR service = 'payment' AND start_time < '2026-11-22T00:00:04Z'",
        r#"service in ["shop", "payment"]"#,
        Part::Some,
    ),
    ("spans", "service = 'shop' OR name = 'charge'", "", Part::None),
    ("spans", "NOT (service = 'shop' AND duration_ms > 5)", "", Part::None),
    ("spans", "service = 'shop' AND duration_ms > 5", r#"service in ["shop"]"#, Part::Some),
    (
        "spans",
        "start_time >= '2026-11-22T00:00:05Z' AND kind = 'client'",
        "from=2026-11-22T00:00:05Z, kind in [3]",
        Part::All,
    ),
    // Log records.
    ("logs", "severity = 'ERROR'", "severity_number in [17-20]", Part::All),
    ("logs", "severity = ''", "severity_number in [0, 25-255]", Part::All),
    ("logs", "severity <> 'INFO'", "severity_number in [0-8, 13-255]", Part::All),
    ("logs", "severity_number >= 17", "severity_number in [17-255]", Part::All),
    ("logs", "17 > severity_number", "severity_number in [0-16]", Part::All),
    ("logs", "severity_number BETWEEN 9 AND 12", "severity_number in [9-12]", Part::All),
    ("logs", "severity_number IN (1, 9, 17, 300)", "severity_number in [1, 9, 17]", Part::All),
    ("logs", "severity_number <> 9 AND severity = 'INFO'", "severity_number in [10-12]", Part::All),
    ("logs", "severity_text = 'odd'", r#"severity_text in ["odd"]"#, Part::All),
    ("logs", "event_name = ''", r#"event_name in [""]"#, Part::All),
    ("logs", "body = 'odd'", "", Part::None),
    ("logs", "trace_id = '000000000000abc00000000000000003'", "trace_id=000000000000abc00000000000000003", Part::All),
    ("logs", "attributes['k'] = '500'", r#"attributes["k"] in ["500"]"#, Part::All),
    ("logs", "attributes['k'] = 500", r#"attributes["k"] in [500]"#, Part::All),
    ("logs", "attributes['k'] IN (0, 500)", r#"attributes["k"] in [0, 500]"#, Part::All),
    ("logs", "attributes['k'] < 500", r#"attributes["k"] in [..499.99999999999994]"#, Part::All),
    ("logs", "attributes['k'] >= 0", r#"attributes["k"] in [0..]"#, Part::All),
    ("logs", "resource['k'] > 0", r#"resource["k"] in [5e-324..]"#, Part::All),
    ("logs", "attributes['k'] = '0'", r#"attributes["k"] in ["0"]"#, Part::All),
    ("logs", "attributes['k'] = '-0'", r#"attributes["k"] in ["-0"]"#, Part::All),
    ("logs", "attributes['k'] = 'true'", r#"attributes["k"] in ["true"]"#, Part::All),
    ("logs", "attributes['k'] = 'NaN'", r#"attributes["k"] in ["NaN"]"#, Part::All),
    ("logs", "attributes['k'] = ''", r#"attributes["k"] in [""]"#, Part::All),
    ("logs", "attributes['k'] = 'null'", r#"attributes["k"] in ["null"]"#, Part::All),
    ("logs", "attributes['k'] = 'aGVsbA=='", r#"attributes["k"] in ["aGVsbA=="]"#, Part::All),
    ("logs", "attributes['k'] = '{\"m\":1}'", r#"attributes["k"] in ["{\"m\":1}"]"#, Part::All),
    ("logs", "attributes['k'] = 'a \"b\"'", r#"attributes["k"] in ["a \"b\""]"#, Part::All),
    ("logs", "resource['k'] = '500'", r#"resource["k"] in ["500"]"#, Part::All),
    // Exemplars, whose own attributes are with the row and the others with the series.
    ("exemplars", "filtered_attributes['k'] = 'v'", r#"attributes["k"] in ["v"]"#, Part::All),
    (
        "exemplars",
        "trace_id = '000000000000abc00000000000000003'",
        "trace_id=000000000000abc00000000000000003",
        Part::All,
    ),
    ("exemplars", "service = 'shop'", r#"series Service in ["shop"]"#, Part::All),
    ("exemplars", "filtered_attributes['k'] = 5", r#"attributes["k"] in [5]"#, Part::All),
    (
        "metrics",
        "attributes['http.route'] > 5",
        r#"series Attributes["http.route"] in [5.000000000000001..]"#,
        Part::All,
    ),
    ("metrics", "resource['service.version'] IN (1, 2)", r#"series Resource["service.version"] in [1, 2]"#, Part::All),
    ("metrics", "name = 'queue.length' OR name = 'x'", r#"series Name in ["queue.length", "x"]"#, Part::All),
];

#[tokio::test]
async fn the_filters_of_conditions() {
    let fixture = Fixture::new();
    let mut wrong = Vec::new();
    for (table, condition, expected, part) in CASES {
        let plan =
            fixture.query(&format!("EXPLAIN FORMAT INDENT SELECT count(*) FROM {table} WHERE {condition}")).await;
        let plan: Vec<Vec<String>> = serde_json::from_str(&plan.unwrap().rows_json().unwrap()).unwrap();
        let [.., physical] = plan.as_slice() else { panic!("{condition}: {plan:?}") };
        let scan = physical[1].lines().find(|line| line.contains("ScanExec")).unwrap();
        let (_, filters) = scan.split_once(']').unwrap();
        let is_all = !physical[1].contains("FilterExec");
        if filters.trim_start_matches(", ") != *expected || is_all != (*part == Part::All) {
            wrong.push(format!("{condition}: {scan}, {}", if is_all { "all of it" } else { "not all of it" }));
        }
        assert_eq!(expected.is_empty(), *part == Part::None, "{condition}");
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Log records whose attribute `k`, of their own and of their resource, differs in type more than in what it says.
fn odd_logs(first: i64) -> Rows {
    let mut nested = AttrsBuf::new();
    nested.push("m", Value::Int(1));
    let values = [
        Value::Str("500"),
        Value::Str("a \"b\""),
        Value::Str(""),
        Value::Str("null"),
        Value::Int(500),
        Value::Int(0),
        Value::Double(500.0),
        Value::Double(-0.0),
        Value::Double(f64::NAN),
        Value::Bool(true),
        Value::Bytes(b"hell"),
        Value::Map(nested.as_attrs()),
        Value::Empty,
    ];
    let mut rows = Rows::default();
    for (number, value) in (0..).zip(values) {
        let mut attrs = AttrsBuf::new();
        attrs.push("k", value);
        let mut twice = AttrsBuf::new();
        twice.push("k", Value::Str("500"));
        twice.push("k", value);
        for (step, attrs) in (0..).zip([attrs.as_attrs(), twice.as_attrs(), Attrs::default()]) {
            rows.logs.push(&LogRecord {
                time: START + first * SECOND + number * 10 + step,
                observed_time: 0,
                severity_number: (number * 2 + step) as u8,
                severity_text: if number % 2 == 0 { "odd" } else { "" },
                body: "odd",
                body_value: &[],
                event_name: if number % 3 == 0 { "event" } else { "" },
                trace_id: None,
                span_id: None,
                flags: 0,
                attrs,
                dropped_attributes: 0,
                service: "",
                resource: Resource::new(twice.as_bytes()),
                scope: Scope::default(),
            });
        }
    }
    rows
}

/// A store with rows in a compacted segment, in one as it was flushed, and in memory.
fn everywhere() -> Fixture {
    let fixture = Fixture::new();
    append(&fixture.store, odd_logs(0));
    fixture.store.flush().unwrap();
    fixture.store.compact_all().unwrap();
    append(&fixture.store, odd_logs(20));
    append(&fixture.store, rows(20, 30));
    fixture.store.flush().unwrap();
    append(&fixture.store, odd_logs(30));
    append(&fixture.store, rows(30, 40));
    fixture
}

#[tokio::test]
async fn rows_are_the_same_as_without_filters() {
    let fixture = everywhere();
    let (mut n_found, mut n_empty) = (0, 0);
    for (table, condition, _, _) in CASES {
        let row = if *table == "spans" { "span_id" } else { "CAST(time AS BIGINT)" };
        let filtered = fixture.rows(&format!("SELECT {row} FROM {table} WHERE {condition} ORDER BY 1")).await;
        let filtered: Vec<[Json; 1]> = serde_json::from_str(&filtered).unwrap();
        // As a column, the condition is asked of every row.
        let all = fixture.rows(&format!("SELECT {row}, {condition} FROM {table} ORDER BY 1")).await;
        let all: Vec<(Json, Option<bool>)> = serde_json::from_str(&all).unwrap();
        let expected: Vec<[Json; 1]> = all.into_iter().filter(|it| it.1 == Some(true)).map(|it| [it.0]).collect();
        assert_eq!(filtered, expected, "{condition}");
        n_found += usize::from(!expected.is_empty());
        n_empty += usize::from(expected.is_empty());
        let counted = fixture.rows(&format!("SELECT count(*) FROM {table} WHERE {condition}")).await;
        assert_eq!(counted, format!("[[{}]]", expected.len()), "{condition}");
    }
    assert!(n_found > 45 && n_empty > 3, "{n_found} conditions find something, {n_empty} nothing");
}

#[tokio::test]
async fn a_limit_counts_rows_that_pass() {
    let fixture = everywhere();
    let condition = "severity = 'ERROR' AND service = 'shop'";
    let found = fixture.rows(&format!("SELECT severity, service FROM logs WHERE {condition} LIMIT 7")).await;
    assert_eq!(found, format!("[{}]", [r#"["ERROR","shop"]"#; 7].join(",")));
}
