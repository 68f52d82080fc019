//! `/api/v1/ingest`.

use super::Api;

#[tokio::test]
async fn what_comes_in_is_told_as_json() {
    let (status, answer) = Api::new().await.get("/api/v1/ingest").await;
    assert_eq!((status.as_u16(), &answer["status"]), (200, &"success".into()));
    for key in
        ["now", "since", "refusing", "signals", "reasons", "senders", "pressure", "disk", "damage", "cardinality"]
    {
        assert!(answer["data"].get(key).is_some(), "{key}: {answer}");
    }
    let damage = &answer["data"]["damage"];
    assert_eq!((&damage["unreadable"], &damage["places"]), (&0.into(), &serde_json::json!([])), "{damage}");
}

#[tokio::test]
async fn the_report_is_of_the_signal_and_service_asked_for() {
    let api = Api::new().await;
    let (_, all) = api.get("/api/v1/ingest").await;
    assert!(all["data"]["of_service"].is_null());
    let (_, one) = api.get("/api/v1/ingest?service=shop&signal=logs").await;
    let none = serde_json::json!([{ "signal": "logs", "accepted": 0, "rejected": 0, "bytes": 0 }]);
    assert_eq!(one["data"]["of_service"], none);
    for (query, words) in [("signal=spans", "traces, metrics, logs are allowed"), ("servce=shop", "it is unknown")] {
        let (status, answer) = api.get(&format!("/api/v1/ingest?{query}")).await;
        assert_eq!(status.as_u16(), 400, "{query}");
        assert!(answer["error"].as_str().unwrap().contains(words), "{answer}");
    }
}
