//! `/api/v1/slos` and `/api/v1/alerts`, from a status as the evaluator publishes it.

use slo::alert::{SloAlerts, step};
use slo::status::{Coverage, Health, SloStatus};
use slo::{Buckets, Count, burn};

use super::*;

/// An hour in which half of all requests failed.
pub(super) fn burning() -> Status {
    let text = "name: shop-availability\nservice: shop\nindicator: availability\nobjective: 99.5\nwindow: 24h\nowner: shop-team\n";
    let slo = slo::spec::parse("slos/shop.yaml", text).unwrap().remove(0);
    let mut buckets = Buckets::new(slo.bucket_width(), slo.bucket_count() as usize + 1);
    let now = buckets.bucket_of(NOW);
    let first = now - 3600 * SECOND / slo.bucket_width();
    buckets.replace(first, &vec![Count { good: 5, total: 10 }; (now - first) as usize]);
    let tiers = burn::read(&slo, &buckets, NOW, true);
    let conditions: Vec<_> = tiers.iter().map(|reading| reading.condition).collect();
    let pending = step(&SloAlerts::new(&slo), &slo, &conditions, NOW - 60 * SECOND).state;
    let alerts = step(&pending, &slo, &conditions, NOW).state;
    let budget = burn::budget(&slo, &buckets, NOW);
    let status = SloStatus {
        health: Health::of(alerts.firing_severity(), &tiers, &budget),
        budget,
        tiers,
        alerts,
        burn: Arc::default(),
        groups: Vec::new(),
        n_waiting_groups: 0,
        problem: None,
        silence: None,
        coverage: Coverage { counted: buckets.covered_time(), share: budget.events.coverage, backfill: None },
        slo: Arc::new(slo),
    };
    Status {
        evaluated_at: NOW,
        slos: vec![Arc::new(status)],
        problem: Some("disk is full".to_owned()),
        ..Status::default()
    }
}

#[tokio::test]
async fn an_slo_says_what_it_is_and_how_it_stands() {
    let api = Api::with_status(burning()).await;
    let (status, body) = api.get("/api/v1/slos").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(body["data"]["evaluatedAt"], "2026-11-22T13:34:00Z");
    assert_eq!(body["warnings"], json!(["disk is full"]));
    let slo = &body["data"]["slos"][0];
    assert_eq!(
        (&slo["name"], &slo["service"], &slo["objective"]),
        (&json!("shop-availability"), &json!("shop"), &json!(99.5))
    );
    assert_eq!((&slo["window"], &slo["owner"], &slo["state"]), (&json!("1d"), &json!("shop-team"), &json!("burning")));
    assert_eq!(slo["indicator"], json!({"type": "availability"}));
    assert_eq!(slo["budget"]["attained"], 50.0, "{slo}");
    assert!(slo["budget"]["remaining"].as_f64().unwrap() < -90.0, "{slo}");
    assert_eq!(slo["budget"]["exhaustedInSeconds"], 0.0);
    let tier = &slo["tiers"][0];
    assert_eq!(
        (&tier["severity"], &tier["alert"], &tier["condition"]),
        (&json!("page"), &json!("firing"), &json!("critical"))
    );
    assert!(tier["longBurnRate"].as_f64().is_some_and(|rate| (rate - 100.0).abs() < 1e-6), "{tier}");
}

#[tokio::test]
async fn alerts_have_the_shape_of_prometheus() {
    let api = Api::with_status(burning()).await;
    let (status, body) = api.get("/api/v1/alerts").await;
    assert_eq!((status, &body["status"]), (StatusCode::OK, &json!("success")));
    let alert = &body["data"]["alerts"][0];
    assert_eq!((&alert["labels"]["slo"], &alert["labels"]["severity"]), (&json!("shop-availability"), &json!("page")));
    assert_eq!(alert["state"], "firing");
    assert!(alert["activeAt"].as_str().unwrap().starts_with("2026-11-22T13:3"), "{alert}");
    assert!(alert["annotations"]["summary"].as_str().unwrap().contains("shop-availability"), "{alert}");
    assert!(alert["value"].as_str().unwrap().parse::<f64>().is_ok_and(|rate| rate > 99.0), "{alert}");
}

#[tokio::test]
async fn rules_have_the_shape_of_prometheus() {
    let api = Api::with_status(burning()).await;
    let (status, body) = api.get("/api/v1/rules").await;
    assert_eq!((status, &body["data"]["groups"][0]["name"]), (StatusCode::OK, &json!("shop-availability")));
    let rule = &body["data"]["groups"][0]["rules"][0];
    assert_eq!(
        (&rule["type"], &rule["state"], &rule["health"]),
        (&json!("alerting"), &json!("firing"), &json!("err")),
        "{rule}"
    );
    assert_eq!(
        (&rule["alerts"][0]["state"], &rule["labels"]["severity"]),
        (&json!("firing"), &json!("page")),
        "{rule}"
    );
    let (_, none) = api.get("/api/v1/rules?type=record").await;
    assert_eq!(none["data"], json!({"groups": []}));
    assert_eq!(api.get("/api/v1/rules?type=x").await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn without_slos_the_lists_are_empty() {
    let api = Api::new().await;
    let (_, body) = api.get("/api/v1/slos").await;
    assert_eq!(body["data"], json!({"evaluatedAt": null, "slos": []}));
    let (_, body) = api.get("/api/v1/alerts").await;
    assert_eq!(body["data"], json!({"alerts": []}));
}
