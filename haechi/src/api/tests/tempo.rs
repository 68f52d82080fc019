//! Tempo's paths and shapes, asked as Grafana's data source asks, and version 3 of Jaeger's.

use opentelemetry_proto::tonic::trace::v1::TracesData;
use prost::Message;

use super::*;

const LAST_HOUR: &str = "start=1795350840&end=1795354440";

async fn protobuf(api: &Api, path: &str) -> (StatusCode, String, Vec<u8>) {
    let accept = "application/protobuf";
    api.send(Request::get(path).header("accept", accept).body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn a_data_source_is_tested_by_its_echo_and_its_version() {
    let api = Api::new().await;
    let (status, _, body) = api.send(Request::get("/api/echo").body(Body::empty()).unwrap()).await;
    assert_eq!((status, body.as_slice()), (StatusCode::OK, &b"echo"[..]));
    let (_, body) = api.get("/api/status/buildinfo").await;
    assert_eq!((&body["status"], &body["data"]["version"]), (&json!("success"), &json!(env!("CARGO_PKG_VERSION"))));
}

#[tokio::test]
async fn a_trace_comes_as_protobuf_and_as_json() {
    let api = Api::new().await;
    let id = data::trace(7);
    let (status, kind, body) = protobuf(&api, &format!("/api/v2/traces/{id}?start=1&end=2")).await;
    assert_eq!((status, kind.as_str()), (StatusCode::OK, "application/protobuf"));
    // Field 1 of the answer is the trace, which the older path has alone.
    let (_, _, older) = protobuf(&api, &format!("/api/traces/{id}")).await;
    assert_eq!(body[0], 1 << 3 | 2);
    assert!(body.windows(older.len()).any(|window| window == older));
    let trace = TracesData::decode(older.as_slice()).unwrap();
    let spans: usize = trace.resource_spans.iter().flat_map(|it| &it.scope_spans).map(|it| it.spans.len()).sum();
    assert_eq!((trace.resource_spans.len(), spans), (2, 2));

    let (status, body) = api.get(&format!("/api/v2/traces/{id}")).await;
    let read: TracesData = serde_json::from_value(body["trace"].clone()).unwrap();
    assert_eq!((status, read), (StatusCode::OK, trace.clone()));
    let (_, body) = api.get(&format!("/api/v3/traces/{id}")).await;
    assert_eq!(serde_json::from_value::<TracesData>(body["result"].clone()).unwrap(), trace);
    // Who asks for anything else gets Jaeger's.
    let (_, body) = api.get(&format!("/api/traces/{id}")).await;
    assert_eq!(body["data"][0]["traceID"], json!(id.to_string()));

    for path in ["/api/v2/traces/123", "/api/traces/123"] {
        let (status, kind, body) = protobuf(&api, path).await;
        assert_eq!((status, kind.as_str()), (StatusCode::NOT_FOUND, "text/plain; charset=utf-8"), "{path}");
        assert!(String::from_utf8(body).unwrap().starts_with("no span with trace id "));
    }
    let (status, _, body) = protobuf(&api, "/api/v2/traces/xyz").await;
    assert_eq!((status, body.starts_with(b"parameter trace id: ")), (StatusCode::BAD_REQUEST, true));
}

#[tokio::test]
async fn traces_are_searched_by_traceql_and_by_tags() {
    let api = Api::new().await;
    let cases = [
        ("q=%7B%7D", 10),
        ("q=%7B%7D&limit=4", 4),
        ("q=%7B%20resource.service.name%20%3D%20%22payment%22%20%26%26%20name%20%3D%20%22charge%22%20%7D", 10),
        ("q=%7B%20status%20%3D%20error%20%7D", 1),
        ("q=%7B%20name%20%3D%20%22POST%20%2Forders%22%20%7D%20%3E%20%7B%20name%20%3D%20%22charge%22%20%7D", 10),
        ("tags=service.name%3Dpayment%20http.route%3D%2Forders", 10),
        ("tags=service.name%3Dnobody", 0),
        ("minDuration=450ms&maxDuration=0.65s", 2),
        ("", 10),
    ];
    for (query, expected) in cases {
        let (status, body) = api.get(&format!("/api/search?{query}&{LAST_HOUR}&spss=1")).await;
        assert_eq!(status, StatusCode::OK, "{query}: {body}");
        assert_eq!(body["traces"].as_array().map(Vec::len), Some(expected), "{query}: {body}");
    }
    let (_, body) = api.get(&format!("/api/search?q=%7B%20name%20%3D%20%22charge%22%20%7D&limit=1&{LAST_HOUR}")).await;
    let trace = &body["traces"][0];
    assert_eq!((&trace["rootServiceName"], &trace["rootTraceName"]), (&json!("shop"), &json!("POST /orders")));
    assert_eq!(trace["serviceStats"]["payment"], json!({"spanCount": 1, "errorCount": 0}));
    let set = &trace["spanSets"][0];
    assert_eq!(
        (&set["matched"], set, set["spans"][0]["name"].as_str()),
        (&json!(1), &trace["spanSet"], Some("charge"))
    );
    for text in ["startTimeUnixNano", "traceID"] {
        assert!(trace[text].is_string(), "{text}");
    }
    assert!(trace["durationMs"].is_number() && set["spans"][0]["durationNanos"].is_string());
}

#[tokio::test]
async fn metrics_of_spans_are_series_over_time() {
    let api = Api::new().await;
    let by_service = "q=%7B%7D%20%7C%20count_over_time()%20by%20(resource.service.name)";
    let (status, body) = api.get(&format!("/api/metrics/query_range?{by_service}&{LAST_HOUR}&step=60s")).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let series = body["series"].as_array().unwrap();
    let name = &series[0]["labels"][0];
    assert_eq!(name, &json!({"key": "resource.service.name", "value": {"stringValue": "payment"}}));
    assert_eq!((series.len(), &series[1]["promLabels"]), (2, &json!("{resource.service.name=\"shop\"}")));
    let counted: f64 = series[0]["samples"].as_array().unwrap().iter().map(|it| it["value"].as_f64().unwrap()).sum();
    assert_eq!(counted, 10.0);
    assert!(series[0]["samples"][0]["timestampMs"].is_string());
    let (_, body) = api.get(&format!("/api/metrics/query?{by_service}&since=1h")).await;
    let values: Vec<&Value> = body["series"].as_array().unwrap().iter().map(|it| &it["value"]).collect();
    assert_eq!(values, [&json!(10.0), &json!(10.0)]);
}

#[tokio::test]
async fn mistakes_are_told_in_plain_text() {
    let api = Api::new().await;
    let cases = [
        ("/api/search?q=%7B%20name%20%3D%20%7D", "expected"),
        ("/api/search?minDuration=long", "parameter minDuration: "),
        ("/api/search?tags=novalue", "parameter tags: "),
        ("/api/search?limit=x", "parameter limit: "),
        ("/api/search?start=later", "parameter start: "),
        ("/api/v2/search/tags?scope=galaxy", "parameter scope: "),
        ("/api/metrics/query_range", "parameter q: "),
        ("/api/metrics/query_range?q=%7B%7D", "expected"),
        ("/api/metrics/query_range?q=%7B%7D%20%7C%20rate()&step=0", "parameter step: "),
        ("/api/metrics/query?q=%7B%7D%20%7C%20rate()&since=x", "parameter since: "),
    ];
    for (path, part) in cases {
        let (status, kind, body) = api.send(Request::get(path).body(Body::empty()).unwrap()).await;
        let text = String::from_utf8(body).unwrap();
        assert_eq!((status, kind.as_str()), (StatusCode::BAD_REQUEST, "text/plain; charset=utf-8"), "{path}");
        assert!(text.contains(part), "{path}: {text}");
    }
}

#[tokio::test]
async fn tags_and_values_are_offered() {
    let api = Api::new().await;
    let (_, body) = api.get(&format!("/api/v2/search/tags?{LAST_HOUR}")).await;
    let scope = |name: &str| body["scopes"].as_array().unwrap().iter().find(|it| it["name"] == name).cloned();
    assert_eq!(scope("resource").unwrap()["tags"], json!(["service.name"]));
    assert_eq!(scope("span").unwrap()["tags"], json!(["http.route"]));
    assert!(scope("intrinsic").unwrap()["tags"].as_array().unwrap().contains(&json!("traceDuration")));
    let (_, body) = api.get(&format!("/api/v2/search/tags?scope=span&{LAST_HOUR}")).await;
    assert_eq!(body, json!({"scopes": [{"name": "span", "tags": ["http.route"]}]}));
    let (_, body) = api.get(&format!("/api/search/tags?scope=resource&{LAST_HOUR}")).await;
    assert_eq!(body, json!({"tagNames": ["service.name"]}));

    let cases = [
        ("resource.service.name", json!([{"type": "string", "value": "payment"}, {"type": "string", "value": "shop"}])),
        // Encoded twice, as some versions of Grafana do.
        ("span.http%252Eroute", json!([{"type": "string", "value": "/orders"}])),
        ("status", json!([{"type": "keyword", "value": "unset"}, {"type": "keyword", "value": "error"}])),
        ("duration", json!([])),
    ];
    for (tag, expected) in cases {
        let (_, body) = api.get(&format!("/api/v2/search/tag/{tag}/values?{LAST_HOUR}")).await;
        assert_eq!(body, json!({"tagValues": expected}), "{tag}");
    }
    let (_, body) = api.get(&format!("/api/search/tag/service.name/values?{LAST_HOUR}&limit=1")).await;
    assert_eq!(body, json!({"tagValues": ["payment"]}));
}

#[tokio::test]
async fn version_3_of_jaeger_answers_in_otlp() {
    let api = Api::new().await;
    let (_, body) = api.get("/api/v3/services").await;
    assert_eq!(body, json!({"services": ["payment", "shop"]}));
    let (_, body) = api.get("/api/v3/operations?service=payment&span_kind=server").await;
    assert_eq!(body, json!({"operations": [{"name": "charge", "spanKind": "server"}]}));

    let range = "query.startTimeMin=2026-11-22T12:34:00Z&query.startTimeMax=2026-11-22T13:34:00Z";
    let older = "query.start_time_min=2026-11-22T12:34:00Z&query.start_time_max=2026-11-22T13:34:00Z";
    let cases = [
        (format!("query.serviceName=shop&{range}"), 10),
        (format!("query.service_name=shop&{older}&query.num_traces=3"), 3),
        (format!("query.serviceName=shop&{range}&query.searchDepth=2&query.num_traces=3"), 2),
        (format!("query.serviceName=payment&query.operationName=charge&{range}"), 10),
        (format!("query.serviceName=shop&{range}&query.durationMin=450ms&query.duration_max=0.65s"), 2),
        (format!("{range}&query.attributes=%7B%22http.route%22%3A%22%2Forders%22%7D"), 10),
    ];
    for (query, expected) in cases {
        let (status, body) = api.get(&format!("/api/v3/traces?{query}")).await;
        assert_eq!(status, StatusCode::OK, "{query}: {body}");
        let found: TracesData = serde_json::from_value(body["result"].clone()).unwrap();
        let ids: std::collections::BTreeSet<_> =
            found.resource_spans.iter().map(|it| it.scope_spans[0].spans[0].trace_id.clone()).collect();
        assert_eq!(ids.len(), expected, "{query}");
    }
    let (status, body) = api.get(&format!("/api/v3/traces?query.serviceName=nobody&{range}")).await;
    assert_eq!(
        (status, body),
        (StatusCode::NOT_FOUND, json!({"error": {"httpCode": 404, "message": "no trace is found"}}))
    );
    for query in [
        "query.serviceName=shop",
        "query.startTimeMin=x&query.startTimeMax=y",
        &format!("{range}&query.searchDepth=-1"),
    ] {
        let (status, body) = api.get(&format!("/api/v3/traces?{query}")).await;
        assert_eq!((status, &body["error"]["httpCode"]), (StatusCode::BAD_REQUEST, &json!(400)), "{query}");
        assert!(body["error"]["message"].as_str().unwrap().starts_with("parameter query."), "{body}");
    }
}
