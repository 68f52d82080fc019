//! The store's hot paths: a request made durable and visible, a scan of memory and of segments, a trace by its id.
//!
//! `cargo bench -p store`. Appends include an `fdatasync` each, so their time is the disk's; compare on one machine in one run.

#![expect(clippy::unwrap_used, reason = "a benchmark that fails may stop")]

use std::sync::Arc;

use bytes::Bytes;
use divan::Bencher;
use divan::counter::ItemsCount;
use model::span::{Events, Links};
use model::{AttrsBuf, Resource, Scope, Span, SpanId, SpanKind, StatusCode, TimeRange, TraceId, Value};
use store::{Request, Rows, Scan, Store, StoreConfig};

/// Spans in a request: the default batch of the SDKs.
const BATCH: u64 = 512;
const SPANS_A_TRACE: u64 = 25;

fn main() {
    divan::main();
}

/// The trace of a span; the multiplier (of PCG's 128-bit generator) spreads ids as random ones are.
fn trace_id(span: u64) -> TraceId {
    let number = u128::from(span / SPANS_A_TRACE) + 1;
    TraceId(number.wrapping_mul(0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645).to_be_bytes())
}

fn rows(first: u64) -> Rows {
    let mut resource = AttrsBuf::new();
    resource.push("service.name", Value::Str("shop"));
    let mut attrs = AttrsBuf::new();
    for key in ["http.request.method", "http.route", "server.address", "user_agent.original", "enduser.id"] {
        attrs.push(key, Value::Str("a value of usual length"));
    }
    attrs.push("http.response.status_code", Value::Int(200));
    let mut rows = Rows::default();
    for number in first..first + BATCH {
        rows.spans.push(&Span {
            trace_id: trace_id(number),
            span_id: SpanId((number + 1).to_be_bytes()),
            parent_span_id: None,
            trace_state: "",
            flags: 1,
            name: ["GET /", "POST /orders", "charge"][(number % 3) as usize],
            kind: SpanKind::Server,
            start: number as i64 * 1_000_000,
            duration: 1_000_000,
            status: StatusCode::Unset,
            status_message: "",
            attrs: attrs.as_attrs(),
            events: Events::default(),
            links: Links::default(),
            dropped_attributes: 0,
            dropped_events: 0,
            dropped_links: 0,
            service: "shop",
            resource: Resource::new(resource.as_bytes()),
            scope: Scope::default(),
        });
    }
    rows
}

fn request(first: u64) -> Request {
    let mut body = first.to_le_bytes().to_vec();
    body.resize(64 << 10, 0);
    Request { kind: 1, received_at: 0, body: Bytes::from(body), dedup: true, rows: rows(first) }
}

fn open(dir: &tempfile::TempDir) -> Arc<Store> {
    let (store, _) = Store::open(StoreConfig::new(dir.path()), Box::new(|rows, _, _, _| Ok(rows))).unwrap();
    store
}

/// A store with `n` spans, in memory or in segments.
fn filled(dir: &tempfile::TempDir, n: u64, flushed: bool) -> Arc<Store> {
    let store = open(dir);
    for first in (0..n).step_by(BATCH as usize) {
        store.append_blocking(request(first)).unwrap();
    }
    if flushed {
        store.flush().unwrap();
    }
    store
}

#[divan::bench]
fn build_rows(bencher: Bencher<'_, '_>) {
    bencher.counter(ItemsCount::new(BATCH)).bench(|| rows(divan::black_box(7)));
}

#[divan::bench(sample_count = 50)]
fn append_512_spans(bencher: Bencher<'_, '_>) {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    let mut first = 0;
    let next = || {
        first += BATCH;
        request(first)
    };
    bencher
        .counter(ItemsCount::new(BATCH))
        .with_inputs(next)
        .bench_local_values(|it| store.append_blocking(it).unwrap());
}

#[divan::bench(args = [false, true], sample_count = 20)]
fn scan_100k_durations(bencher: Bencher<'_, '_>, flushed: bool) {
    let dir = tempfile::tempdir().unwrap();
    let store = filled(&dir, 100_000, flushed);
    bencher.counter(ItemsCount::new(100_000u64)).bench(|| {
        let chunks = store.snapshot().spans(Scan::new(TimeRange::ALL).columns(&["duration"]));
        chunks
            .map(Result::unwrap)
            .map(|chunk| (0..chunk.len()).map(|row| chunk.duration(row)).sum::<i64>())
            .sum::<i64>()
    });
}

#[divan::bench(args = [false, true], sample_count = 20)]
fn trace_by_id_of_100k(bencher: Bencher<'_, '_>, flushed: bool) {
    let dir = tempfile::tempdir().unwrap();
    let store = filled(&dir, 100_000, flushed);
    let id = trace_id(50_000);
    bencher.bench(|| {
        let chunks = store.snapshot().spans(Scan::new(TimeRange::ALL).trace(id));
        let n: usize = chunks.map(|chunk| chunk.unwrap().len()).sum();
        assert_eq!(n as u64, SPANS_A_TRACE);
    });
}
