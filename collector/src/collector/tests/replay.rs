//! What a killed process left in the log gives the rows that were acknowledged: none that was rejected, whatever for.

use std::path::Path;

use axum::body::Body;
use http::{Request, StatusCode};
use model::TimeRange;
use model::time::{MILLISECOND, SECOND};
use prost::Message;
use store::{Retention, Scan, Snapshot, inspect};
use tower::ServiceExt;

use super::*;
use crate::fuzzing::{request, request_in_json};
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

async fn post(collector: &Arc<Collector>, path: &str, content_type: &str, body: Vec<u8>) {
    let request = Request::post(path).header("content-type", content_type).body(Body::from(body)).unwrap();
    let answer = crate::http::router(Arc::clone(collector)).oneshot(request).await.unwrap();
    // Remote-Write says 400 where something was rejected.
    let statuses = [StatusCode::OK, StatusCode::NO_CONTENT, StatusCode::BAD_REQUEST];
    assert!(statuses.contains(&answer.status()), "{} of {path}, {content_type}", answer.status());
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
