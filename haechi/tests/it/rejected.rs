//! What a box rejects for a limit that a request does not tell stays rejected when the box is killed before it has flushed.

use opentelemetry_proto::tonic::metrics::v1::{Gauge, Metric, NumberDataPoint, metric, number_data_point};
use prost::Message;
use serde_json::json;

use crate::otlp;
use crate::process::Haechi;

const HOUR: u64 = 3600 * otlp::SECOND;

/// A gauge with a series for each of `users`.
fn gauge(users: &[&str]) -> Metric {
    let point = |user: &&str| NumberDataPoint {
        attributes: vec![otlp::text("user", user)],
        time_unix_nano: otlp::now(),
        value: Some(number_data_point::Value::AsInt(1)),
        ..Default::default()
    };
    let data_points = users.iter().map(point).collect();
    Metric { name: "sessions".to_owned(), data: Some(metric::Data::Gauge(Gauge { data_points })), ..Default::default() }
}

/// Posts `body` to the path of `signal` and returns what is said of what was rejected.
async fn post(haechi: &Haechi, signal: &str, body: Vec<u8>) -> String {
    let request = reqwest::Client::new().post(format!("{}/v1/{signal}", haechi.otlp_http));
    let answer = request.header("content-type", "application/x-protobuf").body(body).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    String::from_utf8_lossy(&answer.bytes().await.unwrap()).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_max_series_and_retention_rejected_does_not_come_back_after_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let haechi = Haechi::start_with(dir.path(), &["--max-series", "2", "--retention", "1h"]);
    let now = otlp::now();
    let [old, new] = [now - 2 * HOUR, now];
    let spans = vec![otlp::span(1, 1, 0, "old", old, old + 1), otlp::span(1, 2, 0, "new", new, new + 1)];
    let logs = vec![otlp::log(1, 1, old, "old"), otlp::log(1, 2, new, "new")];
    for (signal, body, reason) in [
        ("traces", otlp::traces("shop", spans).encode_to_vec(), "1 span rejected"),
        ("logs", otlp::logs("shop", logs).encode_to_vec(), "1 log record rejected"),
        ("metrics", otlp::metrics("shop", vec![gauge(&["a", "b", "c", "a", "d"])]).encode_to_vec(), "2 data points"),
    ] {
        let said = post(&haechi, signal, body).await;
        assert!(said.contains(reason), "{signal}: {said}");
    }
    haechi.kill();

    // Neither limit would reject anything now.
    let haechi = Haechi::start(dir.path());
    for (query, expected) in [
        ("select name from spans", json!([{ "name": "new" }])),
        ("select body from logs", json!([{ "body": "new" }])),
        ("select count(*) as points, count(distinct series) as of from metrics", json!([{ "points": 3, "of": 2 }])),
    ] {
        assert_eq!(haechi.sql(query).await["rows"], expected, "{query}");
    }
}
