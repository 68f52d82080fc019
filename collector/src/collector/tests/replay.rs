//! What a killed process left in the log gives the rows that were acknowledged: none that was rejected, whatever for.

use std::path::Path;

use axum::body::Body;
use http::{Request, StatusCode};
use model::TimeRange;
use model::time::{MILLISECOND, MINUTE, SECOND};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use prost::Message;
use store::{Retention, Scan, Snapshot, inspect};
use tower::ServiceExt;

use super::*;
use crate::fuzzing::{request, request_in_json};
use crate::otlp::MAX_AHEAD;
use crate::remote_write::tests::prompb;
use crate::stats::{Fate, ReasonStats};
use crate::testing::{NOW, dump_batches};

/// Every row, sorted, and the ids of all series.
fn rows(snapshot: &Snapshot) -> Vec<String> {
    let tables = [Table::Spans, Table::Logs, Table::Points, Table::Exemplars];
    let of_table = |table| snapshot.batches(table, Scan::new(TimeRange::ALL)).map(move |batch| (table, batch.unwrap()));
    let mut lines: Vec<_> = dump_batches(tables.into_iter().flat_map(of_table)).lines().map(str::to_owned).collect();
    lines.extend(snapshot.series().all().iter().map(|series| format!("series {:?}", series.id)));
    lines.sort();
    lines
}

/// A store that takes all: its settings are not those of the process that was killed.
fn open(dir: &Path) -> (Arc<Store>, store::Recovery) {
    let (store, recovery) = Store::open(StoreConfig::new(dir), Box::new(decode_for_replay)).unwrap();
    assert_eq!(recovery.damage, Vec::<String>::new());
    (store, recovery)
}

fn snappy(message: &impl Message) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(&message.encode_to_vec()).unwrap()
}

async fn post(collector: &Arc<Collector>, path: &str, content_type: &str, body: Vec<u8>) -> String {
    let request = Request::post(path).header("content-type", content_type).body(Body::from(body)).unwrap();
    let answer = crate::http::router(Arc::clone(collector)).oneshot(request).await.unwrap();
    // Remote-Write says 400 where something was rejected.
    let statuses = [StatusCode::OK, StatusCode::NO_CONTENT, StatusCode::BAD_REQUEST];
    assert!(statuses.contains(&answer.status()), "{} of {path}, {content_type}", answer.status());
    let body = axum::body::to_bytes(answer.into_body(), usize::MAX).await.unwrap();
    String::from_utf8_lossy(&body).into_owned()
}

/// Bytes of a linear congruential generator.
fn noise(seed: u64) -> Vec<u8> {
    let mut state = seed;
    let step = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    std::iter::repeat_with(step).take(600).collect()
}

/// Whether something of `signal` was rejected for a reason that has `part` in it.
fn is_rejected(reasons: &[ReasonStats], signal: Signal, part: &str) -> bool {
    let is_it = |it: &ReasonStats| (it.fate, it.signal) == (Fate::Rejected, Some(signal)) && it.message.contains(part);
    reasons.iter().any(is_it)
}

#[tokio::test]
async fn what_was_rejected_stays_rejected_after_a_kill() {
    let retention = Retention {
        traces: Some(60 * SECOND),
        logs: Some(60 * SECOND),
        metrics: Some(997 * MILLISECOND),
        max_bytes: None,
    };
    let config = |dir: &Path| StoreConfig { max_series: 12, retention, ..StoreConfig::new(dir) };
    let (dir, store, collector) = collector_over(config, Limits::default());
    for seed in 0..60 {
        let tape = noise(seed);
        let written = prompb::draw(&tape);
        let v2 = "application/x-protobuf;proto=io.prometheus.write.v2.Request";
        post(&collector, "/api/v1/write", "application/x-protobuf", snappy(&written)).await;
        post(&collector, "/api/v1/write", v2, snappy(&prompb::v2(&written))).await;
        for signal in Signal::ALL {
            post(&collector, signal.http_path(), "application/x-protobuf", request(signal, &tape)).await;
            let in_json = request_in_json(signal, &noise(seed + 1000));
            post(&collector, signal.http_path(), "application/json", in_json).await;
        }
    }
    let stats = collector.stats();
    assert!(stats.reasons.iter().all(|it| it.fate != Fate::Refused), "{:?}", stats.reasons);
    for signal in Signal::ALL {
        assert!(is_rejected(&stats.reasons, signal, "older than the retention"), "{signal:?}");
    }
    let by_limit = stats.signals[Signal::Metrics as usize - 1].rejected_by_series_limit;
    assert!(by_limit > 100, "{by_limit}");
    let expected = rows(&store.snapshot());
    assert!(expected.len() > 400, "{}", expected.len());
    drop((store, collector));

    let (read, _) = inspect::snapshot(dir.path(), &(Box::new(decode_for_replay) as store::Decode)).unwrap();
    assert_eq!(rows(&read), expected, "read beside the box");
    for start in 1..=2 {
        let (store, recovery) = open(dir.path());
        assert!(recovery.replayed_requests > 100, "{recovery:?}");
        assert_eq!(rows(&store.snapshot()), expected, "start {start}");
    }
    let (store, _) = open(dir.path());
    store.flush().unwrap();
    drop(store);
    let (store, recovery) = open(dir.path());
    assert_eq!(recovery.replayed_requests, 0);
    assert_eq!(rows(&store.snapshot()).len(), expected.len(), "from segments");
}

#[tokio::test]
async fn a_retry_after_a_kill_is_known_and_brings_nothing_back() {
    let (dir, store, collector) =
        collector_over(|dir| StoreConfig { max_series: 1, ..StoreConfig::new(dir) }, Limits::default());
    let sample = |name| prompb::one(&[("__name__", name)], vec![prompb::sample(1.0)]).timeseries;
    let timeseries = ["up", "down"].into_iter().flat_map(sample).collect();
    let body = snappy(&prompb::WriteRequest { timeseries, metadata: Vec::new() });
    post(&collector, "/api/v1/write", "application/x-protobuf", body.clone()).await;
    assert_eq!(store.snapshot().n_rows(Table::Points), 1);
    drop((store, collector));

    let (store, _) = open(dir.path());
    let collector = Collector::new(Arc::clone(&store), Limits::default(), || NOW);
    post(&collector, "/api/v1/write", "application/x-protobuf", body).await;
    assert_eq!((store.snapshot().n_rows(Table::Points), store.snapshot().series().len()), (1, 1));
    assert_eq!(collector.stats().signals[Signal::Metrics as usize - 1].duplicates, 1);
}

#[tokio::test]
async fn a_retry_is_told_what_the_first_was_whatever_the_settings_and_the_clock_say_by_then() {
    let retention = Retention::of_age(Some(60 * SECOND));
    let (dir, store, collector) =
        collector_over(|dir| StoreConfig { max_series: 3, retention, ..StoreConfig::new(dir) }, Limits::default());
    let number =
        |n: &str| NumberDataPoint { attributes: vec![sample::attribute("n", sample::text(n))], ..sample::number(1) };
    let gauge = |numbers: &[&str]| {
        let data_points = numbers.iter().map(|n| number(n)).collect();
        serde_json::to_vec(&sample::metrics(vec![sample::metric(Data::Gauge(Gauge { data_points }))])).unwrap()
    };
    let log = |time| LogRecord { time_unix_nano: time as u64, ..sample::log(sample::text("x")) };
    let times = [NOW, NOW - 61 * SECOND, NOW + MAX_AHEAD + SECOND, NOW - 59 * SECOND];
    let mut logs = serde_json::to_value(sample::logs(times.map(log).to_vec())).unwrap();
    logs["resourceLogs"][0]["Resource"] = "misspelt".into();
    let bodies = [
        ("/v1/metrics", gauge(&["a", "b"])),
        ("/v1/metrics", gauge(&["a", "c", "d", "b", "e", "a"])),
        ("/v1/logs", serde_json::to_vec(&logs).unwrap()),
    ];
    let json = "application/json";
    let mut told = Vec::new();
    for (path, body) in &bodies {
        told.push(post(&collector, path, json, body.clone()).await);
    }
    assert_eq!(told[0], "{}");
    assert!(told[1].contains(r#""rejectedDataPoints":"2""#) && told[1].contains("dataPoints[2])"), "{}", told[1]);
    assert!(told[2].contains(r#""rejectedLogRecords":"2""#), "{}", told[2]);
    for part in ["\\\"resource\\\" is probably meant", "this server, 1 minute; send it sooner", "a day ahead"] {
        assert!(told[2].contains(part), "{part}: {}", told[2]);
    }
    let expected = rows(&store.snapshot());
    for (path, body) in &bodies {
        post(&collector, path, json, body.clone()).await;
    }
    let counts = |collector: &Collector| collector.stats().signals.map(|it| (it.accepted, it.rejected, it.duplicates));
    assert_eq!(counts(&collector), [(0, 0, 0), (6, 2, 2), (2, 2, 1)], "counted once");
    let items: u64 = collector.stats().reasons.iter().filter(|it| it.fate == Fate::Rejected).map(|it| it.items).sum();
    assert_eq!(items, 4);
    drop((store, collector));

    // The settings of `open` would take all of it, and a few minutes later no time is ahead.
    for when in ["from the log", "from the file of hashes"] {
        let (store, _) = open(dir.path());
        let later = NOW + 5 * MINUTE;
        let collector = Collector::new(Arc::clone(&store), Limits::default(), move || later);
        for ((path, body), told) in bodies.iter().zip(&told) {
            assert_eq!(&post(&collector, path, json, body.clone()).await, told, "{when}");
        }
        assert_eq!(counts(&collector), [(0, 0, 0), (0, 0, 2), (0, 0, 1)], "{when}");
        assert_eq!(rows(&store.snapshot()).len(), expected.len(), "{when}");
        assert_eq!(store.snapshot().series().len(), 3, "{when}");
        store.flush().unwrap();
    }
}
