//! Jaeger's paths, parameters and shapes.

use super::*;

#[tokio::test]
async fn services_and_operations_are_listed() {
    let api = Api::new().await;
    let (_, body) = api.get("/api/services").await;
    assert_eq!(body, json!({"data": ["payment", "shop"], "total": 2, "limit": 0, "offset": 0, "errors": null}));
    let (_, body) = api.get("/api/services/shop/operations").await;
    assert_eq!(body["data"], json!(["POST /orders"]));
    let (_, body) = api.get("/api/operations?service=payment&spanKind=server").await;
    assert_eq!(body["data"], json!([{"name": "charge", "spanKind": "server"}]));
    let (_, body) = api.get("/api/operations?service=payment&spanKind=client").await;
    assert_eq!(body["data"], json!([]));
    let (_, body) = api.get("/api/dependencies?endTs=1795354440000&lookback=3600000").await;
    // A call has a span of kind client, which these traces have not.
    assert_eq!(body["data"], json!([]));
}

#[tokio::test]
async fn traces_are_searched_by_every_parameter() {
    let api = Api::new().await;
    let micros = |minutes_ago: i64| (NOW - minutes_ago * 60 * SECOND) / 1000;
    let range = format!("start={}&end={}", micros(60), micros(0));
    let cases = [
        (format!("service=shop&{range}"), 10),
        (format!("service=shop&{range}&limit=3"), 3),
        (format!("service=payment&operation=charge&{range}"), 10),
        (format!("service=payment&operation=nothing&{range}"), 0),
        (format!("service=shop&tags=%7B%22error%22%3A%22true%22%7D&{range}"), 1),
        (format!("service=shop&tags=%7B%22http.route%22%3A%22%2Forders%22%7D&{range}"), 10),
        (format!("service=shop&minDuration=450ms&maxDuration=0.65s&{range}"), 2),
        (format!("service=shop&start={}&end={}", micros(5), micros(3)), 3),
        ("service=shop&lookback=5m".to_owned(), 5),
        ("service=shop".to_owned(), 10),
        (format!("traceID={}&traceID=abc", data::trace(3)), 1),
    ];
    for (query, expected) in cases {
        let (status, body) = api.get(&format!("/api/traces?{query}")).await;
        assert_eq!(
            (status, body["data"].as_array().map(Vec::len)),
            (StatusCode::OK, Some(expected)),
            "{query}: {body}"
        );
    }
}

#[tokio::test]
async fn one_trace_is_whole_or_not_found() {
    let api = Api::new().await;
    let id = data::trace(7);
    let (status, body) = api.get(&format!("/api/traces/{id}")).await;
    assert_eq!(status, StatusCode::OK);
    let trace = &body["data"][0];
    assert_eq!((&trace["traceID"], trace["spans"].as_array().unwrap().len()), (&json!(id.to_string()), 2));
    let short = id.to_string();
    let (status, _) = api.get(&format!("/api/traces/{}", short.trim_start_matches('0'))).await;
    assert_eq!(status, StatusCode::OK);
    let (status, body) = api.get("/api/traces/123").await;
    assert_eq!((status, &body["errors"][0]), (StatusCode::NOT_FOUND, &json!({"code": 404, "msg": "trace not found"})));
    assert_eq!(body["data"], Value::Null);
}

#[tokio::test]
async fn mistakes_name_the_parameter() {
    let api = Api::new().await;
    for (path, part) in [
        ("/api/traces", "service"),
        ("/api/traces?service=shop&limit=x", "limit"),
        ("/api/traces?service=shop&start=yesterday", "start"),
        ("/api/traces?service=shop&tags=%7B", "tags"),
        ("/api/traces?service=shop&minDuration=5", "minDuration"),
        ("/api/traces?service=shop&lookback=soon", "lookback"),
        ("/api/traces/xyz", "trace id"),
        ("/api/operations", "service"),
        ("/api/dependencies?endTs=x", "endTs"),
        ("/api/metrics/calls", "service"),
        ("/api/metrics/latencies?service=shop", "quantile"),
        ("/api/metrics/latencies?service=shop&quantile=2", "quantile"),
        ("/api/metrics/errors?service=shop&spanKind=x", "spanKind"),
        ("/api/metrics/errors?service=shop&step=0", "step"),
        ("/api/metrics/errors?service=shop&groupByOperation=maybe", "groupByOperation"),
    ] {
        let (status, body) = api.get(path).await;
        let message = body["errors"][0]["msg"].as_str().unwrap_or_default();
        assert_eq!((status, &body["errors"][0]["code"]), (StatusCode::BAD_REQUEST, &json!(400)), "{path}: {body}");
        assert!(message.contains(part), "{path}: {message}");
    }
}

#[tokio::test]
async fn the_monitor_tab_gets_rates_errors_and_latencies() {
    let api = Api::new().await;
    let end = NOW / 1_000_000;
    let range = format!("service=payment&endTs={end}&lookback=240000&step=60000&ratePer=300000");
    let points = |body: &Value| -> Vec<f64> {
        let points = body["metrics"][0]["metricPoints"].as_array().cloned().unwrap_or_default();
        points.iter().map(|it| it["gaugeValue"]["doubleValue"].as_f64().unwrap()).collect()
    };
    let (status, body) = api.get(&format!("/api/metrics/calls?{range}")).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    assert_eq!(
        (&body["name"], &body["type"], &body["help"]),
        (&json!("service_call_rate"), &json!("GAUGE"), &json!("calls/sec, grouped by service"))
    );
    assert_eq!(body["metrics"][0]["labels"], json!([{"name": "service_name", "value": "payment"}]));
    // One call a minute.
    let rates = points(&body);
    assert_eq!(rates.len(), 5, "{body}");
    assert!(rates.iter().all(|rate| (rate * 60.0 - 1.0).abs() < 0.3), "{rates:?}");
    let times = &body["metrics"][0]["metricPoints"];
    assert_eq!(times[4]["timestamp"], json!(crate::api::time::format(NOW)));

    let (_, body) = api.get(&format!("/api/metrics/errors?{range}&groupByOperation=true")).await;
    assert_eq!(body["name"], "service_operation_error_rate");
    let labels = json!([{"name": "operation", "value": "charge"}, {"name": "service_name", "value": "payment"}]);
    assert_eq!(body["metrics"][0]["labels"], labels);
    assert!(points(&body).iter().all(|share| (0.0..=1.0).contains(share)), "{body}");

    let (_, body) = api.get(&format!("/api/metrics/latencies?{range}&quantile=0.95")).await;
    assert_eq!(body["help"], "0.95th quantile latency, grouped by service");
    let latencies = points(&body);
    assert!(!latencies.is_empty() && latencies.iter().all(|ms| (1.0..1_000.0).contains(ms)), "{body}");

    let (_, body) = api.get(&format!("/api/metrics/calls?{range}&spanKind=client")).await;
    assert_eq!(body["metrics"], json!([]));
    // A name is a name, not an expression.
    let (_, body) = api.get(&format!("/api/metrics/calls?service=pay.*&endTs={end}")).await;
    assert_eq!(body["metrics"], json!([]));
    let (_, body) = api.get("/api/metrics/minstep").await;
    assert_eq!(body["data"], 60_000);
}
