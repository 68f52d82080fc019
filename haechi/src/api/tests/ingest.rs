//! `/api/v1/ingest`.

use super::Api;

#[tokio::test]
async fn what_comes_in_is_told_as_json() {
    let (status, answer) = Api::new().await.get("/api/v1/ingest").await;
    assert_eq!((status.as_u16(), &answer["status"]), (200, &"success".into()));
    for key in ["now", "since", "refusing", "signals", "reasons", "senders", "pressure", "disk", "cardinality"] {
        assert!(answer["data"].get(key).is_some(), "{key}: {answer}");
    }
}
