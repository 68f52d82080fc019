//! SLOs of every kind: data in, a sudden death in the middle, data again, and the alert at its webhook.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::otlp::{self, SECOND};
use crate::process::Haechi;

const PATIENCE: Duration = Duration::from_secs(90);
/// An alert that fires within seconds of a fault.
const TIERS: &str = "alerting: {tiers: [{severity: page, long: 5m, short: 1m, burn_rate: 10}]}\n";

/// A receiver of webhooks.
pub(crate) async fn receiver() -> (String, UnboundedReceiver<Value>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let (received, bodies) = tokio::sync::mpsc::unbounded_channel::<Value>();
    let take = move |axum::Json(body): axum::Json<Value>| async move { drop(received.send(body)) };
    let app = axum::Router::new().route("/hook", axum::routing::post(take));
    tokio::spawn(async move { axum::serve(listener, app).await });
    (url, bodies)
}

/// The SLO, once `wanted` holds of it.
async fn until(haechi: &Haechi, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let (_, body) = haechi.get("/api/v1/slos").await;
        let slo = &body["data"]["slos"][0];
        if wanted(slo) {
            return slo.clone();
        }
        assert!(tokio::time::Instant::now() < deadline, "{what}: {body}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// What a box is sent: all is well, or nothing is; with the number of events of it, where they are counted one by one.
trait Sender {
    async fn send(&self, haechi: &Haechi, good: bool) -> Option<u64>;
}

/// Sends good events, kills the box, and sends bad ones: the alert comes, and every event was counted once.
async fn fires(file: &str, sender: &impl Sender) -> (Value, Value) {
    let dir = tempfile::tempdir().unwrap();
    let slos = dir.path().join("slos");
    std::fs::create_dir(&slos).unwrap();
    std::fs::write(slos.join("slo.yaml"), file).unwrap();
    let (url, mut bodies) = receiver().await;
    let flags = ["--slos", slos.to_str().unwrap(), "--webhook", &url];
    let data: &Path = &dir.path().join("data");
    let haechi = Haechi::start_with(data, &flags);
    let well = sender.send(&haechi, true).await;
    let counted = |slo: &Value, n: Option<u64>| match n {
        Some(n) => slo["budget"]["totalEvents"] == n,
        None => slo["budget"]["totalEvents"].as_u64() > Some(0),
    };
    let slo = until(&haechi, "all is counted", |slo| counted(slo, well)).await;
    assert_eq!((&slo["state"], &slo["budget"]["badEvents"]), (&json!("ok"), &json!(0)), "{slo}");
    haechi.kill();
    let haechi = Haechi::start_with(data, &flags);
    let ill = sender.send(&haechi, false).await;
    let body = tokio::time::timeout(PATIENCE, bodies.recv()).await.unwrap().unwrap();
    assert_eq!((&body["version"], &body["status"]), (&json!("4"), &json!("firing")), "{body}");
    let all = well.zip(ill).map(|(well, ill)| well + ill);
    let slo = until(&haechi, "it burns", |slo| slo["state"] == "burning" && counted(slo, all)).await;
    if let Some(ill) = ill {
        assert_eq!(slo["budget"]["badEvents"], ill, "{slo}");
    }
    // And what is known survives another death.
    haechi.kill();
    let haechi = Haechi::start_with(data, &flags);
    let again = until(&haechi, "all is counted again", |slo| slo["state"] == "burning" && counted(slo, all)).await;
    assert_eq!(again["budget"]["badEvents"], slo["budget"]["badEvents"]);
    (body, slo)
}

/// Spans of two routes over the last two minutes; `/b` never fails.
struct Spans;

impl Sender for Spans {
    async fn send(&self, haechi: &Haechi, good: bool) -> Option<u64> {
        let now = otlp::now();
        let spans = (0..120).map(|number| {
            let start = now - 110 * SECOND + number * SECOND;
            let id = start ^ u64::from(good);
            let mut span = otlp::span(id.into(), id, 0, "GET /", start, start + 1000);
            let route = if number % 2 == 0 { "/a" } else { "/b" };
            span.attributes = vec![otlp::text("http.route", route), otlp::text("tenant", "x")];
            if good || route == "/b" { span } else { otlp::failed(span, "down") }
        });
        let request = otlp::traces("shop", spans.collect());
        assert_eq!(otlp::post(&haechi.otlp_http, "traces", &request).await.unwrap(), 200);
        Some(60)
    }
}

#[tokio::test]
async fn spans_of_a_search_fire() {
    let file = format!(
        "name: a\nservice: shop\nfilter: 'tenant=x http.route=\"/a\"'\nindicator: availability\nobjective: 99\nwindow: 24h\n{TIERS}"
    );
    let (body, _) = fires(&file, &Spans).await;
    assert!(body["alerts"][0]["annotations"]["trace_ids"].as_str().is_some_and(|ids| ids.len() >= 32), "{body}");
}

/// As [`Spans`], of which all count.
struct AllSpans;

impl Sender for AllSpans {
    async fn send(&self, haechi: &Haechi, good: bool) -> Option<u64> {
        Spans.send(haechi, good).await;
        None
    }
}

#[tokio::test]
async fn a_group_of_spans_fires_alone() {
    let file =
        format!("name: a\nservice: shop\nby: http.route\nindicator: availability\nobjective: 99\nwindow: 24h\n{TIERS}");
    let (body, slo) = fires(&file, &AllSpans).await;
    assert_eq!(body["alerts"].as_array().unwrap().len(), 1, "{body}");
    assert_eq!(body["alerts"][0]["labels"]["http_route"], "/a");
    assert_eq!(
        slo["budget"],
        json!({"totalEvents": 240, "badEvents": 60, "allowedBadEvents": slo["budget"]["allowedBadEvents"],
        "attained": 75.0, "remaining": slo["budget"]["remaining"], "exhaustedInSeconds": 0.0})
    );
    let groups: Vec<_> =
        slo["groups"].as_array().unwrap().iter().map(|it| (&it["labels"]["http_route"], &it["state"])).collect();
    assert_eq!(groups, [(&json!("/a"), &json!("burning")), (&json!("/b"), &json!("ok"))]);
}

/// Log records over the last two minutes.
struct Logs;

impl Sender for Logs {
    async fn send(&self, haechi: &Haechi, good: bool) -> Option<u64> {
        let now = otlp::now();
        let records = (0..120).map(|number| {
            let body = if good { "order accepted" } else { "order refused" };
            otlp::log((number + 1).into(), 1, now - 110 * SECOND + number * SECOND, body)
        });
        let request = otlp::logs("shop", records.collect());
        assert_eq!(otlp::post(&haechi.otlp_http, "logs", &request).await.unwrap(), 200);
        Some(120)
    }
}

#[tokio::test]
async fn log_records_fire() {
    let file = format!(
        "name: a\nservice: shop\nindicator: {{logs: {{filter: order, bad: refused}}}}\nobjective: 99\nwindow: 24h\n{TIERS}"
    );
    let (body, _) = fires(&file, &Logs).await;
    assert!(body["alerts"][0]["annotations"]["trace_ids"].as_str().is_some_and(|ids| ids.len() >= 32), "{body}");
}

/// Two counters over the last minutes, a sample every five seconds: of all requests, and of those that failed.
struct Counters;

impl Sender for Counters {
    async fn send(&self, haechi: &Haechi, good: bool) -> Option<u64> {
        let now = otlp::now();
        let points = |per_sample: i64| -> Vec<(u64, i64)> {
            (0..24_u64).map(|number| (now - (24 - number) * 5 * SECOND, number as i64 * per_sample)).collect()
        };
        // Other pods each time, so that no counter goes back.
        let pod = vec![otlp::text("pod", if good { "1" } else { "2" })];
        let metrics = vec![
            otlp::counter("requests", &points(50), pod.clone()),
            otlp::counter("requests.failed", &points(if good { 0 } else { 40 }), pod),
        ];
        let request = otlp::metrics("shop", metrics);
        assert_eq!(otlp::post(&haechi.otlp_http, "metrics", &request).await.unwrap(), 200);
        None
    }
}

#[tokio::test]
async fn a_ratio_of_counters_fires() {
    let indicator = "{promql: {bad: 'sum(increase(requests_failed_total[$window]))', total: 'sum(increase(requests_total[$window]))'}}";
    let file = format!("name: a\nservice: shop\nindicator: {indicator}\nobjective: 99\nwindow: 24h\n{TIERS}");
    fires(&file, &Counters).await;
}

/// A value over the last ten minutes, every 15 seconds.
struct Level;

impl Sender for Level {
    async fn send(&self, haechi: &Haechi, good: bool) -> Option<u64> {
        let now = otlp::now();
        let value = if good { 5 } else { 500 };
        let points: Vec<_> = (0..40).map(|number| (now - (40 - number) * 15 * SECOND, value)).collect();
        let pod = vec![otlp::text("pod", if good { "1" } else { "2" })];
        let request = otlp::metrics("shop", vec![otlp::counter("lag", &points, pod)]);
        assert_eq!(otlp::post(&haechi.otlp_http, "metrics", &request).await.unwrap(), 200);
        None
    }
}

#[tokio::test]
async fn slices_of_time_fire() {
    let tiers = "alerting: {tiers: [{severity: page, long: 10m, short: 2m, burn_rate: 2}]}\n";
    let file = format!(
        "name: a\nservice: shop\nindicator: {{slices: {{query: lag_total, op: <, value: 30}}}}\nobjective: 90\nwindow: 24h\n{tiers}"
    );
    fires(&file, &Level).await;
}
