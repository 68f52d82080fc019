//! `/api/v1/logs`.

use super::*;

fn bodies(answer: &Value) -> Vec<&str> {
    answer["logs"]
        .as_array()
        .unwrap_or_else(|| panic!("{answer}"))
        .iter()
        .map(|it| it["body"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn records_come_whole_and_newest_first() {
    let api = Api::new().await;
    let (status, answer) = api.get("/api/v1/logs").await;
    assert_eq!(status, StatusCode::OK);
    let found = bodies(&answer);
    assert_eq!((found.len(), found[0], found[9]), (10, "order 9 accepted", "order 0 accepted"));
    let expected = json!({
        "time": "2026-11-22T13:33:00Z",
        "service": "shop",
        "severity": "INFO",
        "severity_number": 9,
        "body": "order 9 accepted",
        "trace_id": data::trace(9).to_string(),
        "span_id": null,
        "attributes": {"order": 9},
        "resource": {"service.name": "shop"},
        "scope": {"name": "", "version": ""},
    });
    assert_eq!(answer["logs"][0], expected);
    assert_eq!((&answer["truncated"], &answer["warnings"]), (&json!(false), &json!([])));
}

#[tokio::test]
async fn query_range_and_limit_select() {
    let api = Api::new().await;
    let seconds = NOW / SECOND;
    let cases = [
        ("query=accepted&limit=2".to_owned(), vec!["order 9 accepted", "order 8 accepted"]),
        ("query=severity%3E%3Derror".to_owned(), vec!["order 7 accepted"]),
        (format!("query=trace_id%3D{}", data::trace(4)), vec!["order 4 accepted"]),
        ("query=order%3A3".to_owned(), vec!["order 3 accepted"]),
        ("query=nothing".to_owned(), vec![]),
        (format!("start={}&end={}", seconds - 130, seconds - 70), vec!["order 8 accepted"]),
        (format!("start={}.5&end={}", seconds - 61, seconds), vec!["order 9 accepted"]),
        (format!("start={}&end={}", NOW - 61 * SECOND, NOW), vec!["order 9 accepted"]),
        ("start=2026-11-22T13:33:00Z&end=2026-11-22T22:34:00%2B09:00".to_owned(), vec!["order 9 accepted"]),
    ];
    for (query, expected) in cases {
        let (status, answer) = api.get(&format!("/api/v1/logs?{query}")).await;
        assert_eq!(status, StatusCode::OK, "{query}: {answer}");
        assert_eq!(bodies(&answer), expected, "{query}");
    }
    let (_, answer) = api.post("/api/v1/logs", "application/x-www-form-urlencoded", "query=accepted&limit=1").await;
    assert_eq!(bodies(&answer), ["order 9 accepted"]);
}

#[tokio::test]
async fn mistakes_say_where() {
    let api = Api::new().await;
    let (status, answer) = api.get("/api/v1/logs?query=order%20(").await;
    assert_eq!((status, &answer["errorType"]), (StatusCode::BAD_REQUEST, &json!("bad_data")));
    assert!(answer["position"]["byte"].as_u64().is_some_and(|byte| byte >= 6), "{answer}");
    for (query, part) in [
        ("start=yesterday", "start"),
        ("end=", ""),
        ("limit=x", "limit"),
        ("limit=1000000", "parameter limit: from 1 to 5000 are allowed"),
        ("limit=0", "from 1 to 5000 are allowed, not 0"),
        ("limit=1&from=10", "parameter from: it is unknown; query, start, end, limit are allowed"),
        ("Query=x", "parameter Query"),
        ("step=", "parameter step"),
        ("start=20&end=10", "before start"),
    ] {
        let (status, answer) = api.get(&format!("/api/v1/logs?{query}")).await;
        let expected = if part.is_empty() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
        assert_eq!(status, expected, "{query}: {answer}");
        assert!(answer["error"].as_str().unwrap_or_default().contains(part), "{query}: {answer}");
    }
}

#[tokio::test]
async fn records_are_counted_by_time_and_severity() {
    let api = Api::new().await;
    let (status, answer) = api.get("/api/v1/logs/count").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!((&answer["total"], answer["buckets"].as_array().unwrap().len()), (&json!(10), 1));
    assert!(answer["buckets"][0].get("severities").is_none());
    let (_, answer) = api.get("/api/v1/logs/count?by=severity").await;
    assert_eq!(answer["buckets"][0]["severities"], json!({"info": 9, "error": 1}));
    let (_, answer) = api.get("/api/v1/logs/count?query=accepted+severity%3E%3Derror&buckets=60").await;
    let buckets = answer["buckets"].as_array().unwrap();
    let found: Vec<_> = buckets.iter().filter(|it| it["total"] == 1).map(|it| &it["start"]).collect();
    assert_eq!((buckets.len(), &answer["total"], found.len()), (60, &json!(1), 1), "{answer}");
    for (query, named) in
        [("buckets=0", "buckets"), ("buckets=1001", "buckets"), ("limit=5", "limit"), ("by=service", "by")]
    {
        let (status, answer) = api.get(&format!("/api/v1/logs/count?{query}")).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{query}");
        assert!(answer["error"].as_str().unwrap().contains(named), "{answer}");
    }
}
