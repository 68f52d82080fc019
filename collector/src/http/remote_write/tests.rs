//! Remote-Write through the router in memory: statuses, headers, what is stored.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::ConnectInfo;
use http::{HeaderMap, Request};
use http_body_util::BodyExt;
use prost::Message;
use store::{StoreConfig, Table};
use tower::ServiceExt;

use crate::fairness::Peer;
use crate::otlp::Example;
use crate::remote_write::tests::prompb::{Exemplar, NOW_MILLIS, Sample, WriteRequest, one, sample, v2};
use crate::stats::Outcome;
use crate::testing::{collector, collector_over, gzip};
use crate::{Collector, Limits};

const V1: &str = "application/x-protobuf";
const V2: &str = "application/x-protobuf;proto=io.prometheus.write.v2.Request";
const NAMED: &[(&str, &str)] = &[("__name__", "up"), ("job", "api")];

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// Samples, histograms and exemplars.
    fn written(&self) -> [u64; 3] {
        ["samples", "histograms", "exemplars"]
            .map(|what| self.header(&format!("x-prometheus-remote-write-{what}-written")).parse().unwrap())
    }
}

async fn send(collector: &Arc<Collector>, request: Request<Body>) -> Answer {
    let response = crate::http::router(Arc::clone(collector)).oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    Answer { status: parts.status.as_u16(), headers: parts.headers, body: body.collect().await.unwrap().to_bytes() }
}

async fn post(collector: &Arc<Collector>, content_type: &str, encoding: Option<&str>, body: Vec<u8>) -> Answer {
    let mut request =
        Request::post("/api/v1/write").header("content-type", content_type).header("user-agent", "test/1");
    if let Some(encoding) = encoding {
        request = request.header("content-encoding", encoding);
    }
    send(collector, request.body(Body::from(body)).unwrap()).await
}

fn snappy(bytes: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(bytes).unwrap()
}

/// The request in the version of `content_type`, compressed.
fn body(request: &WriteRequest, content_type: &str) -> Vec<u8> {
    snappy(&if content_type == V2 { v2(request).encode_to_vec() } else { request.encode_to_vec() })
}

#[tokio::test]
async fn both_versions_are_stored_once_and_answered_with_204() {
    let (_dir, store, collector) = collector(Limits::default());
    let named = "Application/x-protobuf; proto=prometheus.WriteRequest";
    for (content_type, encoding, rows) in [(V1, Some("snappy"), 1), (named, None, 1), (V2, Some("snappy"), 2)] {
        let request = one(NAMED, vec![sample(1.0)]);
        for _ in 0..2 {
            let answer = post(&collector, content_type, encoding, body(&request, content_type)).await;
            assert_eq!((answer.status, answer.body.len(), answer.written()), (204, 0, [1, 0, 0]), "{content_type}");
            assert_eq!(store.snapshot().n_rows(Table::Points), rows, "{content_type}");
        }
    }
    let stats = collector.stats();
    let metrics = &stats.signals[1];
    assert_eq!((metrics.requests, metrics.duplicates, metrics.accepted, metrics.rejected), (6, 4, 2, 0));
    let sender = &stats.senders[0];
    assert_eq!((&*sender.service, &*sender.user_agent, sender.protocol.name()), ("api", "test/1", "remote-write/2.0"));
    assert_eq!(stats.bytes_in_progress, 0);
}

#[tokio::test]
async fn a_part_that_is_rejected_is_400_and_the_rest_is_stored() {
    let (_dir, store, collector) = collector(Limits::default());
    for (content_type, rows) in [(V1, 2), (V2, 4)] {
        let mut request = one(NAMED, vec![sample(1.0), Sample { timestamp: NOW_MILLIS - 1, ..sample(2.0) }]);
        request.timeseries[0].exemplars = vec![Exemplar { timestamp: NOW_MILLIS, value: 1.0, labels: Vec::new() }];
        request.timeseries.extend(one(&[("job", "api")], vec![sample(3.0)]).timeseries);
        let answer = post(&collector, content_type, Some("snappy"), body(&request, content_type)).await;
        assert_eq!((answer.status, answer.written()), (400, [2, 0, 1]));
        assert_eq!(
            answer.text(),
            "partly stored: 2 samples, 0 histograms and 1 exemplars are, the rest is not; \
             1 data point rejected: the series has no label __name__ (first: timeseries[1].samples[0])\n"
        );
        assert_eq!(answer.header("retry-after"), "");
        assert_eq!(store.snapshot().n_rows(Table::Points), rows);
    }
    let stats = collector.stats();
    assert_eq!((stats.reasons[0].times, stats.reasons[0].items), (2, 2));
    let sender = &stats.senders[0];
    assert_eq!((&*sender.service, sender.accepted[1], sender.rejected[1]), ("api", 4, 2));
    assert!((50..500).contains(&sender.bytes[1]), "{}", sender.bytes[1]);
    let Outcome::Stored(stored) = &collector.attempts()[0].outcome else { panic!("{:?}", collector.attempts()) };
    assert_eq!((stored.rejected, &stored.example), (1, &Some(Example::Metric("up".to_owned()))));
    // An exemplar that is lost is enough.
    let mut request = one(NAMED, vec![sample(5.0)]);
    request.timeseries[0].exemplars = vec![Exemplar::default()];
    let answer = post(&collector, V2, Some("snappy"), body(&request, V2)).await;
    assert_eq!((answer.status, answer.written()), (400, [1, 0, 0]));
    assert!(answer.text().contains("an exemplar was left out"), "{}", answer.text());
}

#[tokio::test]
async fn wrong_requests_are_refused_for_good() {
    let (_dir, store, collector) = collector(Limits { max_body: 1 << 20, ..Limits::default() });
    let good = one(NAMED, vec![sample(1.0)]).encode_to_vec();
    let bomb = snappy(&vec![0; 2 << 20]);
    // A block that claims four gigabytes.
    let claim = vec![0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0];
    let other = v2(&one(NAMED, vec![sample(1.0)])).encode_to_vec();
    let cases: [(&str, &str, Vec<u8>, u16, &str); 11] = [
        ("application/json", "snappy", snappy(&good), 415, "content-type is not allowed"),
        ("application/x-protobuf;proto=io.prometheus.write.v3.Request", "snappy", snappy(&good), 415, "content-type"),
        (V1, "gzip", gzip(&good), 415, "compressed with snappy"),
        (V1, "identity", good.clone(), 415, "compressed with snappy"),
        (V1, "snappy", good.clone(), 400, "not valid snappy data"),
        (V1, "snappy", snappy(&good)[..10].to_vec(), 400, "not valid snappy data"),
        (V2, "snappy", snappy(&[0x2a, 5, 1]), 400, "message ends inside a field"),
        (V2, "snappy", snappy(&good), 400, "the body is a prometheus.WriteRequest, and its content-type says"),
        (V1, "snappy", snappy(&other), 400, "the body is a io.prometheus.write.v2.Request"),
        (V2, "snappy", bomb, 413, "larger than the limit of 1048576 bytes"),
        (V1, "snappy", claim, 413, "larger than the limit of 1048576 bytes"),
    ];
    for (content_type, encoding, body, status, message) in cases {
        let answer = post(&collector, content_type, Some(encoding), body).await;
        assert_eq!((answer.status, answer.written()), (status, [0; 3]), "{}", answer.text());
        assert!(answer.text().contains(message), "{}", answer.text());
        assert_eq!((answer.header("content-type"), answer.header("retry-after")), ("text/plain; charset=utf-8", ""));
    }
    let get = Request::get("/api/v1/write").header("content-type", V1).body(Body::empty()).unwrap();
    let answer = send(&collector, get).await;
    assert_eq!((answer.status, answer.header("allow")), (405, "POST"));
    assert_eq!(store.snapshot().n_rows(Table::Points), 0);
    assert_eq!((collector.stats().signals[1].refused, collector.stats().bytes_in_progress), (12, 0));
}

#[tokio::test]
async fn a_sender_has_a_name_on_a_server_of_axum_too() {
    let (_dir, _store, collector) = collector(Limits { max_in_progress: 10, ..Limits::default() });
    let block = body(&one(NAMED, vec![sample(1.0)]), V1);
    let mut request = Request::post("/api/v1/write").header("content-type", V1).body(Body::from(block)).unwrap();
    let address = SocketAddr::from(([10, 0, 0, 7], 5000));
    request.extensions_mut().insert(ConnectInfo(address));
    assert_eq!(crate::http::peer(request.extensions()), Peer::from(address));
    assert_eq!(send(&collector, request).await.status, 503);
    assert_eq!(collector.attempts()[0].peer, Some(address));
    assert_eq!(collector.stats().reasons[0].peer, "10.0.0.7");
}

#[tokio::test]
async fn what_passes_is_to_be_sent_again() {
    let request = one(NAMED, vec![sample(1.0)]);
    let (_dir, _store, full) = collector(Limits { max_in_progress: 10, ..Limits::default() });
    let answer = post(&full, V2, Some("snappy"), body(&request, V2)).await;
    assert_eq!((answer.status, answer.header("retry-after"), answer.written()), (503, "1", [0; 3]));

    let (_dir, store, closed) = collector(Limits::default());
    store.close();
    let answer = post(&closed, V1, Some("snappy"), body(&request, V1)).await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, "5"));
}

#[tokio::test]
async fn what_references_stand_for_is_counted_among_what_is_in_progress() {
    // Eight series of 16 KiB in a body of that size.
    let long = "v".repeat(16 << 10);
    let mut request = WriteRequest::default();
    for name in ["a", "b", "c", "d", "e", "f", "g", "h"] {
        request.timeseries.extend(one(&[("__name__", name), ("long", &long)], vec![sample(1.0)]).timeseries);
    }
    for (max_in_progress, status) in [(128 << 10, 503), (512 << 10, 204)] {
        let (_dir, _store, collector) = collector(Limits { max_in_progress, ..Limits::default() });
        let answer = post(&collector, V2, Some("snappy"), body(&request, V2)).await;
        assert_eq!((answer.status, collector.stats().bytes_in_progress), (status, 0), "{}", answer.text());
    }
}

#[tokio::test]
async fn series_beyond_the_limit_are_rejected_one_by_one() {
    let config = |dir: &std::path::Path| StoreConfig { max_series: 1, ..StoreConfig::new(dir) };
    let (_dir, store, collector) = collector_over(config, Limits::default());
    let mut request = one(NAMED, vec![sample(1.0)]);
    request.timeseries.extend(one(&[("__name__", "down"), ("job", "api")], vec![sample(1.0), sample(2.0)]).timeseries);
    let answer = post(&collector, V2, Some("snappy"), body(&request, V2)).await;
    assert_eq!((answer.status, answer.written()), (400, [1, 0, 0]));
    assert!(answer.text().contains("2 data points rejected: the series is new and the server has as many as it takes"));
    let stats = collector.stats();
    assert_eq!((stats.signals[1].rejected_by_series_limit, stats.senders[0].rejected[1]), (2, 2));
    assert_eq!(store.snapshot().n_rows(Table::Points), 1);
}

#[tokio::test]
async fn a_slash_at_the_end_of_the_path_is_no_mistake() {
    let (_dir, store, collector) = collector(Limits::default());
    let request = Request::post("/api/v1/write/").header("content-type", V1);
    let answer = send(&collector, request.body(Body::from(body(&one(NAMED, vec![sample(1.0)]), V1))).unwrap()).await;
    assert_eq!((answer.status, store.snapshot().n_rows(Table::Points)), (204, 1));
}
