//! The JSON that Jaeger's clients get, and the parameters they send.

use model::time::{DAY, MICROSECOND, SECOND};
use model::{AttrsBuf, SpanKind, StatusCode, TimeRange, Value};
use serde_json::json;

use crate::testing::{TestSpan, TestStore, trace_id};
use crate::traces::{self, TraceSearch};
use crate::{Budget, QueryError};

use super::{Response, TraceParams, dependencies, operation_names, operations, search_of, service_names, trace};

fn store() -> TestStore {
    let mut event = AttrsBuf::new();
    event.push("exception.type", Value::Str("Timeout"));
    TestStore::of_spans(&[
        TestSpan::new(0xabc, 1, 5_000_500).of("gateway", "GET /", SpanKind::Server).lasting(2_000_999),
        TestSpan::new(0xabc, 2, 6_000_000)
            .below(1)
            .of("payment", "charge", SpanKind::Server)
            .attr("s", Value::Str("text"))
            .attr("b", Value::Bool(true))
            .attr("i", Value::Int(-5))
            .attr("d", Value::Double(0.5))
            .attr("n", Value::Double(f64::NAN))
            .resource_attr("host.name", Value::Str("node-1"))
            .scope("my.tracer")
            .event(6_001_000, "exception", &event)
            .link(0xdef, 9)
            .failed("declined"),
    ])
}

#[test]
fn a_trace_has_the_shape_that_clients_read() {
    let store = store();
    let found = traces::trace(&store.snapshot(), &Budget::unlimited(), trace_id(0xabc)).unwrap().unwrap();
    let found = serde_json::to_value(Response::of(vec![trace(&found)])).unwrap();
    let id = "00000000000000000000000000000abc";
    let expected = json!({
        "data": [{
            "traceID": id,
            "spans": [
                {
                    "traceID": id, "spanID": "0000000000000001", "flags": 1, "operationName": "GET /",
                    "references": [], "startTime": 5_000, "duration": 2_000,
                    "tags": [{"key": "span.kind", "type": "string", "value": "server"}],
                    "logs": [], "processID": "p1", "warnings": null,
                },
                {
                    "traceID": id, "spanID": "0000000000000002", "flags": 1, "operationName": "charge",
                    "references": [
                        {"refType": "CHILD_OF", "traceID": id, "spanID": "0000000000000001"},
                        {"refType": "FOLLOWS_FROM", "traceID": "00000000000000000000000000000def", "spanID": "0000000000000009"},
                    ],
                    "startTime": 6_000, "duration": 0,
                    "tags": [
                        {"key": "s", "type": "string", "value": "text"},
                        {"key": "b", "type": "bool", "value": true},
                        {"key": "i", "type": "int64", "value": -5},
                        {"key": "d", "type": "float64", "value": 0.5},
                        {"key": "n", "type": "string", "value": "NaN"},
                        {"key": "span.kind", "type": "string", "value": "server"},
                        {"key": "otel.status_code", "type": "string", "value": "ERROR"},
                        {"key": "error", "type": "bool", "value": true},
                        {"key": "otel.status_description", "type": "string", "value": "declined"},
                        {"key": "otel.scope.name", "type": "string", "value": "my.tracer"},
                    ],
                    "logs": [{"timestamp": 6_001, "fields": [
                        {"key": "event", "type": "string", "value": "exception"},
                        {"key": "exception.type", "type": "string", "value": "Timeout"},
                    ]}],
                    "processID": "p2", "warnings": null,
                },
            ],
            "processes": {
                "p1": {"serviceName": "gateway", "tags": []},
                "p2": {"serviceName": "payment", "tags": [{"key": "host.name", "type": "string", "value": "node-1"}]},
            },
            "warnings": null,
        }],
        "total": 1, "limit": 0, "offset": 0, "errors": null,
    });
    assert_eq!(found, expected);
}

#[test]
fn an_error_has_no_data() {
    let found = serde_json::to_value(Response::error(404, "trace not found")).unwrap();
    let errors = json!([{"code": 404, "msg": "trace not found"}]);
    assert_eq!(found, json!({"data": null, "total": 0, "limit": 0, "offset": 0, "errors": errors}));
}

#[test]
fn lists_services_operations_and_dependencies() {
    let store = store();
    let (snapshot, budget) = (store.snapshot(), Budget::unlimited());
    assert_eq!(service_names(&snapshot, &budget, TimeRange::ALL).unwrap(), ["gateway", "payment"]);
    assert_eq!(operation_names(&snapshot, &budget, "payment", TimeRange::ALL).unwrap(), ["charge"]);
    let found = operations(&snapshot, &budget, "payment", "server", TimeRange::ALL).unwrap();
    assert_eq!(serde_json::to_value(found).unwrap(), json!([{"name": "charge", "spanKind": "server"}]));
    assert_eq!(operations(&snapshot, &budget, "payment", "nonsense", TimeRange::ALL).unwrap(), []);
    let store = TestStore::of_spans(&[
        TestSpan::new(1, 1, 0).of("gateway", "charge", SpanKind::Client),
        TestSpan::new(1, 2, 0).below(1).of("payment", "charge", SpanKind::Server),
        TestSpan::new(1, 3, 0)
            .below(2)
            .of("payment", "SELECT", SpanKind::Client)
            .attr("db.system", Value::Str("redis")),
    ]);
    let found = dependencies(&store.snapshot(), &budget, TimeRange::ALL).unwrap();
    assert_eq!(
        serde_json::to_value(found).unwrap(),
        json!([{"parent": "gateway", "child": "payment", "callCount": 1}])
    );
}

#[test]
fn parameters_become_a_search() {
    let params = TraceParams {
        service: "payment".to_owned(),
        operation: "charge".to_owned(),
        tags: r#"{"error":"true","s":"text","span.kind":"server"}"#.to_owned(),
        tag: vec!["i:-5".to_owned()],
        min_duration: "0ms".to_owned(),
        max_duration: "1.2s".to_owned(),
        limit: "7".to_owned(),
        start: "6000".to_owned(),
        end: "6000".to_owned(),
        ..TraceParams::default()
    };
    let (search, ids) = search_of(&params, 0).unwrap();
    assert_eq!((search.kind, search.status, search.limit), (Some(SpanKind::Server), Some(StatusCode::Error), 7));
    assert_eq!((search.min_duration, search.max_duration), (Some(0), Some(1_200_000_000)));
    let store = store();
    let found = super::traces(&store.snapshot(), &Budget::unlimited(), &search, &ids).unwrap();
    assert_eq!(found.len(), 1, "{search:?}");

    let no_error = TraceParams { tags: r#"{"error":"false"}"#.to_owned(), ..params.clone() };
    let (search, _) = search_of(&no_error, 0).unwrap();
    assert_eq!(super::traces(&store.snapshot(), &Budget::unlimited(), &search, &[]).unwrap().len(), 0);

    let by_id = TraceParams { trace_id: vec!["abc".to_owned(), "123".to_owned()], ..TraceParams::default() };
    let (search, ids) = search_of(&by_id, 0).unwrap();
    assert_eq!(super::traces(&store.snapshot(), &Budget::unlimited(), &search, &ids).unwrap().len(), 1);
}

#[test]
fn a_search_without_times_looks_back_two_days() {
    let params = TraceParams { service: "s".to_owned(), ..TraceParams::default() };
    let (search, _) = search_of(&params, 10 * DAY + SECOND).unwrap();
    assert_eq!(search.range, TimeRange::new(8 * DAY + SECOND, 10 * DAY + SECOND + MICROSECOND));
    assert_eq!(search.limit, 100);
    assert_eq!(search.query, TraceSearch::new(search.range).query);
}

#[test]
fn wrong_parameters_are_named() {
    let good = TraceParams { service: "s".to_owned(), ..TraceParams::default() };
    let text = |text: &str| text.to_owned();
    let table = [
        (TraceParams { service: text(""), ..good.clone() }, "parameter service"),
        (TraceParams { start: text("yesterday"), ..good.clone() }, "parameter start"),
        (TraceParams { limit: text("-1"), ..good.clone() }, "parameter limit"),
        (TraceParams { tags: text("[1]"), ..good.clone() }, "parameter tags"),
        (TraceParams { tag: vec![text("nocolon")], ..good.clone() }, "parameter tag"),
        (TraceParams { min_duration: text("5"), ..good.clone() }, "parameter minDuration"),
        (TraceParams { trace_id: vec![text("zz")], ..good }, "parameter traceID"),
    ];
    for (params, expected) in table {
        let error = search_of(&params, 0).unwrap_err();
        assert!(matches!(error, QueryError::BadParameter(_)) && error.to_string().starts_with(expected), "{error}");
    }
}
