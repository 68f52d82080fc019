//! Prometheus' paths, parameters and shapes.

use super::*;

const FORM: &str = "application/x-www-form-urlencoded";

#[tokio::test]
async fn instant_queries_answer_by_get_and_by_form() {
    let api = Api::new().await;
    let seconds = NOW / SECOND;
    // Grafana's health check, in 1970.
    let (status, body) = api.get("/api/v1/query?query=1%2B1&time=4").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(body, json!({"status": "success", "data": {"resultType": "scalar", "result": [4, "2"]}}));
    let (_, by_get) = api.get(&format!("/api/v1/query?query=sum(orders_total)&time={seconds}")).await;
    assert_eq!(by_get["data"]["result"][0]["value"], json!([seconds, "540"]), "{by_get}");
    let (_, by_form) = api.post("/api/v1/query", FORM, &format!("query=sum(orders_total)&time={seconds}")).await;
    assert_eq!(by_get, by_form);
    let (_, now) = api.get("/api/v1/query?query=sum(orders_total)").await;
    assert_eq!(by_get, now);
    let (_, rfc) = api.get("/api/v1/query?query=sum(orders_total)&time=2026-11-22T13:34:00Z").await;
    assert_eq!(by_get, rfc);
}

#[tokio::test]
async fn range_queries_answer_in_steps() {
    let api = Api::new().await;
    let seconds = NOW / SECOND;
    for step in ["60", "60s", "1m", "60.0"] {
        let form = format!("query=sum(rate(orders_total[2m]))&start={}&end={seconds}&step={step}", seconds - 300);
        let (status, body) = api.post("/api/v1/query_range", FORM, &form).await;
        assert_eq!((status, &body["data"]["resultType"]), (StatusCode::OK, &json!("matrix")), "{step}: {body}");
        let values = body["data"]["result"][0]["values"].as_array().unwrap();
        // The last step sees one point: ranges are open on the left.
        assert_eq!((values.len(), &values[0][0]), (5, &json!(seconds - 300)), "{step}: {body}");
        assert_eq!(values[1][1], "1", "{body}");
    }
}

#[tokio::test]
async fn labels_series_and_metadata_are_listed() {
    let api = Api::new().await;
    let (_, names) = api.get("/api/v1/label/__name__/values").await;
    assert!(names["data"].as_array().unwrap().contains(&json!("orders_total")), "{names}");
    let (_, jobs) = api.get("/api/v1/label/job/values?match[]=orders_total").await;
    assert_eq!(jobs["data"], json!(["shop"]));
    let (_, labels) = api.post("/api/v1/labels", FORM, "match[]=orders_total").await;
    assert!(labels["data"].as_array().unwrap().contains(&json!("job")), "{labels}");
    let (_, series) = api.get("/api/v1/series?match[]=orders_total&start=2026-11-22T13:00:00Z&end=1795354440").await;
    assert_eq!((&series["data"][0]["__name__"], &series["data"][0]["job"]), (&json!("orders_total"), &json!("shop")));
    let (_, none) = api.get("/api/v1/series?match[]=orders_total&start=0&end=10").await;
    assert_eq!(none["data"], json!([]));
    let (_, metadata) = api.get("/api/v1/metadata?limit=1").await;
    assert_eq!(metadata["data"]["orders_total"][0]["type"], "counter", "{metadata}");
    let (_, limited) = api.get("/api/v1/label/__name__/values?limit=1").await;
    assert_eq!(limited["data"].as_array().unwrap().len(), 1);
    let (status, info) = api.get("/api/v1/status/buildinfo").await;
    assert_eq!((status, &info["data"]["version"]), (StatusCode::OK, &json!(env!("CARGO_PKG_VERSION"))));
}

#[tokio::test]
async fn exemplars_are_those_of_every_selector_in_the_expression() {
    let api = Api::new().await;
    let first = NOW / SECOND - 600;
    for (query, range, n) in [
        ("orders_total", "", 3),
        ("sum(rate(orders_total[5m])) / sum(rate(orders_total[1h]))", "", 3),
        ("{\"orders\"}", "", 3),
        ("orders_total", &format!("&start={first}&end={first}"), 1),
        ("orders_total{job=\"payment\"}", "", 0),
        ("1", "", 0),
    ] {
        let form = format!("query={}{range}", query.replace('+', "%2B").replace('&', "%26"));
        let form = if range.is_empty() { form } else { format!("query={query}{range}") };
        let (status, body) = api.post("/api/v1/query_exemplars", FORM, &form).await;
        let found = body["data"].as_array().unwrap();
        let n_found = found.first().map_or(0, |series| series["exemplars"].as_array().unwrap().len());
        assert_eq!((status, n_found, found.len()), (StatusCode::OK, n, n.min(1)), "{query}: {body}");
    }
    let (_, body) = api.get("/api/v1/query_exemplars?query=orders_total").await;
    let series = &body["data"][0];
    assert_eq!(
        (&series["seriesLabels"]["__name__"], &series["seriesLabels"]["job"]),
        (&json!("orders_total"), &json!("shop"))
    );
    let labels = json!({"order": "0", "trace_id": "0000000000000abc0000000000000001", "span_id": "0000000000000001"});
    assert_eq!(series["exemplars"][0], json!({"labels": labels, "value": "6.5", "timestamp": first}));
    for path in [
        "/api/v1/query_exemplars",
        "/api/v1/query_exemplars?query=sum(",
        "/api/v1/query_exemplars?query=a&start=9&end=1",
    ] {
        let (status, body) = api.get(path).await;
        assert_eq!((status.as_u16(), &body["errorType"]), (400, &json!("bad_data")), "{path}: {body}");
    }
}

#[tokio::test]
async fn what_grafana_asks_besides_is_answered() {
    let api = Api::new().await;
    let (status, body) = api.get("/api/v1/status/tsdb").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(body["data"]["headStats"]["numSeries"], 1, "{body}");
    assert_eq!(body["data"]["seriesCountByMetricName"], json!([{"name": "orders", "value": 1}]));
    assert_eq!(api.get("/api/v1/status/tsdb?limit=0").await.0, StatusCode::BAD_REQUEST);
    let (_, targets) = api.get("/api/v1/targets").await;
    assert_eq!(targets["data"], json!({"activeTargets": [], "droppedTargets": []}));
}

#[tokio::test]
async fn mistakes_have_the_class_and_status_of_prometheus() {
    let api = Api::new().await;
    let deep = format!("/api/v1/query?query={}1{}", "(".repeat(2_000), ")".repeat(2_000));
    for (path, status, kind) in [
        ("/api/v1/query?query=sum(", 400, "bad_data"),
        ("/api/v1/query", 400, "bad_data"),
        ("/api/v1/query?query=1&time=soon", 400, "bad_data"),
        ("/api/v1/query?query=1&timeout=-1", 400, "bad_data"),
        ("/api/v1/query_range?query=1&start=0&end=10", 400, "bad_data"),
        ("/api/v1/query_range?query=1&start=0&end=10&step=0", 400, "bad_data"),
        ("/api/v1/query_range?query=1&start=10&end=0&step=1", 400, "bad_data"),
        ("/api/v1/query_range?query=1&start=0&end=1000000&step=1", 400, "bad_data"),
        ("/api/v1/series", 400, "bad_data"),
        ("/api/v1/labels?match[]=%7B", 400, "bad_data"),
        ("/api/v1/label/U__a_zz_/values", 400, "bad_data"),
        (deep.as_str(), 400, "bad_data"),
    ] {
        let (found, body) = api.get(path).await;
        let shown: String = path.chars().take(60).collect();
        assert_eq!((found.as_u16(), &body["errorType"]), (status, &json!(kind)), "{shown}: {body}");
        assert_eq!(body["status"], "error");
    }
}
