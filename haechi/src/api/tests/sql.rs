//! `/api/v1/sql`.

use super::*;

const QUERY: &str = "SELECT service, count(*) AS n FROM spans GROUP BY service ORDER BY service";

#[tokio::test]
async fn statements_come_as_text_or_json_and_rows_go_as_objects() {
    let api = Api::new().await;
    let in_json = json!({ "query": QUERY }).to_string();
    for (kind, body) in
        [("text/plain", QUERY), ("application/x-www-form-urlencoded", QUERY), ("application/json", &in_json)]
    {
        let (status, answer) = api.post("/api/v1/sql", kind, body).await;
        assert_eq!(status, StatusCode::OK, "{kind}: {answer}");
        assert_eq!(answer["rows"], json!([{"service": "payment", "n": 10}, {"service": "shop", "n": 10}]), "{kind}");
        assert_eq!(answer["columns"], json!([{"name": "service", "type": "string"}, {"name": "n", "type": "integer"}]));
        assert_eq!((&answer["truncated"], &answer["warnings"]), (&json!(false), &json!([])));
    }
    let (_, answer) = api.post("/api/v1/sql?rows=arrays&limit=1", "text/plain", QUERY).await;
    assert_eq!((&answer["rows"], &answer["truncated"]), (&json!([["payment", 10]]), &json!(true)));
    let (_, answer) = api
        .post("/api/v1/sql", "text/plain", "SELECT count(*) AS n FROM logs WHERE time > now() - INTERVAL '90 seconds'")
        .await;
    assert_eq!(answer["rows"], json!([{"n": 1}]));
}

#[tokio::test]
async fn arrow_comes_when_asked_for() {
    let api = Api::new().await;
    let request = Request::post("/api/v1/sql").header("accept", "application/vnd.apache.arrow.stream");
    let (status, kind, body) = api.send(request.body(Body::from(QUERY)).unwrap()).await;
    assert_eq!((status, kind.as_str()), (StatusCode::OK, "application/vnd.apache.arrow.stream"));
    // A stream begins with a continuation mark and ends with one and a length of zero.
    assert!(body.starts_with(&[0xff; 4]) && body.ends_with(&[0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]));
}

#[tokio::test]
async fn mistakes_say_where() {
    let api = Api::new().await;
    for (kind, body, part) in [
        ("text/plain", "SELECT\n  wrong FROM spans", "wrong"),
        ("text/plain", "DROP TABLE spans", "not a query"),
        ("text/plain", "", "empty"),
        ("application/json", "{\"sql\":\"SELECT 1\"}", "query"),
        ("application/json", "SELECT 1", "query"),
    ] {
        let (status, answer) = api.post("/api/v1/sql", kind, body).await;
        assert_eq!((status, &answer["errorType"]), (StatusCode::BAD_REQUEST, &json!("bad_data")), "{body}: {answer}");
        assert!(answer["error"].as_str().unwrap().contains(part), "{body}: {answer}");
    }
    let (_, answer) = api.post("/api/v1/sql", "text/plain", "SELECT\n  wrong FROM spans").await;
    assert_eq!(answer["position"], json!({"line": 2, "column": 3}));
    let (status, _) = api.get("/api/v1/sql").await;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
    for (parameters, part) in [("limit=x", "limit"), ("max=5", "`limit` or `rows`"), ("rows=lists", "lists")] {
        let (status, answer) = api.post(&format!("/api/v1/sql?{parameters}"), "text/plain", QUERY).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{parameters}: {answer}");
        assert!(answer["error"].as_str().unwrap().contains(part), "{parameters}: {answer}");
    }
}
