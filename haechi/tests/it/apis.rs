//! OTLP in over every protocol, every API out.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::http::{HeaderMap, StatusCode};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use prost::Message;
use serde_json::{Value, json};
use tonic::transport::Channel;

use crate::otlp::{self, SECOND};
use crate::process::Haechi;

const TRACE: u128 = 0x0123_4567_89ab_cdef_0123_4567_89ab_cdef;
const TRACE_HEX: &str = "0123456789abcdef0123456789abcdef";

/// Spans by gRPC, logs by HTTP and protobuf, metrics by HTTP and JSON; both ports take both.
async fn send(haechi: &Haechi, now: u64) {
    let start = now - 60 * SECOND;
    let root = otlp::span(TRACE, 1, 0, "POST /orders", start, start + 300_000_000);
    let child = otlp::failed(otlp::span(TRACE, 2, 1, "charge", start + 1000, start + 200_000_000), "declined");
    let mut on_grpc_port = TraceServiceClient::<Channel>::connect(haechi.otlp_grpc.clone()).await.unwrap();
    on_grpc_port.export(otlp::traces("shop", vec![root])).await.unwrap();
    let mut on_http_port = TraceServiceClient::<Channel>::connect(haechi.otlp_http.clone()).await.unwrap();
    on_http_port.export(otlp::traces("payment", vec![child])).await.unwrap();

    let records = vec![
        otlp::log(TRACE, 2, start + 5000, "card declined by issuer 7"),
        otlp::log(TRACE, 1, start + 9000, "order failed"),
    ];
    assert_eq!(otlp::post(&haechi.otlp_http, "logs", &otlp::logs("payment", records)).await.unwrap(), 200);

    let points: Vec<_> = (0..5).map(|i| (start + i * 15 * SECOND, (i * 30) as i64)).collect();
    let buckets: Vec<_> = (0..5).map(|i| (start + i * 15 * SECOND, [i * 8, i * 2, 0])).collect();
    let metrics =
        vec![otlp::counter("orders", &points, vec![]), otlp::histogram("http.server.request.duration", &buckets)];
    let request = otlp::metrics("shop", metrics);
    let body = serde_json::to_vec(&request).unwrap();
    assert_eq!(otlp::post_bytes(&haechi.otlp_grpc, "metrics", "application/json", body).await.unwrap(), 200);
}

#[tokio::test]
async fn what_is_sent_by_any_protocol_comes_out_of_every_api() {
    let dir = tempfile::tempdir().unwrap();
    let haechi = Haechi::start(&dir.path().join("data"));
    let now = otlp::now();
    send(&haechi, now).await;
    check_jaeger(&haechi).await;
    check_logs(&haechi, now).await;
    check_promql(&haechi, now).await;
    check_sql(&haechi).await;
    check_pages(&haechi).await;
    // The same after a restart that finds segments, not a log.
    let pages = haechi.terminate();
    assert_eq!(pages, Some(0));
    let haechi = Haechi::start(&dir.path().join("data"));
    check_jaeger(&haechi).await;
    check_logs(&haechi, now).await;
    check_promql(&haechi, now).await;
    check_sql(&haechi).await;
}

async fn check_jaeger(haechi: &Haechi) {
    let (_, services) = haechi.get("/api/services").await;
    assert_eq!(services["data"], json!(["payment", "shop"]));
    let (_, found) = haechi.get("/api/traces?service=payment&operation=charge&limit=5").await;
    assert_eq!(found["data"][0]["traceID"], TRACE_HEX);
    let (status, trace) = haechi.get(&format!("/api/traces/{TRACE_HEX}")).await;
    assert_eq!(status, 200);
    assert_eq!(trace["data"][0]["spans"].as_array().unwrap().len(), 2);
    let (status, missing) = haechi.get("/api/traces/00000000000000000000000000000abc").await;
    assert_eq!((status, &missing["errors"][0]["code"]), (404, &json!(404)));
}

async fn check_logs(haechi: &Haechi, now: u64) {
    let bodies = |answer: &Value| -> Vec<String> {
        let records = answer["logs"].as_array().unwrap_or_else(|| panic!("no logs in {answer}"));
        records.iter().map(|record| record["body"].as_str().unwrap().to_owned()).collect()
    };
    let seconds = now / SECOND;
    let (status, all) = haechi.get(&format!("/api/v1/logs?start={}&end={}", seconds - 3600, seconds + 1)).await;
    assert_eq!((status, bodies(&all)), (200, vec!["order failed".to_owned(), "card declined by issuer 7".to_owned()]));
    for query in ["issuer", "%22declined%20by%22", "customer%3Ac-42%20issuer", "severity%3E%3Derror%20card"] {
        let (_, found) = haechi.get(&format!("/api/v1/logs?query={query}&limit=10")).await;
        assert_eq!(bodies(&found), ["card declined by issuer 7"], "{query}");
    }
    let (_, of_trace) = haechi.get(&format!("/api/v1/logs?query=trace_id%3D{TRACE_HEX}&limit=1")).await;
    assert_eq!(bodies(&of_trace), ["order failed"]);
    let (status, error) = haechi.get("/api/v1/logs?query=(a").await;
    assert_eq!(status, 400, "{error}");
}

async fn check_promql(haechi: &Haechi, now: u64) {
    let seconds = now / SECOND;
    let query = |text: &str| format!("/api/v1/query?query={text}&time={seconds}");
    let value =
        |answer: &Value| answer["data"]["result"][0]["value"][1].as_str().map(|text| text.parse::<f64>().unwrap());
    let (_, health) = haechi.get("/api/v1/query?query=1%2B1&time=4").await;
    assert_eq!(health["data"]["result"][1], "2");
    let (_, rate) = haechi.get(&query("sum(rate(orders_total%5B2m%5D))")).await;
    let rate = value(&rate).unwrap();
    assert!(rate > 0.9 && rate < 2.2, "{rate}");
    let (_, quantile) = haechi
        .get(&query(
            "histogram_quantile(0.5%2Csum%20by%20(le)(rate(http_server_request_duration_seconds_bucket%5B2m%5D)))",
        ))
        .await;
    assert!((value(&quantile).unwrap() - 0.0625).abs() < 1e-9, "{quantile}");
    let (_, range) = haechi
        .get(&format!("/api/v1/query_range?query=orders_total&start={}&end={seconds}&step=15", seconds - 60))
        .await;
    assert_eq!(range["data"]["resultType"], "matrix");
    assert!(range["data"]["result"][0]["values"].as_array().unwrap().len() >= 4);
    let (_, names) = haechi.get("/api/v1/label/__name__/values").await;
    assert!(names["data"].as_array().unwrap().contains(&json!("orders_total")), "{names}");
    let (_, series) = haechi.get("/api/v1/series?match%5B%5D=orders_total").await;
    assert_eq!(series["data"][0]["job"], "shop", "{series}");
    let (status, error) = haechi.get("/api/v1/query?query=sum(").await;
    assert_eq!((status, &error["errorType"]), (400, &json!("bad_data")));
}

async fn check_sql(haechi: &Haechi) {
    let answer = haechi.sql("SELECT service, count(*) AS n FROM spans GROUP BY service ORDER BY service").await;
    assert_eq!(answer["rows"], json!([{"service": "payment", "n": 1}, {"service": "shop", "n": 1}]));
    let join = "SELECT l.body FROM logs l JOIN spans s ON l.trace_id = s.trace_id AND l.span_id = s.span_id \
                WHERE s.status = 'error' AND l.attributes['customer'] = 'c-42'";
    assert_eq!(haechi.sql(join).await["rows"], json!([{"body": "card declined by issuer 7"}]));
    assert_eq!(
        haechi.sql("SELECT max(value) AS v FROM metrics WHERE name = 'orders'").await["rows"],
        json!([{"v": 120.0}])
    );
}

async fn check_pages(haechi: &Haechi) {
    let trace = format!("/traces/{TRACE_HEX}");
    let client = reqwest::Client::new();
    for page in ["/", "/traces", &trace, "/logs", "/metrics", "/slos", "/alerts", "/sql", "/connect"] {
        let request = client.get(format!("{}{page}", haechi.ui)).header("accept", "text/html");
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200, "{page}");
        assert!(response.headers().contains_key("content-security-policy"), "{page}");
        assert!(response.text().await.unwrap().contains("</html>"), "{page}");
    }
    for check in ["/-/healthy", "/-/ready"] {
        assert_eq!(reqwest::get(format!("{}{check}", haechi.ui)).await.unwrap().status(), 200, "{check}");
    }
}

#[tokio::test]
async fn one_bad_item_costs_itself_and_a_bad_request_is_explained() {
    let dir = tempfile::tempdir().unwrap();
    let haechi = Haechi::start(dir.path());
    let now = otlp::now();
    let good = otlp::span(TRACE, 7, 0, "good", now, now + 1);
    let mut bad = good.clone();
    bad.trace_id = vec![0; 16];
    let body = otlp::traces("shop", vec![good, bad]).encode_to_vec();
    let url = format!("{}/v1/traces", haechi.otlp_http);
    let client = reqwest::Client::new();
    let post =
        |content: &'static str, body: Vec<u8>| client.post(&url).header("content-type", content).body(body).send();
    let reply = post("application/x-protobuf", body).await.unwrap();
    assert_eq!(reply.status(), 200);
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
    let reply = ExportTraceServiceResponse::decode(reply.bytes().await.unwrap()).unwrap();
    let partial = reply.partial_success.unwrap();
    assert_eq!(partial.rejected_spans, 1);
    assert!(partial.error_message.contains("trace"), "{}", partial.error_message);
    assert_eq!(haechi.sql("SELECT count(*) AS n FROM spans").await["rows"], json!([{"n": 1}]));

    let table = [
        ("application/x-protobuf", vec![0xff; 9], 400),
        ("application/json", b"{".to_vec(), 400),
        ("text/csv", vec![], 415),
    ];
    for (content, body, status) in table {
        assert_eq!(post(content, body).await.unwrap().status().as_u16(), status, "{content}");
    }
    assert_eq!(client.get(&url).send().await.unwrap().status().as_u16(), 405);
}

#[tokio::test]
async fn an_slo_burns_tells_its_webhook_and_recovers_knowledge_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let slos = dir.path().join("slos");
    std::fs::create_dir(&slos).unwrap();
    let slo = "name: shop-availability\nservice: shop\nindicator: availability\nobjective: 99.5\nwindow: 24h\n";
    std::fs::write(slos.join("shop.yaml"), slo).unwrap();
    let hook = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", hook.local_addr().unwrap());
    let (received, mut webhooks) = tokio::sync::mpsc::unbounded_channel::<(HeaderMap, Value)>();
    // It takes nothing until the box has been killed.
    let works = Arc::new(AtomicBool::new(false));
    let is_up = Arc::clone(&works);
    let take = move |headers: HeaderMap, axum::Json(body): axum::Json<Value>| async move {
        drop(received.send((headers, body)));
        if is_up.load(Ordering::Relaxed) { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
    };
    let app = axum::Router::new().route("/hook", axum::routing::post(take));
    tokio::spawn(async move { axum::serve(hook, app).await });
    let secret = dir.path().join("secret");
    std::fs::write(&secret, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").unwrap();
    let data = dir.path().join("data");
    let flags =
        ["--slos", slos.to_str().unwrap(), "--webhook", &url, "--webhook-secret-file", secret.to_str().unwrap()];
    let haechi = Haechi::start_with(&data, &flags);
    // Two minutes of requests, every second one failed: burns far beyond every threshold.
    let now = otlp::now();
    let spans = (0..240u64).map(|i| {
        let start = now - 125 * SECOND + i * SECOND / 2;
        let span = otlp::span(TRACE + u128::from(i), i + 1, 0, "GET /", start, start + 1000);
        if i % 2 == 0 { otlp::failed(span, "down") } else { span }
    });
    assert_eq!(otlp::post(&haechi.otlp_http, "traces", &otlp::traces("shop", spans.collect())).await.unwrap(), 200);
    let (headers, body) = tokio::time::timeout(Duration::from_secs(90), webhooks.recv()).await.unwrap().unwrap();
    assert!(headers["webhook-signature"].to_str().unwrap().starts_with("v1,"), "{headers:?}");
    let key = &headers["idempotency-key"];
    assert_eq!(&headers["webhook-id"], key);
    assert_eq!((&body["version"], &body["status"]), (&json!("4"), &json!("firing")), "{body}");
    assert_eq!(body["commonLabels"]["slo"], "shop-availability", "{body}");
    // What is told is stored before, and shown once the round is over.
    let shown = async {
        loop {
            let (_, alerts) = haechi.get("/api/v1/alerts").await;
            if alerts["data"]["alerts"].as_array().unwrap().iter().any(|it| it["state"] == "firing") {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(90), shown).await.unwrap();
    haechi.kill();
    works.store(true, Ordering::Relaxed);
    while webhooks.try_recv().is_ok() {}
    let haechi = Haechi::start_with(&data, &flags);
    let (again, same) = tokio::time::timeout(Duration::from_secs(90), webhooks.recv()).await.unwrap().unwrap();
    assert_eq!((&again["idempotency-key"], &same), (key, &body), "what was not taken is sent again after a crash");
    let (_, alerts) = haechi.get("/api/v1/alerts").await;
    assert!(alerts["data"]["alerts"].as_array().unwrap().iter().any(|it| it["state"] == "firing"), "{alerts}");
    let (_, slos) = haechi.get("/api/v1/slos").await;
    assert_eq!(slos["data"]["slos"][0]["name"], "shop-availability", "{slos}");
}

#[tokio::test]
async fn otlp_on_the_port_of_the_pages_is_told_the_right_one() {
    let dir = tempfile::tempdir().unwrap();
    let haechi = Haechi::start(dir.path());
    let port = haechi.otlp_http.rsplit(':').next().unwrap();
    for path in ["/v1/traces", "/v1/metrics", "/v1/logs", "/v1/logs/"] {
        let request = reqwest::Client::new().post(format!("{}{path}", haechi.ui));
        let answer = request.header("content-type", "application/json").body("{}").send().await.unwrap();
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["content-type"]),
            (404, &"application/json".parse().unwrap())
        );
        let status: Value = answer.json().await.unwrap();
        assert_eq!(status["code"], 12, "{status}");
        let message = status["message"].as_str().unwrap();
        assert!(message.contains("the port of the pages") && message.contains(&format!("port {port}")), "{message}");
    }
}
