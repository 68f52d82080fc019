//! Silences as `amtool` and other clients of Alertmanager ask for them.

use std::sync::Mutex;

use slo::silences::{Refusal, Silences};

use super::slos::burning;
use super::*;

/// An API that keeps silences in memory; the published status has those of `before`.
async fn api(before: Silences) -> (Api, Arc<Mutex<Silences>>) {
    let kept = Arc::new(Mutex::new(before.clone()));
    let status = Status { silences: before, most_changes: 500, ..burning() };
    let mut api = Api::with_status(status).await;
    let (set, expire) = (Arc::clone(&kept), Arc::clone(&kept));
    let silencing = ui::Silencing {
        set: Arc::new(move |draft| {
            let mut kept = set.lock().unwrap();
            let next = kept.with(draft, format!("id-{}", kept.iter().count()), NOW);
            let answer = next.map(|(next, id)| {
                *kept = next;
                id
            });
            Box::pin(async move { answer })
        }),
        expire: Arc::new(move |id| {
            let mut kept = expire.lock().unwrap();
            let answer: Result<(), Refusal> = kept.without(&id, NOW).map(|next| *kept = next);
            Box::pin(async move { answer })
        }),
    };
    api.silence(silencing);
    (api, kept)
}

const ONE: &str = r#"{
    "matchers": [
        {"name": "slo", "value": "shop-availability", "isRegex": false, "isEqual": true},
        {"name": "severity", "value": "page|x", "isRegex": true}
    ],
    "startsAt": "2026-11-22T13:30:00.000Z", "endsAt": "2026-11-22T15:34:00+01:00",
    "createdBy": "somebody", "comment": "they know"
}"#;

#[tokio::test]
async fn a_silence_is_made_listed_changed_and_ended() {
    let (first, kept) = api(Silences::default()).await;
    let (status, body) = first.post("/api/v2/silences", "application/json", ONE).await;
    assert_eq!((status, body), (StatusCode::OK, json!({"silenceID": "id-0"})));
    let stored = kept.lock().unwrap().clone();
    let (second, kept) = api(stored).await;
    let expected = json!({
        "id": "id-0",
        "status": {"state": "active"},
        "updatedAt": "2026-11-22T13:34:00Z",
        "comment": "they know",
        "createdBy": "somebody",
        "startsAt": "2026-11-22T13:34:00Z",
        "endsAt": "2026-11-22T14:34:00Z",
        "matchers": [
            {"name": "slo", "value": "shop-availability", "isRegex": false, "isEqual": true},
            {"name": "severity", "value": "page|x", "isRegex": true, "isEqual": true},
        ],
    });
    assert_eq!(second.get("/api/v2/silences").await.1, json!([expected]));
    assert_eq!(second.get("/api/v2/silence/id-0").await.1, expected);
    for (filter, found) in [
        ("slo%3Dshop-availability", 1),
        ("slo%3D~shop.%2B", 1),
        ("slo%3Dother", 0),
        ("team%3Dx", 0),
        ("team%21%3Dx", 1),
    ] {
        let (_, body) = second.get(&format!("/api/v2/silences?filter={filter}")).await;
        assert_eq!(body.as_array().unwrap().len(), found, "{filter}");
    }
    let change =
        ONE.replacen('{', "{\"id\": \"id-0\",", 1).replace("13:30:00.000", "13:34:00").replace("15:34", "16:34");
    let (_, body) = second.post("/api/v2/silences", "application/json", &change).await;
    assert_eq!(body["silenceID"], "id-0");
    let delete = |path: &str| Request::delete(path.to_owned()).body(Body::empty()).unwrap();
    assert_eq!(second.send(delete("/api/v2/silence/id-0")).await.0, StatusCode::OK);
    assert_eq!(kept.lock().unwrap().get("id-0").unwrap().ends_at, NOW);
    let (status, _, body) = second.send(delete("/api/v2/silence/none")).await;
    assert_eq!((status, &body[..]), (StatusCode::NOT_FOUND, &br#""there is no silence \"none\"""#[..]));
}

#[tokio::test]
async fn what_is_no_silence_is_refused_as_alertmanager_does() {
    let (api, kept) = api(Silences::default()).await;
    let table = [
        ("application/json", "{}", 422, "missing field `matchers`"),
        ("application/json", "{", 400, "EOF"),
        // A form of another site cannot send JSON without being asked.
        ("text/plain", ONE, 415, "application/json"),
        ("application/json", &ONE.replace("page|x", "("), 400, "is not a regular expression"),
        ("application/json", &ONE.replace("2026-11-22T15", "2025-11-22T15"), 400, "its start must be before its end"),
        ("application/json", &ONE.replace("13:30:00.000Z", "now"), 400, "startsAt: \"2026-11-22Tnow\" is not a time"),
        ("application/json", &ONE.replace("they know", ""), 400, "comment is missing"),
    ];
    for (kind, body, code, expected) in table {
        let (status, answer) = api.post("/api/v2/silences", kind, body).await;
        assert!(
            status == code && answer.as_str().is_some_and(|text| text.contains(expected)),
            "{body}: {status} {answer}"
        );
    }
    assert_eq!(kept.lock().unwrap().iter().count(), 0);
    assert_eq!(api.get("/api/v2/silences?filter=x").await.0, StatusCode::BAD_REQUEST);
    assert_eq!(api.get("/api/v2/silence/none").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_preview_has_what_fires_and_what_has_fired() {
    let (api, _) = api(Silences::default()).await;
    let (status, body) = api.get("/api/v1/silences/preview?matchers=slo%3Dshop-availability,severity%3Dpage").await;
    assert_eq!(status, StatusCode::OK);
    let firing = body["data"]["firing"].as_array().unwrap();
    assert!(!firing.is_empty() && firing.iter().all(|alert| alert["labels"]["severity"] == "page"), "{body}");
    assert_eq!((&firing[0]["slo"], &body["data"]["fired"]), (&json!("shop-availability"), &json!([])));
    assert_eq!(body["data"]["since"], "2026-11-15T13:34:00Z");
    let (_, body) = api.get("/api/v1/silences/preview?matchers=slo%3Dother").await;
    assert_eq!(body["data"]["firing"], json!([]));
    for path in ["/api/v1/silences/preview", "/api/v1/silences/preview?matchers=x"] {
        let (status, body) = api.get(path).await;
        assert_eq!((status, &body["errorType"]), (StatusCode::BAD_REQUEST, &json!("bad_data")), "{path}");
    }
}
