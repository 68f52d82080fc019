//! `/api/v1/traces/{id}`: spans, log records and exemplars of one id.

use super::*;

/// The rows that all tests have, and ids that only a log record, only an exemplar, or both have, 20 days before the others.
async fn api() -> (Api, [TraceId; 3]) {
    let ids = [100, 101, 102].map(data::trace);
    let [logged, measured, both] = ids;
    let time = NOW - 20 * 86_400 * SECOND;
    let mut rows = data::rows();
    for id in [logged, both] {
        rows.logs.push(&LogRecord {
            time,
            observed_time: 0,
            severity_number: 17,
            severity_text: "",
            body: "no span was sampled",
            body_value: &[],
            event_name: "",
            trace_id: Some(id),
            span_id: None,
            flags: 0,
            attrs: Attrs::default(),
            dropped_attributes: 0,
            service: "shop",
            resource: Resource::default(),
            scope: Scope::default(),
        });
    }
    let series = Series {
        name: "latency",
        unit: "s",
        description: "",
        kind: MetricKind::Gauge,
        temporality: Temporality::Unspecified,
        monotonic: false,
        attrs: Attrs::default(),
        attr_bytes: &[],
        service: "",
        resource: Resource::default(),
        scope: Scope::default(),
    };
    let series = rows.metrics.series(&series, time);
    rows.metrics.push(&Point { series, time, start_time: 0, flags: 0, value: PointValue::Int(1) });
    for (value, id) in [(0.5, measured), (f64::NAN, both), (2.5, measured)] {
        rows.exemplars.push(&model::Exemplar {
            series,
            time: time + value as Nanos,
            value,
            trace_id: Some(id),
            span_id: Some(SpanId([7; 8])),
            attrs: Attrs::default(),
            attr_bytes: &[],
        });
    }
    (Api::over(Status::default(), rows).await, ids)
}

#[tokio::test]
async fn one_look_up_finds_all_three_signals() {
    let (api, _) = Box::pin(api()).await;
    let id = data::trace(2);
    let (status, body) = api.get(&format!("/api/v1/traces/{id}")).await;
    assert_eq!((status, &body["trace_id"]), (StatusCode::OK, &json!(id.to_string())));
    let names: Vec<&Value> = body["spans"].as_array().unwrap().iter().map(|span| &span["service"]).collect();
    assert_eq!(names, ["shop", "payment"]);
    assert_eq!(body["spans"][1]["parent_span_id"], body["spans"][0]["span_id"]);
    assert_eq!(body["logs"][0]["body"], "order 2 accepted");
    assert_eq!(
        body["exemplars"],
        json!([{"time": "2026-11-22T13:26:00Z", "name": "orders", "unit": "{order}", "service": "shop", "attributes": {},
            "value": 6.5, "span_id": "0000000000000015", "filtered_attributes": {"order": 2}}])
    );
    assert_eq!((&body["truncated"], &body["warnings"]), (&json!(false), &json!([])));
    let (_, short) = api.get(&format!("/api/v1/traces/{}", id.to_string().trim_start_matches('0'))).await;
    assert_eq!(short, body);
}

#[tokio::test]
async fn an_id_without_spans_has_what_else_carries_it() {
    let (api, [logged, measured, both]) = Box::pin(api()).await;
    for (id, n_logs, values) in [(logged, 1, json!([])), (measured, 0, json!([0.5, 2.5])), (both, 1, json!(["NaN"]))] {
        let (status, body) = api.get(&format!("/api/v1/traces/{id}")).await;
        let found: Vec<&Value> = body["exemplars"].as_array().unwrap().iter().map(|it| &it["value"]).collect();
        assert_eq!((status, &body["spans"]), (StatusCode::OK, &json!([])), "{body}");
        assert_eq!((body["logs"].as_array().unwrap().len(), json!(found)), (n_logs, values), "{body}");
        // Jaeger's form has no place for them; it says where they are.
        let (status, body) = api.get(&format!("/api/traces/{id}")).await;
        let message = format!("no span of the trace is stored; /api/v1/traces/{id} has its log records and exemplars");
        assert_eq!((status, &body["errors"][0]["msg"]), (StatusCode::NOT_FOUND, &json!(message)));
    }
    let (_, body) = api.get(&format!("/api/v1/traces/{measured}?limit=1")).await;
    assert_eq!((body["exemplars"].as_array().unwrap().len(), &body["truncated"]), (1, &json!(true)));
}

#[tokio::test]
async fn an_id_that_nothing_carries_is_not_found() {
    let (api, _) = Box::pin(api()).await;
    let id = data::trace(200);
    let cases = [
        (
            id.to_string(),
            StatusCode::NOT_FOUND,
            format!("no span, log record or exemplar with trace id {id} is stored"),
        ),
        (
            "xyz".to_owned(),
            StatusCode::BAD_REQUEST,
            "parameter trace id: up to 32 hex digits are expected, not `xyz`".to_owned(),
        ),
        (
            format!("{id}?limit=0"),
            StatusCode::BAD_REQUEST,
            "parameter limit: from 1 to 5000 are allowed, not 0".to_owned(),
        ),
    ];
    for (path, status, message) in cases {
        let (found, body) = api.get(&format!("/api/v1/traces/{path}")).await;
        assert_eq!((found, &body["error"]), (status, &json!(message)), "{path}");
    }
}
