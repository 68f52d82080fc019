//! The calls of Grafana's Tempo and Jaeger data sources, as they are sent, and of each answer every field that they read.
//!
//! Source: grafana/grafana, `pkg/tsdb/tempo`, `public/app/plugins/datasource/tempo` and `pkg/tsdb/jaeger`.

use opentelemetry_proto::tonic::trace::v1::TracesData;
use prost::Message;

use super::*;

const HEADERS: [(&str, &str); 3] =
    [("user-agent", "Grafana/12.3.0"), ("accept-encoding", "gzip"), ("x-query-tags", "Source=explore")];

/// A call with the headers of the data source.
async fn call(api: &Api, path: &str, accept: &str) -> (StatusCode, String, Vec<u8>) {
    let mut request = Request::get(path).header("accept", accept);
    for (name, value) in HEADERS {
        request = request.header(name, value);
    }
    api.send(request.body(Body::empty()).unwrap()).await
}

async fn json_of(api: &Api, path: &str) -> Value {
    let (status, kind, body) = call(api, path, "application/json").await;
    assert_eq!((status, kind.as_str()), (StatusCode::OK, "application/json"), "{path}");
    serde_json::from_slice(&body).unwrap()
}

/// Fails unless `value` has exactly the fields `names`.
fn has_fields(value: &Value, names: &[&str]) {
    let found: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    let mut names = names.to_vec();
    names.sort_unstable();
    assert_eq!(found, names);
}

#[tokio::test]
async fn tempo_save_and_test() {
    let api = Api::new().await;
    let (status, _, body) = call(&api, "/api/echo", "*/*").await;
    assert_eq!((status, body.as_slice()), (StatusCode::OK, &b"echo"[..]));
    assert!(json_of(&api, "/api/status/buildinfo").await["data"]["version"].is_string());
}

#[tokio::test]
async fn tempo_search_of_the_query_builder() {
    let api = Api::new().await;
    // What the builder makes of service = payment and a duration, with limit and spans per set.
    let path = "/api/search?q=%7Bresource.service.name%3D%22payment%22+%26%26+duration%3E450ms%7D&limit=20&spss=3&start=1795350840&end=1795354440";
    let body = json_of(&api, path).await;
    let traces = body["traces"].as_array().unwrap();
    assert_eq!(traces.len(), 6);
    let trace = &traces[0];
    has_fields(
        trace,
        &[
            "traceID",
            "rootServiceName",
            "rootTraceName",
            "startTimeUnixNano",
            "durationMs",
            "spanSet",
            "spanSets",
            "serviceStats",
        ],
    );
    assert_eq!(trace["traceID"], json!(data::trace(9).to_string()));
    assert_eq!((&trace["rootServiceName"], &trace["rootTraceName"]), (&json!("shop"), &json!("POST /orders")));
    // Numbers of 64 bits are strings, smaller ones numbers.
    assert_eq!(trace["startTimeUnixNano"], json!((NOW - 60 * SECOND).to_string()));
    assert_eq!(trace["durationMs"], json!(1_000));
    assert_eq!(
        trace["serviceStats"],
        json!({"payment": {"spanCount": 1, "errorCount": 0}, "shop": {"spanCount": 1, "errorCount": 0}})
    );
    let set = &trace["spanSets"][0];
    assert_eq!((trace["spanSets"].as_array().unwrap().len(), &set["matched"]), (1, &json!(1)));
    let span = &set["spans"][0];
    has_fields(span, &["spanID", "name", "startTimeUnixNano", "durationNanos", "attributes"]);
    assert_eq!((&span["name"], &span["durationNanos"]), (&json!("charge"), &json!("1000000000")));
    assert_eq!(span["spanID"].as_str().map(str::len), Some(16));
    let attributes = span["attributes"].as_array().unwrap();
    assert!(
        attributes.contains(&json!({"key": "service.name", "value": {"stringValue": "payment"}})),
        "{attributes:?}"
    );
    let metrics = &body["metrics"];
    assert!(metrics["inspectedTraces"].is_number() && metrics["inspectedSpans"].is_string());
    // The same by the older parameters.
    let older = "/api/search?tags=service.name%3Dpayment&minDuration=450ms&maxDuration=2s&limit=20&start=1795350840&end=1795354440";
    assert_eq!(json_of(&api, older).await["traces"].as_array().unwrap().len(), 6);
}

#[tokio::test]
async fn tempo_trace_by_id_in_protobuf() {
    let api = Api::new().await;
    let id = data::trace(7);
    let accept = "application/protobuf";
    let (status, kind, body) =
        call(&api, &format!("/api/v2/traces/{id}?start=1795350840&end=1795354440"), accept).await;
    assert_eq!((status, kind.as_str()), (StatusCode::OK, accept));
    // TraceByIDResponse: field 1 the trace, field 2 metrics.
    assert_eq!(body[0], 0x0a);
    let (_, _, older) = call(&api, &format!("/api/traces/{id}"), accept).await;
    let trace = TracesData::decode(older.as_slice()).unwrap();
    let spans: Vec<_> = trace.resource_spans.iter().flat_map(|it| &it.scope_spans).flat_map(|it| &it.spans).collect();
    assert_eq!(spans.len(), 2);
    for span in spans {
        assert_eq!((span.trace_id.as_slice(), span.span_id.len(), span.kind), (&id.0[..], 8, 2));
        assert!(span.end_time_unix_nano > span.start_time_unix_nano && !span.name.is_empty());
        assert_eq!(span.status.as_ref().map(|status| status.code), Some(2));
    }
    // Where there is none, both paths say so, for the data source to fall back and to tell.
    for path in ["/api/v2/traces/0af7651916cd43dd8448eb211c80319c", "/api/traces/0af7651916cd43dd8448eb211c80319c"] {
        assert_eq!(call(&api, path, accept).await.0, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn tempo_tags_and_values_of_the_editor() {
    let api = Api::new().await;
    let range = "start=1795350840&end=1795354440";
    let body = json_of(&api, &format!("/api/v2/search/tags?limit=5000&{range}")).await;
    let scopes = body["scopes"].as_array().unwrap();
    for scope in scopes {
        has_fields(scope, &["name", "tags"]);
        assert!(scope["tags"].as_array().unwrap().iter().all(Value::is_string));
    }
    let names: Vec<&str> = scopes.iter().map(|it| it["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["resource", "span", "event", "link", "intrinsic"]);
    for scope in ["event", "link", "resource", "span", "instrumentation", "intrinsic", "none"] {
        json_of(&api, &format!("/api/v2/search/tags?scope={scope}&{range}")).await;
    }
    let values = async |tag: &str, q: &str| {
        let body = json_of(&api, &format!("/api/v2/search/tag/{tag}/values?q={q}&limit=1000&{range}")).await;
        let values = body["tagValues"].as_array().unwrap().clone();
        values.iter().for_each(|value| has_fields(value, &["type", "value"]));
        values
            .iter()
            .map(|it| format!("{}:{}", it["type"].as_str().unwrap(), it["value"].as_str().unwrap()))
            .collect::<Vec<_>>()
    };
    assert_eq!(values("resource.service.name", "").await, ["string:payment", "string:shop"]);
    // With the other conditions of the query, and with one that has only begun.
    assert_eq!(values("resource.service.name", "%7Bname%3D%22charge%22%7D").await, ["string:payment"]);
    assert_eq!(values("name", "%7Bresource.service.name%3D%22shop%22%7D").await, ["string:POST /orders"]);
    assert_eq!(values("name", "%7Bresource.service.name%3D").await, ["string:POST /orders", "string:charge"]);
    assert_eq!(values("event.exception.type", "").await, ["string:Declined"]);
    assert_eq!(values("event%3Aname", "").await, ["string:exception"]);
    assert_eq!(values("link.batch", "").await, ["int:4"]);
    assert_eq!(values("status", "").await, ["keyword:unset", "keyword:error"]);
    assert_eq!(values("span.http.route", "").await, ["string:/orders"]);
    assert_eq!(values("span.http%252Eroute", "").await, ["string:/orders"]);
}

#[tokio::test]
async fn tempo_metrics_with_exemplars() {
    let api = Api::new().await;
    let path = "/api/metrics/query_range?q=%7Bresource.service.name%3D%22payment%22%7D%7Cquantile_over_time%28duration%2C.95%29by%28name%29&start=1795353600&end=1795354440&step=60s&exemplars=100";
    let body = json_of(&api, path).await;
    let series = &body["series"].as_array().unwrap()[0];
    has_fields(series, &["labels", "samples", "promLabels", "exemplars"]);
    let labels = series["labels"].as_array().unwrap();
    assert_eq!(labels[0], json!({"key": "name", "value": {"stringValue": "charge"}}));
    assert_eq!(labels[1], json!({"key": "p", "value": {"doubleValue": 0.95}}));
    assert!(series["promLabels"].as_str().unwrap().starts_with("{name=\"charge\""));
    let samples = series["samples"].as_array().unwrap();
    assert_eq!(samples.len(), 10);
    for sample in samples {
        has_fields(sample, &["timestampMs", "value"]);
        assert!(sample["timestampMs"].is_string() && sample["value"].is_number());
    }
    let exemplars = series["exemplars"].as_array().unwrap();
    assert_eq!(exemplars.len(), 10);
    for (number, exemplar) in exemplars.iter().enumerate() {
        has_fields(exemplar, &["labels", "value", "timestampMs"]);
        let id = data::trace(number as u64).to_string();
        assert!(
            exemplar["labels"].as_array().unwrap().contains(&json!({"key": "trace:id", "value": {"stringValue": id}}))
        );
        let seconds = (number + 1) as f64 / 10.0;
        assert!((exemplar["value"].as_f64().unwrap() - seconds).abs() < 1e-9, "{exemplar}");
        assert!(exemplar["timestampMs"].is_string());
    }
    let without = json_of(&api, &path.replace("exemplars=100", "exemplars=0")).await;
    assert_eq!(without["series"][0]["exemplars"], json!([]));
    let instant = path.replace("query_range", "query").replace("&step=60s&exemplars=100", "");
    let body = json_of(&api, &instant).await;
    has_fields(&body["series"][0], &["labels", "promLabels", "value"]);
}

#[tokio::test]
async fn jaeger_health_services_and_operations() {
    let api = Api::new().await;
    let body = json_of(&api, "/api/services").await;
    assert_eq!(body, json!({"data": ["payment", "shop"], "total": 2, "limit": 0, "offset": 0, "errors": null}));
    let body = json_of(&api, "/api/services/payment/operations").await;
    has_fields(&body, &["data", "total", "limit", "offset", "errors"]);
    assert_eq!(body["data"], json!(["charge"]));
    let body = json_of(&api, "/api/dependencies?endTs=1795354440000&lookback=3600000").await;
    // A call has a span of kind client, which these traces have not; `query::services` has those that do.
    assert_eq!(body, json!({"data": [], "total": 0, "limit": 0, "offset": 0, "errors": null}));
}

#[tokio::test]
async fn jaeger_search_and_trace() {
    let api = Api::new().await;
    let micros = |minutes: i64| (NOW - minutes * 60 * SECOND) / 1_000;
    let tags = "%7B%22error%22%3A%22true%22%7D";
    let path = format!(
        "/api/traces?service=shop&operation=POST+%2Forders&tags={tags}&minDuration=100ms&maxDuration=1.2s&limit=20&start={}&end={}&lookback=custom",
        micros(60),
        micros(0)
    );
    let body = json_of(&api, &path).await;
    has_fields(&body, &["data", "total", "limit", "offset", "errors"]);
    assert_eq!(body["data"].as_array().unwrap().len(), 1);
    let found = json_of(&api, &format!("/api/traces/{}?start={}&end={}", data::trace(7), micros(60), micros(0))).await;
    let trace = &found["data"][0];
    assert_eq!(&body["data"][0], trace);
    has_fields(trace, &["traceID", "processes", "spans", "warnings"]);
    assert_eq!(trace["traceID"], json!(data::trace(7).to_string()));
    let process = &trace["processes"]["p1"];
    assert!(process["serviceName"].is_string() && process["tags"].is_array());
    let spans = trace["spans"].as_array().unwrap();
    assert_eq!(spans.len(), 2);
    for span in spans {
        for name in ["traceID", "spanID", "operationName", "processID"] {
            assert!(span[name].is_string(), "{name}");
        }
        for name in ["startTime", "duration", "flags"] {
            assert!(span[name].is_i64() || span[name].is_u64(), "{name}");
        }
        for tag in span["tags"].as_array().unwrap() {
            has_fields(tag, &["key", "type", "value"]);
            assert!(["string", "bool", "int64", "float64"].contains(&tag["type"].as_str().unwrap()));
        }
        let tag = |key: &str| span["tags"].as_array().unwrap().iter().find(|it| it["key"] == key).cloned();
        assert_eq!(tag("span.kind").unwrap()["value"], json!("server"));
        assert_eq!(tag("error").unwrap(), json!({"key": "error", "type": "bool", "value": true}));
    }
    let child = spans.iter().find(|it| it["operationName"] == "charge").unwrap();
    let parent = spans.iter().find(|it| it["operationName"] == "POST /orders").unwrap();
    assert_eq!(
        child["references"],
        json!([{"refType": "CHILD_OF", "traceID": trace["traceID"], "spanID": parent["spanID"]}])
    );
    // A link is a reference of the other kind.
    let linked =
        json!([{"refType": "FOLLOWS_FROM", "traceID": data::trace(3).to_string(), "spanID": "0000000000000001"}]);
    assert_eq!(parent["references"], linked);
    // An event is a log whose first field names it.
    let log = &child["logs"][0];
    has_fields(log, &["timestamp", "fields"]);
    assert!(log["timestamp"].is_u64());
    assert_eq!(log["fields"][0], json!({"key": "event", "type": "string", "value": "exception"}));
}
