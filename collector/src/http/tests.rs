//! OTLP/HTTP through the router in memory: every status code, both encodings, what is stored.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use store::{StoreConfig, Table};
use tower::ServiceExt;

use super::router;
use crate::testing::{NOW, collector, collector_over, gzip, sample};
use crate::{Collector, Limits, Signal};

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";

/// A `google.rpc.Status`, as much of it as is looked at.
#[derive(Clone, PartialEq, prost::Message)]
struct Status {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<Any>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Any {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

struct Answer {
    status: StatusCode,
    headers: http::HeaderMap,
    body: Bytes,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

async fn send(collector: &Arc<Collector>, request: http::request::Builder, body: impl Into<Body>) -> Answer {
    let response = router(Arc::clone(collector)).oneshot(request.body(body.into()).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    Answer { status: parts.status, headers: parts.headers, body: body.collect().await.unwrap().to_bytes() }
}

fn post(path: &str, content_type: &str) -> http::request::Builder {
    Request::post(path).header("content-type", content_type)
}

#[tokio::test]
async fn full_success_is_an_empty_response_and_the_rows_are_visible() {
    let (_dir, store, collector) = collector(Limits::default());
    let tables = [(Signal::Traces, Table::Spans), (Signal::Metrics, Table::Points), (Signal::Logs, Table::Logs)];
    for (signal, table) in tables {
        let body = sample::body(signal);
        let answer = send(&collector, post(signal.http_path(), PROTOBUF), body.clone()).await;
        assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, PROTOBUF));
        assert!(answer.body.is_empty());
        assert_eq!(store.snapshot().n_rows(table), 1);
        // The same bytes again are a retry.
        let answer = send(&collector, post(signal.http_path(), PROTOBUF), body).await;
        assert_eq!((answer.status, answer.body.len()), (StatusCode::OK, 0));
        assert_eq!(store.snapshot().n_rows(table), 1);
    }
    let stats = collector.stats();
    for signal in &stats.signals {
        assert_eq!((signal.requests, signal.duplicates, signal.accepted), (2, 1, 1), "{signal:?}");
    }
    assert_eq!(stats.senders[0].service, "shop");
    assert_eq!(stats.bytes_in_progress, 0);
}

#[tokio::test]
async fn json_is_answered_in_json_and_stored_as_protobuf_is() {
    let (_dir, store, collector) = collector(Limits::default());
    let json = serde_json::to_string(&sample::traces(vec![sample::span(1)])).unwrap();
    for content_type in [JSON, "Application/JSON; charset=utf-8"] {
        let answer = send(&collector, post("/v1/traces/", content_type), json.clone()).await;
        assert_eq!(
            (answer.status, answer.header("content-type"), &answer.body[..]),
            (StatusCode::OK, JSON, &b"{}"[..])
        );
    }
    // The protobuf form of the same request is a retry of it.
    let answer = send(&collector, post("/v1/traces", PROTOBUF), sample::body(Signal::Traces)).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(store.snapshot().n_rows(Table::Spans), 1);
}

#[tokio::test]
async fn some_rejected_is_200_with_the_exact_count() {
    let (_dir, store, collector) = collector(Limits::default());
    let mut bad = sample::span(2);
    bad.trace_id.clear();
    let request = |n| sample::traces(vec![sample::span(n), bad.clone(), bad.clone()]);
    let answer = send(&collector, post("/v1/traces", PROTOBUF), request(1).encode_to_vec()).await;
    let partial = ExportTraceServiceResponse::decode(answer.body).unwrap().partial_success.unwrap();
    assert_eq!((answer.status, partial.rejected_spans), (StatusCode::OK, 2));
    assert!(partial.error_message.contains("trace_id must be 16 bytes"), "{}", partial.error_message);

    let answer = send(&collector, post("/v1/traces", JSON), serde_json::to_string(&request(3)).unwrap()).await;
    assert_eq!((answer.status, &answer.json()["partialSuccess"]["rejectedSpans"]), (StatusCode::OK, &"2".into()));
    assert_eq!(store.snapshot().n_rows(Table::Spans), 2);
    // Each was told in the names of its encoding.
    let reasons = collector.stats().reasons;
    assert_eq!(reasons.iter().map(|it| (it.times, it.items)).collect::<Vec<_>>(), [(1, 2), (1, 2)]);
}

#[tokio::test]
async fn a_warning_rejects_nothing_and_has_a_message() {
    let (_dir, _store, collector) = collector(Limits::default());
    let answer = send(&collector, post("/v1/logs", JSON), r#"{"resource_logs":[]}"#).await;
    let partial = &answer.json()["partialSuccess"];
    assert_eq!(answer.status, StatusCode::OK);
    assert!(partial.get("rejectedLogRecords").is_none());
    assert!(partial["errorMessage"].as_str().unwrap().contains("lowerCamelCase"));
}

#[tokio::test]
async fn empty_requests_succeed() {
    let (_dir, _store, collector) = collector(Limits::default());
    for (content_type, body, reply) in [(PROTOBUF, "", ""), (JSON, "", "{}"), (JSON, "{}", "{}")] {
        for signal in Signal::ALL {
            let answer = send(&collector, post(signal.http_path(), content_type), body).await;
            assert_eq!((answer.status, &answer.body[..]), (StatusCode::OK, reply.as_bytes()));
        }
    }
    let empty_gzip = post("/v1/traces", PROTOBUF).header("content-encoding", "gzip");
    assert_eq!(send(&collector, empty_gzip, gzip(b"")).await.status, StatusCode::OK);
}

#[tokio::test]
async fn refusals_have_their_status_and_a_status_body_in_the_encoding_of_the_request() {
    let limits = Limits { max_body: 4096, ..Limits::default() };
    let (_dir, store, collector) = collector(limits);
    let body = sample::body(Signal::Traces);
    let large = sample::traces((1..=100).map(sample::span).collect()).encode_to_vec();
    let gz = |request: http::request::Builder| request.header("content-encoding", "gzip");
    let cases: Vec<(http::request::Builder, Vec<u8>, u16, &str)> = vec![
        (post("/v1/trace", PROTOBUF), body.clone(), 404, "no such path"),
        (post(Signal::Traces.grpc_path(), PROTOBUF), body.clone(), 415, "a gRPC call has application/grpc"),
        (post("/", PROTOBUF), body.clone(), 404, "/v1/traces"),
        (Request::get("/v1/traces"), vec![], 405, "use POST"),
        (Request::put("/v1/traces").header("content-type", PROTOBUF), body.clone(), 405, "use POST"),
        (Request::post("/v1/traces"), body.clone(), 415, "content-type is not allowed"),
        (post("/v1/traces", "text/plain"), body.clone(), 415, "content-type is not allowed"),
        (post("/v1/traces", PROTOBUF).header("content-encoding", "br"), body.clone(), 415, "use one of zstd,gzip"),
        (post("/v1/traces", PROTOBUF).header("content-encoding", "zstd"), body.clone(), 400, "not valid zstd data"),
        (
            post("/v1/traces", PROTOBUF).header("content-encoding", "gzip, gzip"),
            body.clone(),
            415,
            "use one of zstd,gzip",
        ),
        (post("/v1/traces", PROTOBUF), large.clone(), 413, "larger than the limit of 4096 bytes"),
        (gz(post("/v1/traces", PROTOBUF)), gzip(&large), 413, "larger than the limit of 4096 bytes"),
        (gz(post("/v1/traces", PROTOBUF)), body.clone(), 400, "not valid gzip"),
        (gz(post("/v1/traces", PROTOBUF)), gzip(&body)[..30].to_vec(), 400, "ends before its gzip"),
        (gz(post("/v1/traces", PROTOBUF)), [gzip(&body), vec![b'r'; 10]].concat(), 400, "not valid gzip"),
        (post("/v1/traces", PROTOBUF), gzip(&body), 400, "body is gzip data, and its headers do not say so"),
        (post("/v1/traces", PROTOBUF), b"{}".to_vec(), 400, "body is JSON"),
        (post("/v1/traces", PROTOBUF), b"not protobuf".to_vec(), 400, ""),
        (post("/v1/traces", PROTOBUF), body[..body.len() - 1].to_vec(), 400, "message ends inside a field"),
        (post("/v1/traces", JSON), br#"{"resourceSpans":5}"#.to_vec(), 400, "resourceSpans: "),
        (post("/v1/traces", JSON), body, 400, "body is protobuf"),
        (post("/v1/traces", JSON), b"hello".to_vec(), 400, "expected value at line"),
    ];
    for (request, body, status, message) in cases {
        let content_type =
            request.headers_ref().unwrap().get("content-type").map(|value| value.to_str().unwrap().to_owned());
        let answer = send(&collector, request, body).await;
        assert_eq!(answer.status, status, "{message}");
        let (found, code) = if content_type.as_deref() == Some(PROTOBUF) {
            assert_eq!(answer.header("content-type"), PROTOBUF);
            let status = Status::decode(answer.body.clone()).unwrap();
            (status.message, status.code)
        } else {
            assert_eq!(answer.header("content-type"), JSON);
            let status = answer.json();
            (status["message"].as_str().unwrap().to_owned(), status["code"].as_i64().unwrap() as i32)
        };
        assert!(found.contains(message) && !found.is_empty() && found.len() <= 256, "{message}: {found}");
        assert!(code > 0);
        assert_eq!(answer.header("allow"), if status == 405 { "POST, OPTIONS" } else { "" });
        assert_eq!(answer.header("retry-after"), "");
    }
    assert_eq!(store.snapshot().n_rows(Table::Spans), 0);
    let stats = collector.stats();
    assert_eq!(stats.bytes_in_progress, 0);
    assert_eq!(stats.reasons.iter().map(|it| it.times).sum::<u64>(), 22);
    assert!(
        [400, 404, 405, 413, 415]
            .into_iter()
            .all(|it| stats.reasons.iter().any(|reason| reason.status == Some(crate::stats::Status::Http(it))))
    );
}

#[tokio::test]
async fn a_malformed_body_is_a_bad_request_with_the_field() {
    let (_dir, _store, collector) = collector(Limits::default());
    let answer = send(&collector, post("/v1/logs", JSON), r#"{"resourceLogs":[{"scopeLogs":7}]}"#).await;
    let detail = &answer.json()["details"][0];
    assert_eq!(detail["@type"], "type.googleapis.com/google.rpc.BadRequest");
    assert_eq!(detail["fieldViolations"][0]["field"], "resourceLogs[0].scopeLogs");
    for body in [vec![0x08, 0x01], gzip(b"")] {
        let status = Status::decode(send(&collector, post("/v1/logs", PROTOBUF), body).await.body).unwrap();
        let detail = &status.details[0];
        assert_eq!((status.code, detail.type_url.as_str()), (3, "type.googleapis.com/google.rpc.BadRequest"));
    }
}

#[tokio::test]
async fn every_member_of_a_gzip_body_is_read() {
    let (_dir, store, collector) = collector(Limits::default());
    let body = sample::traces(vec![sample::span(1), sample::span(2)]).encode_to_vec();
    let (head, tail) = body.split_at(body.len() / 2);
    let members = [gzip(head), gzip(b""), gzip(tail)].concat();
    let request = post("/v1/traces", PROTOBUF).header("content-encoding", "GZIP");
    assert_eq!(send(&collector, request, members).await.status, StatusCode::OK);
    assert_eq!(store.snapshot().n_rows(Table::Spans), 2);
}

#[tokio::test]
async fn a_gzip_bomb_costs_no_more_than_the_limit() {
    let limits = Limits { max_body: 1 << 20, max_in_progress: 4 << 20, ..Limits::default() };
    let (_dir, _store, collector) = collector(limits);
    let bomb = gzip(&vec![0; 64 << 20]);
    assert!(bomb.len() < 100_000);
    let request = post("/v1/logs", PROTOBUF).header("content-encoding", "gzip");
    assert_eq!(send(&collector, request, bomb).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(collector.stats().bytes_in_progress, 0);
}

#[tokio::test]
async fn over_the_budget_of_all_requests_is_429_with_retry_after() {
    let limits = Limits { max_in_progress: 64 << 10, ..Limits::default() };
    let (_dir, store, collector) = collector(limits);
    let body = sample::traces((1..=255).cycle().take(2000).map(sample::span).collect()).encode_to_vec();
    assert!(body.len() > 64 << 10);
    for compressed in [false, true] {
        let request = post("/v1/traces", JSON);
        let answer = match compressed {
            true => send(&collector, request.header("content-encoding", "gzip"), gzip(&body)).await,
            false => send(&collector, request, body.clone()).await,
        };
        assert_eq!((answer.status, answer.header("retry-after")), (StatusCode::TOO_MANY_REQUESTS, "1"));
        assert_eq!(answer.json()["details"][0]["@type"], "type.googleapis.com/google.rpc.RetryInfo");
    }
    // What fits is still taken.
    assert_eq!(
        send(&collector, post("/v1/traces", PROTOBUF), sample::body(Signal::Traces)).await.status,
        StatusCode::OK
    );
    assert_eq!(store.snapshot().n_rows(Table::Spans), 1);
}

#[tokio::test]
async fn a_body_that_does_not_arrive_is_given_up() {
    let (_dir, _store, collector) = collector(Limits { body_timeout: Duration::from_secs(1), ..Limits::default() });
    let (_keep_open, never) = tokio::io::duplex(64);
    let stalled = http_body_util::StreamBody::new(StalledFrames(never));
    let answer = send(&collector, post("/v1/traces", JSON), Body::new(stalled)).await;
    assert_eq!((answer.status, answer.header("retry-after")), (StatusCode::SERVICE_UNAVAILABLE, "1"));
    assert!(answer.json()["message"].as_str().unwrap().contains("within 1 s"));
}

/// A stream of frames that never yields one.
struct StalledFrames(#[expect(dead_code, reason = "kept open for as long as the body")] tokio::io::DuplexStream);

impl tonic::codegen::tokio_stream::Stream for StalledFrames {
    type Item = Result<hyper::body::Frame<Bytes>, std::io::Error>;

    fn poll_next(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        std::task::Poll::Pending
    }
}

#[tokio::test]
async fn a_closing_store_is_503_with_retry_after() {
    let (_dir, store, collector) = collector(Limits::default());
    store.close();
    let answer = send(&collector, post("/v1/traces", JSON), {
        serde_json::to_string(&sample::traces(vec![sample::span(1)])).unwrap()
    })
    .await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(!answer.header("retry-after").is_empty());
}

#[tokio::test]
async fn pages_of_any_origin_may_send_and_beacons_too() {
    let (_dir, _store, collector) = collector(Limits::default());
    let preflight = Request::options("/v1/traces")
        .header("origin", "https://shop.example")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "content-type,authorization");
    let answer = send(&collector, preflight, "").await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert_eq!(answer.header("access-control-allow-origin"), "https://shop.example");
    assert_eq!(answer.header("access-control-allow-headers"), "content-type,authorization");
    assert_eq!(answer.header("access-control-allow-methods"), "POST, OPTIONS");
    // A beacon has credentials, so that `*` would not do.
    assert_eq!(answer.header("access-control-allow-credentials"), "true");

    let origin = |request: http::request::Builder| request.header("origin", "https://shop.example");
    for (request, body, status) in [
        (origin(post("/v1/traces", JSON)), "{}", 200),
        (origin(post("/v1/traces", JSON)), "{", 400),
        (origin(post("/v1/traces", "text/plain")), "{}", 415),
    ] {
        let answer = send(&collector, request, body).await;
        assert_eq!(answer.status.as_u16(), status);
        assert_eq!(answer.header("access-control-allow-origin"), "https://shop.example");
        assert_eq!(answer.header("access-control-allow-credentials"), "true");
        assert_eq!(answer.header("vary"), "origin");
    }
    let answer = send(&collector, post("/v1/traces", JSON), "{}").await;
    assert_eq!(answer.header("access-control-allow-origin"), "", "only pages are told");
}

#[tokio::test]
async fn points_of_series_beyond_the_limit_are_rejected_and_those_of_known_ones_stored() {
    use opentelemetry_proto::tonic::metrics::v1::{Gauge, NumberDataPoint, metric::Data};
    let (_dir, store, collector) =
        collector_over(|dir| StoreConfig { max_series: 2, ..StoreConfig::new(dir) }, Limits::default());
    let body = |first: u8, n: u8| {
        let point = |user: u8| NumberDataPoint {
            attributes: vec![sample::attribute("user", sample::text(&user.to_string()))],
            ..sample::number(1)
        };
        let gauge = Gauge { data_points: (first..first + n).map(point).collect() };
        sample::metrics(vec![sample::metric(Data::Gauge(gauge))]).encode_to_vec()
    };
    let post = || Request::post("/v1/metrics").header("content-type", PROTOBUF);
    let (first, second) = (send(&collector, post(), body(0, 2)).await, send(&collector, post(), body(1, 3)).await);
    assert_eq!((first.status, first.body.len(), second.status), (StatusCode::OK, 0, StatusCode::OK));
    let message = String::from_utf8_lossy(&second.body).into_owned();
    assert!(message.contains("2 data points rejected: the series is new"), "{message}");
    assert!(message.contains("data_points[1]") && message.contains("raise max_series"), "{message}");
    assert_eq!((store.snapshot().n_rows(Table::Points), store.snapshot().series().len()), (3, 2));
    assert_eq!(collector.stats().signals[1].rejected, 2);
}

#[tokio::test]
async fn what_is_odd_is_said_in_the_names_of_the_encoding() {
    let (_dir, store, collector) = collector(Limits::default());
    let span = Span { start_time_unix_nano: NOW as u64, end_time_unix_nano: NOW as u64 - 1, ..sample::span(1) };
    let no_id = Span { trace_id: Vec::new(), ..sample::span(2) };
    let traces = sample::traces(vec![span, no_id]);
    let log = LogRecord { severity_number: 99, ..sample::log(sample::text("x")) };
    let logs = sample::logs(vec![log]);
    let cases = [
        (
            Signal::Traces,
            serde_json::to_vec(&traces).unwrap(),
            traces.encode_to_vec(),
            "warning: endTimeUnixNano is before startTimeUnixNano; the span was stored with a duration of 0 \
             (once, first: resourceSpans[0].scopeSpans[0].spans[0]); 1 span rejected: traceId must be 16 bytes",
        ),
        (
            Signal::Logs,
            serde_json::to_vec(&logs).unwrap(),
            logs.encode_to_vec(),
            "warning: severityNumber must be from 0 to 24; it was stored as 0, which is unspecified \
             (once, first: resourceLogs[0].scopeLogs[0].logRecords[0])",
        ),
    ];
    for (signal, in_json, in_protobuf, expected) in cases {
        let answer = send(&collector, post(signal.http_path(), JSON), in_json).await;
        let message = answer.json()["partialSuccess"]["errorMessage"].as_str().unwrap().to_owned();
        assert!(answer.status == StatusCode::OK && message.starts_with(expected), "{message}");
        let answer = send(&collector, post(signal.http_path(), PROTOBUF), in_protobuf).await;
        let message = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(message.contains("_number must be from 0") || message.contains("end_time_unix_nano is"), "{message}");
    }
    let rows = [Table::Spans, Table::Logs].map(|table| store.snapshot().n_rows(table));
    assert_eq!(rows, [1, 1], "one is a retry of the other");
}
